"""How good a classifier is on places it has never seen.

All rows of one place (all its dates too) lie on one side of every fold. Whatever is chosen, the threshold above
all, is chosen inside the training part: on the scores that inner folds of the training part give to rows held
out there. Left out: confidence intervals, and costs of errors other than a precision target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.learning.classifiers import fit_with_scores, folds

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

CURVE_POINTS = 50
# A threshold that lets fewer than this part of the positives pass says nothing reliable of its precision.
SMALLEST_RECALL = 0.1
SMALLEST_SUPPORT = 5


def tile_group(latitude: float, longitude: float) -> str:
    """The place of a tile: its centre to 4 decimals of a degree (11 m). All dates of a place share it."""
    return f"{_rounded(latitude):.4f}_{_rounded(longitude):.4f}"


def block_group(latitude: float, longitude: float, size: float = 0.25) -> str:
    """The square of `size` degrees in which a tile's centre lies; a harder division than `tile_group`."""
    return f"{math.floor(_rounded(latitude) / size)}_{math.floor(_rounded(longitude) / size)}"


def _rounded(degrees: float) -> float:
    return round(degrees, 4) + 0.0  # no negative zero, which would print as another place


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold and what it gave on the scores it was chosen on.

    `reached`: whether the precision target was reached there; otherwise `value` is the threshold with the
    highest precision, so that a classifier that is not good enough marks little rather than much.
    """

    value: float
    reached: bool
    precision: float
    recall: float


@dataclass(frozen=True)
class AtTarget:
    """What the threshold for the precision target gives on held-out rows; fields as in GroupedEvaluation.

    `reached_inside`: share of folds in whose training part the target could be reached at all.
    """

    target: float
    precision: float
    recall: float
    f1: float
    reached_inside: float
    confusion: list[list[int]]


@dataclass(frozen=True)
class GroupedEvaluation:
    """Figures on held-out places.

    `precision`, `recall`, `f1`: at each fold's threshold with the best F1 inside its training part; these,
    `average_precision` and `at_target` are means over seeds. `confusion` [[tn, fp], [fn, tp]] and `pr_curve`
    (at most 50 points [recall, precision], recall rising) are those of the first seed. `folds`: folds really
    made. `threshold`: chosen for the precision target on the held-out scores of all rows, for a classifier that
    is fitted on all of them; `threshold_reached`: whether the target was reached there.
    """

    precision: float
    recall: float
    f1: float
    average_precision: float
    n: int
    positives: int
    groups: int
    folds: int
    seeds: int
    confusion: list[list[int]]
    pr_curve: list[list[float]]
    threshold: float
    threshold_reached: bool
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
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    precision_target: float = 0.95,
) -> GroupedEvaluation:
    """Cross-validate over groups and say what to expect on groups never seen.

    `features`: float32 (n, d); `mining`: bool (n,); `groups`: (n,) one word or number a row, from `tile_group`
    or `block_group`. `folds` is wanted, not promised: there are no more than groups of the rarer kind.

    Raises ValueError, naming what is missing, where one kind has too few groups to hold one out both outside
    and inside the training part.
    """
    mining = np.asarray(mining, dtype=bool)
    groups = np.asarray(groups)
    if not seeds:
        raise ValueError("At least one seed is needed.")
    for kind, of_kind in (("mining", mining), ("not mining", ~mining)):
        places = len(np.unique(groups[of_kind])) if groups.shape == mining.shape else 0
        if places < 3:
            raise ValueError(
                f"Too few places labelled “{kind}” to evaluate on: {places}, and at least 3 are needed."
            )
    held_out = [
        _hold_out(algorithm, features, mining, groups, folds, seed, precision_target) for seed in seeds
    ]
    first = held_out[0]
    best = [precision_recall_f1(mining, one.at_best) for one in held_out]
    target = [precision_recall_f1(mining, one.at_target) for one in held_out]
    chosen = choose_threshold(first.scores, mining, precision_target)
    return GroupedEvaluation(
        precision=_mean(row[0] for row in best),
        recall=_mean(row[1] for row in best),
        f1=_mean(row[2] for row in best),
        average_precision=_mean(average_precision(mining, one.scores) for one in held_out),
        n=len(mining),
        positives=int(mining.sum()),
        groups=len(np.unique(groups)),
        folds=first.folds,
        seeds=len(seeds),
        confusion=confusion(mining, first.at_best),
        pr_curve=pr_curve(mining, first.scores),
        threshold=chosen.value,
        threshold_reached=chosen.reached,
        at_target=AtTarget(
            target=precision_target,
            precision=_mean(row[0] for row in target),
            recall=_mean(row[1] for row in target),
            f1=_mean(row[2] for row in target),
            reached_inside=_mean(one.reached for one in held_out),
            confusion=confusion(mining, first.at_target),
        ),
    )


@dataclass(frozen=True)
class _HeldOut:
    scores: Floats
    at_best: Booleans
    at_target: Booleans
    folds: int
    reached: float


def _hold_out(
    algorithm: str,
    features: Floats,
    mining: Booleans,
    groups: npt.NDArray[Any],
    wanted: int,
    seed: int,
    precision_target: float,
) -> _HeldOut:
    scores = np.zeros(len(mining), np.float32)
    at_best = np.zeros(len(mining), bool)
    at_target = np.zeros(len(mining), bool)
    reached = []
    for train, test in folds(mining, groups, wanted, seed):
        fitted, inner = fit_with_scores(algorithm, features[train], mining[train], seed, groups[train])
        scores[test] = fitted.predict_proba(features[test])
        at_best[test] = scores[test] >= best_f1_threshold(inner, mining[train])
        chosen = choose_threshold(inner, mining[train], precision_target)
        at_target[test] = scores[test] >= chosen.value
        reached.append(chosen.reached)
    return _HeldOut(scores, at_best, at_target, len(reached), float(np.mean(reached)))


def choose_threshold(scores: Floats, mining: Booleans, precision_target: float) -> ChosenThreshold:
    """The lowest threshold whose precision is at least `precision_target`, for the most recall.

    `scores`: float (n,), held out; `mining`: bool (n,). Thresholds that fewer than a tenth of the positives (or
    five rows) pass are not considered: their precision is luck. Where none reaches the target, the considered
    one with the highest precision is returned with `reached` False. Raises ValueError without both kinds.
    """
    values, precision, recall, passed = _ladder(scores, mining)
    support = min(SMALLEST_SUPPORT, int(mining.sum()))
    considered = (recall >= SMALLEST_RECALL) & (passed >= support)
    good = np.flatnonzero(considered & (precision >= precision_target))
    reached = good.size > 0
    if reached:
        index = int(good[-1])
    else:
        index = int(np.argmax(np.where(considered, precision, -1.0)))
    return ChosenThreshold(float(values[index]), bool(reached), float(precision[index]), float(recall[index]))


def best_f1_threshold(scores: Floats, mining: Booleans) -> float:
    """The threshold with the highest F1 on these scores. Raises ValueError without both kinds."""
    values, precision, recall, _passed = _ladder(scores, mining)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(values[int(np.argmax(f1))])


def _ladder(
    scores: Floats, mining: Booleans
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Every threshold from strict to lax, with precision, recall and how many rows pass.

    A threshold lies in the middle between two neighbouring scores, so rounding moves no row across it.
    """
    scores, mining = np.asarray(scores, dtype=np.float64), np.asarray(mining, dtype=bool)
    if scores.shape != mining.shape or scores.ndim != 1:
        raise ValueError(f"{scores.shape} scores do not fit {mining.shape} verdicts.")
    if not mining.any() or mining.all():
        raise ValueError("A threshold needs rows of both kinds, mining and not mining.")
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(mining[order])
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    below = np.append(ordered[1:], ordered[-1])[last]
    passed = last + 1
    return (ordered[last] + below) / 2, hits[last] / passed, hits[last] / mining.sum(), passed


