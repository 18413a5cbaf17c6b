"""How long and how much memory training takes, as labels grow.

    python -m benchmarks.training_scale [--sizes 1000 10000 200000] [--algorithms svm xgboost]

So many made rows of 2464 numbers stand as a frozen dataset whose features lie in the store of a site of their own; then
the product's own `train`: reading, figures by tile, block and date, the fit, the file. Each size in a process of its
own, whose highest memory is told beside the seconds.
"""

import argparse
import datetime as dt
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import crowd_site

SUPERPIXELS = 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 200_000])
    parser.add_argument("--algorithms", nargs="+", default=["svm"])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory(prefix="amber-training-") as home:
            crowd_site.prepare(Path(home), "")
            print(json.dumps(_train(int(options.one[0]), options.one[1])))
        return
    for size in options.sizes:
        for algorithm in options.algorithms:
            load = os.getloadavg()[0]
            command = [sys.executable, "-m", "benchmarks.training_scale", "--one", str(size), algorithm]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{size:>7} rows, {algorithm}: {found['seconds']:.0f} s ({found['processor']:.0f} of processor), "
                f"{found['megabytes']:.0f} MB, load {load:.1f}; average precision by block {found['precision']:.3f}",
                flush=True,
            )


def _train(size: int, algorithm: str) -> dict[str, float]:
    from benchmarks.made_region import make_region
    from detection.description.features import store_features, usable_extractor
    from detection.description.segment import default_segmentation
    from detection.models import SegmentedTile, Tile
    from detection.training import dataset as datasets
    from detection.training.train import train

    extractor = usable_extractor("texture-lite0")
    region = make_region(0, dimension=extractor.dimension)
    random = np.random.default_rng(7)
    telling = random.normal(size=extractor.dimension).astype(np.float32) * 0.04
    segmentation = default_segmentation()
    rows: list[datasets.TrainingRow] = []
    for first in range(0, -(-size // SUPERPIXELS), 64):
        numbers = range(first, min(first + 64, -(-size // SUPERPIXELS)))
        tiles = Tile.objects.bulk_create(
            Tile(
                region=region,
                source=region.source,
                file_name=f"{number}.jpg",
                image_key=f"images/{number}",
                sha256=f"{number:064x}",
                width=1000,
                height=1000,
                latitude=50 + number % 97 * 0.03,
                longitude=25 + number // 97 * 0.03,
                capture_date=dt.date(2015, 1, 1) + dt.timedelta(days=number % 23),
            )
            for number in numbers
        )
        cut = SegmentedTile.objects.bulk_create(
            SegmentedTile(tile=tile, segmentation=segmentation, superpixels=SUPERPIXELS) for tile in tiles
        )
        kept = []
        for tile in cut:
            mining = random.random(SUPERPIXELS) < 0.2
            place = random.normal(size=extractor.dimension).astype(np.float32) * 0.3
            noise = random.normal(size=(SUPERPIXELS, extractor.dimension)).astype(np.float32)
            kept.append((tile, (noise + place + mining[:, None] * telling).astype(np.float16)))
            rows += [
                datasets.TrainingRow(tile.pk, number + 1, bool(mining[number]))
                for number in range(SUPERPIXELS)
            ]
        store_features(kept, extractor.key)
    dataset = datasets.freeze(region=region, rows=rows[:size], acting_user=None)
    del rows, kept
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began, spent = time.perf_counter(), time.process_time()
    classifier = train(
        dataset=dataset,
        region=region,
        algorithm=algorithm,
        extractor_name="texture-lite0",
        acting_user=None,
        progress=lambda *_step: None,
    )
    return {
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - spent,
        "megabytes": max(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "precision": classifier.metrics["by_block"]["average_precision"],
    }


if __name__ == "__main__":
    main()
