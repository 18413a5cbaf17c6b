"""Pages that are the same for every stranger, so that a CDN may keep them and hand them out while the site is away."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

# A browser asks each time; what stands between may keep a page for a minute, for a week where the site does not answer.
SHARED = "public, max-age=0, s-maxage=60, stale-while-revalidate=600, stale-if-error=604800"
# Who has one of these may be shown a page of their own.
PERSONAL = (settings.SESSION_COOKIE_NAME, "messages")


def shared_by_strangers(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Lets caches keep what a stranger is shown. The language is a stranger's own too: it is named in Vary."""

    @wraps(view)
    def shared(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        patch_vary_headers(response, ["Cookie", "Accept-Language"])
        known = any(name in request.COOKIES for name in PERSONAL)
        response["Cache-Control"] = "private, no-cache" if known else SHARED
        return response

    return shared
