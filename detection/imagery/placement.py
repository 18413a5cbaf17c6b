"""Where a tile lies and when it was taken, from all that is said of it.

Believed in this order: a row of the sidecar table, GeoTIFF tags, a world file, the file name. Where two of
them contradict each other, or one of them makes no sense, nobody guesses: the tile has no place, and the
reason is told.
"""

from dataclasses import dataclass
from datetime import date

from shapely.geometry import box

from detection.geometry import (
    MERCATOR_LATITUDE,
    SQUARE_METRES_PER_HECTARE,
    geodesic_area_hectares,
    ground_sample_distance,
    tile_bounds_from_centre,
)
from detection.imagery.georeference import Bounds, NoGeoreference, geotiff_bounds, world_file_bounds
from detection.imagery.names import parse_crop_name, parse_tile_name
from detection.imagery.sentences import Sentence, gettext_noop
from detection.imagery.sidecar import SidecarRow

__all__ = ["Placement", "parse_crop_name", "placement"]

SIDECAR, GEOTIFF, WORLD_FILE, FILE_NAME = "sidecar", "geotiff", "world_file", "file_name"

_FIRST_DAY = date(1900, 1, 1)
# Two statements contradict each other when their centres lie further apart than this share of the tile.
_APART = 0.25
# A tile is an image of ground, not of a continent: a wider one is a mistake in units or in its zoom.
_WIDEST_DEGREES = 5.0


@dataclass(frozen=True)
class Placement:
    """What is known. Bounds in degrees (west, south, east, north); centre (latitude, longitude) in degrees;
    gsd in metres per pixel; `source_of_place`: one of the four names above, "" where there is no place."""

    bounds: Bounds | None = None
    centre: tuple[float, float] | None = None
    capture_date: date | None = None
    gsd: float | None = None
    source_of_place: str = ""
    problems: tuple[Sentence, ...] = ()


@dataclass(frozen=True)
class _Claim:
    source: str
    bounds: Bounds
    centre: tuple[float, float]
    gsd: float


def placement(
    *,
    file_name: str,
    data: bytes,
    size: tuple[int, int],
    zoom: int,
    turned: bool = False,
    sidecar: SidecarRow | None = None,
    world_file: str | None = None,
    projection: str | None = None,
) -> Placement:
    """Weigh what is said of an image of `size` (width, height) pixels. Never raises.

    `data` are the bytes of the image, for its GeoTIFF tags; `turned`: it was rotated while decoding, so
    georeferences of its stored pixels do not fit; `projection`: the text of the .prj file beside a world
    file; `zoom`: of the region, for tiles of which only the centre is known.
    """
    problems: list[Sentence] = []
    date_problems: list[Sentence] = []
    claims: list[_Claim] = []
    dates: list[date] = []
    width, height = size
    if sidecar is not None:
        if sidecar.problem is not None:
            problems.append(sidecar.problem)
        _claim(claims, problems, SIDECAR, size, zoom, bounds=sidecar.bounds, centre=sidecar.centre)
        if sidecar.capture_date is not None:
            dates.append(sidecar.capture_date)
    georeferences = []
    if data[:4] in (b"II*\0", b"MM\0*"):
        georeferences.append((GEOTIFF, lambda: geotiff_bounds(data, width, height)))
    if world_file is not None:
        georeferences.append((WORLD_FILE, lambda: world_file_bounds(world_file, width, height, projection)))
    for source, read in georeferences:
        try:
            bounds = read()
        except NoGeoreference as error:
            problems.append(error.reason)
            continue
        if bounds is not None and turned:
            problems.append(
                Sentence(gettext_noop("It is stored rotated, so its georeference does not fit its pixels."))
            )
        elif bounds is not None:
            _claim(claims, problems, source, size, zoom, bounds=bounds)
    name = parse_tile_name(file_name)
    if name is not None:
        _claim(claims, problems, FILE_NAME, size, zoom, centre=(name.latitude, name.longitude))
        if name.capture_date is None:
            date_problems.append(Sentence(gettext_noop("Its name gives a day that does not exist.")))
        else:
            dates.append(name.capture_date)
    capture_date = _one_date(dates, date_problems)
    contradiction = _contradiction(claims)
    if contradiction is not None:
        problems.append(contradiction)
    sentences = (*problems, *date_problems)
    # One doubtful statement about the place makes the others doubtful too; a doubtful date does not.
    if problems or not claims:
        return Placement(capture_date=capture_date, problems=sentences)
    best = claims[0]
    return Placement(best.bounds, best.centre, capture_date, best.gsd, best.source, sentences)


