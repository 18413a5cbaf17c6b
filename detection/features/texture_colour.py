"""Colour of a superpixel: moments, quantiles and shares of lightness, the two colour axes and chroma (CIELAB).

Read from histograms of 256 steps, so that any quantile of any superpixel costs one pass over its pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.texture_planes import reduced

Floats = npt.NDArray[np.float32]

STEPS = 256
QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
# (low, high) of the axis that a histogram covers, for L*, a*, b* and chroma; what lies beyond counts as the end.
RANGES = ((-20.0, 120.0), (-60.0, 60.0), (-60.0, 60.0), (0.0, 80.0))
# Shares of the pixels between `low` and `high` in so many bins, for L*, a*, b*.
SHARES = ((16, 0.0, 100.0), (12, -30.0, 30.0), (12, -20.0, 40.0))
MOMENTS = 4
# Histograms held at once: 4096 boxes × 256 steps × 4 planes are 34 MB, and as much again while they are read.
BOXES_AT_ONCE = 4096
DIMENSION = len(RANGES) * (MOMENTS + len(QUANTILES)) + sum(bins for bins, _low, _high in SHARES)


class Histograms:
    """Distributions of one plane over many boxes, each a histogram of STEPS steps between `low` and `high`."""

    def __init__(self, plane: Floats, boxes: list[tuple[slice, slice]], low: float, high: float) -> None:
        """`plane`: float32 (H, W); `boxes`: (rows, columns) of that plane, none empty."""
        import cv2

        scale = (STEPS - 1) / (high - low)
        steps = cv2.addWeighted(plane, scale, plane, 0.0, -low * scale, dtype=cv2.CV_8U)
        counts = np.empty((len(boxes), STEPS), np.float64)
        for row, box in enumerate(boxes):
            counts[row] = np.bincount(steps[box].ravel(), minlength=STEPS)
        self.shares = counts / counts.sum(axis=1, keepdims=True)
        self.values = np.linspace(low, high, STEPS)
        self._width = (high - low) / (STEPS - 1)

    def moments(self) -> npt.NDArray[np.float64]:
        """(n, 4): mean, deviation, skewness in −20…20 and kurtosis in 0…50."""
        mean = self.shares @ self.values
        away = self.values[None] - mean[:, None]
        squared = away * away
        deviation = np.sqrt((self.shares * squared).sum(axis=1))
        skewness = (self.shares * squared * away).sum(axis=1) / (deviation**3 + 1e-6)
        kurtosis = (self.shares * squared * squared).sum(axis=1) / (deviation**4 + 1e-6)
        return np.stack([mean, deviation, np.clip(skewness, -20, 20), np.clip(kurtosis, 0, 50)], axis=1)

    def quantiles(self, parts: tuple[float, ...]) -> npt.NDArray[np.float64]:
        """(n, len(parts)), between the steps by the share of the step that is reached."""
        reached = np.cumsum(self.shares, axis=1)
        values = np.empty((len(self.shares), len(parts)))
        rows = np.arange(len(self.shares))
        for column, part in enumerate(parts):
            step = np.minimum((reached < part - 1e-9).sum(axis=1), STEPS - 1)
            share = np.maximum(self.shares[rows, step], 1e-9)
            before = reached[rows, step] - self.shares[rows, step]
            inside = np.clip((part - before) / share, 0, 1) - 0.5
            values[:, column] = self.values[step] + self._width * inside
        return values

    def binned(self, bins: int, low: float, high: float) -> npt.NDArray[np.float64]:
        """(n, bins): shares of the pixels; the outer bins take what lies beyond."""
        bin_of = np.clip((self.values - low) * bins / (high - low), 0, bins - 1).astype(np.intp)
        return self.shares @ np.eye(bins)[bin_of]


def describe_colour(lab: Floats, boxes: list[tuple[slice, slice]]) -> Floats:
    """float32 (n, DIMENSION) for `boxes` of the image, `lab` being float32 (H / 2, W / 2, 3)."""
    import cv2

    if len(boxes) > BOXES_AT_ONCE:
        starts = range(0, len(boxes), BOXES_AT_ONCE)
        return np.concatenate(
            [describe_colour(lab, boxes[start : start + BOXES_AT_ONCE]) for start in starts]
        )
    planes = [*cv2.split(lab)]
    planes.append(cv2.magnitude(planes[1], planes[2]))
    inside = [reduced(box, lab.shape, 1) for box in boxes]
    numbers = []
    histograms = [
        Histograms(plane, inside, low, high) for plane, (low, high) in zip(planes, RANGES, strict=True)
    ]
    for histogram in histograms:
        numbers += [histogram.moments(), histogram.quantiles(QUANTILES)]
    for histogram, (bins, low, high) in zip(histograms, SHARES, strict=False):
        numbers.append(histogram.binned(bins, low, high))
    return np.concatenate(numbers, axis=1).astype(np.float32)
