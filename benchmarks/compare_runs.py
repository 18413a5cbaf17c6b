"""What comparing two runs of a large region costs: seconds, memory, and queries of a page.

    python -m benchmarks.compare_runs [--tiles 450000] [--marked 0.05] [--database sqlite|postgresql]

Makes a site of its own whose two runs each scored all tiles and marked a share of them; half of what the first one marked the second marks
too, half of that otherwise, under another classifier and another threshold. Then, at a ninth, a third and all of the tiles:
`manage.py diff_runs` in a process of its own, and a page of the comparison that it kept.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import crowd_site, made_region

AT_ONCE = 20_000
SUPERPIXELS = made_region.SUPERPIXELS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=450_000)
    parser.add_argument("--marked", type=float, default=0.05, help="share of the tiles that each run marks")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="amber-compare-")))
        address = stack.enter_context(crowd_site.database(options.database))
        crowd_site.prepare(home, address)
        print(f"{options.database}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
        region = made_region.make_region(0, dimension=1)
        grown = 0
        for size in (options.tiles // 9, options.tiles // 3, options.tiles):
            _grow(region, grown, size)
            grown = size
            then, now = (_search(region, number, options.marked) for number in (0, 1))
            _measure(then, now)


def _grow(region: Any, start: int, stop: int) -> None:
    from detection.description.segment import default_segmentation
    from detection.models import SegmentedTile, Tile

    segmentation = default_segmentation()
    for first in range(start, stop, AT_ONCE):
        tiles = Tile.objects.bulk_create(
            [
                made_region.made_tile(region, region.source, number, made_region.SIDE)
                for number in range(first, min(first + AT_ONCE, stop))
            ],
            batch_size=1_000,
        )
        SegmentedTile.objects.bulk_create(
            [SegmentedTile(tile=tile, segmentation=segmentation, superpixels=SUPERPIXELS) for tile in tiles],
            batch_size=1_000,
        )


def _search(region: Any, number: int, share: float) -> Any:
    """A finished run over all tiles: run 0 marks the tiles 0, 2, 4 …, run 1 the tiles 0, 3, 4, 7, … of every so many."""

    from detection.models import Classifier, Dataset, Detection, SegmentedTile, TileScore

    dataset, _created = Dataset.objects.get_or_create(
        content_hash="0" * 64, defaults={"region": region, "file_key": "none", "rows": 0, "positives": 0}
    )
    classifier = Classifier.objects.create(
        region=region,
        dataset=dataset,
        algorithm="xgboost",
        threshold=0.5 + number / 10,
        precision_target=0.95,
    )
    rows = SegmentedTile.objects.filter(tile__region=region).order_by("tile").values_list("id", flat=True)
    ids = list(rows)
    run = made_region.finished_run(classifier, ids)
    every = max(round(1 / share / 2), 1)
    low = np.full(SUPERPIXELS, 0.1, "<f4")
    for first in range(0, len(ids), AT_ONCE):
        scores, detections = [], []
        for place in range(first, min(first + AT_ONCE, len(ids))):
            turn, rest = divmod(place, every)
            marked = rest == 0 and (turn % 2 == 0 if number == 0 else turn % 4 in (0, 3))
            positive = [3, 4, 5, 6] if number and turn % 8 == 0 else [3, 4, 5]
            packed = low
            if marked:
                packed = low.copy()
                packed[np.array(positive) - 1] = 0.9
            scores.append(
                TileScore(
                    run=run,
                    segmented_tile_id=ids[place],
                    scores=packed.tobytes(),
                    positives=len(positive) if marked else 0,
                )
            )
            if marked:
                outline = {"type": "MultiPolygon", "coordinates": [[[[0, 0], [400, 0], [400, 200], [0, 0]]]]}
                detections.append(
                    Detection(
                        run=run,
                        segmented_tile_id=ids[place],
                        superpixels=positive,
                        score=0.9,
                        pixel_outline=outline,
                    )
                )
        TileScore.objects.bulk_create(scores, batch_size=1_000)
        Detection.objects.bulk_create(detections, batch_size=1_000)
    return run


def _measure(then: Any, now: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from detection.runs.diff import compare_runs, tiles_of

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(then.pk), str(now.pk)],
        cwd=crowd_site.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    answer = json.loads(told.stdout)
    began = time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        shown = tiles_of(compare_runs(then, now).rows[:24])
    page = time.perf_counter() - began
    print(
        f"{then.tiles:>7} tiles, {answer['counts']}: {seconds:.1f} s, {used:.1f} s of processor with the start of the "
        f"program, {answer['megabytes']} MB; a page of {len(shown)}: {1000 * page:.0f} ms, {len(queries)} queries "
        f"(load {os.getloadavg()[0]:.1f})",
        flush=True,
    )


# What `manage.py diff_runs` does, and its memory.
PROGRAM = """
import io, json, resource, sys
import django
django.setup()
from django.core.management import call_command
out = io.StringIO()
call_command("diff_runs", *sys.argv[1:], "--json", stdout=out)
answer = json.loads(out.getvalue())
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"counts": answer["counts"], "megabytes": memory}))
"""


if __name__ == "__main__":
    main()
