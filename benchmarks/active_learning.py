"""How many labels each order needs before the classifier is nearly as good as with all of them.

    python -m benchmarks.active_learning --crops ../shared/data/crops [--seeds 20] [--first-seed 0] [--cache DIR]

The crops' own verdicts answer whatever is asked. Each seed divides the tiles anew: about 30% of the crops are held
out (whole tiles, stratified), the others are the pool. Labelling starts with 20 crops drawn at random (the same for
every order) and goes on in batches of 10; after each the project's SVM is fitted to what is labelled and its F1
measured on the held-out crops. An order is there when it has 95% of the F1 of an SVM fitted to the whole pool, twice
in a row; what counts is the labels at the first of the two. PRIMARY FIGURE, decided beforehand: the mean of that over
the seeds. Beside it: the first single crossing, and where the mean curve over the seeds crosses.

F1 is taken on the SVM's own line (margin 0), so no threshold is chosen on anything. The orders see margins turned
into probabilities by a fixed logistic curve instead of one calibrated by four more fits each time; the order of plain
uncertainty is the same under any such curve, and for the product the curve is steep as it was when its two numbers
were chosen (seeds 100–109). The held-out crops answer only when an order is there, never what is asked next.
"""

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.crops import LabelledCrops, read_crops
from detection.learning import ranking
from detection.learning.algorithms import fit_uncalibrated, raw_scores
from detection.learning.classifiers import folds
from detection.learning.thresholds import precision_recall_f1

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

START = 20
BATCH = 10
GOAL = 0.95
SLOPE = 2.0
# Tenths of the tiles that are held out.
HELD_OUT = 3
# Curves are drawn at least so far, that there is a mean of all of them.
DRAWN = 350


@dataclass(frozen=True)
class Situation:
    """What an order may look at: margins float (n,) of the whole pool, reduced features, what is labelled."""

    margins: Floats
    reduced: Floats
    labelled: Booleans
    random: np.random.Generator

    def undecided(self) -> Floats:
        return ranking.uncertainty(1 / (1 + np.exp(-SLOPE * self.margins.astype(float))), 0.5)


def by_chance(now: Situation) -> Floats:
    return now.random.random(len(now.labelled)).astype(np.float32)


def by_uncertainty(now: Situation) -> Floats:
    return now.undecided()


def by_priority(now: Situation) -> Floats:
    """The product's own order."""
    return ranking.priorities(now.undecided(), now.reduced, now.labelled, seed=0)


def by_diversity(now: Situation) -> Floats:
    """Without any classifier, as a region begins: chance within clusters that take turns."""
    chance = by_chance(now)
    return ranking.diversity(ranking.clusters(now.reduced, 0), chance, now.labelled) + chance * 1e-3


ORDERS: dict[str, Callable[[Situation], Floats]] = {
    "random": by_chance,
    "diversity alone": by_diversity,
    "uncertainty": by_uncertainty,
    "uncertainty × diversity": by_priority,
}


@dataclass
class ReplayOutcome:
    """Of one order: the learning curve of each seed, [(labels, F1), …], and the labels it needed."""

    curves: list[list[tuple[int, float]]] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)


def replay(crops: LabelledCrops, seed: int, outcomes: dict[str, ReplayOutcome]) -> float:
    """Add one seed to the outcomes; returns the F1 with all labels."""
    parts = [test for _train, test in folds(crops.mining, crops.tiles, 10, seed)]
    test, pool = np.concatenate(parts[:HELD_OUT]), np.concatenate(parts[HELD_OUT:])
    features, mining = crops.features[pool], crops.mining[pool]
    reduced = ranking.Projection.fit(features).apply(features)

    def judge(model: object) -> float:
        said = raw_scores("svm", model, crops.features[test]) >= 0
        return precision_recall_f1(crops.mining[test], said)[2]

    full = judge(fit_uncalibrated("svm", features, mining, 0))
    for name, outcome in outcomes.items():
        random = np.random.default_rng(seed)
        start = random.permutation(len(pool))
        count = START
        while mining[start[:count]].sum() < 2:
            count += BATCH
        labelled = np.zeros(len(pool), bool)
        labelled[start[:count]] = True
        curve: list[tuple[int, float]] = []
        while True:
            model = fit_uncalibrated("svm", features[labelled], mining[labelled], 0)
            curve.append((int(labelled.sum()), judge(model)))
            there = len(curve) > 1 and _crossing(curve, GOAL * full, 2) < curve[-1][0]
            if labelled.all() or (there and labelled.sum() >= DRAWN):
                break
            now = Situation(raw_scores("svm", model, features), reduced, labelled, random)
            open_ones = np.flatnonzero(~labelled)
            value = ORDERS[name](now)[open_ones]
            labelled[open_ones[np.argsort(-value, kind="stable")[:BATCH]]] = True
        outcome.curves.append(curve)
        outcome.held.append(_crossing(curve, GOAL * full, 2))
        outcome.first.append(_crossing(curve, GOAL * full, 1))
    return full


