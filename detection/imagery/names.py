"""What file names say: centre of the tile, capture date, and for a crop the number of its superpixel.

The convention is that of the 2018 dataset: `51.588868_27.153431_05_Oct_2015_GMT.jpg`, and for crops
`51.610807_25.952594_26_Mar_2016_GMT_super_12.png`.
"""

import re
from dataclasses import dataclass
from datetime import date

# Month names of the convention are English whatever the machine's language, so no strptime.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAME = re.compile(
    r"(?P<latitude>-?\d{1,3}(?:\.\d{1,20})?)_(?P<longitude>-?\d{1,3}(?:\.\d{1,20})?)"
    r"_(?P<day>\d{1,2})_(?P<month>[A-Z][a-z]{2})_(?P<year>\d{4})_GMT"
    r"(?:_super_(?P<superpixel>\d{1,6}))?\.[A-Za-z0-9]{1,5}",
    re.ASCII,
)


@dataclass(frozen=True)
class TileName:
    """Numbers as the name has them: degrees are not checked here. `capture_date` None: no such day."""

    latitude: float
    longitude: float
    capture_date: date | None
    superpixel: int | None


@dataclass(frozen=True)
class CropName:
    """Centre of the parent tile in degrees, its capture date, and the number of the superpixel in it."""

    latitude: float
    longitude: float
    capture_date: date
    superpixel: int


def parse_tile_name(file_name: str) -> TileName | None:
    """What the name says, or None where it does not follow the convention."""
    match = _NAME.fullmatch(file_name)
    if match is None:
        return None
    superpixel = match["superpixel"]
    return TileName(
        latitude=float(match["latitude"]),
        longitude=float(match["longitude"]),
        capture_date=_day(match["year"], match["month"], match["day"]),
        superpixel=int(superpixel) if superpixel is not None else None,
    )


def parse_crop_name(file_name: str) -> CropName | None:
    """What a crop's name says; None where it is no crop's name or its numbers are no place or day."""
    name = parse_tile_name(file_name)
    if name is None or name.superpixel is None or name.capture_date is None:
        return None
    if abs(name.latitude) > 90 or abs(name.longitude) > 180:
        return None
    return CropName(name.latitude, name.longitude, name.capture_date, name.superpixel)


def _day(year: str, month: str, day: str) -> date | None:
    if month not in _MONTHS:
        return None
    try:
        return date(int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        return None
