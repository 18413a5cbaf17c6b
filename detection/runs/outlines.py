"""Where on a tile the mining lies: what the outline head of a classifier makes of the tile's windows (ADR 22).

The classifier decides from superpixels whether a tile is marked; this decides which of them its outline holds. Pixels are
read only for tiles that have no windows in the store yet.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amberapp.errors import NotThere
from detection.description.segment import load_labels
from detection.description.windows import load_windows, read_windows, usable_windows
from detection.features.windows.grid import superpixel_means
from detection.learning.ground.head import GroundHead, outlined
from detection.models import SegmentedTile

logger = logging.getLogger("amber.runs")


@dataclass(frozen=True)
class Outlined:
    """`ground`: float32 (superpixels,) in 0…1, how much of each superpixel is mining; `superpixels`: intp, rising, from
    1: those of the outline; none where nothing on the tile looks like mining from close by."""

    ground: npt.NDArray[np.float32]
    superpixels: npt.NDArray[np.intp]


def look_closer(
    head: GroundHead, extractor: str, tiles: Sequence[SegmentedTile], threads: int
) -> dict[int, Outlined]:
    """What the head says of each tile, by the segmented tile's id; tiles that cannot be read are left out.

    Nothing where this machine makes other windows than the head was taught with. Raises OSError where the store cannot
    be read or written.
    """
    describer = usable_windows(extractor) if tiles else None
    if describer is None or describer.key != head.key:
        if tiles:
            logger.warning(
                "This worker has no windows “%s”: tiles keep the outline of their scores.", head.key
            )
        return {}
    unread = read_windows(tiles, describer, threads=threads)
    there = [tile for tile in tiles if tile.pk not in unread]
    looked = {}
    for tile, (grid, windows) in zip(there, load_windows(there, describer.key), strict=True):
        try:
            labels = load_labels(tile)
        except (NotThere, ValueError):  # its label raster is lost, which the outline's own drawing will name
            continue
        ground = superpixel_means(labels, grid, head.window_probabilities(windows))
        looked[tile.pk] = Outlined(ground, outlined(ground, head.threshold, head.least))
    return looked
