"""The extractor that needs no weights: colour, and how the grain of the ground is arranged.

A superpixel is described by its bounding box, as the labelled crops of the 2018 dataset are cut, from planes computed
once for the whole image. A whole tile is first brought to a reference lightness and colour (`texture_planes`):
providers retouch, and a classifier trained on one must read the other. A crop is taken as it is, since what it shows
is its colour.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detection.features import scattering, texture_colour, texture_covariance
from detection.features.protocol import bounding_boxes, feature_key
from detection.features.texture_covariance import LEAST_DEVIATION
from detection.features.texture_planes import Planes, compute_planes, reduced

Boxes = list[tuple[slice, slice]]
# float16 holds it, and no sound number comes near.
LIMIT = 1000.0


class TextureExtractor:
    """`texture`: fixed filters, no learned numbers."""

    name = "texture"
    version = "7"
    weights_hash = ""
    dimension = texture_colour.DIMENSION + texture_covariance.DIMENSION + scattering.DIMENSION
    key = feature_key(name, version, weights_hash)
    warnings: tuple[str, ...] = ()
    blocks: tuple[tuple[int, float], ...] = ((dimension, 1.0),)

    def __init__(self) -> None:
        import cv2

        # The worker's own threads and processes fill the cores; OpenCV's would only wait for each other.
        cv2.setNumThreads(1)

    def extract(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """float32 (n, dimension), |value| ≤ 1000 so that float16 holds it; see `FeatureExtractor.extract`."""
        import cv2

        # Its last digits depend on where in memory a picture lies, and a tile that is read again must come out the
        # same to the last byte. The setting is each thread's own.
        cv2.ipp.setUseIPP(False)
        boxes = bounding_boxes(image, labels)
        if not boxes:
            return np.zeros((0, self.dimension), np.float32)
        planes = compute_planes(image, labels > 0, to_reference=len(boxes) > 1)
        return describe(planes, boxes)


def describe(planes: Planes, boxes: Boxes) -> npt.NDArray[np.float32]:
    """float32 (n, TextureExtractor.dimension) of the `boxes`, (rows, columns) in pixels of the image."""
    import cv2

    half = [reduced(box, planes.lab.shape, 1) for box in boxes]
    deviation = np.array([cv2.meanStdDev(planes.lightness[box])[1][0, 0] for box in half])
    deviation = np.maximum(deviation, LEAST_DEVIATION)
    lab = cv2.split(planes.lab)
    corners = np.array([(rows.start, columns.start, rows.stop, columns.stop) for rows, columns in half])
    numbers = np.concatenate(
        [
            texture_colour.describe_colour(planes.lab, boxes),
            texture_covariance.describe_covariance(planes, boxes, deviation),
            scattering.scatter(lab[0], lab[1], lab[2], corners),
        ],
        axis=1,
    )
    return np.clip(np.nan_to_num(numbers), -LIMIT, LIMIT)
