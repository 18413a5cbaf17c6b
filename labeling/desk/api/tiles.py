"""The labelling desk's API: the next tile, sending labels, taking them back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from amberapp.errors import NotThere, UserError
from amberapp.models import User
from amberapp.web.permissions import IsExpert, IsVolunteer
from detection.models import Region, SegmentedTile, TileKind
from labeling.desk.crowd_figures import nothing_left
from labeling.desk.escalation import decide_escalated, escalated_superpixels, next_escalated
from labeling.desk.labels import submit_labels, withdraw_submission
from labeling.desk.queue import (
    claim_tile,
    next_tile,
    region_of,
    release_claims,
    renew_claims,
    session_of,
    settled_superpixels,
)
from labeling.desk.suggestions import suggestion_for
from labeling.desk.volunteer_records import record_of, tutorial_wanted
from labeling.models import Claim, Origin, Spare, Submission, Verdict

# Tiles that a desk may name at once: those it holds and those that wait to be sent.
MOST_NAMED = 200


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
    piece = serializers.IntegerField(
        min_value=0,
        max_value=255,
        default=0,
        help_text="0: the whole superpixel; 1…: a finer piece of a mixed one",
    )
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    look_alike = serializers.CharField(
        max_length=24, required=False, allow_blank=True, default="", help_text="a look-alike's slug"
    )


class MineSerializer(serializers.Serializer):
    submission = serializers.UUIDField()
    labels = LabelSerializer(many=True)


class SuggestionsSerializer(serializers.Serializer):
    run = serializers.IntegerField()
    threshold = serializers.FloatField()
    probabilities = serializers.ListField(
        child=serializers.FloatField(), help_text="of mining, superpixel 1 first"
    )


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
    pieces = serializers.CharField(help_text="address of the finer raster for the verdict “mixed” (PNG)")
    counts = serializers.BooleanField(help_text="false: the tile has had the votes it wanted")
    lease_until = serializers.DateTimeField(
        allow_null=True, help_text="until when it is kept for this person"
    )
    suggestions = SuggestionsSerializer(allow_null=True)
    settled = serializers.ListField(
        child=serializers.IntegerField(), help_text="superpixels that nobody needs to label any more"
    )
    escalated = serializers.ListField(
        child=serializers.IntegerField(), help_text="superpixels that an expert is asked about"
    )
    mine = MineSerializer(allow_null=True, help_text="this person's counting labels of the tile")


class SessionSerializer(serializers.Serializer):
    tiles_today = serializers.IntegerField()
    tiles_total = serializers.IntegerField()


class NextSerializer(serializers.Serializer):
    tile = DeskTileSerializer(allow_null=True)
    reason = serializers.ChoiceField(choices=["", "no_tiles", "all_labelled", "tutorial", "none_escalated"])
    message = serializers.CharField(allow_blank=True)
    session = SessionSerializer()


class NextInputSerializer(serializers.Serializer):
    region = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="slug; without it the region labelled last"
    )
    held = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=2**63 - 1),
        max_length=MOST_NAMED,
        default=list,
        help_text="segmented tiles that the desk has already",
    )
    skipped = serializers.BooleanField(default=False, help_text="bring back tiles that were given back")


class TilesSerializer(serializers.Serializer):
    tiles = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=2**63 - 1), max_length=MOST_NAMED
    )


class RenewedSerializer(serializers.Serializer):
    until = serializers.DictField(
        child=serializers.DateTimeField(), help_text="by segmented tile; those that are missing have run out"
    )


class ReleasedSerializer(serializers.Serializer):
    released = serializers.IntegerField()


class SubmissionInputSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="made by the client; sending it twice is safe")
    segmented_tile = serializers.IntegerField()
    labels = LabelSerializer(many=True, allow_empty=True)
    decides = serializers.BooleanField(default=False, help_text="an expert settles these superpixels")


class SubmissionSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    segmented_tile = serializers.IntegerField(source="segmented_tile_id")
    created_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    spare = serializers.ChoiceField(
        choices=Spare.choices, help_text="why the labels do not count; empty: they do"
    )


class ReceiptSerializer(serializers.Serializer):
    submission = SubmissionSerializer()
    message = serializers.CharField(allow_blank=True, help_text="why the labels do not count")
    session = SessionSerializer()


class NextTile(APIView):
    """Lease the tile that needs this volunteer's eyes most, or `tile: null` and the reason."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=NextInputSerializer, responses=NextSerializer)
    def post(self, request: Request) -> Response:
        volunteer = _volunteer(request)
        asked = _asked(NextInputSerializer, request)
        region = _region(asked["region"], volunteer)
        if region is None:
            return _nothing("no_tiles", _("There are no tiles to label yet."), volunteer)
        if tutorial_wanted(record_of(volunteer, hold=False), region.pk):
            return _nothing("tutorial", _("First a few tiles whose answers are known."), volunteer)
        claim = next_tile(region=region, volunteer=volunteer, held=asked["held"], skipped=asked["skipped"])
        if claim is None:
            return _nothing("all_labelled", nothing_left(region), volunteer)
        return _served(describe(claim.segmented_tile, claim=claim), volunteer)


