"""What a change of the labels did to a classifier, on places that neither the old nor the new one has seen.

Two sets of rows, before and after, are cut along the same folds of places. In every fold the old way of training gets
the old rows of the other places, the new way the new rows of the other places, and both judge the held-out rows of the
*new* set, each at the threshold that its own training part chose for the precision target, as a run would use it. The
truth is that of the new set: what is known now.

What it can and cannot say. Both sides answer the same questions, and differences are paired: intervals draw the same
places for both. But rows that came since the old classifier was trained are there because it failed on them (or
on what looks like them), so figures over all rows flatter the new one: the caller chooses rows that came by no word of
either. The fitted classifiers themselves are not judged, as both
were trained on most of these places: it is their recipes, trained five times each with places left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.learning.classifiers import fit_with_scores, folds
from detection.learning.evaluation import FOLDS, PRECISION_TARGET, Collector, HeldOut, Progress
from detection.learning.intervals import Draws, interval
from detection.learning.ranked_svm import Blocks
from detection.learning.thresholds import average_precision, precision_recall_f1

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

SEED = 0
NAMES = ("precision", "recall", "f1")
# Fewer places, drawn again and again, tell nothing of how other places would have fallen.
FEWEST_PLACES = 5


@dataclass(frozen=True)
class Rows:
    """What one classifier learned from: `features` float32 (n, d), `mining` bool (n,), `places` (n,) one word a row,
    `copies` float32 (k, n, d) or None, `blocks`: see `classifiers.fit_with_scores`."""

    algorithm: str
    features: Floats
    mining: Booleans
    places: npt.NDArray[np.str_]
    copies: Floats | None = None
    blocks: Blocks | None = None


def hold_out_both(
    before: Rows,
    after: Rows,
    wanted: int = FOLDS,
    progress: Progress | None = None,
    judged: Floats | None = None,
) -> tuple[HeldOut, HeldOut]:
    """How both judge the rows of `after`, every one by models that never saw its place.

    `judged`: float32 (rows of `after`, numbers of `before`), these rows as the features of `before` describe them; None
    where both read the same features. `progress` is called after each fit. Raises ValueError, naming what is missing,
    where the places do not suffice, or where what `before` is to judge is not what it learned from.
    """
    shown = (after.features if judged is None else judged, after.features)
    if shown[0].shape != (len(after.mining), before.features.shape[1]):
        raise ValueError("The two classifiers read different features: there is nothing to compare.")
    sides = [Collector(len(after.mining), PRECISION_TARGET) for _side in range(2)]
    for train, test in folds(after.mining, after.places, wanted, SEED):
        unseen = ~np.isin(before.places, np.unique(after.places[test]))
        taught_to = (np.flatnonzero(unseen), train)
        for collector, rows, seen, taught in zip(sides, (before, after), shown, taught_to, strict=True):
            copies = None if rows.copies is None else rows.copies[:, taught]
            fit = fit_with_scores(
                rows.algorithm,
                rows.features[taught],
                rows.mining[taught],
                SEED,
                rows.places[taught],
                copies,
                rows.blocks,
            )
            collector.take(fit, seen[test], rows.mining[taught], test)
            if progress is not None:
                progress()
    return sides[0].held_out(), sides[1].held_out()


def compare(
    before: HeldOut, after: HeldOut, mining: Booleans, places: npt.NDArray[np.str_], chosen: Booleans
) -> dict[str, Any] | None:
    """Figures of both on the rows `chosen`, bool (n,), and the paired differences; None where no mining is among them.

    {"n", "positives", "places", "mining_places": those with mining, "before" and "after" {name: [figure, low, high]}, "difference" {the same}}, names being
    precision, recall, f1 (at each one's own threshold) and average_precision.
    """
    truth, held = mining[chosen], places[chosen]
    if not truth.any():
        return None
    draws = Draws(held)
    points: list[dict[str, float]] = []
    drawn: list[dict[str, npt.NDArray[np.float64]]] = []
    for side in (before, after):
        predicted, scores = side.at_target[chosen], side.scores[chosen]
        figures = dict(zip(NAMES, precision_recall_f1(truth, predicted), strict=True))
        points.append({**figures, "average_precision": average_precision(truth, scores)})
        spread = dict(zip(NAMES, draws.precision_recall_f1(truth, predicted), strict=True))
        drawn.append({**spread, "average_precision": draws.average_precision(truth, scores)})
    return {
        "n": len(truth),
        "positives": int(truth.sum()),
        "places": len(np.unique(held)),
        "mining_places": len(np.unique(held[truth])),
        "before": {name: _told(points[0][name], drawn[0][name]) for name in points[0]},
        "after": {name: _told(points[1][name], drawn[1][name]) for name in points[1]},
        "difference": {
            name: _told(points[1][name] - points[0][name], drawn[1][name] - drawn[0][name])
            for name in points[0]
        },
    }


def compare_kinds(
    before: HeldOut, after: HeldOut, kinds: Mapping[str, Booleans], places: npt.NDArray[np.str_]
) -> dict[str, dict[str, Any]]:
    """How many rows of each kind that is not mining are called mining all the same.

    `kinds`: {name: bool (n,)}. {name: {"n", "places", "before", "after": rows called mining, "difference": [share after −
    share before, low, high]}}; the interval tells nothing where the kind is known from fewer than FEWEST_PLACES.
    """
    comparisons = {}
    for name, chosen in kinds.items():
        draws = Draws(places[chosen])
        everything = np.ones(int(chosen.sum()), bool)
        old, new = before.at_target[chosen], after.at_target[chosen]
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = (draws.counts(new) - draws.counts(old)) / draws.counts(everything)
        comparisons[name] = {
            "n": len(old),
            "places": draws.places,
            "before": int(old.sum()),
            "after": int(new.sum()),
            "difference": _told((new.sum() - old.sum()) / max(len(old), 1), shares),
        }
    return comparisons


def _told(point: float, drawn: npt.NDArray[np.float64]) -> list[float]:
    return [round(float(point), 4), *interval([drawn])]
