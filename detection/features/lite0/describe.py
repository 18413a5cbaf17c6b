"""What EfficientNet-Lite0 says of a picture: of boxes in it, or of every cell of 16×16 pixels.

Which engine computes it, and where converted networks lie, `engine_for` decides.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detection.features import conversion
from detection.features.conversion import ConversionFailed, Images, Share
from detection.features.engines import Engine, KerasEngine, gpu_present, prepare_gpu
from detection.features.lite0.network import CELL, CELL_DIMENSION, CROP_DIMENSION, crop_network, map_network
from detection.features.lite0.weights import SHA256, read_weights, weights_file
from detection.features.protocol import WeightsSource
from detection.features.resnet50 import nearest

logger = logging.getLogger("amber.features")

CROPS, CELLS = "lite0-crops", "lite0-cells"
BUILDERS = {CROPS: crop_network, CELLS: map_network}
SIDE = 224
# Images of many sizes come to few shapes, for each of which an engine plans its memory once.
STEP = 64

Boxes = Sequence[tuple[slice, slice]]


def source_of(network: str) -> WeightsSource:
    """Of `CROPS` or `CELLS`. Raises ExtractorUnavailable where the weights are not installed."""
    return WeightsSource(weights_file(), f"{network}-{SHA256[:32]}", network)


def engine_for(
    network: str, cache: Path, images: Callable[[], Images], share: Share | None = None
) -> tuple[Engine, tuple[str, ...]]:
    """What runs `CROPS` or `CELLS` here, and sentences about a slower way than the usual one.

    On a GPU Keras, on a processor OpenVINO, and Keras where nothing can be converted. `cache`, `images`, `share`: see
    `conversion.obtain`. Raises ExtractorUnavailable where the weights are not installed or another file than they were.
    """
    source = source_of(network)
    if gpu_present():
        prepare_gpu()
        return KerasEngine(BUILDERS[network](read_weights(weights_file())), gpu=True), ()
    try:
        converted = conversion.obtain(source, "fp32", cache, images, share=share)
        return conversion.engine_of(converted, network, "fp32"), ()
    except ConversionFailed as error:
        warning = f"{error} {source.title} runs in Keras, several times slower."
        logger.warning("%s", warning)
        return KerasEngine(BUILDERS[network](read_weights(weights_file())), gpu=False), (warning,)


def describe_crops(engine: Engine, image: npt.NDArray[np.uint8], boxes: Boxes) -> npt.NDArray[np.float32]:
    """float32 (n, CROP_DIMENSION) of the `boxes`, (rows, columns) of `image`, uint8 (H, W, 3), by an engine of `CROPS`."""
    numbers = np.zeros((len(boxes), CROP_DIMENSION), np.float32)
    for start in range(0, len(boxes), engine.batch):
        crops = np.stack([nearest(image[box], SIDE) for box in boxes[start : start + engine.batch]])
        numbers[start : start + len(crops)] = engine.run(crops)
    return numbers


def describe_cells(engine: Engine, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """float32 (⌈H / 16⌉, ⌈W / 16⌉, CELL_DIMENSION) of `image`, uint8 (H, W, 3), by an engine of `CELLS`.

    Beyond its edge the image is continued as its mirror image, or by its last pixel where it is too small for that.
    """
    rows, columns = image.shape[:2]
    margin = [(0, -rows % STEP), (0, -columns % STEP), (0, 0)]
    mirrored = rows > margin[0][1] and columns > margin[1][1]
    canvas = np.pad(image, margin, mode="reflect" if mirrored else "edge")
    cells = engine.run(canvas[None])[0][: -(-rows // CELL), : -(-columns // CELL)]
    return np.asarray(cells).reshape(*cells.shape[:2], CELL_DIMENSION)
