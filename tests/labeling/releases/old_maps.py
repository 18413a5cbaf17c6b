"""Maps of others, for the tests of their import."""

from typing import Any


def square(west: float, south: float, side: float, **properties: object) -> dict[str, Any]:
    """A feature of a map that was published elsewhere; west, south and side in degrees."""
    ring = [
        [west, south],
        [west + side, south],
        [west + side, south + side],
        [west, south + side],
        [west, south],
    ]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": properties,
    }
