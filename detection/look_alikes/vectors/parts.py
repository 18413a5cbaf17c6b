"""The files of an index: immutable, mapped into memory, a byte a component and four for the length.

A superpixel is nowhere a row of a table: a part says which tiles it holds and at which row each begins, so row r is
superpixel r − begin + 1 of the tile in whose range it lies. Left out: where the files lie and how they are named.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Part:
    """`tiles`: int64 (t,), ids of segmented tiles; `begins`: int64 (t + 1,), the first row of each and the number of
    rows; `squares`: float32 (n,), the squared length of each row; `codes`: int8 (n, k)."""

    tiles: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    squares: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.codes)

    def places(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(segmented tile ids, superpixel numbers from 1), int64 (n,) each, of the rows with these numbers."""
        at = np.searchsorted(self.begins, rows, side="right") - 1
        return self.tiles[at], rows - self.begins[at] + 1


def pack_part(
    tiles: Sequence[int],
    counts: Sequence[int],
    squares: Sequence[npt.NDArray[np.float32]],
    codes: Sequence[npt.NDArray[np.int8]],
) -> bytes:
    """The bytes of a part. `counts`: the superpixels of each tile; `squares`, `codes`: blocks of rows in their order.

    Raises ValueError where tiles and rows do not add up.
    """
    begins = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype("<i8")
    if begins[-1] != sum(map(len, codes)) or begins[-1] != sum(map(len, squares)):
        raise ValueError(f"Tiles with {begins[-1]} superpixels need as many rows.")
    buffer = io.BytesIO()
    for array in (
        np.asarray(tiles, "<i8"),
        begins,
        np.concatenate(squares).astype("<f4", copy=False),
        np.ascontiguousarray(np.concatenate(codes)),
    ):
        np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def read_part(path: Path) -> Part:
    """The part in that file, mapped into memory: opening it reads next to nothing.

    Raises FileNotFoundError, and ValueError where the file is no part or is cut short.
    """
    arrays = []
    with path.open("rb") as file:
        for _number in range(4):
            np.lib.format.read_magic(file)
            shape, _fortran, dtype = np.lib.format.read_array_header_1_0(file)
            arrays.append(
                np.memmap(path, dtype=dtype, mode="r", offset=file.tell(), shape=shape)
                if np.prod(shape)
                else np.zeros(shape, dtype)
            )
            file.seek(int(np.prod(shape)) * dtype.itemsize, io.SEEK_CUR)
    tiles, begins, squares, codes = arrays
    if codes.ndim != 2 or len(squares) != len(codes) or len(begins) != len(tiles) + 1:
        raise ValueError(f"{path.name} is no part of an index.")
    return Part(tiles, begins, squares, codes)


def merge_parts(
    part: Part,
) -> tuple[list[int], list[int], list[npt.NDArray[np.float32]], list[npt.NDArray[np.int8]]]:
    """A part as `pack_part` takes it, so that a small one grows instead of being one of thousands."""
    return (
        part.tiles.tolist(),
        np.diff(part.begins).tolist(),
        [np.asarray(part.squares)],
        [np.asarray(part.codes)],
    )
