"""The public map, its permalinks and files. No account needed; nothing here changes anything.

For a stranger these pages read the catalogue and the files of releases, never the database: they stand while it is
stopped (docs/adr/0012).
"""

import base64
import re
from typing import Any
from urllib.parse import urlencode

from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.formats import number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from amberapp.errors import NotThere, UserError
from labeling.models import ReleaseKind, ReportCategory
from labeling.public.byte_ranges import part_of, part_wanted
from labeling.public.districts import UNDATED, by_district, in_language, years_as_data
from labeling.public.nearby_names import Near, near_names
from labeling.public.pictures import SIZES, published_picture
from labeling.public.shared_pages import shared_by_strangers
from labeling.releases.catalogue import (
    PublishedRelease,
    catalogue,
    latest_published,
    may_show,
    published,
    published_as,
    published_numbered,
)
from labeling.releases.files.changes import CHANGES
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.files.writers import DOWNLOADS, PREVIEWS
from labeling.releases.reader import FILE_NAME, place_of, places_of
from labeling.reports.mail import can_be_sent

FOREVER = "public, max-age=31536000, immutable"
# A source's right to publish can be withdrawn: pictures are asked for again within the hour.
PICTURE_CACHE = "public, max-age=3600"
PER_PAGE = 100
# Each with all its files: of a large region more than a hundred.
RELEASES_PER_PAGE = 10
# The address that scripts put a place's name into.
ANY_PLACE = "PLACE"
# Releases made before there was one a language have this one.
DEFAULT_PREVIEW = "en"


@gzip_page
@shared_by_strangers
@require_safe
def public_map(request: HttpRequest) -> HttpResponse:
    """The latest release of the region published last, or a word to the first visitors."""
    release = latest_published()
    if release is None:
        return _page(request, "labeling/public/empty.html", {})
    return _map(request, release)


@shared_by_strangers
@require_safe
def region_map(request: HttpRequest, slug: str) -> HttpResponse:
    """The latest release of one region, by its permalink."""
    release = latest_published(slug)
    if release is None:
        raise NotThere(_("No map of this region has been published."))
    return redirect("release-map", slug=slug, number=release.number)


