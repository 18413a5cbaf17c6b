"""What people do to their own accounts goes into the audit; allauth makes the change and tells of it."""

from typing import Any

from allauth.account import signals
from django.dispatch import receiver

from amberapp.audit import record
from amberapp.models import User


@receiver(signals.user_signed_up)
def registered(user: User, **_: Any) -> None:
    record(user, "person.registered", user, role=str(user.role))


@receiver([signals.password_changed, signals.password_set, signals.password_reset])
def password_changed(user: User, **_: Any) -> None:
    record(user, "person.password_changed", user)


@receiver([signals.email_added, signals.email_changed, signals.email_removed, signals.email_confirmed])
def email_changed(user: User | None = None, email_address: Any = None, **_: Any) -> None:
    """The address itself stays out of the audit, which is never deleted."""
    person = user if user is not None else email_address.user
    record(person, "person.email_changed", person)
