"""The nearest rows of an index, by looking at every one of them.

No tree and no graph: in dozens of dimensions they visit most rows all the same or miss some, and a whole scan of ten
million rows is half a gigabyte read once. Distances come from |a − b|² = |a|² + |b|² − 2ab, a matrix product a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detection.look_alikes.vectors.compression import Compression
from detection.look_alikes.vectors.parts import Part

Floats = npt.NDArray[np.float32]

# Rows at once for one superpixel asked about: 0.8 MB as float32 for 48 components, which stays in a core's cache. Above
# about this size OpenBLAS brings in threads of its own, which wait for each other on a busy machine: 20 times slower.
BLOCK = 4_096
THREADS = 2


@dataclass(frozen=True)
class Neighbours:
    """Rows found, the nearest first: `tile` and `superpixel` int64 (n,), `distance` float32 (n,), 1 being that of two
    superpixels drawn by chance."""

    tile: npt.NDArray[np.int64]
    superpixel: npt.NDArray[np.int64]
    distance: Floats

    def __len__(self) -> int:
        return len(self.tile)

    def places(self) -> list[tuple[int, int]]:
        return list(zip(self.tile.tolist(), self.superpixel.tolist(), strict=True))


def nearest(
    parts: Sequence[Part],
    compression: Compression,
    queries: Floats,
    wanted: int,
    threads: int = THREADS,
) -> Neighbours:
    """The `wanted` rows of all parts nearest to any of `asked`, float32 (q, d) raw features.

    Memory: a block a thread for each of `asked`, whatever the size of the index. Of rows equally near, those that
    stand earlier. Raises ValueError for features of another length.
    """
    points = compression.project(queries)
    # The step of each component goes into what is asked, so that codes are multiplied as they are.
    weights = np.ascontiguousarray((-2 * points * compression.step).T)
    lengths = np.einsum("ij,ij->i", points, points)
    size = max(BLOCK // max(len(points), 1), 256)
    blocks = [(number, start) for number, part in enumerate(parts) for start in range(0, len(part), size)]
    shares = [blocks[first::threads] for first in range(threads)]
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        results = list(pool.map(lambda share: _scan(parts, share, size, weights, lengths, wanted), shares))
    squared = np.concatenate([result[0] for result in results])
    number = np.concatenate([result[1] for result in results])
    row = np.concatenate([result[2] for result in results])
    order = np.lexsort((row, number, squared))[:wanted]
    tile, superpixel = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    for one in np.unique(number[order]):
        here = number[order] == one
        tile[here], superpixel[here] = parts[one].places(row[order][here])
    distance = np.sqrt(np.maximum(squared[order], 0)) / compression.typical
    return Neighbours(tile, superpixel, distance.astype(np.float32))


_Best = tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _scan(
    parts: Sequence[Part],
    blocks: Sequence[tuple[int, int]],
    size: int,
    weights: Floats,
    lengths: Floats,
    wanted: int,
) -> _Best:
    """The best of some blocks: squared distance float32, number of the part int64, row of the part int64, (n,) each."""
    best = _Shortlist(wanted)
    room = np.empty((size, weights.shape[0]), np.float32)
    for number, start in blocks:
        part = parts[number]
        codes = part.codes[start : start + size]
        rows = room[: len(codes)]
        np.copyto(rows, codes)
        distances = rows @ weights
        distances += lengths
        squared = distances.min(axis=1) if distances.shape[1] > 1 else distances[:, 0]
        squared += part.squares[start : start + size]
        best.take(squared, number, start)
    return best.result()


class _Shortlist:
    """The smallest numbers seen so far, and a few more until it is tidied."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.limit = np.float32(np.inf)
        self.held: list[_Best] = []
        self.count = 0

    def take(self, squared: Floats, number: int, start: int) -> None:
        rows = np.flatnonzero(squared < self.limit)
        if not len(rows):
            return
        self.held.append((squared[rows], np.full(len(rows), number), rows + start))
        self.count += len(rows)
        if self.count > 8 * self.wanted:
            self._tidy()

    def _tidy(self) -> None:
        squared, number, row = self._joined()
        if len(squared) > self.wanted:
            # Equal ones at the edge fall to the earlier rows: blocks come in their order.
            kept = np.sort(np.argsort(squared, kind="stable")[: self.wanted])
            squared, number, row = squared[kept], number[kept], row[kept]
            self.limit = squared.max()
        self.held, self.count = [(squared, number, row)], len(squared)

    def _joined(self) -> _Best:
        if not self.held:
            return np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64)
        squared, number, row = (np.concatenate(arrays) for arrays in zip(*self.held, strict=True))
        return squared, number, row

    def result(self) -> _Best:
        self._tidy()
        return self.held[0]


def rank_again(
    compression: Compression, neighbours: Neighbours, features: Floats, queries: Floats, wanted: int
) -> Neighbours:
    """The best `wanted` of `found` by all their features instead of their codes.

    `features`: float32 (n, d) raw, in the order of `found`; `asked`: float32 (q, d) raw.
    """
    rows, points = compression.standardise(features), compression.standardise(queries)
    squared = np.min([np.einsum("ij,ij->i", rows - point, rows - point) for point in points], axis=0)
    order = np.argsort(squared, kind="stable")[:wanted]
    distance = np.sqrt(squared[order]) / compression.typical
    return Neighbours(neighbours.tile[order], neighbours.superpixel[order], distance.astype(np.float32))


def spread_out(compression: Compression, queries: Floats, most: int) -> npt.NDArray[np.intp]:
    """The numbers of at most `most` rows of `asked`, float32 (q, d) raw, that stand for all of them.

    The first is the one nearest to their mean; each further one is the farthest from those chosen (Gonzalez 1985).
    """
    points = compression.project(queries)
    chosen = [int(np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    apart = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < min(most, len(points)):
        chosen.append(int(np.argmax(apart)))
        apart = np.minimum(apart, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen, np.intp)
