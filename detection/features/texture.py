"""The extractor that needs no weights: colour, texture and round marks of the ground.

A piece is described by its bounding box, as the labelled crops of the 2018 dataset are cut: a crop and the same
ground within a tile give the same numbers, border effects included.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.protocol import bounding_boxes, feature_key
from detection.features.texture_families import DIMENSION, describe


class TextureExtractor:
    """`texture`: fixed filters, no learned numbers, the same result on every machine."""

    name = "texture"
    version = "1"
    weights_hash = ""
    dimension = DIMENSION
    key = feature_key(name, version, weights_hash)

    def extract(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """float32 (n, dimension), |value| ≤ 1000 so that float16 holds it; see `FeatureExtractor.extract`."""
        boxes = bounding_boxes(image, labels)
        features = np.zeros((len(boxes), self.dimension), np.float32)
        for row, box in enumerate(boxes):
            features[row] = describe(image[box])
        return features
