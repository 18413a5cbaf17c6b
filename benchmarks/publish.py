"""What publishing a large release costs: seconds and the most memory, of a process that does nothing else.

    python -m benchmarks.publish [--detections 10000] [--tiles 100000] [--labelled 1000] [--database sqlite|postgresql]

Makes a site of its own: a region of made tiles, all of them scored by one run, so many marked and approved. Outlines are
three to six superpixels with crooked borders, as the machine draws them; one in ten lies on an older image of the same
ground and overlaps. Twenty districts, two thousand place names, labels on so many tiles. Then `publish_release` in a
process of its own, twice: the second time one place is rejected, so that nearly everything is said again.
"""

import argparse
import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import crowd_site, made_region

AT_ONCE = 10_000
SUPERPIXELS = made_region.SUPERPIXELS
BLOCKS = 250  # of 4 pixels, across a tile of 1000
VARIANTS = 64
PROGRAM = """
import json, resource, sys, time
import django
django.setup()
from detection.models import Run
from labeling.releases.publish import publish_release
run = Run.objects.get(pk=int(sys.argv[1]))
steps, began = [], time.perf_counter()
def progress(done, total, name):
    steps.append([name, round(time.perf_counter() - began, 1)])
release = publish_release(run=run, acting_user=None, progress=progress)
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "seconds": round(time.perf_counter() - began, 1),
    "cpu": round(used.ru_utime + used.ru_stime, 1),
    # Not ru_maxrss: that begins with what the process that started this one held.
    "megabytes": next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")),
    "places": release.statistics["places"],
    "hectares": release.statistics["hectares"],
    "files": release.files.count(),
    "sizes": {row.name: row.size for row in release.files.all() if row.name.startswith(("places", "labels"))},
    "steps": steps,
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detections", type=int, default=10_000)
    parser.add_argument("--tiles", type=int, default=100_000)
    parser.add_argument("--labelled", type=int, default=1_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="amber-publish-")))
        address = stack.enter_context(crowd_site.database(options.database))
        crowd_site.prepare(home, address)
        print(f"{options.database}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
        run, expert = make(options.tiles, options.detections, options.labelled)
        for _turn in range(2):
            told = subprocess.run(
                [sys.executable, "-c", PROGRAM, str(run.pk)],
                cwd=crowd_site.ROOT,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            print(json.dumps(json.loads(told.stdout), indent=1), flush=True)
            reject_one(run, expert)


def make(tiles: int, detections: int, labelled: int) -> tuple[Any, Any]:
    """(run, expert)."""
    from amberapp.models import User
    from tests.findings import make_classifier

    region = made_region.make_region(0, dimension=1)
    expert = User.objects.create_user(username="expert", role="expert")
    classifier = make_classifier(region)
    every = tiles / detections
    marked = {int(number * every) for number in range(detections)}
    ids = _tiles(region, tiles, marked)
    run = _run(classifier, ids, marked, expert)
    _labels(ids[:labelled])
    _districts(region)
    return run, expert


def _tiles(region: Any, tiles: int, marked: set[int]) -> list[int]:
    """Ids of the segmented tiles; each tenth marked one is an older image of the ground of its neighbour."""
    from detection.description.segment import default_segmentation
    from detection.models import SegmentedTile, Tile

    segmentation = default_segmentation()
    ids: list[int] = []
    last = None
    turn = 0
    for first in range(0, tiles, AT_ONCE):
        rows = []
        for number in range(first, min(first + AT_ONCE, tiles)):
            tile = made_region.made_tile(region, region.source, number, made_region.SIDE)
            tile.capture_date = dt.date(2014 + number % 9, 5, 1)
            if number in marked:
                turn += 1
                if turn % 10 == 0 and last is not None:
                    tile.west, tile.south, tile.east, tile.north = last.bounds
                last = tile
            rows.append(tile)
        made = Tile.objects.bulk_create(rows, batch_size=1_000)
        cut = SegmentedTile.objects.bulk_create(
            [SegmentedTile(tile=tile, segmentation=segmentation, superpixels=SUPERPIXELS) for tile in made],
            batch_size=1_000,
        )
        ids += [row.pk for row in cut]
    return ids


def _labels_raster(number: int) -> np.ndarray:
    """int32 (250, 250): 25 superpixels with crooked borders, in blocks of 4 pixels."""
    draw = np.random.default_rng(number)
    rows, cols = np.mgrid[:BLOCKS, :BLOCKS] / BLOCKS * 5
    noise = draw.normal(size=(2, BLOCKS, BLOCKS))
    smooth = [_blurred(one) for one in noise]
    down = np.clip(rows + smooth[0], 0, 4.999).astype(int)
    right = np.clip(cols + smooth[1], 0, 4.999).astype(int)
    return (down * 5 + right + 1).astype(np.int32)


def _blurred(noise: np.ndarray) -> np.ndarray:
    kernel = np.ones(13) / 13
    for axis in (0, 1):
        noise = np.apply_along_axis(lambda line: np.convolve(line, kernel, mode="same"), axis, noise)
    return np.asarray(noise / noise.std() * 0.08)


def _outlines() -> list[tuple[list[int], Any]]:
    """(superpixels, outline in pixels) of the marked ground, in a few variants."""
    from shapely.geometry import MultiPolygon, Polygon

    from detection.segmentation.outlines import union_outline

    found = []
    for number in range(VARIANTS):
        draw = np.random.default_rng(1000 + number)
        row, column = int(draw.integers(0, 3)), int(draw.integers(0, 3))
        superpixels = [
            row * 5 + column + 1,
            row * 5 + column + 2,
            (row + 1) * 5 + column + 1,
            (row + 1) * 5 + column + 2,
        ]
        superpixels = sorted(superpixels[: int(draw.integers(3, 5))] + [(row + 2) * 5 + column + 1])
        outline = union_outline(_labels_raster(number), superpixels, 4, (made_region.SIDE, made_region.SIDE))
        # Superpixels are connected; the noise here leaves crumbs.
        largest = max(outline.geoms, key=lambda part: part.area)
        found.append((superpixels, MultiPolygon([Polygon(largest.exterior)])))
    return found


def _run(classifier: Any, ids: list[int], marked: set[int], expert: Any) -> Any:
    from shapely.geometry import mapping

    from detection.models import Detection, SegmentedTile, TileScore
    from detection.segmentation.outlines import to_geographic
    from labeling.models import Review

    run = made_region.finished_run(classifier, ids)
    scores = np.full(SUPERPIXELS, 0.1, "<f4").tobytes()
    outlines = _outlines()
    for first in range(0, len(ids), AT_ONCE):
        part = range(first, min(first + AT_ONCE, len(ids)))
        TileScore.objects.bulk_create(
            [TileScore(run=run, segmented_tile_id=ids[place], scores=scores, positives=0) for place in part],
            batch_size=1_000,
        )
        wanted = [ids[place] for place in part if place in marked]
        rows = []
        for start in range(0, len(wanted), 500):
            tiles = SegmentedTile.objects.select_related("tile").in_bulk(wanted[start : start + 500])
            for pk, segmented in sorted(tiles.items()):
                superpixels, pixels = outlines[pk % VARIANTS]
                shape = (made_region.SIDE, made_region.SIDE)
                rows.append(
                    Detection(
                        run=run,
                        segmented_tile_id=pk,
                        superpixels=superpixels,
                        score=0.6 + pk % 400 / 1000,
                        pixel_outline=mapping(pixels),
                        outline=mapping(to_geographic(pixels, segmented.tile.bounds, shape)),
                    )
                )
        made = Detection.objects.bulk_create(rows, batch_size=500)
        Review.objects.bulk_create(
            [_review(detection, expert, "approved") for detection in made], batch_size=1_000
        )
    return run


def _review(detection: Any, expert: Any, verdict: str) -> Any:
    from labeling.models import Review

    return Review(
        detection=detection,
        segmented_tile_id=detection.segmented_tile_id,
        superpixels=detection.superpixels,
        expert=expert,
        verdict=verdict,
    )


def reject_one(run: Any, expert: Any) -> None:
    _review(run.detections.first(), expert, "rejected").save()


def _labels(ids: list[int]) -> None:
    from amberapp import storage
    from detection.models import SegmentedTile
    from detection.segmentation.outlines import trace_outlines
    from labeling.models import Consensus

    side = (made_region.SIDE, made_region.SIDE)
    whole = np.repeat(np.arange(25).reshape(5, 5) + 1, 50, axis=0).repeat(50, axis=1).astype(np.int32)
    data = json.dumps({"pieces": trace_outlines(whole, 4, side)}, separators=(",", ":")).encode()
    key = storage.put(storage.content_key("outlines", data, ".json"), data)
    for start in range(0, len(ids), 500):
        SegmentedTile.objects.filter(pk__in=ids[start : start + 500]).update(outlines_key=key)
    Consensus.objects.bulk_create(
        [
            Consensus(
                segmented_tile_id=pk,
                superpixel=superpixel,
                verdict="mining" if superpixel < 4 else "not_mining",
                posterior=0.97,
                votes=3,
                agreeing=3,
            )
            for pk in ids
            for superpixel in range(1, SUPERPIXELS + 1)
        ],
        batch_size=2_000,
    )


def _districts(region: Any) -> None:
    from detection.models import District, PlaceName, Tile

    west, south = 24.0, 50.0
    north = max(Tile.objects.filter(region=region).values_list("north", flat=True))
    step_x, step_y = 700 * 0.0055 / 5, (north - south) / 4
    for number in range(20):
        left, low = west + number % 5 * step_x, south + number // 5 * step_y
        # A border with a thousand corners, as real ones have.
        turn = np.linspace(0, 2 * np.pi, 1000)
        bend = 1 + 0.03 * np.sin(40 * turn)
        ring = np.column_stack(
            [
                left + step_x / 2 + step_x * 0.6 * np.cos(turn) * bend,
                low + step_y / 2 + step_y * 0.6 * np.sin(turn) * bend,
            ]
        ).tolist()
        ring.append(ring[0])
        District.objects.create(
            region=region,
            name=f"District {number}",
            polygon={"type": "MultiPolygon", "coordinates": [[ring]]},
            west=left,
            south=low,
            east=left + step_x,
            north=low + step_y,
        )
    PlaceName.objects.bulk_create(
        [
            PlaceName(
                region=region,
                name=f"Village {number}",
                latitude=50 + number / 4000,
                longitude=24 + number / 1000,
            )
            for number in range(2_000)
        ]
    )


if __name__ == "__main__":
    main()
