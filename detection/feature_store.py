"""The feature store: float16 arrays in immutable files, named by what they hold.

A chunk is a `.npy` file of shape (rows, dimension), float16, written once and read memory-mapped. Which
rows belong to which tile, the database says. No Django here; deleting unreferenced chunks is left out.
"""

import hashlib
import io
import os
import tempfile
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
