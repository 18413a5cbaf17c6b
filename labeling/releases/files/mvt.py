"""Vector tiles: the outlines of a release as Mapbox Vector Tiles 2.1 (protocol buffers). Pure: no Django.

Source: https://github.com/mapbox/vector-tile-spec/tree/master/2.1. Written here, because it needs only polygons: one
layer, one geometry type, values of text, whole numbers and doubles. Left out: points, lines, ids.
"""

import struct
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

EXTENT = 4096
Value = str | int | float
Properties = dict[str, Value]
# Corners of one ring in the tile's own grid, not closed: int64 (n, 2), x right, y down.
Ring = npt.NDArray[np.int64]
# A feature: its drawing commands as `geometry` packs them, and its facts.
Feature = tuple[bytes, Properties]

MOVE_TO, LINE_TO, CLOSE_PATH = 1, 2, 7
POLYGON = 3
# So many numbers are written sooner one by one.
FEW = 24


def varint(value: int) -> bytes:
    """An unsigned whole number in base 128, low part first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def commands(rings: Iterable[Ring]) -> npt.NDArray[np.int64]:
    """The drawing commands of a polygon (4.3): for each ring MoveTo, LineTo, ClosePath with steps from the last point."""
    parts: list[npt.NDArray[np.int64]] = []
    last = np.zeros((1, 2), np.int64)
    for ring in rings:
        steps = np.diff(ring, axis=0, prepend=last).ravel()
        zigzags = (steps << 1) ^ (steps >> 63)
        last = ring[-1:]
        parts.append(np.array([MOVE_TO | 1 << 3]))
        parts.append(zigzags[:2])
        parts.append(np.array([LINE_TO | (len(ring) - 1) << 3]))
        parts.append(zigzags[2:])
        parts.append(np.array([CLOSE_PATH | 1 << 3]))
    return np.concatenate(parts)


def geometry(rings: Iterable[Ring]) -> bytes:
    """A polygon, packed: each outer ring followed by its holes."""
    return varints(commands(rings))


def varints(values: npt.NDArray[np.int64]) -> bytes:
    """Many unsigned whole numbers below 2^35, one after the other."""
    if len(values) < FEW:
        return b"".join(map(varint, values.tolist()))
    sizes = np.ones(len(values), np.int64)
    for bits in (7, 14, 21, 28):
        sizes += values >= 1 << bits
    ends = np.cumsum(sizes)
    starts = ends - sizes
    out = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    for at in range(int(sizes.max(initial=0))):
        here = sizes > at
        more = np.where(sizes[here] > at + 1, 0x80, 0)
        out[starts[here] + at] = (values[here] >> (7 * at) & 0x7F) | more
    return out.tobytes()


def tile(layer: str, features: Sequence[Feature]) -> bytes:
    """One tile with one layer, in the order of the features; keys and values are numbered as they come."""
    keys: dict[str, int] = {}
    values: dict[bytes, int] = {}
    parts = [_field(15, 0, varint(2)), _text(1, layer)]
    for drawn, properties in features:
        tags: list[int] = []
        for name, value in properties.items():
            tags.append(keys.setdefault(name, len(keys)))
            tags.append(values.setdefault(_value(value), len(values)))
        body = _packed(2, tags) + _field(3, 0, varint(POLYGON)) + _bytes(4, drawn)
        parts.append(_bytes(2, body))
    parts += [_text(3, key) for key in keys]
    parts += [_bytes(4, value) for value in values]
    parts.append(_field(5, 0, varint(EXTENT)))
    return _bytes(3, b"".join(parts))


def _field(number: int, wire: int, data: bytes) -> bytes:
    return varint(number << 3 | wire) + data


def _bytes(number: int, data: bytes) -> bytes:
    return _field(number, 2, varint(len(data)) + data)


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode())


def _packed(number: int, values: Iterable[int]) -> bytes:
    return _bytes(number, b"".join(map(varint, values)))


def _value(value: Value) -> bytes:
    if isinstance(value, str):
        return _text(1, value)
    if isinstance(value, int):
        return _field(5, 0, varint(value)) if value >= 0 else _field(6, 0, varint(zigzag(value)))
    return _field(3, 1, struct.pack("<d", value))
