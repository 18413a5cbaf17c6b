"""A release cut into cells, so that a map loads what it shows: squares far out, outlines close by. Pure: no Django.

Cells are those of Web Mercator: 2^zoom columns from the west, 2^zoom rows from the north. A tile belongs to the
cell of its centre.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from labeling.releases.files.content import Content, OutlinedPlace, in_order
from labeling.releases.files.published_place import DECIMALS, Bounds

# A map at zoom z draws the squares of level z + 4, 16 pixels each.
SQUARE_LEVELS = range(7, 16)
OUTLINE_LEVEL = 11
# What every feature tells of its place, in this order.
FACTS = (
    "place",
    "hectares",
    "score",
    "capture_date",
    "superpixels",
    "source",
    "reviewed",
    "corrected",
    "district",
)
Cell = tuple[int, int]


def cell_of(bounds: Bounds, zoom: int) -> Cell:
    """(column, row) of the cell in which the middle of the bounds lies."""
    west, south, east, north = bounds
    latitude, longitude = (south + north) / 2, (west + east) / 2
    side = 2**zoom
    x = (longitude + 180) / 360 * side
    y = (1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * side
    last = side - 1
    return min(max(int(x), 0), last), min(max(int(y), 0), last)


def squares(content: Content, zoom: int) -> dict[str, Any]:
    """Counts by cell and year.

    {"zoom", "years": [2014, …, null], "cells": [[column, row, tiles searched, year index, places, hectares, year
    index, places, hectares, …], …]}. A place counts in its tile's cell with all its hectares; overlaps are not
    taken off here (the statistics do that).
    """
    years = sorted({place.year for place in content.places}, key=lambda year: (year is None, year or 0))
    index = {year: number for number, year in enumerate(years)}
    searched: dict[Cell, int] = defaultdict(int)
    found: dict[Cell, dict[int, list[float]]] = defaultdict(dict)
    for tile in content.searched:
        searched[cell_of(tile.bounds, zoom)] += 1
    for place in in_order(content.places):
        sums = found[cell_of(place.tile, zoom)].setdefault(index[place.year], [0, 0.0])
        sums[0] += 1
        sums[1] += place.area
    cells = []
    for cell in sorted(searched.keys() | found.keys()):
        row: list[float] = [*cell, searched.get(cell, 0)]
        for number, (count, hectares) in sorted(found.get(cell, {}).items()):
            row += [number, int(count), round(hectares, 2)]
        cells.append(row)
    return {"zoom": zoom, "years": years, "cells": cells}


def ground(content: Content) -> Iterator[tuple[Cell, bytes]]:
    """(cell of OUTLINE_LEVEL, FeatureCollection of its places with the bounds of its searched tiles beside)."""
    places: dict[Cell, list[OutlinedPlace]] = defaultdict(list)
    searched: dict[Cell, set[tuple[float, ...]]] = defaultdict(set)
    for place in in_order(content.places):
        places[cell_of(place.tile, OUTLINE_LEVEL)].append(place)
    for tile in content.searched:
        searched[cell_of(tile.bounds, OUTLINE_LEVEL)].add(tuple(round(value, 5) for value in tile.bounds))
    for cell in sorted(places.keys() | searched.keys()):
        boxes = to_bytes([list(box) for box in sorted(searched.get(cell, ()))])
        features = b",".join(feature(place) for place in places.get(cell, []))
        yield cell, b'{"type":"FeatureCollection","features":[' + features + b'],"searched":' + boxes + b"}"


def feature(place: OutlinedPlace, *, brief: bool = False) -> bytes:
    """GeoJSON Feature of one place, with the facts that the map tells of it; brief: without those of its images."""
    row = place.to_json()
    facts = {name: row[name] for name in FACTS}
    if not brief:
        facts |= {"tile": row["tile"], "picture": place.picture, "dates": row["dates"]}
    box = [round(value, DECIMALS) for value in place.outline.bounds]
    head = to_bytes({"type": "Feature", "id": place.place, "bbox": box})[:-1]
    shape = b',"geometry":{"type":"MultiPolygon","coordinates":' + place.drawn.coordinates
    return head + shape + b'},"properties":' + to_bytes(facts) + b"}"


def to_bytes(value: Any) -> bytes:
    """Compact UTF-8 JSON. Raises ValueError for NaN and infinity, which JSON does not have."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
