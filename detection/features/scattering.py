"""Second-order scattering: how much grain of each size there is, and how that grain itself is arranged.

After Bruna and Mallat, "Invariant Scattering Convolution Networks" (IEEE TPAMI 35, 2013): the modulus of oriented
band-passes, filtered once more at coarser octaves. A mean of a band-pass tells of the grain; the second order tells
whether the grain comes in patches, rows or rings of some size, which is what sets dug ground apart from heath and
clear-cuts. Here the wavelets are Gabor filters on a pyramid, four orientations, and the second order is read by the
angle between the two filters, averaged over the first: the numbers do not turn with the picture.

Differences from the paper: no coefficients across colours, no learned or orthogonal decomposition, means over a
superpixel's bounding box where the paper blurs.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Parts = list[tuple[slice, slice]]

ORIENTATIONS = 4
# Angles between the two filters, in units of π / ORIENTATIONS; the mirrored ones are joined.
ANGLES = ORIENTATIONS // 2 + 1
ENVELOPE = 1.2
FREQUENCY = 1.96
RADIUS = 3
# Octaves of the first filter that are read, for the lightness and for each of the two colour planes: the coarser
# colour of an image tells more of its season than of its ground.
LIGHT_OCTAVES = 3
COLOUR_OCTAVES = 1
OCTAVES = 4
FIRST_ORDER = 4
LEAST_ENERGY = 1e-3
LEAST_SHARE = 1e-4


def dimension(octaves: int) -> int:
    """Numbers that one plane gives: FIRST_ORDER an octave, ANGLES for each pair of octaves."""
    return sum(FIRST_ORDER + ANGLES * (OCTAVES - 1 - octave) for octave in range(octaves))


DIMENSION = dimension(LIGHT_OCTAVES) + 2 * dimension(COLOUR_OCTAVES)


def scatter(lightness: Floats, a: Floats, b: Floats, boxes: npt.NDArray[np.intp]) -> Floats:
    """float32 (n, DIMENSION), finite: the scattering numbers of each box.

    `lightness`, `a`, `b`: float32 (H, W), CIELAB; `boxes`: (n, 4) top, left, bottom, right in pixels of these planes,
    each at least one pixel wide.
    """
    if not len(boxes):
        return np.zeros((0, DIMENSION), np.float32)
    numbers = [
        _scatter_plane(lightness, boxes, LIGHT_OCTAVES),
        _scatter_plane(a, boxes, COLOUR_OCTAVES),
        _scatter_plane(b, boxes, COLOUR_OCTAVES),
    ]
    return np.concatenate(numbers, axis=1)


def _scatter_plane(plane: Floats, boxes: npt.NDArray[np.intp], octaves: int) -> Floats:
    import cv2

    numbers: list[Floats] = []
    parts = [_parts(plane.shape, boxes, octave) for octave in range(OCTAVES)]
    for octave in range(octaves):
        if octave:
            plane = cv2.pyrDown(plane)
        # Halved at once: a mean is the same there, and the second order needs no more.
        smoothed = cv2.merge([cv2.pyrDown(modulus) for modulus in _moduli(plane)])
        mean, spread = _means_and_spread(smoothed, parts[octave + 1])
        energy = mean.mean(axis=1) + np.float32(LEAST_ENERGY)
        numbers.append(
            np.stack(
                [np.log(energy), mean.std(axis=1) / energy, mean.max(axis=1) / energy, spread / energy],
                axis=1,
            )
        )
        for second in range(octave + 1, OCTAVES):
            if second > octave + 1:
                smoothed = cv2.pyrDown(smoothed)
            numbers.append(_second_order(smoothed, parts[second], energy))
    return np.concatenate(numbers, axis=1)


def _second_order(moduli: Floats, parts: Parts, energy: Floats) -> Floats:
    """float32 (n, ANGLES): log share of the first order's energy, by the angle between the filters."""
    by_angle = np.zeros((ORIENTATIONS, len(parts)), np.float32)
    for second, twice in enumerate(_moduli(moduli)):
        means = _box_means(twice, parts)
        for first in range(ORIENTATIONS):
            by_angle[(second - first) % ORIENTATIONS] += means[:, first] / ORIENTATIONS
    joined = [by_angle[0]]
    joined += [(by_angle[k] + by_angle[ORIENTATIONS - k]) / 2 for k in range(1, ANGLES - 1)]
    joined.append(by_angle[ANGLES - 1])
    return np.log(np.stack(joined, axis=1) / energy[:, None] + np.float32(LEAST_SHARE))


