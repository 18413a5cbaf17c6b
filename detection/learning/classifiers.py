"""Three classifiers behind one door: fit, then ask for the probability of mining.

Every algorithm gives a raw score; a logistic curve fitted to out-of-fold scores (Platt, 1999) turns it into a
probability. The curve is monotone, so it changes no ranking. Left out: searching parameters, more than two classes,
fitting further on new rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.learning import algorithms
from detection.learning.calibration import logistic_line, probability
from detection.learning.drift import DriftReference
from detection.learning.ground.head import GroundHead
from detection.learning.ranked_svm import Blocks

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

ALGORITHMS = ("xgboost", "random_forest", "svm")

CALIBRATION_FOLDS = 4


@dataclass(frozen=True)
class FittedClassifier:
    """A fitted model with its calibration.

    `dimension`: features a row; `model`: an xgboost.Booster, a scikit-learn forest or a RankedSvm; `slope`, `offset`:
    the probability is 1 / (1 + exp(−(slope · raw + offset))). `outline`: the head that says where on a marked tile the
    mining lies; None where the features have no windows or too little was labelled. `drift`: what it keeps of its training
    rows to know whether other images look like them; None where they were of too few dates.
    """

    algorithm: str
    dimension: int
    model: Any
    slope: float
    offset: float
    outline: GroundHead | None = None
    drift: DriftReference | None = None

    def predict_proba(self, features: Floats) -> Floats:
        """Probability of mining, float32 (n,) in 0…1, of rows float32 (n, dimension).

        Raises ValueError for rows of another length or with numbers that are not finite.
        """
        rows = _checked_rows(features)
        if rows.shape[1] != self.dimension:
            raise ValueError(f"This classifier reads {self.dimension} features a row, not {rows.shape[1]}.")
        if not len(rows):
            return np.zeros(0, np.float32)
        return probability(self.raw_scores(rows), self.slope, self.offset)

    def raw_scores(self, rows: Floats) -> Floats:
        """Before calibration, float32 (n,), of rows as `predict_proba` checks them."""
        return algorithms.raw_scores(self.algorithm, self.model, rows)


@dataclass(frozen=True)
class ClassifierFit:
    """A fitted classifier, and `raw`: float32 (n,), for every row the raw score of a model that never saw it."""

    classifier: FittedClassifier
    raw: Floats

    @property
    def probabilities(self) -> Floats:
        """`raw`, calibrated: a threshold may be chosen on them."""
        return probability(self.raw, self.classifier.slope, self.classifier.offset)


def fit(
    algorithm: str,
    features: Floats,
    mining: Booleans,
    seed: int,
    groups: npt.NDArray[Any] | None = None,
    copies: Floats | None = None,
    blocks: Blocks | None = None,
) -> FittedClassifier:
    """Fit on all rows; see `fit_with_scores`."""
    return fit_with_scores(algorithm, features, mining, seed, groups, copies, blocks).classifier


def fit_with_scores(
    algorithm: str,
    features: Floats,
    mining: Booleans,
    seed: int,
    groups: npt.NDArray[Any] | None = None,
    copies: Floats | None = None,
    blocks: Blocks | None = None,
) -> ClassifierFit:
    """Fit on all rows, and score every row by a model that never saw it.

    `features`: float32 (n, d), finite; `mining`: bool (n,); `groups`: one word or number a row (n,): rows of one
    group are never on both sides of a fold, without it folds are drawn row by row; `copies`: float32 (k, n, d), the
    same rows augmented: they teach with the row they are copies of, and are never scored; `blocks`: of the extractor.

    Raises ValueError for an unknown algorithm, arrays that do not fit together, or fewer than two rows (groups)
    of either kind, without which nothing can be held out.
    """
    rows = _checked_rows(features)
    mining = np.asarray(mining, dtype=bool)
    if algorithm not in ALGORITHMS:
        raise ValueError(f"There is no classifier “{algorithm}”: choose one of {', '.join(ALGORITHMS)}.")
    if mining.shape != (len(rows),):
        raise ValueError(f"{len(rows)} rows need {len(rows)} verdicts, not {mining.shape}.")
    if copies is not None and copies.shape[1:] != rows.shape:
        raise ValueError(f"Copies of rows {rows.shape} are not {copies.shape[1:]}.")
    inner = folds(mining, groups, CALIBRATION_FOLDS, seed)
    model, raw = algorithms.fit_and_hold_out(algorithm, rows, mining, seed, copies, inner, blocks)
    slope, offset = logistic_line(raw, mining)
    return ClassifierFit(FittedClassifier(algorithm, rows.shape[1], model, slope, offset), raw)


def folds(
    mining: Booleans, groups: npt.NDArray[Any] | None, wanted: int, seed: int
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """(training rows, held-out rows) for each fold: stratified, whole groups, both kinds on the training side.

    Fewer folds than `wanted` where one kind has fewer groups. Raises ValueError naming what is missing when not
    even two folds can be made.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    group_of = np.arange(len(mining)) if groups is None else np.asarray(groups)
    if group_of.shape != mining.shape:
        raise ValueError(f"{len(mining)} rows need {len(mining)} groups, not {group_of.shape}.")
    for kind, chosen in (("mining", mining), ("not mining", ~mining)):
        count = len(np.unique(group_of[chosen]))
        if count < 2:
            what = "superpixels" if groups is None else "places"
            raise ValueError(
                f"Too few {what} labelled “{kind}”: {count}, and at least 2 are needed to hold one out."
            )
        wanted = min(wanted, count)
    splitter = StratifiedGroupKFold(n_splits=wanted, shuffle=True, random_state=seed)
    for train, test in splitter.split(np.zeros(len(mining)), mining, group_of):
        if not len(test) or mining[train].all() or not mining[train].any():
            # A few large groups can leave one kind wholly in one fold.
            raise ValueError(
                "The labels of one kind lie almost all in one place: label more places of both kinds."
            )
        yield train, test


def _checked_rows(features: Floats) -> Floats:
    rows = np.ascontiguousarray(features, dtype=np.float32)
    if rows.ndim != 2:
        raise ValueError(f"Features are an array (rows, dimension), not {rows.shape}.")
    if not np.isfinite(rows).all():
        raise ValueError("Features must be finite numbers.")
    return rows
