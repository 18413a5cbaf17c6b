"""How colour, grain and slope vary together within a piece: a covariance, in its log-Euclidean form.

After Tuzel, Porikli and Meer, "Region Covariance" (ECCV 2006), and Arsigny and others, "Log-Euclidean metrics" (Magnetic
Resonance in Medicine 56, 2006): the matrix logarithm makes of covariances a plain vector space, in which a kernel
may measure. Everything is in units of the piece's own contrast, so that a dull sky changes little.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.texture_planes import Planes, halved, reduced

Floats = npt.NDArray[np.float32]

# L*, a*, b*; the size of each of seven bands; the signed value of the coarser four; the slope.
CHANNELS = 3 + 7 + 4 + 1
DIMENSION = CHANNELS * (CHANNELS + 1) // 2
# Keeps the logarithm finite where a piece is plain.
FLOOR = 1e-4
LEAST_DEVIATION = 4.0


def describe_covariance(
    planes: Planes, boxes: list[tuple[slice, slice]], deviation: npt.NDArray[np.float64]
) -> Floats:
    """float32 (n, DIMENSION): the upper triangle of the logarithm of each box's covariance.

    `boxes` in pixels of the image; `deviation` (n,): of each piece's lightness, > 0.
    """
    channels = _channels(planes)
    rows, columns = np.triu_indices(CHANNELS)
    numbers = np.empty((len(boxes), DIMENSION), np.float32)
    for number, (box, unit) in enumerate(zip(boxes, deviation, strict=True)):
        values = channels[(slice(None), *reduced(box, channels.shape[1:], 2))].reshape(CHANNELS, -1)
        values = (values - values.mean(axis=1, keepdims=True)) / np.float32(unit)
        covariance = (values @ values.T).astype(np.float64) / values.shape[1] + FLOOR * np.eye(CHANNELS)
        sizes, axes = np.linalg.eigh(covariance)
        logarithm = (axes * np.log(np.maximum(sizes, FLOOR / 10))) @ axes.T
        numbers[number] = logarithm[rows, columns]
    return numbers


def _channels(planes: Planes) -> Floats:
    """float32 (CHANNELS, H / 4, W / 4)."""
    import cv2

    lab = cv2.split(halved(planes.lab))
    sizes = [*planes.grain, *(halved(np.abs(band)) for band in planes.half_bands)]
    sizes += [np.abs(band) for band in planes.quarter_bands]
    signed = [*(halved(band) for band in planes.half_bands[1:]), *planes.quarter_bands]
    slope = halved(cv2.magnitude(planes.across, planes.down))
    return np.stack([*lab, *sizes, *signed, slope])
