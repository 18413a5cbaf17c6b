"""Ground of tiles counted once, and hectares of superpixels within it. Pure: no Django.

Tiles may overlap, and several dates may show the same ground. For an estimate every piece of ground belongs to one
tile, the one that comes first in an order the caller chooses; the others keep what is left of theirs.
"""

import math

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

Floats = npt.NDArray[np.float64]
EQUATOR_RADIUS = 6_378_137.0
FLATTENING = 1 / 298.257223563
# A tile that keeps less of its ground than this share is no unit to be sampled; edges of neighbours overlap a little.
LEAST_SHARE = 0.02


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


def left_over(boxes: Floats) -> dict[int, BaseGeometry]:
    """What is left of the ground of boxes that earlier ones cover: index → geometry in degrees, perhaps empty.

    boxes: (n, 4), west, south, east, north in degrees, the first having the first claim. Boxes that no earlier one
    covers by LEAST_SHARE are not in the answer: they keep all of theirs.
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    if not len(boxes):
        return {}
    shapes = shapely.box(*boxes.T)
    earlier, later = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    ordered = earlier < later
    earlier, later = earlier[ordered], later[ordered]
    one, other = boxes[earlier], boxes[later]
    width = np.minimum(one[:, 2], other[:, 2]) - np.maximum(one[:, 0], other[:, 0])
    height = np.minimum(one[:, 3], other[:, 3]) - np.maximum(one[:, 1], other[:, 1])
    own = (other[:, 2] - other[:, 0]) * (other[:, 3] - other[:, 1])
    covers = np.clip(width, 0, None) * np.clip(height, 0, None) > LEAST_SHARE * own
    over: dict[int, list[int]] = {}
    for first, second in zip(earlier[covers].tolist(), later[covers].tolist(), strict=True):
        over.setdefault(second, []).append(first)
    return {
        index: shapely.difference(shapes[index], shapely.union_all(shapes[above]))
        for index, above in over.items()
    }


def keeps_enough(left: BaseGeometry, box: Floats) -> bool:
    """Whether a tile with that much ground left is still a unit to be sampled."""
    west, south, east, north = box
    return bool(left.area >= LEAST_SHARE * (east - west) * (north - south))


def block_hectares(
    shape: tuple[int, int], scale: int, bounds: tuple[float, float, float, float], left: BaseGeometry | None
) -> Floats:
    """Hectares of every block of a label raster, (rows, columns); 0 where the ground is not the tile's own.

    shape: (height, width) of the image in pixels, of which a block is `scale` × `scale` (cut at the right and lower
    edge); bounds: west, south, east, north in degrees; left: the tile's own ground, None for all of it. Rows are
    spaced evenly in latitude, as `detection.segmentation.outlines.to_geographic` places them.
    """
    height, width = shape
    west, south, east, north = bounds
    rows = np.append(np.arange(0, height, scale), height) / height
    columns = np.append(np.arange(0, width, scale), width) / width
    latitudes = north - rows * (north - south)
    longitudes = west + columns * (east - west)
    ones = np.ones(len(rows) - 1)
    strips = box_hectares(np.stack([west * ones, latitudes[1:], east * ones, latitudes[:-1]], axis=1))
    areas = strips[:, None] * np.diff(columns)[None, :]
    if left is not None:
        x, y = np.meshgrid((longitudes[1:] + longitudes[:-1]) / 2, (latitudes[1:] + latitudes[:-1]) / 2)
        areas = areas * shapely.contains_xy(left, x, y)
    return np.asarray(areas)
