"""What readers of vector tiles draw: every outline at every zoom, as the specification wants polygons to be."""

import functools
import random
from typing import Any

import numpy as np
from shapely.geometry import MultiPolygon, Polygon, box, mapping
from shapely.validation import explain_validity

from benchmarks.publish import BLOCKS, _labels_raster
from detection.geometry import tile_bounds_from_centre
from detection.segmentation.outlines import to_geographic, union_outline
from labeling.releases.files.pmtiles import tile_number
from labeling.releases.files.tiles import ZOOMS, pmtiles
from tests.labeling.releases.files.test_release_files import content, place
from tests.labeling.releases.files.test_release_vector_tiles import read_varints, tiles_of

SIDE = (BLOCKS * 4, BLOCKS * 4)


@functools.cache
def made_place(number: int) -> Any:
    """A union of crooked superpixels with crumbs and holes, beside the one before, as the machine draws them."""
    chance = random.Random(number)
    pieces = sorted(chance.sample(range(1, 26), chance.randint(3, 15)))
    bounds = tile_bounds_from_centre(51.5 + number // 10 * 0.003, 26.5 + number % 10 * 0.005, *SIDE)
    outline = to_geographic(union_outline(_labels_raster(number % 40), pieces, 4, SIDE), bounds, SIDE)
    return place(f"{number:016x}", outline=mapping(outline), bounds=bounds)


def made_places(count: int) -> list[Any]:
    return [made_place(number) for number in range(count)]


def fields(data: bytes) -> list[tuple[int, Any]]:
    """(number, value) of a protocol buffer's fields: varints, doubles as bytes, bytes."""
    found: list[tuple[int, Any]] = []
    at = 0
    while at < len(data):
        (key,), at = read_varints(data, at, 1)
        value: Any
        if key & 7 == 0:
            (value,), at = read_varints(data, at, 1)
        elif key & 7 == 1:
            value, at = data[at : at + 8], at + 8
        else:
            (size,), at = read_varints(data, at, 1)
            value, at = data[at : at + size], at + size
        found.append((key >> 3, value))
    return found


def drawn(tile: bytes) -> list[MultiPolygon]:
    """The features of a tile's layer, read as 4.3.4.4 of the specification says: a ring of positive area begins a polygon."""
    ((_number, layer),) = fields(tile)
    found = []
    for number, feature in fields(layer):
        if number != 2:
            continue
        (commands,) = (value for name, value in fields(feature) if name == 4)
        told, at = [], 0
        while at < len(commands):
            (value,), at = read_varints(commands, at, 1)
            told.append(value)
        found.append(polygons(told))
    return found


def polygons(told: list[int]) -> MultiPolygon:
    rings: list[np.ndarray] = []
    here, corners, at = np.zeros(2, int), [], 0
    while at < len(told):
        command, times = told[at] & 7, told[at] >> 3
        at += 1
        if command == 7:
            rings.append(np.array(corners))
            corners = []
            continue
        for _turn in range(times):
            here = here + [(value >> 1) ^ -(value & 1) for value in told[at : at + 2]]
            corners.append(here)
            at += 2
    whole: list[tuple[np.ndarray, list[np.ndarray]]] = []
    for ring in rings:
        x, y = ring.T
        if x @ np.roll(y, -1) - np.roll(x, -1) @ y > 0:
            whole.append((ring, []))
        else:
            whole[-1][1].append(ring)
    return MultiPolygon([Polygon(outer, holes) for outer, holes in whole])


def test_every_outline_is_valid_at_every_zoom() -> None:
    places = made_places(150)
    for number, tile in tiles_of(pmtiles(content(places))).items():
        for outline in drawn(tile):
            assert outline.is_valid, (number, explain_validity(outline))
            assert outline.area > 0


def test_the_outlines_are_those_of_the_places() -> None:
    places = made_places(12)
    tiles = tiles_of(pmtiles(content(places)))
    first = tile_number(14, 0, 0)
    steps = sum(outline.area for number, tile in tiles.items() if number >= first for outline in drawn(tile))
    side = 360 / 2**14 / 4096
    degrees = steps * side * side * np.cos(np.radians(51.5))
    # A little more: what lies around a tile's edge is drawn in both.
    assert 1 <= degrees / sum(one.outline.area for one in places) < 1.1


def test_a_sliver_narrower_than_a_step_is_still_seen() -> None:
    sliver = box(26.5, 51.5, 26.504, 51.500002)
    tiles = tiles_of(pmtiles(content([place("a" * 16, outline=mapping(MultiPolygon([sliver])))])))
    for zoom in ZOOMS:
        first, beyond = tile_number(zoom, 0, 0), tile_number(zoom + 1, 0, 0)
        seen = [outline for number in tiles if first <= number < beyond for outline in drawn(tiles[number])]
        assert seen, zoom
        assert all(outline.area > 0 for outline in seen)


def test_the_archive_of_an_empty_map_has_a_tile_with_an_empty_layer() -> None:
    """PMTiles 3, 4: a directory has at least one entry."""
    (tile,) = tiles_of(pmtiles(content([]))).values()
    assert drawn(tile) == []
