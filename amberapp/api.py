"""What every API door shares: pages of results and the one error shape."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import JSONParser
from rest_framework.response import Response

from amberapp.errors import UserError


class Pages(PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 500


class ShallowJSON(JSONParser):
    """JSON that is nested deeper than Python can follow is a client's mistake, not the server's."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise exceptions.ParseError("This JSON is nested too deeply.") from None


ERROR_SCHEMA = {
    "type": "object",
    "description": "What every refused request is answered with; `message` is a sentence for people.",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "string", "minLength": 1},
                "message": {"type": "string", "minLength": 1},
                "fields": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}


def with_errors(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's last step: every operation says that anything but its success has the one error shape."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR_SCHEMA
    refused = {
        "description": "Refused: bad input (400), not logged in or not allowed (401, 403), not there (404), "
        "changed meanwhile (409), too large (413), too many (429).",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = refused
    return result


def error_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: {"error": {"code", "message", "fields"}} for whatever a client sends."""
    # rest_framework.views reads the settings above while it is imported: at the top of this module, whoever
    # imports it first would find it half made.
    from rest_framework.views import exception_handler

    if isinstance(error, UserError):
        return Response(error.as_dict(), status=error.status)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    response = exception_handler(error, context)
    if response is None or not isinstance(error, exceptions.APIException):
        return response
    fields: dict[str, list[str]] = {}
    if isinstance(error, exceptions.ValidationError):
        fields = _flatten(error.detail)
        message = "; ".join(f"{name}: {texts[0]}" if name else texts[0] for name, texts in fields.items())
        code = "invalid"
    else:
        message = str(error.detail)
        code = str(error.get_codes())
    # What was sent is quoted here: halves of letters (surrogates), which JSON can spell, no answer can be written in.
    response.data = _whole_letters({"error": {"code": code, "message": message, "fields": fields}})
    return response


def _whole_letters(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole_letters(key): _whole_letters(value) for key, value in value.items()}
    return [_whole_letters(item) for item in value] if isinstance(value, list) else value


def _flatten(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    if isinstance(detail, dict):
        flat: dict[str, list[str]] = {}
        for name, inner in detail.items():
            key = "" if name == "non_field_errors" else str(name)
            flat.update(_flatten(inner, f"{prefix}.{key}".strip(".")))
        return flat
    if isinstance(detail, list):
        if any(isinstance(item, dict | list) for item in detail):
            flat = {}
            for index, item in enumerate(detail):
                flat.update(_flatten(item, f"{prefix}[{index}]"))
            return flat
        return {prefix: [str(item) for item in detail]} if detail else {}
    return {prefix: [str(detail)]}
