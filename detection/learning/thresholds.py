"""Thresholds, and what is counted on one side of them. NumPy only.

Left out: costs of errors other than a precision target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

CURVE_POINTS = 50
# A threshold that lets fewer than this part of the positives pass says nothing reliable of its precision.
SMALLEST_RECALL = 0.1
SMALLEST_SUPPORT = 5


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


def best_f1_threshold(probabilities: Floats) -> float:
    """The threshold with the highest F1 to be expected if these calibrated probabilities are true.

    `probabilities`: float (n,) in 0…1, held out, n ≥ 1. With rows in falling order the expected F1 of the first k is
    about 2·Σ₁ᵏ p / (k + Σ p) (Ye, Chai, Lee & Chieu 2012). The curve of two numbers through all rows errs less on other
    places than the highest of hundreds of F1 counted on these: on the real crops that gave .742 against .735 by block,
    .617 against .606 by date (docs/adr/0008).
    """
    ordered = np.sort(np.asarray(probabilities, dtype=np.float64))[::-1]
    taken = np.arange(1, len(ordered) + 1)
    best = int(np.argmax(2 * np.cumsum(ordered) / (taken + ordered.sum())))
    return float((ordered[best] + ordered[min(best + 1, len(ordered) - 1)]) / 2)


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
