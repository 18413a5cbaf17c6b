"""How good a classifier is on places it has never seen.

All rows of one group lie on one side of every fold: a place with all its dates, harder a block of 0.25°, harder still
a capture date. Whatever is chosen, the threshold above all, is chosen inside the training part: on the scores that
inner folds of the training part give to rows held out there.

Average precision is that of all held-out rows together. Each fold has a model of its own, and its probabilities are
calibrated on other places than those of the next fold; pooled, they would mix scales (by block that cost .1 of average
precision with an unchanged ranking inside every fold). So each fold's raw scores are pooled, moved and stretched to
mean 0 and deviation 1 of the raw scores that its own training rows got out of fold: nothing of the held-out rows,
and no verdict, takes part. Probabilities are used where probabilities are meant: the reliability curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.learning.calibration import Reliability, reliability
from detection.learning.classifiers import ClassifierFit, fit_with_scores
from detection.learning.classifiers import folds as divide
from detection.learning.intervals import Draws, interval
from detection.learning.ranked_svm import Blocks
from detection.learning.thresholds import (
    average_precision,
    best_f1_threshold,
    choose_threshold,
    confusion,
    pr_curve,
    precision_recall_f1,
)

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]
Progress = Callable[[], None]

FOLDS = 5
PRECISION_TARGET = 0.95


def tile_group(latitude: float, longitude: float) -> str:
    """The place of a tile: its centre to 4 decimals of a degree (11 m). All dates of a place share it."""
    return f"{_rounded(latitude):.4f}_{_rounded(longitude):.4f}"


def block_group(latitude: float, longitude: float, size: float = 0.25) -> str:
    """The square of `size` degrees in which a tile's centre lies; a harder division than `tile_group`."""
    return f"{math.floor(_rounded(latitude) / size)}_{math.floor(_rounded(longitude) / size)}"


def _rounded(degrees: float) -> float:
    return round(degrees, 4) + 0.0  # no negative zero, which would print as another place


@dataclass(frozen=True)
class HeldOut:
    """What one division into folds gave, for every row by a model that never saw its group.

    `scores`: float32 (n,), comparable between folds (see above); `probabilities`: float32 (n,) in 0…1;
    `at_best`, `at_target`: bool (n,), the rows above the threshold with the best F1 to be expected, or for the
    precision target, inside the training part of their fold; `reached`: share of folds inside which the target could be reached.
    """

    scores: Floats
    probabilities: Floats
    at_best: Booleans
    at_target: Booleans
    folds: int
    reached: float


@dataclass(frozen=True)
class Figures:
    """Figures on held-out rows, means over seeds. `intervals`: for each of them [low, high] that hold 95 % of what
    other draws of the same groups would have given."""

    precision: float
    recall: float
    f1: float
    intervals: dict[str, list[float]]
    confusion: list[list[int]]


@dataclass(frozen=True)
class AtTarget(Figures):
    """What the threshold for the precision target gives. `reached_inside`: see HeldOut.reached."""

    target: float
    reached_inside: float


