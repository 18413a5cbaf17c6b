"""Run a classifier over all tiles of a region."""

import time
from argparse import ArgumentParser
from typing import Any

from amberapp import jobs
from amberapp.commands import AmberCommand
from amberapp.errors import NotThere
from amberapp.models import WorkState
from detection.actions.regions import region_named
from detection.actions.runs import cancel_run, execute_here, start_run
from detection.models import Classifier, Run


class Command(AmberCommand):
    help = "Apply a classifier to a region, in shards, through the workers (or here when none is up)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--region", required=True, metavar="NAME")
        parser.add_argument("--classifier", type=int, metavar="ID", help="default: the active one")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        region = region_named(options["region"])
        classifier = None
        if options["classifier"] is not None:
            classifier = Classifier.objects.filter(pk=options["classifier"]).first()
            if classifier is None:
                raise NotThere(f"There is no classifier {options['classifier']}.")
        started = time.monotonic()
        run = start_run(region=region, classifier=classifier, acting_user=None)
        try:
            if jobs.worker_is_up():
                self._follow_run(run)
            else:
                execute_here(run, self.show)
        except KeyboardInterrupt:
            cancel_run(run=run, acting_user=None)
            raise
        run.refresh_from_db()
        if run.is_open:
            self._follow_run(run)
        return _summary(run, time.monotonic() - started)

    def _follow_run(self, run: Run) -> None:
        while run.is_open:
            time.sleep(0.5)
            run.refresh_from_db()
            counts = run.progress()
            self.show(counts["tiles_done"] + counts["tiles_failed"], run.tiles)


def _summary(run: Run, seconds: float) -> dict[str, Any]:
    counts = run.progress()
    done = counts["tiles_done"] + counts["tiles_failed"]
    failed_shards = run.shards.filter(state=WorkState.FAILED)
    return {
        "run": run.pk,
        "state": run.state,
        "tiles": run.tiles,
        "positive_tiles": list(
            run.detections.order_by("segmented_tile__tile__file_name").values_list(
                "segmented_tile__tile__file_name", flat=True
            )
        ),
        "failed": [
            {"file": failure.tile.file_name, "reason": failure.reason}
            for failure in run.failures.select_related("tile")
        ]
        + [{"file": str(shard), "reason": shard.error} for shard in failed_shards],
        "seconds": round(seconds, 3),
        "tiles_per_second": round(done / seconds, 3) if seconds else 0.0,
    }
