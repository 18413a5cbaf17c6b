"""The outlines of a release cut into vector tiles and packed as one PMTiles file. Pure: no Django."""

import math
from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from detection.geometry import polygons_of
from labeling.releases.files.content import Content, OutlinedPlace, in_order
from labeling.releases.files.mvt import EXTENT, Feature, Ring, geometry, tile
from labeling.releases.files.pmtiles import archive
from labeling.releases.files.statistics import bounds_around

# At zoom 14 a step of the tile's grid is 0.4 m of ground at 51.5° N, less than two pixels of the imagery.
ZOOMS = range(5, 15)
LAYER = "places"
# Steps of the grid around a tile that are drawn as well, so that no seam shows.
BUFFER = 64
# Outlines are simplified by so many steps of the grid; at the last zoom they are kept.
TOLERANCE = 4.0
# An outline smaller than this many square steps is drawn as a square of that size: far out it must still be seen.
LEAST = 16.0
# So many outlines are worked on together; more would be quicker by nothing and need more memory.
AT_ONCE = 500
Cell = tuple[int, int, int]
WHOLE_WORLD = [-180.0, -85.0, 180.0, 85.0]


def pmtiles(content: Content) -> bytes:
    """One layer “places” for zooms 5…14, each with its place, hectares, score, year and day of the image."""
    places = in_order(content.places)
    features: dict[Cell, list[Feature]] = defaultdict(list)
    for start in range(0, len(places), AT_ONCE):
        part = places[start : start + AT_ONCE]
        shapes = shapely.transform(np.array([place.outline for place in part], dtype=object), _to_unit)
        facts = [_properties(place) for place in part]
        # From the finest zoom outwards, each simplified from the one before: far out little is left to look at.
        for zoom in reversed(ZOOMS):
            if zoom < ZOOMS.stop - 1:
                shapes = shapely.simplify(shapes, TOLERANCE / (EXTENT << zoom))
            _cut(shapes, facts, zoom, features)
    # An archive has at least one tile: of an empty map one with an empty layer.
    tiles = {cell: tile(LAYER, found) for cell, found in (features or {(ZOOMS.start, 0, 0): []}).items()}
    sources = sorted({source.attribution for source in content.sources if source.attribution})
    fields = {"place": "String", "hectares": "Number", "score": "Number", "date": "String", "year": "Number"}
    metadata: dict[str, Any] = {
        "name": content.region["name"],
        "attribution": "; ".join(sources),
        "format": "pbf",
        "type": "overlay",
        "vector_layers": [{"id": LAYER, "minzoom": ZOOMS.start, "maxzoom": ZOOMS.stop - 1, "fields": fields}],
    }
    bounds = bounds_around(place.outline.bounds for place in places) or WHOLE_WORLD
    return archive(tiles, metadata=metadata, bounds=bounds, zooms=ZOOMS)


def _properties(place: OutlinedPlace) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "place": place.place,
        "hectares": place.hectares,
        "score": place.score,
        "date": place.capture_date,
        "year": place.year,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _to_unit(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Degrees → the Web-Mercator square 0…1, x right from the west, y down from the north."""
    x = points[:, 0] / 360 + 0.5
    y = 0.5 - np.arcsinh(np.tan(np.radians(points[:, 1]))) / (2 * math.pi)
    return np.column_stack([x, y])


def _cut(
    outlines: npt.NDArray[np.object_],
    facts: list[dict[str, Any]],
    zoom: int,
    features: dict[Cell, list[Feature]],
) -> None:
    """Add what each tile of the zoom shows of the outlines."""
    side = 1 << zoom
    scale = side * EXTENT
    shapes = shapely.transform(outlines, lambda points: points * scale)
    boxes = shapely.bounds(shapes)
    dots = shapely.area(shapes) < LEAST
    shapes[~dots] = _on_steps(shapes[~dots])
    # A sliver that is narrower than a step is drawn as a dot too, or it would be lost.
    dots |= shapely.is_empty(shapes)
    for shape, dot, (west, north, east, south), properties in zip(shapes, dots, boxes, facts, strict=True):
        columns = range(int((west - BUFFER) // EXTENT), int((east + BUFFER) // EXTENT) + 1)
        rows = range(int((north - BUFFER) // EXTENT), int((south + BUFFER) // EXTENT) + 1)
        alone = len(columns) == 1 and len(rows) == 1
        for column in columns:
            for row in rows:
                if not (0 <= column < side and 0 <= row < side):
                    continue
                left, top = column * EXTENT, row * EXTENT
                if dot:
                    rings = [_dot((west + east) / 2 - left, (north + south) / 2 - top)]
                else:
                    rings = _rings(shape if alone else _clipped(shape, left, top), left, top)
                if rings:
                    features[zoom, column, row].append((geometry(rings), properties))


def _dot(x: float, y: float) -> Ring:
    """A square of LEAST around a point: what would be too small to be seen."""
    half = math.sqrt(LEAST) / 2
    corners = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
    return np.rint(corners).astype(np.int64)


def _on_steps(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """The shapes with their corners on whole steps, valid as the specification wants them; empty where nothing is left."""
    # Rounding corner by corner is quick and mostly enough; where rings come to cross or meet, GEOS snaps the whole shape.
    snapped = shapely.set_precision(shapes, 1.0, mode="pointwise")
    crossed = ~shapely.is_valid(snapped)
    whole = shapes[crossed]
    # Simplifying may have crossed them before.
    broken = ~shapely.is_valid(whole)
    whole[broken] = shapely.make_valid(whole[broken], method="structure", keep_collapsed=False)
    snapped[crossed] = shapely.set_precision(whole, 1.0)
    return np.asarray(snapped, dtype=object)


def _clipped(shape: BaseGeometry, left: int, top: int) -> BaseGeometry:
    """The part of the shape in one tile and a little around it."""
    window = (left - BUFFER, top - BUFFER, left + EXTENT + BUFFER, top + EXTENT + BUFFER)
    # Where its border crosses the window's edge there are new corners.
    (part,) = _on_steps(np.array([polygons_of(shapely.clip_by_rect(shape, *window))], dtype=object))
    return part


def _rings(shape: BaseGeometry, left: int, top: int) -> list[Ring]:
    """The shape in the grid of a tile: outer rings with positive area (y down), each followed by its holes, negative."""
    found: list[Ring] = []
    for polygon in polygons_of(shape).geoms:
        rings = shapely.get_rings(polygon)
        found += [_ring(ring, left, top, outside=number == 0) for number, ring in enumerate(rings)]
    return found


def _ring(ring: BaseGeometry, left: int, top: int, *, outside: bool) -> Ring:
    """The ring of a valid polygon without doubled corners, turned the right way."""
    points = shapely.get_coordinates(ring).astype(np.int64) - (left, top)
    moved = points[1:] != points[:-1]
    points = points[:-1][moved[:, 0] | moved[:, 1]]
    x, y = points[:, 0], points[:, 1]
    doubled = int(x @ np.append(y[1:], y[0]) - np.append(x[1:], x[0]) @ y)
    if (doubled > 0) != outside:
        points = points[::-1]
    return points
