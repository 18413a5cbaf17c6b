"""Whether this machine's worker can do its work: for a container's healthcheck."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from amberapp import jobs


class Command(BaseCommand):
    help = "Ask the worker of this machine for a sign of life, and the database for an answer; ends with 1 without."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except Error as error:
            raise CommandError(f"The database does not answer: {error}") from None
        name = jobs.worker_of_this_machine()
        if not jobs.worker_is_up(name):
            raise CommandError(f"The worker {name} does not answer on the broker.")
        self.stdout.write(f"{name} answers.")
