"""Small forms on the ground: local patterns of light and dark, and round marks with their rims.

Binary patterns after Ojala, Pietikäinen and Mäenpää, "Multiresolution gray-scale and rotation invariant texture
classification" (IEEE TPAMI 24, 2002), the uniform ones; blobs as extremes of the Laplacian of Gaussian (Lindeberg, IJCV
30, 1998). Both see order and shape and little of the light's strength, so they hold on imagery that was retouched.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.texture_colour import Histograms
from detection.features.texture_planes import Planes, reduced

Floats = npt.NDArray[np.float32]
Boxes = list[tuple[slice, slice]]

PATTERNS = 10
# (blur, radius of the neighbours) in pixels of the half resolution.
NEIGHBOURHOODS = ((0.0, 1), (1.2, 4))
# Scales of round marks in pixels of the half resolution: pits of one to four metres at 0.37 m a pixel.
BLOBS = (1.0, 2.6)
STRENGTHS = (0.25, 0.5, 1.0, 2.0)
RIM_QUANTILES = (0.01, 0.05, 0.95, 0.99)
RIM = 0.7
WIDEST = 64.0
DIMENSION = len(NEIGHBOURHOODS) * PATTERNS + len(BLOBS) * (2 * len(STRENGTHS) + 2 + len(RIM_QUANTILES) + 2)


def describe_marks(planes: Planes, boxes: Boxes, deviation: npt.NDArray[np.float64]) -> Floats:
    """float32 (n, DIMENSION); `boxes` in pixels of the image, `deviation` (n,) of each piece's lightness, > 0."""
    plane = planes.lightness
    inside = [reduced(box, plane.shape, 1) for box in boxes]
    numbers = [_patterns(plane, inside, blur, radius) for blur, radius in NEIGHBOURHOODS]
    numbers += [_blobs(plane, inside, scale, deviation) for scale in BLOBS]
    return np.concatenate(numbers, axis=1).astype(np.float32)


def local_binary_patterns(plane: npt.NDArray[np.int16], radius: int) -> npt.NDArray[np.uint8]:
    """Rotation-invariant uniform patterns, uint8 (H, W) in 0…9, of int16 (H, W).

    Eight neighbours at `radius`, diagonal ones rounded to whole pixels instead of interpolated.
    """
    import cv2

    diagonal = max(1, round(radius * 0.7071))
    neighbours = (
        (0, radius),
        (diagonal, diagonal),
        (radius, 0),
        (diagonal, -diagonal),
        (0, -radius),
        (-diagonal, -diagonal),
        (-radius, 0),
        (-diagonal, diagonal),
    )
    rows, columns = plane.shape
    padded = cv2.copyMakeBorder(plane, radius, radius, radius, radius, cv2.BORDER_REPLICATE)
    code = np.zeros((rows, columns), np.uint8)
    for place, (down, across) in enumerate(neighbours):
        top, left = radius + down, radius + across
        brighter = cv2.compare(padded[top : top + rows, left : left + columns], plane, cv2.CMP_GE)
        code |= brighter & np.uint8(1 << place)
    return cv2.LUT(code, _UNIFORM)


def _uniform_codes() -> npt.NDArray[np.uint8]:
    """8-bit circular pattern → number of set bits if it has at most two changes, else 9."""
    codes = np.zeros(256, np.uint8)
    for code in range(256):
        bits = [(code >> place) & 1 for place in range(8)]
        changes = sum(bits[place] != bits[place - 1] for place in range(8))
        codes[code] = sum(bits) if changes <= 2 else PATTERNS - 1
    return codes


_UNIFORM = _uniform_codes()


def _patterns(plane: Floats, inside: Boxes, blur: float, radius: int) -> npt.NDArray[np.float64]:
    """(n, PATTERNS): shares of the patterns."""
    smooth = _blurred(plane, blur) if blur else plane
    codes = local_binary_patterns(np.round(smooth * 8).astype(np.int16), radius)
    counts = np.array([np.bincount(codes[box].ravel(), minlength=PATTERNS) for box in inside], np.float64)
    return counts / counts.sum(axis=1, keepdims=True)


def _blobs(
    plane: Floats, inside: Boxes, scale: float, deviation: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Dark and bright round marks per area by strength, their mean strength, and the contrast of rims.

    An amber pit is a dark round hole within a rim of pale sand: a rim is the mean around less the centre. Strengths
    are in units of the piece's own contrast.
    """
    import cv2

    response = cv2.Laplacian(_blurred(plane, scale), cv2.CV_32F, ksize=1, scale=scale * scale)
    window = np.ones((int(2 * scale) | 1,) * 2, np.uint8)
    dark_at = cv2.compare(cv2.dilate(response, window), response, cv2.CMP_EQ)
    bright_at = cv2.compare(cv2.erode(response, window), response, cv2.CMP_EQ)
    rim = cv2.subtract(_blurred(plane, scale * 2.2), _blurred(plane, scale * 0.7))
    rims = Histograms(rim, inside, -WIDEST, WIDEST)
    numbers = np.empty((len(inside), 2 * len(STRENGTHS) + 2))
    for row, (box, unit) in enumerate(zip(inside, deviation, strict=True)):
        found = response[box]
        dark = found[dark_at[box] > 0] / unit
        bright = -found[bright_at[box] > 0] / unit
        area = found.size / 2500
        numbers[row] = [
            *((marks > strength).sum() / area for strength in STRENGTHS for marks in (dark, bright)),
            dark.mean() if dark.size else 0.0,
            bright.mean() if bright.size else 0.0,
        ]
    edge = RIM * deviation[:, None]
    beyond = [
        (rims.shares * (rims.values > edge)).sum(axis=1),
        (rims.shares * (rims.values < -edge)).sum(axis=1),
    ]
    quantiles = rims.quantiles(RIM_QUANTILES) / deviation[:, None]
    return np.concatenate([numbers, quantiles, np.stack(beyond, axis=1)], axis=1)


def _blurred(plane: Floats, scale: float) -> Floats:
    import cv2

    return cv2.GaussianBlur(plane, (0, 0), scale, borderType=cv2.BORDER_REFLECT_101)
