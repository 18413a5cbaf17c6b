"""Whole-image maps of filter responses, computed once a tile and pooled over pieces afterwards.

Two resolutions: `fine` at the image's own (grain, small pits), `coarse` at half of it (colour, large forms). All
filters are linear in lightness or invariant to its scale, so that a piece's own contrast can be divided out when
it is pooled, without filtering again for each piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

Floats = npt.NDArray[np.float32]

FINE_BANDS = (1.0, 1.6, 2.5)
COARSE_BANDS = (2.0, 3.2, 5.0, 8.0)
FINE_BLOBS = (2.0, 3.0)
COARSE_BLOBS = (2.2, 3.2)
BANDS = len(FINE_BANDS) + len(COARSE_BANDS)
BLOBS = len(FINE_BLOBS) + len(COARSE_BLOBS)
ORIENTATION_SCALES = (1.0, 2.5, 6.0)
FINE_SPREADS = (1.2, 3.0)
COARSE_SPREADS = (4.0, 10.0)
SPREADS = len(FINE_SPREADS) + len(COARSE_SPREADS)
PATTERN_RADII = (1, 2, 3, 5)
PATTERNS = 10

# What a plain aerial picture of forest and fields looks like in CIELAB: mean and deviation of L*, a*, b*.
# Whole tiles are brought to it, because providers retouch contrast and colour.
REFERENCE_MEAN = (50.0, -8.0, 15.0)
REFERENCE_DEVIATION = (18.0, 6.0, 9.0)
# The same for the cheap lightness of the fine maps, which the square root makes paler.
REFERENCE_FINE = (68.0, 13.0)


@dataclass(frozen=True)
class Maps:
    """Arrays by name: `fine` (H, W), `coarse` (H // 2, W // 2); an image thinner than 8 pixels is not halved."""

    fine: dict[str, npt.NDArray]
    coarse: dict[str, npt.NDArray]
    step: int


def compute_maps(
    image: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_] | None = None, *, to_reference: bool
) -> Maps:
    """All maps of `image`, uint8 (H, W, 3) sRGB.

    `seen`: bool (H, W), False where there is no data; such pixels take the mean of the others, so that a black
    border is neither dark ground nor part of the tile's light. `to_reference` shifts and scales each channel of
    the whole image to the reference; right for a tile, wrong for a crop, whose mean is its content.
    """
    step = 2 if min(image.shape[:2]) >= 8 else 1
    if seen is not None and not seen.all():
        image = image.copy()
        image[~seen] = np.round(image[seen].mean(axis=0)) if seen.any() else 0
        seen_reduced: npt.NDArray[np.bool_] | None = seen[step - 1 :: step, step - 1 :: step]
    else:
        seen = seen_reduced = None
    lightness, colour = _lightness(image), _lab(image, step)
    if to_reference:
        lightness = _matched(lightness, seen, *REFERENCE_FINE)
        references = zip(REFERENCE_MEAN, REFERENCE_DEVIATION, strict=True)
        colour = np.dstack(
            [
                _matched(colour[..., channel], seen_reduced, *wanted)
                for channel, wanted in enumerate(references)
            ]
        )
    half = _halved(lightness, step)
    fine: dict[str, npt.NDArray] = {"lightness": lightness}
    coarse: dict[str, npt.NDArray] = {
        "L": colour[..., 0],
        "a": colour[..., 1],
        "b": colour[..., 2],
    }
    smoothed = _bands(fine, lightness, FINE_BANDS, 0)
    _bands(coarse, half, COARSE_BANDS, len(FINE_BANDS), start=_halved(smoothed[-1], step))
    for number, scale in enumerate(FINE_BLOBS):
        _blobs(fine, lightness, scale, number)
    for number, scale in enumerate(COARSE_BLOBS, start=len(FINE_BLOBS)):
        _blobs(coarse, half, scale, number)
    _gradients(fine, coarse, lightness, step)
    for number, scale in enumerate(FINE_SPREADS):
        fine[f"spread{number}"] = _local_deviation(lightness, scale)
    for number, scale in enumerate(COARSE_SPREADS, start=len(FINE_SPREADS)):
        coarse[f"spread{number}"] = _local_deviation(half, scale)
    for number, (radius, plane) in enumerate(
        zip(PATTERN_RADII, (lightness, smoothed[0], smoothed[0], smoothed[1]), strict=True)
    ):
        fine[f"pattern{number}"] = local_binary_patterns(np.round(plane * 4).astype(np.int16), radius)
    return Maps(fine, coarse, step)


def _lightness(image: npt.NDArray[np.uint8]) -> Floats:
    """0…100, the square root of luma: near to L* and far cheaper at full resolution."""
    luma = image.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    return np.asarray(100 * np.sqrt(luma / 255), dtype=np.float32)


def _lab(image: npt.NDArray[np.uint8], step: int) -> Floats:
    from skimage.color import rgb2lab

    reduced = image if step == 1 else np.asarray(Image.fromarray(image).reduce(step))
    # reduce() keeps a last odd row; the halved maps drop it.
    rows, columns = image.shape[0] // step, image.shape[1] // step
    return np.asarray(rgb2lab(reduced[:rows, :columns]), dtype=np.float32)


