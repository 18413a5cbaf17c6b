"""Demo accounts and demo content."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from amberapp import jobs
from amberapp.demo import ACCOUNTS, CONTENT_JOB, create_accounts
from amberapp.models import Job, WorkState


class Command(BaseCommand):
    help = "Make the demo accounts and ask a worker for the demo content. Again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--data", type=Path, metavar="DIR", help="real tiles and crops instead of made ones"
        )

    def handle(self, *args: Any, data: Path | None = None, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Demo content exists in demo mode only: set AMBER_DEMO=1.")
        if data is not None and not (data / "crops").is_dir():
            raise CommandError(f"{data} has no folder crops/: expected crops/ and tiles/ under it.")
        create_accounts()
        place = str(data.resolve()) if data else ""
        known = Job.objects.filter(kind=CONTENT_JOB, parameters__data=place)
        if not known.exclude(state__in=[WorkState.FAILED, WorkState.CANCELLED]).exists():
            jobs.enqueue(CONTENT_JOB, acting_user=None, data=place)
        for account in ACCOUNTS:
            self.stdout.write(f"{account['role']:<10} {account['username']:<8} {account['password']}")