def _crossing(curve: list[tuple[int, float]], goal: float, times: int) -> int:
    """Labels at the first of `times` steps in a row at the goal; all labels where that never happens."""
    for k in range(len(curve) - times + 1):
        if all(f1 >= goal for _labels, f1 in curve[k : k + times]):
            return curve[k][0]
    return curve[-1][0]


def mean_crossing(outcome: ReplayOutcome, goal: float) -> str:
    """Labels at which the mean of all seeds' curves reaches `goal`, “> n” where it does not as far as all are drawn."""
    steps = [dict(curve) for curve in outcome.curves]
    labels = sorted(set.intersection(*(set(step) for step in steps)))
    reached = [count for count in labels if np.mean([step[count] for step in steps]) >= goal]
    return str(reached[0]) if reached else f"> {labels[-1]}"


def crops_of(folder: Path, cache: Path) -> LabelledCrops:
    """The crops' features, read once for each extractor and folder and kept under `cache`."""
    from detection.features import get_extractor

    names = "\n".join(sorted(f"{file.parent.name}/{file.name}" for file in folder.glob("*/*")))
    key = hashlib.sha256(f"{get_extractor('texture').key}\n{names}".encode()).hexdigest()[:16]
    file = cache / f"crops-{key}.npz"
    if not file.exists():
        crops = read_crops(folder)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(file, features=crops.features, mining=crops.mining, tiles=crops.tiles, blocks=crops.blocks)
    with np.load(file, allow_pickle=False) as kept:
        return LabelledCrops(kept["features"], kept["mining"], kept["tiles"], kept["blocks"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "amber-benchmarks")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    crops = crops_of(options.crops, options.cache)
    outcomes = {name: ReplayOutcome() for name in ORDERS}
    began, worked = time.perf_counter(), time.process_time()
    full = [
        replay(crops, seed, outcomes)
        for seed in range(options.first_seed, options.first_seed + options.seeds)
    ]
    chance = float(np.mean(outcomes["random"].held))
    told = {
        name: {
            "labels": float(np.mean(outcome.held)),
            "standard_error": float(np.std(outcome.held, ddof=1) / len(outcome.held) ** 0.5)
            if len(outcome.held) > 1
            else 0.0,
            "of_random": float(np.mean(outcome.held)) / chance,
            "first_crossing": float(np.mean(outcome.first)),
            "mean_curve": mean_crossing(outcome, GOAL * float(np.mean(full))),
            "by_seed": outcome.held,
        }
        for name, outcome in outcomes.items()
    }
    if options.json:
        print(json.dumps({"full_f1": float(np.mean(full)), "seeds": options.seeds, "orders": told}))
        return
    print(
        f"{len(crops.mining)} crops, {int(crops.mining.sum())} of them mining; {options.seeds} seeds from "
        f"{options.first_seed}; F1 with all labels {np.mean(full):.3f}; {time.perf_counter() - began:.0f} s, "
        f"{time.process_time() - worked:.0f} s of one core"
    )
    print(f"{'order':<25} {'labels':>7} {'± s.e.':>6} {'of random':>9} {'first time':>10} {'mean curve':>10}")
    for name, row in told.items():
        print(
            f"{name:<25} {row['labels']:7.0f} {row['standard_error']:6.0f} {row['of_random']:9.0%} "
            f"{row['first_crossing']:10.0f} {row['mean_curve']:>10}"
        )


if __name__ == "__main__":
    main()
