"""The labelling desk's API: the next tile, sending labels, taking them back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from amberapp.errors import NotThere, UserError
from amberapp.models import User
from amberapp.permissions import IsVolunteer
from detection.models import Region, SegmentedTile, TileKind
from labeling.actions.labels import submit_labels, withdraw_submission
from labeling.actions.queue import has_its_votes, next_tile, region_of, session_of
from labeling.models import LookAlike, Origin, Submission, Verdict

# What the desk may hold at once: the tile on the screen, the next one, those skipped or not yet sent.
MOST_HELD = 200


class DeskThrottle(UserRateThrottle):
    """A quick volunteer sends a tile every few seconds; ten a second is a script."""

    scope = "desk"
    rate = "600/min"


class SourceSerializer(serializers.Serializer):
    name = serializers.CharField()
    attribution = serializers.CharField()
    synthetic = serializers.BooleanField()


class LabelSerializer(serializers.Serializer):
    superpixel = serializers.IntegerField(min_value=1)
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    look_alike = serializers.ChoiceField(
        choices=LookAlike.choices, required=False, allow_blank=True, default=""
    )


class MineSerializer(serializers.Serializer):
    submission = serializers.UUIDField()
    labels = LabelSerializer(many=True)


class DeskTileSerializer(serializers.Serializer):
    """A tile as the desk needs it. Raster: see detection.segmentation.raster for how its pixels are read."""

    segmented_tile = serializers.IntegerField()
    tile = serializers.IntegerField()
    region = serializers.CharField(help_text="the region's slug")
    image = serializers.CharField(help_text="address of the image")
    raster = serializers.CharField(help_text="address of the label raster (PNG)")
    scale = serializers.IntegerField(help_text="side in image pixels of one raster pixel")
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    superpixels = serializers.IntegerField(help_text="superpixels are numbered 1 to this")
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    capture_date = serializers.DateField(allow_null=True)
    source = SourceSerializer()  # type: ignore[assignment]  # the stubs' Field has an attribute of that name
    extra = serializers.BooleanField(help_text="the tile already has as many votes as are asked for")
    mine = MineSerializer(allow_null=True, help_text="this person's counting labels of the tile")


class SessionSerializer(serializers.Serializer):
    tiles_today = serializers.IntegerField()
    tiles_total = serializers.IntegerField()


class NextSerializer(serializers.Serializer):
    tile = DeskTileSerializer(allow_null=True)
    reason = serializers.ChoiceField(choices=["", "no_tiles", "all_labelled"])
    message = serializers.CharField(allow_blank=True)
    session = SessionSerializer()


class SubmissionInputSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="made by the client; sending it twice is safe")
    segmented_tile = serializers.IntegerField()
    labels = LabelSerializer(many=True, allow_empty=True)


class SubmissionSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    segmented_tile = serializers.IntegerField(source="segmented_tile_id")
    created_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)


class ReceiptSerializer(serializers.Serializer):
    submission = SubmissionSerializer()
    session = SessionSerializer()


class NextTile(APIView):
    """The tile that needs this volunteer's eyes most, or `tile: null` and the reason."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(
        parameters=[
            OpenApiParameter("region", str, description="slug; without it the region labelled last"),
            OpenApiParameter(
                "after", str, description="segmented tiles the client holds already, separated by commas"
            ),
        ],
        responses=NextSerializer,
    )
    def get(self, request: Request) -> Response:
        volunteer = _volunteer(request)
        region = _region(request.query_params.get("region", ""), volunteer)
        held = _numbers(request.query_params.get("after", ""))
        found = next_tile(region=region, volunteer=volunteer, after=held) if region else None
        answer: dict[str, Any] = {
            "tile": describe(found) if found else None,
            "reason": "",
            "message": "",
            "session": session_of(volunteer),
        }
        if region is None:
            answer |= {"reason": "no_tiles", "message": _("There are no tiles to label yet.")}
        elif found is None:
            answer |= {
                "reason": "all_labelled",
                "message": _("You have seen every tile of %(region)s.") % {"region": region.name},
            }
        return Response(NextSerializer(answer).data)


