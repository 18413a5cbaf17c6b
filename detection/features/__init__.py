"""Feature extractors by name. Importing this package loads neither TensorFlow nor scikit-image."""

from __future__ import annotations

from functools import cache

from detection.features.protocol import ExtractorUnavailable, FeatureExtractor

EXTRACTOR_NAMES = ("texture", "resnet50")

__all__ = ["EXTRACTOR_NAMES", "ExtractorUnavailable", "FeatureExtractor", "get_extractor"]


def get_extractor(name: str, weights: str = "", weights_sha256: str = "") -> FeatureExtractor:
    """The extractor of that name, made once a process.

    `weights` and `weights_sha256` are the settings AMBER_RESNET50_WEIGHTS and …_SHA256; only resnet50 reads them.

    Raises ValueError for a name that nobody knows and ExtractorUnavailable where its weights cannot be had;
    the latter is tried anew each time, so a weights file that arrives later is found.
    """
    if name not in EXTRACTOR_NAMES:
        raise ValueError(
            f"There is no feature extractor “{name}”: choose one of {', '.join(EXTRACTOR_NAMES)}."
        )
    return _make(name, weights, weights_sha256)


@cache
def _make(name: str, weights: str, weights_sha256: str) -> FeatureExtractor:
    if name == "texture":
        from detection.features.texture import TextureExtractor

        return TextureExtractor()
    from detection.features.resnet50 import ResNet50Extractor

    return ResNet50Extractor.from_settings(weights, weights_sha256)
