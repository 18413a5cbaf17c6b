"""One look at a whole tile: windows that a network can take, and its activations pooled over the superpixels.

A superpixel is described by the mean of the grid's cells, each weighed by how many of the superpixel's pixels lie in it: the
same average as over the cells of a crop, but with the crop's surroundings in sight. Known to no particular network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import sparse

LARGEST_TABLE = 1_000_000

Network = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


class Windows:
    """The sizes: a tile of 1000×1000 pixels is seen at 512×512; a crop is seen at the tile's scale, not magnified.

    `longest`: sides up to it are scaled by `large` / `longest`; up to `limit` they are fitted into `large`; beyond,
    the image is divided. `small`, `large`: the two canvases, so that two network shapes serve every image.
    """

    longest = 1000
    limit = 1250
    small = 256
    large = 512
    # ImageNet's mean colour: nothing to the network, as the zeros around an image are.
    margin = (124, 117, 104)


def pool_windows(
    image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32], count: int, network: Network
) -> npt.NDArray[np.float32]:
    """Describe superpixels 1…count of an image, float32 (count, channels); `count` is at least 1.

    `image`: uint8 (H, W, 3); `labels`: int32 (H, W), 0 where there is no data, every number from 1 to `count` used.
    `network`: uint8 (1, s, s, 3) → float32 (1, g, g, channels), its cells g×g of equal size.
    """
    totals = np.float32(0)
    pixels = np.zeros(count, np.float32)
    for window in windows_of(labels.shape):
        canvas, size = shrink(image[window])
        cells = network(canvas[None])[0]
        side = len(cells)
        weights = cell_weights(labels[window], count, size, side, canvas.shape[0] // side)
        # Row by row and in one thread: a matrix product of BLAS may round otherwise with other threads.
        totals = totals + weights @ cells.reshape(side * side, -1)
        pixels += np.asarray(weights.sum(axis=1)).ravel()
    return np.asarray(totals / pixels[:, None], dtype=np.float32)


def windows_of(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """(rows, columns) of equal parts that cover (height, width), none longer than the limit on either side."""
    rows, columns = (_parts(side) for side in shape[:2])
    return ((row, column) for row in rows for column in columns)


def _parts(side: int) -> list[slice]:
    bounds = np.linspace(0, side, ceil(side / Windows.limit) + 1).round().astype(int).tolist()
    return [slice(first, last) for first, last in zip(bounds[:-1], bounds[1:], strict=True)]


def shrink(window: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """The window, uint8 (h, w, 3), at the network's scale in the top left corner of a square canvas.

    Returns the canvas, uint8 (s, s, 3), and the (height, width) that the window has on it.
    """
    height, width = window.shape[:2]
    scale = Windows.large / max(height, width, Windows.longest)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    side = Windows.small if max(size) <= Windows.small else Windows.large
    picture = np.asarray(Image.fromarray(window).resize((size[1], size[0]), Image.Resampling.BILINEAR))
    if size == (side, side):
        return picture, size
    canvas = np.empty((side, side, 3), np.uint8)
    canvas[:] = Windows.margin
    canvas[: size[0], : size[1]] = picture
    return canvas, size


def cell_weights(
    labels: npt.NDArray[np.int32], count: int, size: tuple[int, int], side: int, stride: int
) -> sparse.csr_array:
    """How many pixels of each superpixel lie in each cell: float32 (count, side · side), sparse.

    `labels`: int32 (h, w), drawn at `size` on a canvas of `side`×`side` cells of `stride`×`stride` pixels each. A
    pixel belongs to the cell that its centre falls into.
    """
    height, width = labels.shape
    rows = ((np.arange(height) + 0.5) * size[0] / height / stride).astype(np.int64)
    columns = ((np.arange(width) + 0.5) * size[1] / width / stride).astype(np.int64)
    cells = side * side
    numbers, present = labels, np.arange(count)
    if (
        count * cells > LARGEST_TABLE
    ):  # a window of a huge image holds few of its superpixels: they are numbered anew
        there = np.bincount(labels.ravel(), minlength=count + 1) > 0
        there[0] = False
        present = np.flatnonzero(there) - 1
        numbers = np.where(there, np.cumsum(there), 0)[labels]
    place = numbers.astype(np.int64)
    place *= cells
    place += rows[:, None] * side
    place += columns
    table = np.bincount(place.ravel(), minlength=(len(present) + 1) * cells)[cells:]
    used = np.flatnonzero(table)
    return sparse.csr_array(
        (table[used].astype(np.float32), (present[used // cells], used % cells)), shape=(count, cells)
    )
