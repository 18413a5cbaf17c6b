"""Districts and place names read from a GeoJSON file. Pure: no Django, no database.

Polygons become districts, points become place names. One bad feature is refused by its name and the rest is taken.
Coordinates are degrees, WGS 84 (RFC 7946). Outlines keep all their points, for hectares are counted by them; where they are
drawn, `detection.ground.district_shapes` thins them. Left out: other coordinate systems, lines, areas across the antimeridian.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.errors import GEOSException
from shapely.geometry import LineString, MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from detection.ground.district_shapes import parts_of, polygons_of
from detection.imagery.sentences import Sentence, gettext_noop

MAX_BYTES = 20 * 2**20
MAX_FEATURES = 5000
MAX_POINTS_READ = 200_000  # of one feature
MAX_POINTS_KEPT = 500_000  # of all districts of a file
# An outline that crosses itself is mended where that is a slip of the pen; mending a scribble would take minutes.
MAX_POINTS_CROSSED = 2000
MAX_CROSSINGS = 100
LONGEST_NAME = 120
MOST_LANGUAGES = 8
DECIMALS = 5  # about a metre
# A district that only touches the region's edge, a village just outside it: degrees around the region that still count.
MARGIN = 0.2
Bounds = tuple[float, float, float, float]

_WGS84 = re.compile(r"(?:CRS:?:?84|EPSG:{1,2}4326)$", re.IGNORECASE)
# name:uk, name_en, and the columns of the administrative boundaries that the UN publishes: ADM2_UA, ADM2_EN.
_IN_LANGUAGE = re.compile(
    r"(?:name|adm(?P<level>[0-9])(?:name)?)[:_](?P<language>[a-z]{2,3})$", re.IGNORECASE
)
_LEVEL = re.compile(r"name_(?P<level>[0-9])$", re.IGNORECASE)
_COUNTRY_AS_LANGUAGE = {"ua": "uk", "by": "be"}
_PREFERRED = ("uk", "en")


class UnreadableFile(ValueError):
    """The whole file cannot be used; `sentence` says why."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


@dataclass
class _Shape:
    """A district while the file is read: the number of its first feature, its names, one part a feature."""

    number: int
    names: dict[str, str] = field(default_factory=dict)
    parts: list[BaseGeometry] = field(default_factory=list)


class _Refused(Exception):
    def __init__(self, template: str, **values: object) -> None:
        super().__init__(template)
        self.sentence = Sentence(template, values)


@dataclass(frozen=True)
class NamedArea:
    """`polygon` is a GeoJSON MultiPolygon in degrees, `bounds` its (west, south, east, north)."""

    name: str
    names: dict[str, str]
    polygon: dict[str, Any]
    bounds: Bounds


@dataclass(frozen=True)
class NamedPoint:
    name: str
    names: dict[str, str]
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Refusal:
    """A feature that was not taken: its number in the file (from 1), its name ("" without one), the reason."""

    number: int
    name: str
    reason: Sentence


@dataclass
class NamedGround:
    """What stands in a file. `mended` holds names of districts whose outline crossed itself; `joined` names that several
    polygons shared; `outside` counts what lies away from the region, `repeated` points given twice."""

    areas: list[NamedArea] = field(default_factory=list)
    points: list[NamedPoint] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    outside: int = 0
    repeated: int = 0


def read_named_ground(data: bytes, near: Bounds | None = None) -> NamedGround:
    """Districts and place names of a GeoJSON FeatureCollection (or one Feature) in UTF-8.

    `near` are the bounds of the region, in degrees: what lies further than MARGIN from them is counted and left out.
    Raises UnreadableFile when nothing of the file can be used.
    """
    ground = NamedGround()
    shapes: dict[str, _Shape] = {}
    seen: set[tuple[str, float, float]] = set()
    reach = _grown(near) if near else None
    for number, feature in enumerate(_features(data), start=1):
        name = ""
        try:
            if not isinstance(feature, dict) or feature.get("type") != "Feature":
                raise _Refused(gettext_noop("This is no GeoJSON feature."))
            name, names = _names(feature.get("properties"))
            kind, coordinates = _geometry(feature.get("geometry"))
            if kind == "Point":
                longitude, latitude = (round(value, DECIMALS) for value in _point(coordinates))
                if reach and not reach.intersects(shapely.Point(longitude, latitude)):
                    ground.outside += 1
                elif (name, latitude, longitude) in seen:
                    ground.repeated += 1
                else:
                    seen.add((name, latitude, longitude))
                    ground.points.append(NamedPoint(name, names, latitude, longitude))
                continue
            area = _area(name, [coordinates] if kind == "Polygon" else _list(coordinates), ground)
            if reach and not reach.intersects(area):
                ground.outside += 1
            else:
                shape_of_name = shapes.setdefault(name, _Shape(number))
                shape_of_name.names.update(names)
                shape_of_name.parts.append(area)
        except _Refused as refused:
            ground.refused.append(Refusal(number, name, refused.sentence))
    ground.joined = [name for name, shape_of_name in shapes.items() if len(shape_of_name.parts) > 1]
    points = sum(
        int(shapely.get_num_coordinates(part))
        for shape_of_name in shapes.values()
        for part in shape_of_name.parts
    )
    if points > MAX_POINTS_KEPT:
        raise _unreadable(
            gettext_noop(
                "The districts of the file have %(count)s points; at most %(limit)s are taken at once: simplify them."
            ),
            count=points,
            limit=MAX_POINTS_KEPT,
        )
    for name, shape_of_name in shapes.items():
        whole = (
            shapely.union_all(shape_of_name.parts) if len(shape_of_name.parts) > 1 else shape_of_name.parts[0]
        )
        ground.areas.append(_named_area(name, shape_of_name.names, whole))
    ground.refused.sort(key=lambda refusal: refusal.number)
    return ground


