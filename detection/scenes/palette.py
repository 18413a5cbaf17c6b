"""Colours of the land by season, as a camera sees them before the light of the day (sRGB, 0…255)."""

from __future__ import annotations

import numpy as np

from detection.scenes.canvas import Colour

PLOUGHED, GREEN_CROP, STUBBLE, HAY, RIPE, PASTURE, WET, FALLOW = range(8)

# Rows in the order above.
GROUND: dict[str, np.ndarray] = {
    "spring": np.array(
        [
            (104, 90, 78),
            (88, 106, 66),
            (146, 130, 100),
            (118, 116, 76),
            (126, 110, 88),
            (112, 108, 70),
            (100, 88, 66),
            (124, 112, 80),
        ],
        np.float32,
    ),
    "summer": np.array(
        [
            (134, 116, 94),
            (94, 112, 68),
            (176, 160, 122),
            (128, 134, 86),
            (182, 164, 118),
            (104, 116, 72),
            (92, 104, 62),
            (132, 130, 80),
        ],
        np.float32,
    ),
    "autumn": np.array(
        [
            (92, 80, 72),
            (84, 100, 62),
            (146, 130, 100),
            (120, 116, 76),
            (130, 114, 90),
            (112, 104, 70),
            (106, 88, 66),
            (120, 108, 78),
        ],
        np.float32,
    ),
    "snow": np.array(
        [
            (78, 68, 60),
            (68, 82, 54),
            (112, 100, 76),
            (84, 86, 54),
            (92, 82, 66),
            (84, 84, 54),
            (80, 70, 54),
            (96, 86, 62),
        ],
        np.float32,
    ),
}

# What stands on arable land, meadow and bog: how many of 16 parcels show each ground.
MIXES: dict[str, tuple[dict[int, int], dict[int, int], dict[int, int]]] = {
    "spring": (
        {PLOUGHED: 7, GREEN_CROP: 5, STUBBLE: 2, FALLOW: 2},
        {PASTURE: 10, HAY: 4, FALLOW: 2},
        {WET: 12, PASTURE: 4},
    ),
    "summer": (
        {PLOUGHED: 2, GREEN_CROP: 6, RIPE: 3, STUBBLE: 2, HAY: 2, FALLOW: 1},
        {PASTURE: 8, HAY: 6, FALLOW: 2},
        {WET: 11, PASTURE: 5},
    ),
    "autumn": (
        {PLOUGHED: 6, GREEN_CROP: 3, STUBBLE: 5, FALLOW: 2},
        {PASTURE: 9, HAY: 4, FALLOW: 3},
        {WET: 12, FALLOW: 4},
    ),
    "snow": (
        {PLOUGHED: 8, GREEN_CROP: 4, STUBBLE: 2, FALLOW: 2},
        {PASTURE: 10, HAY: 3, FALLOW: 3},
        {WET: 12, PASTURE: 4},
    ),
}

# How strongly furrows show, per ground; and how much the ground mottles.
FURROWS = np.array([0.11, 0.055, 0.09, 0.05, 0.05, 0.0, 0.0, 0.02], np.float32)
MOTTLE = np.array([0.10, 0.07, 0.06, 0.08, 0.05, 0.11, 0.17, 0.12], np.float32)

PINE: dict[str, Colour] = {
    "spring": (60, 70, 52),
    "summer": (56, 70, 46),
    "autumn": (56, 70, 50),
    "snow": (48, 60, 46),
}
BROADLEAF: dict[str, Colour] = {
    "spring": (112, 112, 80),
    "summer": (84, 106, 58),
    "autumn": (138, 114, 66),
    "snow": (104, 92, 80),
}
# Leaves of the trees that are still green, or already brown, among the yellow ones.
TURNED: Colour = (108, 96, 62)
UNDERSTOREY: dict[str, Colour] = {
    "spring": (44, 44, 36),
    "summer": (28, 36, 26),
    "autumn": (42, 40, 32),
    "snow": (56, 54, 48),
}
CLEARED: dict[str, Colour] = {
    "spring": (146, 126, 98),
    "summer": (152, 142, 96),
    "autumn": (142, 118, 84),
    "snow": (118, 104, 84),
}

PLANTED: dict[str, Colour] = {
    "spring": (112, 106, 76),
    "summer": (106, 114, 72),
    "autumn": (118, 108, 74),
    "snow": (88, 84, 64),
}

SAND: Colour = (240, 228, 204)
YELLOW_SAND: Colour = (214, 196, 160)
WET_SAND: Colour = (182, 170, 150)
TRACK_SAND: Colour = (196, 180, 148)
ASPHALT: Colour = (146, 144, 142)
WATER: Colour = (44, 58, 54)
PIT_WATER: Colour = (74, 104, 96)
TRENCH_WATER: Colour = (70, 110, 104)
MUD: Colour = (112, 98, 82)
SNOW: Colour = (246, 248, 250)
ROOFS: tuple[Colour, ...] = (
    (150, 148, 146),
    (176, 172, 166),
    (142, 92, 76),
    (168, 112, 86),
    (120, 116, 114),
    (206, 202, 196),
    (104, 122, 112),
)
