"""Asking for long work, doing it, watching it.

`enqueue` writes a Job row and tells the broker when the transaction commits. Whoever claims the row does
the work; a second delivery of the same message finds the row taken and does nothing. When the broker is
away the row still waits, and the sweeper sends it again.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from celery.utils.nodenames import default_nodename
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.celery import app as celery
from amberapp.errors import Conflict, UserError
from amberapp.models import Job, User, WorkState
from amberapp.models.work import LeasedQuerySet
from amberapp.signals import swept
from amberapp.storage import trouble_with

logger = logging.getLogger("amber.jobs")

Handler = Callable[["JobContext"], dict[str, Any]]
_handlers: dict[str, Handler] = {}
LIGHT, HEAVY = "light", "heavy"
# A queue with so many messages needs no more of them: no worker is up, and each sweep would add to it.
MOST_MESSAGES = 1_000


class JobStopped(Exception):
    """The job was cancelled, or its lease went to another worker: stop without writing."""


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Register the function that does jobs of `kind`; it returns the job's JSON result."""

    def register(handler: Handler) -> Handler:
        _handlers[kind] = handler
        return handler

    return register


class JobContext:
    """What a handler sees of its job: the parameters and a way to tell of progress."""

    def __init__(self, job: Job, owner: str) -> None:
        self.job = job
        self.owner = owner
        self.parameters: dict[str, Any] = job.parameters
        self.user: User | None = job.created_by
        self._last_write = 0.0

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Tell how far the work is. Raises JobStopped when the work must stop. At most 4 writes a second."""
        now = time.monotonic()
        if now - self._last_write < 0.25 and done < total:
            return
        self._last_write = now
        held = Job.objects.filter(pk=self.job.pk, state=WorkState.RUNNING, lease_owner=self.owner)
        fields: dict[str, Any] = {"progress_done": done, "progress_total": total}
        if message:
            fields["message"] = message[:200]
        if held.filter(cancel_requested=False).update(**fields) == 0:
            raise JobStopped

    def settle(self, result: dict[str, Any]) -> None:
        """Write the result in the transaction that writes what was made: another attempt finds it in `settled`.

        The last look at the lease, too. Raises JobStopped where it is another's by now or the job was cancelled; the
        transaction must then end with it.
        """
        held = Job.objects.filter(pk=self.job.pk, state=WorkState.RUNNING, lease_owner=self.owner)
        if held.filter(cancel_requested=False).update(result=result) == 0:
            raise JobStopped
        self.job.result = result

    @property
    def settled(self) -> dict[str, Any] | None:
        """What an attempt before this one has settled and did not live to say."""
        result: dict[str, Any] | None = self.job.result
        return result


def worker_name() -> str:
    """A name no two claims share: host, process, thread, random part."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def enqueue(kind: str, *, acting_user: User | None, **parameters: Any) -> Job:
    """Write the job; a worker starts it once the surrounding transaction commits."""
    with transaction.atomic():
        job = Job.objects.create(kind=kind, parameters=parameters, created_by=acting_user)
        record(acting_user, "job.enqueued", job, **parameters)
        transaction.on_commit(lambda: _send_quietly(job.pk))
    return job


def send(job_id: int) -> None:
    """Tell the broker that a job waits. Raises what the broker's client raises."""
    kind = Job.objects.values_list("kind", flat=True).get(pk=job_id)
    celery.send_task("amberapp.run_job", args=(job_id,), queue=queue_of(kind), retry=False)


def queue_of(kind: str) -> str:
    """The name of the queue in which jobs of that kind wait."""
    return HEAVY if kind in settings.HEAVY_JOBS else LIGHT


def messages_in(queue: str) -> int:
    """How many messages wait in that queue, those in workers' hands not counted; 0 where the broker is away."""
    if not settings.REDIS_URL:
        return 0
    try:
        with celery.connection_for_write() as line:
            return int(line.default_channel.queue_declare(queue).message_count)
    except Exception as error:
        logger.warning("the broker does not tell how much waits: %s", error)
        return 0


def _send_quietly(job_id: int) -> None:
    if not settings.REDIS_URL:
        return
    try:
        send(job_id)
    except Exception as error:  # the row waits; the sweeper sends it again
        logger.warning("job %s waits: the broker did not take it (%s)", job_id, error)


