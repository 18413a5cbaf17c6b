"""Which engine a ResNet50 extractor runs on here, and what is said where it is not the best one.

On a GPU TensorFlow in float32. On a processor OpenVINO in int8; where the conversion is not near enough to Keras, or
cannot be made, OpenVINO in float32; where that fails too, Keras itself. A classifier trained on features of one
precision is served in that precision, wherever it runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from detection.features import conversion
from detection.features.conversion import ConversionFailed, Images, Share
from detection.features.engines import Engine, KerasEngine, OpenVinoEngine, gpu_present, prepare_gpu
from detection.features.resnet50 import EXTRACTORS, ResNet50Crops, ResNet50Dense
from detection.features.resnet50_network import WeightsSource, find_weights, hash_of_weights, network

logger = logging.getLogger("amber.features")

ORDER = ("int8", "fp32")


def make(
    name: str,
    weights: str,
    weights_sha256: str,
    cache: Path,
    images: Callable[[], Images],
    precision: str = "",
    share: Share | None = None,
) -> ResNet50Crops | ResNet50Dense:
    """The extractor `name` with the weights that the settings name.

    `cache`, `images`, `share`: see `conversion.obtain`. `precision`: int8 or fp32 where features of that precision
    are wanted, "" for the fastest. Raises ExtractorUnavailable where the weights cannot be had.
    """
    source = find_weights(weights, weights_sha256)
    if precision != "int8" and gpu_present():
        return _with_keras(name, source, gpu=True)
    warnings: list[str] = []
    for attempt in ORDER[ORDER.index(precision) if precision else 0 :]:
        try:
            engine, weights_hash = _converted(name, source, attempt, cache, images, share)
        except ConversionFailed as error:
            warnings.append(f"{error} ResNet50 runs without {attempt}, slower.")
            logger.warning("%s", warnings[-1])
            continue
        return EXTRACTORS[name](engine, weights_hash, tuple(warnings))
    return _with_keras(name, source, gpu=False, warnings=tuple(warnings))


def _converted(
    name: str,
    source: WeightsSource,
    precision: str,
    cache: Path,
    images: Callable[[], Images],
    share: Share | None,
) -> tuple[Engine, str]:
    model = conversion.obtain(source, precision, cache, images, share=share)
    if not model.accepted(name):
        raise ConversionFailed(refusal(name, precision, model.cosine(name)))
    try:
        return OpenVinoEngine(model.model, precision), model.weights_hash
    except Exception as error:  # a processor without what the model needs, a library that cannot be loaded
        raise ConversionFailed(
            f"The converted network cannot be loaded here ({type(error).__name__})."
        ) from None


def refusal(name: str, precision: str, cosine: float) -> str:
    """Why a checked conversion is not used."""
    return (
        f"ResNet50 converted to {precision} is refused for “{name}”: the cosine of its features to those of Keras "
        f"falls to {cosine:.3f}, and {conversion.LEAST_COSINE} is the least."
    )


def _with_keras(
    name: str, source: WeightsSource, *, gpu: bool, warnings: tuple[str, ...] = ()
) -> ResNet50Crops | ResNet50Dense:
    if gpu:
        prepare_gpu()
    model = network(source)
    return EXTRACTORS[name](KerasEngine(model, gpu=gpu), hash_of_weights(model), warnings)
