"""The tutorial's API: a region's lessons, one attempt at a lesson, and the experts' way past them."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from amberapp.models import User
from amberapp.web.parameters import row_number, signed_in
from amberapp.web.permissions import IsVolunteer
from detection.models import Region
from labeling.crowd.tutorial import lesson, lessons_of, pass_at_once, take_lesson
from labeling.desk.queue import region_of
from labeling.desk.serializers import DeskThrottle, DeskTileSerializer, describe
from labeling.desk.volunteer_records import record_of
from labeling.models import LabelVerdict


class LessonAnswerSerializer(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(choices=LabelVerdict.choices)
    look_alike = serializers.CharField(allow_blank=True, help_text="its name in the reader's language")
    why = serializers.CharField()


class LessonSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    tile = DeskTileSerializer()
    answers = serializers.DictField(
        child=LessonAnswerSerializer(), help_text="by superpixel; those left out are not asked about"
    )
    passed = serializers.BooleanField()


class TutorialSerializer(serializers.Serializer[Any]):
    region = serializers.CharField(allow_blank=True, help_text="the region's slug; empty: there is none")
    passed = serializers.BooleanField(help_text="this person has passed the tutorial")
    lessons = LessonSerializer(many=True)


class AttemptSerializer(serializers.Serializer[Any]):
    answers = serializers.DictField(child=serializers.CharField(), help_text="verdicts by superpixel")

    def validate_answers(self, value: dict[str, str]) -> dict[int, str]:
        answers = {row_number(number): verdict for number, verdict in value.items()}
        if None in answers:
            raise serializers.ValidationError(_("Superpixels are numbers."))
        return {number: verdict for number, verdict in answers.items() if number is not None}


class ResultSerializer(serializers.Serializer[Any]):
    right = serializers.IntegerField()
    asked = serializers.IntegerField()
    passed = serializers.BooleanField()
    tutorial_passed = serializers.BooleanField()


class PassedSerializer(serializers.Serializer[Any]):
    tutorial_passed = serializers.BooleanField()


class Tutorial(APIView):
    """The lessons of a region in their order, with answers and reasons: it is teaching, not examining."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(
        parameters=[OpenApiParameter("region", str, description="slug; without it the region labelled last")],
        responses=TutorialSerializer,
    )
    def get(self, request: Request) -> Response:
        volunteer = signed_in(request)
        region = _region(request.query_params.get("region", ""), volunteer)
        answer: dict[str, Any] = {
            "region": region.slug if region else "",
            "passed": record_of(volunteer, hold=False).tutorial_passed_at is not None,
            "lessons": [
                {
                    "id": one.known.pk,
                    "tile": describe(one.known.segmented_tile),
                    "answers": one.answers,
                    "passed": one.passed,
                }
                for one in (lessons_of(region=region, volunteer=volunteer) if region else [])
            ],
        }
        return Response(TutorialSerializer(answer).data)


class TakeLesson(APIView):
    """One attempt at a lesson; the server decides whether it is passed."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=AttemptSerializer, responses=ResultSerializer)
    def post(self, request: Request, lesson_id: int) -> Response:
        data = AttemptSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        result = take_lesson(
            volunteer=signed_in(request),
            gold_standard_tile=lesson(lesson_id),
            answers=data.validated_data["answers"],
        )
        return Response(ResultSerializer(result).data)


class KnowThis(APIView):
    """An expert leaves the tutorial out."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=None, responses=PassedSerializer)
    def post(self, request: Request) -> Response:
        pass_at_once(volunteer=signed_in(request))
        return Response(PassedSerializer({"tutorial_passed": True}).data)


def _region(slug: str, volunteer: User) -> Region | None:
    """The region of that name; where there is none of it the one labelled last."""
    named = Region.objects.filter(slug=slug).first() if slug and "\0" not in slug else None
    return named or region_of(volunteer)
