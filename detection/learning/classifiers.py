"""Three classifiers behind one door: fit, then ask for the probability of mining.

Every algorithm gives a raw score; a logistic curve fitted to out-of-fold scores (Platt, 1999) turns it into a
probability. The curve is monotone, so it changes no ranking. Left out: searching parameters, more than two
classes, fitting further on new rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

ALGORITHMS = ("xgboost", "random_forest", "svm")

CALIBRATION_FOLDS = 4
# Both cores of the smallest machine; more would fight with the other workers.
FOREST_THREADS = 2
# Rounds of boosting on so few rows last a millisecond: OpenMP's threads wait for each other longer than they
# work (744 rows on a loaded machine: 0.3 s on one thread, 2 to 17 s on two).
BOOSTING_THREADS = 1


@dataclass(frozen=True)
class FittedClassifier:
    """A fitted model with its calibration.

    `dimension`: features a row; `model`: xgboost.Booster or a scikit-learn pipeline; `slope`, `offset`: the
    probability is 1 / (1 + exp(−(slope · raw + offset))).
    """

    algorithm: str
    dimension: int
    model: Any
    slope: float
    offset: float

    def predict_proba(self, features: Floats) -> Floats:
        """Probability of mining, float32 (n,) in 0…1, of rows float32 (n, dimension).

        Raises ValueError for rows of another length or with numbers that are not finite.
        """
        rows = _checked_rows(features)
        if rows.shape[1] != self.dimension:
            raise ValueError(f"This classifier reads {self.dimension} features a row, not {rows.shape[1]}.")
        if not len(rows):
            return np.zeros(0, np.float32)
        return _probability(raw_scores(self.algorithm, self.model, rows), self.slope, self.offset)


def fit(
    algorithm: str, features: Floats, mining: Booleans, seed: int, groups: npt.NDArray[Any] | None = None
) -> FittedClassifier:
    """Fit on all rows; see `fit_with_scores`."""
    return fit_with_scores(algorithm, features, mining, seed, groups)[0]


def fit_with_scores(
    algorithm: str, features: Floats, mining: Booleans, seed: int, groups: npt.NDArray[Any] | None = None
) -> tuple[FittedClassifier, Floats]:
    """Fit on all rows; also the calibrated out-of-fold probability of every row, float32 (n,).

    `features`: float32 (n, d), finite; `mining`: bool (n,); `groups`: one word or number a row (n,): rows of one
    group are never on both sides of a fold, without it folds are drawn row by row. The out-of-fold scores come
    from models that never saw the row (nor its group): a threshold may be chosen on them.

    Raises ValueError for an unknown algorithm, arrays that do not fit together, or fewer than two rows (groups)
    of either kind, without which nothing can be held out.
    """
    rows = _checked_rows(features)
    mining = np.asarray(mining, dtype=bool)
    if algorithm not in ALGORITHMS:
        raise ValueError(f"There is no classifier “{algorithm}”: choose one of {', '.join(ALGORITHMS)}.")
    if mining.shape != (len(rows),):
        raise ValueError(f"{len(rows)} rows need {len(rows)} verdicts, not {mining.shape}.")
    raw = np.zeros(len(rows), np.float32)
    for train, test in folds(mining, groups, CALIBRATION_FOLDS, seed):
        raw[test] = raw_scores(
            algorithm, fit_uncalibrated(algorithm, rows[train], mining[train], seed), rows[test]
        )
    slope, offset = _platt(raw, mining)
    model = fit_uncalibrated(algorithm, rows, mining, seed)
    fitted = FittedClassifier(algorithm, rows.shape[1], model, slope, offset)
    return fitted, _probability(raw, slope, offset)


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


def raw_scores(algorithm: str, model: Any, rows: Floats) -> Floats:
    """Uncalibrated scores float32 (n,), larger for mining: log-odds, or the margin of the SVM."""
    if algorithm == "xgboost":
        import xgboost

        scores = model.predict(xgboost.DMatrix(rows, nthread=BOOSTING_THREADS), output_margin=True)
    elif algorithm == "random_forest":
        share = np.clip(model.predict_proba(rows)[:, 1], 0.002, 0.998)
        scores = np.log(share / (1 - share))
    else:
        scores = model.decision_function(rows)
    return np.asarray(scores, dtype=np.float32)


def _checked_rows(features: Floats) -> Floats:
    rows = np.ascontiguousarray(features, dtype=np.float32)
    if rows.ndim != 2:
        raise ValueError(f"Features are an array (rows, dimension), not {rows.shape}.")
    if not np.isfinite(rows).all():
        raise ValueError("Features must be finite numbers.")
    return rows


def fit_uncalibrated(algorithm: str, rows: Floats, mining: Booleans, seed: int) -> Any:
    """The bare model for `raw_scores`: rows float32 (n, d), finite; mining bool (n,) with both kinds."""
    fitters: dict[str, Callable[[Floats, Booleans, int], Any]] = {
        "xgboost": _fit_xgboost,
        "random_forest": _fit_random_forest,
        "svm": _fit_svm,
    }
    return fitters[algorithm](rows, mining, seed)


def _fit_xgboost(rows: Floats, mining: Booleans, seed: int) -> Any:
    import xgboost

    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_bin": 64,
        "learning_rate": 0.08,
        "max_depth": 4,
        "min_child_weight": 2,
        "subsample": 0.8,
        "colsample_bynode": 0.2,
        "reg_lambda": 2.0,
        "seed": seed,
        "nthread": BOOSTING_THREADS,
        "verbosity": 0,
    }
    matrix = xgboost.DMatrix(rows, label=mining.astype(np.float32), nthread=BOOSTING_THREADS)
    return xgboost.train(parameters, matrix, num_boost_round=300)


def _fit_random_forest(rows: Floats, mining: Booleans, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        n_estimators=300,
        min_samples_leaf=2,
        max_features="sqrt",
        class_weight="balanced",
        n_jobs=FOREST_THREADS,
        random_state=seed,
    )
    return forest.fit(rows, mining)


def _fit_svm(rows: Floats, mining: Booleans, seed: int) -> Any:
    """On ranks instead of values: seasons and sensors stretch a feature, they seldom reorder it."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer, StandardScaler
    from sklearn.svm import SVC

    ranks = QuantileTransformer(n_quantiles=min(200, len(rows)), subsample=None, random_state=seed)
    machine = SVC(C=10.0, kernel="rbf", gamma=0.5 / rows.shape[1], cache_size=100, random_state=seed)
    return make_pipeline(ranks, StandardScaler(), machine).fit(rows, mining)


def _probability(raw: Floats, slope: float, offset: float) -> Floats:
    exponent = np.clip(slope * raw.astype(np.float64) + offset, -60, 60)
    return (1.0 / (1.0 + np.exp(-exponent))).astype(np.float32)


def _platt(raw: Floats, mining: Booleans) -> tuple[float, float]:
    """Slope and offset of the logistic curve, by Newton's method on Platt's softened targets.

    A slope that comes out negative (scores worse than chance) is made a small positive one: the ranking of the
    model is kept, and its probabilities then say that it knows nothing.
    """
    positives, negatives = int(mining.sum()), int((~mining).sum())
    target = np.where(mining, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([raw.astype(np.float64), np.ones(len(raw))], axis=1)
    spread = max(float(raw.std()), 1e-6)
    design[:, 0] /= spread
    weights = np.array([1.0, np.log((positives + 1) / (negatives + 1))])
    for _step in range(50):
        probability = 1 / (1 + np.exp(-np.clip(design @ weights, -40, 40)))
        gradient = design.T @ (probability - target) + 1e-6 * weights
        hessian = (design * (probability * (1 - probability))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        weights = weights - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return max(float(weights[0]) / spread, 1e-3), float(weights[1])
