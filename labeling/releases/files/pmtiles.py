"""PMTiles: all vector tiles of a release in one file that any file server can hand out in parts. Pure: no Django.

Source: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md (version 3). Tiles lie in the order of their
numbers along a Hilbert curve; equal tiles are kept once. Left out: reading such files.
"""

import gzip
import json
import struct
from typing import Any

from labeling.releases.files.mvt import varint

GZIP = 2
MVT = 1
HEADER = 127
# Header and root directory must lie within the first 16 KiB.
MOST_ROOT = 16_384 - HEADER
LEAF = 4096
Entry = tuple[int, int, int, int]  # tile number, offset, length, run length


def tile_number(zoom: int, column: int, row: int) -> int:
    """The number of a tile: all tiles of the zooms above it, then its place on that zoom's Hilbert curve."""
    number = ((1 << zoom) ** 2 - 1) // 3
    x, y = column, row
    side = 1 << zoom >> 1
    while side:
        right, lower = int(bool(x & side)), int(bool(y & side))
        number += side * side * ((3 * right) ^ lower)
        if not lower:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        side >>= 1
    return number


def archive(
    tiles: dict[tuple[int, int, int], bytes], *, metadata: dict[str, Any], bounds: list[float], zooms: range
) -> bytes:
    """The file. tiles: (zoom, column, row) → tile, not packed; bounds: [west, south, east, north] in degrees."""
    entries: list[Entry] = []
    data = bytearray()
    known: dict[bytes, tuple[int, int]] = {}
    for number, tile in sorted((tile_number(*cell), tile) for cell, tile in tiles.items()):
        packed = _pack(tile)
        offset, length = known.setdefault(packed, (len(data), len(packed)))
        if offset == len(data):
            data += packed
        last = entries[-1] if entries else None
        if last and last[1] == offset and last[0] + last[3] == number:
            entries[-1] = (last[0], last[1], last[2], last[3] + 1)
        else:
            entries.append((number, offset, length, 1))
    root, leaves = _directories(entries)
    about = _pack(json.dumps(metadata, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode())
    places = [HEADER, len(root)]
    for part in (about, leaves, bytes(data)):
        places += [places[-2] + places[-1], len(part)]
    west, south, east, north = (round(value * 10_000_000) for value in bounds)
    header = b"PMTiles" + struct.pack("<B8Q3Q", 3, *places, len(tiles), len(entries), len(known))
    header += struct.pack("<6B", 1, GZIP, GZIP, MVT, zooms.start, zooms.stop - 1)
    header += struct.pack(
        "<4iB2i", west, south, east, north, zooms.start, (west + east) // 2, (south + north) // 2
    )
    return b"".join((header, root, about, leaves, data))


def _pack(data: bytes) -> bytes:
    """Gzip without the time and the system that made it."""
    packed = bytearray(gzip.compress(data, 9, mtime=0))
    packed[9] = 255
    return bytes(packed)


def _directories(entries: list[Entry]) -> tuple[bytes, bytes]:
    """(root, leaves), packed. Small archives have no leaves; of large ones the root names the leaves."""
    root = _pack(_directory(entries))
    if len(root) <= MOST_ROOT:
        return root, b""
    size = LEAF
    while True:
        leaves = bytearray()
        above: list[Entry] = []
        for start in range(0, len(entries), size):
            packed = _pack(_directory(entries[start : start + size]))
            above.append((entries[start][0], len(leaves), len(packed), 0))
            leaves += packed
        root = _pack(_directory(above))
        if len(root) <= MOST_ROOT:
            return root, bytes(leaves)
        size *= 2


def _directory(entries: list[Entry]) -> bytes:
    out = [varint(len(entries))]
    last = 0
    for number, _offset, _length, _run in entries:
        out.append(varint(number - last))
        last = number
    out += [varint(run) for _number, _offset, _length, run in entries]
    out += [varint(length) for _number, _offset, length, _run in entries]
    end = -1
    for _number, offset, length, _run in entries:
        out.append(varint(0 if offset == end else offset + 1))
        end = offset + length
    return b"".join(out)
