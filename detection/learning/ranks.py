"""Features as ranks among the training rows: seasons and sensors stretch a feature, they seldom reorder it.

Kept as plain arrays, so that a model file needs no foreign classes. Left out: weights of rows, and
features of rows far outside what was seen, which count as the outermost rank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# Landmarks a feature: more would remember single rows.
LANDMARKS = 200
# Rows brought to ranks at once: their columns stay in the processor's cache.
CHUNK_ROWS = 4096
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
        landmarks = np.quantile(rows, ladder, axis=0).T.astype(np.float32)
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
        ranked = cls(values, places).apply(rows)
        middle, deviation = ranked.mean(axis=0), np.maximum(ranked.std(axis=0), 1e-3)
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
                columns[feature] = np.interp(column, self.values[feature], self.places[feature])
            ranked[start : start + CHUNK_ROWS] = columns.T
        return ranked
