"""Whether images look like anything that a classifier was trained on: by features alone, whatever the algorithm.

Training rows lie near a plane of few principal axes. How far a superpixel lies from it (the residual of principal
components, Jackson & Mudholkar 1979) is compared with training rows whose own date had no part in the plane: that much a
new date differs anyhow. What lies beyond 95 % of those is unlike; a group of images is unlike where it surely has more
of that than any training date. It names what was never seen, not what will be wrong: on the real crops the one does not
foretell the other (docs/adr/0024). NumPy only, constant memory.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

AXES = 24
# Rows from which the plane is learnt: with more it no longer turns, and a training would wait for it.
SAMPLE_ROWS = 1000
# Single odd values are cut off at so many deviations.
FARTHEST = 4.0
# Parts in which the dates are held out, each date whole.
FOLDS = 5
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

    `middle`, `scale`: float32 (d,); `axes`: float32 (d, k), orthonormal; `limit`: a distance from their plane beyond which a
    row is unlike; `most`: the largest share beyond it of any training date, by planes that had no part of it.
    """

    middle: Floats
    scale: Floats
    axes: Floats
    limit: float
    most: float

    def away(self, rows: Floats) -> Floats:
        """Distance to the plane of the training rows, float32 (n,), of rows float32 (n, d)."""
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), CHUNK_ROWS):
            part = _standard(rows[start : start + CHUNK_ROWS], self.middle, self.scale)
            along = part @ self.axes
            squares = np.einsum("ij,ij->i", part, part) - np.einsum("ij,ij->i", along, along)
            found[start : start + CHUNK_ROWS] = np.sqrt(np.maximum(squares, 0))
        return found

    def beyond(self, rows: Floats) -> npt.NDArray[np.bool_]:
        """Which of these rows, float32 (n, d), lie farther from the plane than the limit, bool (n,)."""
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
    random = np.random.default_rng(seed)
    known, of_row = np.unique(dates, return_inverse=True)
    fold = (random.permutation(len(known)) % FOLDS)[of_row]
    away = np.empty(len(rows), np.float32)
    for number in np.unique(fold):
        away[fold == number] = _plane(rows[fold != number], random).away(rows[fold == number])
    limit = float(np.quantile(away, 1 - BEYOND))
    shares = [
        float((away[dates == date] > limit).mean())
        for date, count in zip(*np.unique(dates, return_counts=True), strict=True)
        if count >= FEWEST_SUPERPIXELS
    ]
    return replace(_plane(rows, random), limit=limit, most=max([BEYOND, *shares]))


def _plane(rows: Floats, random: np.random.Generator) -> DriftReference:
    """The plane of a sample of these rows; with it no limit yet."""
    sample = rows[np.sort(random.permutation(len(rows))[:SAMPLE_ROWS])]
    middle = sample.mean(axis=0)
    scale = np.maximum(sample.std(axis=0), 1e-3)
    standard = _standard(sample, middle, scale)
    # From the rows' products with each other, as there may be more features than rows.
    values, vectors = np.linalg.eigh((standard @ standard.T).astype(np.float64))
    kept = [number for number in range(len(values))[::-1] if values[number] > 1e-6 * values[-1]][:AXES]
    axes = standard.T @ vectors[:, kept].astype(np.float32)
    axes /= np.maximum(np.linalg.norm(axes, axis=0), 1e-6)
    return DriftReference(middle, scale, np.ascontiguousarray(axes), 0.0, 1.0)


def _standard(rows: Floats, middle: Floats, scale: Floats) -> Floats:
    return np.clip((rows - middle) / scale, -FARTHEST, FARTHEST)


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
    buffer = io.BytesIO()
    for array in (reference.middle, reference.scale, reference.axes):
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
        middle, scale, axes, numbers = (
            np.lib.format.read_array(stream, allow_pickle=False) for _array in range(4)
        )
    except (ValueError, EOFError, OSError, MemoryError):
        raise ValueError("The drift reference in this classifier file cannot be read.") from None
    sound = (
        all(array.dtype == np.float32 for array in (middle, scale, axes))
        and numbers.dtype == np.float64
        and numbers.shape == (2,)
        and middle.ndim == 1
        and middle.shape == scale.shape
        and axes.ndim == 2
        and len(axes) == len(middle) > 0
        and all(np.isfinite(array).all() for array in (middle, scale, axes, numbers))
        and bool((scale > 0).all())
        and numbers[0] >= 0
        and 0 < numbers[1] <= 1
    )
    if not sound:
        raise ValueError("The arrays of the drift reference in this classifier file do not fit together.")
    return DriftReference(middle, scale, axes, float(numbers[0]), float(numbers[1]))
