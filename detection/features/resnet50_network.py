"""Keras' ResNet50 without its top: where its weights are found, and the network with them in it.

Importing this module loads neither Keras nor TensorFlow; `network` does. Left out: fine-tuning, and any replacement
where the weights cannot be had.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from detection.features.protocol import ExtractorUnavailable, WeightsSource

ADVICE = "Use “texture”, which needs no weights, or name a weights file in AMBER_RESNET50_WEIGHTS."
# Keras checks what it downloads against a hash of its own: these weights are the same everywhere.
DOWNLOAD = "keras-imagenet"


def find_weights(named: str = "", expected: str = "") -> WeightsSource:
    """What the settings AMBER_RESNET50_WEIGHTS (`named`) and …_SHA256 (`expected`) say.

    `named`: a Keras weights file (.weights.h5 or .h5) of ResNet50 without its top, "" for Keras' own download.
    Raises ExtractorUnavailable with one sentence saying what is wrong; whether the file holds weights, `network`
    finds out.
    """
    named, expected = named.strip(), expected.strip().lower()
    if not named:
        if expected:
            raise ExtractorUnavailable(
                "AMBER_RESNET50_WEIGHTS_SHA256 is given without a file in AMBER_RESNET50_WEIGHTS to check. "
                + ADVICE
            )
        return WeightsSource(None, DOWNLOAD)
    path = Path(named)
    if not path.is_file():
        raise ExtractorUnavailable(f"The weights file of ResNet50, {path}, does not exist. {ADVICE}")
    try:
        stat = path.stat()
        digest = _sha256(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise ExtractorUnavailable(
            f"The weights file of ResNet50, {path}, cannot be read ({type(error).__name__}). {ADVICE}"
        ) from None
    if expected and digest != expected:
        raise ExtractorUnavailable(
            f"The weights file {path} has the SHA-256 {digest}, not {expected}: it is refused. {ADVICE}"
        )
    return WeightsSource(path, digest)


@lru_cache(maxsize=4)
def _sha256(path: Path, size: int, changed: int) -> str:
    """Of a file, read again when its size or the time of its last change is another."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def network(source: WeightsSource) -> Any:
    """A Keras model, preprocessed float32 (n, h, w, 3) → float32 (n, ⌈h / 32⌉, ⌈w / 32⌉, 2048) ≥ 0.

    Raises ExtractorUnavailable where the weights cannot be had or read.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import keras.applications.resnet50
    except ImportError:
        raise ExtractorUnavailable(f"ResNet50 needs TensorFlow, which is not installed. {ADVICE}") from None
    build = keras.applications.resnet50.ResNet50
    if source.path is None:
        try:
            return build(include_top=False, weights="imagenet", input_shape=(None, None, 3))
        except Exception as error:  # no network, a proxy's page instead of a file, a full disk
            raise ExtractorUnavailable(
                f"The weights of ResNet50 could not be downloaded ({type(error).__name__}). {ADVICE}"
            ) from None
    model = build(include_top=False, weights=None, input_shape=(None, None, 3))
    try:
        model.load_weights(str(source.path))
    except Exception as error:  # Keras and h5py raise whatever they meet in a file
        raise ExtractorUnavailable(
            f"{source.path} holds no weights of ResNet50 without its top ({type(error).__name__}). {ADVICE}"
        ) from None
    return model


def preprocess(pictures: Any) -> Any:
    """The 2018 recipe: float32 (n, h, w, 3) RGB → BGR, minus ImageNet's means."""
    from keras.applications.resnet50 import preprocess_input

    return preprocess_input(pictures)


def hash_of_weights(model: Any) -> str:
    """SHA-256 of the numbers themselves, so that the same weights have one key in whatever file they came."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return digest.hexdigest()
