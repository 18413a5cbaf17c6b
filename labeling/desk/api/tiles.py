"""The labelling desk's API: the next tile, sending labels, taking them back."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from amberapp.errors import NotThere, UserError
from amberapp.models import User
from amberapp.web.parameters import row_numbers, signed_in
from amberapp.web.permissions import IsExpert, IsVolunteer
from detection.ground.find_region import region_at
from detection.models import Region, SegmentedTile, TileKind
from labeling.desk.crowd_figures import nothing_left
from labeling.desk.escalation import decide_escalated, next_escalated
from labeling.desk.labels import submit_labels, withdraw_submission
from labeling.desk.queue import (
    claim_tile,
    next_tile,
    region_of,
    release_claims,
    renew_claims,
    session_of,
)
from labeling.desk.serializers import (
    MOST_NAMED,
    DeskThrottle,
    NextInputSerializer,
    NextSerializer,
    ReceiptSerializer,
    ReleasedSerializer,
    RenewedSerializer,
    SubmissionInputSerializer,
    TilesSerializer,
    describe,
)
from labeling.desk.volunteer_records import record_of, tutorial_wanted
from labeling.models import NotCounted, Origin, Submission


class NextTile(APIView):
    """Lease the tile that needs this volunteer's eyes most, or `tile: null` and the reason."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=NextInputSerializer, responses=NextSerializer)
    def post(self, request: Request) -> Response:
        volunteer = signed_in(request)
        wish = _sent(NextInputSerializer, request)
        region = _region(wish["region"], volunteer)
        if region is None:
            return _nothing("no_tiles", _("There are no tiles to label yet."), volunteer)
        if tutorial_wanted(record_of(volunteer, hold=False), region.pk):
            return _nothing("tutorial", _("First a few tiles whose answers are known."), volunteer)
        claim = next_tile(region=region, volunteer=volunteer, held=wish["held"], skipped=wish["skipped"])
        if claim is None:
            return _nothing("all_labelled", nothing_left(region), volunteer)
        return _served(describe(claim.segmented_tile, claim=claim), volunteer)


class DeskTile(APIView):
    """One tile by its number, with this person's own labels on it: what a link to the desk opens."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(responses=NextSerializer)
    def get(self, request: Request, segmented_tile_id: int) -> Response:
        volunteer = signed_in(request)
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
        volunteer = signed_in(request)
        until = renew_claims(volunteer=volunteer, segmented_tiles=_sent(TilesSerializer, request)["tiles"])
        return Response(RenewedSerializer({"until": {str(tile): at for tile, at in until.items()}}).data)


class Release(APIView):
    """Give tiles back unlabelled."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=TilesSerializer, responses=ReleasedSerializer)
    def post(self, request: Request) -> Response:
        volunteer = signed_in(request)
        tiles = _sent(TilesSerializer, request)["tiles"]
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
        expert = signed_in(request)
        region = _region(request.query_params.get("region", ""), expert)
        held = _tiles_held(request.query_params.get("held", ""))
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
        volunteer = signed_in(request)
        sent = _sent(SubmissionInputSerializer, request)
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
        volunteer = signed_in(request)
        submission = withdraw_submission(submission_id=submission_id, acting_user=volunteer)
        return Response(_receipt(submission, volunteer))


def _served(tile: dict[str, Any], volunteer: User) -> Response:
    answer = {"tile": tile, "reason": "", "message": "", "session": session_of(volunteer)}
    return Response(NextSerializer(answer).data)


def _nothing(reason: str, message: str, volunteer: User) -> Response:
    answer = {"tile": None, "reason": reason, "message": message, "session": session_of(volunteer)}
    return Response(NextSerializer(answer).data)


def _sent(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """What came with the request, in the serializer's types."""
    data = serializer(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)


def _region(slug: str, volunteer: User) -> Region | None:
    return region_at(slug) if slug else region_of(volunteer)


def _tile(segmented_tile_id: int) -> SegmentedTile:
    tile = (
        SegmentedTile.objects.select_related("tile__source", "tile__region", "segmentation", "progress")
        .filter(pk=segmented_tile_id, tile__kind=TileKind.TILE, progress__isnull=False)
        .first()
    )
    if tile is None:
        raise NotThere(_("There is no tile %(number)s to label.") % {"number": segmented_tile_id})
    return tile


def _tiles_held(text: str) -> list[int]:
    """The segmented tiles that a desk names as its own, separated by commas."""
    numbers = row_numbers([part for part in text.split(",") if part])
    if numbers is None or len(numbers) > MOST_NAMED:
        sentence = _("“held” is a list of at most %(most)s tile numbers separated by commas.") % {
            "most": MOST_NAMED
        }
        raise UserError(sentence, fields={"held": [sentence]})
    return numbers


# Nothing is said of a quarantine here: the volunteer's own page explains it.
WHY_SPARE = {
    NotCounted.FULL: gettext_lazy(
        "Enough people had labelled this tile by the time yours arrived. Your labels are kept, and count should one of "
        "theirs be taken back."
    ),
    NotCounted.TUTORIAL: gettext_lazy(
        "Your labels are kept. They count from the moment you have passed the tutorial."
    ),
}


def _receipt(submission: Submission, volunteer: User) -> dict[str, Any]:
    answer = {
        "submission": submission,
        "message": WHY_SPARE.get(NotCounted(submission.spare), ""),
        "session": session_of(volunteer),
    }
    return dict(ReceiptSerializer(answer).data)