@gzip_page
@shared_by_strangers
@require_safe
def release_map(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    return _map(request, published_numbered(slug, number))


@require_safe
def release_by_fingerprint(request: HttpRequest, slug: str, printed: str) -> HttpResponse:
    """The release that names itself so in its own files, which cannot know its number; of several the first."""
    return redirect("release-map", slug=slug, number=published_as(slug, printed)[0].number)


@gzip_page
@shared_by_strangers
@require_safe
def place(request: HttpRequest, slug: str, number: int, place_id: str) -> HttpResponse:
    release = published_numbered(slug, number)
    return _map(request, release, place_of(release, place_id))


def _map(
    request: HttpRequest, release: PublishedRelease, place: PublishedPlace | None = None
) -> HttpResponse:
    figures = release.statistics
    slug, number = release.region.slug, release.number
    years = [year for year in figures["by_year"] if year["places"] or year["year"] is not None]
    highest = max((year["hectares"] or 0 for year in years), default=0) or 1
    districts = by_district(figures)
    permalink = reverse("release-map", args=[slug, number])
    picture = place is not None and may_show(release, place.place)
    context: dict[str, Any] = {
        "release": release,
        "figures": figures,
        "place": place,
        "gone_in": _gone_in(release, place),
        "picture": picture,
        "bars": [{**year, "height": round(100 * (year["hectares"] or 0) / highest, 1)} for year in years],
        "districts": districts,
        "previous": release.previous,
        "today": _today(release),
        "regions": [] if place else _other_regions(release),
        "preview": _preview(request, release),
        "is_latest": request.resolver_match is not None and request.resolver_match.url_name == "public-map",
        "permalink": request.build_absolute_uri(permalink),
        "attribution": [source["attribution"] for source in figures["sources"] if source["attribution"]],
        "categories": ReportCategory.choices,
        "letters": can_be_sent(),
        "map_data": {
            "files": reverse("release-file", args=[slug, number, "x"])[:-1],
            "slug": slug,
            "number": number,
            "release": release.pk,
            "bounds": figures["bounds"] or figures["searched_bounds"],
            "years": years_as_data(years),
            "districts": [row.as_data() for row in districts.rows],
            "hectares": figures["hectares"],
            "anyPlace": ANY_PLACE,
            "placePage": reverse("place", args=[slug, number, ANY_PLACE]),
            "picture": reverse("place-picture", args=[slug, number, ANY_PLACE]),
            "reports": reverse("api-reports"),
            "place": _as_data(place) if place else None,
        },
    }
    return _page(request, "labeling/public/map.html", context)


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page that says from the catalogue whether there is synthetic imagery."""
    return render(request, template, {**context, "imagery": {"synthetic": catalogue().synthetic}})


def _other_regions(release: PublishedRelease) -> list[PublishedRelease]:
    """The latest map of each other region, by name."""
    slugs = {one.region.slug for one in published()} - {release.region.slug}
    found = [latest for slug in slugs if (latest := latest_published(slug)) is not None]
    return sorted(found, key=lambda one: (one.region.name, one.region.slug))


def _gone_in(release: PublishedRelease, place: PublishedPlace | None) -> int | None:
    """The number of the map of today, where an older one shows the place and that one does not."""
    latest = latest_published(release.region.slug) if place is not None else None
    if place is None or latest is None or latest.number <= release.number or release.kind != ReleaseKind.OWN:
        return None
    return None if any(one.place == place.place for one in places_of(latest)) else latest.number


def _today(release: PublishedRelease) -> int | None:
    """Of an imported map the release made here that it can be compared with; None of all others."""
    if release.kind != ReleaseKind.HISTORICAL:
        return None
    latest = latest_published(release.region.slug)
    return latest.number if latest is not None and latest.kind == ReleaseKind.OWN else None


def _preview(request: HttpRequest, release: PublishedRelease) -> str:
    """The address of the picture that other sites show beside a link, in the page's language where the release has one;
    empty where it has none."""
    names = (PREVIEWS.get(get_language() or ""), PREVIEWS[DEFAULT_PREVIEW])
    name = next((name for name in names if name and release.file(name) is not None), None)
    if name is None:
        return ""
    return request.build_absolute_uri(
        reverse("release-file", args=[release.region.slug, release.number, name])
    )


def _as_data(place: PublishedPlace) -> dict[str, Any]:
    return {
        "place": place.place,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "tile": place.tile,
        "capture_date": place.capture_date,
        "dates": [other.to_json() for other in place.dates],
    }


@gzip_page
@shared_by_strangers
@require_safe
def place_list(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """All places of a release as a table, largest first: the map for screen readers and for paper.

    ?year=2014 (or undated) &district=name &page=2, as the map's address has them.
    """
    release = published_numbered(slug, number)
    places: tuple[PublishedPlace, ...] | list[PublishedPlace] = places_of(release)
    found = {place.year for place in places}
    years = [str(year) for year in sorted(year for year in found if year is not None)]
    years += [UNDATED] if None in found else []
    year = request.GET.get("year", "")
    year = year if year == UNDATED or re.fullmatch(r"[0-9]{4}", year) else ""
    if year:
        wanted = None if year == UNDATED else int(year)
        places = [place for place in places if place.year == wanted]
    districts = by_district(release.statistics).rows
    district = next((row for row in districts if row.name == request.GET.get("district")), None)
    if district is not None:
        places = [place for place in places if place.district == district.name]
    told = release.statistics if district is None else district.as_data()
    if year:
        of_years = years_as_data(told["by_year"]) if district is None else told["years"]
        told = of_years.get(year, {"hectares": 0})
    chosen = {"year": year, "district": district.name if district else ""}
    page = Paginator(places, PER_PAGE).get_page(request.GET.get("page"))
    near, labels = near_names(release, page.object_list), {row.name: row.label for row in districts}
    context = {
        "release": release,
        "page": page,
        "rows": [
            {"place": place, "district": labels.get(place.district, ""), "near": _near(near.get(place.place))}
            for place in page
        ],
        # Of what is listed, as the map tells it; an imported map does not know any.
        "hectares": None if release.statistics["hectares"] is None else told["hectares"],
        "years": [
            {"year": one, "query": _query({**chosen, "year": one}), "chosen": one == year}
            for one in ["", *years]
        ],
        "year": year,
        "districts": districts,
        "district": district,
        "query": _query(chosen),
    }
    return _page(request, "labeling/public/places.html", context)


def _query(chosen: dict[str, str]) -> str:
    return "".join(f"{urlencode({name: value})}&" for name, value in chosen.items() if value)


def _near(found: Near | None) -> str:
    """As readers say where a place is."""
    if found is None:
        return ""
    km = number_format(found.km, 0 if found.km >= 10 else 1)
    return _("%(km)s km from %(name)s") % {"km": km, "name": in_language(found.name, found.names)}


@gzip_page
@shared_by_strangers
@require_safe
def release_list(request: HttpRequest) -> HttpResponse:
    """Every release ever published, newest first, with what is offered for download, and all files with checksums."""
    page = Paginator(published(), RELEASES_PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "release": release,
            "figures": release.statistics,
            "previous": release.previous,
            "today": _today(release),
            "folder": reverse("release-file", args=[release.region.slug, release.number, "x"])[:-1],
            "changes": release.file(CHANGES) is not None,
            "downloads": sorted(
                (file for file in release.files if file.name in DOWNLOADS),
                key=lambda file: DOWNLOADS.index(file.name),
            ),
        }
        for release in page
    ]
    return _page(request, "labeling/public/releases.html", {"page": page, "rows": rows})


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
def picture_by_fingerprint(request: HttpRequest, slug: str, printed: str, place_id: str) -> HttpResponse:
    """The same, by the address in the files of labels. Releases that share a map may differ in their labels' images."""
    found = published_as(slug, printed)
    release = next((one for one in found if place_id in one.pictures), found[0])
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