def _features(data: bytes) -> list[Any]:
    if len(data) > MAX_BYTES:
        raise _unreadable(
            gettext_noop("The file is larger than %(limit)s MB: simplify its outlines or cut it."),
            limit=MAX_BYTES // 2**20,
        )
    try:
        # Numbers as floats: whole numbers of a million digits would otherwise take minutes.
        document = json.loads(data.decode("utf-8-sig"), parse_int=float)
    except UnicodeDecodeError:
        raise _unreadable(gettext_noop("The file is not UTF-8 text: save it as GeoJSON in UTF-8.")) from None
    except (ValueError, RecursionError):
        raise _unreadable(gettext_noop("The file cannot be read as JSON.")) from None
    if not isinstance(document, dict):
        raise _unreadable(gettext_noop("This is no GeoJSON: a FeatureCollection is wanted."))
    _check_system(document.get("crs"))
    if document.get("type") == "Feature":
        features = [document]
    elif document.get("type") == "FeatureCollection" and isinstance(document.get("features"), list):
        features = document["features"]
    else:
        raise _unreadable(
            gettext_noop("A FeatureCollection is wanted, this is “%(type)s”."),
            type=_cleaned(str(document.get("type")))[:40],
        )
    if not features:
        raise _unreadable(gettext_noop("There is no feature in the file."))
    if len(features) > MAX_FEATURES:
        raise _unreadable(
            gettext_noop("The file has %(count)s features; at most %(limit)s are taken at once: cut it."),
            count=len(features),
            limit=MAX_FEATURES,
        )
    return features


def _unreadable(template: str, **values: object) -> UnreadableFile:
    return UnreadableFile(Sentence(template, values))


