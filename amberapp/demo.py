"""Demo mode's accounts, and how far its content is. Nothing here acts outside demo mode."""

from typing import Any

from django.conf import settings
from django.db import DatabaseError

from amberapp.models import Job, Role, User, WorkState

CONTENT_JOB = "demo.content"

ACCOUNTS = [
    {"username": "olena", "password": "amber-olena", "role": Role.ADMIN},
    {"username": "taras", "password": "amber-taras", "role": Role.EXPERT},
    {"username": "maria", "password": "amber-maria", "role": Role.VOLUNTEER},
]


def create_accounts() -> None:
    """Make the demo accounts. Does nothing to those that exist. Raises RuntimeError outside demo mode."""
    if not settings.DEMO:
        raise RuntimeError("Demo accounts exist in demo mode only: start with AMBER_DEMO=1.")
    for account in ACCOUNTS:
        if not User.objects.filter(username=account["username"]).exists():
            User.objects.create_user(
                username=account["username"], password=account["password"], role=account["role"], demo=True
            )


def preparation() -> dict[str, Any] | None:
    """Progress of the demo content, or None when it is ready (or was never asked for)."""
    try:
        job = Job.objects.filter(kind=CONTENT_JOB).order_by("-id").first()
    except DatabaseError:  # the public map is read without the database too
        return None
    if job is None or job.state in (WorkState.DONE, WorkState.CANCELLED):
        return None
    if job.state == WorkState.FAILED:
        return {"done": 0, "total": 0, "message": job.error, "failed": True}
    return {"done": job.progress_done, "total": job.progress_total, "message": job.message, "failed": False}
