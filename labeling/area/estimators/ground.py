"""Ground of tiles counted once, and hectares of superpixels within it. Pure: no Django.

Tiles may overlap, and several dates may show the same ground. For an estimate every piece of ground belongs to one
tile, the one that comes first in an order the caller chooses; the others keep what is left of theirs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

Floats = npt.NDArray[np.float64]
EQUATOR_RADIUS = 6_378_137.0
FLATTENING = 1 / 298.257223563
# A tile that keeps less of its ground than this share is no unit to be sampled.
LEAST_SHARE = 0.02
# Boxes that overlap by no more than this share of the one only meet: their sides are rounded.
ROUNDING = 1e-9
# Up to so many boxes that cover another are worked out as arrays, so many cells at once; of more GEOS unites them.
FEW = 12
CELLS_AT_ONCE = 10_000_000


def box_hectares(boxes: Floats) -> Floats:
    """Hectares on the WGS 84 ellipsoid of boxes (…, 4): west, south, east, north in degrees, south below north.

    Between two parallels and two meridians (Snyder 1987, Map Projections: a Working Manual, eq. 3-12 with the
    authalic q). Along the parallels, not along geodesics: on a tile that differs by less than a millionth.
    """
    west, south, east, north = np.moveaxis(np.asarray(boxes, dtype=np.float64), -1, 0)
    metres = EQUATOR_RADIUS**2 / 2 * np.radians(east - west) * (_authalic(north) - _authalic(south))
    return np.asarray(metres / 10_000)


def _authalic(latitude: Floats) -> Floats:
    square = FLATTENING * (2 - FLATTENING)
    root = math.sqrt(square)
    sine = np.sin(np.radians(latitude))
    return np.asarray((1 - square) * (sine / (1 - square * sine**2) + np.arctanh(root * sine) / root))


@dataclass(frozen=True)
class OwnGround:
    """What boxes keep of their ground when the earlier ones have the first claim.

    boxes: float64 (n, 4), west, south, east, north in degrees; shares: float64 (n,), how much of its ground each keeps,
    0…1; above: of boxes that do not keep all of it, the earlier ones that take some.
    """

    boxes: Floats
    shares: Floats
    above: Mapping[int, npt.NDArray[np.int64]]

    def left(self, index: int) -> BaseGeometry | None:
        """What is left of the ground of one box, in degrees, perhaps empty; None where it keeps all of it."""
        if index not in self.above:
            return None
        taken = shapely.union_all(shapely.box(*self.boxes[self.above[index]].T))
        return shapely.difference(shapely.box(*self.boxes[index]), taken)


def own_ground(boxes: Floats) -> OwnGround:
    """boxes: (n, 4), west, south, east, north in degrees, the first having the first claim.

    Every overlap counts, however small: the edges of a grid's tiles overlap by a little all over it. Shapes are made for
    those only that are asked for; a hundred thousand shares are worked out as arrays.
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    shares = np.ones(len(boxes))
    shapes = shapely.box(*boxes.T)
    earlier, later = shapely.STRtree(shapes).query(shapes)
    ordered = earlier < later
    earlier, later = earlier[ordered], later[ordered]
    share = _overlaps(boxes[earlier], boxes[later])
    real = share > ROUNDING
    earlier, later, share = earlier[real], later[real], share[real]
    if not len(later):
        return OwnGround(boxes, shares, {})
    by_box = np.lexsort((earlier, later))
    earlier, later, share = earlier[by_box], later[by_box], share[by_box]
    indices, starts, counts = np.unique(later, return_index=True, return_counts=True)
    above = dict(zip(indices.tolist(), np.split(earlier, starts[1:]), strict=True))
    covered = later[share > 1 - ROUNDING]
    shares[covered] = 0
    open_ = ~np.isin(indices, covered)
    for count in np.unique(counts[open_]).tolist():
        these = open_ & (counts == count)
        taken = earlier[starts[these][:, None] + np.arange(count)]
        if count <= FEW:
            shares[indices[these]] = 1 - _covered(boxes[indices[these]], boxes[taken])
        else:
            for index, some in zip(indices[these].tolist(), boxes[taken], strict=True):
                union = shapely.union_all(shapely.box(*some.T))
                shares[index] = shapely.difference(shapes[index], union).area / shapes[index].area
    return OwnGround(boxes, shares, above)