@dataclass(frozen=True)
class GroupedEvaluation(Figures):
    """Figures on held-out groups, at each fold's threshold with the best F1 to be expected from its training part.

    `confusion` [[tn, fp], [fn, tp]], `pr_curve` (at most 50 points [recall, precision], recall rising) and
    `reliability` are those of the first seed. `folds`: folds really made; `positive_groups`: groups that hold any
    mining, of which the interval can know no more than there are.
    """

    average_precision: float
    n: int
    positives: int
    groups: int
    positive_groups: int
    folds: int
    seeds: int
    pr_curve: list[list[float]]
    reliability: Reliability
    at_target: AtTarget

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and words, as JSON holds them."""
        return asdict(self)


def evaluate_grouped(
    algorithm: str,
    features: Floats,
    mining: Booleans,
    groups: npt.NDArray[Any],
    *,
    folds: int = FOLDS,
    seeds: Sequence[int] = (0,),
    precision_target: float = PRECISION_TARGET,
    copies: Floats | None = None,
    blocks: Blocks | None = None,
) -> GroupedEvaluation:
    """Cross-validate over groups and say what to expect on held-out groups.

    `features`: float32 (n, d); `mining`: bool (n,); `groups`: (n,) one word or number a row, from `tile_group`
    or `block_group`, or a date; `copies`, `blocks`: see `classifiers.fit_with_scores`. `folds` is wanted, not
    promised: there are no more than groups of the rarer kind.

    Raises ValueError, naming what is missing, where one kind has too few groups to hold one out both outside
    and inside the training part.
    """
    if not seeds:
        raise ValueError("At least one seed is needed.")
    held = [
        hold_out([algorithm], features, mining, groups, folds, seed, precision_target, copies, blocks=blocks)[
            algorithm
        ]
        for seed in seeds
    ]
    return summarise(held, mining, groups, precision_target)


def hold_out(
    algorithms: Sequence[str],
    features: Floats,
    mining: Booleans,
    groups: npt.NDArray[Any],
    wanted: int,
    seed: int,
    precision_target: float = PRECISION_TARGET,
    copies: Floats | None = None,
    progress: Progress | None = None,
    blocks: Blocks | None = None,
) -> dict[str, HeldOut]:
    """Each of `algorithms` on the same folds.

    Arguments and errors as `evaluate_grouped`; `progress` is called after each fit.
    """
    mining = np.asarray(mining, dtype=bool)
    groups = np.asarray(groups)
    _check_groups(mining, groups)
    collected = {name: Collector(len(mining), precision_target) for name in algorithms}
    for train, test in divide(mining, groups, wanted, seed):
        taught = None if copies is None else copies[:, train]
        for name, collector in collected.items():
            fit = fit_with_scores(name, features[train], mining[train], seed, groups[train], taught, blocks)
            collector.take(fit, features[test], mining[train], test)
            if progress is not None:
                progress()
    return {name: collector.held_out() for name, collector in collected.items()}


class Collector:
    """Gathers the folds of one algorithm."""

    def __init__(self, rows: int, precision_target: float) -> None:
        self.scores = np.zeros(rows, np.float32)
        self.probabilities = np.zeros(rows, np.float32)
        self.at_best = np.zeros(rows, bool)
        self.at_target = np.zeros(rows, bool)
        self.reached: list[bool] = []
        self.precision_target = precision_target

    def take(self, fit: ClassifierFit, rows: Floats, mining: Booleans, test: npt.NDArray[np.intp]) -> None:
        """One fold: `fit` of the training rows whose verdicts are `mining`, `rows` held out, `test` their numbers."""
        raw = fit.classifier.raw_scores(np.ascontiguousarray(rows, dtype=np.float32))
        middle, spread = float(fit.raw.mean()), max(float(fit.raw.std()), 1e-6)
        self.scores[test] = (raw - middle) / spread
        self.probabilities[test] = predicted = fit.classifier.predict_proba(rows)
        self.at_best[test] = predicted >= best_f1_threshold(fit.probabilities)
        chosen = choose_threshold(fit.probabilities, mining, self.precision_target)
        self.at_target[test] = predicted >= chosen.value
        self.reached.append(chosen.reached)

    def held_out(self) -> HeldOut:
        return HeldOut(
            self.scores,
            self.probabilities,
            self.at_best,
            self.at_target,
            len(self.reached),
            float(np.mean(self.reached)),
        )


def summarise(
    held: Sequence[HeldOut],
    mining: Booleans,
    groups: npt.NDArray[Any],
    precision_target: float = PRECISION_TARGET,
) -> GroupedEvaluation:
    """The figures of one algorithm from its divisions, one a seed; `mining`, `groups`: (n,) as they were held out."""
    mining, groups = np.asarray(mining, dtype=bool), np.asarray(groups)
    first, draws = held[0], Draws(groups)
    best = _figures([one.at_best for one in held], mining, draws)
    best["intervals"]["average_precision"] = interval(
        [draws.average_precision(mining, one.scores) for one in held]
    )
    return GroupedEvaluation(
        **best,
        average_precision=_mean(average_precision(mining, one.scores) for one in held),
        n=len(mining),
        positives=int(mining.sum()),
        groups=len(np.unique(groups)),
        positive_groups=len(np.unique(groups[mining])),
        folds=first.folds,
        seeds=len(held),
        pr_curve=pr_curve(mining, first.scores),
        reliability=reliability(first.probabilities, mining),
        at_target=AtTarget(
            **_figures([one.at_target for one in held], mining, draws),
            target=precision_target,
            reached_inside=_mean(one.reached for one in held),
        ),
    )


def _figures(predicted: Sequence[Booleans], mining: Booleans, draws: Draws) -> dict[str, Any]:
    figures = [precision_recall_f1(mining, one) for one in predicted]
    drawn = [draws.precision_recall_f1(mining, one) for one in predicted]
    names = ("precision", "recall", "f1")
    return {
        **{name: _mean(row[place] for row in figures) for place, name in enumerate(names)},
        "intervals": {name: interval([row[place] for row in drawn]) for place, name in enumerate(names)},
        "confusion": confusion(mining, predicted[0]),
    }


def _check_groups(mining: Booleans, groups: npt.NDArray[Any]) -> None:
    for kind, of_kind in (("mining", mining), ("not mining", ~mining)):
        places = len(np.unique(groups[of_kind])) if groups.shape == mining.shape else 0
        if places < 3:
            raise ValueError(
                f"Too few places labelled “{kind}” to evaluate on: {places}, and at least 3 are needed."
            )


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))
