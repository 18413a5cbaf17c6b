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
            (84, 116, 62),
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
            (92, 124, 62),
            (186, 166, 118),
            (136, 146, 86),
            (194, 172, 112),
            (106, 124, 68),
            (92, 104, 62),
            (132, 130, 80),
        ],
        np.float32,
    ),
    "autumn": np.array(
        [
            (92, 78, 66),
            (88, 116, 58),
            (162, 138, 96),
            (128, 124, 74),
            (140, 116, 84),
            (120, 110, 68),
            (116, 86, 58),
            (132, 112, 72),
        ],
        np.float32,
    ),
    "snow": np.array(
        [
            (78, 68, 60),
            (64, 84, 48),
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
    "spring": (62, 82, 52),
    "summer": (58, 88, 52),
    "autumn": (58, 80, 50),
    "snow": (50, 68, 48),
}
BROADLEAF: dict[str, Colour] = {
    "spring": (116, 118, 76),
    "summer": (86, 120, 56),
    "autumn": (164, 128, 58),
    "snow": (104, 92, 80),
}
UNDERSTOREY: dict[str, Colour] = {
    "spring": (54, 54, 42),
    "summer": (34, 46, 30),
    "autumn": (50, 46, 34),
    "snow": (56, 54, 48),
}
CLEARED: dict[str, Colour] = {
    "spring": (146, 126, 98),
    "summer": (152, 142, 96),
    "autumn": (142, 118, 84),
    "snow": (118, 104, 84),
}

SAND: Colour = (240, 228, 204)
WET_SAND: Colour = (182, 170, 150)
TRACK_SAND: Colour = (196, 180, 148)
ASPHALT: Colour = (146, 144, 142)
WATER: Colour = (44, 58, 54)
PIT_WATER: Colour = (74, 104, 96)
TRENCH_WATER: Colour = (88, 140, 130)
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
