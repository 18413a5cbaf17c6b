"""Work that outlives a request: rows with a lease, attempts and progress.

A piece of work belongs to whoever made the conditional UPDATE that took it; the lease says until when.
A worker that dies leaves a lease that runs out, and the sweeper hands the work to another.
"""

import datetime as dt
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class WorkState(models.TextChoices):
    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


# A worker has it or may take it.
OPEN_STATES = (WorkState.QUEUED, WorkState.RUNNING)
# Not over yet. Only a run is ever paused; a job and a shard are not.
UNENDED_STATES = (*OPEN_STATES, WorkState.PAUSED)


class LeasedQuerySet(models.QuerySet):
    """State changes as conditional UPDATEs; each tells by its row count whether it was ours to make."""

    def claim(self, pk: int, *, owner: str, seconds: int) -> bool:
        """Take the work if it waits, or if its last holder's lease ran out."""
        now = timezone.now()
        free = Q(state=WorkState.QUEUED) | Q(state=WorkState.RUNNING, lease_until__lt=now)
        changed = self.filter(free, pk=pk).update(
            state=WorkState.RUNNING,
            lease_owner=owner,
            lease_until=now + dt.timedelta(seconds=seconds),
            attempts=F("attempts") + 1,
            started_at=now,
        )
        return changed == 1

    def renew(self, pk: int, *, owner: str, seconds: int) -> bool:
        until = timezone.now() + dt.timedelta(seconds=seconds)
        return self._held(pk, owner).update(lease_until=until) == 1

    def finish(self, pk: int, *, owner: str, **fields: Any) -> bool:
        return self._end(pk, owner, WorkState.DONE, **fields)

    def fail(self, pk: int, *, owner: str, error: str) -> bool:
        return self._end(pk, owner, WorkState.FAILED, error=error)

    def release(self, pk: int, *, owner: str, error: str = "") -> bool:
        """Give the work back to the queue."""
        changed = self._held(pk, owner).update(
            state=WorkState.QUEUED, lease_owner="", lease_until=None, error=error
        )
        return changed == 1

    def open(self) -> Self:
        return self.filter(state__in=OPEN_STATES)

    def expired(self) -> Self:
        """Running work whose holder has given no sign of life in time."""
        return self.filter(state=WorkState.RUNNING, lease_until__lt=timezone.now())

    def _held(self, pk: int, owner: str) -> Self:
        return self.filter(pk=pk, state=WorkState.RUNNING, lease_owner=owner)

    def _end(self, pk: int, owner: str, state: str, **fields: Any) -> bool:
        changed = self._held(pk, owner).update(
            state=state, lease_owner="", lease_until=None, finished_at=timezone.now(), **fields
        )
        return changed == 1


class LeasedWork(models.Model):
    MAX_ATTEMPTS = 5

    state = models.CharField(max_length=16, choices=WorkState.choices, default=WorkState.QUEUED)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


class Job(LeasedWork):
    """One piece of long work that a person or a command asked for."""

    kind = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=200, blank=True)
    cancel_requested = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "lease_until"]), models.Index(fields=["kind", "state"])]

    def __str__(self) -> str:
        # Without the state: the audit trail keeps this name, and the state in hand may be the one before.
        return f"{self.kind} {self.pk}"
