"""How the converter makes and tries EfficientNet-Lite0: one model for crops, one for the cells of a whole image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detection.features.conversion_checks import Image, cosines, cut_sparsely, traced
from detection.features.engines import KerasEngine, OpenVinoEngine
from detection.features.lite0.describe import BUILDERS, CELLS, describe_cells, describe_crops
from detection.features.lite0.network import CELL_DIMENSION
from detection.features.lite0.weights import read_weights, weights_file
from detection.features.protocol import WeightsSource, bounding_boxes

NETWORKS = tuple(BUILDERS)


def make(source: WeightsSource) -> tuple[Any, str]:
    """The Keras model of that form and a hash of its numbers. Raises ExtractorUnavailable as `read_weights`."""
    path = source.path or weights_file()
    model = BUILDERS[source.network](read_weights(path))
    digest = hashlib.sha256(source.identity.encode())
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return model, digest.hexdigest()


def convert(model: Any, folder: Path) -> None:
    """Write model.xml and model.bin: uint8 (n, h, w, 3) sRGB → what the Keras model gives."""
    import openvino
    from openvino.preprocess import PrePostProcessor

    steps = PrePostProcessor(traced(model))
    picture = steps.input(0)
    picture.tensor().set_element_type(openvino.Type.u8)
    picture.preprocess().convert_element_type(openvino.Type.f32)
    openvino.save_model(steps.build(), str(folder / "model.xml"), compress_to_fp16=False)


def compared(
    network: str, model: Path, keras_model: Any, images: Sequence[Image]
) -> dict[str, dict[str, float]]:
    """Cosines of the converted model's numbers to Keras' own, as `converter` keeps them."""
    engines = OpenVinoEngine(model, "fp32"), KerasEngine(keras_model, gpu=False)
    if network == CELLS:
        ours, theirs = (
            np.concatenate([describe_cells(engine, image).reshape(-1, CELL_DIMENSION) for image in images])
            for engine in engines
        )
    else:
        cut = [cut_sparsely(image) for image in images]
        ours, theirs = (
            np.concatenate(
                [describe_crops(engine, image, bounding_boxes(image, labels)) for image, labels in cut]
            )
            for engine in engines
        )
    return {network: cosines(ours, theirs)}
