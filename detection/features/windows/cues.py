"""What tells dug ground at a glance, for every cell of 16×16 pixels: colour, bare sand, pits and heaps, ragged edges.

The network saw a million photographs and none from above; without these cues the outline is worse (ADR 22).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detection.features.windows.grid import CELL

Floats = npt.NDArray[np.float32]
# Gaussian scales in pixels between which pits and heaps are looked for.
SCALES = (1.0, 2.0, 4.0, 8.0, 16.0)
CUES = 28


def describe_cues(lab: npt.NDArray[np.uint8]) -> Floats:
    """float32 (⌈H / 16⌉, ⌈W / 16⌉, CUES) of `lab`, uint8 (H, W, 3), L*, a*, b* as OpenCV keeps them in bytes."""
    import cv2

    down, across = (-(-side // CELL) for side in lab.shape[:2])
    whole = cv2.copyMakeBorder(
        lab, 0, down * CELL - lab.shape[0], 0, across * CELL - lab.shape[1], cv2.BORDER_REPLICATE
    )
    planes = [plane.astype(np.float32) for plane in cv2.split(whole)]
    lightness, redness, yellowness = planes

    def mean(plane: Any) -> Any:
        return cv2.resize(plane, (across, down), interpolation=cv2.INTER_AREA)

    cues: list[Any] = []
    for plane in planes:
        middle = mean(plane)
        cues += [middle, _root(mean(plane * plane) - middle * middle)]
    # Bare sand, green, shadow and water: shares of the pixels.
    for share in (
        (lightness > 150) & (redness > 122),
        (redness < 120) & (yellowness > 136),
        lightness < 70,
        lightness > 190,
    ):
        cues.append(mean(share.astype(np.float32)))
    smooth = [lightness]
    for scale in SCALES:
        # Wide blurs at a half of the resolution: a quarter of the work, and no pixel of theirs is needed.
        if scale >= 4:
            half = cv2.resize(smooth[1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            half = cv2.GaussianBlur(half, (0, 0), scale / 2, borderType=cv2.BORDER_REFLECT_101)
            smooth.append(cv2.resize(half, lightness.shape[::-1], interpolation=cv2.INTER_LINEAR))
        else:
            smooth.append(cv2.GaussianBlur(lightness, (0, 0), scale, borderType=cv2.BORDER_REFLECT_101))
    for fine, coarse in zip(smooth[1:-1], smooth[2:], strict=True):
        difference = cv2.subtract(fine, coarse)
        cues += [mean(cv2.max(difference, 0.0)), mean(cv2.max(-difference, 0.0))]
    across_, down_ = (
        cv2.Sobel(smooth[1], cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1))
    )
    energy_x, energy_y, mixed = (
        mean(one * two) for one, two in ((across_, across_), (down_, down_), (across_, down_))
    )
    energy = energy_x + energy_y
    cues += [
        _root(energy),
        np.sqrt((energy_x - energy_y) ** 2 + 4 * mixed**2) / (energy + 1.0),
        mean(cv2.magnitude(across_, down_)),
    ]
    for plane in smooth[2:4]:
        xx, yy, xy = (
            cv2.Sobel(plane, cv2.CV_32F, *order, ksize=3, scale=1 / 4) for order in ((2, 0), (0, 2), (1, 1))
        )
        trace, determinant = cv2.add(xx, yy), cv2.subtract(xx * yy, xy * xy)
        # Round: both curvatures of one sign. Positive traces are pits, negative ones heaps.
        round_ = np.sqrt(cv2.max(determinant, 0.0))
        pit = (trace > 0).astype(np.float32) * round_
        cues += [mean(pit), mean(round_ - pit), mean(np.sqrt(cv2.max(-determinant, 0.0)))]
    cues.append(_root(mean((lightness - smooth[1]) ** 2)))
    return np.stack(cues, axis=-1).astype(np.float32)


def _root(plane: Any) -> Any:
    return np.sqrt(np.maximum(plane, 0.0))
