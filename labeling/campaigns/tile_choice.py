"""The superpixels of one tile to choose from, when a campaign begins with none that the machine or a citizen pointed at."""

import json
from dataclasses import dataclass

from amberapp import storage
from detection.models import SegmentedTile


@dataclass(frozen=True)
class SuperpixelOutline:
    """`path`: the `d` of an SVG path in pixels of the tile, holes by fill-rule evenodd."""

    number: int
    path: str


def superpixel_outlines(segmented: SegmentedTile) -> list[SuperpixelOutline]:
    """All superpixels of a tile, 1 first; a crop is one, as large as its image. Raises NotThere where its file is lost."""
    if not segmented.outlines_key:
        tile = segmented.tile
        return [SuperpixelOutline(1, f"M0 0H{tile.width}V{tile.height}H0Z")]
    outlines = json.loads(storage.get(segmented.outlines_key))["pieces"]
    return [SuperpixelOutline(number, _path(rings)) for number, rings in enumerate(outlines, 1)]


def _path(rings: list[list[list[float]]]) -> str:
    return "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in ring) + "Z" for ring in rings if len(ring) > 2)
