"""What other forms of an outline bring, on drawn scenes whose every pixel is known.

    python -m benchmarks.outline_forms [--seeds 0 1 2]

Sixty scenes of one world teach an outline head, by the bounding boxes of their superpixels, as crops do; forty of another
are judged by area: average precision of the superpixels, and IoU at the best of all thresholds. The same probabilities
are also smoothed over a graph of superpixels (Grady 2006: random walks, border lengths, colour), averaged as log-odds, and
joined with the superpixel head's; the head is also taught again without the windows of a positive box that look least like
mining (multiple-instance learning: Andrews et al. 2002), and with a second, twice as wide scale. `limit`: superpixels chosen by
the truth itself.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import spsolve

from benchmarks.crops import ENGINES
from detection.description.feature_store import pack
from detection.features import get_extractor
from detection.features.windows import WINDOW_BLOCKS, get_windows
from detection.features.windows.grid import WindowGrid, superpixel_means, window_grid
from detection.features.windows.packing import unpack
from detection.learning.classifiers import fit_with_scores, folds
from detection.learning.ground.fit import FOLDS, Bags, fit_ground, fit_machine
from detection.learning.ground.head import GroundHead
from detection.learning.ranked_svm import Blocks, RankedSvm
from detection.scenes.scene import is_mined, render_scene, seed_of
from detection.segmentation.slic import segment

EXTRACTOR = "texture-lite0"
TAUGHT, JUDGED = (3, 30, 30), (9, 24, 16)  # world, scenes with mining, scenes without
LEAST_DUG = 0.02  # boxes dug less than this are no clear example
KEPT_BESIDE = 0.35  # of the boxes without mining so many teach

Floats = npt.NDArray[np.floating]
Rows = Callable[[WindowGrid, Floats], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Tile:
    """`dug`: (n,) of each superpixel, 0…1; `colours`: (n, 3) mean L*a*b*; `borders`: (n, n) pixels of common border."""

    labels: npt.NDArray[np.int32]
    packed: npt.NDArray[np.uint8]
    features: npt.NDArray[np.float32]
    pixels: Floats
    dug: Floats
    colours: Floats
    borders: csr_array


@dataclass(frozen=True)
class Box:
    """What a crop would show of a superpixel; `seed`: its scene, which is held out with it."""

    packed: npt.NDArray[np.uint8]
    shape: tuple[int, int]
    features: npt.NDArray[np.float32]
    mining: bool
    seed: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    boxes = [box for seed in _seeds(*TAUGHT) for box in _boxes(seed)]
    tiles = [_tile(seed) for seed in _seeds(*JUDGED)]
    print(
        f"{len(boxes)} boxes teach, {sum(box.mining for box in boxes)} with mining; {len(tiles)} tiles judged"
    )
    _say("limit", tiles, [tile.dug for tile in tiles])
    for seed in options.seeds:
        print(f"seed {seed}:")
        _forms(boxes, tiles, seed)


def _forms(boxes: list[Box], tiles: list[Tile], seed: int) -> None:
    bags = _bags(boxes, _windows)
    head = fit_ground("", bags, WINDOW_BLOCKS, seed).head
    plain = _judged(tiles, head, _windows)
    _say("as built", tiles, plain)
    for strength in (0.2, 1.0):
        smooth = [
            _over_graph(tile, _odds(ground), strength) for tile, ground in zip(tiles, plain, strict=True)
        ]
        _say(f"graph of superpixels, {strength}", tiles, smooth)
    _say("means of log-odds", tiles, _judged(tiles, head, _windows, odds=True))
    places = np.array([str(box.seed) for box in boxes])
    rows, mining = np.array([box.features for box in boxes]), np.array([box.mining for box in boxes])
    blocks = get_extractor(EXTRACTOR, cache=ENGINES).blocks
    first = fit_with_scores("svm", rows, mining, seed, places, None, blocks).classifier
    for share in (0.1, 0.3):
        both = [
            _odds(ground) + share * _odds(first.predict_proba(tile.features))
            for tile, ground in zip(tiles, plain, strict=True)
        ]
        _say(f"with the superpixel head, {share}", tiles, both)
    for kept in (0.3, 0.5):
        again = replace(head, machine=_taught_again(bags, kept, seed))
        _say(f"multiple instances, upper {kept}", tiles, _judged(tiles, again, _windows))
    for weight in (0.15, 0.3):
        wider: Blocks = (*WINDOW_BLOCKS, *((numbers, weight) for numbers, _ in WINDOW_BLOCKS[:2]))
        two = fit_ground("", _bags(boxes, _two_scales), wider, seed).head
        _say(f"two scales, {weight}", tiles, _judged(tiles, two, _two_scales))


def _seeds(world: int, with_mining: int, without: int) -> list[int]:
    wanted = {True: with_mining, False: without}
    chosen = []
    for place in np.random.default_rng(world).permutation(256 * 256):
        seed = seed_of(world, int(place) % 256, int(place) // 256)
        mined = is_mined(seed)
        if wanted[mined]:
            wanted[mined] -= 1
            chosen.append(seed)
        if not any(wanted.values()):
            break
    return chosen


def _boxes(seed: int) -> Iterator[Box]:
    scene = render_scene(seed)
    labels = segment(scene.image)
    features = _features(scene.image, labels)
    describer = get_windows(EXTRACTOR, cache=ENGINES)
    assert describer is not None
    random = np.random.default_rng(seed)
    for number in range(1, labels.max() + 1):
        down, across = np.nonzero(labels == number)
        box = np.s_[down.min() : down.max() + 1, across.min() : across.max() + 1]
        dug = scene.truth[box].mean()
        if dug >= LEAST_DUG or (dug == 0 and random.random() < KEPT_BESIDE):
            crop = scene.image[box]
            packed = describer.describe(crop, None, False)
            yield Box(packed, crop.shape[:2], features[number - 1], bool(dug), seed)


def _tile(seed: int) -> Tile:
    scene = render_scene(seed)
    labels = segment(scene.image)
    describer = get_windows(EXTRACTOR, cache=ENGINES)
    assert describer is not None
    count = int(labels.max()) + 1
    pixels = np.bincount(labels.ravel(), minlength=count)[1:]
    lab = cv2.cvtColor(scene.image, cv2.COLOR_RGB2Lab)
    sums = [np.bincount(labels.ravel(), lab[..., axis].ravel(), count)[1:] for axis in range(3)]
    pairs = np.concatenate(
        [
            np.stack([one[one != other], other[one != other]], 1)
            for one, other in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1]))
        ]
    )
    border = csr_array((np.ones(len(pairs)), pairs.T - 1), (count - 1, count - 1))
    return Tile(
        labels,
        describer.describe(scene.image, labels > 0, True),
        _features(scene.image, labels),
        pixels,
        np.bincount(labels.ravel(), scene.truth.ravel(), count)[1:] / pixels,
        np.stack(sums, 1) / pixels[:, None],
        border + border.T,
    )


def _features(image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    return pack(get_extractor(EXTRACTOR, cache=ENGINES).extract(image, labels)).astype(np.float32)


def _windows(grid: WindowGrid, blocks: Floats) -> npt.NDArray[np.float32]:
    return grid.window_rows(blocks.astype(np.float32))


def _two_scales(grid: WindowGrid, blocks: Floats) -> npt.NDArray[np.float32]:
    """The windows' numbers, and beside them the means over three by three windows: 128 pixels a side."""
    rows = _windows(grid, blocks)
    means = rows[:, : rows.shape[1] // 2].reshape(*grid.windows, -1)
    wide = [
        cv2.blur(np.ascontiguousarray(plane), (3, 3), borderType=cv2.BORDER_REPLICATE)
        for plane in np.moveaxis(means, 2, 0)
    ]
    return np.concatenate([rows, np.stack(wide, -1).reshape(len(rows), -1)], 1)


def _bags(boxes: list[Box], rows: Rows) -> Bags:
    windows = [rows(window_grid(*box.shape), unpack(box.packed)) for box in boxes]
    bag = np.repeat(np.arange(len(boxes)), [len(each) for each in windows])
    mining, places = np.array([box.mining for box in boxes]), np.array([str(box.seed) for box in boxes])
    return Bags(np.concatenate(windows), bag, mining, places)


def _taught_again(bags: Bags, kept: float, seed: int) -> RankedSvm:
    """Without those windows of positive bags that look least like mining to a head that has not seen them."""
    raw = np.zeros(len(bags.bag))
    for train, test in folds(bags.mining, bags.places, FOLDS, seed):
        held_out = np.isin(bags.bag, test)
        raw[held_out] = fit_machine(bags, np.isin(bags.bag, train), WINDOW_BLOCKS, seed).margins(
            bags.windows[held_out]
        )
    keep = np.ones(len(raw), bool)
    for number in np.flatnonzero(bags.mining):
        inside = np.flatnonzero(bags.bag == number)
        keep[inside] = raw[inside] >= np.quantile(raw[inside], 1 - kept)
    left = Bags(bags.windows[keep], bags.bag[keep], bags.mining, bags.places)
    return fit_machine(left, np.ones(len(left.bag), bool), WINDOW_BLOCKS, seed)


def _judged(tiles: list[Tile], head: GroundHead, rows: Rows, odds: bool = False) -> list[Floats]:
    judged: list[Floats] = []
    for tile in tiles:
        grid = window_grid(*tile.labels.shape)
        chances = head.window_probabilities(rows(grid, unpack(tile.packed)))
        values = _odds(chances).astype(np.float32) if odds else chances
        judged.append(superpixel_means(tile.labels, grid, values))
    return judged


def _odds(chances: Floats) -> Floats:
    chances = np.clip(chances, 1e-4, 1 - 1e-4)
    return np.log(chances / (1 - chances))


def _over_graph(tile: Tile, odds: Floats, strength: float) -> Floats:
    """Least squares between each superpixel's own log-odds and those of neighbours of like colour."""
    joined = tile.borders.tocoo()
    apart = ((tile.colours[joined.row] - tile.colours[joined.col]) ** 2).sum(1)
    weights = csr_array(
        (strength * joined.data / 200 * np.exp(-apart / 30**2), (joined.row, joined.col)), joined.shape
    )
    return spsolve((diags_array(1 + weights.sum(1)) - weights).tocsc(), odds)


def _say(name: str, tiles: list[Tile], judged: list[Floats]) -> None:
    scores = np.concatenate(judged)
    pixels = np.concatenate([tile.pixels for tile in tiles])
    mined = np.concatenate([tile.dug for tile in tiles]) * pixels
    order = np.argsort(-scores, kind="stable")
    right, area = mined[order].cumsum(), pixels[order].cumsum()
    precision = float((right / area * mined[order]).sum() / mined.sum())
    best = float((right / (area + mined.sum() - right)).max())
    print(f"    {name:<34} average precision {precision:.3f}, best IoU {best:.3f}", flush=True)


if __name__ == "__main__":
    main()
