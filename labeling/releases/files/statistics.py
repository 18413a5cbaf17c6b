"""The figures of a release: hectares by year and by district, ground counted once, areas on the ellipsoid. Pure."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon

from detection.geometry import geodesic_area_hectares, polygons_of
from labeling.releases.files.content import Content, District, OutlinedPlace, in_order
from labeling.releases.files.published_place import DECIMALS, Bounds

# A group of outlines that meet, and their union: worked out once, used for totals, years and districts.
Group = tuple[tuple[str, ...], MultiPolygon | None, float]


class Ground:
    """Measures what places cover together, and remembers every union it has made."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], tuple[MultiPolygon, float]] = {}

    def groups(self, places: Sequence[OutlinedPlace]) -> list[tuple[MultiPolygon, float]]:
        """(ground, hectares) of each group of places that meet; no two of them share ground."""
        found = []
        for group in _meeting(places):
            if len(group) == 1:
                found.append((group[0].outline, group[0].area))
                continue
            key = tuple(place.place for place in group)
            if key not in self._groups:
                union = polygons_of(shapely.union_all([place.outline for place in group]))
                self._groups[key] = (union, geodesic_area_hectares(union))
            found.append(self._groups[key])
        return found

    def hectares(self, places: Sequence[OutlinedPlace]) -> float:
        """Ground that the places cover together, in hectares: where tiles or dates overlap it counts once.

        Only outlines that meet are united: one union of ten thousand outlines takes minutes, many small ones seconds.
        """
        return round(sum(hectares for _ground, hectares in self.groups(places)), 2)


def _meeting(places: Sequence[OutlinedPlace]) -> list[list[OutlinedPlace]]:
    """The places in groups, so that no outline meets one of another group. Order follows the places' names."""
    if not places:
        return []
    ordered = in_order(places)
    outlines = [place.outline for place in ordered]
    tree = shapely.STRtree(outlines)
    group_of = list(range(len(ordered)))

    def root(number: int) -> int:
        while group_of[number] != number:
            group_of[number] = group_of[group_of[number]]
            number = group_of[number]
        return number

    # Boxes first: most outlines are alone, and only those whose boxes meet are looked at closely.
    ones, others = tree.query(outlines)
    apart = ones < others
    ones, others = ones[apart], others[apart]
    shapes = np.array(outlines, dtype=object)
    meet = shapely.intersects(shapes[ones], shapes[others])
    for one, other in zip(ones[meet].tolist(), others[meet].tolist(), strict=True):
        first, second = sorted((root(one), root(other)))
        group_of[second] = first
    groups: dict[int, list[OutlinedPlace]] = {}
    for number, place in enumerate(ordered):
        groups.setdefault(root(number), []).append(place)
    return list(groups.values())


def bounds_around(boxes: Iterable[Bounds]) -> list[float] | None:
    """[west, south, east, north] around all boxes, or None when there are none."""
    corners = np.array(list(boxes), dtype=np.float64)
    if not len(corners):
        return None
    low, high = corners.min(axis=0), corners.max(axis=0)
    return [round(float(value), DECIMALS) for value in (low[0], low[1], high[2], high[3])]


def statistics(content: Content) -> dict[str, Any]:
    """The figures of a release as one JSON object.

    `hectares` counts overlapping ground once over all years; a year's figure counts it once within that year, so
    the years may sum to more than the total. Of a map whose outlines are not those of mined ground
    (`content.hectares_known` False) every number of hectares is null.
    """
    ground = Ground()
    known = content.hectares_known
    years = sorted(
        {place.year for place in content.places} | {tile.year for tile in content.searched},
        key=_undated_last,
    )
    tiles_in: dict[int | None, int] = {}
    for tile in content.searched:
        tiles_in[tile.year] = tiles_in.get(tile.year, 0) + 1
    by_year = []
    for year in years:
        found = [place for place in content.places if place.year == year]
        by_year.append(
            {
                "year": year,
                "places": len(found),
                "hectares": ground.hectares(found) if known else None,
                "tiles_searched": tiles_in.get(year, 0),
            }
        )
    return {
        "format": "amber-statistics/1",
        "region": content.region,
        "hectares": ground.hectares(content.places) if known else None,
        "places": len(content.places),
        "tiles_searched": len(content.searched),
        "by_year": by_year,
        "by_district": by_district(content, ground),
        "estimate": in_one_order(content.estimate),
        "not_on_the_map": dict(sorted(content.apart.items())),
        "bounds": bounds_around(place.tile for place in content.places),
        "searched_bounds": bounds_around(tile.bounds for tile in content.searched),
        "method": content.method,
        "sources": [
            {
                "name": source.name,
                "attribution": source.attribution,
                "licence": source.licence,
                "may_publish": source.may_publish,
                "synthetic": source.synthetic,
                **content.taken.get(source.name, NEVER),
            }
            for source in sorted(content.sources, key=lambda source: source.name)
        ],
    }


