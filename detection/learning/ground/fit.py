"""Fitting an outline head on bags of windows, and what to expect of it on places never seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.learning.calibration import logistic_line, probability
from detection.learning.classifiers import folds
from detection.learning.ground.head import GroundHead
from detection.learning.ranked_svm import Blocks, RankedSvm, block_factors, nearness
from detection.learning.ranks import Ranks
from detection.learning.thresholds import average_precision, best_f1_threshold, choose_threshold

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.intp]

FOLDS = 5
CENTRES = 700
GAMMA, RIDGE = 0.2, 0.03
# Rows that tell where the ranks lie; more would change nothing.
RANKED_ROWS = 8000
# Of each bag so many windows tell how margins become probabilities.
CALIBRATED_A_BAG = 8
# Windows in memory while a head is taught: 375 MB of 312 numbers each. Many bags share them.
MOST_WINDOWS = 300_000
# More windows than these are drawn from, bag by bag.
LARGEST_TAUGHT = 60_000
PRECISION_TARGET = 0.9


@dataclass(frozen=True)
class Bags:
    """`windows`: float32 (n, d); `bag`: intp (n,), rising, which bag each window lies in, every one from 0 on;
    `mining`: bool (bags,); `places`: (bags,) one word a bag, whose bags are held out together."""

    windows: Floats
    bag: Numbers
    mining: npt.NDArray[np.bool_]
    places: npt.NDArray[np.str_]

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """(n,): a bag counts as one row of a classifier does, however many windows it has."""
        return 1 / np.bincount(self.bag)[self.bag]

    def means(self, values: npt.NDArray[np.floating]) -> Floats:
        """float32 (bags,): the mean of each bag's windows."""
        return (np.bincount(self.bag, values) / np.bincount(self.bag)).astype(np.float32)


@dataclass(frozen=True)
class GroundFit:
    """The head, and `figures` of bags on held-out places: n, positives, average_precision, precision, recall, reached
    (whether the precision aimed at was), threshold, least (see GroundHead), precision_target."""

    head: GroundHead
    figures: dict[str, Any]


def drawn_windows(windows: Floats, bags: int, seed: int) -> Floats:
    """A bag's windows, float32 (n, d), or as many of them, drawn, in their order, as each of so many bags may keep."""
    most = max(1, MOST_WINDOWS // bags)
    if len(windows) <= most:
        return windows
    return windows[np.sort(np.random.default_rng(seed).permutation(len(windows))[:most])]


def fit_ground(key: str, bags: Bags, blocks: Blocks, seed: int = 0) -> GroundFit:
    """`key`: of the windows; `blocks`: what each kind of their numbers counts.

    Margins become probabilities by windows that were held out with their place, and the threshold is the lowest whose
    precision over held-out bags, judged by the mean of their windows, reaches the target. Raises ValueError where there
    are too few places of either kind.
    """
    raw = np.zeros(len(bags.bag), np.float32)
    for train, test in folds(bags.mining, bags.places, FOLDS, seed):
        machine = fit_machine(bags, np.isin(bags.bag, train), blocks, seed)
        held_out = np.isin(bags.bag, test)
        raw[held_out] = machine.margins(bags.windows[held_out])
    few = _some_of_each(bags.bag, seed)
    slope, offset = logistic_line(raw[few], bags.mining[bags.bag[few]])
    judged = bags.means(probability(raw, slope, offset))
    chosen = choose_threshold(judged, bags.mining, PRECISION_TARGET)
    # Where neither kind of error is dearer: whoever marks a tile has decided that already, by other features.
    least = min(best_f1_threshold(judged), chosen.value)
    machine = fit_machine(bags, np.ones(len(bags.bag), bool), blocks, seed)
    figures = {
        "n": len(bags.mining),
        "positives": int(bags.mining.sum()),
        "windows": len(bags.bag),
        "average_precision": round(average_precision(bags.mining, judged), 4),
        "precision": round(chosen.precision, 4),
        "recall": round(chosen.recall, 4),
        "reached": chosen.reached,
        "threshold": chosen.value,
        "least": least,
        "precision_target": PRECISION_TARGET,
    }
    return GroundFit(GroundHead(key, machine, slope, offset, chosen.value, least), figures)


def fit_machine(bags: Bags, chosen: npt.NDArray[np.bool_], blocks: Blocks, seed: int) -> RankedSvm:
    """The kernel machine of the windows `chosen`, bool (n,): weighted least squares on drawn centres, half of each kind."""
    random = np.random.default_rng(seed)
    rows = np.flatnonzero(chosen)
    if len(rows) > LARGEST_TAUGHT:
        rows = np.sort(random.permutation(rows)[:LARGEST_TAUGHT])
    some = np.sort(random.permutation(rows)[:RANKED_ROWS])
    ranks = Ranks.fit(bags.windows[some]).scaled(block_factors(blocks))
    mining = bags.mining[bags.bag[rows]]
    centres = np.concatenate([random.permutation(rows[kind])[: CENTRES // 2] for kind in (mining, ~mining)])
    vectors = ranks.apply(bags.windows[centres])
    gamma = GAMMA / bags.windows.shape[1]
    near = nearness(ranks.apply(bags.windows[rows]), vectors, gamma)
    weights = bags.weights[rows]
    target = np.where(mining, 1.0, -1.0)
    offset = float(np.average(target, weights=weights))
    system = (near * weights[:, None]).T @ near.astype(np.float64)
    system += RIDGE * nearness(vectors, vectors, gamma).astype(np.float64)
    system += 1e-6 * np.eye(len(centres))
    wanted = near.T.astype(np.float64) @ (weights * (target - offset))
    solved = np.linalg.solve(system, wanted)
    return RankedSvm(ranks, vectors, solved.astype(np.float32), gamma, offset)


def _some_of_each(bag: Numbers, seed: int) -> Numbers:
    """Numbers of at most CALIBRATED_A_BAG windows of every bag, drawn."""
    shuffled = np.random.default_rng(seed).permutation(len(bag))
    order = shuffled[np.argsort(bag[shuffled], kind="stable")]
    starts = np.searchsorted(bag[order], bag[order])
    return order[np.arange(len(order)) - starts < CALIBRATED_A_BAG]
