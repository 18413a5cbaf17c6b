"""The screen: a cheap first look that may pass over tiles before the dear one is taken.

A ridge logistic regression on `detection.features.glance`. It may be used only where its recall on places never seen
is shown to be at least 99.5 %: the lower end of a one-sided 95 % interval, not the figure itself, has to reach it. The
interval is the narrower of two only where both allow it: Clopper and Pearson (1934) over superpixels, which knows how
few there were, and the bootstrap by block, which knows that those of one place fail together.

With no miss at all, that takes 598 superpixels of mining. Left out: costs; a screen of its own for each season.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.learning.classifiers import folds as divide
from detection.learning.intervals import Draws

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

WANTED_RECALL = 0.995
CONFIDENCE = 0.95
FOLDS = 5
INNER_FOLDS = 4
RIDGE = 1.0
STEPS = 30
# A threshold chosen on some places must hold on others: it lets half as much slip as it may.
SLIPPING = (1 - WANTED_RECALL) / 2
# A screen that passes over less than this share of what is not mining costs more than it saves.
WORTH_IT = 0.05


@dataclass(frozen=True)
class Screen:
    """`mean`, `spread`, `weights`: one number a feature and one a squared feature; `threshold` on the score."""

    mean: list[float]
    spread: list[float]
    weights: list[float]
    offset: float
    threshold: float

    def scores(self, glances: Floats) -> npt.NDArray[np.float64]:
        """Log-odds of mining, float64 (n,), of `glances` float32 (n, d)."""
        design = _expanded(glances, np.array(self.mean), np.array(self.spread))
        return np.asarray(design @ np.array(self.weights) + self.offset)

    def passes_over(self, glances: Floats) -> bool:
        """Whether no piece of the tile looks like mining even at a glance. A tile without pieces is not passed over."""
        return len(glances) > 0 and bool((self.scores(glances) < self.threshold).all())


@dataclass(frozen=True)
class ScreenReport:
    """How a screen did on blocks never seen, and the screen itself.

    `recall`: share of mining kept, of `positives` superpixels in `blocks` blocks; `at_least`: lower end of its
    one-sided 95 % interval; `passed_over`: share of what is not mining that it lets go; `usable`: whether it may be used.
    """

    recall: float
    at_least: float
    passed_over: float
    positives: int
    blocks: int
    usable: bool
    screen: Screen

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers and lists, as JSON holds them."""
        return asdict(self)


def screen_from(kept: Mapping[str, Any] | None) -> Screen | None:
    """The screen of a report as `ScreenReport.as_dict` wrote it, where it may be used; else None."""
    if not kept or not kept.get("usable"):
        return None
    return Screen(**kept["screen"])


def make_screen(glances: Floats, mining: Booleans, blocks: npt.NDArray[Any], seed: int = 0) -> ScreenReport:
    """Fit a screen on all rows, and say what one fitted the same way kept on blocks that it never saw.

    `glances`: float32 (n, d), finite; `mining`: bool (n,); `blocks`: (n,) the 0.25° block of each row. The threshold
    is chosen inside the training part only. Raises ValueError with too few blocks of either kind.
    """
    glances, mining = np.asarray(glances, np.float32), np.asarray(mining, dtype=bool)
    kept = np.zeros(len(mining), bool)
    for train, test in divide(mining, blocks, FOLDS, seed):
        screen = _fit(glances[train], mining[train], np.asarray(blocks)[train], seed)
        kept[test] = screen.scores(glances[test]) >= screen.threshold
    positives, missed = int(mining.sum()), int((mining & ~kept).sum())
    at_least = min(
        lowest_share(positives - missed, positives),
        _lowest_by_block(mining, kept, blocks),
    )
    passed_over = float(np.mean(~kept[~mining]))
    return ScreenReport(
        recall=1 - missed / positives,
        at_least=at_least,
        passed_over=passed_over,
        positives=positives,
        blocks=len(np.unique(np.asarray(blocks)[mining])),
        usable=at_least >= WANTED_RECALL and passed_over >= WORTH_IT,
        screen=_fit(glances, mining, blocks, seed),
    )


def lowest_share(successes: int, trials: int) -> float:
    """Lower end of the one-sided 95 % interval of Clopper and Pearson: the share at which so many successes or more
    would have had a chance of 5 %. Found by halving, since NumPy has no beta distribution."""
    if successes == 0:
        return 0.0
    low, high = 0.0, successes / trials
    for _step in range(60):
        middle = (low + high) / 2
        if _at_least(successes, trials, middle) < 1 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return low


def _at_least(successes: int, trials: int, share: float) -> float:
    """Chance of `successes` or more of `trials`."""
    if share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    misses = np.arange(0, trials - successes + 1)
    steps = np.log(trials - misses[:-1]) - np.log(misses[:-1] + 1)
    ways = np.concatenate([[0.0], np.cumsum(steps)])
    return float(np.exp(ways + misses * np.log1p(-share) + (trials - misses) * np.log(share)).sum())


def _lowest_by_block(mining: Booleans, kept: Booleans, blocks: npt.NDArray[Any]) -> float:
    """The same end, of the recall in draws of blocks with replacement."""
    draws = Draws(np.asarray(blocks))
    there = draws.counts(mining)
    recall = draws.counts(mining & kept)[there > 0] / there[there > 0]
    return float(np.quantile(recall, 1 - CONFIDENCE)) if len(recall) else 0.0


def _fit(glances: Floats, mining: Booleans, blocks: npt.NDArray[Any], seed: int) -> Screen:
    """A screen of these rows; its threshold from scores that inner folds over blocks gave to mining held out."""
    held = np.full(len(mining), np.nan)
    for train, test in divide(mining, blocks, INNER_FOLDS, seed):
        held[test] = _regress(glances[train], mining[train]).scores(glances[test])
    whole = _regress(glances, mining)
    threshold = float(np.quantile(held[mining], SLIPPING, method="lower"))
    return Screen(whole.mean, whole.spread, whole.weights, whole.offset, threshold)


def _regress(glances: Floats, mining: Booleans) -> Screen:
    """Ridge logistic regression by Newton's method, both kinds weighing the same. The threshold is not set yet."""
    mean = glances.mean(axis=0, dtype=np.float64)
    spread = np.maximum(glances.std(axis=0, dtype=np.float64), 1e-6)
    design = np.column_stack([_expanded(glances, mean, spread), np.ones(len(glances))])
    weight = np.where(mining, 0.5 / mining.sum(), 0.5 / (~mining).sum()) * len(mining)
    ridge = np.full(design.shape[1], RIDGE)
    ridge[-1] = 1e-6
    solution = np.zeros(design.shape[1])
    for _step in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ solution, -30, 30)))
        gradient = design.T @ (weight * (chance - mining)) + ridge * solution
        hessian = (design * (weight * chance * (1 - chance))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        solution -= np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    return Screen(mean.tolist(), spread.tolist(), solution[:-1].tolist(), float(solution[-1]), -np.inf)


def _expanded(glances: Floats, mean: npt.NDArray[np.float64], spread: npt.NDArray[np.float64]) -> Any:
    """(n, 2d): standardised features, at most 5 deviations out, and their squares."""
    standard = np.clip((np.asarray(glances, np.float64) - mean) / spread, -5, 5)
    return np.concatenate([standard, standard**2], axis=1)
