"""Features as ranks among the training rows: seasons and sensors stretch a feature, they seldom reorder it.

Kept as plain arrays, so that a model file needs no foreign classes. Left out: weights of rows, and
features of rows far outside what was seen, which count as the outermost rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# Landmarks a feature: more would remember single rows.
LANDMARKS = 200
# Rows brought to ranks at once: their columns stay in the processor's cache.
CHUNK_ROWS = 4096
CELLS = 4096
TOLERANCE = 0.02
# Deviations of the bell curve at which the outermost ranks end.
FARTHEST = 2.5


@dataclass(frozen=True)
class Ranks:
    """For every feature a rising line from its value to its rank, on a bell curve over the training rows.

    `values`: float32 (d, k), each row strictly rising; `places`: float32 (d, k), never falling: what the rank is at
    each of the values. Between them the line is straight, outside them it is level.
    """

    values: Floats
    places: Floats

    @classmethod
    def fit(cls, rows: Floats) -> Ranks:
        """Of rows float32 (n, d), finite, n ≥ 1. Equal values share the middle of their ranks."""
        from scipy.special import ndtri

        count = min(LANDMARKS, max(2, len(rows)))
        ladder = np.linspace(0.0, 1.0, count)
        # Sorted once, column by column: `quantile` along the first axis takes five times as long.
        columns = np.sort(np.ascontiguousarray(rows.T, dtype=np.float32), axis=1)
        place = ladder * (len(rows) - 1)
        below = (
            np.minimum(place.astype(np.intp), len(rows) - 2) if len(rows) > 1 else np.zeros(count, np.intp)
        )
        above = np.minimum(below + 1, len(rows) - 1)
        landmarks = (columns[:, below] + (columns[:, above] - columns[:, below]) * (place - below)).astype(
            np.float32
        )
        values = np.empty_like(landmarks)
        places = np.empty_like(landmarks)
        for feature, found in enumerate(landmarks):
            kept, of_kept = np.unique(found, return_inverse=True)
            shared = np.bincount(of_kept, weights=ladder) / np.bincount(of_kept)
            place = np.clip(ndtri(shared), -FARTHEST, FARTHEST)
            # Where values repeat, the line ends early; what is left of the row repeats its last rank.
            missing = count - len(kept)
            step = max(1.0, abs(float(kept[-1])))
            values[feature] = np.concatenate([kept, kept[-1] + step * np.arange(1, missing + 1)])
            places[feature] = np.concatenate([place, np.full(missing, place[-1])])
        ranked = np.empty_like(columns)
        for feature, column in enumerate(columns):
            ranked[feature] = np.interp(column, values[feature], places[feature])
        middle, deviation = ranked.mean(axis=1), np.maximum(ranked.std(axis=1), 1e-3)
        return cls(values, ((places - middle[:, None]) / deviation[:, None]).astype(np.float32))

    def scaled(self, factors: Floats) -> Ranks:
        """The same lines, each feature's ranks times its factor, float32 (d,): what it counts in a distance."""
        return Ranks(self.values, np.asarray(self.places * factors[:, None], np.float32))

    def apply(self, rows: Floats) -> Floats:
        """float32 (n, d) of rows float32 (n, d)."""
        ranked = np.empty(rows.shape, np.float32)
        for start in range(0, len(rows), CHUNK_ROWS):
            # A copy always: of a single row, or a single feature, `ascontiguousarray` is the caller's own memory.
            columns = np.array(rows[start : start + CHUNK_ROWS].T, np.float32, order="C")
            for feature, column in enumerate(columns):
                if self._tables.fits[feature]:
                    self._tables.apply(feature, column)
                else:
                    columns[feature] = np.interp(column, self.values[feature], self.places[feature])
            ranked[start : start + CHUNK_ROWS] = columns.T
        return ranked

    @cached_property
    def _tables(self) -> _Tables:
        return _Tables.of(self.values, self.places)


@dataclass(frozen=True)
class _Tables:
    """The same lines, looked up instead of searched, several times as fast; searching was most of what scoring cost.

    A value v, no less than the least one `low`, becomes t = (v − low) / spread and then the root of t / (1 + t), between 0 and
    1, where `CELLS` cells of equal width are narrowest for the least values, of which features often have many, hold
    the middle one at .7 and let no far value out.
    `nodes`: float32 (d, CELLS + 2), the rank where each cell begins, the last one twice. `fits`: bool (d,), whether the lookup is on average within `TOLERANCE` of the line at the line's own corners; the others are searched.
    (A feature that often has exactly one value jumps there, and no cell begins at it.)
    """

    low: Floats
    scale: Floats
    nodes: Floats
    fits: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, values: Floats, places: Floats) -> _Tables:
        """Of the lines of `Ranks`."""
        # Where values repeat, what is left of a line only repeats its last rank.
        corners = (places < places[:, -1:]).sum(axis=1) + 1
        low = values[:, 0]
        middle = np.take_along_axis(values, corners[:, None] // 2, axis=1)[:, 0]
        spread = np.maximum(middle - low, 1e-12)
        begins = np.minimum(np.arange(CELLS + 2) / CELLS, 1 - 1e-9) ** 2
        steps = begins / (1 - begins)
        nodes = np.empty((len(values), CELLS + 2), np.float32)
        for feature, line in enumerate(nodes):
            line[:] = np.interp(low[feature] + spread[feature] * steps, values[feature], places[feature])
        tables = cls(low, (1 / spread).astype(np.float32), nodes, np.ones(len(values), bool))
        looked = values.copy()
        for feature, column in enumerate(looked):
            tables.apply(feature, column)
        own = np.arange(values.shape[1]) < corners[:, None]
        tables.fits[:] = (np.abs(looked - places) * own).sum(axis=1) / corners <= TOLERANCE
        return tables

    def apply(self, feature: int, column: Floats) -> None:
        """Turn one feature's values, float32 (n,), contiguous, into ranks where they stand."""
        column -= self.low[feature]
        column *= self.scale[feature]
        np.maximum(column, 0, out=column)
        column /= column + 1
        np.sqrt(column, out=column)
        column *= CELLS
        cell = column.astype(np.int32)
        column -= cell
        line = self.nodes[feature]
        begin = line.take(cell)
        cell += 1
        column *= line.take(cell) - begin
        column += begin
