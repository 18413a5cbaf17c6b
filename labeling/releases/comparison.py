"""What differs on the ground between any two releases of one region, place by place, and why.

Reads published files only, so that it works without the database. Why places come and go stands in each release's
changes.json (labeling.releases.reasons writes it); between releases that are not neighbours the files of those
in between are asked. An imported map has no places that could be matched by name: it is compared by ground.
"""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import shapely
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from amberapp import storage
from amberapp.errors import NotThere
from detection.models import Run
from labeling.models import Release, ReleaseKind
from labeling.releases import catalogue
from labeling.releases.catalogue import PublishedRelease
from labeling.releases.files.changes import (
    APPEARED,
    CHANGED,
    VANISHED,
    Reason,
    difference,
    from_file,
    last_reasons,
    to_file,
)
from labeling.releases.files.grid import OUTLINE_LEVEL, cell_of
from labeling.releases.reader import IndexedPlace, places_of
from labeling.releases.reasons import reasons_between

CHANGES = "changes.json"
OUTLINES = "places.geojson"
# The reasons in words, without their particulars.
CAUSES = {
    "report": gettext_noop("a citizen's report"),
    "review": gettext_noop("an expert's verdict"),
    "campaign": gettext_noop("a campaign against a class of errors"),
    "classifier": gettext_noop("a new classifier"),
    "imagery": gettext_noop("a newer image of this ground"),
    "another_image": gettext_noop("another image of this ground"),
    "taken_back": gettext_noop("a verdict was taken back"),
    "rights_given": gettext_noop("its imagery may be used again"),
    "placed": gettext_noop("where its image lies was not known before"),
    "new_ground": gettext_noop("the release before had not searched there"),
    "unjudged": gettext_noop("found again, but no expert has approved it in its new outline"),
    "disputed": gettext_noop("experts contradict each other about it: another one will decide"),
    "second_opinion": gettext_noop("an expert has asked a colleague for a second opinion"),
    "rights": gettext_noop("its imagery may not be used any more"),
    "not_searched": gettext_noop("the later map has not searched there"),
    "not_found": gettext_noop("searched for the later map, and not found there"),
    "rule": gettext_noop("searched again by another rule"),
    "outline": gettext_noop("its outline was corrected"),
    "not_shown": gettext_noop("the earlier map does not show it"),
    "not_shown_later": gettext_noop("the later map does not show it"),
    "roll_back": gettext_noop("an older release was published again"),
    "unknown": gettext_noop("the reason was not recorded"),
}
UNKNOWN: Reason = {"kind": "unknown"}
NOT_FOUND: Reason = {"kind": "not_found"}
NOT_SEARCHED: Reason = {"kind": "not_searched"}
NOT_SHOWN: Reason = {"kind": "not_shown"}
NOT_SHOWN_LATER: Reason = {"kind": "not_shown_later"}


@dataclass(frozen=True, slots=True)
class Change:
    """One place of the earlier release (`before`), of the later one (`after`), or of both with another outline.

    `release`: the number of the release in which it happened, None where that is not known; `why` as the release keeps
    it. The words are made when they are read: a page shows a hundred of ten thousand.
    """

    place: str
    kind: str
    before: IndexedPlace | None
    after: IndexedPlace | None
    why: Reason
    release: int | None = None

    @property
    def cause(self) -> str:
        """The kind of the reason (labeling.releases.files.changes.REASONS and those of imported maps)."""
        return str(self.why["kind"])

    @property
    def reason(self) -> str:
        """Why, in the reader's language."""
        return in_words(self.why)

    @property
    def shown(self) -> IndexedPlace:
        """The place as it stands, or as it stood before it went."""
        found = self.after or self.before
        assert found is not None  # a change has one side at least
        return found

    @property
    def hectares(self) -> float:
        """What the change adds to the map; negative where it takes away. An imported map knows no hectares: 0."""
        gained = (self.after.hectares or 0.0) if self.after else 0.0
        lost = (self.before.hectares or 0.0) if self.before else 0.0
        return round(gained - lost, 4)


@dataclass(frozen=True)
class Comparison:
    """Each list is sorted by hectares, largest first. by_ground: matched by overlap, one map being imported.

    No text in it: it may be kept for readers of every language.
    """

    appeared: list[Change]
    vanished: list[Change]
    changed: list[Change]
    unchanged: int
    by_ground: bool = False

    @property
    def changes(self) -> list[Change]:
        return [*self.appeared, *self.vanished, *self.changed]

    @cached_property
    def largest_first(self) -> list[Change]:
        return sorted(self.changes, key=_by_size)

    @cached_property
    def counts(self) -> Counter[tuple[str, str]]:
        """(kind, cause) → how many changes."""
        return Counter((change.kind, change.cause) for change in self.changes)

    def chosen(self, kind: str, cause: str) -> list[Change]:
        """Those of one kind, of one cause, of both; "" stands for all. Largest first."""
        of_kind = {APPEARED: self.appeared, VANISHED: self.vanished, CHANGED: self.changed}
        found = of_kind[kind] if kind else self.largest_first
        return [change for change in found if change.cause == cause] if cause else found


