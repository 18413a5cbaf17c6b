"""The bare models behind the one door of `classifiers`: fitting one, and its raw scores.

Left out: calibration, and searching parameters; those here were chosen on the real crops (docs/adr/0008).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.learning.ranked_svm import COPY_WEIGHT, Blocks, SvmFitter

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

FOREST_TREES = 200
BOOSTING_ROUNDS = 300
# Both cores of the smallest machine; more would fight with the other workers.
FOREST_THREADS = 2
# Rounds of boosting on so few rows last a millisecond: OpenMP's threads wait for each other longer than they
# work (744 rows on a loaded machine: 0.3 s on one thread, 2 to 17 s on two).
BOOSTING_THREADS = 1


def fit_uncalibrated(
    algorithm: str,
    rows: Floats,
    mining: Booleans,
    seed: int,
    copies: Floats | None = None,
    blocks: Blocks | None = None,
) -> Any:
    """The bare model for `raw_scores`.

    `rows`: float32 (n, d), finite; `mining`: bool (n,) with both kinds; `copies`: float32 (k, n, d), the same rows
    augmented, which teach along with them; `blocks`: what each kind of features counts, heard by the SVM alone.
    """
    taught, truth, weights = rows, mining, np.ones(len(rows), np.float32)
    if copies is not None and len(copies):
        taught = np.concatenate([rows, *copies])
        truth = np.tile(mining, 1 + len(copies))
        weights = np.repeat([1.0, *[COPY_WEIGHT] * len(copies)], len(rows)).astype(np.float32)
    fitters: dict[str, Callable[[], Any]] = {
        "xgboost": lambda: _fit_xgboost(taught, truth, weights, seed),
        "random_forest": lambda: _fit_random_forest(taught, truth, weights, seed),
        "svm": lambda: SvmFitter(rows, mining, seed, copies, blocks).fit(),
    }
    return fitters[algorithm]()


def fit_and_hold_out(
    algorithm: str,
    rows: Floats,
    mining: Booleans,
    seed: int,
    copies: Floats | None,
    folds: Iterable[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]],
    blocks: Blocks | None = None,
) -> tuple[Any, Floats]:
    """The bare model of all rows, and for every row the raw score, float32 (n,), of a model that never saw it.

    `folds`: (training rows, held-out rows); arguments else as `fit_uncalibrated`.
    """
    raw = np.zeros(len(rows), np.float32)
    if algorithm == "svm":
        fitter = SvmFitter(rows, mining, seed, copies, blocks)
        for train, test in folds:
            raw[test] = fitter.held_out(train, test)
        return fitter.fit(), raw
    for train, test in folds:
        taught = None if copies is None else copies[:, train]
        model = fit_uncalibrated(algorithm, rows[train], mining[train], seed, taught)
        raw[test] = raw_scores(algorithm, model, rows[test])
    return fit_uncalibrated(algorithm, rows, mining, seed, copies), raw


def raw_scores(algorithm: str, model: Any, rows: Floats) -> Floats:
    """Uncalibrated scores float32 (n,), larger for mining: log-odds, or the margin of the SVM."""
    if algorithm == "xgboost":
        scores = model.inplace_predict(rows, predict_type="margin")
    elif algorithm == "random_forest":
        share = np.clip(model.predict_proba(rows)[:, 1], 0.002, 0.998)
        scores = np.log(share / (1 - share))
    else:
        scores = model.margins(rows)
    return np.asarray(scores, dtype=np.float32)


def _fit_xgboost(rows: Floats, mining: Booleans, weights: Floats, seed: int) -> Any:
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
    matrix = xgboost.DMatrix(rows, label=mining.astype(np.float32), weight=weights, nthread=BOOSTING_THREADS)
    return xgboost.train(parameters, matrix, num_boost_round=BOOSTING_ROUNDS)


def _fit_random_forest(rows: Floats, mining: Booleans, weights: Floats, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        n_estimators=FOREST_TREES,
        min_samples_leaf=2,
        max_features="sqrt",
        class_weight="balanced",
        n_jobs=FOREST_THREADS,
        random_state=seed,
    )
    return forest.fit(rows, mining, sample_weight=weights)