def _claim(
    claims: list[_Claim],
    problems: list[Sentence],
    source: str,
    size: tuple[int, int],
    zoom: int,
    *,
    bounds: Bounds | None = None,
    centre: tuple[float, float] | None = None,
) -> None:
    """Add what `source` says to the claims, or why it cannot be so to the problems."""
    if bounds is not None:
        problem = _nonsense_bounds(bounds)
        if problem is None and centre is not None and not _inside(centre, bounds):
            problem = Sentence(gettext_noop("Its centre does not lie within its bounds."))
        if problem is not None:
            problems.append(problem)
            return
        west, south, east, north = bounds
        square_metres = geodesic_area_hectares(box(*bounds)) * SQUARE_METRES_PER_HECTARE
        gsd = (square_metres / (size[0] * size[1])) ** 0.5
        claims.append(_Claim(source, bounds, ((south + north) / 2, (west + east) / 2), gsd))
        return
    if centre is None:
        return
    latitude, longitude = centre
    if abs(latitude) > MERCATOR_LATITUDE or abs(longitude) > 180:
        problems.append(
            Sentence(
                gettext_noop(
                    "Latitude %(latitude)s, longitude %(longitude)s is no place that a map can show."
                ),
                {"latitude": f"{latitude:g}", "longitude": f"{longitude:g}"},
            )
        )
        return
    bounds = tile_bounds_from_centre(latitude, longitude, size[0], size[1], zoom)
    problem = _nonsense_bounds(bounds)
    if problem is not None:
        problems.append(problem)
        return
    claims.append(_Claim(source, bounds, centre, ground_sample_distance(latitude, zoom)))


def _nonsense_bounds(bounds: Bounds) -> Sentence | None:
    west, south, east, north = bounds
    values = {"west": f"{west:g}", "south": f"{south:g}", "east": f"{east:g}", "north": f"{north:g}"}
    if max(abs(south), abs(north)) > MERCATOR_LATITUDE or max(abs(west), abs(east)) > 180:
        return Sentence(
            gettext_noop(
                "Bounds west %(west)s, south %(south)s, east %(east)s, north %(north)s reach beyond the map."
            ),
            values,
        )
    if east <= west or north <= south:
        return Sentence(
            gettext_noop(
                "Bounds west %(west)s, south %(south)s, east %(east)s, north %(north)s are the wrong way round."
            ),
            values,
        )
    if east - west > _WIDEST_DEGREES or north - south > _WIDEST_DEGREES:
        return Sentence(
            gettext_noop("Its bounds are %(width)s° by %(height)s°: too much ground for one tile."),
            {"width": f"{east - west:.3g}", "height": f"{north - south:.3g}"},
        )
    return None


def _inside(centre: tuple[float, float], bounds: Bounds) -> bool:
    west, south, east, north = bounds
    return south <= centre[0] <= north and west <= centre[1] <= east


def _contradiction(claims: list[_Claim]) -> Sentence | None:
    if not claims:
        return None
    best = claims[0]
    west, south, east, north = best.bounds
    for other in claims[1:]:
        apart = max(
            abs(other.centre[0] - best.centre[0]) / (north - south),
            abs(other.centre[1] - best.centre[1]) / (east - west),
        )
        if apart > _APART:
            return Sentence(
                gettext_noop(
                    "Its place is told in two ways that do not agree: %(here)s by its %(one)s, %(there)s by its "
                    "%(other)s."
                ),
                {
                    "here": _told(best.centre),
                    "one": _SOURCE_NAMES[best.source],
                    "there": _told(other.centre),
                    "other": _SOURCE_NAMES[other.source],
                },
            )
    return None


_SOURCE_NAMES = {SIDECAR: "sidecar", GEOTIFF: "GeoTIFF tags", WORLD_FILE: "world file", FILE_NAME: "name"}


def _told(centre: tuple[float, float]) -> str:
    return f"{centre[0]:.4f}, {centre[1]:.4f}"


def _one_date(dates: list[date], problems: list[Sentence]) -> date | None:
    if not dates:
        return None
    if len(set(dates)) > 1:
        problems.append(
            Sentence(
                gettext_noop("Its date is told in two ways that do not agree: %(one)s and %(other)s."),
                {"one": dates[0].isoformat(), "other": dates[1].isoformat()},
            )
        )
        return None
    if not _FIRST_DAY <= dates[0] <= date.today():
        problems.append(
            Sentence(gettext_noop("It cannot have been taken on %(date)s."), {"date": dates[0].isoformat()})
        )
        return None
    return dates[0]
