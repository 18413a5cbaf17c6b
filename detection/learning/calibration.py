"""From raw scores to probabilities, and how far the probabilities can be believed.

Left out: isotonic calibration, which a few hundred rows of a few places cannot carry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

BINS = 10
LEAST_SLOPE = 1e-3
# Scores that differ by less are all alike.
LEAST_SPREAD = 1e-6


def probability(raw: Floats, slope: float, offset: float) -> Floats:
    """1 / (1 + exp(−(slope · raw + offset))), float32 of the shape of `raw`."""
    exponent = np.clip(slope * raw.astype(np.float64) + offset, -60, 60)
    return (1.0 / (1.0 + np.exp(-exponent))).astype(np.float32)


def logistic_line(raw: Floats, mining: Booleans) -> tuple[float, float]:
    """Slope and offset of the logistic curve (Platt, 1999), by Newton's method on his softened targets.

    `raw`: float (n,), of models that never saw the row; `mining`: bool (n,). A slope that comes out negative (scores
    worse than chance) is made a small positive one, and so is that of scores that are all alike: the ranking of the model
    is kept, and its probabilities are then all near the share of mining, which is to know nothing.
    """
    positives, negatives = int(mining.sum()), int((~mining).sum())
    target = np.where(mining, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    share = np.log((positives + 1) / (negatives + 1))
    middle, spread = float(raw.mean(dtype=np.float64)), float(raw.std(dtype=np.float64))
    flat = LEAST_SLOPE / max(spread, 1.0)
    if spread < LEAST_SPREAD:
        return flat, float(share - flat * middle)
    design = np.stack([(raw.astype(np.float64) - middle) / spread, np.ones(len(raw))], axis=1)
    weights = np.array([1.0, share])
    for _step in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -40, 40)))
        gradient = design.T @ (chance - target) + 1e-6 * weights
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        weights = weights - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    slope, offset = float(weights[0]) / spread, float(weights[1])
    if slope < flat:
        # The offset belongs to the slope that was found: with another one it would call everything mining, or nothing.
        slope, offset = flat, float(share)
    return slope, offset - slope * middle


@dataclass(frozen=True)
class Reliability:
    """What was said against what was so, on held-out rows.

    `bins`: [mean probability said, share that is mining, rows] of every tenth of 0…1 that holds rows, rising;
    `expected_error`: mean distance between the first two, weighted by rows (expected calibration error, Naeini et
    al. 2015); `brier`: mean of (probability − truth)²; `brier_of_the_share`: the same for a classifier that says the
    share of mining for every row, which is what knowing nothing costs.
    """

    bins: list[list[float]]
    expected_error: float
    brier: float
    brier_of_the_share: float


def reliability(probabilities: Floats, mining: Booleans) -> Reliability:
    """`said`: probabilities float (n,) in 0…1; `mining`: bool (n,); n ≥ 1."""
    chance, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(mining, dtype=np.float64)
    bin_of = np.minimum((chance * BINS).astype(int), BINS - 1)
    rows = np.bincount(bin_of, minlength=BINS)
    full = rows > 0
    mean_said = np.bincount(bin_of, weights=chance, minlength=BINS)[full] / rows[full]
    share = np.bincount(bin_of, weights=truth, minlength=BINS)[full] / rows[full]
    return Reliability(
        bins=[
            [round(float(one), 4), round(float(two), 4), int(three)]
            for one, two, three in zip(mean_said, share, rows[full], strict=True)
        ],
        expected_error=float(np.sum(rows[full] * np.abs(mean_said - share)) / len(chance)),
        brier=float(np.mean((chance - truth) ** 2)),
        brier_of_the_share=float(truth.mean() * (1 - truth.mean())),
    )
