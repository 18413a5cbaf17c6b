"""Mistakes that a person can mend, and how each door tells of them.

Raise UserError from an action; pages show its sentence, the API and scripts get the one error shape:
{"error": {"code": "...", "message": "...", "fields": {"name": ["..."]}}}.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render


class UserError(Exception):
    """A request that cannot be done as asked; `message` names the thing and the way out."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid",
        status: int = 400,
        fields: dict[str, list[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.fields = fields or {}

    def as_dict(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": str(self.message), "fields": self.fields}}


class NotAllowed(UserError):
    """The person's role does not include what was asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="not_allowed", status=403)


class NotThere(UserError):
    """The thing asked for does not exist or is not this person's to see."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="not_found", status=404)


class Conflict(UserError):
    """Somebody else changed the thing meanwhile."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="conflict", status=409)


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith("/api/") or "application/json" in request.headers.get("Accept", "")


class UserErrorMiddleware:
    """Turns a UserError that left a view into a page or the one JSON error shape."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, UserError):
            return None
        if wants_json(request):
            return JsonResponse(exception.as_dict(), status=exception.status)
        return render(request, "user_error.html", {"error": exception}, status=exception.status)
