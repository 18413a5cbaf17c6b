"""API of releases: their list, their files, publishing."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from amberapp.errors import NotThere
from amberapp.models import Job
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import IsAdmin
from amberapp.web.rate_limit import NamelessThrottle
from detection.models import Run
from labeling.models import Release, ReleaseFile
from labeling.releases.files.writers import DOWNLOADS
from labeling.releases.publish import NOTE_LENGTH, publish_again
from labeling.releases.publish_job import publish_or_request

# As the schema tells it: a larger number is refused before anybody looks for it.
BIGGEST_ID = 2**31 - 1


class ReleaseFileSerializer(serializers.ModelSerializer):
    url = serializers.SerializerMethodField()

    class Meta:
        model = ReleaseFile
        fields = ["name", "media_type", "size", "sha256", "url"]

    @extend_schema_field(serializers.URLField())
    def get_url(self, file: ReleaseFile) -> str:
        release = file.release
        address = reverse("release-file", args=[release.region.slug, release.number, file.name])
        return str(self.context["request"].build_absolute_uri(address))


class ReleaseInListSerializer(serializers.ModelSerializer):
    """A release in the list: its figures and files are told where it is asked for by its id."""

    region = serializers.CharField(source="region.slug", read_only=True)
    region_name = serializers.CharField(source="region.name", read_only=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Release
        fields = [
            *("id", "region", "region_name", "number", "kind", "title", "note", "restores", "run"),
            *("created_at", "url"),
        ]

    @extend_schema_field(serializers.URLField())
    def get_url(self, release: Release) -> str:
        address = reverse("release-map", args=[release.region.slug, release.number])
        return str(self.context["request"].build_absolute_uri(address))


class ReleaseSerializer(ReleaseInListSerializer):
    files = serializers.SerializerMethodField()

    class Meta(ReleaseInListSerializer.Meta):
        fields = [*ReleaseInListSerializer.Meta.fields, "statistics", "files"]

    @extend_schema_field(ReleaseFileSerializer(many=True))
    def get_files(self, release: Release) -> list[dict[str, Any]]:
        files = [file for file in release.files.all() if file.name in DOWNLOADS]
        for file in files:
            file.release = release
        return list(ReleaseFileSerializer(files, many=True, context=self.context).data)


class PublishSerializer(serializers.Serializer):
    run = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID, required=False)
    again = serializers.IntegerField(
        min_value=1, max_value=BIGGEST_ID, required=False, help_text="id of an older release to publish again"
    )
    note = serializers.CharField(max_length=NOTE_LENGTH, required=False, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("run" in attrs) == ("again" in attrs):
            raise serializers.ValidationError({"run": _("Name a run, or a release to publish again.")})
        return attrs


class PublicationSerializer(serializers.Serializer):
    job = serializers.IntegerField()
    url = serializers.URLField(help_text="the job that writes the release")


class ReleaseList(generics.ListAPIView):
    """Releases, newest first, without their figures and files: /api/releases/{release_id}/ tells those. Admins publish a run's approved detections as the next one, or an older one again.

    A large run is published by a job (202).
    """

    queryset = (
        Release.objects.select_related("region")
        .defer("statistics", "region__polygon")
        .order_by("-created_at", "-id")
    )
    serializer_class = ReleaseInListSerializer
    filterset_fields = ["region__slug", "run"]
    throttle_classes = [NamelessThrottle]

    def get_permissions(self) -> list[BasePermission]:
        return [IsAdmin()] if self.request.method == "POST" else [AllowAny()]

    @extend_schema(request=PublishSerializer, responses={201: ReleaseSerializer, 202: PublicationSerializer})
    def post(self, request: Request) -> Response:
        serializer = PublishSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values, admin = serializer.validated_data, signed_in(request)
        if "again" in values:
            older = Release.objects.filter(pk=values["again"]).first()
            if older is None:
                raise NotThere(f"There is no release {values['again']}.")
            release = publish_again(release=older, acting_user=admin, note=values["note"])
        else:
            run = Run.objects.filter(pk=values["run"]).first()
            if run is None:
                raise NotThere(f"There is no run {values['run']}.")
            publication = publish_or_request(run=run, acting_user=admin, note=values["note"])
            if isinstance(publication, Job):
                address = request.build_absolute_uri(reverse("api-job", args=[publication.pk]))
                return Response({"job": publication.pk, "url": address}, status=status.HTTP_202_ACCEPTED)
            release = publication
        answer = ReleaseSerializer(release, context={"request": request})
        return Response(answer.data, status=status.HTTP_201_CREATED)


class ReleaseDetail(generics.RetrieveAPIView):
    """One release: its figures, and its files under their checksums."""

    queryset = Release.objects.select_related("region").prefetch_related("files")
    serializer_class = ReleaseSerializer
    permission_classes = [AllowAny]
    throttle_classes = [NamelessThrottle]

    def get_object(self) -> Release:
        release = self.get_queryset().filter(pk=min(self.kwargs["release_id"], BIGGEST_ID)).first()
        if release is None:
            raise NotThere(f"There is no release {self.kwargs['release_id']}.")
        return release
