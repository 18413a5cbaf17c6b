"""The numbers of one piece: statistics of the whole-image maps over its bounding box.

The bounding box, not the piece's own outline, because the labelled crops of the 2018 dataset are cut so: a crop and
the same ground within a tile are pooled alike. Contrast is divided out by the box's own deviation; the absolute
colours are kept beside, as they tell season and sand.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from detection.features.texture_maps import (
    BANDS,
    BLOBS,
    FINE_BANDS,
    FINE_BLOBS,
    FINE_SPREADS,
    ORIENTATION_SCALES,
    PATTERN_RADII,
    PATTERNS,
    SPREADS,
    Maps,
)

# A flat piece must not have its noise blown up: deviations below this many steps of lightness count as this.
LEAST_DEVIATION = 4.0
# A quantile of a large plane is taken from every second row and column.
LARGE = 4000

SEVEN = np.array([2, 10, 25, 50, 75, 90, 98])
TAILS = np.array([1, 5, 95, 99])
FIVE = np.array([5, 25, 50, 75, 95])
THREE = np.array([10, 50, 90])

DIMENSION = 351


def pool(maps: Maps, box: tuple[slice, slice]) -> npt.NDArray[np.float32]:
    """Describe the bounding box (rows, columns in full-resolution pixels); float32 (DIMENSION,), finite."""
    rows, columns = box
    step = maps.step
    fine = {name: plane[rows, columns] for name, plane in maps.fine.items()}
    shape = maps.coarse["L"].shape
    reduced = _reduced(rows, step, shape[0]), _reduced(columns, step, shape[1])
    coarse = {name: plane[reduced] for name, plane in maps.coarse.items()}
    deviation = max(float(fine["lightness"].std()), LEAST_DEVIATION)
    numbers = [
        *_relative_colour(coarse),
        *_absolute_colour(coarse),
        *_bands(fine, coarse, deviation),
        *_blobs(fine, coarse, deviation),
        *_gradients(fine, coarse, deviation),
        *_spreads(fine, coarse, deviation),
        *_patterns(fine),
        *_bright_patches(coarse),
    ]
    return np.clip(np.nan_to_num(np.array(numbers, dtype=np.float32)), -1000, 1000)


def _reduced(part: slice, step: int, size: int) -> slice:
    first = min(part.start // step, size - 1)
    return slice(first, max(part.stop // step, first + 1))


def _quantiles(plane: npt.NDArray, percent: npt.NDArray, scale: float = 1.0) -> list[float]:
    if plane.ndim == 2 and plane.size > LARGE:
        plane = plane[::2, ::2]
    ordered = np.sort(plane, axis=None)
    return [float(value) / scale for value in ordered[(len(ordered) - 1) * percent // 100]]


def _moments(plane: npt.NDArray) -> tuple[float, float, float, float]:
    """Mean, deviation, skewness, kurtosis; the last two bounded."""
    mean = float(plane.mean())
    centred = plane - mean
    squared = centred * centred
    deviation = float(np.sqrt(squared.mean()))
    skewness = float((squared * centred).mean()) / (deviation**3 + 1e-6)
    kurtosis = float((squared * squared).mean()) / (deviation**4 + 1e-6)
    return mean, deviation, float(np.clip(skewness, -20, 20)), float(np.clip(kurtosis, 0, 50))


def _relative(coarse: dict[str, npt.NDArray]) -> tuple[npt.NDArray, float]:
    deviation = max(float(coarse["L"].std()), LEAST_DEVIATION)
    return (coarse["L"] - coarse["L"].mean()) / deviation, deviation


def _relative_colour(coarse: dict[str, npt.NDArray]) -> list[float]:
    """Shape of the lightness distribution, and which colours the dark and the bright parts lean to."""
    relative, deviation = _relative(coarse)
    numbers = [*_moments(relative)[2:], *_quantiles(relative, SEVEN)]
    for name in ("a", "b"):
        centred = (coarse[name] - coarse[name].mean()) / deviation
        numbers += [float(centred.std()), *_quantiles(centred, SEVEN)]
    bounds = np.percentile(coarse["L"], [0, 20, 50, 80, 95, 100])
    mean_a, mean_b = float(coarse["a"].mean()), float(coarse["b"].mean())
    for low, high in zip(bounds[:-1], bounds[1:], strict=True):
        inside = (coarse["L"] >= low) & (coarse["L"] <= high)
        part = relative[inside]
        if not part.size:
            numbers += [0.0, 0.0, 0.0, 0.0]
            continue
        numbers += [
            float(coarse["a"][inside].mean()) - mean_a,
            float(coarse["b"][inside].mean()) - mean_b,
            float(part.mean()),
            float(part.std()),
        ]
    return numbers


def _absolute_colour(coarse: dict[str, npt.NDArray]) -> list[float]:
    chroma = np.sqrt(coarse["a"] ** 2 + coarse["b"] ** 2)
    numbers: list[float] = []
    for plane in (coarse["L"], coarse["a"], coarse["b"], chroma):
        numbers += [*_moments(plane), *_quantiles(plane, SEVEN)]
    for name, bins, low, high in (("L", 16, 0, 100), ("a", 12, -30, 30), ("b", 12, -20, 40)):
        scaled = (coarse[name] - low) * (bins / (high - low))
        numbers += _shares(np.clip(scaled, 0, bins - 1).astype(np.int32), bins)
    return numbers


def _shares(numbers: npt.NDArray, bins: int) -> list[float]:
    return [float(value) for value in np.bincount(numbers.ravel(), minlength=bins)[:bins] / numbers.size]


def _bands(fine: dict, coarse: dict, deviation: float) -> list[float]:
    numbers: list[float] = []
    for number in range(BANDS):
        plane = (fine if number < len(FINE_BANDS) else coarse)[f"band{number}"]
        _mean, spread, skewness, kurtosis = _moments(plane)
        numbers += [
            spread / deviation,
            float(np.abs(plane).mean()) / deviation,
            skewness,
            kurtosis,
            *_quantiles(plane, TAILS, deviation),
        ]
    return numbers


def _blobs(fine: dict, coarse: dict, deviation: float) -> list[float]:
    """Dark and bright round marks per area at each size, their mean strength, and rims."""
    area = coarse["L"].size / 2500
    numbers: list[float] = []
    for number in range(BLOBS):
        planes = fine if number < len(FINE_BLOBS) else coarse
        response = planes[f"blob{number}"]
        dark = response[planes[f"peak{number}"]] / deviation
        bright = response[planes[f"dip{number}"]] / deviation
        for strength in (0.5, 1.0, 2.0):
            numbers += [float((dark > strength).sum()) / area, float((bright < -strength).sum()) / area]
        numbers += [float(dark.mean()) if dark.size else 0.0, float(bright.mean()) if bright.size else 0.0]
        rim = planes[f"rim{number}"]
        numbers += [
            *_quantiles(rim, TAILS, deviation),
            float((rim > 0.7 * deviation).mean()),
            float((rim < -0.7 * deviation).mean()),
        ]
    return numbers


def _gradients(fine: dict, coarse: dict, deviation: float) -> list[float]:
    slope = fine["slope"]
    numbers = [
        float(slope.mean()),
        float(slope.mean()) / deviation,
        float(slope.std()) / deviation,
        *_quantiles(slope, FIVE, deviation),
    ]
    for number in range(len(ORIENTATION_SCALES)):
        ordered, energy = coarse[f"ordered{number}"], coarse[f"energy{number}"]
        weighted = float((ordered * energy).sum() / (energy.sum() + 1e-3))
        numbers += [float(ordered.mean()), float(ordered.std()), weighted, *_quantiles(ordered, THREE)]
    across, down = fine["across"], fine["down"]
    along = np.hypot((across * across - down * down).sum(), 2 * (across * down).sum())
    numbers.append(float(along / ((slope * slope).sum() + 1e-3)))
    across, down, weight = across[::2, ::2], down[::2, ::2], slope[::2, ::2]
    sector = ((np.arctan2(down, across) % np.pi) * (8 / np.pi)).astype(np.int32) % 8
    shares = np.bincount(sector.ravel(), weights=weight.ravel(), minlength=8)
    shares = shares / (shares.sum() + 1e-3)
    entropy = -(shares * np.log(shares + 1e-9)).sum()
    return [*numbers, float(shares.max()), float(shares.std()), float(entropy)]


def _spreads(fine: dict, coarse: dict, deviation: float) -> list[float]:
    numbers: list[float] = []
    for number in range(SPREADS):
        plane = (fine if number < len(FINE_SPREADS) else coarse)[f"spread{number}"]
        numbers += [
            float(plane.mean()) / deviation,
            float(plane.std()) / deviation,
            *_quantiles(plane, FIVE, deviation),
        ]
    return numbers


def _patterns(fine: dict) -> list[float]:
    return [
        share for number in range(len(PATTERN_RADII)) for share in _shares(fine[f"pattern{number}"], PATTERNS)
    ]


def _bright_patches(coarse: dict[str, npt.NDArray]) -> list[float]:
    """How much is bare and bright, in how many patches, how large, how compact."""
    relative, _deviation = _relative(coarse)
    area = relative.size / 2500
    numbers: list[float] = []
    for level in (1.0, 1.8):
        bright = relative > level
        patches, count = ndimage.label(bright)
        if not count:
            numbers += [0.0] * 6
            continue
        sizes = np.bincount(patches.ravel())[1:]
        numbers += [
            float(bright.mean()),
            count / area,
            float(np.log1p(sizes.mean())),
            float(np.log1p(sizes.max())),
            float((sizes > 8).sum()) / area,
            float(ndimage.binary_erosion(bright).sum() / (bright.sum() + 1)),
        ]
    return numbers
