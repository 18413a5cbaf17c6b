"""What differs between two published maps: a page with map and table, the map's data, a CSV. Nothing here asks the rows."""

import csv
import io
import re
from collections import Counter
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from amberapp.errors import UserError
from labeling.models import ReleaseKind
from labeling.public.shared_pages import shared_by_strangers
from labeling.releases import catalogue
from labeling.releases.catalogue import PublishedRelease
from labeling.releases.comparison import Change, Comparison, compare_releases
from labeling.releases.files.changes import APPEARED, CHANGED, KINDS, VANISHED
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.files.writers import CSV_ENCODING, harmless
from labeling.releases.reason_words import CAUSES, cause_in_words

PER_PAGE = 100
# What comes from files that never change may be kept; the words are in the reader's language.
KEPT = "public, max-age=3600"
# The address that scripts put a place's name into.
ANY_PLACE = "PLACE"
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
    known = before.figures["hectares"] is not None and after.figures["hectares"] is not None
    context: dict[str, Any] = {
        "imagery": {"synthetic": catalogue.catalogue().synthetic},
        "before": before,
        "after": after,
        "comparison": comparison,
        "kinds": _kinds(comparison, kind, cause),
        "causes": _causes(comparison, kind, cause),
        "any_cause": _query(kind, ""),
        "kind": kind,
        "cause": cause,
        "page": page,
        "query": _query(kind, cause) + "&" if kind or cause else "",
        "hectares": round(after.figures["hectares"] - before.figures["hectares"], 2) if known else None,
        "releases": [one for one in catalogue.published() if one.region.slug == slug],
        "map_data": {
            "changes": reverse("release-compare-map", args=[slug, before.number, after.number]),
            "kind": kind,
            "cause": cause,
            "searched": after.kind == ReleaseKind.OWN,
            "releases": [_as_data(one) for one in (before, after)],
            "anyPlace": ANY_PLACE,
        },
    }
    return render(request, "labeling/public/compare.html", context)


def _kinds(comparison: Comparison, kind: str, cause: str) -> list[dict[str, Any]]:
    """What happened, as links: all of it and each kind that there is; a cause that a kind does not have is let go."""
    totals: Counter[str] = Counter()
    for (one, _cause), count in comparison.counts.items():
        totals[one] += count
    names = {
        APPEARED: _("New on the map"),
        VANISHED: _("No longer on the map"),
        CHANGED: _("Drawn differently"),
    }
    rows = [("", _("All"), totals.total())]
    rows += [(one, name, totals[one]) for one, name in names.items() if totals[one]]
    return [
        {
            "label": label,
            "count": count,
            "query": _query(one, cause if not one or comparison.counts[one, cause] else ""),
            "chosen": one == kind,
        }
        for one, label, count in rows
    ]


def _causes(comparison: Comparison, kind: str, chosen: str) -> list[dict[str, Any]]:
    """Why, as links: the causes of what is chosen, the most frequent first."""
    totals: Counter[str] = Counter()
    for (one, cause), count in comparison.counts.items():
        if not kind or one == kind:
            totals[cause] += count
    return [
        {
            "label": cause_in_words(cause),
            "count": count,
            "query": _query(kind, cause),
            "chosen": cause == chosen,
        }
        for cause, count in totals.most_common()
    ]


def _query(kind: str, cause: str) -> str:
    return urlencode({name: value for name, value in (("kind", kind), ("reason", cause)) if value})


def _as_data(release: PublishedRelease) -> dict[str, str]:
    """One side of the comparison, as the map's script wants it."""
    slug, number = release.region.slug, release.number
    numbered = _("release %(number)s") % {"number": number}
    return {
        "name": (release.title or _("an imported map"))
        if release.kind == ReleaseKind.HISTORICAL
        else numbered,
        "files": reverse("release-file", args=[slug, number, "x"])[:-1],
        "map": reverse("release-map", args=[slug, number]),
        "place": reverse("place", args=[slug, number, ANY_PLACE]),
        "picture": reverse("place-picture", args=[slug, number, ANY_PLACE]),
    }


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
