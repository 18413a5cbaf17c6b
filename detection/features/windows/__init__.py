"""A tile seen from close by: what stands in each window of 64×64 pixels, packed small (ADR 22).

Left out: judging the windows (`detection.learning.ground`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detection.features.conversion import Images, Share
from detection.features.engines import Engine
from detection.features.lite0.weights import SHA256, read_weights, weights_file

VERSION = "1"
KEY = f"windows-lite0-{VERSION}-{SHA256[:12]}"
# Extractors whose classifiers look closer; the others know no network that has maps.
EXTRACTORS = ("texture-lite0",)

# (numbers, weight) of each kind of a window's numbers: means of the network's and the cues, then their deviations.
WINDOW_BLOCKS = ((128, 0.7), (28, 0.7), (128, 0.3), (28, 0.3))

_made: dict[Path, WindowDescriber] = {}


class WindowDescriber:
    """Describes images by an engine of `lite0.describe.CELLS` and by cues of their colour and relief."""

    key = KEY

    def __init__(self, engine: Engine) -> None:
        """Raises ExtractorUnavailable as `read_weights`."""
        from detection.features.windows.packing import Packer

        self.engine = engine
        self.packer = Packer(read_weights(weights_file()))

    def describe(
        self, image: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_] | None, whole: bool
    ) -> npt.NDArray[np.uint8]:
        """Packed, uint8 (blocks, bytes), the image's blocks row by row as `grid.window_grid` counts them.

        `image`: uint8 (H, W, 3) sRGB; `seen`: bool (H, W), False where there is no data; `whole`: a tile, which is
        shown in the light of the reference first, and no crop.
        """
        import cv2

        from detection.features.lite0.describe import describe_cells
        from detection.features.windows.cues import describe_cues
        from detection.features.windows.light import matched_lab

        image = np.ascontiguousarray(image)
        lab = matched_lab(image, seen) if whole else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2Lab))
        shown = np.asarray(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)) if whole else image
        cells = np.concatenate([describe_cells(self.engine, shown), describe_cues(lab)], axis=-1)
        return self.packer.pack(_blocks(cells))


def get_windows(
    extractor: str,
    *,
    cache: Path = Path("var/engines"),
    images: Callable[[], Images] = tuple,
    share: Share | None = None,
) -> WindowDescriber | None:
    """What describes windows for classifiers on that extractor's features; None for one without.

    Arguments as `detection.features.get_extractor`. Raises ExtractorUnavailable where the weights cannot be had.
    """
    if extractor not in EXTRACTORS:
        return None
    if cache not in _made:
        from detection.features.lite0.describe import CELLS, engine_for

        _made[cache] = WindowDescriber(engine_for(CELLS, cache, images, share)[0])
    return _made[cache]


def _blocks(cells: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means of 2×2 cells, float32 (blocks, d) of (down, across, d); the last cell of an odd side stands twice."""
    down, across, numbers = cells.shape
    even = np.pad(cells, ((0, down % 2), (0, across % 2), (0, 0)), mode="edge")
    return (
        even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, numbers)
        .mean(axis=(1, 3))
        .reshape(-1, numbers)
    )
