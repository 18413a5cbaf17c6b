"""Keras ResNet50 without its top, average pooled: 2048 numbers a superpixel, as in the 2018 work.

The weights are ImageNet's, from a file that AMBER_RESNET50_WEIGHTS names or from Keras' own download. TensorFlow
is loaded on first use only. Left out: fine-tuning, and any replacement where the weights cannot be had.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.features.protocol import ExtractorUnavailable, bounding_boxes, feature_key

SIDE = 224
BATCH = 16
ADVICE = "Use “texture”, which needs no weights, or name a weights file in AMBER_RESNET50_WEIGHTS."


class ResNet50Extractor:
    """`resnet50`: made with a Keras model (n, 224, 224, 3) → (n, 2048) whose weights are already in it."""

    name = "resnet50"
    version = "1"
    dimension = 2048

    def __init__(self, model: Any) -> None:
        self.model = model
        self.weights_hash = _hash_of_weights(model)
        self.key = feature_key(self.name, self.version, self.weights_hash)

    @classmethod
    def from_settings(cls, weights: str = "", weights_sha256: str = "") -> ResNet50Extractor:
        """With the weights that the settings name, or Keras' own.

        `weights` (AMBER_RESNET50_WEIGHTS): a Keras weights file (.weights.h5 or .h5) of ResNet50 without its top.
        `weights_sha256` (AMBER_RESNET50_WEIGHTS_SHA256): what the file's SHA-256 must be, where it is given.
        Raises ExtractorUnavailable with one sentence saying what is wrong.
        """
        named, expected = weights.strip(), weights_sha256.strip().lower()
        if named:
            return cls(_model_from_file(Path(named), expected))
        return cls(_model_from_download(expected))

    def extract(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """float32 (n, 2048) ≥ 0; see `FeatureExtractor.extract`."""
        from keras.applications.resnet50 import preprocess_input

        boxes = bounding_boxes(image, labels)
        features = np.zeros((len(boxes), self.dimension), np.float32)
        for start in range(0, len(boxes), BATCH):
            crops = np.stack([nearest(image[box], SIDE) for box in boxes[start : start + BATCH]])
            batch = preprocess_input(crops.astype(np.float32))
            features[start : start + len(crops)] = np.asarray(self.model(batch, training=False))
        return features


def nearest(crop: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Resize uint8 (h, w, 3) to (side, side, 3): each pixel is the one whose area its centre falls into."""
    rows = ((np.arange(side) + 0.5) * crop.shape[0] / side).astype(np.intp)
    cols = ((np.arange(side) + 0.5) * crop.shape[1] / side).astype(np.intp)
    return crop[rows[:, None], cols[None, :]]


def _model_from_file(path: Path, expected: str) -> Any:
    if not path.is_file():
        raise ExtractorUnavailable(f"The weights file of ResNet50, {path}, does not exist. {ADVICE}")
    _check_hash(path, expected)
    try:
        return _network(weights=None, load=path)
    except Exception as error:  # Keras and h5py raise whatever they meet in a file
        raise ExtractorUnavailable(
            f"{path} holds no weights of ResNet50 without its top ({type(error).__name__}). {ADVICE}"
        ) from None


def _model_from_download(expected: str) -> Any:
    if expected:
        raise ExtractorUnavailable(
            "AMBER_RESNET50_WEIGHTS_SHA256 is given without a file in AMBER_RESNET50_WEIGHTS to check. "
            + ADVICE
        )
    try:
        return _network(weights="imagenet")
    except Exception as error:  # no network, a proxy's page instead of a file, a full disk
        raise ExtractorUnavailable(
            f"The weights of ResNet50 could not be downloaded ({type(error).__name__}). {ADVICE}"
        ) from None


def _network(weights: str | None, load: Path | None = None) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from keras.applications.resnet50 import ResNet50

    model = ResNet50(include_top=False, weights=weights, pooling="avg", input_shape=(SIDE, SIDE, 3))
    if load is not None:
        model.load_weights(str(load))
    return model


def _check_hash(path: Path, expected: str) -> None:
    if not expected:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise ExtractorUnavailable(
            f"The weights file {path} has the SHA-256 {found}, not {expected}: it is refused. {ADVICE}"
        )


def _hash_of_weights(model: Any) -> str:
    """SHA-256 of the numbers themselves, so that the same weights have one key in whatever file they came."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return digest.hexdigest()
