"""What the commands that follow a run to its end share."""

import contextlib
import time
from typing import Any

from amberapp import jobs
from amberapp.commands import AmberCommand
from amberapp.errors import Conflict
from amberapp.models import WorkState
from detection.models import Run
from detection.runs.runs import cancel_run, execute_here, pause_run


class RunCommand(AmberCommand):
    """A command that sees a run through, by the workers or here when none is up.

    Ctrl-C cancels a run that this command began, and pauses one that it only follows.
    """

    began = True

    def see_through(self, run: Run) -> dict[str, Any]:
        """Until the run ends or is paused; returns what became of it."""
        started = time.monotonic()
        try:
            if jobs.worker_is_up():
                self._follow_run(run)
            else:
                execute_here(run, self.show)
        except KeyboardInterrupt:
            with contextlib.suppress(Conflict):  # it ended meanwhile
                (cancel_run if self.began else pause_run)(run=run, acting_user=None)
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
        "pause_reason": run.pause_reason,
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
        "unusual": [
            {"file": row.tile.file_name, "superpixels": row.superpixels}
            for row in run.unusual_tiles.select_related("tile").order_by("tile_id")
        ],
        "seconds": round(seconds, 3),
        "tiles_per_second": round(done / seconds, 3) if seconds else 0.0,
    }
