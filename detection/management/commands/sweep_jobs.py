"""Hand abandoned work to living workers, now and again."""

import logging
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from amberapp import jobs
from detection.runs import runs

logger = logging.getLogger("amber.sweeper")


class Command(BaseCommand):
    help = "Give work whose worker died to another, and wake what waits. One sweep, or one every N seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=int, metavar="SECONDS", help="keep sweeping until stopped")

    def handle(self, *args: Any, every: int | None = None, **options: Any) -> None:
        stop = threading.Event()
        if every:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        while True:
            try:
                jobs.sweep()
                runs.sweep_runs()
            except Error as error:  # the database is away: the next sweep tries again
                logger.warning("sweep skipped: %s", error)
            close_old_connections()
            if not every or stop.wait(every):
                return
