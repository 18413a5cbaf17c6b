"""What a release is made of, before it becomes files: plain values, no database rows. Pure: no Django."""

import datetime as dt
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
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
class OtherDate:
    """Another image of the same ground that may be shown: its name, day and bounds in degrees."""

    place: str
    capture_date: dt.date
    bounds: Bounds

    def as_data(self) -> dict[str, Any]:
        return {
            "place": self.place,
            "capture_date": self.capture_date.isoformat(),
            "picture": True,
            "bounds": [round(value, DECIMALS) for value in self.bounds],
        }


@dataclass(frozen=True)
class District:
    """An area by which hectares are counted: MultiPolygon in degrees, name and names by language."""

    name: str
    names: dict[str, str]
    area: MultiPolygon


@dataclass(frozen=True)
class Name:
    """A point with a name that readers may search for."""

    name: str
    names: dict[str, str]
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Labelled:
    """One tile with the joint verdicts on its superpixels; nobody's name.

    outlines: superpixel → its rings in pixel corners ([x, y], y down; the first ring is the outside). verdicts: rows
    {"superpixel", "verdict", "posterior", "votes", "agreeing", "by_expert", "look_alike"}, by superpixel. picture:
    (width, height) of the picture that is shown of it; None where it may not be shown, and no address goes into a file.
    """

    place: str
    width: int
    height: int
    bounds: Bounds | None
    capture_date: dt.date | None
    source: str
    picture: tuple[int, int] | None
    outlines: dict[int, list[list[list[int]]]]
    verdicts: list[dict[str, Any]]


@dataclass(frozen=True)
class PublishedPlace:
    """One approved detection, or one place of an imported map (which has no score and no review).

    `outline` is a MultiPolygon in degrees (x longitude, y latitude) on the grid of six decimals; `bounds` of its
    tile are (west, south, east, north) in degrees; `score` lies in 0…1; `hectares` are measured on the ellipsoid.
    """

    place: str
    outline: MultiPolygon
    bounds: Bounds
    score: float | None
    capture_date: dt.date | None
    superpixels: tuple[int, ...]
    source: Source
    reviewed: dt.date | None
    hectares: float | None
    dates: tuple[OtherDate, ...] = ()
    district: str = ""

    @cached_property
    def ring_texts(self) -> list[list[str]]:
        """Of each polygon the rings as "longitude,latitude],[longitude,latitude…" with six decimals.

        Worked out once: of ten thousand outlines, turning numbers into text is most of the work of several files.
        """
        return [
            [
                json.dumps(np.round(shapely.get_coordinates(ring), DECIMALS).tolist(), separators=(",", ":"))[
                    2:-2
                ]
                for ring in (polygon.exterior, *polygon.interiors)
            ]
            for polygon in self.outline.geoms
        ]

    @property
    def area(self) -> float:
        return self.hectares or 0.0

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
    # Of an imported map nothing is known of how it was made: None.
    method: dict[str, Any] | None
    places: list[PublishedPlace]
    searched: list[Searched]
    sources: list[Source]
    # Counts of what is not on the map: approved without a place, withheld by their source's rights, rejected,
    # waiting for an expert, tiles without a place, tiles that failed.
    apart: dict[str, int] = field(default_factory=dict)
    # Source's name → {"first_date", "last_date" (ISO text or None), "tiles", "undated"} of the images searched.
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    districts: list[District] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)
    # The area estimate from a random sample, as plain JSON, with its sentences for the README.
    estimate: dict[str, Any] | None = None
    estimate_lines: list[str] = field(default_factory=list)
    # Labelled tiles, sorted by place, read one by one: a region has too many to hold.
    labels: Callable[[], Iterator[Labelled]] | None = None
    # False: the outlines are squares or points around mining, not mined ground.
    hectares_known: bool = True
    # Of outlines, figures and labels; empty where whoever made the map has not said.
    licence: str = ""
    publisher: str = "Amber"
    # https://… of the site that publishes it, without a slash at the end; empty where it is not known.
    site: str = ""
    # What a reader is told of a map that was made elsewhere, for the README.
    about: list[str] = field(default_factory=list)


def make_place(
    *,
    place: str,
    outline: dict[str, Any],
    bounds: Bounds,
    score: float | None,
    capture_date: dt.date | None,
    superpixels: list[int],
    source: Source,
    reviewed: dt.date | None,
    dates: tuple[OtherDate, ...] = (),
) -> PublishedPlace:
    """A Place from a detection's GeoJSON outline. Raises ValueError when the outline is no ground or not finite."""
    ground = on_grid(shape(outline))
    if not all(math.isfinite(value) for value in (score or 0.0, *bounds)):
        raise ValueError(f"place {place} has a score or bounds that are not finite")
    return PublishedPlace(
        place=place,
        outline=ground,
        bounds=bounds,
        score=None if score is None else round(score, 4),
        capture_date=capture_date,
        superpixels=tuple(sorted(superpixels)),
        source=source,
        reviewed=reviewed,
        hectares=round(geodesic_area_hectares(ground), 4),
        dates=dates,
    )


def on_grid(geometry: BaseGeometry) -> MultiPolygon:
    """The geometry with six decimals, flat, valid, in one canonical order, outer rings counter-clockwise (RFC 7946).

    Rounding corners one by one can make a ring cross itself; GEOS snaps the whole shape instead.
    Raises ValueError when no area is left.
    """
    if not math.isfinite(float(shapely.get_coordinates(geometry).sum())):
        raise ValueError("an outline has a corner that is not a number")
    geometry = shapely.force_2d(geometry)
    # Rounding corner by corner is quick and nearly always enough.
    snapped = shapely.set_precision(geometry, 10.0**-DECIMALS, mode="pointwise")
    if not shapely.is_valid(snapped):
        valid = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
        snapped = shapely.set_precision(valid, 10.0**-DECIMALS)
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
    # A valid polygon or multipolygon has no overlaps left; what make_valid took apart may touch along edges.
    whole = snapped if isinstance(snapped, Polygon | MultiPolygon) else None
    merged = shapely.normalize(whole or shapely.union_all(parts, grid_size=10.0**-DECIMALS))
    polygons = [merged] if isinstance(merged, Polygon) else list(merged.geoms)
    return MultiPolygon([orient(part, sign=1.0) for part in polygons])


def in_order(places: Sequence[PublishedPlace]) -> list[PublishedPlace]:
    """The order of every file: by place."""
    return sorted(places, key=lambda place: place.place)
