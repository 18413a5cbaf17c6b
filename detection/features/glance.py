"""What a quarter of the resolution tells at a glance: for the screen, never for a classifier.

Colour and grain of each piece, and how it differs from the rest of its tile: about a tenth of the time of the
cheapest real extractor. Left out: everything that needs neighbouring pixels at full resolution.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from detection.features.protocol import count_pieces, feature_key

STEP = 4
# Mean and deviation of L, a, b; gradient; Laplacian; excess green; the means' distance from the tile's.
DIMENSION = 12


class GlanceExtractor:
    """See `detection.features.protocol.FeatureExtractor`."""

    name = "glance"
    version = "2"
    weights_hash = ""
    dimension = DIMENSION
    key = feature_key(name, version, weights_hash)
    warnings: tuple[str, ...] = ()

    def __init__(self) -> None:
        # The worker's own threads and processes fill the cores; OpenCV's would only wait for each other.
        cv2.setNumThreads(1)

    def extract(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """`image`: uint8 (H, W, 3) sRGB; `labels`: int32 (H, W), 0 no data; returns float32 (n, DIMENSION)."""
        # Its last digits depend on where in memory a picture lies (see `texture`). The setting is each thread's own.
        cv2.ipp.setUseIPP(False)
        pieces = count_pieces(image, labels)
        if not pieces:
            return np.zeros((0, DIMENSION), np.float32)
        small, numbers = _quarter(image, labels, pieces)
        lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        light = np.ascontiguousarray(lab[..., 0])
        slope = cv2.magnitude(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1))
        grain = np.abs(cv2.Laplacian(light, cv2.CV_32F))
        red, green, blue = (small[..., place].astype(np.float32) for place in range(3))
        planes = [lab[..., 0], lab[..., 1], lab[..., 2], slope, grain, 2 * green - red - blue]
        flat = numbers.ravel()
        count = np.maximum(np.bincount(flat, minlength=pieces + 1)[1:], 1)
        columns = [
            np.bincount(flat, weights=plane.ravel(), minlength=pieces + 1)[1:] / count for plane in planes
        ]
        for place in range(3):
            squares = np.bincount(
                flat, weights=planes[place].ravel().astype(np.float64) ** 2, minlength=pieces + 1
            )
            variance = squares[1:] / count - columns[place] ** 2
            columns.append(np.sqrt(np.maximum(variance, 0)))
        inside = flat > 0
        for place in range(3):
            # As exact as the pieces' own means: where there is one piece alone, the difference has to be nothing.
            whole = planes[place].ravel()[inside].astype(np.float64)
            columns.append((columns[place] - whole.mean()) / (whole.std() + 1.0))
        return np.stack(columns, axis=1).astype(np.float32)


def _quarter(
    image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32], pieces: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Image and labels at a quarter of the resolution, or whole where a piece would vanish."""
    numbers = labels[STEP // 2 :: STEP, STEP // 2 :: STEP]
    if not numbers.size or np.count_nonzero(np.bincount(numbers.ravel(), minlength=pieces + 1)[1:]) < pieces:
        return image, labels
    size = (numbers.shape[1], numbers.shape[0])
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), numbers