class DeskTile(APIView):
    """One tile by its number, with this person's own labels on it: what a link to the desk opens."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(responses=NextSerializer)
    def get(self, request: Request, segmented_tile_id: int) -> Response:
        volunteer = _volunteer(request)
        tile = _tile(segmented_tile_id)
        mine = (
            Submission.objects.counting()
            .filter(segmented_tile=tile, volunteer=volunteer, origin=Origin.DESK)
            .prefetch_related("labels")
            .first()
        )
        answer = {
            "tile": describe(tile, mine),
            "reason": "",
            "message": "",
            "session": session_of(volunteer),
        }
        return Response(NextSerializer(answer).data)


class Submissions(APIView):
    """Labels of one tile. The same id again gives the same answer and writes nothing."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=SubmissionInputSerializer, responses={201: ReceiptSerializer})
    def post(self, request: Request) -> Response:
        volunteer = _volunteer(request)
        sent = SubmissionInputSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        submission = submit_labels(
            submission_id=sent.validated_data["id"],
            segmented_tile=_tile(sent.validated_data["segmented_tile"]),
            labels=sent.validated_data["labels"],
            acting_user=volunteer,
        )
        return Response(_receipt(submission, volunteer), status=201)


class Withdraw(APIView):
    """Take one's own submission back; twice is as good as once."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=None, responses=ReceiptSerializer)
    def post(self, request: Request, submission_id: UUID) -> Response:
        volunteer = _volunteer(request)
        submission = withdraw_submission(submission_id=submission_id, acting_user=volunteer)
        return Response(_receipt(submission, volunteer))


def describe(segmented: SegmentedTile, mine: Submission | None = None) -> dict[str, Any]:
    """What `DeskTileSerializer` shows of a tile that came with its image, source, region and progress."""
    tile = segmented.tile
    return {
        "segmented_tile": segmented.pk,
        "tile": tile.pk,
        "region": tile.region.slug,
        "image": reverse("tile-image", args=[tile.pk]) + "?size=1000",
        "raster": reverse("tile-raster", args=[segmented.pk]),
        "scale": segmented.segmentation.downscale,
        "width": tile.width,
        "height": tile.height,
        "superpixels": segmented.superpixels,
        "latitude": tile.latitude,
        "longitude": tile.longitude,
        "capture_date": tile.capture_date,
        "source": tile.source,
        "extra": has_its_votes(segmented.progress),
        "mine": {"submission": mine.pk, "labels": mine.labels.all()} if mine else None,
    }


def _volunteer(request: Request) -> User:
    assert isinstance(request.user, User)  # the permission saw to it
    return request.user


def _region(slug: str, volunteer: User) -> Region | None:
    if not slug:
        return region_of(volunteer)
    region = Region.objects.filter(slug=slug).first() if "\0" not in slug else None
    if region is None:
        raise NotThere(_("There is no region “%(slug)s”.") % {"slug": slug})
    return region


def _tile(segmented_tile_id: int) -> SegmentedTile:
    tile = (
        SegmentedTile.objects.select_related("tile__source", "tile__region", "segmentation", "progress")
        .filter(pk=segmented_tile_id, tile__kind=TileKind.TILE, progress__isnull=False)
        .first()
    )
    if tile is None:
        raise NotThere(_("There is no tile %(number)s to label.") % {"number": segmented_tile_id})
    return tile


def _numbers(text: str) -> Sequence[int]:
    parts = [part for part in text.split(",") if part]
    if len(parts) > MOST_HELD or not all(part.isdecimal() and len(part) < 19 for part in parts):
        sentence = _("“after” is a list of at most %(most)s tile numbers separated by commas.") % {
            "most": MOST_HELD
        }
        raise UserError(sentence, fields={"after": [sentence]})
    return [int(part) for part in parts]


def _receipt(submission: Submission, volunteer: User) -> dict[str, Any]:
    return dict(ReceiptSerializer({"submission": submission, "session": session_of(volunteer)}).data)
