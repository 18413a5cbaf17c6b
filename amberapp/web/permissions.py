"""Who may pass which door. Checked on the server, at every door."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from amberapp.errors import NotAllowed
from amberapp.models import Role

if TYPE_CHECKING:  # DRF's settings load this module while its views are being imported
    from rest_framework.views import APIView

View = Callable[..., HttpResponse]


def role_required(role: str) -> Callable[[View], View]:
    """Pages: strangers go to the login page, people without the role are told so (403)."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not request.user.has_role(role):
                raise NotAllowed(
                    _("This page is for people with the role “%(role)s”. Ask an admin of this site for it.")
                    % {"role": Role(role).label}
                )
            return view(request, *args, **kwargs)

        return guarded

    return decorate


class _HasRole(BasePermission):
    role: str

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return bool(request.user.is_authenticated and request.user.has_role(self.role))


class IsVolunteer(_HasRole):
    role = Role.VOLUNTEER


class IsExpert(_HasRole):
    role = Role.EXPERT


class IsAdmin(_HasRole):
    role = Role.ADMIN