def compare_releases(earlier: Release | PublishedRelease, later: Release | PublishedRelease) -> Comparison:
    """Compare two releases of one region; places by name, or by ground where one of them is an imported map."""
    if ReleaseKind.HISTORICAL in (earlier.kind, later.kind):
        return _by_ground(earlier, later)
    before = {place.place: place for place in places_of(earlier)}
    after = {place.place: place for place in places_of(later)}
    found = difference(
        {key: place.outline_sha256 for key, place in before.items()},
        {key: place.outline_sha256 for key, place in after.items()},
    )
    kinds = found.kinds()
    why = last_reasons(kinds, _chain(earlier, later)) if kinds else {}

    def change(place: str) -> Change:
        number, reason = why.get(place, (None, UNKNOWN))
        return Change(
            place=place,
            kind=kinds[place],
            before=before.get(place),
            after=after.get(place),
            why=reason,
            release=number,
        )

    return _sorted(
        Comparison(
            appeared=[change(place) for place in found.appeared],
            vanished=[change(place) for place in found.vanished],
            changed=[change(place) for place in found.changed],
            unchanged=found.unchanged,
        )
    )


def changes_of(
    *, previous: Release, run: Run | None, places: list[dict[str, Any]], restores: int | None = None
) -> bytes:
    """The changes.json of the release that is about to be written after `previous`.

    places: the rows of its places.json; restores: the number of the release that it publishes again.
    """
    found = difference(
        {place.place: place.outline_sha256 for place in places_of(previous)},
        {row["place"]: row["outline_sha256"] for row in places},
    )
    kinds = found.kinds()
    reasons: dict[str, Reason]
    if restores is not None:
        reasons = {place: {"kind": "roll_back", "release": restores} for place in kinds}
    else:
        reasons = reasons_between(previous, run, found) if kinds else {}
    return to_file(previous.number, kinds, reasons)


def in_words(reason: Reason) -> str:
    """A reason as a phrase in the reader's language."""
    kind = reason["kind"]
    if kind == "report":
        said = _("a citizen's report was accepted (no. %(number)s)") % {"number": reason["report"]}
        return _with_look_alike(said, reason)
    if kind == "review" and reason.get("verdict") == "approved":
        return _("an expert has approved it since")
    if kind == "review":
        return _with_look_alike(_("an expert has rejected it"), reason)
    if kind == "taken_back":
        return _taken_back(reason.get("verdict"))
    if kind == "campaign":
        return _with_look_alike(_campaign(reason), reason)
    if kind == "classifier":
        campaigns = [_campaign(one) for one in reason.get("campaigns", ())]
        said = _("a new classifier")
        return f"{said}: {', '.join(campaigns)}" if campaigns else said
    if kind == "roll_back":
        return _("release %(number)s was published again") % {"number": reason["release"]}
    return cause_in_words(kind)


def cause_in_words(cause: str) -> str:
    """A kind of reason without its particulars, as a reader chooses among them."""
    return _(CAUSES.get(cause, CAUSES["unknown"]))


def _taken_back(verdict: str | None) -> str:
    if verdict == "approved":
        return _("an expert has taken the approval back")
    if verdict == "rejected":
        return _("an expert has taken the rejection back")
    if verdict == "second":
        return _("an expert has taken back the question to a colleague")
    return _("a verdict was taken back")


def _campaign(reason: Reason) -> str:
    if "report" in reason:
        return _("campaign “%(name)s” after report no. %(number)s") % {
            "name": reason["campaign"],
            "number": reason["report"],
        }
    return _("campaign “%(name)s”") % {"name": reason["campaign"]}


def _with_look_alike(said: str, reason: Reason) -> str:
    look_alike = reason.get("look_alike")
    if not look_alike:
        return said
    names, language = look_alike["names"], (get_language() or "en").split("-")[0]
    return f"{said} ({names.get(language) or names.get('en') or look_alike['slug']})"


def _chain(
    earlier: Release | PublishedRelease, later: Release | PublishedRelease
) -> list[tuple[int, dict[str, tuple[str, Reason]]]]:
    """The releases after the earlier one up to the later one, newest first, each with its changes."""
    between = [
        release
        for release in catalogue.published()
        if release.region_id == later.region_id
        and release.kind == ReleaseKind.OWN
        and earlier.number < release.number <= later.number
    ]
    between.sort(key=lambda release: -release.number)
    return [(release.number, _changes_in(release)) for release in between]


