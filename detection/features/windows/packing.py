"""What is kept of a block of 32×32 pixels: 39 bytes instead of 492 numbers, so that a tile comes to 40 kB.

The network's numbers are brought to the scale that its own weights tell (the last normalisation of each stage), projected on 128
directions of random signs (Johnson & Lindenstrauss 1984) and kept in two bits each; the cues are kept in two bits each
as well. Nothing is learned, so the bytes mean the same on every machine and to every classifier. ADR 22 has what that costs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.lite0.network import CELL_DIMENSION, STAGES
from detection.features.lite0.weights import Arrays
from detection.features.windows.cues import CUES

Floats = npt.NDArray[np.float32]

DIRECTIONS, SEED = 128, 5
NUMBERS = DIRECTIONS + CUES
BYTES = -(-NUMBERS // 4)
# Where the four values of two bits part, in deviations: of projections, of cues.
PARTS, CUE_PARTS = 0.6, 0.75
FARTHEST = 4.0
# A deviation within a cell is smaller than one over the map.
WITHIN, WITHIN_SPREAD = 0.6, 0.25
# Middle and deviation of each cue over labelled ground.
CUE_MIDDLE = (
    120,
    15,
    120,
    1.6,
    150,
    1.9,
    0.002,
    0.47,
    0,
    0.00098,
    1.5,
    1.5,
    2,
    2.1,
    1.7,
    1.9,
    1.4,
    1.8,
    5.6,
    0.35,
    4.6,
    0.14,
    0.14,
    0.36,
    0.036,
    0.035,
    0.097,
    4,
)
CUE_SPREAD = (
    37,
    11,
    5.6,
    0.87,
    8.6,
    1.3,
    0.27,
    0.41,
    0.15,
    0.23,
    1.1,
    1.1,
    1.7,
    1.6,
    2.1,
    1.8,
    3.5,
    2.9,
    3.8,
    0.17,
    3.1,
    0.12,
    0.12,
    0.25,
    0.037,
    0.04,
    0.07,
    3.4,
)


class Packer:
    """Turns blocks into bytes and back."""

    def __init__(self, arrays: Arrays) -> None:
        """`arrays`: the network's weights."""
        self.middle, self.spread = _scale(arrays)
        signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size=(CELL_DIMENSION, DIRECTIONS))
        self.directions = (signs / np.sqrt(CELL_DIMENSION)).astype(np.float32)

    def pack(self, blocks: Floats) -> npt.NDArray[np.uint8]:
        """uint8 (n, BYTES) of blocks float32 (n, CELL_DIMENSION + CUES)."""
        network = np.clip((blocks[:, :CELL_DIMENSION] - self.middle) / self.spread, -FARTHEST, FARTHEST)
        cues = (blocks[:, CELL_DIMENSION:] - np.array(CUE_MIDDLE)) / np.array(CUE_SPREAD)
        codes = np.zeros((len(blocks), BYTES * 4), np.uint8)
        codes[:, :DIRECTIONS] = np.digitize(network @ self.directions, (-PARTS, 0, PARTS))
        codes[:, DIRECTIONS:NUMBERS] = np.digitize(cues, (-CUE_PARTS, 0, CUE_PARTS))
        quarters = codes.reshape(len(blocks), BYTES, 4)
        return np.asarray(quarters @ np.array([1, 4, 16, 64], np.uint8), np.uint8)


def unpack(packed: npt.NDArray[np.uint8]) -> Floats:
    """float32 (n, NUMBERS), each one of −1.5, −0.5, 0.5 and 1.5, of uint8 (n, BYTES)."""
    quarters = (packed[:, :, None] >> np.array([0, 2, 4, 6], np.uint8)) & 3
    return quarters.reshape(len(packed), -1)[:, :NUMBERS].astype(np.float32) - np.float32(1.5)


def _scale(arrays: Arrays) -> tuple[Floats, Floats]:
    """Middle and deviation of each of the network's numbers, as its normalisations would have them: the sum over the
    blocks of a stage, whose outputs are added up."""
    middles: dict[int, Floats] = {}
    squares: dict[int, Floats] = {}
    number = 0
    for repeats, _kernel, _stride, _expansion, channels in STAGES:
        middles[channels] = squares[channels] = np.zeros(channels, np.float32)
        for _repeat in range(repeats):
            middles[channels] = middles[channels] + arrays[f"_blocks.{number}._bn2.bias"]
            squares[channels] = squares[channels] + arrays[f"_blocks.{number}._bn2.weight"] ** 2
            number += 1
    spreads = {channels: np.sqrt(square) for channels, square in squares.items()}
    deep = (80, 112, 192)
    return (
        np.concatenate([middles[40], WITHIN * spreads[40], *(middles[one] for one in deep)]),
        np.concatenate([WITHIN * spreads[40], WITHIN_SPREAD * spreads[40], *(spreads[one] for one in deep)]),
    )
