"""The windows of tiles and crops, described once and kept packed in the feature store beside the features.

Only tiles that a classifier marks, and what people labelled, are ever looked at so closely. The blocks of which a tile's
windows are made stand in a chunk as rows of bytes, in the order of `window_grid`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from amberapp import storage
from amberapp.errors import UserError
from detection.description import feature_store
from detection.description.chunks import chunk_store
from detection.description.engines import SharedConversions, cache_folder, images_to_convert_with
from detection.description.features import (
    TILES_A_QUERY,
    Progress,
    in_order,
    is_full,
    store_features,
    stored_already,
)
from detection.description.segment import load_labels
from detection.features import ExtractorUnavailable
from detection.features.windows import WindowDescriber, get_windows
from detection.features.windows.grid import WindowGrid, window_grid
from detection.imagery.decode import UnreadableImage, read_image
from detection.models import SegmentedTile, TileFeatures, TileKind

# One pass of the network over so many takes 2 GB.
MOST_PIXELS = 6_000_000

Packed = npt.NDArray[np.uint8]


def usable_windows(extractor: str) -> WindowDescriber | None:
    """What describes windows beside the features of that name; None where nothing does, or it cannot be had here."""
    try:
        return get_windows(
            extractor, cache=cache_folder(), images=images_to_convert_with, share=SharedConversions()
        )
    except ExtractorUnavailable:
        return None


def read_windows(
    tiles: Sequence[SegmentedTile],
    describer: WindowDescriber,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> dict[int, str]:
    """Describe those of `tiles`, crops or whole tiles, whose windows are not in the store yet.

    Returns {segmented tile id: reason} for those that cannot be read; the others go on. A chunk is written before the
    rows that point into it. Raises OSError where the store cannot be written.
    """
    done = stored_already(tiles, describer.key)
    missing = [tile for tile in tiles if tile.pk not in done]
    failures: dict[int, str] = {}
    kept: list[tuple[SegmentedTile, Packed]] = []
    rows = 0
    results = in_order(lambda tile: _describe(tile, describer), missing, threads)
    for number, (tile, packed) in enumerate(zip(missing, results, strict=True), 1):
        if isinstance(packed, str):
            failures[tile.pk] = packed
        else:
            kept.append((tile, packed))
            rows += len(packed)
        if is_full(len(kept), rows) or number == len(missing):
            store_features(kept, describer.key)
            kept, rows = [], 0
            if progress is not None:
                progress(number, len(missing))
    return failures


def _describe(segmented: SegmentedTile, describer: WindowDescriber) -> Packed | str:
    whole = segmented.tile.kind != TileKind.CROP
    if segmented.tile.width * segmented.tile.height > MOST_PIXELS:
        return "The image is too large to be looked at closely in one pass."
    try:
        image = read_image(storage.get(segmented.tile.image_key)).pixels
        seen = load_labels(segmented) > 0 if whole else None
        return describer.describe(image, seen, whole).packed
    except (UnreadableImage, UserError, ValueError) as error:
        return str(error)


def load_windows(
    tiles: Sequence[SegmentedTile], key: str
) -> list[tuple[WindowGrid, npt.NDArray[np.float32]]]:
    """The grid of each of `tiles`, in their order, and what its windows show, float32 (windows, d).

    Raises KeyError for a tile that is not in the store, ValueError where its chunk is shorter than it was.
    """
    from detection.features.windows.packing import unpack

    found = {}
    by_id = {tile.pk: tile for tile in tiles}
    numbers = sorted(by_id)
    for first in range(0, len(numbers), TILES_A_QUERY):
        rows = TileFeatures.objects.filter(
            segmented_tile__in=numbers[first : first + TILES_A_QUERY], extractor_key=key
        ).select_related("chunk")
        for row in rows.order_by("chunk_id", "first_row"):
            tile = by_id[row.segmented_tile_id].tile
            grid = window_grid(tile.height, tile.width)
            last = row.first_row + grid.blocks[0] * grid.blocks[1]
            chunk = feature_store.open_chunk(chunk_store(), row.chunk.path)
            if last > len(chunk):
                raise ValueError(f"Chunk {row.chunk.path} has {len(chunk)} rows, not {last}: extract again.")
            packed = np.array(chunk[row.first_row : last], np.uint8)
            found[row.segmented_tile_id] = grid, grid.window_rows(unpack(packed))
    return [found[tile.pk] for tile in tiles]
