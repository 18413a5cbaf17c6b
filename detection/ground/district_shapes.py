"""Outlines of districts made valid, and made light enough to be drawn. Pure: no Django, no database.

Neighbours that share their border are thinned together and share it afterwards; where districts overlap, each is thinned by
itself. Nothing is counted by thinned outlines.
"""

from collections.abc import Iterable, Sequence

import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

MOST_POINTS_DRAWN = 1000  # of one district
FIRST_TOLERANCE = 0.0001  # degrees, about 10 m; doubled until few enough points are left
# Beyond it, about 500 m, one district of a thousand isles would cost all the others their shape.
LAST_TOLERANCE_TOGETHER = 0.005
MOST_NEIGHBOURS = 30  # of a district on average, by their bounds and itself among them


def thinned(wholes: Sequence[BaseGeometry]) -> list[BaseGeometry]:
    """The valid areas with at most MOST_POINTS_DRAWN points each, where that leaves anything of them."""
    if all(shapely.get_num_coordinates(wholes) <= MOST_POINTS_DRAWN):
        return list(wholes)
    if side_by_side(wholes):
        tolerance = FIRST_TOLERANCE
        while tolerance <= LAST_TOLERANCE_TOGETHER:
            together = shapely.coverage_simplify(wholes, tolerance)
            if all(shapely.get_num_coordinates(together) <= MOST_POINTS_DRAWN):
                return [polygons_of(area) for area in together]
            tolerance *= 2
    return [_alone(whole) for whole in wholes]


def side_by_side(wholes: Sequence[BaseGeometry]) -> bool:
    """Whether none covers another's ground. Heaps of districts are told by their bounds: looking closer takes minutes."""
    pairs = shapely.STRtree(wholes).query(wholes).shape[1]
    return pairs <= MOST_NEIGHBOURS * len(wholes) and bool(shapely.coverage_is_valid(wholes))


def _alone(whole: BaseGeometry) -> BaseGeometry:
    tolerance = FIRST_TOLERANCE
    area = whole
    while shapely.get_num_coordinates(area) > MOST_POINTS_DRAWN and tolerance < 1:
        simpler = polygons_of(whole.simplify(tolerance, preserve_topology=False))
        if simpler.is_empty:
            break
        area = simpler
        tolerance *= 2
    return area


def polygons_of(area: BaseGeometry) -> BaseGeometry:
    """The area, valid, without the lines and points that mending leaves."""
    if not area.is_valid:
        # By structure: a part that lies within another part is ground, no hole.
        area = shapely.make_valid(area, method="structure", keep_collapsed=False)
    return shapely.union_all([part for part in parts_of(area) if isinstance(part, Polygon)])


def parts_of(area: BaseGeometry) -> Iterable[BaseGeometry]:
    for part in shapely.get_parts(area):
        if isinstance(part, MultiPolygon):
            yield from part.geoms
        else:
            yield part
