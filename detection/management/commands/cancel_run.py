"""Stop a run for good."""

from argparse import ArgumentParser
from typing import Any

from amberapp.commands import AmberCommand
from detection.runs.runs import cancel_run
from detection.runs.watch import run_numbered


class Command(AmberCommand):
    help = "Cancel a run; what it wrote stays on record. Cancelling twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        run = run_numbered(options["run"])
        changed = cancel_run(run=run, acting_user=None)
        run.refresh_from_db()
        return {"run": run.pk, "state": run.state, "changed": changed}
