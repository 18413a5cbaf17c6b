"""Who may log in: allauth's rule, and demo accounts in demo mode only."""

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser


class AccountBackend(AuthenticationBackend):
    """Passwords of demo accounts are public: a site that leaves demo mode with the same database shuts them out.

    Django asks `user_can_authenticate` at each request, so sessions from demo mode end as well.
    """

    def user_can_authenticate(self, user: AbstractBaseUser | None) -> bool:
        return not _shut_out(user) and bool(super().user_can_authenticate(user))

    def _check_password(self, user: AbstractBaseUser | None, password: str) -> AbstractBaseUser | None:
        # allauth would keep one who may not log in for its page of inactive accounts, and log them in on the way.
        found: AbstractBaseUser | None = super()._check_password(None if _shut_out(user) else user, password)
        return found


def _shut_out(user: AbstractBaseUser | None) -> bool:
    return bool(getattr(user, "demo", False)) and not settings.DEMO
