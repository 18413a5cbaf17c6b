"""Reading maps that were published elsewhere: GeoJSON of areas or points, CSV of coordinates. Pure: no Django.

Whatever is wrong is told with its file and row, all of it at once as far as that goes. Left out: other coordinate
systems than WGS 84 in degrees, lines, and attributes beside a count and a date.
"""

import csv
import datetime as dt
import hashlib
import io
import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from shapely.errors import GEOSException
from shapely.geometry import box, mapping, shape
from shapely.geometry.base import BaseGeometry

from detection.geometry import geodesic_area_hectares

MOST_ROWS = 500_000
TOLD = 20  # mistakes told at once
# A tile of zoom 18 at 51.5° N, as the map of 2018 cut them: the square drawn around a point.
SIDE_METRES = 372.0
LATITUDES, LONGITUDES = ("lat", "latitude", "y"), ("lon", "lng", "long", "longitude", "x")


class UnreadableMap(ValueError):
    """What is wrong with a file, a sentence a row."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems[:TOLD]))
        self.problems = problems[:TOLD]
        self.more = max(0, len(problems) - TOLD)


@dataclass(frozen=True)
class Area:
    """One square or outline: a valid Polygon or MultiPolygon in degrees, how many finds it stands for, where it stood."""

    outline: BaseGeometry
    count: int = 1
    day: dt.date | None = None
    row: str = ""


@dataclass
class MapFile:
    """What stands in one file: areas, points (latitude, longitude), or both."""

    name: str
    areas: list[Area] = field(default_factory=list)
    points: list[tuple[float, float]] = field(default_factory=list)

    @property
    def typical_hectares(self) -> float:
        """The median size of its areas; infinite where it has none."""
        sizes = [geodesic_area_hectares(area.outline) for area in self.areas]
        return float(np.median(sizes)) if sizes else math.inf


def read_map(name: str, data: bytes) -> MapFile:
    """The areas and points of a .csv, .geojson or .json file. Raises UnreadableMap."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableMap([f"{name}: this is not UTF-8 text"]) from None
    found = _read_csv(name, text) if name.lower().endswith(".csv") else _read_geojson(name, text)
    if not found.areas and not found.points:
        raise UnreadableMap([f"{name}: there is no place in it"])
    return found


def finest(files: list[MapFile], side: float = SIDE_METRES) -> list[Area]:
    """The places of a map that is told in several files, sorted: of those with areas the finest, whole.

    Files of one map tell the same at different sizes (squares of 1 and of 9 tiles, and points). Where none has areas,
    every point becomes a square of `side` metres, equal points one square. Raises ValueError for no file at all.
    """
    with_areas = [file for file in files if file.areas]
    if with_areas:
        areas = min(with_areas, key=lambda file: (file.typical_hectares, file.name)).areas
        return sorted(areas, key=lambda area: area.outline.bounds)
    counts: dict[tuple[float, float], int] = {}
    for file in files:
        for point in file.points:
            counts[point] = counts.get(point, 0) + 1
    if not counts:
        raise ValueError("a map needs at least one place")
    return [
        Area(_square(*point, side), count, row=f"{point[0]:g}, {point[1]:g}")
        for point, count in sorted(counts.items())
    ]


def within(areas: list[Area], bounds: tuple[float, float, float, float]) -> tuple[list[Area], list[Area]]:
    """Those that touch the bounds (west, south, east, north in degrees), and the others: slips, most likely."""
    ground = box(*bounds)
    inside = [bool(ground.intersects(area.outline)) for area in areas]
    return (
        [area for area, here in zip(areas, inside, strict=True) if here],
        [area for area, here in zip(areas, inside, strict=True) if not here],
    )


def name_of(area: Area) -> str:
    """The permanent name of a place without an image: "h" and 15 digits of its outline's checksum."""
    rounded = shapely.set_precision(shapely.normalize(area.outline), 1e-6)
    return "h" + hashlib.sha256(json.dumps(mapping(rounded), sort_keys=True).encode()).hexdigest()[:15]


def _square(latitude: float, longitude: float, side: float) -> BaseGeometry:
    """A square of `side` metres around a point, along parallels and meridians of a sphere of the equator's radius."""
    high = math.degrees(side / 2 / 6_371_008.8)
    wide = high / max(math.cos(math.radians(latitude)), 1e-6)
    return box(longitude - wide, latitude - high, longitude + wide, latitude + high)


