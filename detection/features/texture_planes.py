"""The planes of an image that the texture numbers are read from: lightness, colour, bands and gradients.

Two resolutions, named by how often the image is halved: `half` and `quarter`; no number needs the image's own. Left
out: which numbers are made of them (`texture_colour`, `texture_covariance`, `scattering`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# Gaussian scales of the differences, in pixels of their own resolution.
HALF_SCALES = (0.6, 1.0, 1.6, 2.6)
QUARTER_SCALES = (2.0, 3.2, 5.0)

# What a plain aerial picture of forest and fields looks like in CIELAB: mean and deviation of L*, a*, b*.
# Whole tiles are brought to it, because providers retouch contrast and colour.
REFERENCE_MEAN = (50.0, -8.0, 15.0)
REFERENCE_DEVIATION = (18.0, 6.0, 9.0)
# The same for the cheap lightness of the bands, which the square root makes paler.
REFERENCE_LIGHTNESS = (68.0, 13.0)
LUMA = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class Planes:
    """All float32. `lightness` (H / 2, W / 2) 0…100, the square root of luma, near to L* and far cheaper.

    `lab` (H / 2, W / 2, 3) CIELAB; `half_bands`, `quarter_bands`: differences of Gaussians, fine to coarse, each at its
    resolution; `across`, `down`: gradient of the lightness, a step of two pixels of the image.
    """

    lightness: Floats
    lab: Floats
    half_bands: list[Floats]
    quarter_bands: list[Floats]
    across: Floats
    down: Floats


def compute_planes(
    image: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_] | None = None, *, to_reference: bool
) -> Planes:
    """All planes of `image`, uint8 (H, W, 3) sRGB.

    `seen`: bool (H, W), False where there is no data; such pixels take the mean of the others, so that a black
    border is neither dark ground nor part of the tile's light. `to_reference` shifts and scales each channel of
    the whole image to the reference; right for a tile, wrong for a crop, whose mean is its content.
    """
    import cv2

    seen_half: npt.NDArray[np.bool_] | None = None
    if seen is not None and not seen.all():
        image = image.copy()
        image[~seen] = np.round(image[seen].mean(axis=0)) if seen.any() else 0
        seen_half = halved(seen.astype(np.float32)) >= 0.5
    small = halved(image)
    luma = cv2.transform(small, np.array([LUMA], np.float32))
    roots = (100 * np.sqrt(np.arange(256) / 255)).astype(np.float32)
    lightness = cv2.LUT(luma, roots)
    lab = cv2.cvtColor(small.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)
    if to_reference:
        lightness = _matched(lightness, seen_half, *REFERENCE_LIGHTNESS)
        channels = zip(cv2.split(lab), REFERENCE_MEAN, REFERENCE_DEVIATION, strict=True)
        lab = cv2.merge([_matched(channel, seen_half, mean, spread) for channel, mean, spread in channels])
    half_bands, smooth = _bands(lightness, HALF_SCALES, lightness)
    quarter_bands, _ = _bands(halved(lightness), QUARTER_SCALES, halved(smooth))
    once = cv2.GaussianBlur(lightness, (0, 0), 0.7, borderType=cv2.BORDER_REFLECT_101)
    across = cv2.Sobel(once, cv2.CV_32F, 1, 0, ksize=1, scale=0.5, borderType=cv2.BORDER_REFLECT_101)
    down = cv2.Sobel(once, cv2.CV_32F, 0, 1, ksize=1, scale=0.5, borderType=cv2.BORDER_REFLECT_101)
    return Planes(lightness, lab, half_bands, quarter_bands, across, down)


def halved(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Means of 2×2 pixels, same dtype; an image one pixel thin stays so."""
    import cv2

    rows, columns = max(plane.shape[0] // 2, 1), max(plane.shape[1] // 2, 1)
    return cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA)


def reduced(box: tuple[slice, slice], shape: tuple[int, ...], halvings: int) -> tuple[slice, slice]:
    """The box (rows, columns of the image) on a plane of that `shape`, halved so often; never empty."""
    scale = 1 << halvings
    first = [min(part.start // scale, size - 1) for part, size in zip(box, shape[:2], strict=True)]
    rows, columns = (
        slice(start, min(max(part.stop // scale, start + 1), size))
        for start, part, size in zip(first, box, shape[:2], strict=True)
    )
    return rows, columns


def _matched(plane: Floats, seen: npt.NDArray[np.bool_] | None, mean: float, deviation: float) -> Floats:
    """Shifted and scaled to `mean` and `deviation` of what is seen, within what a sensor can show (−100…100)."""
    ground = plane if seen is None or not seen.any() else plane[seen]
    scale = deviation / max(float(ground.std()), 1e-3)
    scaled = plane * np.float32(scale) + np.float32(mean - float(ground.mean()) * scale)
    # Without the bound the sand of a dark tile would be brighter than white.
    return np.clip(scaled, -100, 100, out=scaled)


def _bands(plane: Floats, scales: tuple[float, ...], before: Floats) -> tuple[list[Floats], Floats]:
    """Differences of Gaussians of `plane`, the first against `before`; also the smoothest plane."""
    import cv2

    bands = []
    for scale in scales:
        after = cv2.GaussianBlur(plane, (0, 0), scale, borderType=cv2.BORDER_REFLECT_101)
        bands.append(cv2.subtract(before, after))
        before = after
    return bands, before
