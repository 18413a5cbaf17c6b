"""Noise that belongs to a place: the same world coordinates give the same values in every tile.

Lattice values come from an integer hash of (world, channel, column, row), so tiles drawn on their own meet without
a seam. Between lattice points a cubic B-spline is laid, as two matrix products: the windows asked for are
regular, and that costs milliseconds where a general resampler costs a hundred.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

# Standard deviation of a uniform number in -1…1, and what the spline leaves of it in two dimensions.
SPREAD = float(np.sqrt(1 / 3) * 151 / 315)
# A whole number of tables, larger than any coordinate counted in features.
POSITIVE = 512 * 16


@lru_cache(maxsize=512)
def channel(name: str) -> int:
    """A number for a name, the same in every process."""
    return zlib.crc32(name.encode())


def hashed(*parts: int | np.ndarray) -> np.ndarray:
    """Numbers in 0…1 (float64, the broadcast shape of the parts) that depend on every part and look random.

    The mixing is that of SplitMix64 (Steele, Lea and Flood, 2014).
    """
    with np.errstate(over="ignore"):
        state: Any = np.uint64(0x9E3779B97F4A7C15)
        for part in parts:
            value = np.asarray(part).astype(np.int64).astype(np.uint64)
            state = (value + state) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(32))
        return np.asarray(state >> np.uint64(11)) / float(2**53)


@dataclass(frozen=True)
class Window:
    """A square of `size` pixels of a world; (`left`, `top`) are the world pixels of its corner, y down.

    `step` takes only every step-th pixel, for a quick look at what lies there.
    """

    world: int
    left: int
    top: int
    size: int
    step: int = 1

    @property
    def count(self) -> int:
        """Samples along a side."""
        return -(-self.size // self.step)

    @cached_property
    def x(self) -> np.ndarray:
        """World x of the columns, float64 (1, count)."""
        return (self.left + np.arange(0, self.size, self.step) + 0.5)[None, :]

    @cached_property
    def y(self) -> np.ndarray:
        """World y of the rows, float64 (count, 1)."""
        return (self.top + np.arange(0, self.size, self.step) + 0.5)[:, None]

    @cached_property
    def local_x(self) -> np.ndarray:
        """Columns counted from the window's centre, float32 (1, count): small numbers, single precision is enough."""
        return (self.x - self.left - self.size / 2).astype(np.float32)

    @cached_property
    def local_y(self) -> np.ndarray:
        return (self.y - self.top - self.size / 2).astype(np.float32)

    def noise(self, name: str, period: float, octaves: int = 1, gain: float = 0.5) -> np.ndarray:
        """Smooth noise of mean 0 and deviation 1, float32 (count, count).

        Features are about `period` pixels apart; every further octave halves the period at `gain` of the strength.
        """
        # Octaves are added on the finest lattice (a spline of twice the period is one of this period, exactly),
        # so that only one sum is spread over the pixels.
        finest = period / 2 ** (octaves - 1)
        across, first_col, cols = self._weights(self.x.ravel(), finest)
        down, first_row, rows = self._weights(self.y.ravel(), finest)
        total = np.zeros((rows, cols))
        power = 0.0
        for octave in range(octaves):
            strength = gain**octave
            halvings = octaves - 1 - octave
            total += strength * self._values(f"{name}/{octave}", first_row, rows, first_col, cols, halvings)
            power += strength * strength
        total /= SPREAD * np.sqrt(power)
        return down @ total.astype(np.float32) @ across.T

    def slope(self, name: str, period: float) -> tuple[np.ndarray, np.ndarray]:
        """One octave of noise and the length of its gradient (per pixel): value / gradient is a distance to a curve."""
        across, first_col, cols = self._weights(self.x.ravel(), period)
        down, first_row, rows = self._weights(self.y.ravel(), period)
        lattice = self._values(f"{name}/0", first_row, rows, first_col, cols, 0) / SPREAD
        lattice = lattice.astype(np.float32)
        across_slope = self._weights(self.x.ravel(), period, slope=True)[0]
        down_slope = self._weights(self.y.ravel(), period, slope=True)[0]
        value = down @ lattice @ across.T
        dx = down @ lattice @ across_slope.T
        dy = down_slope @ lattice @ across.T
        return value, np.sqrt(dx * dx + dy * dy)

    def _values(
        self, name: str, first_row: int, rows: int, first_col: int, cols: int, halvings: int
    ) -> np.ndarray:
        """Lattice values rows × cols of the finest lattice, refined `halvings` times from a coarser one."""
        if halvings == 0:
            i = np.arange(first_col, first_col + cols)[None, :]
            j = np.arange(first_row, first_row + rows)[:, None]
            return hashed(self.world, channel(name), i, j) * 2 - 1
        # Coarse points that carry fine points first…first + count − 1, one more on either side.
        coarse_col, coarse_row = first_col // 2 - 1, first_row // 2 - 1
        coarse_cols = (first_col + cols - 1) // 2 + 3 - coarse_col
        coarse_rows = (first_row + rows - 1) // 2 + 3 - coarse_row
        coarse = self._values(name, coarse_row, coarse_rows, coarse_col, coarse_cols, halvings - 1)
        fine = _refined(_refined(coarse).T).T
        top, left = first_row - 2 * (coarse_row + 1), first_col - 2 * (coarse_col + 1)
        return fine[top : top + rows, left : left + cols]

    @staticmethod
    def _weights(places: np.ndarray, period: float, slope: bool = False) -> tuple[np.ndarray, int, int]:
        """Cubic B-spline weights, float32 (places, lattice points), the first point's number and their count."""
        position = places / period
        base = np.floor(position).astype(np.int64)
        t = position - base
        if slope:
            parts = (-((1 - t) ** 2) / 2, (3 * t**2 - 4 * t) / 2, (-3 * t**2 + 2 * t + 1) / 2, t**2 / 2)
        else:
            parts = (
                (1 - t) ** 3 / 6,
                (3 * t**3 - 6 * t**2 + 4) / 6,
                (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
                t**3 / 6,
            )
        first = int(base[0]) - 1
        count = int(base[-1]) + 3 - first
        per = period if slope else 1.0
        weights = np.zeros((places.size, count), np.float32)
        row = np.arange(places.size)
        for offset, part in enumerate(parts):
            weights[row, base - first - 1 + offset] = part / per
        return weights, first, count


def noise_at(world: int, name: str, period: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`Window.noise` of one octave at single places: x, y float64 world pixels; float64 of their shape."""
    position_x, position_y = np.asarray(x) / period, np.asarray(y) / period
    i, j = np.floor(position_x).astype(np.int64), np.floor(position_y).astype(np.int64)
    # The sixteen lattice points around each place, on two further axes.
    near = np.arange(-1, 3)
    value = hashed(
        world, channel(f"{name}/0"), i[..., None, None] + near[None, :], j[..., None, None] + near[:, None]
    )
    across = _spline((position_x - i)[..., None] - near)
    down = _spline((position_y - j)[..., None] - near)
    total = np.einsum("...ji,...i,...j->...", value * 2 - 1, across, down)
    return total / SPREAD


def combed(world: int, name: str, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Noise over any two coordinates, float32, deviation about 1: one step of each is one feature.

    Linear in the first coordinate, a step in the second: furrows, mown grass, sand that water has combed.
    """
    table = _table(channel(name) ^ world)
    # Shifted to positive numbers, where cutting off is rounding down.
    along = along + np.float32(POSITIVE)
    column = along.astype(np.int32)
    row = (across + np.float32(POSITIVE)).astype(np.int32)
    along -= column
    column &= 511
    row &= 511
    row *= 513
    row += column
    here = table.take(row, mode="clip")
    row += 1
    step = table.take(row, mode="clip")
    step -= here
    step *= along
    here += step
    return here


def _refined(values: np.ndarray) -> np.ndarray:
    """Coefficients of a cubic B-spline (first axis) on a lattice of half the period; the two ends fall away."""
    fine = np.empty((2 * values.shape[0] - 4, values.shape[1]))
    fine[0::2] = (values[:-2] + 6 * values[1:-1] + values[2:]) / 8
    fine[1::2] = (values[1:-1] + values[2:]) / 2
    return fine


def _spline(distance: np.ndarray) -> np.ndarray:
    d = np.abs(distance)
    return np.where(d < 1, (4 - 6 * d**2 + 3 * d**3) / 6, np.clip(2 - d, 0, None) ** 3 / 6)


@lru_cache(maxsize=64)
def _table(seed: int) -> np.ndarray:
    """Random numbers of mean 0 and deviation 1, float32 (512 × 513,); each row of 512 ends with its first."""
    rng = np.random.default_rng(seed & 0xFFFFFFFF)
    square = (rng.random((512, 512), np.float32) * 2 - 1) * np.float32(np.sqrt(3))
    table = np.concatenate([square, square[:, :1]], axis=1).ravel()
    table.flags.writeable = False
    return table
