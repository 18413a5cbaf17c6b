"""How good features are on labelled crops, at held-out places.

    python -m benchmarks.crop_quality --crops ../shared/data/crops [--extractors texture texture-lite0]
        [--algorithms svm xgboost] [--seeds 5] [--plain] [--json]

Five folds, mean of the seeds; grouped by tile (all dates of a tile on one side), harder by 0.25° block, harder still by
capture date. All extractors and classifiers stand on the same folds; thresholds are chosen inside the training part; in
brackets the 95 % interval of the bootstrap by group. With several extractors the differences from the first one are
told, paired. `--plain` teaches without augmented copies, to see what they give.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.crops import LabelledCrops, read_crops
from detection.features import EXTRACTOR_NAMES
from detection.learning.classifiers import ALGORITHMS
from detection.learning.comparison import propose
from detection.learning.evaluation import FOLDS, GroupedEvaluation, HeldOut, hold_out, summarise
from detection.learning.intervals import Draws, interval
from detection.learning.thresholds import average_precision

SHOWN = ("f1", "average_precision", "precision", "recall")
Held = dict[str, list[HeldOut]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument(
        "--extractors", nargs="+", choices=EXTRACTOR_NAMES, default=["texture", "texture-lite0"]
    )
    parser.add_argument("--algorithms", nargs="+", choices=ALGORITHMS, default=list(ALGORITHMS))
    parser.add_argument("--seeds", type=int, default=5, help="so many, from 0")
    parser.add_argument("--first-seed", type=int, default=0, help="choices are made on seeds from 100")
    parser.add_argument("--plain", action="store_true", help="no augmented copies")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    started = time.process_time()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    found: dict[str, dict[str, Any]] = {}
    proposals: dict[str, dict[str, Any]] = {}
    held: dict[str, dict[str, Held]] = {}
    tell = (lambda *_told: None) if options.json else print
    for extractor in options.extractors:
        began = time.perf_counter()
        crops = read_crops(options.crops, extractor, plain=options.plain)
        tell(
            f"{extractor}: {len(crops.mining)} crops, {int(crops.mining.sum())} of them mining; "
            f"{crops.features.shape[1]} features in {1 + len(crops.copies)} lights in {time.perf_counter() - began:.0f} s"
        )
        tell(
            f"{'classifier':<14} {'held out':<9} {'F1':>20} {'average precision':>20} {'prec.':>6} {'recall':>6}  calibration"
        )
        held[extractor] = {
            name: _held(crops, groups, options.algorithms, seeds) for name, groups in _groups(crops)
        }
        found[extractor] = {name: {} for name in options.algorithms}
        for grouping, groups in _groups(crops):
            for name in options.algorithms:
                outcome = summarise(held[extractor][grouping][name], crops.mining, groups)
                found[extractor][name][grouping] = outcome.as_dict()
                tell(f"{name:<14} {grouping:<9} {_told(outcome)}")
        proposal = propose(held[extractor]["block"], crops.mining, Draws(crops.blocks)).as_dict()
        proposals[extractor] = proposal
        tell(f"proposed: {proposal['algorithm']}; {proposal['differences']}")
    differences = {
        extractor: _differences(crops, held[options.extractors[0]], held[extractor])
        for extractor in options.extractors[1:]
    }
    for extractor, by_algorithm in differences.items():
        for name, by_grouping in by_algorithm.items():
            told = ", ".join(
                f"{grouping} {{:+.3f}} [{{:+.3f}}…{{:+.3f}}]".format(*one)
                for grouping, one in by_grouping.items()
            )
            tell(f"{name}: average precision of {extractor} over {options.extractors[0]}: {told}")
    spent, load = time.process_time() - started, os.getloadavg()[0]
    tell(f"{spent:.0f} processor seconds beside those of reading, load {load:.1f}, {os.cpu_count()} cores")
    if options.json:
        print(
            json.dumps(
                {
                    "crops": len(crops.mining),
                    "extractors": found,
                    "proposals": proposals,
                    "differences": differences,
                    "cpu_seconds": round(spent, 1),
                    "load": load,
                }
            )
        )


def _groups(crops: LabelledCrops) -> list[tuple[str, Any]]:
    return [("tile", crops.tiles), ("block", crops.blocks), ("date", crops.dates)]


def _held(crops: LabelledCrops, groups: Any, algorithms: list[str], seeds: range) -> Held:
    copies = crops.copies if len(crops.copies) else None
    divided = [
        hold_out(
            algorithms,
            crops.features,
            crops.mining,
            groups,
            FOLDS,
            seed,
            copies=copies,
            blocks=crops.feature_blocks,
        )
        for seed in seeds
    ]
    return {name: [one[name] for one in divided] for name in algorithms}


def _differences(
    crops: LabelledCrops, first: dict[str, Held], other: dict[str, Held]
) -> dict[str, dict[str, list[float]]]:
    """{algorithm: {grouping: [difference of average precision, low, high]}}, the same places drawn for both."""
    differences: dict[str, dict[str, list[float]]] = {}
    for grouping, groups in _groups(crops):
        draws = Draws(groups)
        for name in first[grouping]:
            pairs = list(zip(other[grouping][name], first[grouping][name], strict=True))
            points = [
                average_precision(crops.mining, new.scores) - average_precision(crops.mining, old.scores)
                for new, old in pairs
            ]
            drawn = [
                draws.average_precision(crops.mining, new.scores)
                - draws.average_precision(crops.mining, old.scores)
                for new, old in pairs
            ]
            differences.setdefault(name, {})[grouping] = [float(np.mean(points)), *interval(drawn)]
    return differences


def _told(outcome: GroupedEvaluation) -> str:
    bounds = {name: "[{:.2f}–{:.2f}]".format(*outcome.intervals[name]) for name in SHOWN}
    trust = outcome.reliability
    return (
        f"{outcome.f1:6.3f} {bounds['f1']:>13} {outcome.average_precision:6.3f} "
        f"{bounds['average_precision']:>13} {outcome.precision:6.3f} {outcome.recall:6.3f}  "
        f"error {trust.expected_error:.3f}, Brier {trust.brier:.3f} of {trust.brier_of_the_share:.3f}; "
        f"at {outcome.at_target.target}: precision {outcome.at_target.precision:.3f}, recall {outcome.at_target.recall:.3f}"
    )


if __name__ == "__main__":
    main()
