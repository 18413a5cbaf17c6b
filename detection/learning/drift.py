"""Whether images look like anything that a classifier was trained on: by features alone, whatever the algorithm.

A superpixel's distance to the nearest of a few hundred training rows (landmarks), on few principal axes, is compared
with the distances that training rows have to landmarks of *other* dates: that much a new date differs anyhow. What
lies beyond 95 % of those is unlike; a group of images is unlike where it surely has more of that than any training date.
Nearest-neighbour novelty detection (Knorr & Ng 1998; Markou & Singh 2003). It names what was never seen, not what will be wrong: on
the real crops the one does not foretell the other (docs/adr/0024). NumPy only, constant memory.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from detection.learning.ranking import Projection

Floats = npt.NDArray[np.float32]

AXES = 24
LANDMARKS = 500
# Rows from which the axes are learnt: with more the axes no longer turn, and a training would wait for them.
SAMPLE_ROWS = 2000
# The share of training rows that lies farther than the limit, by definition of the limit.
BEYOND = 0.05
# Fewer dates say little of how much one differs from the others.
FEWEST_DATES = 3
# Of fewer superpixels, less than one tile, nothing is said; a training date of fewer is no measure.
FEWEST_SUPERPIXELS = 20
# Deviations of the lower end of a share's interval: 95 %, one-sided.
SURE = 1.645
CHUNK_ROWS = 4096
LARGEST = 64 * 1024 * 1024


class Likeness(StrEnum):
    LIKE = "like"
    UNLIKE = "unlike"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class DriftReference:
    """What a classifier keeps of its training rows to know them again.

    `projection`: from features to axes; `landmarks`: float32 (m, k), training rows on these axes; `limit`: a distance
    beyond which a row is unlike; `most`: the largest share beyond it of any training date, measured without its own landmarks.
    """

    projection: Projection
    landmarks: Floats
    limit: float
    most: float

    def away(self, rows: Floats) -> Floats:
        """Distance to the nearest landmark, float32 (n,), of rows float32 (n, d)."""
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), CHUNK_ROWS):
            part = self.projection.apply(rows[start : start + CHUNK_ROWS])
            found[start : start + CHUNK_ROWS] = _squares(part, self.landmarks).min(axis=1)
        return np.sqrt(np.maximum(found, 0))

    def beyond(self, rows: Floats) -> npt.NDArray[np.bool_]:
        """Which of these rows, float32 (n, d), lie farther from all landmarks than the limit, bool (n,)."""
        return np.asarray(self.away(rows) > self.limit)

    def verdict(self, superpixels: int, beyond: int) -> Likeness:
        """Of a group of images with so many superpixels, of which so many lie beyond the limit."""
        return verdict_of(superpixels, beyond, self.most)


def fit(rows: Floats, dates: npt.NDArray[np.str_], seed: int) -> DriftReference:
    """Of training rows float32 (n, d), finite, and the date of each, str (n,).

    Raises ValueError where there are fewer than three dates.
    """
    if len(np.unique(dates)) < FEWEST_DATES:
        raise ValueError(f"labels of {FEWEST_DATES} dates at least are wanted")
    order = np.random.default_rng(seed).permutation(len(rows))
    projection = Projection.fit(rows[np.sort(order[:SAMPLE_ROWS])], AXES)
    chosen = np.sort(order[:LANDMARKS])
    landmarks, of_landmarks = projection.apply(rows[chosen]), dates[chosen]
    away = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), CHUNK_ROWS):
        here = slice(start, start + CHUNK_ROWS)
        squares = _squares(projection.apply(rows[here]), landmarks)
        squares[dates[here, None] == of_landmarks[None]] = np.inf
        away[here] = squares.min(axis=1)
    away = np.sqrt(np.maximum(away, 0))
    limit = float(np.quantile(away, 1 - BEYOND))
    shares = [
        float((away[dates == date] > limit).mean())
        for date, count in zip(*np.unique(dates, return_counts=True), strict=True)
        if count >= FEWEST_SUPERPIXELS
    ]
    return DriftReference(projection, landmarks, limit, max([BEYOND, *shares]))


def verdict_of(superpixels: int, beyond: int, most: float) -> Likeness:
    """`most`: the largest share beyond the limit of any training date."""
    if superpixels < FEWEST_SUPERPIXELS:
        return Likeness.UNKNOWN
    return Likeness.UNLIKE if least_share(superpixels, beyond) > most else Likeness.LIKE


def least_share(count: int, found: int) -> float:
    """The lower end of the interval of a share, `found` of `count` (Wilson 1927)."""
    share, square = found / count, SURE**2
    middle = share + square / (2 * count)
    half = SURE * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return (middle - half) / (1 + square / count)


def write(reference: DriftReference) -> bytes:
    """The reference's file. The same reference gives the same bytes."""
    projection = reference.projection
    buffer = io.BytesIO()
    for array in (projection.middle, projection.scale, projection.axes, reference.landmarks):
        np.lib.format.write_array(buffer, np.ascontiguousarray(array, np.float32), allow_pickle=False)
    numbers = np.array([reference.limit, reference.most], np.float64)
    np.lib.format.write_array(buffer, numbers, allow_pickle=False)
    return buffer.getvalue()


def read(data: bytes) -> DriftReference:
    """The reference in these bytes. Raises ValueError for anything else."""
    if len(data) > LARGEST:
        raise ValueError("The drift reference in this classifier file is larger than any that Amber writes.")
    stream = io.BytesIO(data)
    try:
        middle, scale, axes, landmarks, numbers = (
            np.lib.format.read_array(stream, allow_pickle=False) for _array in range(5)
        )
    except (ValueError, EOFError, OSError, MemoryError):
        raise ValueError("The drift reference in this classifier file cannot be read.") from None
    sound = (
        all(array.dtype == np.float32 for array in (middle, scale, axes, landmarks))
        and numbers.dtype == np.float64
        and numbers.shape == (2,)
        and middle.ndim == 1
        and middle.shape == scale.shape
        and axes.ndim == landmarks.ndim == 2
        and axes.shape == (len(middle), landmarks.shape[1])
        and len(landmarks) > 0
        and all(np.isfinite(array).all() for array in (middle, scale, axes, landmarks, numbers))
        and bool((scale > 0).all())
        and numbers[0] >= 0
        and 0 < numbers[1] <= 1
    )
    if not sound:
        raise ValueError("The arrays of the drift reference in this classifier file do not fit together.")
    return DriftReference(Projection(middle, scale, axes), landmarks, float(numbers[0]), float(numbers[1]))


def _squares(reduced: Floats, landmarks: Floats) -> Floats:
    """Squared distances float32 (n, m)."""
    away = reduced @ landmarks.T
    away *= -2
    away += (landmarks**2).sum(axis=1)
    away += (reduced**2).sum(axis=1)[:, None]
    return away
