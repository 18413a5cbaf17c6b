"""What differs between two published maps: a page with map and table, the map's data, a CSV. Nothing here asks the rows."""

import csv
import io
import re
from collections import Counter
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from amberapp.errors import UserError
from labeling.actions import catalogue
from labeling.actions.catalogue import PublishedRelease
from labeling.actions.compare_releases import Change, Comparison, compare_releases
from labeling.actions.releases import PublishedPlace
from labeling.release_changes import APPEARED, CHANGED, KINDS, VANISHED
from labeling.release_files import CSV_ENCODING, harmless
from labeling.views.shared_pages import shared_by_strangers

# The page shows so many of each kind, the largest; the CSV and the map have them all.
SHOWN = 100
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


@shared_by_strangers
@require_safe
def release_compare(request: HttpRequest, slug: str, earlier: int, later: int) -> HttpResponse:
    """What changed between two releases, place by place."""
    before, after = _pair(slug, earlier, later)
    if before.number != earlier:
        return redirect("release-compare", slug=slug, earlier=before.number, later=after.number)
    comparison = _compared(before, after)
    known = before.figures["hectares"] is not None and after.figures["hectares"] is not None
    groups = (
        (APPEARED, _("New on the map"), comparison.appeared),
        (VANISHED, _("No longer on the map"), comparison.vanished),
        (CHANGED, _("Drawn differently"), comparison.changed),
    )
    reasons = Counter((change.kind, change.reason) for change in comparison.changes)
    context: dict[str, Any] = {
        "imagery": {"synthetic": catalogue.catalogue().synthetic},
        "before": before,
        "after": after,
        "comparison": comparison,
        "groups": [
            {
                "name": name,
                "title": title,
                "changes": changes[:SHOWN],
                "count": len(changes),
                "reasons": [(reason, n) for (kind, reason), n in reasons.most_common() if kind == name],
            }
            for name, title, changes in groups
        ],
        "hectares": round(after.figures["hectares"] - before.figures["hectares"], 2) if known else None,
        "releases": [one for one in catalogue.published() if one.region.slug == slug],
        "map_data": {
            "changes": reverse("release-compare-map", args=[slug, before.number, after.number]),
            "files": [reverse("release-file", args=[slug, one.number, "x"])[:-1] for one in (before, after)],
            "places": [reverse("place", args=[slug, one.number, "PLACE"]) for one in (before, after)],
        },
    }
    return render(request, "labeling/public_compare.html", context)


@require_safe
def release_compare_choose(request: HttpRequest, slug: str) -> HttpResponse:
    """?from=number&to=number, as the page's form sends it."""
    numbers = [request.GET.get(name, "") for name in ("from", "to")]
    if not all(re.fullmatch(r"[0-9]{1,9}", number) for number in numbers):
        raise UserError(_("Choose two different releases to compare."))
    earlier, later = (int(number) for number in numbers)
    return redirect("release-compare", slug=slug, earlier=earlier, later=later)


@require_safe
def release_compare_map(request: HttpRequest, slug: str, earlier: int, later: int) -> HttpResponse:
    """Every change as a row: [kind, place, latitude, longitude, hectares, reason], kinds and reasons by index."""
    before, after = _pair(slug, earlier, later)
    changes = _compared(before, after).changes
    reasons = sorted({change.reason for change in changes})
    index = {reason: number for number, reason in enumerate(reasons)}
    rows = [
        [
            KINDS.index(change.kind),
            change.place,
            change.shown.latitude,
            change.shown.longitude,
            change.shown.hectares,
            index[change.reason],
        ]
        for change in changes
    ]
    return _kept(JsonResponse({"kinds": KINDS, "reasons": reasons, "changes": rows}))


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
    return _remembered(
        before.region.slug, before.number, after.number, before.manifest + after.manifest, get_language()
    )


@lru_cache(maxsize=16)
def _remembered(slug: str, before: int, after: int, _files: str, _language: str | None) -> Comparison:
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
