"""What a release is made of, before it becomes files: plain values, no database rows. Pure: no Django."""

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from detection.geometry import geodesic_area_hectares

# Six decimals of a degree are 0.11 m of ground, a third of a pixel at zoom 18.
DECIMALS = 6
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Source:
    """An imagery source as the release names it."""

    name: str
    attribution: str
    licence: str
    may_publish: bool
    synthetic: bool


@dataclass(frozen=True)
class Place:
    """One approved detection.

    `outline` is a MultiPolygon in degrees (x longitude, y latitude) on the grid of six decimals; `bounds` of its
    tile are (west, south, east, north) in degrees; `score` lies in 0…1; `hectares` are measured on the ellipsoid.
    """

    place: str
    outline: MultiPolygon
    bounds: Bounds
    score: float
    capture_date: dt.date | None
    superpixels: tuple[int, ...]
    source: Source
    reviewed: dt.date
    hectares: float

    @property
    def year(self) -> int | None:
        return self.capture_date.year if self.capture_date else None

    @property
    def centre(self) -> tuple[float, float]:
        """(latitude, longitude) of the outline's centroid."""
        point = self.outline.centroid
        return round(point.y, DECIMALS), round(point.x, DECIMALS)


@dataclass(frozen=True)
class Searched:
    """One tile that the machine looked at: bounds in degrees and the year of its image."""

    bounds: Bounds
    year: int | None


@dataclass(frozen=True)
class Content:
    """Everything a release says. Equal contents give equal bytes; order of the lists does not matter."""

    region: dict[str, str]
    method: dict[str, Any]
    places: list[Place]
    searched: list[Searched]
    sources: list[Source]
    # Counts of what is not on the map: approved without a place, withheld by their source's rights, rejected,
    # waiting for an expert, tiles without a place, tiles that failed.
    apart: dict[str, int] = field(default_factory=dict)


def make_place(
    *,
    place: str,
    outline: dict[str, Any],
    bounds: Bounds,
    score: float,
    capture_date: dt.date | None,
    superpixels: list[int],
    source: Source,
    reviewed: dt.date,
) -> Place:
    """A Place from a detection's GeoJSON outline. Raises ValueError when the outline is no ground or not finite."""
    ground = on_grid(shape(outline))
    if not all(math.isfinite(value) for value in (score, *bounds)):
        raise ValueError(f"place {place} has a score or bounds that are not finite")
    return Place(
        place=place,
        outline=ground,
        bounds=bounds,
        score=round(score, 4),
        capture_date=capture_date,
        superpixels=tuple(sorted(superpixels)),
        source=source,
        reviewed=reviewed,
        hectares=round(geodesic_area_hectares(ground), 4),
    )


def on_grid(geometry: BaseGeometry) -> MultiPolygon:
    """The geometry with six decimals, valid, in one canonical order, outer rings counter-clockwise (RFC 7946).

    Rounding corners one by one can make a ring cross itself; GEOS snaps the whole shape instead.
    Raises ValueError when no area is left.
    """
    if not math.isfinite(float(shapely.get_coordinates(geometry).sum())):
        raise ValueError("an outline has a corner that is not a number")
    if not shapely.is_valid(geometry):
        geometry = shapely.make_valid(geometry)
    snapped = shapely.set_precision(geometry, 10.0**-DECIMALS)
    parts = [part for part in shapely.get_parts(snapped) if isinstance(part, Polygon) and part.area > 0]
    parts += [
        inner
        for part in shapely.get_parts(snapped)
        if isinstance(part, MultiPolygon)
        for inner in part.geoms
        if inner.area > 0
    ]
    if not parts:
        raise ValueError("an outline covers no ground")
    merged = shapely.normalize(shapely.union_all(parts, grid_size=10.0**-DECIMALS))
    polygons = [merged] if isinstance(merged, Polygon) else list(merged.geoms)
    return MultiPolygon([orient(part, sign=1.0) for part in polygons])


def hectares_once(places: list[Place]) -> float:
    """Ground that the places cover together, in hectares: where tiles or dates overlap it counts once.

    Only outlines that meet are united: one union of ten thousand outlines takes minutes, many small ones seconds.
    """
    total = 0.0
    for group in _meeting(places):
        if len(group) == 1:
            total += group[0].hectares
        else:
            union = shapely.union_all([place.outline for place in group])
            total += geodesic_area_hectares(MultiPolygon([union]) if isinstance(union, Polygon) else union)
    return round(total, 2)


def _meeting(places: list[Place]) -> list[list[Place]]:
    """The places in groups, so that no outline meets one of another group. Order follows the places' names."""
    if not places:
        return []
    ordered = in_order(places)
    outlines = [place.outline for place in ordered]
    tree = shapely.STRtree(outlines)
    group_of = list(range(len(ordered)))

    def root(number: int) -> int:
        while group_of[number] != number:
            group_of[number] = group_of[group_of[number]]
            number = group_of[number]
        return number

    for one, other in zip(*tree.query(outlines, predicate="intersects").tolist(), strict=True):
        first, second = sorted((root(one), root(other)))
        group_of[second] = first
    groups: dict[int, list[Place]] = {}
    for number, place in enumerate(ordered):
        groups.setdefault(root(number), []).append(place)
    return list(groups.values())


def bounds_around(boxes: list[Bounds]) -> list[float] | None:
    """[west, south, east, north] around all boxes, or None when there are none."""
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return [round(value, DECIMALS) for value in (min(west), min(south), max(east), max(north))]


def in_order(places: list[Place]) -> list[Place]:
    """The order of every file: by place."""
    return sorted(places, key=lambda place: place.place)


def statistics(content: Content) -> dict[str, Any]:
    """The figures of a release as one JSON object.

    `hectares` counts overlapping ground once over all years; a year's figure counts it once within that year, so
    the years may sum to more than the total.
    """
    years: list[int | None] = sorted(
        {place.year for place in content.places} | {tile.year for tile in content.searched},
        key=lambda year: (year is None, year or 0),
    )
    by_year = []
    for year in years:
        found = [place for place in content.places if place.year == year]
        by_year.append(
            {
                "year": year,
                "places": len(found),
                "hectares": hectares_once(found),
                "tiles_searched": sum(1 for tile in content.searched if tile.year == year),
            }
        )
    return {
        "format": "amber-statistics/1",
        "region": content.region,
        "hectares": hectares_once(content.places),
        "places": len(content.places),
        "tiles_searched": len(content.searched),
        "by_year": by_year,
        "not_on_the_map": dict(sorted(content.apart.items())),
        "bounds": bounds_around([place.bounds for place in content.places]),
        "searched_bounds": bounds_around([tile.bounds for tile in content.searched]),
        "method": content.method,
        "sources": [
            {
                "name": source.name,
                "attribution": source.attribution,
                "licence": source.licence,
                "may_publish": source.may_publish,
                "synthetic": source.synthetic,
            }
            for source in sorted(content.sources, key=lambda source: source.name)
        ],
    }
