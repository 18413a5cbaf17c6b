"""An extractor that sees every image augmented, for rows that a classifier is taught with."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from detection.features.protocol import FeatureExtractor
from detection.imagery.light import LIGHTS, augmented

# Extractors cheap enough to read the training superpixels once more a light. Those that learned from a million photographs
# have been augmented already.
AUGMENTED = ("texture",)


class AugmentedExtractor:
    """`extractor` behind a change of light. Its features stand in the store under a key of their own, read once."""

    def __init__(self, extractor: FeatureExtractor, light: str) -> None:
        self.extractor = extractor
        self.light = light
        self.name = extractor.name
        self.version = extractor.version
        self.weights_hash = extractor.weights_hash
        self.dimension = extractor.dimension
        self.warnings = extractor.warnings
        self.blocks = extractor.blocks
        self.key = f"{extractor.key}-{light}"

    def extract(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """As `FeatureExtractor.extract`. The light is drawn from the image's content: the same image, the same light."""
        seed = zlib.crc32(np.ascontiguousarray(image).tobytes())
        return self.extractor.extract(augmented(image, self.light, seed), labels)


def augmented_extractors(extractor: FeatureExtractor) -> list[AugmentedExtractor]:
    """The lights that `extractor` is to be taught with, none for one that needs none."""
    return [AugmentedExtractor(extractor, light) for light in LIGHTS] if extractor.name in AUGMENTED else []