class DeskTile(APIView):
    """One tile by its number, with this person's own labels on it: what a link to the desk opens."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(responses=NextSerializer)
    def get(self, request: Request, segmented_tile_id: int) -> Response:
        volunteer = _volunteer(request)
        tile = _tile(segmented_tile_id)
        mine = (
            Submission.objects.standing()
            .filter(segmented_tile=tile, volunteer=volunteer, origin=Origin.DESK)
            .prefetch_related("labels")
            .first()
        )
        claim = None
        if mine is None and not tutorial_wanted(record_of(volunteer, hold=False), tile.tile.region_id):
            claim = claim_tile(segmented_tile=tile, volunteer=volunteer)
        return _served(describe(tile, mine, claim), volunteer)


class Renew(APIView):
    """Prolong leases: the desk does so while its person is at work."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=TilesSerializer, responses=RenewedSerializer)
    def post(self, request: Request) -> Response:
        volunteer = _volunteer(request)
        until = renew_claims(volunteer=volunteer, segmented_tiles=_asked(TilesSerializer, request)["tiles"])
        return Response(RenewedSerializer({"until": {str(tile): at for tile, at in until.items()}}).data)


class Release(APIView):
    """Give tiles back unlabelled."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=TilesSerializer, responses=ReleasedSerializer)
    def post(self, request: Request) -> Response:
        volunteer = _volunteer(request)
        tiles = _asked(TilesSerializer, request)["tiles"]
        return Response({"released": release_claims(volunteer=volunteer, segmented_tiles=tiles)})


class Escalated(APIView):
    """A tile with superpixels about which volunteers could not agree. For experts."""

    permission_classes = [IsExpert]
    throttle_classes = [DeskThrottle]

    @extend_schema(
        parameters=[
            OpenApiParameter("region", str, description="slug; without it the region labelled last"),
            OpenApiParameter(
                "held", str, description="segmented tiles that the desk has, separated by commas"
            ),
        ],
        responses=NextSerializer,
    )
    def get(self, request: Request) -> Response:
        expert = _volunteer(request)
        region = _region(request.query_params.get("region", ""), expert)
        held = _numbers(request.query_params.get("held", ""))
        tile = next_escalated(region=region, held=held) if region else None
        if tile is None:
            return _nothing("none_escalated", _("No superpixel waits for an expert."), expert)
        return _served(describe(tile), expert)


class Submissions(APIView):
    """Labels of one tile. The same id again gives the same answer and writes nothing."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=SubmissionInputSerializer, responses={201: ReceiptSerializer})
    def post(self, request: Request) -> Response:
        volunteer = _volunteer(request)
        sent = _asked(SubmissionInputSerializer, request)
        take_in = decide_escalated if sent["decides"] else submit_labels
        submission = take_in(
            submission_id=sent["id"],
            segmented_tile=_tile(sent["segmented_tile"]),
            labels=sent["labels"],
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


def describe(
    segmented: SegmentedTile, mine: Submission | None = None, claim: Claim | None = None
) -> dict[str, Any]:
    """What `DeskTileSerializer` shows of a tile that came with its image, source, region and progress."""
    tile = segmented.tile
    return {
        "segmented_tile": segmented.pk,
        "tile": tile.pk,
        "region": tile.region.slug,
        "image": reverse("tile-image", args=[tile.pk]) + "?size=1000",
        "raster": reverse("tile-raster", args=[segmented.pk]),
        "pieces": reverse("tile-pieces", args=[segmented.pk]),
        "scale": segmented.segmentation.downscale,
        "width": tile.width,
        "height": tile.height,
        "superpixels": segmented.superpixels,
        "latitude": tile.latitude,
        "longitude": tile.longitude,
        "capture_date": tile.capture_date,
        "source": tile.source,
        "counts": claim is not None or mine is not None,
        "lease_until": claim.until if claim else None,
        "suggestions": suggestion_for(claim) if claim else None,
        "settled": settled_superpixels(segmented),
        "escalated": escalated_superpixels(segmented),
        "mine": {"submission": mine.pk, "labels": mine.labels.all()} if mine else None,
    }


def _served(tile: dict[str, Any], volunteer: User) -> Response:
    answer = {"tile": tile, "reason": "", "message": "", "session": session_of(volunteer)}
    return Response(NextSerializer(answer).data)


def _nothing(reason: str, message: str, volunteer: User) -> Response:
    answer = {"tile": None, "reason": reason, "message": message, "session": session_of(volunteer)}
    return Response(NextSerializer(answer).data)


def _asked(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    sent = serializer(data=request.data)
    sent.is_valid(raise_exception=True)
    return sent.validated_data


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
    if len(parts) > MOST_NAMED or not all(part.isdecimal() and len(part) < 19 for part in parts):
        sentence = _("“held” is a list of at most %(most)s tile numbers separated by commas.") % {
            "most": MOST_NAMED
        }
        raise UserError(sentence, fields={"held": [sentence]})
    return [int(part) for part in parts]


# Nothing is said of a quarantine here: the volunteer's own page explains it.
WHY_SPARE = {
    Spare.FULL: gettext_lazy(
        "Enough people had labelled this tile by the time yours arrived. Your labels are kept, and count should one of "
        "theirs be taken back."
    ),
    Spare.TUTORIAL: gettext_lazy(
        "Your labels are kept. They count from the moment you have passed the tutorial."
    ),
}


def _receipt(submission: Submission, volunteer: User) -> dict[str, Any]:
    answer = {
        "submission": submission,
        "message": WHY_SPARE.get(Spare(submission.spare), ""),
        "session": session_of(volunteer),
    }
    return dict(ReceiptSerializer(answer).data)
