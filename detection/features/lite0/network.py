"""EfficientNet-Lite0 as a Keras model in two forms, with the pooling inside the graph.

`crop_network`: one picture, 2048 numbers; `map_network`: one number a channel for every cell of 16×16 pixels. Importing
this module loads neither Keras nor TensorFlow; the functions do.
"""

from __future__ import annotations

import os
from typing import Any

from detection.features.lite0.weights import Arrays
from detection.features.protocol import ExtractorUnavailable

# Repeats, kernel, stride, expansion, channels of each stage.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280
EPSILON = 1e-3
# Of each tapped stage mean and deviation, of the head the mean.
TAPPED = (80, 112, 192)
CROP_DIMENSION = 2 * sum(TAPPED) + HEAD
CELL = 16
# The stage of 40 channels has four places a cell: mean and deviation; the others are means.
CELL_DIMENSION = 2 * 40 + sum(TAPPED)


def crop_network(arrays: Arrays) -> Any:
    """float32 (n, h, w, 3) sRGB 0…255 → float32 (n, CROP_DIMENSION): mean and deviation of the stages of 80, 112 and 192
    channels over the picture, then the mean of the head's 1280."""
    keras = _keras()
    ops = keras.ops
    picture = keras.Input((None, None, 3))
    maps, last = _body(keras, picture, arrays)
    numbers = []
    for channels in TAPPED:
        tap = maps[channels]
        mean = ops.mean(tap, axis=(1, 2), keepdims=True)
        spread = ops.sqrt(ops.mean(ops.square(tap - mean), axis=(1, 2)))
        numbers += [mean[:, 0, 0], spread]
    numbers.append(ops.mean(last, axis=(1, 2)))
    return keras.Model(picture, ops.concatenate(numbers, axis=-1))


def map_network(arrays: Arrays) -> Any:
    """float32 (n, h, w, 3) sRGB 0…255, sides multiples of 32 → float32 (n, h / 16, w / 16, CELL_DIMENSION): mean and
    deviation of the stage of 40 channels, then the stages of 80, 112 and 192."""
    keras = _keras()
    ops = keras.ops
    picture = keras.Input((None, None, 3))
    maps, _last = _body(keras, picture, arrays, deepest=192)
    mean = keras.layers.AveragePooling2D(2)(maps[40])
    square = keras.layers.AveragePooling2D(2)(ops.square(maps[40]))
    spread = ops.sqrt(ops.maximum(square - ops.square(mean), 0.0))
    coarse = keras.layers.UpSampling2D(2)(maps[192])
    return keras.Model(picture, ops.concatenate([mean, spread, maps[80], maps[112], coarse], axis=-1))


def _keras() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import keras
    except ImportError:
        raise ExtractorUnavailable(
            "EfficientNet-Lite0 needs TensorFlow, which is not installed. Use “texture”, which needs no weights."
        ) from None
    return keras


def _body(keras: Any, picture: Any, arrays: Arrays, deepest: int = 0) -> tuple[dict[int, Any], Any]:
    """{channels: the end of that stage} and the head; without the head where the stage `deepest` is the last wanted."""
    layers = keras.layers

    def normalised(flow: Any, name: str) -> Any:
        layer = layers.BatchNormalization(epsilon=EPSILON)
        flow = layer(flow)
        layer.set_weights(
            [arrays[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
        )
        return flow

    def convolved(flow: Any, name: str, channels: int, kernel: int = 1, stride: int = 1) -> Any:
        layer = layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False)
        flow = layer(flow)
        layer.set_weights([arrays[f"{name}.weight"].transpose(2, 3, 1, 0)])
        return flow

    def block(flow: Any, name: str, kernel: int, stride: int, expansion: int, channels: int) -> Any:
        before, entering = flow, flow.shape[-1]
        if expansion != 1:
            flow = convolved(flow, f"{name}._expand_conv", entering * expansion)
            flow = layers.ReLU(6.0)(normalised(flow, f"{name}._bn0"))
        deep = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False)
        flow = deep(flow)
        deep.set_weights([arrays[f"{name}._depthwise_conv.weight"].transpose(2, 3, 0, 1)])
        flow = layers.ReLU(6.0)(normalised(flow, f"{name}._bn1"))
        flow = normalised(convolved(flow, f"{name}._project_conv", channels), f"{name}._bn2")
        return layers.Add()([before, flow]) if stride == 1 and entering == channels else flow

    flow = layers.Rescaling(1 / 128, -127 / 128)(picture)
    flow = layers.ReLU(6.0)(normalised(convolved(flow, "_conv_stem", STEM, 3, 2), "_bn0"))
    maps = {}
    number = 0
    for repeats, kernel, stride, expansion, channels in STAGES:
        for repeat in range(repeats):
            flow = block(flow, f"_blocks.{number}", kernel, stride if not repeat else 1, expansion, channels)
            number += 1
        maps[channels] = flow
        if channels == deepest:
            return maps, flow
    return maps, layers.ReLU(6.0)(normalised(convolved(flow, "_conv_head", HEAD), "_bn1"))
