"""The one way to write an audit row. Call it inside the transaction that makes the change."""

from typing import Any

from django.db import models

from amberapp.models import AuditEntry, User


def record(actor: User | None, verb: str, subject: models.Model, **details: Any) -> AuditEntry:
    """Note that `actor` (None: the machine) did `verb` to `subject`; `details` must be JSON values."""
    return AuditEntry.objects.create(
        actor=actor if actor is not None and actor.pk else None,
        verb=verb,
        object_type=subject._meta.label_lower,
        object_id=str(subject.pk),
        object_name=str(subject)[:200],
        details=details,
    )
