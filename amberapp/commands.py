"""What Amber's management commands share: one JSON object on standard output, everything else on standard
error, and the choice between a living worker and this process."""

import json
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from amberapp import jobs
from amberapp.errors import UserError
from amberapp.models import Job, User, WorkState


class AmberCommand(BaseCommand):
    """A command whose `work` returns a JSON-able dict; UserErrors become the command's error sentence."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = self.work(**options)
        except UserError as error:
            raise CommandError(str(error.message)) from None
        if options.get("json"):
            self.stdout.write(json.dumps(result, ensure_ascii=False))
        else:
            self.stdout.write(self.describe(result))

    def work(self, **options: Any) -> dict[str, Any]:
        raise NotImplementedError

    def describe(self, result: dict[str, Any]) -> str:
        """The result for a person; the default lists its plain values."""
        return "\n".join(f"{name}: {value}" for name, value in result.items() if not isinstance(value, dict))

    def show(self, done: int, total: int, message: str = "") -> None:
        """One line of progress on standard error, rewritten in place on a terminal."""
        bar = progress_bar(done, total)
        end = "" if sys.stderr.isatty() and done < total else "\n"
        if sys.stderr.isatty() or done >= total:
            self.stderr.write(f"\r{bar} {message[:60]:<60}", ending=end)

    def finish(self, job: Job) -> dict[str, Any]:
        """Wait for a worker to do the job, or do it here when none is up; returns the job's result."""
        if jobs.worker_is_up():
            self._follow(job)
        else:
            jobs.execute(job.pk)
            job.refresh_from_db()
            if job.is_open:
                self._follow(job)
        if job.state != WorkState.DONE:
            raise UserError(job.error or f"The job ended as “{job.get_state_display()}”.")
        return job.result or {}

    def _follow(self, job: Job) -> None:
        while job.is_open:
            time.sleep(0.5)
            job.refresh_from_db()
            self.show(job.progress_done, job.progress_total, job.message)


def progress_bar(done: int, total: int, width: int = 30) -> str:
    filled = width * done // total if total else 0
    return f"[{'#' * filled}{'.' * (width - filled)}] {done}/{total}"


def person_called(username: str | None) -> User | None:
    """Who a command acts for; nobody where it was not told. Raises CommandError for a name that is not here."""
    if not username:
        return None
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"There is nobody called “{username}” here.")
    return user
