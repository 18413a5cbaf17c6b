"""Whether a cheap first look may pass over tiles: what it would keep of mining on blocks never seen, and its cost.

python -m benchmarks.screen --crops ../shared/data/crops [--tiles ../shared/data/tiles/bing]
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np

from benchmarks.crops import read_crops
from detection.features import GLANCE, get_extractor
from detection.imagery.decode import read_image
from detection.learning.screening import WANTED_RECALL, make_screen
from detection.segmentation.slic import segment

REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--tiles", type=Path, help="whole tiles, to time the look on")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    crops = read_crops(options.crops, GLANCE, lights=())
    for seed in range(options.seeds):
        report = make_screen(crops.features, crops.mining, crops.blocks, seed)
        print(
            f"seed {seed}: keeps {report.recall:.2%} of {report.positives} superpixels of mining in "
            f"{report.blocks} blocks never seen, at least {report.at_least:.2%} (wanted: {WANTED_RECALL:.1%}); "
            f"passes over {report.passed_over:.1%} of the rest; {'may be used' if report.usable else 'stays off'}"
        )
    if options.tiles:
        look = get_extractor(GLANCE)
        spent = []
        for file in sorted(options.tiles.glob("*.jp*g")):
            pixels = read_image(file.read_bytes()).pixels
            labels = segment(pixels)
            for _repeat in range(REPEATS):
                began = time.process_time()
                look.extract(pixels, labels)
                spent.append(time.process_time() - began)
        print(
            f"one look: {np.median(spent) * 1000:.1f} ms of processor a tile; load {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main()
