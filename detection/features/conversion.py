"""Networks converted on the user's machine: cached, checked, made by a process of its own that ends.

A cached conversion is a folder `<weights>-<engine version>-<precision>-<recipe>` with model.xml, model.bin and
record.json, which says how near its features come to Keras' own. Folders appear by rename, whole or not at all.
Left out: the converting itself (`converter`), which needs TensorFlow; this module does not load it.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from detection.features.engines import Engine, OpenVinoEngine
from detection.features.protocol import ExtractorUnavailable, WeightsSource
from detection.features.whole_files import write_whole

logger = logging.getLogger("amber.features")

# Changes whenever the converter would make another model of the same weights.
RECIPE = "1"
LEAST_COSINE = 0.99
SECONDS = 1800
UNAVAILABLE = 3
MODEL_FILES = ("model.xml", "model.bin")
FILES = ("record.json", *MODEL_FILES)
# ResNet50 in float32 is 94 MB.
LARGEST_FILE = 1024**3

Images = Sequence[npt.NDArray[np.uint8]]


class ConversionFailed(Exception):
    """There is no converted model and none could be made; the message says why in one sentence."""


@dataclass(frozen=True)
class Converted:
    """A converted model in its folder. `record`: see `converter`."""

    folder: Path
    record: dict[str, Any]

    @property
    def model(self) -> Path:
        return self.folder / "model.xml"

    @property
    def weights_hash(self) -> str:
        return str(self.record["weights_hash"])

    def cosine(self, form: str) -> float:
        """The least cosine of any checked superpixel's features to Keras' own, −1…1."""
        return float(self.record["checked"][form]["minimum"])

    def accepted(self, form: str) -> bool:
        """Whether every checked superpixel came near enough to Keras."""
        return self.cosine(form) >= LEAST_COSINE


Converter = Callable[[dict[str, str], int], str]


class Share(Protocol):
    """Where the machines of one site leave conversions for each other, by name."""

    def get(self, name: str) -> bytes | None:
        """What was left under that name, if anything."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Leave it there."""
        ...


def obtain(
    source: WeightsSource,
    precision: str,
    cache: Path,
    images: Callable[[], Images],
    convert: Converter | None = None,
    share: Share | None = None,
) -> Converted:
    """The cached conversion of these weights, made now if there is none; the second of two workers waits.

    `images`: whole tiles, uint8 (h, w, 3), to measure ranges and to check with; asked for only when converting.
    `convert` does it: given the request and the lock's file number, it returns the new folder's name. `share`:
    looked into first, since another conversion of the same weights need not make the same numbers.

    Raises ExtractorUnavailable where the weights cannot be had or read, ConversionFailed for everything else.
    """
    cache = cache.absolute()  # the converter is a process with a folder of its own
    try:
        cache.mkdir(parents=True, exist_ok=True)
        conversion = find(source, precision, cache)
        if conversion is not None:
            return conversion
        with _locked(cache) as lock:
            conversion = find(source, precision, cache)
            if conversion is not None:
                return conversion
            if share is not None:
                conversion = _unpacked(share.get(_shared_name(source, precision)), source, precision, cache)
                if conversion is not None:
                    return conversion
            for left in cache.glob(".making-*"):  # by a conversion that was killed
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix=".making-") as folder:
                for number, image in enumerate(images()):
                    np.save(Path(folder) / f"{number:03}.npy", image, allow_pickle=False)
                request = {
                    "weights": str(source.path or ""),
                    "identity": source.identity,
                    "network": source.network,
                    "precision": precision,
                    "cache": str(cache),
                    "images": folder,
                }
                logger.info(
                    "Converting %s to %s; this is done once and may take a minute.", source.title, precision
                )
                made = read_folder(cache / (convert or in_a_process)(request, lock))
            if made is not None and share is not None:
                share.put(_shared_name(source, precision), _packed(made))
    except OSError as error:
        raise ConversionFailed(f"The folder of converted networks cannot be written ({error}).") from None
    if made is None:
        raise ConversionFailed("The converted network is damaged as soon as it is made: is the disk full?")
    return made


def engine_of(converted: Converted, form: str, precision: str) -> Engine:
    """What runs a conversion. Raises ConversionFailed where its features for `form` are too far from Keras' own, or where
    it cannot be loaded here."""
    if not converted.accepted(form):
        raise ConversionFailed(refusal(form, precision, converted.cosine(form)))
    try:
        return OpenVinoEngine(converted.model, precision)
    except Exception as error:  # a processor without what the model needs, a library that cannot be loaded
        raise ConversionFailed(
            f"The converted network cannot be loaded here ({type(error).__name__})."
        ) from None


def refusal(form: str, precision: str, cosine: float) -> str:
    """Why a checked conversion is not used."""
    return (
        f"The network converted to {precision} is refused for “{form}”: the cosine of its features to those of Keras "
        f"falls to {cosine:.3f}, and {LEAST_COSINE} is the least."
    )


def find(source: WeightsSource, precision: str, cache: Path) -> Converted | None:
    """The cached conversion, if there is a whole one."""
    try:
        weights_hash = json.loads(_index(cache, source.identity).read_text())["weights_hash"]
    except (OSError, ValueError, KeyError):
        return None
    return read_folder(cache / folder_name(weights_hash, precision))


