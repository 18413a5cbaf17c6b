"""Finding classifiers and runs; how far a run is, how fast, how long it still takes. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp.errors import NotThere
from amberapp.models import WorkState
from amberapp.web.parameters import BIGGEST_ID
from detection.models import Classifier, Run, Shard


@dataclass(frozen=True)
class RunProgress:
    """`rate` is tiles a second since the first shard began; it and `seconds_left` are None where not yet known."""

    tiles: int
    tiles_done: int
    tiles_failed: int
    shards: int
    shards_done: int
    shards_failed: int
    seconds: float
    rate: float | None
    seconds_left: float | None

    @property
    def tiles_ended(self) -> int:
        return self.tiles_done + self.tiles_failed

    @property
    def sentence(self) -> str:
        """Rate and time left in words; empty while nothing is done."""
        if self.rate is None:
            return ""
        rate = _("%(rate)s tiles a second") % {"rate": f"{self.rate:.3g}"}
        if self.seconds_left is None:
            return rate
        return rate + ", " + _("%(time)s left") % {"time": duration(self.seconds_left)}


def progress_of(run: Run) -> RunProgress:
    """One query. Time in which no worker was up counts too, what the person who waits sees; pauses do not."""
    return progress_of_all([run])[run.pk]


def progress_of_all(runs: Sequence[Run]) -> dict[int, RunProgress]:
    """{run id: progress}, one query for all of them."""
    rows = (
        Shard.objects.filter(run__in=[run.pk for run in runs])
        .order_by()
        .values("run")
        .annotate(
            ended_tiles=Sum("tiles_done"),
            failed_tiles=Sum("tiles_failed"),
            shards=Count("id"),
            shards_done=Count("id", filter=Q(state=WorkState.DONE)),
            shards_failed=Count("id", filter=Q(state=WorkState.FAILED)),
            began=Min("started_at"),
            ended=Max("finished_at"),
        )
    )
    counted: dict[int, dict[str, Any]] = {row["run"]: {**row} for row in rows}
    return {run.pk: _progress(run, counted.get(run.pk)) for run in runs}


def _progress(run: Run, counts: dict[str, Any] | None) -> RunProgress:
    """From the sums over the run's shards; None: it has none."""
    if counts is None:
        return RunProgress(run.tiles, 0, 0, 0, 0, 0, seconds=0.0, rate=None, seconds_left=None)
    began = counts["began"]
    until = timezone.now() if run.is_open else (counts["ended"] or run.finished_at or timezone.now())
    seconds = max((until - began).total_seconds() - run.paused_seconds, 0.0) if began else 0.0
    finished = counts["ended_tiles"] + counts["failed_tiles"]
    rate = finished / seconds if finished and seconds > 0 else None
    return RunProgress(
        tiles=run.tiles,
        tiles_done=counts["ended_tiles"],
        tiles_failed=counts["failed_tiles"],
        shards=counts["shards"],
        shards_done=counts["shards_done"],
        shards_failed=counts["shards_failed"],
        seconds=seconds,
        rate=rate,
        seconds_left=max(run.tiles - finished, 0) / rate if rate and run.is_open else None,
    )


def duration(seconds: float) -> str:
    """A time as one would say it: “40 s”, “12 min”, “3 h 20 min”."""
    if seconds < 60:
        return _("%(seconds)s s") % {"seconds": max(round(seconds), 1)}
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("%(minutes)s min") % {"minutes": minutes}
    return _("%(hours)s h %(minutes)s min") % {"hours": minutes // 60, "minutes": minutes % 60}


def classifier_numbered(classifier_id: int) -> Classifier:
    """Raises NotThere."""
    classifier = (
        Classifier.objects.select_related("dataset", "region", "created_by")
        .filter(pk=min(classifier_id, BIGGEST_ID))
        .first()
    )
    if classifier is None:
        raise NotThere(_("There is no classifier %(number)s.") % {"number": classifier_id})
    return classifier


def run_numbered(run_id: int) -> Run:
    """Raises NotThere."""
    run = (
        Run.objects.select_related("region", "classifier__dataset", "segmentation", "created_by")
        .filter(pk=min(run_id, BIGGEST_ID))
        .first()
    )
    if run is None:
        raise NotThere(_("There is no run %(number)s.") % {"number": run_id})
    return run
