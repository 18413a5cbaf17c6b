"""What differs between two published maps: a page with map and table, the map's data, a CSV. Nothing here asks the rows."""

import csv
import io
import re
from functools import lru_cache

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from amberapp.errors import UserError
from labeling.public.compare_page import compare_page, query_of
from labeling.public.shared_pages import shared_by_strangers
from labeling.releases import catalogue
from labeling.releases.catalogue import PublishedRelease
from labeling.releases.comparison import Change, Comparison, compare_releases
from labeling.releases.files.changes import KINDS
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.files.writers import CSV_ENCODING, harmless
from labeling.releases.reason_words import CAUSES

PER_PAGE = 100
# What comes from files that never change may be kept; the words are in the reader's language.
KEPT = "public, max-age=3600"
COLUMNS = (
    "change",
    "place",
    "latitude",
    "longitude",
    "hectares_before",
    "hectares_after",
    "capture_date",
    "cause",
    "reason",
    "release",
)


@gzip_page
@shared_by_strangers
@require_safe
def release_compare(request: HttpRequest, slug: str, earlier: int, later: int) -> HttpResponse:
    """What changed between two releases, place by place: ?kind=vanished&reason=report&page=2, all of it plain links."""
    before, after = _pair(slug, earlier, later)
    if before.number != earlier:
        return redirect("release-compare", slug=slug, earlier=before.number, later=after.number)
    comparison = _compared(before, after)
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    cause = request.GET.get("reason", "")
    cause = cause if cause in CAUSES else ""
    page = Paginator(comparison.chosen(kind, cause), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "imagery": {"synthetic": catalogue.catalogue().synthetic},
        "compare": compare_page(before, after, comparison, kind=kind, cause=cause, page=page),
        "page": page,
        "query": f"{query_of(kind, cause)}&" if kind or cause else "",
    }
    return render(request, "labeling/public/compare.html", context)


@require_safe
def release_compare_choose(request: HttpRequest, slug: str) -> HttpResponse:
    """?from=number&to=number, as the page's form sends it."""
    numbers = [request.GET.get(name, "") for name in ("from", "to")]
    if not all(re.fullmatch(r"[0-9]{1,9}", number) for number in numbers):
        raise UserError(_("Choose two different releases to compare."))
    earlier, later = (int(number) for number in numbers)
    return redirect("release-compare", slug=slug, earlier=earlier, later=later)


@gzip_page
@require_safe
def release_compare_map(request: HttpRequest, slug: str, earlier: int, later: int) -> HttpResponse:
    """Every change as a row: [kind, place, latitude, longitude, hectares, reason], kinds and reasons by index.

    A reason is [cause, words].
    """
    before, after = _pair(slug, earlier, later)
    index: dict[tuple[str, str], int] = {}
    rows = [
        [
            KINDS.index(change.kind),
            change.place,
            change.shown.latitude,
            change.shown.longitude,
            change.shown.hectares,
            index.setdefault((change.cause, change.reason), len(index)),
        ]
        for change in _compared(before, after).changes
    ]
    return _kept(JsonResponse({"kinds": KINDS, "reasons": list(index), "changes": rows}))


@gzip_page
@require_safe
def release_compare_csv(request: HttpRequest, slug: str, earlier: int, later: int) -> HttpResponse:
    """Every change as a row of CSV (RFC 4180, UTF-8 with its mark); `reason` in the reader's language, `cause` its kind."""
    before, after = _pair(slug, earlier, later)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(change) for change in _compared(before, after).changes)
    response = HttpResponse(out.getvalue().encode(CSV_ENCODING), content_type="text/csv; charset=utf-8")
    name = f"amber-{slug}-{before.number}-{after.number}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return _kept(response)


def _pair(slug: str, earlier: int, later: int) -> tuple[PublishedRelease, PublishedRelease]:
    """The two releases, the older map first. Raises UserError for one release twice, NotThere."""
    if earlier == later:
        raise UserError(_("Choose two different releases to compare."))
    found = sorted(
        (catalogue.published_numbered(slug, number) for number in (earlier, later)),
        key=lambda release: (release.created_at, release.id),
    )
    return found[0], found[1]


def _compared(before: PublishedRelease, after: PublishedRelease) -> Comparison:
    return _remembered(before.region.slug, before.number, after.number, before.manifest + after.manifest)


# A comparison of ten thousand changes takes about as much memory as its two lists of places (docs/measurements.md).
@lru_cache(maxsize=4)
def _remembered(slug: str, before: int, after: int, _files: str) -> Comparison:
    """What two releases differ in never changes; their manifests name what they hold."""
    one, other = catalogue.published_numbered(slug, before), catalogue.published_numbered(slug, after)
    return compare_releases(one, other)


def _row(change: Change) -> list[str]:
    shown = change.shown
    return [
        change.kind,
        harmless(change.place),
        f"{shown.latitude:.6f}",
        f"{shown.longitude:.6f}",
        _hectares(change.before),
        _hectares(change.after),
        shown.capture_date or "",
        change.cause,
        harmless(change.reason),
        str(change.release) if change.release is not None else "",
    ]


def _hectares(place: PublishedPlace | None) -> str:
    return "" if place is None or place.hectares is None else f"{place.hectares:.4f}"


def _kept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = KEPT
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response
