"""Families of features of one rectangle of ground: colour, local binary patterns, blobs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float32]

PERCENTILES = (2, 10, 25, 50, 75, 90, 98)
LBP_RADII = (1, 2, 4)
BLOB_SIGMAS = (1.0, 1.6, 2.5, 4.0)
SMALLEST_SIDE = 16


def describe(image: npt.NDArray[np.uint8]) -> Floats:
    """float32 (DIMENSION,) of a rectangle uint8 (h, w, 3); smaller ones than 16 × 16 are repeated to that size."""
    from skimage.color import rgb2lab

    half = _half(_at_least(image, SMALLEST_SIDE))
    lab = rgb2lab(half / np.float32(255)).astype(np.float32)
    light = lab[..., 0]
    parts = [_moments(lab[..., c]) for c in range(3)]
    parts += [
        _histogram(lab[..., 0], 0, 100),
        _histogram(lab[..., 1], -20, 20),
        _histogram(lab[..., 2], -20, 40),
    ]
    parts += [_lbp(light, radius) for radius in LBP_RADII]
    deviation = float(light.std()) + 1.0
    parts += [_moments(response / deviation) for response in _blobs(light)]
    return np.concatenate(parts).astype(np.float32)


def _at_least(image: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    rows, cols = max(0, side - image.shape[0]), max(0, side - image.shape[1])
    return np.pad(image, ((0, rows), (0, cols), (0, 0)), mode="symmetric") if rows or cols else image


def _half(image: npt.NDArray[np.uint8]) -> Floats:
    rows, cols = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    blocks = image[:rows, :cols].reshape(rows // 2, 2, cols // 2, 2, 3).astype(np.float32)
    return blocks.mean(axis=(1, 3))


def _moments(values: Floats) -> Floats:
    flat = values.ravel()
    mean, deviation = flat.mean(), flat.std() + 1e-6
    centred = (flat - mean) / deviation
    shape = [(centred**3).mean(), min((centred**4).mean(), 100.0)]
    return np.array([mean, deviation, *shape, *np.percentile(flat, PERCENTILES)], np.float32)


def _histogram(values: Floats, low: float, high: float, bins: int = 16) -> Floats:
    index = np.clip((values - low) * (bins / (high - low)), 0, bins - 1).astype(np.intp)
    return np.sqrt(np.bincount(index.ravel(), minlength=bins) / index.size).astype(np.float32)


def _lbp(values: Floats, radius: int) -> Floats:
    from skimage.feature import local_binary_pattern

    codes = local_binary_pattern(np.round(values * 2).astype(np.int32), 8, radius, "uniform").astype(np.intp)
    return np.sqrt(np.bincount(codes.ravel(), minlength=10) / codes.size).astype(np.float32)


def _blobs(light: Floats) -> list[Floats]:
    smooth = [ndimage.gaussian_filter(light, sigma, mode="reflect", truncate=3) for sigma in BLOB_SIGMAS]
    return [fine - coarse for fine, coarse in zip([light, *smooth], smooth, strict=False)]


DIMENSION = 3 * 11 + 3 * 16 + 10 * len(LBP_RADII) + 11 * len(BLOB_SIGMAS)
