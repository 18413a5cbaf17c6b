"""How colour, grain, slope and its order vary together within a superpixel: a covariance, in its log-Euclidean form.

Ploughed fields, clear-cut rows and roads have a direction; dug ground has none: the structure tensor (Bigün and
Granlund, ICCV 1987) and the Hessian tell it at each place, the covariance tells how it goes with light and colour.

After Tuzel, Porikli and Meer, "Region Covariance" (ECCV 2006), and Arsigny and others, "Log-Euclidean metrics" (Magnetic
Resonance in Medicine 56, 2006): the matrix logarithm makes of covariances a plain vector space, in which a kernel
may measure. Everything is in units of the superpixel's own contrast, so that a dull sky changes little.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.texture_planes import Planes, halved, reduced

Floats = npt.NDArray[np.float32]

# Of the structure tensor's window and of the Hessian, in pixels of the quarter resolution.
TENSOR_SCALES = (0.6, 1.3, 3.0)
BEND_SCALES = (1.0, 2.0)
# L*, a*, b*; the size of each of seven bands; the signed value of the coarser four; the slope; how much slope there is
# and how much of it runs one way; how unevenly the lightness bends.
CHANNELS = 3 + 7 + 4 + 1 + 2 * len(TENSOR_SCALES) + len(BEND_SCALES)
DIMENSION = CHANNELS * (CHANNELS + 1) // 2
# Keeps the logarithm finite where a superpixel is plain.
FLOOR = 1e-4
LEAST_DEVIATION = 4.0


def describe_covariance(
    planes: Planes, boxes: list[tuple[slice, slice]], deviation: npt.NDArray[np.float64]
) -> Floats:
    """float32 (n, DIMENSION): the upper triangle of the logarithm of each box's covariance.

    `boxes` in pixels of the image; `deviation` (n,): of each superpixel's lightness, > 0.
    """
    channels = _channels(planes)
    rows, columns = np.triu_indices(CHANNELS)
    numbers = np.empty((len(boxes), DIMENSION), np.float32)
    for number, (box, unit) in enumerate(zip(boxes, deviation, strict=True)):
        values = channels[(slice(None), *reduced(box, channels.shape[1:], 2))].reshape(CHANNELS, -1)
        values = values - values.mean(axis=1, keepdims=True)
        covariance = (values @ values.T).astype(np.float64) / (values.shape[1] * unit**2)
        covariance += FLOOR * np.eye(CHANNELS)
        sizes, axes = np.linalg.eigh(covariance)
        logarithm = (axes * np.log(np.maximum(sizes, FLOOR / 10))) @ axes.T
        numbers[number] = logarithm[rows, columns]
    return numbers


def _channels(planes: Planes) -> Floats:
    """float32 (CHANNELS, H / 4, W / 4)."""
    import cv2

    lab = cv2.split(halved(planes.lab))
    sizes = [halved(np.abs(band)) for band in planes.half_bands]
    sizes += [np.abs(band) for band in planes.quarter_bands]
    signed = [halved(planes.half_bands[-1]), *planes.quarter_bands]
    slope = halved(cv2.magnitude(planes.across, planes.down))
    tensors = _tensors(planes)
    energies = [np.sqrt(energy) for energy, _aligned in tensors]
    # In units of slope like the energies' roots; the bare share would not tell faint from steep.
    ordered = [aligned / np.sqrt(energy + np.float32(0.01)) for energy, aligned in tensors]
    bends = [_bend(planes, scale) for scale in BEND_SCALES]
    return np.stack([*lab, *sizes, *signed, slope, *energies, *ordered, *bends])


def _tensors(planes: Planes) -> list[tuple[Floats, Floats]]:
    """At each scale the trace of the structure tensor (≥ 0) and the difference of its eigenvalues (0 to the trace),
    float32 (H / 4, W / 4)."""
    import cv2

    across, down = planes.across, planes.down
    products = [halved(part) for part in (across * across, down * down, across * down)]
    tensors = []
    for scale in TENSOR_SCALES:
        xx, yy, xy = (
            cv2.GaussianBlur(part, (0, 0), scale, borderType=cv2.BORDER_REFLECT_101) for part in products
        )
        tensors.append((xx + yy, cv2.magnitude(xx - yy, 2 * xy)))
    return tensors


def _bend(planes: Planes, scale: float) -> Floats:
    """Difference of the Hessian's eigenvalues, float32 (H / 4, W / 4) ≥ 0: large on edges and ridges, small where a
    mark is round or the ground plain."""
    import cv2

    smooth = cv2.GaussianBlur(halved(planes.lightness), (0, 0), scale, borderType=cv2.BORDER_REFLECT_101)
    xx, yy, xy = (
        cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=3, borderType=cv2.BORDER_REFLECT_101)
        for order in ((2, 0), (0, 2), (1, 1))
    )
    return cv2.magnitude(xx - yy, 2 * xy) * np.float32(scale * scale)
