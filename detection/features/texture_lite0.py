"""`texture-lite0`: colour and grain, and beside them what a network learned from a million photographs (ADR 19).

Left out: copies of training rows in other light, which helped `texture` alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.engines import Engine
from detection.features.lite0.describe import describe_crops
from detection.features.lite0.network import CROP_DIMENSION, HEAD, TAPPED
from detection.features.lite0.weights import SHA256
from detection.features.protocol import bounding_boxes, feature_key
from detection.features.reference_light import lit
from detection.features.texture import LIMIT, TextureExtractor

NAME = "texture-lite0"


class TextureLite0Extractor:
    """The numbers of `texture`, then those of EfficientNet-Lite0 of each superpixel's bounding box."""

    name = NAME
    version = f"{TextureExtractor.version}.1"
    weights_hash = SHA256
    dimension = TextureExtractor.dimension + CROP_DIMENSION
    key = feature_key(name, version, weights_hash)
    # Chosen on the real crops (ADR 19); a stage counts by its mean and its deviation together.
    blocks: tuple[tuple[int, float], ...] = (
        (TextureExtractor.dimension, 3.0),
        *((2 * channels, 1.0) for channels in TAPPED),
        (HEAD, 4.0),
    )

    def __init__(self, engine: Engine, warnings: tuple[str, ...] = ()) -> None:
        """`engine`: of `lite0.describe.CROPS`."""
        self.engine = engine
        self.warnings = warnings
        self.texture = TextureExtractor()

    def extract(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """float32 (n, dimension), |value| ≤ 1000; see `FeatureExtractor.extract`."""
        boxes = bounding_boxes(image, labels)
        if not boxes:
            return np.zeros((0, self.dimension), np.float32)
        shown = lit(image, labels > 0) if len(boxes) > 1 else image
        learned = np.clip(describe_crops(self.engine, shown, boxes), -LIMIT, LIMIT)
        return np.concatenate([self.texture.extract(image, labels), learned], axis=1)