def in_one_order(value: Any) -> Any:
    """Plain values as they come from a JSON column, told the same by every database: keys sorted at every depth.

    PostgreSQL keeps keys in an order of its own and knows no −0; SQLite gives back the text as it was written.
    """
    if isinstance(value, dict):
        return {key: in_one_order(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [in_one_order(one) for one in value]
    return value + 0.0 if isinstance(value, float) else value


NEVER = {"first_date": None, "last_date": None, "tiles": 0, "undated": 0}


def _undated_last(year: int | None) -> tuple[bool, int]:
    return (year is None, year or 0)


def by_district(content: Content, ground: Ground) -> list[dict[str, Any]]:
    """Hectares and places of each district and of the ground outside all of them (district "", only where there is any).

    Ground is cut at the district's border, so a district may have hectares and no place: a place counts once, in the
    district of its centre, as the list of places tells it. Ground of districts that overlap counts in each of them.
    Empty where the region has no districts.
    """
    if not content.districts:
        return []
    districts = sorted(content.districts, key=lambda district: district.name)
    homes = districts_of(content)
    rows = []
    tree = shapely.STRtree(np.array([place.outline for place in content.places], dtype=object))
    for district in districts:
        touching = _touching(district.area, content.places, tree)
        rows.append(_district_row(content, ground, district, touching, homes, partial(_within, district)))
    rows.sort(key=lambda row: (-(row["hectares"] or 0), row["district"]))
    everywhere = District("", {}, polygons_of(shapely.union_all([district.area for district in districts])))
    shapely.prepare(everywhere.area)
    shapes = np.array([place.outline for place in content.places], dtype=object)
    inside = shapely.contains(everywhere.area, shapes) if len(shapes) else np.zeros(0, bool)
    outside = [place for place, all_in in zip(content.places, inside.tolist(), strict=True) if not all_in]
    row = _district_row(content, ground, everywhere, outside, homes, partial(_without, everywhere))
    if row["places"] or row["hectares"]:
        rows.append(row)
    return rows


def _district_row(
    content: Content,
    ground: Ground,
    district: District,
    places: list[OutlinedPlace],
    homes: dict[str, str],
    clip: Callable[[MultiPolygon], MultiPolygon | None],
) -> dict[str, Any]:
    """places: those with ground there; homes: place → the district of its centre; clip: ground → the part of it that
    counts, or None when all of it does."""

    # By the shape itself, which the places and the unions hold: the same ones come for all years and for each.
    parts: dict[int, MultiPolygon | None] = {}

    def hectares(some: list[OutlinedPlace]) -> float | None:
        if not content.hectares_known:
            return None
        total = 0.0
        for shape, whole in ground.groups(some):
            if id(shape) not in parts:
                parts[id(shape)] = clip(shape)
            part = parts[id(shape)]
            total += whole if part is None else geodesic_area_hectares(part)
        return round(total, 2)

    at_home = [place for place in content.places if homes.get(place.place, "") == district.name]
    by_year = []
    for year in sorted({place.year for place in (*places, *at_home)}, key=_undated_last):
        found = [place for place in places if place.year == year]
        counted = sum(place.year == year for place in at_home)
        by_year.append({"year": year, "places": counted, "hectares": hectares(found)})
    return {
        "district": district.name,
        "names": in_one_order(district.names),
        "places": len(at_home),
        "hectares": hectares(places),
        "by_year": by_year,
    }


def _touching(
    area: MultiPolygon, places: Sequence[OutlinedPlace], tree: shapely.STRtree
) -> list[OutlinedPlace]:
    """Places that have ground within the area (more than a shared border), in their order; tree: of their outlines."""
    near = np.sort(tree.query(area, predicate="intersects"))
    shapes = tree.geometries[near]
    shapely.prepare(area)
    inside = shapely.contains_properly(area, shapes)
    # Only along the border it must be looked at closely: against a hundred thousand points that takes its time.
    inside[~inside] = shapely.area(shapely.intersection(shapes[~inside], area)) > 0
    return [places[number] for number in near[inside].tolist()]


def _within(district: District, shape: MultiPolygon) -> MultiPolygon | None:
    if shapely.contains(district.area, shape):
        return None
    return polygons_of(shapely.intersection(shape, district.area))


def _without(everywhere: District, shape: MultiPolygon) -> MultiPolygon | None:
    if not shapely.intersects(everywhere.area, shape):
        return None
    return polygons_of(shapely.difference(shape, everywhere.area))


def districts_of(content: Content) -> dict[str, str]:
    """Place → the name of the district in which its centre lies (the first by name where they overlap or meet); places
    outside all are left out."""
    found: dict[str, str] = {}
    if not content.districts or not content.places:
        return found
    centres = shapely.points([(place.longitude, place.latitude) for place in content.places])
    for district in sorted(content.districts, key=lambda district: district.name):
        shapely.prepare(district.area)
        for number in np.flatnonzero(shapely.covers(district.area, centres)).tolist():
            found.setdefault(content.places[number].place, district.name)
    return found
