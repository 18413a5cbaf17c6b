"""Parts of a file (RFC 9110, 14): PMTiles are read a few kilobytes at a time, from other sites too.

Left out: several parts in one answer; who asks for them gets the whole file, as the RFC allows.
"""

import re
from collections.abc import Iterator
from typing import IO, Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

_ONE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
CHUNK = 2**16


def part_wanted(request: HttpRequest, size: int, etag: str) -> range | None:
    """The bytes asked for, of `size`; empty where the file has none of them; None: the whole file."""
    asked = _ONE.fullmatch(request.headers.get("Range", "").strip())
    if asked is None or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = asked.groups()
    if not first:
        return range(max(0, size - int(last)), size) if last else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def part_of(file: IO[Any], part: range, size: int, content_type: str) -> HttpResponseBase:
    """206 with the part, or 416 where it is empty; closes the file."""
    response: HttpResponseBase
    if not part:
        file.close()
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
        return response
    response = StreamingHttpResponse(_read(file, part), status=206, content_type=content_type)
    response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    response["Content-Length"] = str(len(part))
    return response


def _read(file: IO[bytes], part: range) -> Iterator[bytes]:
    with file:
        file.seek(part.start)
        left = len(part)
        while left and (data := file.read(min(CHUNK, left))):
            left -= len(data)
            yield data
