"""The ground that superpixels of a tile, and fragments of mixed ones, cover together: in pixels, in degrees, in hectares."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from shapely.geometry import MultiPolygon, Polygon, mapping, shape

from detection.description.fragments import load_fragments
from detection.description.segment import load_labels, outline_of
from detection.geometry import geodesic_area_hectares
from detection.models import SegmentedTile, Tile
from detection.segmentation.outlines import to_geographic, union_outline

Fragment = tuple[int, int]  # superpixel, its fragment from 1 on


@dataclass(frozen=True)
class DrawnOutline:
    """GeoJSON MultiPolygons: `pixel_outline` in pixel corners (y down), `outline` in degrees; it and `hectares` are
    None where the tile's place is not known."""

    pixel_outline: dict[str, Any]
    outline: dict[str, Any] | None
    hectares: float | None


def draw_outline(
    segmented: SegmentedTile, superpixels: Iterable[int], fragments: Collection[Fragment] = ()
) -> DrawnOutline:
    """Raises ValueError for a superpixel that the tile does not have, NotThere where its raster is lost."""
    tile = segmented.tile
    if fragments:
        labels, finer = load_labels(segmented), load_fragments(segmented)
        # One number for each fragment, so that many of them cost no more than one.
        most = int(finer.max(initial=0)) + 1
        wanted = [superpixel * most + fragment for superpixel, fragment in fragments if fragment < most]
        chosen = np.isin(labels, list(superpixels)) | np.isin(labels.astype(np.int64) * most + finer, wanted)
        outline = union_outline(chosen.astype(np.int32), [1] if chosen.any() else [])
    else:
        outline = outline_of(segmented, superpixels)
    return placed_outline(_multipolygon(outline), tile)


def placed_outline(pixel_outline: dict[str, Any], tile: Tile) -> DrawnOutline:
    """An outline in pixels with where it lies, as far as the tile's place is known now."""
    if tile.bounds is None:
        return DrawnOutline(pixel_outline, None, None)
    geographic = to_geographic(shape(pixel_outline), tile.bounds, (tile.height, tile.width))
    return DrawnOutline(pixel_outline, _multipolygon(geographic), geodesic_area_hectares(geographic))


def _multipolygon(geometry: Any) -> dict[str, Any]:
    """With lists instead of tuples, as JSON columns give them back."""
    if isinstance(geometry, Polygon):
        geometry = MultiPolygon([geometry])
    written = mapping(geometry)
    return {
        "type": "MultiPolygon",
        "coordinates": [
            [[list(point) for point in ring] for ring in polygon] for polygon in written["coordinates"]
        ],
    }
