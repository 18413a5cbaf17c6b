"""Everything that is sent here is UTF-8. Another charset in a Content-Type never reaches Django.

Django decodes a form by whatever codec the request names, and Python has codecs that take minutes for a megabyte
(punycode), that turn bytes into bytes (zip, hex), or that no text has. Django looks at the header before any middleware
does, so it is looked at in front of Django.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[..., Iterable[bytes]]

# Where a refused charset is left for `amberapp.web.uploads.SizeLimit` to answer.
REFUSED = "amber.refused_charset"
_MEDIA_TYPE = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:;|$)")
_BOUNDARY = re.compile(
    r";\s*boundary=(\"[^\"\\\x00-\x1f\x7f]{1,70}\"|[^\s\";,\x00-\x1f\x7f]{1,70})", re.IGNORECASE
)
_CHARSET = re.compile(r";\s*charset\s*(\*?)\s*=\s*\"?([^\s\";]*)", re.IGNORECASE)
_UTF8 = frozenset(["", "utf-8", "utf8", "us-ascii", "ascii"])


def plain_utf8(application: Application) -> Application:
    """A WSGI application before which the Content-Type holds a media type and, of a form with files, its boundary."""

    def utf8_only(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        stated = environ.get("CONTENT_TYPE")
        if stated:
            charset = _CHARSET.search(stated)
            if charset and (charset[1] or charset[2].lower() not in _UTF8):
                environ[REFUSED] = charset[2][:40]
            environ["CONTENT_TYPE"] = without_charset(stated)
        return application(environ, start_response)

    return utf8_only


def without_charset(stated: str) -> str:
    """The media type and the boundary of a Content-Type; empty where it states none."""
    media_type, boundary = _MEDIA_TYPE.match(stated), _BOUNDARY.search(stated)
    if media_type is None:
        return ""
    return media_type[1] + (f"; boundary={boundary[1]}" if boundary else "")
