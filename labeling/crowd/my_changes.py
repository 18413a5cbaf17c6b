"""“Your votes changed these places in release N”: what appeared or vanished where a person had said so. Reads only."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from django.core.cache import cache
from django.utils.translation import get_language

from amberapp.models import User
from labeling.crowd.my_contributions import regions_of
from labeling.models import Label, LabelVerdict, Origin, Release, ReleaseKind, Submission
from labeling.releases.comparison import compare_releases
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.reader import places_of

# The latest release of so many regions is looked at, and so many of the person's latest tiles in each.
REGIONS = 3
TILES = 5000
# So many places are told of by name.
SHOWN = 12
# A release never changes, but the names of look-alikes in its reasons may.
CACHE_SECONDS = 3600


@dataclass(frozen=True)
class MyChange:
    """One place that came (`appeared`) or went, on which the person had said what then happened."""

    place: str
    appeared: bool
    release: int
    latitude: float
    longitude: float
    hectares: float
    reason: str


@dataclass(frozen=True)
class MyRelease:
    """The latest release of one region, seen from one person."""

    region: str
    slug: str
    number: int
    created_at: dt.datetime
    changes: list[MyChange]
    more: int

    @property
    def appeared(self) -> int:
        return sum(change.appeared for change in self.changes)


def my_changes(volunteer: User) -> list[MyRelease]:
    """By region, that labelled last first. At most six queries for each of at most three regions."""
    regions = regions_of(volunteer, REGIONS)
    releases = []
    for region in regions:
        own = Release.objects.select_related("region").filter(region=region, kind=ReleaseKind.OWN)
        pair = list(own.order_by("-number")[:2])
        if not pair:
            continue
        later, earlier = pair[0], pair[1] if len(pair) > 1 else None
        changed = _changes(earlier, later)
        mine = _agreeing(volunteer, later, changed) if changed else []
        if mine:
            releases.append(
                MyRelease(
                    later.region.name,
                    later.region.slug,
                    later.number,
                    later.created_at,
                    mine[:SHOWN],
                    len(mine[SHOWN:]),
                )
            )
    return releases


def _changes(earlier: Release | None, later: Release) -> list[tuple[MyChange, list[int]]]:
    """What appeared and vanished, with the superpixels that were marked. Remembered: releases never change."""
    key = f"release-changes-1-{earlier.pk if earlier else 0}-{later.pk}-{get_language()}"
    rows = cache.get(key)
    if rows is None:
        if earlier is None:
            rows = [_row(place, True, later.number, "") for place in places_of(later)]
        else:
            comparison = compare_releases(earlier, later)
            rows = [
                *(
                    _row(one.after, True, later.number, one.reason)
                    for one in comparison.appeared
                    if one.after
                ),
                *(
                    _row(one.before, False, earlier.number, one.reason)
                    for one in comparison.vanished
                    if one.before
                ),
            ]
        cache.set(key, rows, CACHE_SECONDS)
    return [(MyChange(*row[:-1]), row[-1]) for row in rows]


def _row(place: PublishedPlace, appeared: bool, release: int, reason: str) -> list[object]:
    return [
        place.place,
        appeared,
        release,
        place.latitude,
        place.longitude,
        place.hectares,
        reason,
        list(place.superpixels),
    ]


def _agreeing(volunteer: User, later: Release, changed: list[tuple[MyChange, list[int]]]) -> list[MyChange]:
    """Those on whose superpixels the person had said, before the release, more often what came than the opposite."""
    by_place = {change.place: (change, set(superpixels)) for change, superpixels in changed}
    mine = (
        Submission.objects.counting()
        .filter(
            volunteer=volunteer,
            origin=Origin.DESK,
            segmented_tile__tile__region=later.region_id,
            created_at__lte=later.created_at,
        )
        .order_by("-created_at")
        .values_list("pk", "segmented_tile__tile__sha256")[:TILES]
    )
    touched = {pk: sha256[:16] for pk, sha256 in mine if sha256[:16] in by_place}
    if not touched:
        return []
    votes: dict[str, int] = defaultdict(int)
    labels = Label.objects.filter(
        submission__in=touched, piece=0, verdict__in=[LabelVerdict.MINING, LabelVerdict.NOT_MINING]
    )
    for submission, superpixel, verdict in labels.values_list("submission", "superpixel", "verdict"):
        place = touched[submission]
        if superpixel in by_place[place][1]:
            votes[place] += 1 if verdict == LabelVerdict.MINING else -1
    agreeing = [
        by_place[place][0]
        for place, balance in votes.items()
        if (balance > 0 if by_place[place][0].appeared else balance < 0)
    ]
    return sorted(agreeing, key=lambda change: -change.hectares)
