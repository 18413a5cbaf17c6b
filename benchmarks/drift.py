"""Whether dates that look like nothing seen are named, and others are not.

    python -m benchmarks.drift --data ../shared/data [--extractor texture-lite0] [--scenes 24]

First the real crops: each capture date is left out, a reference is made of the others, and how far the date's crops lie
is set beside the errors of an SVM that did not see it either (Spearman's correlation). Then DATA/tiles/bing by a reference of the crops.
Then drawn scenes: a reference of spring, summer and autumn; other scenes as they are, in haze, dark, and under snow.
Last the processor time of a hundred thousand superpixels. ADR 24 says what was chosen after which look.
"""

import argparse
import os
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from benchmarks.crops import ENGINES, LabelledCrops, read_crops
from detection.description.feature_store import pack
from detection.features import EXTRACTOR_NAMES, get_extractor
from detection.imagery.decode import read_image
from detection.imagery.names import parse_tile_name
from detection.learning import drift
from detection.learning.algorithms import fit_uncalibrated, raw_scores
from detection.scenes.scene import WORLD_TILES, render_scene
from detection.segmentation.slic import segment

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

FEWEST_CROPS = 10
# Neighbouring strips show other days; a strip is about four tiles wide.
STRIDE = 4
HAZE = np.array([176.0, 190.0, 206.0], np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extractor", choices=EXTRACTOR_NAMES, default="texture-lite0")
    parser.add_argument("--scenes", type=int, default=24, help="so many teach, half as many are judged")
    options = parser.parse_args()
    crops = read_crops(options.data / "crops", options.extractor, plain=True)
    left_out(crops)
    reference = drift.fit(crops.features, crops.dates, 0)
    real_tiles(options.data / "tiles" / "bing", options.extractor, reference)
    drawn_scenes(options.extractor, options.scenes)
    cost(crops, reference)


def left_out(crops: LabelledCrops) -> None:
    rows = []
    for date in np.unique(crops.dates):
        held = crops.dates == date
        if held.sum() < FEWEST_CROPS:
            continue
        reference = drift.fit(crops.features[~held], crops.dates[~held], 0)
        model = fit_uncalibrated(
            "svm", crops.features[~held], crops.mining[~held], 0, blocks=crops.feature_blocks
        )
        wrong = (raw_scores("svm", model, crops.features[held]) >= 0) != crops.mining[held]
        away = reference.away(crops.features[held]) / reference.limit
        rows.append((float(np.median(away)), float(wrong.mean())))
        verdict = _told(reference, crops.features[held])
        print(
            f"{date}: {held.sum():4d} crops, {verdict}, median at {np.median(away):.2f} of the limit, {wrong.mean():.3f} wrong"
        )
    found = spearmanr(*np.array(rows).T)
    print(
        f"rank correlation of distance and error over {len(rows)} dates: {found.statistic:+.2f} (p {found.pvalue:.2f})"
    )


def real_tiles(folder: Path, extractor: str, reference: drift.DriftReference) -> None:
    by_date = defaultdict(list)
    for file in sorted(folder.glob("*.jpg")):
        place = parse_tile_name(file.name)
        date = str(place.capture_date) if place is not None else file.stem
        by_date[date].append(_described(read_image(file.read_bytes()).pixels, extractor))
    for date, rows in by_date.items():
        print(f"whole tiles of {date}: {_told(reference, np.concatenate(rows))}")


def drawn_scenes(extractor: str, count: int) -> None:
    # Not forked: a network that the parent has loaded would wait for threads that are not there.
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        taught = list(pool.map(partial(_scene, extractor=extractor, world=1), range(3 * count)))
        judged = list(pool.map(partial(_scene, extractor=extractor, world=2), range(3 * count)))
    lit = [scene for scene in taught if scene["season"] != "snow"][:count]
    dates = np.concatenate([np.full(len(scene["plain"]), scene["date"]) for scene in lit])
    reference = drift.fit(np.concatenate([scene["plain"] for scene in lit]), dates, 0)
    print(
        f"drawn scenes: {len(dates)} superpixels of {len(np.unique(dates))} dates teach, {reference.most:.2f}"
    )
    others = [scene for scene in judged if scene["season"] != "snow"][: count // 2]
    snowy = [scene for scene in judged if scene["season"] == "snow"]
    for name, scenes, look in (
        *(
            (season, [one for one in others if one["season"] == season], "plain")
            for season in ("spring", "summer", "autumn")
        ),
        *((look, others, look) for look in ("hazy", "dark")),
        ("snow", snowy, "plain"),
    ):
        if scenes:
            print(f"  {name}: {_told(reference, np.concatenate([scene[look] for scene in scenes]))}")


def _scene(number: int, extractor: str, world: int) -> dict[str, object]:
    scene = render_scene(
        (world * WORLD_TILES + number % 8 * STRIDE) * WORLD_TILES + number * STRIDE % WORLD_TILES
    )
    hazy = (scene.image + (HAZE - scene.image) * np.float32(0.5)).round().astype(np.uint8)
    dark = (scene.image * np.float32(0.4)).round().astype(np.uint8)
    looks = {"plain": scene.image} if world == 1 else {"plain": scene.image, "hazy": hazy, "dark": dark}
    return {
        "season": scene.season,
        "date": str(scene.capture_date),
        **{name: _described(image, extractor) for name, image in looks.items()},
    }


def _described(image: Pixels, extractor: str) -> Floats:
    describe = get_extractor(extractor, cache=ENGINES)
    return pack(describe.extract(image, segment(image))).astype(np.float32)


def _told(reference: drift.DriftReference, rows: Floats) -> str:
    beyond = reference.beyond(rows)
    verdict = reference.verdict(len(rows), int(beyond.sum()))
    return f"{beyond.mean():.2f} of {len(rows)} beyond ({reference.most:.2f} at most): {verdict}"


def cost(crops: LabelledCrops, reference: drift.DriftReference) -> None:
    rows = np.tile(crops.features, (8, 1))
    model = fit_uncalibrated("svm", crops.features, crops.mining, 0, blocks=crops.feature_blocks)
    spent = {}
    for name, work in (
        ("drift", lambda: reference.beyond(rows)),
        ("the SVM", lambda: raw_scores("svm", model, rows)),
        ("a reference", lambda: drift.fit(crops.features, crops.dates, 0)),
    ):
        work()
        began = time.process_time()
        work()
        spent[name] = time.process_time() - began
    told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in spent.items())
    print(f"{len(rows)} superpixels, processor: {told}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
