"""The support vector machine on ranks: fitted and applied with NumPy alone, kept as plain arrays.

It is the least squares form (Suykens & Vandewalle 1999, “Least squares support vector machine classifiers”): squared
instead of hinge loss, so that fitting is one system of linear equations. On the real crops it ranks held-out places
better than the hinge loss did (docs/adr/0008). Copies of augmented rows teach, but only true rows become
support vectors, at most `LARGEST_SUPPORT` of them (the subset of regressors of Poggio & Girosi 1990). Left out: more
than `LARGEST_TAUGHT` rows, of which so many are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detection.learning.ranks import Ranks

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]
# (numbers, weight) of each kind of features, in their order; see `detection.features.protocol`.
Blocks = Sequence[tuple[int, float]]

# What a large margin costs.
RIDGE = 0.03
# Over the number of features: one through twice the squared width of the kernel.
GAMMA = 0.2
# What an augmented copy counts of a true row.
COPY_WEIGHT = 0.3
LARGEST_SUPPORT = 1500
# 30,000 rows × 1500 support vectors are 180 MB.
LARGEST_TAUGHT = 30_000
# Rows scored at once: 4096 × 1500 distances are 25 MB.
CHUNK_ROWS = 4096


@dataclass(frozen=True)
class RankedSvm:
    """`vectors`: float32 (m, d) support vectors in ranks; `weights`: float32 (m,); the margin of a row r is
    Σ weights · exp(−gamma · |r − vector|²) + offset, larger for mining."""

    ranks: Ranks
    vectors: Floats
    weights: Floats
    gamma: float
    offset: float

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    def margins(self, rows: Floats) -> Floats:
        """float32 (n,) of rows float32 (n, d), finite."""
        values = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), CHUNK_ROWS):
            ranked = self.ranks.apply(rows[start : start + CHUNK_ROWS])
            near = nearness(ranked, self.vectors, self.gamma)
            values[start : start + CHUNK_ROWS] = near @ self.weights + np.float32(self.offset)
        return values


class SvmFitter:
    """Fits on parts of the same rows without measuring their distances again.

    `rows`: float32 (n, d), finite; `mining`: bool (n,) with both kinds; `copies`: float32 (k, n, d) or None; `blocks`:
    what each kind of features counts, all features alike where nothing is said. The ranks
    are those of all the rows, also while a part of them is held out: they know where the held-out features lie, no
    verdict of theirs. (What is reported to people comes from rows that were not even among these.)
    """

    def __init__(
        self, rows: Floats, mining: Booleans, seed: int, copies: Floats | None, blocks: Blocks | None = None
    ) -> None:
        self.mining = mining
        self.ranks = Ranks.fit(rows)
        if blocks is not None and len(blocks) > 1:
            self.ranks = self.ranks.scaled(block_factors(blocks))
        self.gamma = GAMMA / rows.shape[1]
        ranked = self.ranks.apply(rows)
        self.support = _drawn(mining, LARGEST_SUPPORT, seed)
        self.taught = _drawn(mining, LARGEST_TAUGHT, seed)
        self.vectors = ranked[self.support]
        lights = [ranked, *(self.ranks.apply(copy) for copy in (() if copies is None else copies))]
        self.near = [nearness(light, self.vectors, self.gamma) for light in lights]

    def fit(self, train: Numbers | None = None) -> RankedSvm:
        """On the rows `train` (numbers), with the support vectors among them; on all where nothing is said."""
        supports, weights, offset = self._solved(train)
        return RankedSvm(
            self.ranks, self.vectors[supports], weights.astype(np.float32), self.gamma, float(offset)
        )

    def held_out(self, train: Numbers, test: Numbers) -> Floats:
        """Margins float32 (len(test),) of the rows `test` by a model fitted on `train`."""
        supports, weights, offset = self._solved(train)
        return np.asarray(self.near[0][np.ix_(test, supports)] @ weights + offset, dtype=np.float32)

    def _solved(self, train: Numbers | None) -> tuple[Numbers, npt.NDArray[np.float64], float]:
        """Which support vectors, their weights, and the offset."""
        if train is None:
            rows, supports = self.taught, np.arange(len(self.support), dtype=np.intp)
        else:
            rows = np.intersect1d(train, self.taught)
            supports = np.flatnonzero(np.isin(self.support, train))
        target = np.where(self.mining[rows], 1.0, -1.0)
        offset = float(target.mean())
        among = self.near[0][np.ix_(self.support[supports], supports)].astype(np.float64)
        # A trace of the identity keeps the equations solvable where two vectors are one.
        system = RIDGE * among + 1e-8 * len(rows) * np.eye(len(supports))
        wanted = np.zeros(len(supports))
        for place, light in enumerate(self.near):
            near = light[np.ix_(rows, supports)].astype(np.float64)
            weight = COPY_WEIGHT if place else 1.0
            system += weight * (near.T @ near)
            wanted += weight * (near.T @ (target - offset))
        weights = np.asarray(np.linalg.solve(system, wanted), dtype=np.float64)
        return supports, weights, offset


def block_factors(blocks: Blocks) -> Floats:
    """What each feature's ranks are multiplied with, float32 (d,): a block of n of d features with weight w then makes
    w / Σw of the squared distance that d features of their own make. Raises ValueError where nothing has a weight."""
    numbers = np.array([count for count, _weight in blocks])
    weights = np.array([weight for _count, weight in blocks], np.float64)
    if not (weights > 0).all() or not (numbers > 0).all():
        raise ValueError("Every block of features needs numbers and a weight above 0.")
    factors = np.sqrt(weights / weights.sum() * numbers.sum() / numbers)
    return np.repeat(factors, numbers).astype(np.float32)


def _drawn(mining: Booleans, most: int, seed: int) -> Numbers:
    """The numbers of all rows, or of so many drawn, half of them mining where there are enough; rising."""
    if len(mining) <= most:
        return np.arange(len(mining))
    random = np.random.default_rng(seed)
    positives, negatives = (random.permutation(np.flatnonzero(kind)) for kind in (mining, ~mining))
    taken = positives[: max(most // 2, most - len(negatives))]
    return np.sort(np.concatenate([taken, negatives[: most - len(taken)]]))


def nearness(rows: Floats, vectors: Floats, gamma: float) -> Floats:
    """exp(−gamma · |row − vector|²), float32 (n, m)."""
    away = rows @ vectors.T
    away *= -2
    away += (vectors**2).sum(axis=1)
    away += (rows**2).sum(axis=1)[:, None]
    np.maximum(away, 0, out=away)
    away *= np.float32(-gamma)
    return np.exp(away, out=away)
