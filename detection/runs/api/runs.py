"""API of classifiers and runs: experts read, admins start, pause, resume, cancel and activate."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from amberapp.errors import NotThere
from amberapp.models import User
from amberapp.web.parameters import BIGGEST_ID, signed_in
from amberapp.web.permissions import IsAdmin, IsExpert
from detection.learning.drift import Likeness
from detection.models import Detection, Region, Run
from detection.runs.runs import cancel_run, pause_run, resume_run, start_run
from detection.runs.watch import classifier_numbered, progress_of, progress_of_all, run_numbered


class DriftGroupSerializer(serializers.Serializer[Any]):
    """Images of one source and date: how many of their superpixels look like nothing the classifier was trained on."""

    source = serializers.IntegerField()  # type: ignore[assignment]
    source_name = serializers.CharField()
    date = serializers.CharField(help_text="capture date; empty where nobody knows it")
    tiles = serializers.IntegerField()
    superpixels = serializers.IntegerField()
    beyond = serializers.IntegerField(help_text="superpixels that look like nothing seen")
    detections = serializers.IntegerField()
    likeness = serializers.ChoiceField(choices=[str(one) for one in Likeness])


class RunSerializer(serializers.ModelSerializer[Any]):
    """A run; `progress_…` and `message` are what every piece of long work is watched by."""

    progress_done = serializers.SerializerMethodField()
    progress_total = serializers.IntegerField(source="tiles", read_only=True)
    message = serializers.SerializerMethodField()
    tiles_done = serializers.SerializerMethodField()
    tiles_failed = serializers.SerializerMethodField()
    shards = serializers.SerializerMethodField()
    shards_done = serializers.SerializerMethodField()
    shards_failed = serializers.SerializerMethodField()
    rate = serializers.SerializerMethodField(help_text="tiles a second; null while not known")
    seconds_left = serializers.SerializerMethodField()
    detections = serializers.SerializerMethodField()
    drift = DriftGroupSerializer(
        many=True,
        allow_null=True,
        read_only=True,
        help_text="null while it goes on, and where nothing is compared",
    )

    class Meta:
        model = Run
        fields = [
            "id",
            "region",
            "classifier",
            "state",
            "positive_superpixels",
            "threshold",
            "created_at",
            "finished_at",
            "paused_at",
            "pause_reason",
            "progress_done",
            "progress_total",
            "message",
            "tiles",
            "tiles_done",
            "tiles_failed",
            "shards",
            "shards_done",
            "shards_failed",
            "rate",
            "seconds_left",
            "detections",
            "drift",
        ]

    def to_representation(self, run: Run) -> dict[str, Any]:
        # A list hands in what it has asked for all its runs at once.
        progress = self.context.get("progress", {}).get(run.pk)
        self._progress = progress if progress is not None else progress_of(run)
        return dict(super().to_representation(run))

    def get_progress_done(self, run: Run) -> int:
        return self._progress.tiles_ended

    def get_message(self, run: Run) -> str:
        return self._progress.sentence

    def get_tiles_done(self, run: Run) -> int:
        return self._progress.tiles_done

    def get_tiles_failed(self, run: Run) -> int:
        return self._progress.tiles_failed

    def get_shards(self, run: Run) -> int:
        return self._progress.shards

    def get_shards_done(self, run: Run) -> int:
        return self._progress.shards_done

    def get_shards_failed(self, run: Run) -> int:
        return self._progress.shards_failed

    def get_rate(self, run: Run) -> float | None:
        return self._progress.rate

    def get_seconds_left(self, run: Run) -> float | None:
        return self._progress.seconds_left

    def get_detections(self, run: Run) -> int:
        counts: dict[int, int] | None = self.context.get("detections")
        return run.detections.count() if counts is None else counts.get(run.pk, 0)


class NewRunSerializer(serializers.Serializer[Any]):
    region = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
    classifier = serializers.IntegerField(
        min_value=1, max_value=BIGGEST_ID, required=False, allow_null=True, default=None
    )


class RunList(generics.ListAPIView):
    """Runs, newest first. Admins start one: with the region's active classifier, or another of the region."""

    queryset = Run.objects.order_by("-id")
    serializer_class = RunSerializer
    filterset_fields = ["region", "classifier", "state"]
    shown: Sequence[Run] = ()

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        self.shown = page or ()
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        """Progress and counts of the page's runs, in two queries whatever its size."""
        counts = Detection.objects.filter(run__in=self.shown).order_by().values_list("run")
        return {
            **super().get_serializer_context(),
            "progress": progress_of_all(self.shown),
            "detections": dict(counts.annotate(Count("id"))),
        }

    def get_permissions(self) -> list[BasePermission]:
        return [IsAdmin()] if self.request.method == "POST" else [IsExpert()]

    @extend_schema(request=NewRunSerializer, responses={201: RunSerializer})
    def post(self, request: Request) -> Response:
        data = NewRunSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        region = Region.objects.filter(pk=data.validated_data["region"]).first()
        if region is None:
            raise NotThere(_("There is no region %(number)s.") % {"number": data.validated_data["region"]})
        number = data.validated_data["classifier"]
        classifier = classifier_numbered(number) if number is not None else None
        run = start_run(region=region, classifier=classifier, acting_user=signed_in(request))
        return Response(RunSerializer(run).data, status=status.HTTP_201_CREATED)


class RunDetail(APIView):
    permission_classes = [IsExpert]

    @extend_schema(responses=RunSerializer)
    def get(self, request: Request, run_id: int) -> Response:
        return Response(RunSerializer(run_numbered(run_id)).data)


class RunStep(APIView):
    """A change of a run's state by an admin; the run as it then is. Asking twice changes nothing."""

    permission_classes = [IsAdmin]

    def change(self, run: Run, acting_user: User) -> None:
        raise NotImplementedError

    @extend_schema(request=None, responses=RunSerializer)
    def post(self, request: Request, run_id: int) -> Response:
        run = run_numbered(run_id)
        self.change(run, signed_in(request))
        run.refresh_from_db()
        return Response(RunSerializer(run).data)


class RunPause(RunStep):
    """Hand out no more shards; those in hand are finished."""

    def change(self, run: Run, acting_user: User) -> None:
        pause_run(run=run, acting_user=acting_user)


class RunResume(RunStep):
    """Go on where the run was paused."""

    def change(self, run: Run, acting_user: User) -> None:
        resume_run(run=run, acting_user=acting_user)


class RunCancel(RunStep):
    """Stop for good; what is written stays on record."""

    def change(self, run: Run, acting_user: User) -> None:
        cancel_run(run=run, acting_user=acting_user)
