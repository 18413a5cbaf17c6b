"""An image in the light of the reference: the distribution of its L*, a* and b* becomes the reference's.

Providers retouch whole tiles by more than gain and offset: matching means and deviations (ADR 5) leaves the outline
beside the mining, matching the whole distribution does not (ADR 22; Gonzalez & Woods 2008, “Digital image processing”,
3.3.2). The reference is what labelled ground of the 2018 dataset looks like, told by a few quantiles. Left out: crops, whose light
is their content.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Shares of the pixels, and L*, a*, b* (as OpenCV keeps them in a byte) below which so many of the reference's lie.
SHARES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
REFERENCE = (
    (0, 47, 69, 78, 89, 99, 109, 120, 130, 144, 165, 198, 219, 243, 255),
    (71, 107, 111, 112, 115, 116, 118, 120, 121, 123, 125, 128, 130, 135, 167),
    (91, 114, 123, 130, 137, 141, 143, 145, 147, 148, 150, 152, 154, 158, 192),
)


def matched_lab(image: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.uint8]:
    """L*, a*, b* of `image`, uint8 (H, W, 3) sRGB, as OpenCV keeps them in bytes, (H, W, 3), distributed as the reference's.

    `seen`: bool (H, W), False where there is no data and nothing is counted; an image that shows nothing stays as it is.
    """
    import cv2

    lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
    if seen is not None and not seen.any():
        return np.asarray(lab)
    mask = None if seen is None or seen.all() else seen.astype(np.uint8)
    table = np.empty((256, 1, 3), np.uint8)
    for channel in range(3):
        count = cv2.calcHist([lab], [channel], mask, [256], [0, 256]).ravel().astype(np.float64)
        below = (np.cumsum(count) - count / 2) / count.sum()
        table[:, 0, channel] = np.round(np.interp(below, SHARES, REFERENCE[channel]))
    return np.asarray(cv2.LUT(lab, table))