def execute(job_id: int) -> bool:
    """Claim the job and do it here, in this process. False when it was not free to take."""
    owner = worker_name()
    if not Job.objects.claim(job_id, owner=owner, seconds=settings.AMBER["AMBER_LEASE_SECONDS"]):
        return False
    job = Job.objects.select_related("created_by").get(pk=job_id)
    if job.cancel_requested:
        _mark_cancelled(job)
        return True
    handler = _handler(job.kind)
    if handler is None:
        _fail(job, owner, f"No worker knows how to do “{job.kind}”.")
        return True
    try:
        with lease_kept(Job.objects.all(), job_id, owner):
            result = handler(JobContext(job, owner))
        with transaction.atomic():
            if Job.objects.finish(job_id, owner=owner, result=result):
                record(None, "job.done", job)
    except JobStopped:
        _mark_cancelled(job)
    except UserError as error:
        _fail(job, owner, str(error.message))
    except Exception as error:
        logger.exception("job %s (%s) failed", job_id, job.kind)
        trouble = trouble_with(error)
        unknown = f"Something went wrong inside Amber ({type(error).__name__}). The log has the details."
        passing = isinstance(error, OperationalError | InterfaceError) and not trouble
        if passing and job.attempts < Job.MAX_ATTEMPTS:
            # A deadlock, a locked or absent database: what a killed worker's job gets, this one gets too.
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            Job.objects.release(job_id, owner=owner, error=unknown)
        else:
            _fail(job, owner, trouble or unknown)
    return True


def _fail(job: Job, owner: str, error: str, *, among: LeasedQuerySet | None = None) -> None:
    with transaction.atomic():
        if (among if among is not None else Job.objects.all()).fail(job.pk, owner=owner, error=error):
            record(None, "job.failed", job, error=error)


def _handler(kind: str) -> Handler | None:
    """The registered handler; each app's `tasks` module is loaded first, as a worker does at its start."""
    if kind not in _handlers:
        autodiscover_modules("tasks")
    return _handlers.get(kind)


def _mark_cancelled(job: Job) -> None:
    Job.objects.filter(pk=job.pk, cancel_requested=True, state=WorkState.RUNNING).update(
        state=WorkState.CANCELLED, lease_owner="", lease_until=None, finished_at=timezone.now()
    )


def cancel(job: Job, *, acting_user: User | None) -> None:
    """A waiting job ends at once; a running one at its next sign of progress. Asking twice changes nothing.

    Raises Conflict when the job has ended already.
    """
    with transaction.atomic():
        stopped = Job.objects.filter(pk=job.pk, state=WorkState.QUEUED).update(
            state=WorkState.CANCELLED, cancel_requested=True, finished_at=timezone.now()
        ) or Job.objects.filter(pk=job.pk, state=WorkState.RUNNING, cancel_requested=False).update(
            cancel_requested=True
        )
        if stopped:
            record(acting_user, "job.cancelled", job)
        elif not Job.objects.open().filter(pk=job.pk).exists():
            raise Conflict(_("Job %(id)s has already ended.") % {"id": job.pk})


def sweep() -> int:
    """Send every waiting job again and give expired ones back, or up. Returns how many were touched."""
    touched = 0
    waiting_messages = {queue: messages_in(queue) for queue in (LIGHT, HEAVY)}
    for job in Job.objects.expired():
        # Asked for once more in the UPDATE: a slow worker may have renewed its lease since.
        expired = Job.objects.expired()
        if job.attempts >= Job.MAX_ATTEMPTS:
            given_up = f"Given up after {job.attempts} attempts: the worker died each time."
            _fail(job, job.lease_owner, given_up, among=expired)
        else:
            expired.release(job.pk, owner=job.lease_owner)
        touched += 1
    waiting = Job.objects.filter(state=WorkState.QUEUED).order_by("id")
    for job_id, kind in waiting.values_list("pk", "kind")[:200]:
        if waiting_messages[queue_of(kind)] < MOST_MESSAGES:
            _send_quietly(job_id)
        touched += 1
    for listener, error in swept.send_robust(sender=None):
        if isinstance(error, Exception):
            logger.warning("%s did not do its housekeeping: %r", listener.__name__, error)
    return touched


@contextmanager
def lease_kept(queryset: LeasedQuerySet, pk: int, owner: str) -> Any:
    """Renew a lease from a thread while the body works: fitting a model gives no sign of life by itself.

    kill -9 ends the thread with the process, so a dead worker's lease runs out as it should.
    """
    seconds = settings.AMBER["AMBER_LEASE_SECONDS"]
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(seconds / 4):
            try:
                queryset.renew(pk, owner=owner, seconds=seconds)
            except Exception as error:  # a locked or absent database now; the next turn tries again
                logger.warning("lease of %s not renewed: %s", pk, error)
                connection.close()  # a broken line stays broken; the next turn opens a new one
        connection.close()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def worker_is_up(name: str | None = None) -> bool:
    """Whether a worker answers on the broker right now (waits a second at most), or the one of that name (five seconds).

    A worker whose processes are all busy answers too.
    """
    if not settings.REDIS_URL:
        return False
    try:
        if name is None:
            return bool(celery.control.ping(timeout=1.0))
        return bool(celery.control.ping(destination=[name], timeout=5.0))
    except Exception as error:
        logger.info("no worker: %s", error)
        return False


def worker_of_this_machine() -> str:
    """The name that Celery gives a worker that was started here without one; every container is a machine of its own."""
    return default_nodename(None)
