"""What lies around a tile, in space and in time: for the desk's margin and for comparing dates. Only reads.

A look at the index on (region, latitude, longitude), one query however many tiles the region has. Left out: tiles of
other regions, and neighbours more than twice as large as the tile itself.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F

from detection.geometry import Bounds, degrees_to_pixels
from detection.models import Tile

MOST = 8
# Of the candidates around a place the newest come first; more dates than this nobody looks through.
MOST_READ = 200
# How much of its ground another picture must show to count as the same place.
SAME_PLACE = 0.6
# Bounds are computed from a centre: neighbours miss each other by rounding. In shares of the tile's own side.
TOLERANCE = 0.02


@dataclass(frozen=True)
class Nearby:
    """Another picture and where it lies: `box` is (left, top, right, bottom) in pixels of the tile it was found from."""

    tile: int
    capture_date: dt.date | None
    box: Bounds

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]

    @property
    def box_text(self) -> str:
        """x, y, width and height, as scripts read them."""
        return f"{self.box[0]:.1f} {self.box[1]:.1f} {self.width:.1f} {self.height:.1f}"


@dataclass(frozen=True)
class Surroundings:
    """`neighbours`: at most one picture a place. `dates`: the same ground on other dates, newest first."""

    neighbours: list[Nearby]
    dates: list[Nearby]


def surroundings_of(tile: Tile) -> Surroundings:
    """What touches `tile` and what shows its ground on another date; nothing where its place is not known."""
    own = tile.bounds
    if own is None or tile.latitude is None or tile.longitude is None:
        return Surroundings([], [])
    width, height = own[2] - own[0], own[3] - own[1]
    candidates = (
        Tile.objects.on_the_map()
        .filter(
            region=tile.region_id,
            latitude__range=(tile.latitude - 2 * height, tile.latitude + 2 * height),
            longitude__range=(tile.longitude - 2 * width, tile.longitude + 2 * width),
        )
        .exclude(pk=tile.pk)
        .order_by(F("capture_date").desc(nulls_last=True), "-pk")
        .only("pk", "capture_date", "west", "south", "east", "north")[:MOST_READ]
    )
    neighbours: list[tuple[Tile, Bounds]] = []
    dates: list[tuple[Tile, Bounds]] = []
    for other in candidates:
        bounds = other.bounds
        assert bounds is not None  # on_the_map saw to it
        shared = _shared(own, bounds) / (width * height)
        if shared >= SAME_PLACE:
            if other.capture_date != tile.capture_date:
                dates.append((other, bounds))
        elif _touches(own, bounds) and not _is_shown(bounds, (box for _, box in neighbours)):
            neighbours.append((other, bounds))
    return Surroundings(
        neighbours=[_nearby(tile, own, *picture) for picture in neighbours[:MOST]],
        dates=[_nearby(tile, own, *picture) for picture in dates[:MOST]],
    )


def _shared(one: Bounds, other: Bounds) -> float:
    """Area that two bounds have in common, in square degrees."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(down, 0.0)


def _touches(own: Bounds, other: Bounds) -> bool:
    """Whether two bounds meet, at an edge or a corner, or overlap."""
    across = TOLERANCE * (own[2] - own[0])
    down = TOLERANCE * (own[3] - own[1])
    return (
        other[0] <= own[2] + across
        and other[2] >= own[0] - across
        and other[1] <= own[3] + down
        and other[3] >= own[1] - down
    )


def _is_shown(bounds: Bounds, others: Iterable[Bounds]) -> bool:
    """Whether a newer picture of this ground is among `others`."""
    area = (bounds[2] - bounds[0]) * (bounds[3] - bounds[1])
    return any(_shared(bounds, other) >= SAME_PLACE * area for other in others)


def _nearby(tile: Tile, own: Bounds, other: Tile, bounds: Bounds) -> Nearby:
    left, top = degrees_to_pixels(bounds[0], bounds[3], own, tile.width, tile.height)
    right, bottom = degrees_to_pixels(bounds[2], bounds[1], own, tile.width, tile.height)
    return Nearby(
        tile=other.pk,
        capture_date=other.capture_date,
        box=(left, top, right, bottom),
    )
