"""The feature store: float16 arrays in immutable files, named by what they hold.

A chunk is a `.npy` file of shape (rows, dimension), float16, or of packed windows uint8, written once and read memory-mapped. Which
rows belong to which tile, the database says. The store is a folder (a Path), or a bucket seen through a bounded
folder (`BucketChunks`). No Django here; deleting unreferenced chunks is left out.
"""

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.features.whole_files import write_whole

FLOAT16_LIMIT = 65504.0
# Copies of chunks that this process has compared with their names: (path, size, inode).
_compared: set[tuple[str, int, int]] = set()
# Bytes that this process has copied into a folder since it last looked whether the folder is too full.
_added: dict[Path, int] = {}
LOOKS = 10


class DamagedChunk(ValueError):
    """What lies in the bucket under a chunk's name is not what was written there."""


@dataclass(frozen=True)
class BucketChunks:
    """Chunks in a bucket, with copies in `folder` for mapping into memory.

    `put` and `get` move whole files under keys. When the copies exceed `limit` bytes (by a tenth at most and process), those not used for the
    longest time go; one that is being read stays readable until it is closed (POSIX keeps it).
    """

    folder: Path
    put: Callable[[str, bytes], object]
    get: Callable[[str], bytes]
    limit: int

    def key(self, relative: str) -> str:
        return f"features/{relative}"


Store = Path | BucketChunks


def pack(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """float32 (rows, d) → float16 (rows, d); values beyond float16's range are clipped, NaN becomes 0."""
    finite = np.nan_to_num(features, nan=0.0, posinf=FLOAT16_LIMIT, neginf=-FLOAT16_LIMIT)
    return np.clip(finite, -FLOAT16_LIMIT, FLOAT16_LIMIT).astype(np.float16)


def write_chunk(store: Store, extractor_key: str, features: npt.NDArray[Any]) -> tuple[str, str]:
    """Write one chunk; returns (path relative to the store, SHA-256). The same content is the same path.

    Raises OSError with the name of the file where there is no space or no permission; nothing is left half-written.
    """
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(features), allow_pickle=False)
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    relative = f"{extractor_key}/{digest[:2]}/{digest}.npy"
    if isinstance(store, BucketChunks):
        # The bucket first: a copy here always stands for a chunk there.
        store.put(store.key(relative), data)
        _keep_copy(store, relative, data)
    elif not _has_size(store / relative, len(data)):
        write_whole(store / relative, data)
    return relative, digest


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def open_chunk(store: Store, relative: str) -> npt.NDArray[np.float16]:
    """The chunk, mapped into memory: float16 (rows, d).

    Raises FileNotFoundError when it is gone, DamagedChunk when the bucket holds something else under its name,
    and what the bucket's client raises.
    """
    if isinstance(store, Path):
        return np.load(store / relative, mmap_mode="r", allow_pickle=False)
    path = store.folder / relative
    for _attempt in range(3):  # another process may clear the copy away between look and open
        if not _is_sound(path):
            data = store.get(store.key(relative))
            if hashlib.sha256(data).hexdigest() != path.stem:
                raise DamagedChunk(
                    f"The feature chunk {relative} in the bucket is damaged: restore it from a backup."
                )
            _keep_copy(store, relative, data)
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
            _compared.add(_mark(path))
            return np.load(path, mmap_mode="r", allow_pickle=False)
    raise FileNotFoundError(
        f"The copy of the feature chunk {relative} vanishes again and again: is its disk full?"
    )


def _mark(path: Path) -> tuple[str, int, int]:
    state = path.stat()
    return str(path), state.st_size, state.st_ino


def _is_sound(path: Path) -> bool:
    """Whether the copy is what its name says; looked at once a process, a torn or changed one is removed."""
    try:
        mark = _mark(path)
        if mark in _compared:
            return True
        if hashlib.sha256(path.read_bytes()).hexdigest() == path.stem:
            return True
    except FileNotFoundError:
        return False
    path.unlink(missing_ok=True)
    return False


def _keep_copy(store: BucketChunks, relative: str, data: bytes) -> None:
    """Copy into the folder; now and then clear away what exceeds the limit, the copy just made excepted.

    The folder is walked when this process has added a tenth of the limit since it last looked (other processes add
    too), so clearing costs the same for every copy, however many there are.
    """
    path = store.folder / relative
    write_whole(path, data)
    _compared.add(_mark(path))
    added = _added.get(store.folder, store.limit) + len(data)
    _added[store.folder] = added
    if added * LOOKS < store.limit:
        return
    _added[store.folder] = 0
    copies = []
    for copy in store.folder.rglob("*.npy"):
        with contextlib.suppress(FileNotFoundError):
            state = copy.stat()
            copies.append((state.st_mtime_ns, state.st_size, copy))
    total = sum(size for _time, size, _copy in copies)
    for _time, size, copy in sorted(copies):
        if total <= store.limit:
            break
        if copy != path:
            copy.unlink(missing_ok=True)
            total -= size


def read_rows(store: Store, relative: str, first: int, count: int) -> npt.NDArray[np.float32]:
    """Rows [first, first + count) of a chunk as float32 (count, d).

    Raises FileNotFoundError when the chunk is gone and ValueError when it is shorter than asked.
    """
    chunk = open_chunk(store, relative)
    if first + count > len(chunk):
        raise ValueError(f"Chunk {relative} has {len(chunk)} rows, not {first + count}: extract again.")
    return np.asarray(chunk[first : first + count], dtype=np.float32)


def read_blocks(
    store: Store, ranges: Iterable[tuple[str, int, int]], rows_at_once: int
) -> Iterator[npt.NDArray[np.float32]]:
    """The rows of `ranges`, one range after the other, as float32 blocks (n, d) of at most `rows_at_once`.

    `ranges`: (chunk relative to the store, first row, number of rows). Ranges that follow each other in a chunk are read
    as one slice, and a chunk is opened once for all of its slices that stand together.

    Raises what `read_rows` raises.
    """
    waiting: list[npt.NDArray[np.float16]] = []
    rows = 0
    for relative, slices in _merged(ranges):
        chunk = open_chunk(store, relative)
        for first, last in slices:
            if last > len(chunk):
                raise ValueError(f"Chunk {relative} has {len(chunk)} rows, not {last}: extract again.")
            while first < last:
                part = chunk[first : min(last, first + rows_at_once - rows)]
                waiting.append(part)
                first, rows = first + len(part), rows + len(part)
                if rows == rows_at_once:
                    yield _as_block(waiting)
                    waiting, rows = [], 0
    if waiting:
        yield _as_block(waiting)


def _merged(ranges: Iterable[tuple[str, int, int]]) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """(chunk, [(first, last + 1), …]) with ranges that touch made one, in the order given."""
    for relative, group in groupby(ranges, key=lambda item: item[0]):
        slices: list[tuple[int, int]] = []
        for _relative, first, count in group:
            if slices and slices[-1][1] == first:
                slices[-1] = (slices[-1][0], first + count)
            else:
                slices.append((first, first + count))
        yield relative, slices


def _as_block(parts: list[npt.NDArray[np.float16]]) -> npt.NDArray[np.float32]:
    block = np.empty((sum(len(part) for part in parts), parts[0].shape[1]), np.float32)
    row = 0
    for part in parts:
        block[row : row + len(part)] = part
        row += len(part)
    return block
