"""Sheets of things that stand side by side: tree crowns, bushes, pits, stumps.

A sheet is drawn once per process and repeats every 1024 pixels. For every pixel it knows the nearest thing: where
the pixel lies in it, how far out, a rank that thins the things out (a thing stands where the wanted density
exceeds its rank) and a tone of its own. Light falls on it per scene, so one sheet serves every sun.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache

import numpy as np

from detection.scenes.noise import Window, channel

SIDE = 1024


class Sheet:
    """What lies under each pixel of a window; all arrays float32 (rows, cols), cut out when asked for."""

    def __init__(self, stored: np.ndarray, top: int, left: int, rows: int, cols: int) -> None:
        self._stored = stored
        self._top, self._left, self._rows, self._cols = top, left, rows, cols

    @cached_property
    def across(self) -> np.ndarray:
        """Offset from the thing's centre to the right, in its radii."""
        return self._cut(0, 1 / 4096)

    @cached_property
    def down(self) -> np.ndarray:
        """Offset from the thing's centre downwards, in its radii."""
        return self._cut(1, 1 / 4096)

    @cached_property
    def out(self) -> np.ndarray:
        """Distance from the centre in radii: 1 at the rim."""
        return self._cut(2, 1 / 4096)

    @cached_property
    def rank(self) -> np.ndarray:
        """0…1, one value per thing: it stands where the wanted density is higher."""
        return self._cut(3, 1 / 32_767)

    @cached_property
    def tone(self) -> np.ndarray:
        """0…1, one value per thing, unrelated to its rank."""
        return self._cut(4, 1 / 32_767)

    def _cut(self, field: int, scale: float) -> np.ndarray:
        cut = np.empty((self._rows, self._cols), np.float32)
        for row, source_row in _runs(self._top, self._rows):
            for col, source_col in _runs(self._left, self._cols):
                np.multiply(self._stored[field, source_row, source_col], np.float32(scale), out=cut[row, col])
        return cut


def _runs(start: int, size: int) -> Iterator[tuple[slice, slice]]:
    """Pieces of a stretch of a repeating sheet: where they go and where they come from."""
    done = 0
    while done < size:
        source = (start + done) % SIDE
        taken = min(size - done, SIDE - source)
        yield slice(done, done + taken), slice(source, source + taken)
        done += taken


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
    window: Window,
    name: str,
    spacing: int,
    radii: tuple[float, float],
    ragged: float,
    box: tuple[slice, slice] | None = None,
) -> Sheet:
    """The part of a sheet that lies in a window, or in a box (rows, columns) of it.

    `spacing`: pixels between things; `radii`: the smallest and largest radius in spacings; `ragged`: how lobed a
    rim is. Things of different names stand in different places.
    """
    stored = _sheet(name, spacing, radii[0], radii[1], ragged)
    if box is None:
        return Sheet(stored, window.top, window.left, window.size, window.size)
    rows, cols = box
    return Sheet(
        stored,
        window.top + rows.start,
        window.left + cols.start,
        rows.stop - rows.start,
        cols.stop - cols.start,
    )


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    """Fine grain of mean 0 and deviation 1, float32 (SIDE, SIDE)."""
    rng = np.random.default_rng(97)
    grain = rng.standard_normal((SIDE, SIDE), np.float32)
    grain.flags.writeable = False
    return grain


def grain_in(window: Window, turn: int = 0) -> np.ndarray:
    """Pixel-fine grain, float32 (size, size), mean 0, deviation 1; `turn` picks another cut of it."""
    size = window.size
    cut = np.empty((size, size), np.float32)
    for row, source_row in _runs(window.top + 389 * turn, size):
        for col, source_col in _runs(window.left + 577 * turn, size):
            cut[row, col] = _grain()[source_row, source_col]
    return cut
