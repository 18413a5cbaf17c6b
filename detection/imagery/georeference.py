"""Where pixels lie, read from a world file or from the tags of a GeoTIFF.

Both give six numbers that turn pixels into coordinates; a GeoTIFF also names the coordinate system. Left out:
turned and sheared grids (a tile's sides run north–south and west–east), ground control points, and coordinate
systems without an EPSG number.
"""

import io
import math
from dataclasses import dataclass

from PIL import Image, TiffImagePlugin
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from detection.imagery.sentences import Sentence, gettext_noop

Bounds = tuple[float, float, float, float]

WORLD_FILE_SUFFIXES = (".jgw", ".pgw", ".tfw", ".wld", ".jpgw", ".pngw", ".tifw")

_PIXEL_SCALE, _TIEPOINT, _TRANSFORMATION, _GEO_KEYS = 33550, 33922, 34264, 34735
_RASTER_TYPE, _GEOGRAPHIC_CRS, _PROJECTED_CRS = 1025, 2048, 3072
_PIXEL_IS_POINT = 2
_USER_DEFINED = 32767
# Beyond this share of a tile's side its edges are no longer "north–south" for anybody who looks at the map.
_MOST_SKEW = 0.1


class NoGeoreference(Exception):
    """The file says something about its place that cannot be used; `reason` says what."""

    def __init__(self, template: str, **values: object) -> None:
        self.reason = Sentence(template, values)
        super().__init__(str(self.reason))


@dataclass(frozen=True)
class Grid:
    """x = left + step_x · column, y = top + step_y · row, for the outer corner of the upper left pixel."""

    left: float
    top: float
    step_x: float
    step_y: float

    def box(self, width: int, height: int) -> Bounds:
        """(least x, least y, greatest x, greatest y). Raises NoGeoreference for a mirrored or empty grid."""
        if not all(math.isfinite(value) for value in (self.left, self.top, self.step_x, self.step_y)):
            raise NoGeoreference(gettext_noop("Its georeference holds values that are no numbers."))
        if self.step_x <= 0 or self.step_y >= 0:
            raise NoGeoreference(
                gettext_noop(
                    "Its georeference mirrors the image (pixel size %(x)s, %(y)s): north must be up."
                ),
                x=f"{self.step_x:g}",
                y=f"{self.step_y:g}",
            )
        return (
            self.left,
            self.top + self.step_y * height,
            self.left + self.step_x * width,
            self.top,
        )


def world_file_bounds(text: str, width: int, height: int, projection: str | None = None) -> Bounds:
    """(west, south, east, north) in degrees from a world file and, where there is one, the .prj beside it.

    Without a projection the numbers must be degrees. Raises NoGeoreference.
    """
    try:
        values = [float(line.replace(",", ".")) for line in text.split()]
    except ValueError:
        values = []
    if len(values) != 6:
        raise NoGeoreference(gettext_noop("Its world file does not hold six numbers."))
    step_x, turn_y, turn_x, step_y, x, y = values
    _check_straight(turn_x, turn_y, step_x, step_y)
    # A world file names the middle of the first pixel.
    grid = Grid(left=x - step_x / 2, top=y - step_y / 2, step_x=step_x, step_y=step_y)
    box = grid.box(width, height)
    if projection is not None:
        try:
            system = CRS.from_user_input(projection)
        except CRSError:
            raise NoGeoreference(
                gettext_noop("The .prj file beside it names no known coordinate system.")
            ) from None
        return to_degrees(box, system)
    if max(abs(box[0]), abs(box[2])) > 180 or max(abs(box[1]), abs(box[3])) > 90:
        raise NoGeoreference(
            gettext_noop("Its world file is not in degrees, and no .prj file names its coordinate system.")
        )
    return box