def _check_system(system: Any) -> None:
    """The old `crs` member (GeoJSON 2008) may only name what RFC 7946 prescribes."""
    if system is None:
        return
    properties = system.get("properties") if isinstance(system, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or not _WGS84.search(name):
        raise _unreadable(
            gettext_noop("The file is in “%(system)s”: export it in degrees, WGS 84 (EPSG:4326)."),
            system=_cleaned(str(name))[:60],
        )


# Names ---------------------------------------------------------------------------------------------------------------


def _names(properties: Any) -> tuple[str, dict[str, str]]:
    """(name, names by language code). Raises _Refused."""
    if not isinstance(properties, Mapping):
        raise _Refused(gettext_noop("It has no name: give it a property “name”."))
    plain, deepest = "", -1
    languages: dict[str, tuple[int, str]] = {}
    for key, value in properties.items():
        text = _cleaned(value) if isinstance(value, str) else ""
        if not text:
            continue
        if key.lower() == "name":
            plain, deepest = text, 10
        elif (match := _LEVEL.match(key)) and int(match["level"]) > deepest:
            plain, deepest = text, int(match["level"])
        elif match := _IN_LANGUAGE.match(key):
            language = match["language"].lower()
            language = _COUNTRY_AS_LANGUAGE.get(language, language)
            level = int(match["level"] or 10)
            if level >= languages.get(language, (-1, ""))[0]:
                languages[language] = (level, text)
    order = [*_PREFERRED, *sorted(languages.keys() - set(_PREFERRED))]
    names = {code: languages[code][1] for code in order if code in languages}
    names = dict(list(names.items())[:MOST_LANGUAGES])
    name = plain or next(iter(names.values()), "")
    if not name:
        raise _Refused(gettext_noop("It has no name: give it a property “name”."))
    for one in (name, *names.values()):
        if len(one) > LONGEST_NAME:
            raise _Refused(
                gettext_noop("Its name is longer than %(limit)s characters: “%(start)s…”."),
                limit=LONGEST_NAME,
                start=one[:40],
            )
    return name, names


def _cleaned(text: str) -> str:
    """One line in NFC, without control characters, marks of direction and halves of characters."""
    kept = "".join(
        " " if character.isspace() else character
        for character in text[:2000]
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return unicodedata.normalize("NFC", " ".join(kept.split()))


# Shapes --------------------------------------------------------------------------------------------------------------


def _geometry(geometry: Any) -> tuple[str, Any]:
    if not isinstance(geometry, dict):
        raise _Refused(gettext_noop("It has no geometry."))
    kind = geometry.get("type")
    if kind not in ("Point", "Polygon", "MultiPolygon"):
        raise _Refused(
            gettext_noop(
                "A district is a Polygon or MultiPolygon, a place name a Point; this is “%(type)s”."
            ),
            type=_cleaned(str(kind))[:40],
        )
    return kind, geometry.get("coordinates")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _Refused(gettext_noop("Its coordinates are not nested as GeoJSON wants them."))
    return value


def _point(pair: Any) -> tuple[float, float]:
    values = _list(pair)[:2]
    if len(values) < 2 or not all(isinstance(value, float) for value in values):
        raise _Refused(gettext_noop("A point is written as [longitude, latitude], two numbers."))
    longitude, latitude = values
    if not (math.isfinite(longitude) and math.isfinite(latitude)):
        raise _Refused(gettext_noop("A coordinate is not a finite number."))
    if abs(longitude) > 180 or abs(latitude) > 90:
        raise _Refused(
            gettext_noop(
                "%(longitude)s, %(latitude)s is no longitude and latitude: export it in degrees, WGS 84."
            ),
            longitude=f"{longitude:g}",
            latitude=f"{latitude:g}",
        )
    if abs(latitude) > 85:
        raise _Refused(gettext_noop("It reaches beyond 85 degrees of latitude, where there are no tiles."))
    return longitude, latitude


def _area(name: str, polygons: list[Any], ground: NamedGround) -> BaseGeometry:
    """The polygons of one feature as one valid area of all its points. Raises _Refused."""
    rings: list[list[list[tuple[float, float]]]] = []
    points = 0
    for polygon in polygons:
        rings.append([])
        for ring in _list(polygon):
            points += len(_list(ring))
            if points > MAX_POINTS_READ:
                raise _Refused(
                    gettext_noop("Its outline has more than %(limit)s points: simplify it."),
                    limit=MAX_POINTS_READ,
                )
            rings[-1].append([_point(point) for point in ring])
    try:
        parts = [Polygon(outer, inner) for outer, *inner in rings if len(set(outer)) > 2]
        whole = MultiPolygon(parts)
        if not parts or whole.is_empty:
            raise _Refused(gettext_noop("Its outline encloses no ground."))
        west, _south, east, _north = whole.bounds
        if east - west > 180:
            raise _Refused(gettext_noop("It spans more than half of the globe."))
        crossed = not whole.is_valid
        if crossed and (points > MAX_POINTS_CROSSED or _crossings(whole) > MAX_CROSSINGS):
            raise _scribble()
        area = polygons_of(whole)
    except (GEOSException, ValueError):
        raise _Refused(gettext_noop("Its outline cannot be understood as an area.")) from None
    if area.is_empty or area.area <= 0:
        raise _Refused(gettext_noop("Its outline encloses no ground."))
    if crossed:
        ground.mended.append(name)
    return area


def _crossings(area: BaseGeometry) -> int:
    """How many pairs of the outline's segments cross; for areas of at most MAX_POINTS_CROSSED points."""
    lines = []
    for part in parts_of(area):
        if isinstance(part, Polygon):
            for ring in (part.exterior, *part.interiors):
                corners = shapely.get_coordinates(ring)
                lines += [LineString(pair) for pair in zip(corners[:-1], corners[1:], strict=True)]
    return int(shapely.STRtree(lines).query(lines, predicate="crosses").shape[1] // 2)


def _scribble() -> _Refused:
    return _Refused(gettext_noop("Its outline crosses itself in too many spots: mend it before."))


def _named_area(name: str, names: dict[str, str], whole: BaseGeometry) -> NamedArea:
    snapped = polygons_of(shapely.set_precision(whole, 10.0**-DECIMALS))
    if snapped.is_empty:  # narrower than a metre
        snapped = whole
    coordinates = [
        [
            [[round(x, DECIMALS), round(y, DECIMALS)] for x, y in ring.coords]
            for ring in (polygon.exterior, *polygon.interiors)
        ]
        for polygon in (orient(part) for part in parts_of(snapped) if isinstance(part, Polygon))
    ]
    west, south, east, north = (round(value, DECIMALS) for value in snapped.bounds)
    return NamedArea(
        name, names, {"type": "MultiPolygon", "coordinates": coordinates}, (west, south, east, north)
    )


def _grown(bounds: Bounds) -> Polygon:
    west, south, east, north = bounds
    return box(west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN)
