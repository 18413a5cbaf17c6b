"""API of detections and experts' verdicts on them."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from amberapp.api import Pages
from amberapp.errors import NotThere, UserError
from amberapp.web.parameters import BIGGEST_ID, row_number, signed_in
from amberapp.web.permissions import IsExpert
from detection.models import Detection, Run
from labeling.models import WITHDRAWN, Review, ReviewVerdict
from labeling.review.last_decision import forget, remember, remember_one
from labeling.review.review_detection import NOTE_LENGTH, review_detection, standing_of
from labeling.review.review_many import MOST_AT_ONCE, review_many, withdraw_many
from labeling.review.superpixels import fragments_in, superpixels_in
from labeling.review.waiting import ALL, STATES, QueueItem, review_queue
from labeling.review.way import run_numbered

# Beside the values of ReviewVerdict: two experts contradict one another; nothing stands.
STANDINGS = [*ReviewVerdict.values, "disputed", ""]
# No tile has so many superpixels and fragments.
MOST_PARTS = 20_000
# What a row of the history can be.
ENTRIES = [*ReviewVerdict.values, WITHDRAWN]


class FragmentField(serializers.ListField):
    """[superpixel, its fragment from 1 on]."""

    def __init__(self, **options: Any) -> None:
        child = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
        super().__init__(child=child, min_length=2, max_length=2, **options)


class CorrectionSerializer(serializers.Serializer):
    """An outline as an expert has corrected it."""

    superpixels = serializers.ListField(child=serializers.IntegerField(), help_text="whole ones")
    fragments = serializers.ListField(child=FragmentField(), help_text="of mixed superpixels")
    hectares = serializers.FloatField(allow_null=True)


class ReviewSerializer(serializers.ModelSerializer):
    correction = CorrectionSerializer(read_only=True, allow_null=True)
    expert = serializers.CharField(source="expert.username", read_only=True)
    verdict = serializers.ChoiceField(choices=ENTRIES, read_only=True)

    class Meta:
        model = Review
        fields = [
            "id",
            "detection",
            "expert",
            "verdict",
            "look_alike",
            "note",
            "settles",
            "report",
            "correction",
            "created_at",
        ]


class WrittenReviewSerializer(ReviewSerializer):
    """A review that has just been written, and what all reviews of its ground say now."""

    state = serializers.SerializerMethodField(
        help_text="“disputed”: an expert who took no part must settle it"
    )

    class Meta(ReviewSerializer.Meta):
        fields = [*ReviewSerializer.Meta.fields, "state"]

    @extend_schema_field(serializers.ChoiceField(choices=STANDINGS))
    def get_state(self, review: Review) -> str:
        return standing_of(review.detection).verdict


class VerdictSerializer(serializers.Serializer):
    verdict = serializers.ChoiceField(choices=ReviewVerdict.choices)
    look_alike = serializers.CharField(
        max_length=24,
        required=False,
        allow_blank=True,
        default="",
        help_text="of a rejection: a look-alike's slug, or “outline_wrong”",
    )
    note = serializers.CharField(max_length=NOTE_LENGTH, required=False, allow_blank=True, default="")


class NewReviewSerializer(VerdictSerializer):
    seen_review = serializers.IntegerField(
        min_value=1,
        max_value=BIGGEST_ID,
        required=False,
        allow_null=True,
        default=None,
        help_text="the latest review of this ground that the expert has seen; null: there was none",
    )
    superpixels = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID),
        max_length=MOST_PARTS,
        required=False,
        allow_null=True,
        default=None,
        help_text="of an approval: the whole superpixels to publish; null: the outline that is shown",
    )
    fragments = serializers.ListField(
        child=FragmentField(),
        max_length=MOST_PARTS,
        required=False,
        default=list,
        help_text="of an approval with superpixels: the fragments of mixed ones to publish beside them",
    )


class SeenSerializer(serializers.Serializer):
    detection = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
    seen_review = serializers.IntegerField(
        min_value=1, max_value=BIGGEST_ID, required=False, allow_null=True, default=None
    )


class ManyReviewsSerializer(VerdictSerializer):
    detections = serializers.ListField(child=SeenSerializer(), allow_empty=False, max_length=MOST_AT_ONCE)
    confirmed = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID),
        max_length=MOST_AT_ONCE,
        required=False,
        default=list,
        help_text="detections that are decided although they contradict an expert, the crowd or the published map",
    )
    turn = serializers.IntegerField(
        min_value=0,
        max_value=BIGGEST_ID,
        required=False,
        allow_null=True,
        default=None,
        help_text="rises from decision to decision, such as the time in ms: what was sent last is what a page "
        "that is loaded anew takes back, whichever was answered last",
    )


class TakenBackSerializer(serializers.Serializer):
    reviews = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID),
        max_length=MOST_AT_ONCE,
        allow_empty=False,
    )


class DecidedSerializer(serializers.Serializer):
    detection = serializers.IntegerField(source="detection_id")
    outcome = serializers.ChoiceField(choices=["done", "unchanged", "conflict", "refused"])
    review = serializers.IntegerField(source="review.pk", allow_null=True, default=None)
    state = serializers.ChoiceField(
        choices=STANDINGS, help_text="what counts now; empty: nothing stands", allow_blank=True
    )
    seen_review = serializers.IntegerField(source="seen", allow_null=True)
    message = serializers.CharField(allow_blank=True, help_text="why nothing was written")


class DetectionSerializer(serializers.ModelSerializer):
    tile = serializers.CharField(source="segmented_tile.tile.file_name", read_only=True)
    latitude = serializers.FloatField(source="segmented_tile.tile.latitude", read_only=True, allow_null=True)
    longitude = serializers.FloatField(
        source="segmented_tile.tile.longitude", read_only=True, allow_null=True
    )
    capture_date = serializers.DateField(
        source="segmented_tile.tile.capture_date", read_only=True, allow_null=True
    )
    review = serializers.SerializerMethodField(help_text="the latest review that stands; null: there is none")
    state = serializers.SerializerMethodField(help_text="what counts; “undecided” where nobody has judged it")
    since = serializers.SerializerMethodField(help_text="against what the run before marked on this tile")
    carried = serializers.SerializerMethodField(help_text="that review was made of another run's detection")

    class Meta:
        model = Detection
        fields = [
            "id",
            "run",
            "segmented_tile",
            "tile",
            "latitude",
            "longitude",
            "capture_date",
            "score",
            "hectares",
            "superpixels",
            "outline",
            "review",
            "state",
            "since",
            "carried",
        ]

    def _item(self, detection: Detection) -> QueueItem:
        item: QueueItem = self.context["items"][detection.pk]
        return item

    @extend_schema_field(ReviewSerializer(allow_null=True))
    def get_review(self, detection: Detection) -> dict[str, Any] | None:
        verdict = self._item(detection).verdict
        return dict(ReviewSerializer(verdict.review).data) if verdict is not None else None

    @extend_schema_field(serializers.ChoiceField(choices=["undecided", *STANDINGS[:-1]]))
    def get_state(self, detection: Detection) -> str:
        return self._item(detection).state

    @extend_schema_field(serializers.ChoiceField(choices=["new", "changed", "same"]))
    def get_since(self, detection: Detection) -> str:
        return str(self._item(detection).since)

    def get_carried(self, detection: Detection) -> bool:
        verdict = self._item(detection).verdict
        return verdict is not None and verdict.carried


class Detections(APIView):
    """A run's detections in the order of review: undecided first, then by score."""

    permission_classes = [IsExpert]

    @extend_schema(
        parameters=[
            OpenApiParameter("run", int, required=True),
            OpenApiParameter("state", str, enum=STATES, description="all when absent"),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
        responses=DetectionSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        run = _run(request.query_params.get("run", ""))
        state = request.query_params.get("state", ALL)
        if state not in STATES:
            sentence = _("“state” is one of %(choices)s.") % {"choices": ", ".join(STATES)}
            raise UserError(sentence, fields={"state": [sentence]})
        pages = Pages()
        items = [item for item in review_queue(run, signed_in(request)) if item.is_in(state)]
        of_page = pages.paginate_queryset(items, request, view=self) or []
        detections = Detection.objects.with_ground().in_bulk([item.detection_id for item in of_page])
        serializer = DetectionSerializer(
            [detections[item.detection_id] for item in of_page],
            many=True,
            context={"items": {item.detection_id: item for item in of_page}},
        )
        return pages.get_paginated_response(serializer.data)


class DetectionReviews(APIView):
    """Append a verdict. 409 when another expert has decided since `seen_review`."""

    permission_classes = [IsExpert]

    @extend_schema(request=NewReviewSerializer, responses={201: WrittenReviewSerializer})
    def post(self, request: Request, detection_id: int) -> Response:
        serializer = NewReviewSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        review = review_detection(
            detection=_detection(detection_id),
            seen_review_id=fields.pop("seen_review"),
            fragments=[(superpixel, fragment) for superpixel, fragment in fields.pop("fragments")],
            acting_user=signed_in(request),
            **fields,
        )
        remember_one(request, review)
        return Response(WrittenReviewSerializer(review).data, status=status.HTTP_201_CREATED)


class PathSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    path = serializers.CharField(help_text="the d of an SVG path in pixels of the tile")
    probability = serializers.FloatField(
        allow_null=True, help_text="of mining, as the run's classifier gave it"
    )


class DetectionSuperpixels(APIView):
    """The superpixels of a detection's tile, to correct its outline by."""

    permission_classes = [IsExpert]

    @extend_schema(operation_id="detection_superpixels", responses=PathSerializer(many=True))
    def get(self, request: Request, detection_id: int) -> Response:
        return Response(PathSerializer(superpixels_in(_detection(detection_id)), many=True).data)


class SuperpixelFragments(APIView):
    """What a mixed superpixel of a detection's tile is cut into."""

    permission_classes = [IsExpert]

    @extend_schema(operation_id="detection_fragments", responses=PathSerializer(many=True))
    def get(self, request: Request, detection_id: int, superpixel: int) -> Response:
        return Response(PathSerializer(fragments_in(_detection(detection_id), superpixel), many=True).data)


class ManyReviews(APIView):
    """One verdict about many detections. Each answers by itself: a colleague's verdict holds up only its own.

    409 “contradicts” names in its fields those that contradict others and are not `confirmed`; nothing is written.
    """

    permission_classes = [IsExpert]

    @extend_schema(
        operation_id="review_many", request=ManyReviewsSerializer, responses=DecidedSerializer(many=True)
    )
    def post(self, request: Request) -> Response:
        serializer = ManyReviewsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        detections, turn = fields.pop("detections"), fields.pop("turn")
        answers = review_many(
            seen={one["detection"]: one["seen_review"] for one in detections},
            acting_user=signed_in(request),
            **fields,
        )
        remember(request, answers, turn)
        return Response(DecidedSerializer(answers, many=True).data)


class ReviewsTakenBack(APIView):
    """Take one's own latest reviews back, each by a further row, where nobody has decided since."""

    permission_classes = [IsExpert]

    @extend_schema(
        operation_id="review_withdraw", request=TakenBackSerializer, responses=DecidedSerializer(many=True)
    )
    def post(self, request: Request) -> Response:
        serializer = TakenBackSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        reviews = serializer.validated_data["reviews"]
        answers = withdraw_many(reviews=reviews, acting_user=signed_in(request))
        forget(request, reviews)
        return Response(DecidedSerializer(answers, many=True).data)


def _detection(number: int) -> Detection:
    row = Detection.objects.select_related("segmented_tile__tile").filter(pk=min(number, BIGGEST_ID)).first()
    if row is None:
        raise NotThere(_("There is no detection %(number)s.") % {"number": number})
    return row


def _run(number: str) -> Run:
    if row_number(number) is None:
        sentence = _("“run” is the number of a run.")
        raise UserError(sentence, fields={"run": [sentence]})
    return run_numbered(number)