def geotiff_bounds(data: bytes, width: int, height: int) -> Bounds | None:
    """(west, south, east, north) in degrees from GeoTIFF tags; None where the file has none.

    `data` has been decoded once already, so its header is known to be sound. Raises NoGeoreference.
    See OGC GeoTIFF 1.1 (19-008r4) for the tags and keys.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
            assert isinstance(image, TiffImagePlugin.TiffImageFile)
            tags = {
                number: image.tag_v2.get(number)
                for number in (_PIXEL_SCALE, _TIEPOINT, _TRANSFORMATION, _GEO_KEYS)
            }
    except Exception as error:  # tags of any bytes make Pillow raise whatever it likes
        raise NoGeoreference(gettext_noop("Its GeoTIFF tags are damaged.")) from error
    if tags[_PIXEL_SCALE] is None and tags[_TRANSFORMATION] is None:
        return None
    try:
        keys = _geo_keys(tags[_GEO_KEYS])
        grid = _tiff_grid(tags[_PIXEL_SCALE], tags[_TIEPOINT], tags[_TRANSFORMATION])
    except (ValueError, TypeError, ArithmeticError):  # texts, infinities and 0/0 where numbers should be
        raise NoGeoreference(gettext_noop("Its GeoTIFF tags are damaged.")) from None
    if keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT:
        grid = Grid(grid.left - grid.step_x / 2, grid.top - grid.step_y / 2, grid.step_x, grid.step_y)
    return to_degrees(grid.box(width, height), _named_system(keys))


def _tiff_grid(scale: object, tiepoint: object, transformation: object) -> Grid:
    if transformation is not None:
        values = _floats(transformation, 16)
        _check_straight(values[1], values[4], values[0], values[5])
        return Grid(left=values[3], top=values[7], step_x=values[0], step_y=values[5])
    step_x, step_y = _floats(scale, 2)[:2]
    column, row, _, x, y = _floats(tiepoint, 6)[:5]
    return Grid(left=x - column * step_x, top=y + row * step_y, step_x=step_x, step_y=-step_y)


def _floats(found: object, least: int) -> list[float]:
    values = [float(value) for value in found] if isinstance(found, tuple) else []
    if len(values) < least:
        raise NoGeoreference(gettext_noop("Its GeoTIFF tags are damaged."))
    return values


def _geo_keys(values: object) -> dict[int, int]:
    """Keys whose value stands in the directory itself (short integers), which all that are needed do."""
    numbers = [int(value) for value in values] if isinstance(values, tuple) else []
    entries = zip(*(numbers[4 + offset :: 4] for offset in range(4)), strict=False)
    return {key: value for key, location, _, value in entries if location == 0}


def _named_system(keys: dict[int, int]) -> CRS:
    code = keys.get(_PROJECTED_CRS) or keys.get(_GEOGRAPHIC_CRS)
    if code is None or code == _USER_DEFINED:
        raise NoGeoreference(
            gettext_noop("Its GeoTIFF tags name no coordinate system by EPSG number: its place is not known.")
        )
    try:
        return CRS.from_epsg(code)
    except CRSError:
        raise NoGeoreference(
            gettext_noop("Its GeoTIFF tags name the unknown coordinate system EPSG:%(code)s."), code=code
        ) from None


def _check_straight(turn_x: float, turn_y: float, step_x: float, step_y: float) -> None:
    if abs(turn_x) > abs(step_x) * 1e-3 or abs(turn_y) > abs(step_y) * 1e-3:
        raise NoGeoreference(gettext_noop("Its georeference turns the image: warp it so that north is up."))


def to_degrees(box: Bounds, system: CRS) -> Bounds:
    """A box in `system` as (west, south, east, north) on WGS 84.

    The grid of a projection stands askew to the meridians by a little; each side becomes the mean of its
    corners. Raises NoGeoreference where that would be far off, or the box lies outside of the projection.
    """
    left, bottom, right, top = box
    try:
        transformer = Transformer.from_crs(system, 4326, always_xy=True)
        xs, ys = transformer.transform([left, right, right, left], [top, top, bottom, bottom], errcheck=True)
    except ProjError:
        xs, ys = [math.inf], [math.inf]
    if not all(math.isfinite(value) for value in (*xs, *ys)):
        raise NoGeoreference(
            gettext_noop("Its coordinates lie outside of the coordinate system %(name)s."), name=system.name
        )
    west, east = (xs[0] + xs[3]) / 2, (xs[1] + xs[2]) / 2
    north, south = (ys[0] + ys[1]) / 2, (ys[2] + ys[3]) / 2
    skew = max(
        abs(xs[0] - xs[3]) / max(abs(east - west), 1e-12),
        abs(ys[0] - ys[1]) / max(abs(north - south), 1e-12),
    )
    if skew > _MOST_SKEW:
        raise NoGeoreference(gettext_noop("Its georeference turns the image: warp it so that north is up."))
    return west, south, east, north
