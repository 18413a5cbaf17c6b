"""Sheets of things that stand side by side: tree crowns, bushes, pits, stumps.

A sheet is drawn once per process and repeats every 1024 pixels. For every pixel it knows the nearest thing: where
the pixel lies in it, how far out, a rank that thins the things out (a thing stands where the wanted density
exceeds its rank) and a tone of its own. Light falls on it per scene, so one sheet serves every sun.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from detection.scenes.noise import Window, channel

SIDE = 1024


@dataclass(frozen=True)
class Sheet:
    """What lies under each pixel; all arrays (rows, cols).

    `across`, `down`: float32, offset from the thing's centre in its radii. `out`: float32, distance from the
    centre in radii (1 at its rim). `rank`, `tone`: float32 in 0…1, one value per thing.
    """

    across: np.ndarray
    down: np.ndarray
    out: np.ndarray
    rank: np.ndarray
    tone: np.ndarray


@lru_cache(maxsize=16)
def _sheet(name: str, spacing: int, smallest: float, largest: float, ragged: float) -> np.ndarray:
    """The stored form: int16 (5, SIDE, SIDE); across, down and out in 1/4096, rank and tone in 1/32767."""
    cells = SIDE // spacing
    cell = SIDE / cells
    rng = np.random.default_rng([spacing, int(smallest * 100), int(largest * 100), channel(name)])
    jitter_x = rng.uniform(0.08, 0.92, (cells, cells))
    jitter_y = rng.uniform(0.08, 0.92, (cells, cells))
    radius = rng.uniform(smallest, largest, (cells, cells)) * spacing
    rank, tone = rng.random((2, cells, cells))

    place = (np.arange(SIDE) + 0.5).astype(np.float32)
    home = (place / cell).astype(np.int32)
    best = np.full((SIDE, SIDE), np.inf, np.float32)
    best_x = np.zeros((SIDE, SIDE), np.float32)
    best_y = np.zeros((SIDE, SIDE), np.float32)
    winner = np.zeros((SIDE, SIDE), np.int32)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            i, j = home[None, :] + across, home[:, None] + down
            wi, wj = i % cells, j % cells
            dx = place[None, :] - ((i + jitter_x[wj, wi]) * cell).astype(np.float32)
            dy = place[:, None] - ((j + jitter_y[wj, wi]) * cell).astype(np.float32)
            reach = radius[wj, wi].astype(np.float32)
            dx, dy = dx / reach, dy / reach
            far = dx * dx + dy * dy
            nearer = far < best
            best = np.where(nearer, far, best)
            best_x, best_y = np.where(nearer, dx, best_x), np.where(nearer, dy, best_y)
            winner = np.where(nearer, wj * cells + wi, winner)
    out = np.sqrt(best)
    if ragged:
        # A lobed rim: no crown and no pit is a circle.
        angle = np.arctan2(best_y, best_x)
        turn = (tone.ravel()[winner] * 40).astype(np.float32)
        out = out * (1 + ragged * (np.sin(3 * angle + turn) + 0.7 * np.sin(5 * angle - 2 * turn)))
    stored = np.empty((5, SIDE, SIDE), np.int16)
    for index, field in enumerate((best_x, best_y, out)):
        stored[index] = np.clip(field * 4096, -32_767, 32_767)
    stored[3] = rank.ravel()[winner] * 32_767
    stored[4] = tone.ravel()[winner] * 32_767
    stored.flags.writeable = False
    return stored


def sheet_in(
    window: Window, name: str, spacing: int, radii: tuple[float, float], ragged: float = 0.08
) -> Sheet:
    """The part of a sheet that lies in a window.

    `spacing`: pixels between things; `radii`: the smallest and largest radius in spacings; `ragged`: how lobed a
    rim is. Things of different names stand in different places.
    """
    stored = _sheet(name, spacing, radii[0], radii[1], ragged)
    cols = (window.left + np.arange(0, window.size, window.step)) % SIDE
    rows = (window.top + np.arange(0, window.size, window.step)) % SIDE
    part = stored[:, rows[:, None], cols[None, :]] if window.step > 1 else _wrapped(stored, window)
    scale = np.array([1 / 4096] * 3 + [1 / 32_767] * 2, np.float32)
    fields = [part[index] * scale[index] for index in range(5)]
    return Sheet(*fields)


def _wrapped(stored: np.ndarray, window: Window) -> np.ndarray:
    """The window of a repeating sheet: two plain slices a side are faster than picking pixel by pixel."""
    left, top = window.left % SIDE, window.top % SIDE
    rows = np.arange(top, top + window.size) % SIDE
    if left + window.size <= SIDE:
        columns = stored[:, :, left : left + window.size]
    else:
        pieces, begin, missing = [], left, window.size
        while missing:
            taken = min(missing, SIDE - begin)
            pieces.append(stored[:, :, begin : begin + taken])
            begin, missing = 0, missing - taken
        columns = np.concatenate(pieces, axis=2)
    return columns[:, rows]


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    """Fine grain of mean 0 and deviation 1, float32 (SIDE, SIDE)."""
    rng = np.random.default_rng(97)
    grain = rng.standard_normal((SIDE, SIDE), np.float32)
    grain.flags.writeable = False
    return grain


def grain_in(window: Window, turn: int = 0) -> np.ndarray:
    """Pixel-fine grain, float32 (size, size), mean 0, deviation 1; `turn` picks another cut of it."""
    rows = (window.top + 389 * turn + np.arange(0, window.size, window.step)) % SIDE
    cols = (window.left + 577 * turn + np.arange(0, window.size, window.step)) % SIDE
    return _grain()[rows][:, cols]
