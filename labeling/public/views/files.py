"""The files of releases and the pictures of their places, with what caches, programs and other sites need to know."""

import base64
import re

from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from amberapp.errors import NotThere, UserError
from labeling.public.byte_ranges import part_of, part_wanted
from labeling.public.pictures import SIZES, published_picture
from labeling.releases.catalogue import PublishedRelease, published_as, published_numbered
from labeling.releases.reader import FILE_NAME

FOREVER = "public, max-age=31536000, immutable"
# A source's right to publish can be withdrawn: pictures are asked for again within the hour.
PICTURE_CACHE = "public, max-age=3600"


@require_safe
def release_file(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponseBase:
    """One file of a release, the same bytes for ever; gzipped for readers that take it, or the part that is asked for."""
    file = published_numbered(slug, number).file(name) if FILE_NAME.fullmatch(name) else None
    if file is None:
        raise NotThere(_("There is no such file in this release."))
    packed = _takes_gzip(request) and "Range" not in request.headers
    packed = packed and default_storage.exists(file.key + ".gz")
    etag = f'"{file.sha256}{"-gz" if packed else ""}"'
    response: HttpResponseBase
    if etag in request.headers.get("If-None-Match", ""):
        response = HttpResponse(status=304)
    else:
        try:
            stored = default_storage.open(file.key + (".gz" if packed else ""), "rb")
        except FileNotFoundError:
            raise NotThere(_("This file is missing from the site's storage.")) from None
        part = None if packed else part_wanted(request, file.size, etag)
        if part is None:
            # Named here, or browsers would save it as the storage calls it, and no name would stand in SHA256SUMS.
            response = FileResponse(stored, content_type=file.media_type, filename=file.name)
        else:
            response = part_of(stored, part, file.size, file.media_type)
        if packed:
            response["Content-Encoding"] = "gzip"
        elif response.status_code == 200:
            # RFC 9530: the checksum of what is sent, for those who ask with tools.
            digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
            response["Repr-Digest"] = f"sha-256=:{digest}:"
    response["ETag"] = etag
    if response.status_code != 416:
        response["Cache-Control"] = FOREVER
    response["Accept-Ranges"] = "bytes"
    # Open data: any site may read it.
    response["Access-Control-Allow-Origin"] = "*"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def _takes_gzip(request: HttpRequest) -> bool:
    return bool(
        re.search(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", request.headers.get("Accept-Encoding", ""))
    )


@require_safe
def place_picture(request: HttpRequest, slug: str, number: int, place_id: str) -> HttpResponse:
    """The image of a published place, where the rights of its source allow showing it."""
    return _picture(request, published_numbered(slug, number), place_id)


@require_safe
def picture_by_fingerprint(request: HttpRequest, slug: str, fingerprint: str, place_id: str) -> HttpResponse:
    """The same, by the address in the files of labels. Releases that share a map may differ in their labels' images."""
    releases = published_as(slug, fingerprint)
    release = next((one for one in releases if place_id in one.pictures), releases[0])
    return _picture(request, release, place_id)


def _picture(request: HttpRequest, release: PublishedRelease, place_id: str) -> HttpResponse:
    size = request.GET.get("size", str(SIZES[0]))
    if size not in map(str, SIZES):
        raise UserError(_("Pictures come in these sizes: %(sizes)s.") % {"sizes": ", ".join(map(str, SIZES))})
    data, etag = published_picture(release, place_id, int(size))
    if etag in request.headers.get("If-None-Match", ""):
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(data, content_type="image/webp")
    response["ETag"] = etag
    response["Cache-Control"] = PICTURE_CACHE
    return response