def _matched(plane: Floats, seen: npt.NDArray[np.bool_] | None, mean: float, deviation: float) -> Floats:
    """Shifted and scaled to `mean` and `deviation` of what is seen, within what a sensor can show (−100…100)."""
    ground = plane if seen is None or not seen.any() else plane[seen]
    scaled = (plane - ground.mean()) / max(float(ground.std()), 1e-3) * deviation + mean
    # Without the bound the sand of a dark tile would be brighter than white.
    return np.clip(scaled, -100, 100).astype(np.float32)


def _halved(plane: Floats, step: int) -> Floats:
    if step == 1:
        return plane
    rows, columns = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
    even, odd = plane[0:rows:2], plane[1:rows:2]
    total = even[:, 0:columns:2] + even[:, 1:columns:2] + odd[:, 0:columns:2] + odd[:, 1:columns:2]
    return np.asarray(total * 0.25, dtype=np.float32)


def _smooth(plane: Floats, scale: float, order: tuple[int, int] | int = 0) -> Floats:
    return np.asarray(
        ndimage.gaussian_filter(plane, scale, order=order, mode="reflect", truncate=3.0), dtype=np.float32
    )


def _bands(
    maps: dict[str, npt.NDArray],
    plane: Floats,
    scales: tuple[float, ...],
    first: int,
    start: Floats | None = None,
) -> list[Floats]:
    """Differences of Gaussians `band{n}`; returns the smoothed planes."""
    before, smoothed = plane if start is None else start, []
    for number, scale in enumerate(scales, start=first):
        after = _smooth(plane, scale)
        maps[f"band{number}"] = before - after
        smoothed.append(after)
        before = after
    return smoothed


def _blobs(maps: dict[str, npt.NDArray], plane: Floats, scale: float, number: int) -> None:
    """Laplacian of Gaussian with its peaks (dark blobs) and dips (bright ones), and bright-rim contrast.

    An amber pit is a dark round hole within a rim of pale sand: `rim{n}` is the mean around minus the centre.
    """
    response = ndimage.gaussian_laplace(plane, scale, mode="reflect", truncate=3.0) * np.float32(scale**2)
    window = int(2 * scale) | 1
    maps[f"blob{number}"] = response
    maps[f"peak{number}"] = ndimage.maximum_filter(response, window) == response
    maps[f"dip{number}"] = ndimage.minimum_filter(response, window) == response
    maps[f"rim{number}"] = _smooth(plane, scale * 2.2) - _smooth(plane, scale * 0.7)


def _gradients(
    fine: dict[str, npt.NDArray], coarse: dict[str, npt.NDArray], plane: Floats, step: int
) -> None:
    """Gradient, and from the structure tensor how strongly the ground runs one way (`ordered`, 0…1)."""
    across, down = _smooth(plane, 1.0, (0, 1)), _smooth(plane, 1.0, (1, 0))
    fine["across"], fine["down"] = across, down
    fine["slope"] = np.sqrt(across * across + down * down)
    xx, yy, xy = (_halved(part, step) for part in (across * across, down * down, across * down))
    for number, scale in enumerate(ORIENTATION_SCALES):
        sxx, syy, sxy = _smooth(xx, scale), _smooth(yy, scale), _smooth(xy, scale)
        coarse[f"energy{number}"] = sxx + syy
        coarse[f"ordered{number}"] = np.sqrt((sxx - syy) ** 2 + 4 * sxy * sxy) / (sxx + syy + 0.01)


def _local_deviation(plane: Floats, scale: float) -> Floats:
    mean = _smooth(plane, scale)
    return np.asarray(np.sqrt(np.maximum(_smooth(plane * plane, scale) - mean * mean, 0)), dtype=np.float32)


def _uniform_codes() -> npt.NDArray[np.uint8]:
    """8-bit circular pattern → number of set bits if it has at most two changes, else 9."""
    codes = np.zeros(256, dtype=np.uint8)
    for code in range(256):
        bits = [(code >> place) & 1 for place in range(8)]
        changes = sum(bits[place] != bits[place - 1] for place in range(8))
        codes[code] = sum(bits) if changes <= 2 else PATTERNS - 1
    return codes


_UNIFORM = _uniform_codes()


def local_binary_patterns(plane: npt.NDArray[np.int16], radius: int) -> npt.NDArray[np.uint8]:
    """Rotation-invariant uniform patterns (Ojala, Pietikäinen, Mäenpää 2002), uint8 (H, W) in 0…9.

    Eight neighbours at `radius`, diagonal ones rounded to whole pixels instead of interpolated.
    """
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
    padded = np.pad(plane, radius, mode="edge")
    code = np.zeros((rows, columns), dtype=np.uint8)
    for place, (down, across) in enumerate(neighbours):
        top, left = radius + down, radius + across
        code |= (padded[top : top + rows, left : left + columns] >= plane).astype(np.uint8) << place
    return _UNIFORM[code]
