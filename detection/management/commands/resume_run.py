"""Let a paused run go on."""

from argparse import ArgumentParser
from typing import Any

from detection.runs.commands import RunCommand
from detection.runs.runs import resume_run
from detection.runs.watch import run_numbered


class Command(RunCommand):
    help = "Resume a paused run and follow it to its end, through the workers (or here when none is up)."
    began = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        run = run_numbered(options["run"])
        resume_run(run=run, acting_user=None)
        run.refresh_from_db()
        return self.see_through(run)
