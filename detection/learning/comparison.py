"""Classifiers side by side on the same folds, and which one to propose.

The best average precision on held-out blocks is proposed. Where the 95 % interval of its paired difference from
XGBoost contains nought, the two tie and XGBoost is proposed: it is the quickest on whole regions, and was the
classifier of 2018. Average precision decides because it asks for no threshold. Left out: what a classifier costs,
beyond that preference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.learning.evaluation import HeldOut
from detection.learning.intervals import Draws, interval
from detection.learning.thresholds import average_precision

Booleans = npt.NDArray[np.bool_]

DEFAULT = "xgboost"


@dataclass(frozen=True)
class Proposal:
    """`algorithm`: the one proposed; `best`: the one with the highest average precision; `tie`: whether the best
    cannot be told from the default. `differences`: for each other algorithm [difference, low, high] of its average
    precision from the default's."""

    algorithm: str
    best: str
    tie: bool
    differences: dict[str, list[float]]

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and words, as JSON holds them."""
        return asdict(self)


def propose(held: Mapping[str, Sequence[HeldOut]], mining: Booleans, draws: Draws) -> Proposal:
    """`held`: of each algorithm its divisions, the same for all; `mining`: bool (n,); `draws`: of the same groups."""
    points = {
        name: float(np.mean([average_precision(mining, one.scores) for one in divisions]))
        for name, divisions in held.items()
    }
    best = max(points, key=lambda name: (points[name], name == DEFAULT))
    if DEFAULT not in held:
        return Proposal(best, best, False, {})
    drawn = {
        name: [draws.average_precision(mining, one.scores) for one in divisions]
        for name, divisions in held.items()
    }
    differences = {}
    for name in held:
        if name != DEFAULT:
            pairs = [one - other for one, other in zip(drawn[name], drawn[DEFAULT], strict=True)]
            differences[name] = [round(points[name] - points[DEFAULT], 4), *interval(pairs)]
    tie = best != DEFAULT and differences[best][1] <= 0 <= differences[best][2]
    return Proposal(DEFAULT if tie else best, best, tie, differences)