def average_precision(mining: Booleans, scores: Floats) -> float:
    """Σ (recall_k − recall_{k−1}) · precision_k over all thresholds. Raises ValueError without both kinds."""
    _values, precision, recall, _passed = _ladder(scores, mining)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def pr_curve(mining: Booleans, scores: Floats, points: int = CURVE_POINTS) -> list[list[float]]:
    """At most `points` points [recall, precision], recall rising."""
    _values, precision, recall, _passed = _ladder(scores, mining)
    picked = np.unique(np.linspace(0, len(recall) - 1, min(points, len(recall))).round().astype(int))
    return [[round(float(recall[k]), 4), round(float(precision[k]), 4)] for k in picked]


def confusion(mining: Booleans, predicted: Booleans) -> list[list[int]]:
    """[[true negatives, false positives], [false negatives, true positives]]."""
    return [
        [int((~mining & ~predicted).sum()), int((~mining & predicted).sum())],
        [int((mining & ~predicted).sum()), int((mining & predicted).sum())],
    ]


def precision_recall_f1(mining: Booleans, predicted: Booleans) -> tuple[float, float, float]:
    """Each in 0…1; 0 where it would be divided by nothing."""
    (_tn, fp), (fn, tp) = confusion(mining, predicted)
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    return precision, recall, 2 * tp / (2 * tp + fp + fn) if tp else 0.0


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))
