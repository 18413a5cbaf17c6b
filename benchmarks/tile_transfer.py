"""Whether classifiers trained on crops alone find mining on whole tiles of another look, and outline the right ground.

    python -m benchmarks.tile_transfer --data ../shared/data [--extractors texture texture-lite0] [--report FOLDER]

Trains on DATA/crops as the product does and applies its own rules to DATA/tiles/bing: the threshold for precision 0.95
on out-of-fold scores of the crops, a tile is marked when more than two superpixels reach it. Then the ground: by area, over
the cells that DATA/masks/masks.json decides, what is outlined on marked tiles, first by the superpixels that marked
them, then by the outline head. Also tells processor seconds and bytes of a closer look. `--report` draws the outlines.

Every run is a look at the masks; ADR 22 counts those that a choice was made after.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.crops import ENGINES, read_crops
from detection.description.feature_store import pack
from detection.features import EXTRACTOR_NAMES, get_extractor
from detection.features.windows import WINDOW_BLOCKS, get_windows
from detection.features.windows.grid import superpixel_means, window_grid
from detection.features.windows.packing import unpack
from detection.imagery.decode import read_image
from detection.imagery.placement import parse_crop_name
from detection.learning.classifiers import fit_with_scores
from detection.learning.evaluation import PRECISION_TARGET, tile_group
from detection.learning.ground.fit import Bags, GroundFit, drawn_windows, fit_ground
from detection.learning.ground.head import outlined
from detection.learning.thresholds import choose_threshold
from detection.segmentation.slic import segment

MOST_UNMARKED = 2
CELL = 50


@dataclass(frozen=True)
class MaskedTile:
    """`decided`, `mined`: bool (H, W), where the masks say anything, and where they say mining."""

    name: str
    image: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]
    decided: npt.NDArray[np.bool_]
    mined: npt.NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--extractors", nargs="+", choices=EXTRACTOR_NAMES, default=["texture", "texture-lite0"]
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path, help="a folder for pictures of the outlines")
    options = parser.parse_args()
    tiles = _tiles(options.data)
    for name in options.extractors:
        extractor = get_extractor(name, cache=ENGINES)
        crops = read_crops(options.data / "crops", name)
        copies = crops.copies if len(crops.copies) else None
        fit = fit_with_scores(
            "svm", crops.features, crops.mining, options.seed, crops.tiles, copies, extractor.blocks
        )
        threshold = choose_threshold(fit.probabilities, crops.mining, PRECISION_TARGET).value
        outline = _outline(options.data / "crops", name, options.seed)
        print(f"{name}, seed {options.seed}, threshold {threshold:.3f}:")
        if outline is not None:
            print(f"    outline head: {outline.figures}")
        by_superpixel, by_window = [], []
        for tile in tiles:
            rows = pack(extractor.extract(tile.image, tile.labels)).astype(np.float32)
            scores = fit.classifier.predict_proba(rows)
            positive = scores >= threshold
            marked = int(positive.sum()) > MOST_UNMARKED
            first = _area(tile, positive & marked)
            by_superpixel.append(first)
            line = f"    {tile.name[:22]:<22} {'marked' if marked else '-':<7} {int(positive.sum()):>2} of {len(scores)}; {_told(first)}"
            if outline is not None:
                ground, seconds, kilobytes = _look(outline, name, tile)
                chosen = np.zeros(len(ground), bool)
                chosen[outlined(ground, outline.head.threshold, outline.head.least) - 1] = True
                unmarked = marked and not chosen.any()
                second = _area(tile, chosen & marked)
                by_window.append(second)
                line += f"{', not marked from close by' if unmarked else ''} | outline {_told(second)}, {seconds:.2f} s of processor, {kilobytes:.1f} kB"
                if options.report and marked:
                    _draw(options.report, name, tile, chosen)
            print(line)
        print(f"    all tiles, outlined by superpixels: {_told(np.sum(by_superpixel, axis=0))}")
        if by_window:
            print(f"    all tiles, outlined by windows:     {_told(np.sum(by_window, axis=0))}")


def _tiles(data: Path) -> list[MaskedTile]:
    tiles = []
    for name, rows in sorted(json.loads((data / "masks" / "masks.json").read_text()).items()):
        image = read_image((data / "tiles" / "bing" / name).read_bytes()).pixels
        cells = np.repeat(np.repeat(np.array([list(row) for row in rows]), CELL, 0), CELL, 1)
        cells = cells[: image.shape[0], : image.shape[1]]
        tiles.append(MaskedTile(name, image, segment(image), cells != "?", cells == "1"))
    return tiles


def _outline(folder: Path, extractor: str, seed: int) -> GroundFit | None:
    """As `detection.training.outline` teaches it, of crops alone."""
    describer = get_windows(extractor, cache=ENGINES)
    if describer is None:
        return None
    windows, bag, mining, places = [], [], [], []
    files = [file for kind in ("positive", "negative") for file in sorted((folder / kind).iterdir())]
    for file in files:
        image = read_image(file.read_bytes()).pixels
        place = parse_crop_name(file.name)
        assert place is not None
        packed = describer.describe(image, None, False)
        rows = window_grid(*image.shape[:2]).window_rows(unpack(packed))
        windows.append(drawn_windows(rows, len(files), len(mining)))
        bag.append(np.full(len(windows[-1]), len(mining)))
        mining.append(file.parent.name == "positive")
        places.append(tile_group(place.latitude, place.longitude))
    bags = Bags(np.concatenate(windows), np.concatenate(bag), np.array(mining), np.array(places))
    return fit_ground(describer.key, bags, WINDOW_BLOCKS, seed)


def _look(
    outline: GroundFit, extractor: str, tile: MaskedTile
) -> tuple[npt.NDArray[np.float32], float, float]:
    """(mean probability of each superpixel, processor seconds, kilobytes kept) of a closer look at a tile."""
    describer = get_windows(extractor, cache=ENGINES)
    assert describer is not None
    began = time.process_time()
    packed = describer.describe(tile.image, tile.labels > 0, True)
    grid = window_grid(*tile.labels.shape)
    chances = outline.head.window_probabilities(grid.window_rows(unpack(packed)))
    ground = superpixel_means(tile.labels, grid, chances)
    return ground, time.process_time() - began, packed.nbytes / 1000


def _area(tile: MaskedTile, superpixels: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """[rightly outlined, wrongly outlined, missed] in pixels of decided cells."""
    outlined = np.append(False, superpixels)[tile.labels] & tile.decided
    return np.array(
        [
            (outlined & tile.mined).sum(),
            (outlined & ~tile.mined).sum(),
            (~outlined & tile.mined & tile.decided).sum(),
        ]
    )


def _told(area: npt.NDArray[np.int64]) -> str:
    right, wrong, missed = (int(part) for part in area)
    if not right + wrong + missed:
        return "no mining, none outlined"
    return (
        f"precision {right / max(right + wrong, 1):.3f}, recall {right / max(right + missed, 1):.3f}, "
        f"IoU {right / (right + wrong + missed):.3f}"
    )


def _draw(folder: Path, extractor: str, tile: MaskedTile, superpixels: npt.NDArray[np.bool_]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    picture = tile.image.astype(np.float32)
    outlined = np.append(False, superpixels)[tile.labels]
    picture[~outlined] *= 0.45
    edge = (tile.mined[:, 1:] != tile.mined[:, :-1])[:-1] | (tile.mined[1:] != tile.mined[:-1])[:, :-1]
    picture[:-1, :-1][edge] = (255, 214, 140)
    Image.fromarray(picture.astype(np.uint8)).save(folder / f"{extractor}-{tile.name[:22]}.png")


if __name__ == "__main__":
    main()
