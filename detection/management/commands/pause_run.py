"""Stop handing out shards of a run until it is resumed."""

from argparse import ArgumentParser
from typing import Any

from amberapp.commands import AmberCommand
from detection.runs.runs import pause_run
from detection.runs.watch import run_numbered


class Command(AmberCommand):
    help = "Pause a run: shards in hand are finished, no further one is begun. Pausing twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        run = run_numbered(options["run"])
        changed = pause_run(run=run, acting_user=None)
        run.refresh_from_db()
        return {"run": run.pk, "state": run.state, "changed": changed}
