"""What the page that compares two releases shows, decided: the sums, what may be chosen, the changes as rows."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from amberapp.templatetags.signed import signed
from labeling.models import ReleaseKind
from labeling.public import words
from labeling.public.addresses import ANY_PLACE, folder_of
from labeling.releases import catalogue
from labeling.releases.catalogue import PublishedRelease
from labeling.releases.comparison import Change, Comparison
from labeling.releases.files.changes import APPEARED, CHANGED, KINDS, VANISHED
from labeling.releases.reason_words import cause_in_words


@dataclass(frozen=True)
class Side:
    """One of the two releases, and how sentences name it."""

    release: PublishedRelease
    name: str


@dataclass(frozen=True)
class Option:
    number: int
    label: str


@dataclass(frozen=True)
class Choice:
    """A link that narrows the list, and how many it leaves."""

    label: str
    count: int
    query: str
    chosen: bool


@dataclass(frozen=True)
class LegendMark:
    kind: str
    label: str


@dataclass(frozen=True)
class ChangeRow:
    """`elsewhen`: the number of the release in which it happened, where that is not the later one of the two."""

    kind: str
    happened: str
    address: str
    position: str
    hectares: str
    image_of: str
    reason: str
    elsewhen: int | None


@dataclass(frozen=True)
class ComparePage:
    """`hectares`: what the later map has more, with its sign; empty where one of the two knows none. `options`: empty
    where there is nothing else to compare. `causes`: empty where there is nothing to choose among."""

    before: Side
    after: Side
    heading: str
    comparison: Comparison
    hectares: str
    options: list[Option]
    kind: str
    cause: str
    kinds: list[Choice]
    causes: list[Choice]
    any_cause: str
    legend: list[LegendMark]
    searched_for: int | None
    rows: list[ChangeRow]
    data: dict[str, Any]


def compare_page(
    before: PublishedRelease,
    after: PublishedRelease,
    comparison: Comparison,
    *,
    kind: str,
    cause: str,
    page: Page[Change],
) -> ComparePage:
    """kind, cause: what is chosen, "" for all; page: the changes that are listed."""
    slug = after.region.slug
    causes = _causes(comparison, kind, cause)
    return ComparePage(
        before=Side(before, words.release_name(before)),
        after=Side(after, words.release_name(after)),
        heading=_heading(before, after),
        comparison=comparison,
        hectares=_hectares_more(before, after),
        options=_options(slug),
        kind=kind,
        cause=cause,
        kinds=_kinds(comparison, kind, cause),
        causes=causes if len(causes) > 1 or cause else [],
        any_cause=query_of(kind, ""),
        legend=_legend(comparison, kind),
        searched_for=after.number if after.kind == ReleaseKind.OWN else None,
        rows=[_row(before, after, comparison, change) for change in page],
        data={
            "changes": reverse("release-compare-map", args=[slug, before.number, after.number]),
            "kind": kind,
            "cause": cause,
            "searched": after.kind == ReleaseKind.OWN,
            "releases": [_as_data(one) for one in (before, after)],
            "anyPlace": ANY_PLACE,
        },
    )


def query_of(kind: str, cause: str) -> str:
    return urlencode([(name, value) for name, value in (("kind", kind), ("reason", cause)) if value])


def _heading(before: PublishedRelease, after: PublishedRelease) -> str:
    if ReleaseKind.HISTORICAL not in (before.kind, after.kind):
        return _("What changed from release %(before)s to %(after)s") % {
            "before": before.number,
            "after": after.number,
        }
    return " ".join((_("What changed from"), words.release_name(before), _("to"), words.release_name(after)))


def _hectares_more(before: PublishedRelease, after: PublishedRelease) -> str:
    earlier, later = before.figures["hectares"], after.figures["hectares"]
    return "" if earlier is None or later is None else signed(round(later - earlier, 2), 1)


def _options(slug: str) -> list[Option]:
    releases = [one for one in catalogue.published() if one.region.slug == slug]
    if len(releases) <= 2:
        return []
    return [
        Option(
            one.number,
            f"{words.release_name(one)}, "
            f"{date_format(timezone.localtime(one.created_at), 'SHORT_DATE_FORMAT')}",
        )
        for one in releases
    ]


def _legend(comparison: Comparison, kind: str) -> list[LegendMark]:
    """The marks that are on the map; between maps that are compared by ground nothing has another outline."""
    return [
        LegendMark(one, _happened(one))
        for one in KINDS
        if kind in ("", one) and not (one == CHANGED and comparison.by_ground)
    ]


def _happened(kind: str) -> str:
    return {
        APPEARED: _("new on the map"),
        VANISHED: _("removed from it"),
        CHANGED: _("outline changed"),
    }[kind]


def _kinds(comparison: Comparison, kind: str, cause: str) -> list[Choice]:
    """What happened, as links: all of it and each kind that there is; a cause that a kind does not have is let go."""
    totals: Counter[str] = Counter()
    for (one, _cause), count in comparison.counts.items():
        totals[one] += count
    names = {
        APPEARED: _("New on the map"),
        VANISHED: _("No longer on the map"),
        CHANGED: _("Outline changed"),
    }
    rows = [("", _("All"), totals.total())]
    rows += [(one, name, totals[one]) for one, name in names.items() if totals[one]]
    return [
        Choice(
            label=label,
            count=count,
            query=query_of(one, cause if not one or comparison.counts[one, cause] else ""),
            chosen=one == kind,
        )
        for one, label, count in rows
    ]


def _causes(comparison: Comparison, kind: str, chosen: str) -> list[Choice]:
    """Why, as links: the causes of what is chosen, the most frequent first."""
    totals: Counter[str] = Counter()
    for (one, cause), count in comparison.counts.items():
        if not kind or one == kind:
            totals[cause] += count
    return [
        Choice(label=cause_in_words(cause), count=count, query=query_of(kind, cause), chosen=cause == chosen)
        for cause, count in totals.most_common()
    ]


def _row(
    before: PublishedRelease, after: PublishedRelease, comparison: Comparison, change: Change
) -> ChangeRow:
    release = after if change.after else before
    return ChangeRow(
        kind=change.kind,
        happened=_happened(change.kind),
        address=reverse("place", args=[release.region.slug, release.number, change.place]),
        position=words.position(change.shown, 4),
        hectares=_hectares_of(comparison, change),
        image_of=words.day_of(change.shown.day),
        reason=change.reason,
        elsewhen=change.release if change.release != after.number else None,
    )


def _hectares_of(comparison: Comparison, change: Change) -> str:
    """What it adds or takes away, or from what to what its outline changed; a square of an imported map knows none."""
    if comparison.by_ground and not change.shown.superpixels:
        return "–"
    if change.before and change.after:
        earlier, later = (floatformat(place.hectares, "2g") for place in (change.before, change.after))
        return f"{earlier} → {later}"
    return signed(change.hectares, 2)


def _as_data(release: PublishedRelease) -> dict[str, str]:
    """One side of the comparison, as the map's script wants it."""
    slug, number = release.region.slug, release.number
    return {
        "name": words.release_name(release),
        "files": folder_of(release),
        "map": reverse("release-map", args=[slug, number]),
        "place": reverse("place", args=[slug, number, ANY_PLACE]),
        "picture": reverse("place-picture", args=[slug, number, ANY_PLACE]),
    }
