"""The extractor that needs no weights: colour, texture and round marks of the ground.

A piece is described by its bounding box, as the labelled crops of the 2018 dataset are cut, from maps computed once
for the whole image. A whole tile is first brought to a reference lightness and colour (`texture_maps`): providers
retouch, and a classifier trained on one must read the other. A crop is taken as it is, since what it shows is
its colour.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.protocol import bounding_boxes, feature_key
from detection.features.texture_maps import compute_maps
from detection.features.texture_pooling import DIMENSION, pool


class TextureExtractor:
    """`texture`: fixed filters, no learned numbers, the same result on every machine."""

    name = "texture"
    version = "4"
    weights_hash = ""
    dimension = DIMENSION
    key = feature_key(name, version, weights_hash)
    warnings: tuple[str, ...] = ()

    def extract(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """float32 (n, dimension), |value| ≤ 1000 so that float16 holds it; see `FeatureExtractor.extract`."""
        boxes = bounding_boxes(image, labels)
        features = np.zeros((len(boxes), self.dimension), np.float32)
        if boxes:
            maps = compute_maps(image, labels > 0, to_reference=len(boxes) > 1)
            for row, box in enumerate(boxes):
                features[row] = pool(maps, box)
        return features
