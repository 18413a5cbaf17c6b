"""Slope of the lightness: how steep, and whether it runs one way.

Ploughed fields, clear-cut rows and roads have a direction; dug ground has none. The structure tensor (Bigün and
Granlund, ICCV 1987) tells how much at three sizes, a histogram of directions tells it of the whole piece.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.texture_colour import Histograms
from detection.features.texture_planes import Planes, halved, reduced

Floats = npt.NDArray[np.float32]

# Of the structure tensor's window, in pixels of the quarter resolution.
SCALES = (0.6, 1.3, 3.0)
SLOPE_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
ORDER_QUANTILES = (0.1, 0.5, 0.9)
SECTORS = 12
HARMONICS = 4
STEEPEST = 24.0
DIMENSION = 3 + len(SLOPE_QUANTILES) + len(SCALES) * (3 + len(ORDER_QUANTILES)) + 3 + HARMONICS


def describe_gradients(
    planes: Planes, boxes: list[tuple[slice, slice]], deviation: npt.NDArray[np.float64]
) -> Floats:
    """float32 (n, DIMENSION); `boxes` in pixels of the image, `deviation` (n,) of each piece's lightness, > 0."""
    import cv2

    across, down = planes.across, planes.down
    slope = cv2.magnitude(across, down)
    inside = [reduced(box, slope.shape, 1) for box in boxes]
    unit = deviation[:, None]
    steep = Histograms(slope, inside, 0.0, STEEPEST)
    moments = steep.moments()
    numbers = [moments[:, :1], moments[:, :2] / unit, steep.quantiles(SLOPE_QUANTILES) / unit]
    xx, yy, xy = (halved(part) for part in (across * across, down * down, across * down))
    coarse = [reduced(box, xx.shape, 2) for box in boxes]
    for scale in SCALES:
        sxx, syy, sxy = (
            cv2.GaussianBlur(part, (0, 0), scale, borderType=cv2.BORDER_REFLECT_101) for part in (xx, yy, xy)
        )
        energy = sxx + syy
        # 0 where every direction is alike, 1 where there is one; plain ground counts as undirected.
        aligned = cv2.magnitude(sxx - syy, 2 * sxy)
        order = Histograms(aligned / (energy + np.float32(0.01)), coarse, 0.0, 1.0)
        weighted = [[float(aligned[box].sum() / (energy[box].sum() + 1e-3))] for box in coarse]
        numbers += [order.moments()[:, :2], np.array(weighted), order.quantiles(ORDER_QUANTILES)]
    numbers.append(_directions(across, down, slope, coarse))
    return np.concatenate(numbers, axis=1).astype(np.float32)


def _directions(
    across: Floats, down: Floats, slope: Floats, coarse: list[tuple[slice, slice]]
) -> npt.NDArray[np.float64]:
    """(n, 3 + HARMONICS): greatest share, deviation and entropy of the directions, weighted by slope, and the
    strength of the first harmonics, which do not turn with the picture."""
    import cv2

    # Every second pixel of every second row tells the same.
    across, down, slope = (np.ascontiguousarray(plane[::2, ::2]) for plane in (across, down, slope))
    turned = cv2.phase(across, down)
    # Opposite slopes are one direction.
    sector = np.mod(turned * np.float32(SECTORS / np.pi), SECTORS).astype(np.uint8)
    numbers = np.empty((len(coarse), 3 + HARMONICS))
    for row, box in enumerate(coarse):
        shares = np.bincount(sector[box].ravel(), weights=slope[box].ravel(), minlength=SECTORS + 1)[:SECTORS]
        shares = shares / (shares.sum() + 1e-3)
        harmonics = np.abs(np.fft.rfft(shares))[1 : HARMONICS + 1]
        entropy = -(shares * np.log(shares + 1e-9)).sum()
        numbers[row] = [shares.max(), shares.std(), entropy, *harmonics]
    return numbers