def _overlaps(one: Floats, other: Floats) -> Floats:
    """How much of the other box each of the one covers, 0…1; both (n, 4)."""
    width = np.minimum(one[:, 2], other[:, 2]) - np.maximum(one[:, 0], other[:, 0])
    height = np.minimum(one[:, 3], other[:, 3]) - np.maximum(one[:, 1], other[:, 1])
    own = (other[:, 2] - other[:, 0]) * (other[:, 3] - other[:, 1])
    return np.asarray(np.clip(width, 0, None) * np.clip(height, 0, None) / own)


def _covered(boxes: Floats, taken: Floats) -> Floats:
    """The share of each box that several cover together; boxes (n, 4), taken (n, k, 4).

    All sides of a box and of what covers it cut it into (2k + 1)² cells, each of which is covered or is not.
    """
    share = np.empty(len(boxes))
    at_once = max(1, CELLS_AT_ONCE // (taken.shape[1] * (2 * taken.shape[1] + 1) ** 2))
    for start in range(0, len(boxes), at_once):
        part = slice(start, start + at_once)
        box, over = boxes[part], taken[part]
        low, high = box[:, None, :2], box[:, None, 2:]
        from_, to = np.clip(over[:, :, :2], low, high), np.clip(over[:, :, 2:], low, high)
        sides = np.sort(np.concatenate([low, high, from_, to], axis=1), axis=1)
        middles, sizes = (sides[:, 1:] + sides[:, :-1]) / 2, np.diff(sides, axis=1)
        inside = (from_[:, :, None] < middles[:, None]) & (middles[:, None] < to[:, :, None])
        cells = (inside[:, :, :, None, 0] & inside[:, :, None, :, 1]).any(axis=1)
        area = np.einsum("nxy,nx,ny->n", cells, sizes[..., 0], sizes[..., 1])
        share[part] = area / np.prod(box[:, 2:] - box[:, :2], axis=1)
    return share


def block_hectares(
    shape: tuple[int, int], scale: int, bounds: tuple[float, float, float, float], left: BaseGeometry | None
) -> Floats:
    """Hectares of every block of a label raster, (rows, columns); 0 where the ground is not the tile's own.

    shape: (height, width) of the image in pixels, of which a block is `scale` × `scale` (cut at the right and lower
    edge); bounds: west, south, east, north in degrees; left: the tile's own ground, all of whose sides run along
    parallels and meridians, None for all of it. Rows are
    spaced evenly in latitude, as `detection.segmentation.outlines.to_geographic` places them.
    """
    height, width = shape
    west, south, east, north = bounds
    latitudes = north - np.append(np.arange(0, height, scale), height) / height * (north - south)
    longitudes = west + np.append(np.arange(0, width, scale), width) / width * (east - west)
    if left is None:
        return _cells(longitudes, latitudes)
    # The sides of what is left cut blocks into finer cells, which lie within or without it.
    x, y = shapely.get_coordinates(left).T
    finer_x = np.unique(np.concatenate([longitudes, np.clip(x, west, east)]))
    finer_y = np.unique(np.concatenate([latitudes, np.clip(y, south, north)]))[::-1]
    middles = np.meshgrid((finer_x[1:] + finer_x[:-1]) / 2, (finer_y[1:] + finer_y[:-1]) / 2)
    areas = _cells(finer_x, finer_y) * shapely.contains_xy(left, *middles)
    rows = np.searchsorted(-finer_y, -latitudes[:-1])
    columns = np.searchsorted(finer_x, longitudes[:-1])
    return np.asarray(np.add.reduceat(np.add.reduceat(areas, rows, axis=0), columns, axis=1))


def _cells(longitudes: Floats, latitudes: Floats) -> Floats:
    """Hectares between each two neighbouring parallels (from the north) and meridians (from the west)."""
    west, east = longitudes[0], longitudes[-1]
    ones = np.ones(len(latitudes) - 1)
    strips = box_hectares(np.stack([west * ones, latitudes[1:], east * ones, latitudes[:-1]], axis=1))
    return np.asarray(strips[:, None] * (np.diff(longitudes) / (east - west))[None, :])
