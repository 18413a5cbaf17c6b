"""Watch the demo content being prepared."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from amberapp.commands import progress_bar
from amberapp.demo import preparation


class Command(BaseCommand):
    help = "Show a progress bar on standard error until the demo content is ready."

    def handle(self, *args: Any, **options: Any) -> None:
        shown = ""
        while (state := preparation()) is not None:
            if state["failed"]:
                raise CommandError(f"The demo content could not be prepared: {state['message']}")
            line = f"{progress_bar(state['done'], state['total'])} {state['message']}"
            if line != shown:
                end = "" if sys.stderr.isatty() else "\n"
                self.stderr.write(f"\r{line:<90}" if sys.stderr.isatty() else line, ending=end)
                shown = line
            time.sleep(0.5)
        self.stderr.write("\rThe demo content is ready.".ljust(90))
