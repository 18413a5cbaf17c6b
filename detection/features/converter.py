"""The converting itself, run as `python -m detection.features.converter REQUEST` by `conversion`.

Keras' network with its preprocessing becomes an OpenVINO model; for int8, which ResNet50 alone is brought to (ADR 19),
ranges are measured on half of the images (NNCF, post-training). What comes out is compared with Keras on the other half, in both forms, and both figures are
kept beside it. The last line printed is the new folder's name, or with the exit status UNAVAILABLE the reason.
Left out: deciding whether the figures will do (`conversion.Converted.accepted`).

record.json: `weights_hash`; `engine`; `precision`; `images` {given, invented}; `checked` {form: {pieces, minimum,
mean, centred}}, cosines of a superpixel's features to those of Keras in float32 (`centred`: least cosine after the mean of
all superpixels is taken off both, which tells how well differences between superpixels survive); `sha256` {file: digest}.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.features.conversion import (
    UNAVAILABLE,
    engine_version,
    folder_name,
    put_folder,
    read_folder,
    remember_source,
)
from detection.features.conversion_checks import cosines, cut_sparsely, traced
from detection.features.dense_pooling import shrink, windows_of
from detection.features.engines import Engine, KerasEngine, OpenVinoEngine
from detection.features.lite0 import recipe as lite0
from detection.features.protocol import ExtractorUnavailable, WeightsSource, bounding_boxes
from detection.features.resnet50 import EXTRACTORS, SIDE, nearest
from detection.features.resnet50_network import hash_of_weights, network, preprocess

Image = npt.NDArray[np.uint8]

# Ranges and figures settle well before this many; fewer leave rare ground out.
LEAST_IMAGES = 8


def main(request: dict[str, str]) -> str:
    """Do what `conversion.obtain` asks; returns the folder's name. Raises ExtractorUnavailable and anything else."""
    cache = Path(request["cache"])
    source = WeightsSource(
        Path(request["weights"]) if request["weights"] else None, request["identity"], request["network"]
    )
    model, weights_hash = _made(source)
    folder = cache / folder_name(weights_hash, request["precision"])
    if read_folder(folder) is None:  # the same numbers may have come in another file before
        given = [np.load(file) for file in sorted(Path(request["images"]).glob("*.npy"))]
        images = given + _invented(LEAST_IMAGES - len(given))
        with tempfile.TemporaryDirectory(dir=cache, prefix=".making-") as making:
            made = Path(making) / "made"
            made.mkdir()
            if source.network in lite0.NETWORKS:
                lite0.convert(model, made)
                figures = lite0.compared(source.network, made / "model.xml", model, images[1::2])
            else:
                _convert(model, request["precision"], images[0::2], made)
                figures = compared(
                    OpenVinoEngine(made / "model.xml", request["precision"]),
                    KerasEngine(model, gpu=False, prepare=preprocess),
                    images[1::2],
                )
            record: dict[str, Any] = {
                "weights_hash": weights_hash,
                "engine": f"openvino {engine_version()}",
                "precision": request["precision"],
                "images": {"given": len(given), "invented": len(images) - len(given)},
                "checked": figures,
            }
            put_folder(made, record, folder)
    remember_source(cache, source.identity, weights_hash)
    return folder.name


def _made(source: WeightsSource) -> tuple[Any, str]:
    """The Keras model, and the SHA-256 of its numbers."""
    if source.network in lite0.NETWORKS:
        return lite0.make(source)
    model = network(source)
    return model, hash_of_weights(model)


def compared(engine: Engine, keras: Engine, images: Sequence[Image]) -> dict[str, dict[str, float]]:
    """The figures of `checked` for every form, on the same superpixels of the same images."""
    figures = {}
    superpixels = [cut_sparsely(image) for image in images]
    for form, make in EXTRACTORS.items():
        ours, theirs = (
            np.concatenate([extractor.extract(image, labels) for image, labels in superpixels])
            for extractor in (make(engine, ""), make(keras, ""))
        )
        figures[form] = cosines(ours, theirs)
    return figures


def _convert(model: Any, precision: str, images: Sequence[Image], folder: Path) -> None:
    """Write model.xml and model.bin: uint8 (n, h, w, 3) sRGB → float32 (n, ⌈h / 32⌉, ⌈w / 32⌉, 2048)."""
    import openvino
    from openvino.preprocess import ColorFormat, PrePostProcessor

    steps = PrePostProcessor(traced(model))
    picture = steps.input(0)
    picture.tensor().set_element_type(openvino.Type.u8)
    picture.tensor().set_layout(openvino.Layout("NHWC")).set_color_format(ColorFormat.RGB)
    picture.model().set_layout(openvino.Layout("NHWC"))
    # Keras' "caffe" preprocessing: ImageNet's mean blue, green and red.
    picture.preprocess().convert_element_type(openvino.Type.f32).convert_color(ColorFormat.BGR)
    picture.preprocess().mean([103.939, 116.779, 123.68])
    ready = steps.build()
    if precision == "int8":
        import nncf

        inputs = [batch for image in images for batch in _inputs(image)]
        ready = nncf.quantize(
            ready,
            nncf.Dataset(inputs),
            subset_size=len(inputs),
            # Seven bits of weights: without it, processors that lack VNNI overflow and make other numbers.
            advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
        )
    openvino.save_model(ready, str(folder / "model.xml"), compress_to_fp16=False)


def _inputs(image: Image) -> list[Image]:
    """What the network will be shown of an image in either form, each uint8 (1, s, s, 3)."""
    dense = [shrink(image[window])[0][None] for window in windows_of(image.shape)]
    _image, labels = cut_sparsely(image)
    crops = [nearest(image[box], SIDE)[None] for box in bounding_boxes(image, labels)]
    return dense + crops


def _invented(count: int) -> list[Image]:
    """Drawn scenes, where the site has too few tiles yet."""
    if count <= 0:
        return []
    from detection.scenes import render_scene

    # Neighbours look alike: seeds far apart.
    return [render_scene(1000 * number + 17).image for number in range(count)]


def _say(line: str) -> None:
    sys.stdout.write(f"\n{line}\n")


def run(convert: Callable[[dict[str, str]], str], request: str) -> int:
    """Print what `conversion.in_a_process` reads; returns the exit status."""
    try:
        _say(convert(json.loads(request)))
    except ExtractorUnavailable as error:
        _say(str(error))
        return UNAVAILABLE
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1]))
