"""What readers and senders are told while the database is stopped. The public map itself does not need it."""

import logging
from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse
from django.utils.translation import gettext as _

from amberapp.errors import UserError, wants_json

logger = logging.getLogger("amber.database")


class _Unknown(SessionBase):
    """The session of somebody whose session cannot be looked up: empty, and their cookie stays."""

    def is_empty(self) -> bool:
        return False

    def load(self) -> dict[str, object]:
        return {}


class WithoutDatabase:
    """A page that fails because the database does not answer is tried once more for a stranger; if it cannot be made
    without the database, the answer is a sentence and 503, never a 500.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        logger.error("%s %s: the database does not answer: %s", request.method, request.path, exception)
        request.user = AnonymousUser()
        request.session = _Unknown()
        match = request.resolver_match
        if request.method in ("GET", "HEAD") and match is not None and not wants_json(request):
            try:
                answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
                # A page that is drawn late would fail where nobody catches it.
                return answer.render() if isinstance(answer, SimpleTemplateResponse) else answer
            except UserError:
                pass
            except (OperationalError, InterfaceError):
                pass
        sorry = UserError(
            _(
                "This is not possible right now: the site's database does not answer. "
                "The map and its files can still be read. Please try again in a few minutes."
            ),
            code="unavailable",
            status=503,
        )
        response: HttpResponse
        if wants_json(request):
            response = JsonResponse(sorry.as_dict(), status=503)
        else:
            response = render(
                request,
                "user_error.html",
                {"error": sorry, "imagery": {"synthetic": False}},
                status=503,
            )
        response["Retry-After"] = "60"
        return response