def _moduli(planes: Floats) -> list[Floats]:
    """The modulus of each oriented band-pass, ORIENTATIONS arrays float32 ≥ 0 of the shape of `planes`.

    `planes`: float32 (H, W) or (H, W, 4). A complex Gabor filter with a round envelope is the product of a filter
    along the rows and one along the columns, so that each orientation and its mirror cost four separable filters.
    """
    import cv2

    def apply(along_row: Floats, along_column: Floats) -> Floats:
        return cv2.sepFilter2D(planes, cv2.CV_32F, along_row, along_column, borderType=cv2.BORDER_REFLECT_101)

    smooth, filters = _filters()
    low = apply(smooth, smooth)
    moduli: list[Floats] = [low] * ORIENTATIONS
    for k, (cos_x, sin_x, cos_y, sin_y, leak) in enumerate(filters):
        if k == 0:
            moduli[0] = cv2.magnitude(_without(apply(cos_x, smooth), low, leak), apply(sin_x, smooth))
        elif 2 * k == ORIENTATIONS:
            moduli[k] = cv2.magnitude(_without(apply(smooth, cos_y), low, leak), apply(smooth, sin_y))
        else:
            even = _without(apply(cos_x, cos_y), low, leak)
            odd = apply(sin_x, sin_y)
            right, down = apply(sin_x, cos_y), apply(cos_x, sin_y)
            moduli[k] = cv2.magnitude(cv2.subtract(even, odd), cv2.add(right, down))
            moduli[ORIENTATIONS - k] = cv2.magnitude(cv2.add(even, odd), cv2.subtract(right, down))
    return moduli


def _without(even: Floats, low: Floats, leak: float) -> Floats:
    """The even filter's answer less what it gives for plain brightness: a band-pass has no mean."""
    import cv2

    return cv2.addWeighted(even, 1.0, low, -leak, 0.0)


@cache
def _filters() -> tuple[Floats, list[tuple[Floats, Floats, Floats, Floats, float]]]:
    """The envelope, and for each angle kπ / ORIENTATIONS up to the right angle: cos and sin along x and y, and
    the sum of the even filter."""
    at = np.arange(-RADIUS, RADIUS + 1, dtype=np.float64)
    envelope = np.exp(-(at**2) / (2 * ENVELOPE**2))
    envelope /= envelope.sum()
    filters = []
    for k in range(ANGLES):
        angle = np.pi * k / ORIENTATIONS
        along_x, along_y = FREQUENCY * np.cos(angle) * at, FREQUENCY * np.sin(angle) * at
        waves = [
            (envelope * wave).astype(np.float32)
            for wave in (np.cos(along_x), np.sin(along_x), np.cos(along_y), np.sin(along_y))
        ]
        leak = float((envelope * np.cos(along_x)).sum() * (envelope * np.cos(along_y)).sum())
        filters.append((waves[0], waves[1], waves[2], waves[3], leak))
    return envelope.astype(np.float32), filters


def _means_and_spread(moduli: Floats, parts: Parts) -> tuple[Floats, Floats]:
    """Means of each orientation, float32 (n, ORIENTATIONS), and the deviation of their mean over place, (n,)."""
    import cv2

    together = cv2.transform(moduli, np.full((1, ORIENTATIONS), 1 / ORIENTATIONS, np.float32))
    spread = [cv2.meanStdDev(together[part])[1][0, 0] for part in parts]
    return _box_means(moduli, parts), np.array(spread, np.float32)


def _box_means(planes: Floats, parts: Parts) -> Floats:
    """float32 (n, 4): the mean of each channel of (H, W, 4) over each part."""
    import cv2

    return np.array([cv2.mean(planes[part]) for part in parts], np.float32)


def _parts(shape: tuple[int, ...], boxes: npt.NDArray[np.intp], octave: int) -> Parts:
    """The boxes in pixels of a plane of that `shape` after `octave` halvings, each at least one pixel wide."""
    rows, columns = (-(-size // (1 << octave)) for size in shape[:2])
    scale = 1 << octave
    top, left = np.minimum(boxes[:, 0] // scale, rows - 1), np.minimum(boxes[:, 1] // scale, columns - 1)
    bottom = np.clip(boxes[:, 2] // scale, top + 1, rows)
    right = np.clip(boxes[:, 3] // scale, left + 1, columns)
    return [
        (slice(*down), slice(*across))
        for down, across in zip(
            np.stack([top, bottom], axis=1).tolist(), np.stack([left, right], axis=1).tolist(), strict=True
        )
    ]
