"""Exact outlines of superpixels, in pixel corners and in degrees.

An outline follows the edges of pixels, so neighbouring superpixels share their border point for point and together
they tile the image without gaps or overlaps. Coordinates are corners: x runs right from 0 to cols, y down from 0
to rows; pixel (row, col) is the square from (col, row) to (col + 1, row + 1).

Left out: smoothing and simplifying, which would open gaps between neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from detection.geometry import Bounds, pixels_to_degrees

Ring = list[list[int]]

# Headings along which a border is walked with the superpixel on the right hand (clockwise on the screen).
EAST, SOUTH, WEST, NORTH = range(4)
STEP_X = np.array([1, 0, -1, 0])
STEP_Y = np.array([0, 1, 0, -1])


def trace_outlines(
    labels: np.ndarray, scale: int = 1, shape: tuple[int, int] | None = None
) -> list[list[Ring]]:
    """The rings of every superpixel: element k − 1 belongs to superpixel k; its first ring is the outside, others are holes.

    `labels`: int32 (rows, cols), 0 where there is no data, superpixels 1…n each connected by edges. Where they are
    constant in blocks, one number a block is enough, and a great deal quicker: `scale` is then the side of a block and
    `shape` (rows, cols) the full size, whose last blocks may be partial. Rings are closed ([x, y] first = last), keep
    only corners, and run clockwise on the screen outside, counter-clockwise in holes.

    Raises ValueError for a superpixel in several parts or a number that no pixel has.
    """
    superpixels = int(labels.max(initial=0))
    # Here, because the web process reads this module too.
    from skimage.measure import label as label_components

    components = label_components(labels, background=0, connectivity=1)
    count = int(components.max(initial=0))
    owner = np.zeros(count + 1, np.int64)
    owner[components.ravel()] = labels.ravel()
    counts = np.bincount(owner[1:], minlength=superpixels + 1)[1:]
    if (counts != 1).any():
        wrong = int(np.flatnonzero(counts != 1)[0]) + 1
        raise ValueError(
            f"superpixel {wrong} has {int(counts[wrong - 1])} parts; a superpixel is one connected part"
        )
    traced = _trace_components(components, scale, shape)
    outlines: list[list[Ring]] = [[] for _ in range(superpixels)]
    for component in range(1, count + 1):
        outlines[int(owner[component]) - 1] = traced[component - 1]
    return outlines


def union_outline(
    labels: np.ndarray, superpixels: Iterable[int], scale: int = 1, shape: tuple[int, int] | None = None
) -> MultiPolygon:
    """The ground that some superpixels cover together, as a MultiPolygon in pixel corners (y down).

    `labels`, `scale`, `shape` as in `trace_outlines`; superpixels need not touch. No superpixels give an empty MultiPolygon.
    Raises ValueError for a number that the tile does not have.
    """
    wanted = sorted({int(superpixel) for superpixel in superpixels})
    highest = int(labels.max(initial=0))
    chosen = np.zeros(highest + 1, bool)
    for superpixel in wanted:
        if not 1 <= superpixel <= highest:
            raise ValueError(f"the tile has superpixels 1…{highest}, not {superpixel}")
        chosen[superpixel] = True
    from skimage.measure import label as label_components

    components = label_components(chosen[labels], background=0, connectivity=1)
    traced = _trace_components(components, scale, shape)
    return MultiPolygon([Polygon(rings[0], rings[1:]) for rings in traced])


def to_geographic(geometry: BaseGeometry, bounds: Bounds, shape: tuple[int, int]) -> BaseGeometry:
    """Move a geometry from pixel corners to degrees (x longitude, y latitude, WGS 84).

    `bounds`: those of the image; `shape`: (rows, cols). Polygons come out with the outside counter-clockwise, as
    GeoJSON (RFC 7946) wants them. Raises ValueError for an empty image.
    """
    rows, cols = shape
    if rows < 1 or cols < 1:
        raise ValueError(f"an image has rows and columns, not {shape}")

    def place(points: np.ndarray) -> np.ndarray:
        return np.column_stack(pixels_to_degrees(points[:, 0], points[:, 1], bounds, cols, rows))

    return _counter_clockwise(shapely.transform(geometry, place))


def _counter_clockwise(geometry: BaseGeometry) -> BaseGeometry:
    if isinstance(geometry, Polygon):
        return orient(geometry)
    if isinstance(geometry, MultiPolygon):
        return MultiPolygon([orient(part) for part in geometry.geoms])
    return geometry


def _trace_components(
    components: np.ndarray, scale: int = 1, shape: tuple[int, int] | None = None
) -> list[list[Ring]]:
    """Rings of the components 1…n of an array in which each is connected by edges; the outside comes first.

    An element of the array is a block of `scale` pixels of an image of `shape` (rows, cols).
    """
    rows, cols = components.shape
    framed = np.zeros((rows + 2, cols + 2), np.int64)
    framed[1:-1, 1:-1] = components

    # Every side of a pixel that faces another number is one step of a walk around the pixel's component.
    owners, xs, ys, headings = [], [], [], []
    inner = framed[1:-1, 1:-1]
    sides = (
        (EAST, framed[:-2, 1:-1], 0, 0),  # top side, walked from the top left corner
        (SOUTH, framed[1:-1, 2:], 1, 0),
        (WEST, framed[2:, 1:-1], 1, 1),
        (NORTH, framed[1:-1, :-2], 0, 1),
    )
    for side, facing, right, down in sides:
        row, col = np.nonzero((inner != facing) & (inner != 0))
        owners.append(inner[row, col])
        xs.append(col + right)
        ys.append(row + down)
        headings.append(np.full(row.size, side))
    owner, x, y, heading = (np.concatenate(parts) for parts in (owners, xs, ys, headings))
    count = int(components.max(initial=0))
    outlines: list[list[Ring]] = [[] for _ in range(count)]
    if owner.size == 0:
        return outlines

    following = _link(owner, x, y, heading, cols + 1, (rows + 1) * (cols + 1))
    turns = (heading[following] != heading).tolist()
    height, width = shape or (rows * scale, cols * scale)
    end_x = np.minimum((x + STEP_X[heading]) * scale, width).tolist()
    end_y = np.minimum((y + STEP_Y[heading]) * scale, height).tolist()
    order = following.tolist()
    owner_of = owner.tolist()
    walked = np.zeros(owner.size, bool).tolist()
    # Steps are sorted by side and then by row, so the first step of a component is a topmost top side: its outside.
    for first in range(owner.size):
        if walked[first]:
            continue
        ring: Ring = []
        step = first
        while not walked[step]:
            walked[step] = True
            if turns[step]:
                ring.append([end_x[step], end_y[step]])
            step = order[step]
        ring.append(list(ring[0]))
        outlines[owner_of[first] - 1].append(ring)
    return outlines


def _link(
    owner: np.ndarray, x: np.ndarray, y: np.ndarray, heading: np.ndarray, width: int, corners: int
) -> np.ndarray:
    """For every step the index of the one that follows it.

    Where two pixels of a component meet only in a corner two steps leave it. The left turn is right: the pixels
    hang together elsewhere, so it is the ground on the other diagonal that is two separate holes (or a hole and
    the outside), and rings that merely touch in a corner are valid polygons.
    """
    starts = owner * corners + y * width + x
    ends = owner * corners + (y + STEP_Y[heading]) * width + (x + STEP_X[heading])
    order = np.argsort(starts, kind="stable")
    ranked = starts[order]
    first = np.searchsorted(ranked, ends)
    second = np.minimum(first + 1, ranked.size - 1)
    one, other = order[first], order[second]
    has_choice = (ranked[second] == ends) & (second != first)
    take_other = has_choice & (heading[other] == (heading - 1) % 4)
    return np.where(take_other, other, one)
