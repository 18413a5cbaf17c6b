"""A fitted outline head: windows in, probabilities out; and its file, plain arrays without pickle."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detection.learning.calibration import probability
from detection.learning.ranked_svm import RankedSvm
from detection.learning.ranks import Ranks

Floats = npt.NDArray[np.float32]

ARRAYS = ("values", "places", "vectors", "weights")
NUMBERS = ("gamma", "margin", "slope", "offset", "threshold", "least")
LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True)
class GroundHead:
    """`key`: of the windows it reads; `threshold`: a superpixel is outlined from that mean probability on; `least`: a tile
    on which no superpixel comes so far has no mining to outline."""

    key: str
    machine: RankedSvm
    slope: float
    offset: float
    threshold: float
    least: float

    def window_probabilities(self, windows: Floats) -> Floats:
        """Of mining, float32 (n,) in 0…1, of windows float32 (n, d)."""
        return probability(self.machine.margins(windows), self.slope, self.offset)


def outlined(ground: Floats, threshold: float, least: float) -> npt.NDArray[np.intp]:
    """Which superpixels of a tile are outlined, intp (m,), rising, from 1: those that reach the threshold, or else the
    likeliest one if it reaches `least`. `ground`: float32 (n,) in 0…1, how much of each is mining."""
    chosen = np.flatnonzero(ground >= threshold)
    if not len(chosen) and ground.max(initial=0) >= least:
        chosen = np.array([int(ground.argmax())])
    return np.asarray(chosen + 1, np.intp)


def write(head: GroundHead) -> bytes:
    """The head's file. The same head gives the same bytes."""
    machine = head.machine
    arrays = (machine.ranks.values, machine.ranks.places, machine.vectors, machine.weights)
    numbers = (machine.gamma, machine.offset, head.slope, head.offset, head.threshold, head.least)
    buffer = io.BytesIO()
    for array in (*arrays, np.array(numbers, np.float64), np.frombuffer(head.key.encode(), np.uint8)):
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def read(data: bytes) -> GroundHead:
    """The head in these bytes. Raises ValueError for anything else."""
    if len(data) > LARGEST:
        raise ValueError("The outline head in this classifier file is larger than any that Amber writes.")
    stream = io.BytesIO(data)
    try:
        values, places, vectors, weights, numbers, key = (
            np.lib.format.read_array(stream, allow_pickle=False) for _array in range(len(ARRAYS) + 2)
        )
    except (ValueError, EOFError, OSError, MemoryError):
        raise ValueError("The outline head in this classifier file cannot be read.") from None
    sound = (
        all(array.dtype == np.float32 for array in (values, places, vectors, weights))
        and numbers.dtype == np.float64
        and numbers.shape == (len(NUMBERS),)
        and key.dtype == np.uint8
        and key.ndim == weights.ndim == 1
        and vectors.ndim == values.ndim == 2
        and values.shape == places.shape
        and values.shape[0] == vectors.shape[1]
        and len(vectors) == len(weights) > 0
        and all(np.isfinite(array).all() for array in (values, places, vectors, weights, numbers))
        and bool((np.diff(values, axis=1) > 0).all())
        and numbers[0] > 0
        and bytes(key).isascii()
    )
    if not sound:
        raise ValueError("The arrays of the outline head in this classifier file do not fit together.")
    gamma, margin, slope, offset, threshold, least = map(float, numbers)
    machine = RankedSvm(Ranks(values, places), vectors, weights, gamma, margin)
    return GroundHead(bytes(key).decode("ascii"), machine, slope, offset, threshold, least)
