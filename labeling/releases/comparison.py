"""What differs on the ground between any two releases of one region, place by place, and why.

Reads published files only, so that it works without the database. Why places come and go stands in each release's
changes.json (labeling.releases.reasons writes it); between releases that are not neighbours the files of those
in between are asked. An imported map has no places that could be matched by name: it is compared by ground.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from detection.models import Run
from labeling.models import Release, ReleaseKind
from labeling.releases import catalogue
from labeling.releases.files.changes import (
    APPEARED,
    CHANGED,
    VANISHED,
    Reason,
    difference,
    last_reasons,
    to_file,
)
from labeling.releases.files.grid import OUTLINE_LEVEL, cell_of
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.reader import AnyRelease, Changes, changes_in, outlines_of, places_of, searched_in
from labeling.releases.reason_words import in_words
from labeling.releases.reasons import reasons_between

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
    before: PublishedPlace | None
    after: PublishedPlace | None
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
    def shown(self) -> PublishedPlace:
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


def compare_releases(earlier: AnyRelease, later: AnyRelease) -> Comparison:
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
    *, previous: Release, run: Run | None, places: Sequence[PublishedPlace], restores: int | None = None
) -> bytes:
    """The changes.json of the release that is about to be written after `previous`.

    places: those that it shows; restores: the number of the release that it publishes again.
    """
    found = difference(
        {place.place: place.outline_sha256 for place in places_of(previous)},
        {place.place: place.outline_sha256 for place in places},
    )
    kinds = found.kinds()
    reasons: dict[str, Reason]
    if restores is not None:
        reasons = {place: {"kind": "roll_back", "release": restores} for place in kinds}
    else:
        reasons = reasons_between(previous, run, found) if kinds else {}
    return to_file(previous.number, kinds, reasons)


def _chain(earlier: AnyRelease, later: AnyRelease) -> list[tuple[int, Changes]]:
    """The releases after the earlier one up to the later one, newest first, each with its changes."""
    between = [
        release
        for release in catalogue.published()
        if release.region_id == later.region_id
        and release.kind == ReleaseKind.OWN
        and earlier.number < release.number <= later.number
    ]
    between.sort(key=lambda release: -release.number)
    return [(release.number, changes_in(release)) for release in between]


def _sorted(found: Comparison) -> Comparison:
    for changes in (found.appeared, found.vanished, found.changed):
        changes.sort(key=_by_size)
    return found


def _by_size(change: Change) -> tuple[float, str]:
    return -abs(change.hectares), change.place


# By ground ---------------------------------------------------------------------------------------------


def _by_ground(earlier: AnyRelease, later: AnyRelease) -> Comparison:
    """Places that overlap are the same: an imported map shows squares, one made here outlines."""
    before, after = places_of(earlier), places_of(later)
    grounds = outlines_of(earlier), outlines_of(later)
    stays_before, stays_after = _overlapping(
        [grounds[0][place.place] for place in before], [grounds[1][place.place] for place in after]
    )
    lost = [place for place, stays in zip(before, stays_before, strict=True) if not stays]
    looked = _looked_at(later, lost)

    def gone(place: PublishedPlace, seen: bool) -> Change:
        if later.kind == ReleaseKind.HISTORICAL:
            # What an imported map has looked at is not known.
            return Change(place.place, VANISHED, place, None, NOT_SHOWN_LATER)
        return Change(place.place, VANISHED, place, None, NOT_FOUND if seen else NOT_SEARCHED)

    def came(place: PublishedPlace) -> Change:
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


def _looked_at(release: AnyRelease, places: list[PublishedPlace]) -> list[bool]:
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
    boxes = [box for cell in sorted(cells) for box in searched_in(release, cell)]
    if not boxes:
        return [False] * len(places)
    tiles = np.array([place.tile for place in places])
    middles = shapely.points((tiles[:, 0] + tiles[:, 2]) / 2, (tiles[:, 1] + tiles[:, 3]) / 2)
    seen = set(shapely.STRtree(shapely.box(*np.array(boxes).T)).query(middles, predicate="intersects")[0])
    return [number in seen for number in range(len(places))]
