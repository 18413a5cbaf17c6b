"""What every conversion of a network is tried with: superpixels of whole tiles, and how near two results are.

Run in the converter's own process, which may load TensorFlow. Left out: which figures will do (`conversion`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

CROPS_AN_IMAGE = 6


def traced(model: Any) -> Any:
    """A Keras model, float32 (n, h, w, 3) → …, as an OpenVINO model of any n, h and w."""
    import openvino
    import tensorflow

    call = tensorflow.function(lambda pictures: model(pictures, training=False))
    return openvino.convert_model(
        call.get_concrete_function(tensorflow.TensorSpec((None, None, None, 3), tensorflow.float32))
    )


def cosines(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> dict[str, float]:
    near = _cosine(ours, theirs)
    centred = _cosine(ours - ours.mean(axis=0), theirs - theirs.mean(axis=0))
    return {
        "pieces": len(near),
        "minimum": round(float(near.min()), 6),
        "mean": round(float(near.mean()), 6),
        "centred": round(float(centred.min()), 6),
    }


def _cosine(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Row by row; −1 where a row is nothing or not finite, so that a broken model is never near."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = (first * second).sum(axis=1) / lengths
    return np.where(np.isfinite(cosines), cosines, -1.0)


def cut_sparsely(image: Image) -> tuple[Image, npt.NDArray[np.int32]]:
    """The image and some of its superpixels, evenly chosen; the others are as if there were no data."""
    from detection.segmentation.slic import segment

    labels = segment(image)
    count = int(labels.max(initial=0))
    chosen = np.unique(np.linspace(1, count, min(count, CROPS_AN_IMAGE)).round().astype(int))
    numbers = np.zeros(count + 1, np.int32)
    numbers[chosen] = np.arange(1, len(chosen) + 1)
    return image, numbers[labels]
