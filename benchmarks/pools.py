"""What the rule of pinned pools saves where more processes than cores are busy.

    python -m benchmarks.pools [--processes 3] [--tiles 12] [--extractors texture texture-lite0]

So many processes describe drawn tiles at once (SLIC and features), first with a thread a core in each library's pool,
as libraries have it by themselves, then under the rule (`amberapp.configuration.pin_pools`); and fit a classifier on made rows. Tells
processor milliseconds a tile and seconds a fit, and the wall time of each.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from amberapp.configuration import POOLS
from detection.features import EXTRACTOR_NAMES, get_extractor
from detection.learning.classifiers import fit_with_scores
from detection.scenes import render_scene
from detection.segmentation.slic import segment

ROWS, NUMBERS = 744, 2464
ENGINES = Path("var/engines")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--tiles", type=int, default=12)
    parser.add_argument(
        "--extractors", nargs="+", choices=EXTRACTOR_NAMES, default=["texture", "texture-lite0"]
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_fit() if options.one == "fit" else _describe(options.one, options.tiles)))
        return
    print(f"{options.processes} processes on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for work in (*options.extractors, "fit"):
        for name, number in (("a thread a core", str(os.cpu_count())), ("the rule", "1")):
            environment = {**os.environ, **dict.fromkeys(POOLS, number)}
            command = [sys.executable, "-m", "benchmarks.pools", "--one", work, "--tiles", str(options.tiles)]
            children = [
                subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                for _child in range(options.processes)
            ]
            found = [json.loads(child.communicate()[0].splitlines()[-1]) for child in children]
            spent, wall = np.mean(found, axis=0)
            unit = "a fit" if work == "fit" else "a tile"
            print(
                f"{work:<14} {name:<16} {spent * 1000:7.0f} ms of processor {unit}, {wall * 1000:7.0f} ms waited"
            )


def _describe(extractor: str, tiles: int) -> tuple[float, float]:
    """(processor, wall) seconds a tile, after one to warm up."""
    made = get_extractor(extractor, cache=ENGINES)
    images = [render_scene(1000 * number).image for number in range(3)]
    for number in range(tiles + 1):
        if number == 1:
            spent, began = time.process_time(), time.perf_counter()
        image = images[number % len(images)]
        made.extract(image, segment(image))
    return (time.process_time() - spent) / tiles, (time.perf_counter() - began) / tiles


def _fit() -> tuple[float, float]:
    """(processor, wall) seconds of a fit with its inner folds."""
    random = np.random.default_rng(0)
    mining = np.arange(ROWS) % 4 == 0
    rows = (random.normal(size=(ROWS, NUMBERS)) + mining[:, None] * 0.05).astype(np.float32)
    spent, began = time.process_time(), time.perf_counter()
    fit_with_scores("svm", rows, mining, 0, np.arange(ROWS) // 3)
    return time.process_time() - spent, time.perf_counter() - began


if __name__ == "__main__":
    main()
