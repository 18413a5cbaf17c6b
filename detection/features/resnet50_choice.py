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
from detection.features.engines import KerasEngine, gpu_present, prepare_gpu
from detection.features.protocol import WeightsSource
from detection.features.resnet50 import EXTRACTORS, ResNet50Crops, ResNet50Dense
from detection.features.resnet50_network import find_weights, hash_of_weights, network, preprocess

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
            model = conversion.obtain(source, attempt, cache, images, share=share)
            engine = conversion.engine_of(model, name, attempt)
        except ConversionFailed as error:
            warnings.append(f"{error} ResNet50 runs without {attempt}, slower.")
            logger.warning("%s", warnings[-1])
            continue
        return EXTRACTORS[name](engine, model.weights_hash, tuple(warnings))
    return _with_keras(name, source, gpu=False, warnings=tuple(warnings))


def _with_keras(
    name: str, source: WeightsSource, *, gpu: bool, warnings: tuple[str, ...] = ()
) -> ResNet50Crops | ResNet50Dense:
    if gpu:
        prepare_gpu()
    model = network(source)
    return EXTRACTORS[name](KerasEngine(model, gpu=gpu, prepare=preprocess), hash_of_weights(model), warnings)
