"""ResNet50 in two forms from the same weights: 2048 numbers a superpixel.

`resnet50` is the 2018 recipe: each superpixel's bounding box, resized to 224×224 by nearest pixel, through the
network, average pooled. `resnet50-dense` looks at the whole tile once and pools the last activations over each
superpixel. Both are pure: which engine computes the activations is decided where they are made (`make`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.dense_pooling import Windows, pool_windows
from detection.features.engines import CHANNELS, Engine, fingerprint
from detection.features.protocol import bounding_boxes, count_superpixels, feature_key

SIDE = 224
CROPS, DENSE = "resnet50", "resnet50-dense"
VERSION = "2"


class _ResNet50:
    """What the two forms share. The engine's precision is part of the key where it changes the numbers."""

    name: str
    side: int
    version = VERSION
    dimension = CHANNELS
    blocks: tuple[tuple[int, float], ...] = ((CHANNELS, 1.0),)

    def __init__(self, engine: Engine, weights_hash: str, warnings: tuple[str, ...] = ()) -> None:
        self.engine = engine
        self.weights_hash = weights_hash
        self.warnings = warnings
        precision = engine.precision
        if precision != "fp32":
            # Whole numbers hang on how the model was converted and, in principle, on the processor.
            precision = f"{precision}-{fingerprint(engine, self.side)}"
        self.key = feature_key(self.name, self.version, weights_hash, precision)


class ResNet50Crops(_ResNet50):
    """`resnet50`: one crop a superpixel."""

    name = CROPS
    side = SIDE

    def extract(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """float32 (n, 2048) ≥ 0; see `FeatureExtractor.extract`."""
        boxes = bounding_boxes(image, labels)
        features = np.zeros((len(boxes), self.dimension), np.float32)
        for start in range(0, len(boxes), self.engine.batch):
            crops = np.stack([nearest(image[box], SIDE) for box in boxes[start : start + self.engine.batch]])
            features[start : start + len(crops)] = self.engine.run(crops).mean(axis=(1, 2))
        return features


class ResNet50Dense(_ResNet50):
    """`resnet50-dense`: one look at the tile."""

    name = DENSE
    side = Windows.large

    def extract(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """float32 (n, 2048) ≥ 0; see `FeatureExtractor.extract`."""
        count = count_superpixels(image, labels)
        if not count:
            return np.zeros((0, self.dimension), np.float32)
        return pool_windows(image, labels, count, self.engine.run)


EXTRACTORS: dict[str, type[ResNet50Crops | ResNet50Dense]] = {CROPS: ResNet50Crops, DENSE: ResNet50Dense}


def precision_of(key: str) -> str:
    """The precision within an extractor's key, `fp32` or `int8`; "" for a key of another extractor."""
    words = key.split("-")
    return next((word for word in words if word in ("fp32", "int8")), "")


def nearest(crop: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Resize uint8 (h, w, 3) to (side, side, 3): each pixel is the one whose area its centre falls into."""
    rows = ((np.arange(side) + 0.5) * crop.shape[0] / side).astype(np.intp)
    cols = ((np.arange(side) + 0.5) * crop.shape[1] / side).astype(np.intp)
    return crop[rows[:, None], cols[None, :]]
