"""Vector tiles and the archive they lie in, against what the specifications say."""

import gzip
import json
import random
import struct

import numpy as np

from labeling.releases.files.mvt import commands, geometry, tile, varint, varints, zigzag
from labeling.releases.files.pmtiles import archive, tile_number
from labeling.releases.files.tiles import ZOOMS, pmtiles
from tests.labeling.releases.files.full import full_content

# Vector tiles ---------------------------------------------------------------------------------


def test_drawing_commands_are_those_of_the_specification() -> None:
    """Mapbox Vector Tile 2.1, 4.3.5.5 and 4.3.5.6."""
    triangle = np.array([[3, 6], [8, 12], [20, 34]])
    assert commands([triangle]).tolist() == [9, 6, 12, 18, 10, 12, 24, 44, 15]
    rings = [
        np.array([[0, 0], [10, 0], [10, 10], [0, 10]]),
        np.array([[11, 11], [20, 11], [20, 20], [11, 20]]),
        np.array([[13, 13], [13, 17], [17, 17], [17, 13]]),
    ]
    assert commands(rings).tolist() == [
        *(9, 0, 0, 26, 20, 0, 0, 20, 19, 0, 15),
        *(9, 22, 2, 26, 18, 0, 0, 18, 17, 0, 15),
        *(9, 4, 13, 26, 0, 8, 8, 0, 0, 7, 15),
    ]


def test_numbers_are_written_as_protocol_buffers_write_them() -> None:
    assert [zigzag(value) for value in (0, -1, 1, -2)] == [0, 1, 2, 3]
    assert varint(300) == b"\xac\x02"
    assert varint(1) == b"\x01"
    numbers = [0, 1, 127, 128, 300, 16_383, 16_384, 2**21, 2**28, 2**35 - 1]
    for many in (numbers, numbers * 5):
        assert varints(np.array(many)) == b"".join(map(varint, many))
    assert varints(np.array([], np.int64)) == b""


def test_tiles_are_numbered_as_in_the_pmtiles_specification() -> None:
    known = {(0, 0, 0): 0, (1, 0, 0): 1, (1, 0, 1): 2, (1, 1, 1): 3, (1, 1, 0): 4, (2, 0, 0): 5}
    assert {cell: tile_number(*cell) for cell in known} == known
    assert tile_number(12, 3423, 1763) == 19078479


def read_varints(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    found = []
    for _ in range(count):
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append(value)
    return found, at


def directory(data: bytes) -> list[tuple[int, int, int, int]]:
    """(tile number, run, length, offset) as a reader of PMTiles 3 unpacks them."""
    data = gzip.decompress(data)
    (count,), at = read_varints(data, 0, 1)
    steps, at = read_varints(data, at, count)
    runs, at = read_varints(data, at, count)
    lengths, at = read_varints(data, at, count)
    told, at = read_varints(data, at, count)
    assert at == len(data)
    offsets: list[int] = []
    for number, value in enumerate(told):
        offsets.append(offsets[-1] + lengths[number - 1] if value == 0 else value - 1)
    numbers = np.cumsum(steps).tolist()
    return list(zip(numbers, runs, lengths, offsets, strict=True))


def tiles_of(data: bytes) -> dict[int, bytes]:
    """Tile number → tile, with directories in two steps."""
    assert data[:8] == b"PMTiles\x03"
    root, root_size, _about, _about_size, leaves, _leaves_size, body, _size = struct.unpack("<8Q", data[8:72])
    found = {}
    for number, run, length, offset in directory(data[root : root + root_size]):
        rows = [(number, run, length, offset)]
        if run == 0:
            rows = directory(data[leaves + offset : leaves + offset + length])
        for first, times, size, start in rows:
            for step in range(times):
                found[first + step] = gzip.decompress(data[body + start : body + start + size])
    return found


def test_the_pmtiles_file_leads_to_every_tile_it_was_given() -> None:
    chance = random.Random(3)
    cells = {(14, chance.randrange(2**14), chance.randrange(2**14)) for _ in range(20_000)}
    given = {
        cell: tile("places", [(geometry([np.array([[0, 0], [9, 0], [9, 9]])]), {"place": f"{cell}"})])
        for cell in cells
    }
    given[14, 0, 0] = given[14, 0, 1] = b"the same"
    data = archive(given, metadata={"name": "x"}, bounds=[26.0, 51.0, 27.0, 52.0], zooms=range(14, 15))
    assert tiles_of(data) == {tile_number(*cell): content for cell, content in given.items()}
    addressed, entries, contents = struct.unpack("<3Q", data[72:96])
    assert addressed == len(given)
    assert contents == len(set(given.values()))
    assert entries <= addressed
    assert tuple(data[96:102]) == (1, 2, 2, 1, 14, 14)
    assert struct.unpack("<4i", data[102:118]) == (260000000, 510000000, 270000000, 520000000)
    assert struct.unpack("<2Q", data[8:24])[1] + 127 <= 16_384, "the root lies in the first 16 KiB"


def test_every_place_is_drawn_at_every_zoom() -> None:
    from labeling.releases.files.grid import cell_of

    data = pmtiles(full_content())
    tiles = tiles_of(data)
    for zoom in ZOOMS:
        for one in full_content().places:
            number = tile_number(zoom, *cell_of(one.outline.bounds, zoom))
            assert one.place.encode() in tiles[number], (zoom, one.place)
    about, size = struct.unpack("<2Q", data[24:40])
    assert json.loads(gzip.decompress(data[about : about + size]))["vector_layers"][0]["id"] == "places"
