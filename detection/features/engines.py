"""What computes a network's activations: OpenVINO on processors, TensorFlow on a GPU and as the last resort.

Every engine takes the image's own bytes and does the network's preprocessing itself. Left out: converting
(`conversion`) and what is done with the activations (`resnet50`, `lite0`).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

CHANNELS = 2048
# Callers use at most so many threads at a time (`detection.description.features`); each inference runs on one.
STREAMS = 2
# Shapes of images that a network stands compiled for; each has memory of its own.
MOST_SHAPES = 12
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


class Engine(Protocol):
    """`precision`: fp32 or int8, part of the extractor's key; `batch`: images that are best given at once."""

    precision: str
    batch: int

    def run(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """uint8 (n, h, w, 3) sRGB → float32 (n, …), as the network gives it: ResNet50 (n, ⌈h / 32⌉, ⌈w / 32⌉, 2048) ≥ 0.

        May be called from threads.
        """
        ...


class OpenVinoEngine:
    """A converted model on this machine's processor.

    One image at a time on one thread, so that neither batch nor threads can change a number; more than one core is
    used by more than one caller. Arithmetic is never bfloat16, which only some processors have.
    """

    batch = 1

    def __init__(self, model: Path, precision: str) -> None:
        """`model`: the .xml of an OpenVINO model, its .bin beside it. Raises RuntimeError where it is damaged."""
        import openvino

        self.precision = precision
        self._core = openvino.Core()
        self._model = self._core.read_model(str(model))
        self._compiled: dict[tuple[int, int], Any] = {}
        self._compiling = threading.Lock()
        self._mine = threading.local()

    def run(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See `Engine.run`."""
        request = self._request(images.shape[1], images.shape[2])
        # The request's output buffer is used again by its next call: each is copied.
        return np.concatenate([np.array(request.infer([image[None]])[0]) for image in images])

    def _request(self, height: int, width: int) -> Any:
        requests = self._mine.__dict__.setdefault("requests", {})
        if (height, width) not in requests:
            with self._compiling:
                if (height, width) not in self._compiled:
                    if len(self._compiled) >= MOST_SHAPES:
                        self._compiled.pop(next(iter(self._compiled)))
                    self._compiled[height, width] = self._compile(height, width)
                compiled = self._compiled[height, width]
            if len(requests) >= MOST_SHAPES:
                requests.pop(next(iter(requests)))
            requests[height, width] = compiled.create_infer_request()
        return requests[height, width]

    def _compile(self, height: int, width: int) -> Any:
        # A fixed shape lets OpenVINO plan its memory once.
        model = self._model.clone()
        model.reshape([1, height, width, 3])
        return self._core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_NUM_THREADS": STREAMS,
                "NUM_STREAMS": STREAMS,
                "INFERENCE_PRECISION_HINT": "f32",
                # Pinned threads of two worker processes would meet on the same cores.
                "ENABLE_CPU_PINNING": False,
            },
        )


class KerasEngine:
    """The Keras model itself: on a GPU where there is one, else the slow way that always works."""

    precision = "fp32"
    batch_on_processor, batch_on_gpu = 16, 64

    def __init__(self, model: Any, *, gpu: bool, prepare: Callable[[Any], Any] | None = None) -> None:
        """`model`: made after `prepare_gpu` where it lies on a GPU; `prepare`: what it wants done with float32 sRGB
        before, nothing where it does that itself."""
        self.model = model
        self.prepare = prepare
        self.batch = self.batch_on_gpu if gpu else self.batch_on_processor

    def run(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See `Engine.run`."""
        pictures = images.astype(np.float32)
        if self.prepare is not None:
            pictures = self.prepare(pictures)
        return np.asarray(self.model(pictures, training=False))


def gpu_present() -> bool:
    """Whether TensorFlow can use a GPU here. TensorFlow is loaded only where a driver is installed."""
    if not any(Path(driver).exists() for driver in DRIVERS):
        return False
    import tensorflow

    return bool(tensorflow.config.list_physical_devices("GPU"))


def fingerprint(engine: Engine, side: int) -> str:
    """Eight hexadecimal digits of what the engine makes of one fixed picture of (side, side) pixels.

    Two machines whose fingerprints agree make the same numbers; rounded to float16, as the feature store keeps them.
    """
    rows, columns = np.mgrid[0:side, 0:side]
    picture = np.stack([rows * 7 + columns, rows * columns // 16, rows ^ columns], axis=-1) % 256
    features = engine.run(picture.astype(np.uint8)[None]).mean(axis=(1, 2))
    return hashlib.sha256(features.astype("<f2").tobytes()).hexdigest()[:8]


def prepare_gpu() -> None:
    """Share the GPU's memory with the other workers; no shortened mantissas, no order that changes from run to run.

    Before the process makes its first model: TensorFlow takes the whole GPU with the first number it puts there.
    """
    import tensorflow

    for device in tensorflow.config.list_physical_devices("GPU"):
        try:
            tensorflow.config.experimental.set_memory_growth(device, True)
        except RuntimeError:  # another model of this process has the GPU already, with the same settings
            continue
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    tensorflow.config.experimental.enable_op_determinism()
