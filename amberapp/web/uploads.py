"""What strangers may send: how much, and in which charset. Decided before any of it is read.

Django limits forms and JSON (DATA_UPLOAD_MAX_MEMORY_SIZE), but writes uploaded files to the disk whole before a view
sees them, and the check against forged forms reads them first. Here the size that a request states decides; servers
read no further than that.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from amberapp.errors import UserError, wants_json
from amberapp.web.plain_utf8 import REFUSED


class SizeLimit:
    """Refuses bodies above settings.STRANGERS_SEND_AT_MOST bytes without a session, above PEOPLE_SEND_AT_MOST with one.

    A made-up session cookie gains the higher limit and nothing else. Doors that take reports from citizens keep to
    the lower one for everybody.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        most = self._most(request)
        error = None
        if _stated_size(request) > most:
            error = UserError(
                _("This is too large: at most %(limit)s MB can be sent.") % {"limit": most // 2**20},
                code="too_large",
                status=413,
            )
        elif REFUSED in request.META and request.method not in ("GET", "HEAD", "OPTIONS"):
            error = UserError(
                _("This site reads UTF-8 only, not “%(charset)s”.") % {"charset": request.META[REFUSED]},
                code="unsupported_media_type",
                status=415,
            )
        if error is None:
            return self.get_response(request)
        # Whoever sends more than may be read has no further use for this connection.
        response: HttpResponse
        if wants_json(request):
            response = JsonResponse(error.as_dict(), status=error.status)
        else:
            response = render(request, "user_error.html", {"error": error}, status=error.status)
        response["Connection"] = "close"
        return response

    @staticmethod
    def _most(request: HttpRequest) -> int:
        has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
        if has_session and not request.path.startswith(settings.OPEN_DOORS):
            return int(settings.PEOPLE_SEND_AT_MOST)
        return int(settings.STRANGERS_SEND_AT_MOST)


def _stated_size(request: HttpRequest) -> int:
    """0 when the request states none: then nothing of it is read."""
    stated = request.META.get("CONTENT_LENGTH") or "0"
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 20 else 0
