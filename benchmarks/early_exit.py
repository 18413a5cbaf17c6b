"""Whether ground that `texture` finds plain could do without the network, and what that would miss at places never seen.

    python -m benchmarks.early_exit --crops ../shared/data/crops [--seeds 5]

An SVM on `texture` is taught on four folds; its threshold keeps 99.5 % of their mining superpixels, by out-of-fold scores.
On the fifth: how many mining superpixels it would still show to the network, and how many others it would spare it.
"""

import argparse
import os
from pathlib import Path

import numpy as np

from benchmarks.crops import read_crops
from detection.learning.classifiers import fit_with_scores, folds
from detection.learning.evaluation import FOLDS

KEPT = 0.995


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    crops = read_crops(options.crops, "texture")
    for name, groups in (("tile", crops.tiles), ("block", crops.blocks), ("date", crops.dates)):
        kept, spared, worst = [], [], []
        for seed in range(options.seeds):
            shown = np.zeros(len(crops.mining), bool)
            for train, test in folds(crops.mining, groups, FOLDS, seed):
                fit = fit_with_scores(
                    "svm",
                    crops.features[train],
                    crops.mining[train],
                    seed,
                    groups[train],
                    crops.copies[:, train],
                    crops.feature_blocks,
                )
                threshold = np.quantile(fit.probabilities[crops.mining[train]], 1 - KEPT)
                shown[test] = fit.classifier.predict_proba(crops.features[test]) >= threshold
                if crops.mining[test].any():
                    worst.append(shown[test][crops.mining[test]].mean())
            kept.append(shown[crops.mining].mean())
            spared.append(1 - shown[~crops.mining].mean())
        print(
            f"held out by {name}: {np.mean(kept):.1%} of mining kept ({min(worst):.1%} on the worst fold), "
            f"{np.mean(spared):.1%} of the rest spared"
        )
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
