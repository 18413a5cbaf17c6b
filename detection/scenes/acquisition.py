"""When a tile was photographed: day, season, sun and the mood of the picture.

Satellites photograph strips. Tiles of one strip share a day and its light; their neighbours in the next strip may
show another season. Every tile has two dates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from detection.scenes.noise import channel, hashed

SEASONS = ("spring", "summer", "autumn", "snow")
# First and last day of the year on which a season's pictures are taken.
DAYS = {"spring": (98, 140), "summer": (155, 240), "autumn": (255, 305), "snow": (40, 85)}
ELEVATION = {"spring": 43.0, "summer": 54.0, "autumn": 31.0, "snow": 25.0}
# How often a strip shows each season.
SHARES = (0.30, 0.36, 0.20, 0.14)
STRIP_TILES = 4.3
DATES = 2


@dataclass(frozen=True)
class Acquisition:
    """One overflight. Angles in radians, image axes (x right, y down).

    `sun`: unit vector in the image towards the sun. `shadow`: length of the shadow of a thing 1 pixel high.
    `gain`, `contrast`, `saturation`: 1 is neutral. `haze`: 0…1. `white`: factors for red, green, blue.
    `cloudy`: 0 for a clear sky, more for more clouds. `snow`: 0…1, how much of the open ground it covers.
    """

    strip: int
    day: date
    season: str
    sun: tuple[float, float]
    shadow: float
    gain: float
    contrast: float
    saturation: float
    haze: float
    white: tuple[float, float, float]
    cloudy: float
    snow: float


def acquisition_of(
    world: int, column: int, row: int, date_index: int = 0, season: str | None = None
) -> Acquisition:
    """The overflight that photographed a tile; `season` overrides the strip's own.

    Raises ValueError for a season or a date that does not exist.
    """
    if season is not None and season not in SEASONS:
        raise ValueError(f"season is one of {', '.join(SEASONS)}, not {season}")
    if not 0 <= date_index < DATES:
        raise ValueError(f"a tile has dates 0…{DATES - 1}, not {date_index}")
    strip = math.floor((column + 0.38 * row) / STRIP_TILES)
    draw = _draws(world, strip, 0)
    chosen = int(np.searchsorted(np.cumsum(SHARES), draw[0]))
    if strip % 2 and chosen == int(np.searchsorted(np.cumsum(SHARES), _draws(world, strip - 1, 0)[0])):
        chosen = (chosen + 1) % len(SEASONS)
    if date_index:
        # Another season than the first date shows, so that the two can be told apart.
        chosen = (chosen + 1 + int(draw[1] * 3)) % len(SEASONS)
        draw = _draws(world, strip, date_index)
    name = season or SEASONS[chosen]
    later = second_is_later(world, column, row)
    year = 2016 if date_index == 0 else 2018 if later else 2013
    first, last = DAYS[name]
    day = date(year, 1, 1) + timedelta(days=int(first + draw[2] * (last - first)))

    azimuth = math.radians(148 + 26 * draw[3])
    elevation = math.radians(ELEVATION[name] + 6 * draw[4] - 3)
    # Two kinds of picture: plain ones, and dark ones that a map provider has sharpened for contrast.
    retouched = draw[5] < 0.35
    warm = (draw[6] - 0.5) * 0.10
    return Acquisition(
        strip=strip,
        day=day,
        season=name,
        sun=(math.sin(azimuth), -math.cos(azimuth)),
        shadow=1 / math.tan(elevation),
        gain=(0.78 if retouched else 0.98) + 0.14 * draw[7],
        contrast=(1.32 if retouched else 1.08) + 0.14 * draw[8],
        saturation=(0.72 if retouched else 0.98) + 0.22 * draw[9],
        haze=0.02 + 0.10 * draw[10] ** 2,
        white=(1 + warm, 1.0, 1 - warm * (1.2 if warm > 0 else 0.9)),
        cloudy=max(0.0, draw[11] - 0.86) * 4,
        snow=0.15 + 0.6 * draw[12] if name == "snow" else 0.0,
    )


def second_is_later(world: int, column: int, row: int) -> bool:
    """Whether the second date of a tile follows the first (the digging has grown) or precedes it (there is none)."""
    return bool(hashed(world, channel("second date"), column, row) < 0.5)


def _draws(world: int, strip: int, date_index: int) -> list[float]:
    return hashed(world, channel("strip"), strip, date_index, np.arange(13)).tolist()
