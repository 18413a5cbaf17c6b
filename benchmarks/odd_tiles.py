"""A region of ten thousand tiles of which four are odd: each is handled and named, and the run finishes.

    python -m benchmarks.odd_tiles [--tiles 10000]

The ordinary tiles have features in the store (made, as in `benchmarks.reprocess`); the odd ones are real files that the run has to
read, cut and describe with `texture`: one that is damaged, one of 4 superpixels, one of some 60,000 and one that
falls into more superpixels than any label raster can hold. Exits with 1 where one of them is not told of as it should be.
"""

import argparse
import hashlib
import io
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks import crowd_site

BLOCK = 4  # pixels of a side that share a number in the default segmentation
SIXTY_THOUSAND = 1_388  # side of a chessboard whose white fields are 60,205
TOO_MANY = 1_500  # … 70,313, and 65,535 is the most


def damaged() -> bytes:
    """A JPEG that ends in its middle."""
    buffer = io.BytesIO()
    Image.fromarray(_ground(200)).save(buffer, format="JPEG")
    return buffer.getvalue()[: buffer.tell() // 3]


def four_superpixels() -> bytes:
    """Four specks of ground in no-data."""
    seen = np.zeros((200, 200), bool)
    for row, col in ((40, 40), (40, 160), (160, 40), (160, 160)):
        seen[row : row + BLOCK, col : col + BLOCK] = True
    return _png(seen)


def chessboard(side: int) -> bytes:
    """Ground on the white fields, no data on the black ones: every field is a superpixel of its own."""
    rows, cols = np.mgrid[:side, :side] // BLOCK
    return _png((rows + cols) % 2 == 0)


def _ground(side: int) -> npt.NDArray[np.uint8]:
    draw = np.random.default_rng(side)
    return np.clip(draw.normal((80, 95, 60), 12, (side, side, 3)), 0, 255).astype(np.uint8)


def _png(seen: npt.NDArray[np.bool_]) -> bytes:
    buffer = io.BytesIO()
    pixels = np.dstack([_ground(seen.shape[0]), seen.astype(np.uint8) * 255])
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def add_odd_tile(region: Any, name: str, data: bytes, side: int) -> Any:
    """A tile whose stored file holds these bytes; not cut, not described."""
    from amberapp import storage
    from detection.models import Tile

    return Tile.objects.create(
        region=region,
        source=region.source,
        file_name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        image_key=storage.put(storage.content_key("images", data, ".png"), data),
        width=side,
        height=side,
        west=30.0,
        east=30.00543,
        south=51.0,
        north=51.0033342,
        latitude=51.0016671,
        longitude=30.002715,
    )


def add_odd_tiles(region: Any) -> None:
    add_odd_tile(region, "damaged.jpg", damaged(), 200)
    add_odd_tile(region, "four.png", four_superpixels(), 200)
    add_odd_tile(region, "sixty-thousand.png", chessboard(SIXTY_THOUSAND), SIXTY_THOUSAND)
    add_odd_tile(region, "too-many.png", chessboard(TOO_MANY), TOO_MANY)


def wrong_in(run: Any) -> list[str]:
    """What the finished run of such a region does not say as it should."""
    problems = []
    failed = dict(run.failures.values_list("tile__file_name", "reason"))
    unusual = dict(run.unusual_tiles.values_list("tile__file_name", "superpixels"))
    if run.state != "done":
        problems.append(f"the run ended as {run.state}")
    if set(failed) != {"damaged.jpg", "too-many.png"}:
        problems.append(f"failed: {failed}")
    elif "superpixels" not in failed["too-many.png"]:
        problems.append(f"too-many.png failed because: {failed['too-many.png']}")
    if set(unusual) != {"four.png", "sixty-thousand.png"} or unusual["four.png"] != 4:
        problems.append(f"unusual: {unusual}")
    elif not 60_000 <= unusual["sixty-thousand.png"] <= 65_535:
        problems.append(f"sixty-thousand.png has {unusual['sixty-thousand.png']} superpixels")
    odd = run.scores.filter(segmented_tile__tile__file_name__in=list(unusual))
    problems += [
        f"{row.segmented_tile} has {len(row.scores)} bytes of scores"
        for row in odd.select_related("segmented_tile")
        if len(row.scores) != 4 * row.segmented_tile.superpixels
    ]
    if run.scores.count() != run.tiles - 2:
        problems.append(f"{run.scores.count()} of {run.tiles} tiles are scored")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="amber-odd-") as home:
        crowd_site.prepare(Path(home), "")
        from benchmarks import made_region
        from detection.description.features import usable_extractor
        from detection.runs import runs

        texture = usable_extractor("texture")
        region = made_region.make_region(options.tiles - 4, dimension=texture.dimension, key=texture.key)
        add_odd_tiles(region)
        made_region.make_classifier(
            region, "xgboost", dimension=texture.dimension, key=texture.key, extractor="texture"
        )
        began, used = time.perf_counter(), time.process_time()
        run = runs.start_run(region=region, acting_user=None)
        runs.execute_here(run)
        run.refresh_from_db()
        print(
            f"{run.tiles} tiles: {run.state} in {time.perf_counter() - began:.0f} s, "
            f"{time.process_time() - used:.0f} s of processor, {run.detections.count()} marked"
        )
        for failure in run.failures.select_related("tile"):
            print(f"failed: {failure.tile}: {failure.reason}")
        for row in run.unusual_tiles.select_related("tile"):
            print(f"unusual: {row.tile}: {row.superpixels} superpixels")
        problems = wrong_in(run)
        for problem in problems:
            print(f"WRONG: {problem}")
        sys.exit(bool(problems))


if __name__ == "__main__":
    main()