def _changes_in(release: PublishedRelease) -> dict[str, tuple[str, Reason]]:
    file = release.file(CHANGES)
    if file is None:
        return {}  # published before reasons were kept
    try:
        return _read_changes(file.key)
    except (NotThere, ValueError):
        return {}


# What comes of them is kept by whoever asks again; ten thousand reasons take some megabytes.
@lru_cache(maxsize=4)
def _read_changes(key: str) -> dict[str, tuple[str, Reason]]:
    return from_file(storage.get(key))


def _sorted(found: Comparison) -> Comparison:
    for changes in (found.appeared, found.vanished, found.changed):
        changes.sort(key=_by_size)
    return found


def _by_size(change: Change) -> tuple[float, str]:
    return -abs(change.hectares), change.place


# By ground -----------------------------------------------------------------------------------------------------------


def _by_ground(earlier: Release | PublishedRelease, later: Release | PublishedRelease) -> Comparison:
    """Places that overlap are the same: an imported map shows squares, one made here outlines."""
    before, after = places_of(earlier), places_of(later)
    grounds = _outlines(earlier), _outlines(later)
    stays_before, stays_after = _overlapping(
        [grounds[0][place.place] for place in before], [grounds[1][place.place] for place in after]
    )
    lost = [place for place, stays in zip(before, stays_before, strict=True) if not stays]
    looked = _looked_at(later, lost)

    def gone(place: IndexedPlace, seen: bool) -> Change:
        if later.kind == ReleaseKind.HISTORICAL:
            # What an imported map has looked at is not known.
            return Change(place.place, VANISHED, place, None, NOT_SHOWN_LATER)
        return Change(place.place, VANISHED, place, None, NOT_FOUND if seen else NOT_SEARCHED)

    def came(place: IndexedPlace) -> Change:
        return Change(place.place, APPEARED, None, place, NOT_SHOWN)

    return _sorted(
        Comparison(
            appeared=[came(place) for place, stays in zip(after, stays_after, strict=True) if not stays],
            vanished=[gone(place, seen) for place, seen in zip(lost, looked, strict=True)],
            changed=[],
            unchanged=sum(stays_after),
            by_ground=True,
        )
    )


def _overlapping(before: list[BaseGeometry], after: list[BaseGeometry]) -> tuple[list[bool], list[bool]]:
    """Which geometries of each list share ground (more than an edge) with one of the other."""
    stays = [False] * len(before), [False] * len(after)
    if before and after:
        mine, others = shapely.STRtree(before).query(after, predicate="intersects")
        shared = shapely.area(
            shapely.intersection([after[index] for index in mine], [before[index] for index in others])
        )
        for index, other, area in zip(mine.tolist(), others.tolist(), shared.tolist(), strict=True):
            if area > 0:
                stays[1][index] = stays[0][other] = True
    return stays


def _outlines(release: Release | PublishedRelease) -> dict[str, BaseGeometry]:
    key = _key_of(release, OUTLINES)
    if key is None:
        raise NotThere(_("This release has lost its list of places: restore it from a backup."))
    return _read_outlines(key)


@lru_cache(maxsize=4)
def _read_outlines(key: str) -> dict[str, BaseGeometry]:
    features = json.loads(storage.get(key))["features"]
    return {feature["properties"]["place"]: shape(feature["geometry"]) for feature in features}


def _looked_at(release: Release | PublishedRelease, places: list[IndexedPlace]) -> list[bool]:
    """Of each place, whether a tile that the release searched shows the middle of it."""
    if not places:
        return []
    # A tile stands in the file of the cell of its middle, which may be the next one.
    cells = {
        (column + right, row + down)
        for column, row in (cell_of(place.tile, OUTLINE_LEVEL) for place in places)
        for right in (-1, 0, 1)
        for down in (-1, 0, 1)
    }
    boxes: list[list[float]] = []
    for column, row in sorted(cells):
        key = _key_of(release, f"ground-{column}-{row}.json")
        if key is not None:
            # Its end, after outlines of some megabytes (labeling.releases.files.grid.ground).
            boxes += json.loads(storage.get(key).rpartition(b'"searched":')[2][:-1])
    if not boxes:
        return [False] * len(places)
    tiles = np.array([place.tile for place in places])
    middles = shapely.points((tiles[:, 0] + tiles[:, 2]) / 2, (tiles[:, 1] + tiles[:, 3]) / 2)
    seen = set(shapely.STRtree(shapely.box(*np.array(boxes).T)).query(middles, predicate="intersects")[0])
    return [number in seen for number in range(len(places))]


def _key_of(release: Release | PublishedRelease, name: str) -> str | None:
    if isinstance(release, PublishedRelease):
        file = release.file(name)
        return file.key if file else None
    return release.files.filter(name=name).values_list("storage_key", flat=True).first()
