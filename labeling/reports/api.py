"""API of citizens' reports."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from amberapp.api import ShallowJSON
from amberapp.errors import NotThere
from amberapp.web.parameters import BIGGEST_ID
from amberapp.web.rate_limit import NamelessThrottle, sender_of
from labeling.models import Release, ReportCategory
from labeling.releases.reader import detection_of, place_of
from labeling.reports.filing import COMMENT_LENGTH, EMAIL_LENGTH, file_report


class Number(serializers.FloatField):
    """A number that a float can hold: JSON may carry an integer of a thousand digits."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        try:
            return float(super().to_internal_value(data))
        except OverflowError:
            self.fail("invalid")


@extend_schema_field(serializers.FloatField(min_value=-90, max_value=90))
class Latitude(Number):
    pass


@extend_schema_field(serializers.FloatField(min_value=-180, max_value=180))
class Longitude(Number):
    pass


@extend_schema_field(serializers.ChoiceField(choices=ReportCategory.choices))
class Category(serializers.CharField):
    pass


@extend_schema_field(serializers.CharField(max_length=COMMENT_LENGTH))
class Comment(serializers.CharField):
    pass


@extend_schema_field(serializers.CharField(max_length=EMAIL_LENGTH))
class EMail(serializers.CharField):
    pass


class FileReportSerializer(serializers.Serializer):
    """Shapes alone; the limits that the schema tells are held by `file_report`."""

    release = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
    place = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    latitude = Latitude()
    longitude = Longitude()
    category = Category()
    comment = Comment(required=False, allow_blank=True, default="", trim_whitespace=False)
    email = EMail(required=False, allow_blank=True, default="")
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
        serializer = FileReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        number, place_id, trap = fields.pop("release"), fields.pop("place"), fields.pop("website")
        release = Release.objects.select_related("region").filter(pk=number).first()
        if release is None:
            raise NotThere(f"There is no release {number}.")
        place = place_of(release, place_id) if place_id else None
        report = file_report(
            release=release,
            detection=detection_of(release, place) if place else None,
            trap=trap,
            sender=sender_of(request._request),
            **fields,
        )
        address = request.build_absolute_uri(reverse("report-status", args=[report.token]))
        return Response({"status_url": address}, status=status.HTTP_201_CREATED)
