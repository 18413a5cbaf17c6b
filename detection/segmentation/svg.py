"""Outlines as the `d` of an SVG path, in pixels of the image. Holes come out with fill-rule evenodd."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

Rings = Iterable[Sequence[Sequence[float]]]


def rings_of(outline: dict[str, Any]) -> list[Sequence[Sequence[float]]]:
    """All rings, outside ones and holes, of a GeoJSON MultiPolygon."""
    return [ring for polygon in outline["coordinates"] for ring in polygon]


def svg_path(rings: Rings) -> str:
    """Closed rings (first corner = last) as absolute lines; rings of fewer than three corners are left out."""
    return "".join(
        "M" + "L".join(f"{x:g} {y:g}" for x, y in (point[:2] for point in ring[:-1])) + "Z"
        for ring in rings
        if len(ring) > 3
    )


def svg_path_in_steps(rings: Rings) -> str:
    """The same in whole pixels and in steps: about a third of the letters, for pages that show many."""
    drawn = []
    for ring in rings:
        points = [(round(point[0]), round(point[1])) for point in ring]
        if len(points) < 4:
            continue
        drawn.append(f"M{points[0][0]} {points[0][1]}")
        for (x, y), (to_x, to_y) in pairwise(points[:-1]):
            across, down = to_x - x, to_y - y
            if across and down:
                drawn.append(f"l{across} {down}")
            elif across:
                drawn.append(f"h{across}")
            elif down:
                drawn.append(f"v{down}")
        drawn.append("z")
    return "".join(drawn)
