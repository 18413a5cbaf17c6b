"""Pages that belong to no station: the way in for each role, health, and the error pages."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from amberapp.demo import preparation
from amberapp.errors import UserError, wants_json


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """After logging in, each person lands where their work is."""
    assert request.user.is_authenticated
    if request.user.is_admin:
        return redirect("manage")
    if request.user.is_expert:
        return redirect("review")
    return redirect("desk")


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """How Amber works, which version this is, and what is licensed how."""
    context = {"version": settings.VERSION, "data_licence": settings.AMBER["AMBER_DATA_LICENCE"]}
    return render(request, "amberapp/about.html", context)


def preparing(request: HttpRequest) -> JsonResponse:
    """How far the demo content is; `ready` once there is nothing left to prepare."""
    state = preparation()
    if state is None:
        return JsonResponse({"ready": True, "done": 0, "total": 0, "message": ""})
    return JsonResponse({"ready": False, **state})


def health(request: HttpRequest) -> JsonResponse:
    """For load balancers: 200 while the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"ok": True})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 400, "bad_request", _("This request could not be understood."), "400.html")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403, "not_allowed", _("You may not see this page."), "403.html")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 404, "not_found", _("There is nothing at this address."), "404.html")


def server_error(request: HttpRequest) -> HttpResponse:
    return _error(
        request, 500, "server_error", _("Something went wrong inside Amber. It has been logged."), "500.html"
    )


def _error(request: HttpRequest, status: int, code: str, message: str, template: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse(UserError(message, code=code).as_dict(), status=status)
    context: dict[str, Any] = {"message": message}
    return render(request, template, context, status=status)