# CSV -----------------------------------------------------------------------------------------------------------------


def _read_csv(name: str, text: str) -> MapFile:
    rows = csv.reader(io.StringIO(text))
    problems: list[str] = []
    points: list[tuple[float, float]] = []
    try:
        header = [column.strip().lower() for column in next(rows, [])]
        columns = _column(header, LATITUDES), _column(header, LONGITUDES)
        if None in columns:
            raise UnreadableMap([f"{name}, line 1: the header names no column “lat” and “lon”"])
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(points) >= MOST_ROWS:
                raise UnreadableMap([f"{name}: more than {MOST_ROWS} rows"])
            try:
                latitude, longitude = (float(row[column or 0]) for column in columns)
                points.append(_checked(latitude, longitude))
            except IndexError:
                problems.append(f"{name}, line {rows.line_num}: fewer columns than the header")
            except ValueError as error:
                problems.append(f"{name}, line {rows.line_num}: {_sentence(error)}")
    except csv.Error as error:
        problems.append(f"{name}, line {rows.line_num}: {error}")
    if problems:
        raise UnreadableMap(problems)
    return MapFile(name, points=points)


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((index for index, column in enumerate(header) if column in names), None)


def _sentence(error: ValueError) -> str:
    text = str(error)
    return (
        f"“{text.split(': ', 1)[1].strip(chr(39))[:20]}” is no number"
        if text.startswith("could not convert")
        else text
    )


def _checked(latitude: float, longitude: float) -> tuple[float, float]:
    if not (math.isfinite(latitude) and abs(latitude) <= 85):
        raise ValueError(f"latitude {latitude:g} does not lie in −85…85")
    if not (math.isfinite(longitude) and abs(longitude) <= 180):
        raise ValueError(f"longitude {longitude:g} does not lie in −180…180")
    return round(latitude, 6), round(longitude, 6)


# GeoJSON -------------------------------------------------------------------------------------------------------------


def _read_geojson(name: str, text: str) -> MapFile:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableMap([f"{name}: this cannot be read as JSON"]) from None
    features = told.get("features") if isinstance(told, dict) and told.get("type") != "Feature" else told
    if isinstance(features, dict):
        features = [features]
    if not isinstance(features, list):
        raise UnreadableMap([f"{name}: neither a FeatureCollection nor a list of features"])
    if len(features) > MOST_ROWS:
        raise UnreadableMap([f"{name}: more than {MOST_ROWS} features"])
    found, problems = MapFile(name), []
    for number, feature in enumerate(features, start=1):
        try:
            _take(feature, found, f"{name}, feature {number}")
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, GEOSException) as error:
            why = str(error) if type(error) is ValueError else "its geometry cannot be understood"
            problems.append(f"{name}, feature {number}: {why}")
    if problems:
        raise UnreadableMap(problems)
    return found


def _take(feature: Any, found: MapFile, row: str) -> None:
    geometry = feature["geometry"]
    properties = feature.get("properties") or {}
    kind = geometry["type"]
    if kind in ("Point", "MultiPoint"):
        points = [geometry["coordinates"]] if kind == "Point" else geometry["coordinates"]
        found.points += [_checked(float(point[1]), float(point[0])) for point in points]
        return
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"a place is an area or a point, not a {str(kind)[:40]}")
    outline = shapely.force_2d(shape(geometry))
    west, south, east, north = outline.bounds  # nan where there is nothing
    _checked(south, west)
    _checked(north, east)
    if not outline.is_valid:
        # By structure: parts that overlap or lie within each other are ground once, only a polygon's own holes are holes.
        outline = shapely.make_valid(outline, method="structure", keep_collapsed=False)
    if outline.geom_type not in ("Polygon", "MultiPolygon") or outline.area <= 0:
        raise ValueError("its outline covers no ground")
    found.areas.append(Area(outline, _count(properties.get("count", 1)), _day(properties), row))


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**9:
        raise ValueError(f"its count is {str(value)[:20]}, not a positive whole number")
    return value


def _day(properties: dict[str, Any]) -> dt.date | None:
    text = properties.get("capture_date") or properties.get("date")
    if not text:
        return None
    try:
        return dt.date.fromisoformat(str(text)[:10])
    except ValueError:
        raise ValueError(f"its date “{str(text)[:20]}” is not written as 2018-03-26") from None
