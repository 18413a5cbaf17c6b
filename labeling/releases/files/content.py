"""What a release is made of, before it becomes files: plain values, no database rows. Pure: no Django."""

import datetime as dt
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from detection.geometry import geodesic_area_hectares
from labeling.releases.files.published_place import DECIMALS, Bounds, OtherDate, PublishedPlace


@dataclass(frozen=True)
class Source:
    """An imagery source as the release names it."""

    name: str
    attribution: str
    licence: str
    may_publish: bool
    synthetic: bool


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
class Outline:
    """Ground in degrees (x longitude, y latitude) on the grid of six decimals, with what files write of it.

    Of ten thousand outlines, turning numbers into text is most of the work of several files: it is done once.
    """

    ground: MultiPolygon

    @cached_property
    def ring_texts(self) -> list[list[str]]:
        """Of each polygon the rings as "longitude,latitude],[longitude,latitude…" with six decimals."""
        return [
            [
                json.dumps(np.round(shapely.get_coordinates(ring), DECIMALS).tolist(), separators=(",", ":"))[
                    2:-2
                ]
                for ring in (polygon.exterior, *polygon.interiors)
            ]
            for polygon in self.ground.geoms
        ]

    @property
    def coordinates(self) -> bytes:
        """As GeoJSON has them."""
        polygons = ("[" + ",".join(f"[[{ring}]]" for ring in rings) + "]" for rings in self.ring_texts)
        return ("[" + ",".join(polygons) + "]").encode()

    @property
    def sha256(self) -> str:
        """The first 16 digits of the checksum by which outlines are told apart."""
        return hashlib.sha256(self.coordinates).hexdigest()[:16]

    def forget_texts(self) -> None:
        """Of ten thousand outlines a hundred megabytes; they are worked out again when they are wanted again."""
        vars(self).pop("ring_texts", None)


@dataclass(frozen=True, kw_only=True)
class OutlinedPlace(PublishedPlace):
    """A place that is about to be written, with what its row does not tell: its outline, and whether its image may be
    shown."""

    drawn: Outline
    picture: bool

    @property
    def outline(self) -> MultiPolygon:
        return self.drawn.ground


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
    places: list[OutlinedPlace]
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
    # The model card of the classifier that searched, as JSON and as text; None for an imported map.
    card: tuple[dict[str, Any], str] | None = None
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
    corrected: bool = False,
    dates: tuple[OtherDate, ...] = (),
) -> OutlinedPlace:
    """From a detection's GeoJSON outline. Raises ValueError when the outline is no ground or not finite."""
    ground = on_grid(shape(outline))
    if not all(math.isfinite(value) for value in (score or 0.0, *bounds)):
        raise ValueError(f"place {place} has a score or bounds that are not finite")
    drawn, centre = Outline(ground), ground.centroid
    return OutlinedPlace(
        place=place,
        latitude=round(centre.y, DECIMALS),
        longitude=round(centre.x, DECIMALS),
        hectares=round(geodesic_area_hectares(ground), 4),
        score=None if score is None else round(score, 4),
        capture_date=capture_date.isoformat() if capture_date else None,
        superpixels=tuple(sorted(superpixels)),
        source=source.name,
        reviewed=reviewed.isoformat() if reviewed else None,
        corrected=corrected,
        tile=bounds,
        outline_sha256=drawn.sha256,
        dates=dates,
        drawn=drawn,
        picture=source.may_publish,
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


def in_order(places: Iterable[OutlinedPlace]) -> list[OutlinedPlace]:
    """The order of every file: by place."""
    return sorted(places, key=lambda place: place.place)
