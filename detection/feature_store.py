"""The feature store: float16 arrays in immutable files, named by what they hold.

A chunk is a `.npy` file of shape (rows, dimension), float16, written once and read memory-mapped. Which
rows belong to which tile, the database says. No Django here; deleting unreferenced chunks is left out.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

FLOAT16_LIMIT = 65504.0


def pack(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """float32 (rows, d) → float16 (rows, d); values beyond float16's range are clipped, NaN becomes 0."""
    finite = np.nan_to_num(features, nan=0.0, posinf=FLOAT16_LIMIT, neginf=-FLOAT16_LIMIT)
    return np.clip(finite, -FLOAT16_LIMIT, FLOAT16_LIMIT).astype(np.float16)


def write_chunk(root: Path, extractor_key: str, features: npt.NDArray[np.float16]) -> tuple[str, str]:
    """Write one chunk; returns (path relative to `root`, SHA-256). The same content is the same path."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(features), allow_pickle=False)
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    relative = f"{extractor_key}/{digest[:2]}/{digest}.npy"
    path = root / relative
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    return relative, digest


def read_rows(root: Path, relative: str, first: int, count: int) -> npt.NDArray[np.float32]:
    """Rows [first, first + count) of a chunk as float32 (count, d).

    Raises FileNotFoundError when the chunk is gone and ValueError when it is shorter than asked.
    """
    chunk = np.load(root / relative, mmap_mode="r", allow_pickle=False)
    if first + count > len(chunk):
        raise ValueError(f"Chunk {relative} has {len(chunk)} rows, not {first + count}: extract again.")
    return np.asarray(chunk[first : first + count], dtype=np.float32)


def read_blocks(
    root: Path, ranges: Iterable[tuple[str, int, int]], rows_at_once: int
) -> Iterator[npt.NDArray[np.float32]]:
    """The rows of `ranges`, one range after the other, as float32 blocks (n, d) of at most `rows_at_once`.

    `ranges`: (chunk relative to `root`, first row, number of rows). Ranges that follow each other in a chunk are read
    as one slice, and a chunk is opened once for all of its slices that stand together.

    Raises what `read_rows` raises.
    """
    waiting: list[npt.NDArray[np.float16]] = []
    rows = 0
    for relative, slices in _merged(ranges):
        chunk = np.load(root / relative, mmap_mode="r", allow_pickle=False)
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
