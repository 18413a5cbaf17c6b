"""The support vector machine on ranks: fitted and applied with NumPy alone, kept as plain arrays.

It is the least squares form (Suykens & Vandewalle 1999, “Least squares support vector machine classifiers”): squared
instead of hinge loss, so that fitting is one system of linear equations. On the real crops it ranks places never seen
better than the hinge loss did (docs/adr/0008). Copies of rows under other light teach, but only true rows become
support vectors, at most `LARGEST_SUPPORT` of them (the subset of regressors of Poggio & Girosi 1990).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detection.learning.ranks import Ranks

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

# How much a large margin costs, times the rows a support vector stands for.
RIDGE = 0.1
# Over the number of features: one through twice the squared width of the kernel.
GAMMA = 0.25
LARGEST_SUPPORT = 1500
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
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), CHUNK_ROWS):
            ranked = self.ranks.apply(rows[start : start + CHUNK_ROWS])
            near = _nearness(ranked, self.vectors, self.gamma)
            found[start : start + CHUNK_ROWS] = near @ self.weights + np.float32(self.offset)
        return found


def fit_ranked_svm(rows: Floats, mining: Booleans, seed: int, support: int | None = None) -> RankedSvm:
    """On rows float32 (n, d), finite, and mining bool (n,) with both kinds.

    `support`: only the first so many rows may become support vectors (the others are copies of them); all where
    nothing is said. The ranks are those of the same rows.
    """
    true_rows = len(rows) if support is None else support
    ranks = Ranks.fit(rows[:true_rows])
    ranked = ranks.apply(rows)
    vectors = ranked[_chosen(mining[:true_rows], seed)]
    gamma = GAMMA / rows.shape[1]
    target = np.where(mining, 1.0, -1.0)
    offset = float(target.mean())
    near = _nearness(ranked, vectors, gamma).astype(np.float64)
    among = _nearness(vectors, vectors, gamma).astype(np.float64)
    # A trace of the identity keeps the equations solvable where two vectors are one.
    system = near.T @ near + RIDGE * among + 1e-8 * len(rows) * np.eye(len(vectors))
    weights = np.linalg.solve(system, near.T @ (target - offset))
    return RankedSvm(ranks, vectors, weights.astype(np.float32), gamma, offset)


def _chosen(mining: Booleans, seed: int) -> npt.NDArray[np.intp]:
    """Which rows become support vectors: all, or so many drawn, half of them mining where there are enough."""
    if len(mining) <= LARGEST_SUPPORT:
        return np.arange(len(mining))
    random = np.random.default_rng(seed)
    positives, negatives = (random.permutation(np.flatnonzero(kind)) for kind in (mining, ~mining))
    of_mining = max(LARGEST_SUPPORT // 2, LARGEST_SUPPORT - len(negatives))
    taken = positives[:of_mining]
    return np.sort(np.concatenate([taken, negatives[: LARGEST_SUPPORT - len(taken)]]))


def _nearness(rows: Floats, vectors: Floats, gamma: float) -> Floats:
    """exp(−gamma · |row − vector|²), float32 (n, m)."""
    away = rows @ vectors.T
    away *= -2
    away += (vectors**2).sum(axis=1)
    away += (rows**2).sum(axis=1)[:, None]
    np.maximum(away, 0, out=away)
    away *= np.float32(-gamma)
    return np.exp(away, out=away)
