"""Where the windows of an image lie: 64×64 pixels, one every 32.

An image is divided into blocks of 32×32 pixels, and a window is a square of two by two of them. Blocks are what is kept of
an image; windows are what is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# A cell is what the network's maps are brought to; a block is two cells wide.
CELL, BLOCK = 16, 32

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class WindowGrid:
    """`blocks`: (down, across) of the image, row by row; `windows`: (down, across), window (i, j) being the blocks i and
    i + 1 down, j and j + 1 across; an image of a single row of blocks has windows of that row."""

    blocks: tuple[int, int]

    @property
    def windows(self) -> tuple[int, int]:
        return max(self.blocks[0] - 1, 1), max(self.blocks[1] - 1, 1)

    def window_means(self, blocks: Floats) -> Floats:
        """Means of each window's blocks, float32 (windows, d) of float32 (blocks, d)."""
        table: npt.NDArray[Any] = blocks.reshape(*self.blocks, -1)
        for axis in (0, 1):
            if self.blocks[axis] > 1:
                first = np.arange(self.blocks[axis] - 1)
                table = (np.take(table, first, axis) + np.take(table, first + 1, axis)) / 2
        return np.ascontiguousarray(table.reshape(-1, table.shape[-1]), np.float32)

    def window_rows(self, blocks: Floats) -> Floats:
        """What the windows show, float32 (windows, 2·d): means of their blocks, float32 (blocks, d), and deviations."""
        means = self.window_means(blocks)
        squares = self.window_means(blocks * blocks)
        return np.concatenate([means, np.sqrt(np.maximum(squares - means * means, 0))], axis=1)

    def block_means(self, windows: Floats) -> Floats:
        """For every block the mean of the windows that hold it: float32 (down, across) of float32 (windows,)."""
        table: npt.NDArray[Any] = windows.reshape(self.windows).astype(np.float32)
        for axis in (0, 1):
            if self.blocks[axis] > 1:
                table = (
                    np.concatenate([_edge(table, axis, 0), table], axis)
                    + np.concatenate([table, _edge(table, axis, -1)], axis)
                ) / 2
        return table


def _edge(table: Floats, axis: int, place: int) -> Floats:
    return np.take(table, [place], axis)


def window_grid(height: int, width: int) -> WindowGrid:
    """Of an image of that size in pixels. Raises ValueError for an image without pixels."""
    if height < 1 or width < 1:
        raise ValueError(f"an image has pixels, not {(height, width)}")
    return WindowGrid((-(-height // BLOCK), -(-width // BLOCK)))


def superpixel_means(labels: npt.NDArray[np.int32], grid: WindowGrid, windows: Floats) -> Floats:
    """How much of each superpixel is mining: the mean of its pixels' windows, float32 (superpixels,) in 0…1.

    `labels`: int32 (H, W), superpixels 1…n, 0 = no data; `windows`: float32 (windows,) of the image's grid.
    """
    rows, columns = (np.arange(side) // BLOCK for side in labels.shape)
    values = grid.block_means(windows)[rows[:, None], columns]
    count = int(labels.max(initial=0)) + 1
    pixels = np.bincount(labels.ravel(), minlength=count)[1:]
    return (np.bincount(labels.ravel(), values.ravel(), count)[1:] / np.maximum(pixels, 1)).astype(np.float32)


def windows_within(
    labels: npt.NDArray[np.int32], grid: WindowGrid, superpixel: int, share: float
) -> npt.NDArray[np.bool_]:
    """bool (windows,): those of which at least that share of the pixels belongs to the superpixel."""
    inside = np.zeros((grid.blocks[0] * BLOCK, grid.blocks[1] * BLOCK), np.float32)
    inside[: labels.shape[0], : labels.shape[1]] = labels == superpixel
    blocks = inside.reshape(grid.blocks[0], BLOCK, grid.blocks[1], BLOCK).mean(axis=(1, 3))
    return np.asarray(grid.window_means(blocks.reshape(-1, 1))[:, 0] >= share)
