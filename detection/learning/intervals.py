"""How far a figure could lie from what other places would have given: the bootstrap by place.

Places are drawn with replacement, never single rows: rows of one place resemble each other, and an interval that
forgets it is far too narrow (Davison & Hinkley 1997, 3.8). Left out: the chance of the training part, whose places
stay what they are; an interval says how the held-out places could have fallen, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Booleans = npt.NDArray[np.bool_]

DRAWS = 1000
COVERED = 0.95
# Draws worked on at once: 100 × 20,000 rows are 16 MB.
CHUNK_DRAWS = 100


class Draws:
    """The same drawn places for every figure and every classifier, so that differences can be paired.

    `groups`: (n,) the place of each row.
    """

    def __init__(self, groups: npt.NDArray[Any], seed: int = 0) -> None:
        _places, self.place_of = np.unique(np.asarray(groups), return_inverse=True)
        self.places = int(self.place_of.max()) + 1 if len(self.place_of) else 0
        random = np.random.default_rng(seed)
        self.times = random.multinomial(self.places, np.full(self.places, 1 / self.places), size=DRAWS)

    def counts(self, chosen: Booleans) -> npt.NDArray[np.float64]:
        """How many of the rows with `chosen` (n,) each draw holds: float64 (draws,)."""
        of_place = np.bincount(self.place_of[np.asarray(chosen, dtype=bool)], minlength=self.places)
        return np.asarray(self.times @ of_place, dtype=np.float64)

    def precision_recall_f1(
        self, mining: Booleans, predicted: Booleans
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Each of every draw, float64 (draws,); NaN where a draw has no mining. Precision is 0 where nothing is
        predicted."""
        right = self.counts(mining & predicted)
        positives, there = self.counts(predicted), self.counts(mining)
        with np.errstate(invalid="ignore", divide="ignore"):
            recall = right / there
            precision = np.where(there > 0, right / np.maximum(positives, 1), np.nan)
            f1 = np.where(there > 0, 2 * right / np.maximum(positives + there, 1), np.nan)
        return precision, recall, f1

    def average_precision(self, mining: Booleans, scores: Floats) -> npt.NDArray[np.float64]:
        """Of every draw, float64 (draws,); NaN where a draw has no mining."""
        order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
        ordered = np.asarray(scores, dtype=np.float64)[order]
        last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
        place, hit = self.place_of[order], np.asarray(mining, dtype=bool)[order]
        precisions = np.empty(DRAWS)
        for start in range(0, DRAWS, CHUNK_DRAWS):
            weight = self.times[start : start + CHUNK_DRAWS, place].astype(np.float64)
            passed = np.cumsum(weight, axis=1)[:, last]
            hits = np.cumsum(weight * hit, axis=1)[:, last]
            step = np.diff(hits, axis=1, prepend=0.0)
            with np.errstate(invalid="ignore", divide="ignore"):
                precision = np.where(passed > 0, hits / np.maximum(passed, 1), 0.0)
                precisions[start : start + CHUNK_DRAWS] = (step * precision).sum(axis=1) / hits[:, -1]
        return precisions


def interval(values: Sequence[npt.NDArray[np.float64]]) -> list[float]:
    """[low, high] that hold 95 % of the draws; `values`: one array (draws,) a seed, whose mean is the figure.

    Draws without any mining, of which nothing can be said, are left out.
    """
    mean = np.mean(np.stack(list(values)), axis=0)
    finite = mean[np.isfinite(mean)]
    if not len(finite):
        return [0.0, 1.0]
    tail = (1 - COVERED) / 2
    return [round(float(bound), 4) for bound in np.quantile(finite, [tail, 1 - tail])]
