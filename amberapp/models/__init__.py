"""Rows of the foundation: people, what was done, work to do."""

from amberapp.models.audit import AuditEntry
from amberapp.models.user import Role, User
from amberapp.models.work import Job, LeasedWork, WorkState

__all__ = ["AuditEntry", "Job", "LeasedWork", "Role", "User", "WorkState"]
