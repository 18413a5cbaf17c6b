"""Polygons that people draw, paste or upload: checked, tidied, or refused with a sentence.

What comes out is a GeoJSON Polygon or MultiPolygon in degrees, WGS 84, outer rings counter-clockwise (RFC 7946),
two-dimensional. Left out: areas across the antimeridian, other coordinate systems.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from shapely import unary_union
from shapely.errors import GEOSException
from shapely.geometry import MultiPolygon, Polygon, mapping
from shapely.geometry.polygon import orient
from shapely.validation import explain_validity

from amberapp.errors import UserError

MAX_TEXT = 2 * 1024 * 1024
MAX_POINTS = 20_000
MAX_DEPTH = 8
# Where Web Mercator, in which tiles are cut, ends.
MAX_LATITUDE = 85.0
DECIMALS = 7  # about a centimetre


def parse_polygon(text: str) -> dict[str, Any] | None:
    """The polygon in a GeoJSON text; None for an empty text. Raises UserError (400)."""
    if not text.strip():
        return None
    if len(text) > MAX_TEXT:
        raise _refusal(_("The GeoJSON is longer than %(limit)s MB: simplify the outline.") % {"limit": 2})
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise _refusal(_("This is not valid GeoJSON: its text cannot be read as JSON.")) from None
    return validate_polygon(value)


def validate_polygon(value: Any) -> dict[str, Any]:
    """A Polygon or MultiPolygon from GeoJSON of any wrapping: Feature, FeatureCollection, list of features.

    Several polygons become one MultiPolygon, overlaps are joined. Raises UserError (400) that says what is wrong.
    """
    polygons: list[Polygon] = []
    points = 0
    for coordinates in _polygon_coordinates(value, 0):
        rings = [_ring(ring) for ring in _list(coordinates)]
        if not rings:
            raise _refusal(_("A polygon without any ring is no area."))
        points += sum(len(ring) for ring in rings)
        if points > MAX_POINTS:
            raise _refusal(
                _("The outline has more than %(limit)s points: simplify it.") % {"limit": MAX_POINTS}
            )
        polygons.append(_polygon(rings))
    if not polygons:
        raise _refusal(_("There is no polygon in this GeoJSON."))
    try:
        whole = polygons[0] if len(polygons) == 1 else unary_union(polygons)
    except GEOSException:
        raise _refusal(_("The polygons cannot be joined to one area.")) from None
    parts = list(whole.geoms) if isinstance(whole, MultiPolygon) else [whole]
    west, _south, east, _north = whole.bounds
    if east - west > 180:
        raise _refusal(
            _("The area spans %(width)s degrees: areas across the antimeridian cannot be watched.")
            % {"width": round(east - west)}
        )
    return _as_geojson([orient(part) for part in parts])


def _refusal(message: str) -> UserError:
    return UserError(message, code="invalid_polygon", fields={"polygon": [message]})


def _polygon_coordinates(value: Any, depth: int) -> Iterator[Any]:
    """The coordinates of every polygon inside, whatever it is wrapped in."""
    if depth > MAX_DEPTH:
        raise _refusal(_("The GeoJSON is nested too deeply."))
    if isinstance(value, list):
        for item in value[:MAX_POINTS]:
            yield from _polygon_coordinates(item, depth + 1)
        return
    if not isinstance(value, dict):
        raise _refusal(_("GeoJSON is an object with a “type”; this is something else."))
    kind = value.get("type")
    if kind == "Polygon":
        yield value.get("coordinates")
    elif kind == "MultiPolygon":
        yield from _list(value.get("coordinates"))
    elif kind == "Feature":
        yield from _polygon_coordinates(value.get("geometry"), depth + 1)
    elif kind == "FeatureCollection":
        yield from _polygon_coordinates(_list(value.get("features")), depth + 1)
    elif kind == "GeometryCollection":
        yield from _polygon_coordinates(_list(value.get("geometries")), depth + 1)
    else:
        # JSON can spell half a character, which no page could be encoded with.
        kind_text = str(kind)[:40].encode("utf-8", errors="replace").decode()
        raise _refusal(_("A region is a Polygon or MultiPolygon, not “%(type)s”.") % {"type": kind_text})


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _refusal(_("The coordinates of the polygon are not nested as GeoJSON wants them."))
    return value


def _ring(value: Any) -> list[tuple[float, float]]:
    points = [_point(point) for point in _list(value)[: MAX_POINTS + 1]]
    if points and points[0] != points[-1]:
        points.append(points[0])
    if len(set(points)) < 3:
        raise _refusal(_("A ring needs at least three different points."))
    return points


def _point(pair: Any) -> tuple[float, float]:
    values = _list(pair)[:2]
    if len(values) < 2 or any(
        isinstance(value, bool) or not isinstance(value, int | float) for value in values
    ):
        raise _refusal(_("A point is written as [longitude, latitude], two numbers."))
    try:
        longitude, latitude = float(values[0]), float(values[1])
    except OverflowError:
        longitude = latitude = math.inf
    if not (math.isfinite(longitude) and math.isfinite(latitude)):
        raise _refusal(_("A coordinate is not a finite number."))
    if abs(longitude) > 180 or abs(latitude) > 90:
        raise _refusal(
            _("%(longitude)s, %(latitude)s is no longitude and latitude in degrees (WGS 84).")
            % {"longitude": f"{longitude:g}", "latitude": f"{latitude:g}"}
        )
    if abs(latitude) > MAX_LATITUDE:
        raise _refusal(_("The area reaches beyond 85 degrees of latitude, where there are no tiles."))
    return round(longitude, DECIMALS), round(latitude, DECIMALS)


def _polygon(rings: list[list[tuple[float, float]]]) -> Polygon:
    try:
        polygon = Polygon(rings[0], rings[1:])
        valid = polygon.is_valid
        where = "" if valid else explain_validity(polygon)
    except (GEOSException, ValueError):
        raise _refusal(_("The polygon cannot be understood as an area.")) from None
    if not valid:
        if "[" in where:
            place = where[where.index("[") + 1 :].rstrip("]").replace(" ", ", ")
            raise _refusal(
                _("The outline crosses or touches itself near %(place)s (longitude, latitude).")
                % {"place": place}
            )
        raise _refusal(_("The outline crosses itself."))
    if polygon.area <= 0:
        raise _refusal(_("The outline encloses no area."))
    return polygon


def _as_geojson(parts: list[Polygon]) -> dict[str, Any]:
    """Lists instead of tuples, as JSON columns give them back."""
    coordinates = [
        [[list(point) for point in ring] for ring in mapping(part)["coordinates"]] for part in parts
    ]
    if len(coordinates) == 1:
        return {"type": "Polygon", "coordinates": coordinates[0]}
    return {"type": "MultiPolygon", "coordinates": coordinates}
