"""Whether a classifier trained on crops alone finds mining on whole tiles of another look.

    python -m benchmarks.tile_transfer --data ../shared/data [--algorithms svm] [--plain] [--seeds 1]

Trains on DATA/crops as the product does, with augmented copies (`--plain`: without), and applies the product's own
rule to DATA/tiles/bing: the threshold for precision 0.95 is chosen on out-of-fold scores of the crops, a tile is marked
when more than two superpixels reach it. Also tells the processor seconds of each tile.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.crops import read_crops
from detection.description.feature_store import pack
from detection.features import get_extractor
from detection.imagery.decode import read_image
from detection.learning.classifiers import ALGORITHMS, fit_with_scores
from detection.learning.evaluation import PRECISION_TARGET
from detection.learning.thresholds import choose_threshold
from detection.segmentation.slic import segment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--algorithms", nargs="+", choices=ALGORITHMS, default=["svm"])
    parser.add_argument("--plain", action="store_true", help="no augmented copies")
    parser.add_argument("--seeds", type=int, default=1, help="so many, from 0")
    options = parser.parse_args()
    extractor = get_extractor("texture")
    tiles = []
    for file in sorted((options.data / "tiles" / "bing").iterdir()):
        data = file.read_bytes()
        began = time.process_time()
        image = read_image(data).pixels
        decoded = time.process_time()
        labels = segment(image)
        cut = time.process_time()
        features = pack(extractor.extract(image, labels)).astype(np.float32)
        ended = time.process_time()
        tiles.append((file.name, features))
        print(
            f"{file.name}: {len(features)} superpixels, decode {decoded - began:.3f} s, "
            f"SLIC {cut - decoded:.3f} s, texture {ended - cut:.3f} s"
        )
    folder = options.data / "crops"
    crops = read_crops(folder, lights=()) if options.plain else read_crops(folder)
    copies = crops.copies if len(crops.copies) else None
    for algorithm in options.algorithms:
        for seed in range(options.seeds):
            fit = fit_with_scores(algorithm, crops.features, crops.mining, seed, crops.tiles, copies)
            threshold = choose_threshold(fit.probabilities, crops.mining, PRECISION_TARGET).value
            print(f"{algorithm}, seed {seed}, threshold {threshold:.3f}:")
            for name, features in tiles:
                scores = fit.classifier.predict_proba(features)
                positive = int((scores >= threshold).sum())
                third = float(np.sort(scores)[-3]) if len(scores) > 2 else 0.0
                print(
                    f"  {'MARKED ' if positive > 2 else '       '} {positive:2d} of {len(features)}, "
                    f"third highest {third:.3f}  {name}"
                )


if __name__ == "__main__":
    main()