def folder_name(weights_hash: str, precision: str) -> str:
    """`0a1b2c3d4e5f6071-openvino-2026.4.1-int8-1`."""
    return f"{weights_hash[:16]}-openvino-{engine_version()}-{precision}-{RECIPE}"


def engine_version() -> str:
    """Of the installed OpenVINO. Raises ConversionFailed where there is none."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        raise ConversionFailed("OpenVINO is not installed.") from None


def _index(cache: Path, identity: str) -> Path:
    return cache / f"source-{identity}.json"


def remember_source(cache: Path, identity: str, weights_hash: str) -> None:
    """Note which numbers a weights file holds, so that the next worker need not load it."""
    write_whole(_index(cache, identity), json.dumps({"weights_hash": weights_hash}).encode())


def put_folder(made: Path, record: dict[str, Any], folder: Path) -> None:
    """Give a converted model in `made` (model.xml, model.bin) its record and its place in the cache, in one step."""
    record["sha256"] = {name: _sha256(made / name) for name in MODEL_FILES}
    write_whole(made / "record.json", json.dumps(record, indent=1).encode())
    _place(made, folder)


def _place(made: Path, folder: Path) -> None:
    """Rename, over a damaged one; a whole one of another worker stays."""
    if read_folder(folder) is None:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        os.rename(made, folder)
    except OSError:
        if read_folder(folder) is None:  # not another worker's, but a full disk
            raise


def _shared_name(source: WeightsSource, precision: str) -> str:
    return folder_name(source.identity, precision) + ".zip"


def _packed(made: Converted) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in FILES:
            archive.write(made.folder / name, name)
    return buffer.getvalue()


def _unpacked(data: bytes | None, source: WeightsSource, precision: str, cache: Path) -> Converted | None:
    """What another machine made of these weights, put into the cache; None where that is nothing or damaged.

    Nothing in the archive names a path: its folder is named by the weights' hash, which has to be one, and by the
    precision that was asked for.
    """
    if data is None:
        return None
    with tempfile.TemporaryDirectory(dir=cache, prefix=".making-") as making:
        made = Path(making) / "made"
        made.mkdir()
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for name in FILES:
                    if archive.getinfo(name).file_size > LARGEST_FILE:
                        return None
                    (made / name).write_bytes(archive.read(name))
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError):
            return None
        conversion = read_folder(made)
        if conversion is None or not _fits(conversion.record, precision):
            logger.warning("The shared conversion of these weights is damaged: it is made anew here.")
            return None
        folder = cache / folder_name(conversion.weights_hash, precision)
        _place(made, folder)
    remember_source(cache, source.identity, conversion.weights_hash)
    return read_folder(folder)


def _fits(record: dict[str, Any], precision: str) -> bool:
    """Whether a record from elsewhere says what `put_folder`'s says, of that precision."""
    weights_hash, checked = record.get("weights_hash"), record.get("checked")
    return (
        isinstance(weights_hash, str)
        and re.fullmatch("[0-9a-f]{64}", weights_hash) is not None
        and record.get("precision") == precision
        and isinstance(checked, dict)
        and len(checked) > 0
        and all(
            isinstance(form, dict) and isinstance(form.get("minimum"), float) for form in checked.values()
        )
    )


def read_folder(folder: Path) -> Converted | None:
    """The conversion in a folder; None where it is missing, not whole or damaged."""
    try:
        record = json.loads((folder / "record.json").read_text())
        whole = all(_sha256(folder / name) == record["sha256"][name] for name in MODEL_FILES)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        logger.warning("The converted network in %s is damaged: it is made anew when it is needed.", folder)
        return None
    return Converted(folder, record)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _locked(cache: Path) -> Iterator[int]:
    """One conversion at a time. The child inherits the lock, so it holds even if this worker is killed."""
    handle = os.open(cache / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def in_a_process(request: dict[str, str], lock: int) -> str:
    """Run the converter in a process of its own, whose memory is given back; returns the new folder's name.

    Raises as `obtain` does.
    """
    title = WeightsSource(None, "", request["network"]).title
    root = Path(__file__).resolve().parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH", "")))),
        # Conversion is done on the processor, where its result runs.
        "CUDA_VISIBLE_DEVICES": "-1",
        # OpenVINO's tools send statistics of their use unless they believe themselves under test.
        "CI": "true",
    }
    try:
        done = subprocess.run(  # noqa: S603 — our own module, a request of our own
            [sys.executable, "-m", "detection.features.converter", json.dumps(request)],
            env=environment,
            cwd=root,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            pass_fds=(lock,),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConversionFailed(f"Converting {title} took more than {SECONDS // 60} minutes.") from None
    last = (done.stdout.strip().splitlines() or [""])[-1]
    if done.returncode == UNAVAILABLE:
        raise ExtractorUnavailable(last)
    if done.returncode:
        logger.error("The converter ended with %s:\n%s", done.returncode, done.stderr[-4000:])
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ConversionFailed(f"{title} could not be converted ({reason[:200]}).")
    return last
