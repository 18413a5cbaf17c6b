"""Whether a classifier trained on crops alone finds mining on whole tiles of another look.

    python -m benchmarks.tile_transfer --data ../shared/data [--algorithms svm]

Trains on DATA/crops, applies the product's own rule to DATA/tiles/bing: the threshold for precision 0.95 is chosen
on out-of-fold scores of the crops, a tile is marked when more than two superpixels reach it. Also tells the processor seconds of each tile.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.crops import read_crops
from detection.feature_store import pack
from detection.features import get_extractor
from detection.imagery.decode import read_image
from detection.learning.classifiers import ALGORITHMS, fit
from detection.learning.evaluation import evaluate_grouped
from detection.segmentation.slic import segment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--algorithms", nargs="+", choices=ALGORITHMS, default=["svm"])
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
    crops = read_crops(options.data / "crops")
    for algorithm in options.algorithms:
        threshold = evaluate_grouped(algorithm, crops.features, crops.mining, crops.tiles).threshold
        fitted = fit(algorithm, crops.features, crops.mining, seed=0, groups=crops.tiles)
        print(f"{algorithm}, threshold {threshold:.3f}:")
        for name, features in tiles:
            positive = int((fitted.predict_proba(features) >= threshold).sum())
            print(f"  {'MARKED ' if positive > 2 else '       '} {positive:2d} of {len(features)}  {name}")


if __name__ == "__main__":
    main()
