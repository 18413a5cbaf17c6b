"""Where tiles lie on the Earth and how much ground an outline covers.

Tiles are cut from a Web-Mercator world of 256 × 2^zoom pixels (EPSG:3857), areas are measured on the WGS 84
ellipsoid. Left out: other projections, and tiles across the antimeridian.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

EQUATOR_METRES = 2 * math.pi * 6_378_137.0
# Web Mercator is square: it ends where the latitude's y equals half of the equator.
MERCATOR_LATITUDE = math.degrees(math.atan(math.sinh(math.pi)))
ELLIPSOID = Geod(ellps="WGS84")
SQUARE_METRES_PER_HECTARE = 10_000.0

# West, south, east, north, in degrees.
Bounds = tuple[float, float, float, float]
Number = TypeVar("Number", float, NDArray[np.float64])


def geodesic_area_hectares(geometry: BaseGeometry) -> float:
    """Area of a Polygon or MultiPolygon in degrees (x longitude, y latitude), in hectares on the ellipsoid.

    Holes are taken off whatever way their rings run. Raises ValueError for other kinds of geometry.
    """
    if isinstance(geometry, Polygon):
        parts = [geometry]
    elif isinstance(geometry, MultiPolygon):
        parts = list(geometry.geoms)
    else:
        raise ValueError(f"only polygons have an area, not a {geometry.geom_type}")
    metres = sum(ELLIPSOID.geometry_area_perimeter(orient(part))[0] for part in parts if not part.is_empty)
    return float(metres) / SQUARE_METRES_PER_HECTARE


def ground_sample_distance(latitude: float, zoom: int) -> float:
    """Metres of ground in one pixel: 0.372 at 51.5° N and zoom 18. Raises ValueError beyond the projection."""
    _check(latitude, zoom)
    return EQUATOR_METRES * math.cos(math.radians(latitude)) / world_pixels(zoom)


def world_pixels(zoom: int) -> int:
    """Side of the whole Web-Mercator world in pixels."""
    return 256 * 2**zoom


def to_world_pixels(latitude: float, longitude: float, zoom: int) -> tuple[float, float]:
    """(x, y) of a place in world pixels, y down from the north. Raises ValueError beyond the projection."""
    _check(latitude, zoom)
    side = world_pixels(zoom)
    y = math.asinh(math.tan(math.radians(latitude)))
    return (longitude / 360 + 0.5) * side, (0.5 - y / (2 * math.pi)) * side


def from_world_pixels(x: float, y: float, zoom: int) -> tuple[float, float]:
    """(latitude, longitude) in degrees of a point in world pixels; undoes `to_world_pixels`."""
    side = world_pixels(zoom)
    latitude = math.degrees(math.atan(math.sinh((0.5 - y / side) * 2 * math.pi)))
    return latitude, (x / side - 0.5) * 360


def tile_bounds_from_centre(
    latitude: float, longitude: float, width: int, height: int, zoom: int = 18
) -> tuple[float, float, float, float]:
    """(west, south, east, north) in degrees of a tile of width × height pixels around its centre.

    Raises ValueError for a tile without pixels or a centre beyond the projection.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a tile has pixels, not {width}×{height}")
    x, y = to_world_pixels(latitude, longitude, zoom)
    south, west = from_world_pixels(x - width / 2, y + height / 2, zoom)
    north, east = from_world_pixels(x + width / 2, y - height / 2, zoom)
    return west, south, east, north


def pixels_to_degrees(x: Number, y: Number, bounds: Bounds, width: int, height: int) -> tuple[Number, Number]:
    """(longitude, latitude) of a point in an image, or of many: x from the left, y from the top, in pixels.

    `bounds` are those of the whole image. The mapping is linear: inside a zoom 18 tile of 1000 pixels the Mercator
    projection bends away from it by 4 mm at 51.5° N.
    """
    west, south, east, north = bounds
    across, down = x / width, y / height
    # Weighted sums, so that the corners of the image land on the bounds to the last bit.
    return west * (1 - across) + east * across, north * (1 - down) + south * down


def degrees_to_pixels(
    longitude: Number, latitude: Number, bounds: Bounds, width: int, height: int
) -> tuple[Number, Number]:
    """(x, y) in the image of a point in degrees, or of many; undoes `pixels_to_degrees`. Outside it below 0 or beyond
    its size."""
    west, south, east, north = bounds
    return (longitude - west) / (east - west) * width, (north - latitude) / (north - south) * height


def _check(latitude: float, zoom: int) -> None:
    if not abs(latitude) <= MERCATOR_LATITUDE:
        raise ValueError(f"Web Mercator has no latitude {latitude}")
    if not 0 <= zoom <= 30:
        raise ValueError(f"zoom lies in 0…30, not {zoom}")


def polygons_of(geometry: BaseGeometry) -> MultiPolygon:
    """The areas of any geometry, lines and points left out."""
    flat: list[Polygon] = []
    for part in shapely.get_parts(geometry):
        if isinstance(part, Polygon):
            flat.append(part)
        elif hasattr(part, "geoms"):
            flat.extend(polygons_of(part).geoms)
    return MultiPolygon(flat)
