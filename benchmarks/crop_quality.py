"""How good `texture` is on labelled crops, at places never seen.

    python -m benchmarks.crop_quality --crops ../shared/data/crops [--algorithms svm xgboost] [--seeds 5] [--json]

Five folds, mean of the seeds; grouped by tile (all dates of a tile on one side) and, harder, by 0.25° block.
"""

import argparse
import json
import time
from pathlib import Path

from benchmarks.crops import read_crops
from detection.learning.classifiers import ALGORITHMS
from detection.learning.evaluation import evaluate_grouped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--algorithms", nargs="+", choices=ALGORITHMS, default=list(ALGORITHMS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    started = time.perf_counter()
    crops = read_crops(options.crops)
    seconds = time.perf_counter() - started
    found: dict[str, dict[str, dict[str, float]]] = {}
    if not options.json:
        print(
            f"{len(crops.mining)} crops, {int(crops.mining.sum())} of them mining; features in {seconds:.0f} s"
        )
        print(f"{'classifier':<14} {'grouped by':<11} {'F1':>6} {'AP':>6} {'precision':>10} {'recall':>7}")
    for algorithm in options.algorithms:
        for name, groups in (("tile", crops.tiles), ("block", crops.blocks)):
            outcome = evaluate_grouped(
                algorithm, crops.features, crops.mining, groups, seeds=range(options.seeds)
            )
            figures = {
                "f1": outcome.f1,
                "average_precision": outcome.average_precision,
                "precision": outcome.precision,
                "recall": outcome.recall,
            }
            found.setdefault(algorithm, {})[name] = figures
            if not options.json:
                print(
                    f"{algorithm:<14} {name:<11} {outcome.f1:6.3f} {outcome.average_precision:6.3f} "
                    f"{outcome.precision:10.3f} {outcome.recall:7.3f}",
                    flush=True,
                )
    if options.json:
        print(json.dumps({"crops": len(crops.mining), "seconds": round(seconds, 1), "algorithms": found}))


if __name__ == "__main__":
    main()
