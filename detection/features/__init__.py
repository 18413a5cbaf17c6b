"""Feature extractors by name. Importing this package loads neither TensorFlow nor OpenVINO nor scikit-image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from detection.features.conversion import Images, Share
from detection.features.protocol import ExtractorUnavailable, FeatureExtractor

# Numbers a superpixel, by name: what features take on disk can be told before any is made.
DIMENSIONS = {"texture-lite0": 2464, "texture": 416, "resnet50": 2048, "resnet50-dense": 2048}
EXTRACTOR_NAMES = tuple(DIMENSIONS)

__all__ = ["DIMENSIONS", "EXTRACTOR_NAMES", "ExtractorUnavailable", "FeatureExtractor", "get_extractor"]

_made: dict[tuple[str, ...], FeatureExtractor] = {}


def get_extractor(
    name: str,
    weights: str = "",
    weights_sha256: str = "",
    *,
    cache: Path = Path("var/engines"),
    images: Callable[[], Images] = tuple,
    key: str = "",
    share: Share | None = None,
) -> FeatureExtractor:
    """The extractor of that name, made once a process.

    All else is read by those with a network. `weights` and `weights_sha256` are the settings
    AMBER_RESNET50_WEIGHTS and …_SHA256; `cache` is the folder of converted networks; `images` gives whole tiles to
    measure and check a conversion with; `key`, where features are to meet others, is their extractor's; `share`
    is where other machines find the conversion.

    Raises ValueError for a name that nobody knows and ExtractorUnavailable where its weights cannot be had;
    the latter is tried anew each time, so a weights file that arrives later is found.
    """
    if name not in EXTRACTOR_NAMES:
        raise ValueError(
            f"There is no feature extractor “{name}”: choose one of {', '.join(EXTRACTOR_NAMES)}."
        )
    if name == "texture":
        from detection.features.texture import TextureExtractor

        return _made.setdefault((name,), TextureExtractor())
    if name == "texture-lite0":
        wish: tuple[str, ...] = (name, str(cache))
        if wish not in _made:
            from detection.features.lite0.describe import CROPS, engine_for
            from detection.features.texture_lite0 import TextureLite0Extractor

            _made[wish] = TextureLite0Extractor(*engine_for(CROPS, cache, images, share))
        return _made[wish]
    from detection.features.resnet50 import precision_of
    from detection.features.resnet50_choice import make

    precision = precision_of(key)
    wish = (name, weights, weights_sha256, str(cache), precision)
    if wish not in _made:
        _made[wish] = make(name, weights, weights_sha256, cache, images, precision, share)
    return _made[wish]
