"""API of citizens' reports."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from amberapp.api import ShallowJSON
from amberapp.errors import NotThere
from amberapp.web.rate_limit import NamelessThrottle, sender_of
from labeling.models import Release, ReportCategory
from labeling.releases.reader import detection_of, place_of
from labeling.reports.filing import COMMENT_LENGTH, EMAIL_LENGTH, file_report

BIGGEST_ID = 2**31 - 1


class Finite(serializers.FloatField):
    """A number that a float can hold: JSON may carry an integer of a thousand digits."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        try:
            return float(super().to_internal_value(data))
        except OverflowError:
            self.fail("invalid")


class FileReportSerializer(serializers.Serializer):
    release = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
    place = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    latitude = Finite(min_value=-90, max_value=90)
    longitude = Finite(min_value=-180, max_value=180)
    category = serializers.ChoiceField(choices=ReportCategory.choices)
    comment = serializers.CharField(
        max_length=COMMENT_LENGTH, required=False, allow_blank=True, default="", trim_whitespace=False
    )
    email = serializers.CharField(max_length=EMAIL_LENGTH, required=False, allow_blank=True, default="")
    photo = serializers.FileField(
        required=False,
        allow_null=True,
        allow_empty_file=True,
        default=None,
        help_text="JPEG, PNG or WebP, at most 8 MB; only its pixels are kept (send the report as a form then)",
    )
    blurred = serializers.BooleanField(
        required=False,
        default=False,
        help_text="nobody but experts is shown the place more exactly than to 1 km",
    )
    website = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default="", help_text="leave empty"
    )


class FiledReportSerializer(serializers.Serializer):
    status_url = serializers.URLField(help_text="private link: what became of the report")


class Reports(APIView):
    """Report an error on the public map. No account, no address of the sender is kept."""

    permission_classes = [AllowAny]
    parser_classes = [ShallowJSON, MultiPartParser]
    throttle_classes = [NamelessThrottle]

    @extend_schema(request=FileReportSerializer, responses={201: FiledReportSerializer})
    def post(self, request: Request) -> Response:
        asked = FileReportSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        release = Release.objects.select_related("region").filter(pk=said["release"]).first()
        if release is None:
            raise NotThere(f"There is no release {said['release']}.")
        place = place_of(release, said["place"]) if said["place"] else None
        filed = file_report(
            release=release,
            detection=detection_of(release, place) if place else None,
            latitude=said["latitude"],
            longitude=said["longitude"],
            category=said["category"],
            comment=said["comment"],
            email=said["email"],
            photo=said["photo"],
            blurred=said["blurred"],
            trap=said["website"],
            sender=sender_of(request._request),
        )
        address = request.build_absolute_uri(reverse("report-status", args=[filed.token]))
        return Response({"status_url": address}, status=status.HTTP_201_CREATED)
