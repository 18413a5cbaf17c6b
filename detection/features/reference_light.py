"""A whole tile as the reference shows it, at its own resolution: for networks that look at pixels.

The same means and deviations as the planes of `texture` are brought to (ADR 5), in whole numbers: three tables of 256
entries between OpenCV's own conversions, a tenth of the time of floating point. Left out: crops, whose light is their content.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features.texture_planes import REFERENCE_DEVIATION, REFERENCE_MEAN, halved

# OpenCV keeps L* as 0…255 and shifts a* and b* by 128.
SCALE = (255 / 100, 1.0, 1.0)
SHIFT = (0.0, 128.0, 128.0)
LEAST_DEVIATION = 0.5


def lit(image: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """`image`, uint8 (H, W, 3) sRGB, with mean and deviation of L*, a*, b* of the reference, uint8 (H, W, 3) sRGB.

    `seen`: bool (H, W), False where there is no data; such pixels take the mean of the others.
    """
    import cv2

    if not seen.any():
        return image
    if not seen.all():
        image = image.copy()
        image[~seen] = np.round(image[seen].mean(axis=0))
    small = cv2.cvtColor(halved(image), cv2.COLOR_RGB2Lab)
    ground = None if seen.all() else (halved(seen.astype(np.uint8) * 255) > 127).astype(np.uint8)
    means, deviations = cv2.meanStdDev(small, mask=ground)
    table = np.empty((256, 1, 3), np.uint8)
    levels = np.arange(256)
    for channel in range(3):
        spread = max(float(deviations[channel, 0]), LEAST_DEVIATION)
        gain = REFERENCE_DEVIATION[channel] * SCALE[channel] / spread
        middle = REFERENCE_MEAN[channel] * SCALE[channel] + SHIFT[channel]
        table[:, 0, channel] = np.clip(np.round((levels - float(means[channel, 0])) * gain + middle), 0, 255)
    lab = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2Lab), table)
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB))
