"""How good `texture` is on labelled crops, at held-out places.

    python -m benchmarks.crop_quality --crops ../shared/data/crops [--algorithms svm xgboost] [--seeds 5]
        [--plain] [--json]

Five folds, mean of the seeds; grouped by tile (all dates of a tile on one side), harder by 0.25° block, harder still by
capture date. All classifiers stand on the same folds; thresholds are chosen inside the training part; in brackets the
95 % interval of the bootstrap by group. `--plain` teaches without augmented copies, to see what they give.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from benchmarks.crops import read_crops
from detection.learning.classifiers import ALGORITHMS
from detection.learning.comparison import propose
from detection.learning.evaluation import FOLDS, GroupedEvaluation, HeldOut, hold_out, summarise
from detection.learning.intervals import Draws

SHOWN = ("f1", "average_precision", "precision", "recall")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--algorithms", nargs="+", choices=ALGORITHMS, default=list(ALGORITHMS))
    parser.add_argument("--seeds", type=int, default=5, help="so many, from 0")
    parser.add_argument("--first-seed", type=int, default=0, help="choices are made on seeds from 100")
    parser.add_argument("--plain", action="store_true", help="no augmented copies")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    started = time.process_time()
    began = time.perf_counter()
    crops = read_crops(options.crops, lights=()) if options.plain else read_crops(options.crops)
    reading = time.perf_counter() - began
    copies = crops.copies if len(crops.copies) else None
    if not options.json:
        print(
            f"{len(crops.mining)} crops, {int(crops.mining.sum())} of them mining; features of "
            f"{1 + len(crops.copies)} lights in {reading:.0f} s"
        )
        print(
            f"{'classifier':<14} {'held out':<9} {'F1':>20} {'average precision':>20} {'prec.':>6} {'recall':>6}  calibration"
        )
    found: dict[str, dict[str, Any]] = {name: {} for name in options.algorithms}
    proposal = None
    for grouping, groups in (("tile", crops.tiles), ("block", crops.blocks), ("date", crops.dates)):
        held: dict[str, list[HeldOut]] = {name: [] for name in options.algorithms}
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            divided = hold_out(
                options.algorithms, crops.features, crops.mining, groups, FOLDS, seed, copies=copies
            )
            for name, one in divided.items():
                held[name].append(one)
        for name in options.algorithms:
            outcome = summarise(held[name], crops.mining, groups)
            found[name][grouping] = outcome.as_dict()
            if not options.json:
                print(f"{name:<14} {grouping:<9} {_told(outcome)}", flush=True)
        if grouping == "block":
            proposal = propose(held, crops.mining, Draws(groups))
    assert proposal is not None
    if options.json:
        print(
            json.dumps(
                {
                    "crops": len(crops.mining),
                    "algorithms": found,
                    "proposal": proposal.as_dict(),
                    "cpu_seconds": round(time.process_time() - started, 1),
                    "load": os.getloadavg()[0],
                }
            )
        )
    else:
        print(f"proposed: {proposal.algorithm}; {proposal.as_dict()['differences']}")
        print(
            f"{time.process_time() - started:.0f} processor seconds, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
        )


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
