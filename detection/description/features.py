"""Reading pixels: feature extraction, done once for each tile, segmentation and extractor."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import transaction

from amberapp import storage
from amberapp.errors import UserError
from detection.description import feature_store
from detection.description.chunks import chunk_store
from detection.description.engines import SharedConversions, cache_folder, images_to_convert_with
from detection.description.segment import load_labels
from detection.features import ExtractorUnavailable, get_extractor
from detection.features.protocol import FeatureExtractor
from detection.imagery.decode import UnreadableImage, read_image
from detection.models import FeatureChunk, SegmentedTile, TileFeatures

CHUNK_TILES = 64
# A chunk of ResNet50 features of this many rows is 64 MB; a tile alone may have more.
CHUNK_ROWS = 16_384
THREADS = 2
# SQLite takes so many values in one statement, and more.
TILES_A_QUERY = 5_000

Progress = Callable[[int, int], None]
Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_extractor(name: str, key: str = "") -> FeatureExtractor:
    """The extractor of that name; in the precision of `key` where its features are to meet others of that key.

    Raises UserError with its own sentence where it cannot be had.
    """
    try:
        return get_extractor(
            name,
            settings.AMBER["AMBER_RESNET50_WEIGHTS"],
            settings.AMBER["AMBER_RESNET50_WEIGHTS_SHA256"],
            cache=cache_folder(),
            images=images_to_convert_with,
            key=key,
            share=SharedConversions(),
        )
    except (ValueError, ExtractorUnavailable) as error:
        raise UserError(str(error), code="extractor_unavailable") from None


def stored_already(tiles: Sequence[SegmentedTile], extractor_key: str) -> set[int]:
    """Ids of those of `tiles` whose features are in the store."""
    rows = TileFeatures.objects.filter(
        segmented_tile__in=[tile.pk for tile in tiles], extractor_key=extractor_key
    )
    return set(rows.values_list("segmented_tile_id", flat=True))


def extract_missing(
    tiles: Sequence[SegmentedTile], extractor: FeatureExtractor, progress: Progress | None = None
) -> dict[int, str]:
    """Extract the features of those of `tiles`, crops or whole tiles, that have none yet.

    Returns {segmented tile id: reason} for tiles whose image cannot be read; the others go on. Tiles that are not yet
    cut go through `first_pass.read_tiles`, which decodes them once for both.
    """
    return describe_missing(tiles, extractor.key, lambda tile: _extract(tile, extractor), THREADS, progress)


def describe_missing(
    tiles: Sequence[SegmentedTile],
    key: str,
    describe: Callable[[SegmentedTile], npt.NDArray[Any] | str],
    threads: int,
    progress: Progress | None = None,
) -> dict[int, str]:
    """Store under `key` what `describe` makes of those of `tiles` that have nothing there yet, chunk by chunk.

    `describe`: the rows of a tile, or the reason why it cannot be read; it must not touch the database. Returns
    {segmented tile id: reason}. A chunk is written before its rows, so a killed worker leaves at most a file that nothing
    points at. Raises OSError where the store cannot be written.
    """
    done = stored_already(tiles, key)
    missing = [tile for tile in tiles if tile.pk not in done]
    failures: dict[int, str] = {}
    kept: list[tuple[SegmentedTile, npt.NDArray[Any]]] = []
    rows = 0
    results = in_order(describe, missing, threads)
    for number, (segmented, description) in enumerate(zip(missing, results, strict=True), 1):
        if isinstance(description, str):
            failures[segmented.pk] = description
        else:
            kept.append((segmented, description))
            rows += len(description)
        if is_full(len(kept), rows) or number == len(missing):
            store_features(kept, key)
            kept, rows = [], 0
            if progress is not None:
                progress(number, len(missing))
    return failures


def _extract(segmented: SegmentedTile, extractor: FeatureExtractor) -> npt.NDArray[np.float16] | str:
    """float16 (superpixels, d), or the reason why the tile cannot be read."""
    try:
        image = read_image(storage.get(segmented.tile.image_key))
        return feature_store.pack(extractor.extract(image.pixels, load_labels(segmented)))
    except (UnreadableImage, UserError, ValueError) as error:
        return str(error)


def in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """The results in the order of `items`, worked on by `threads` threads, few of them ahead of the reader.

    Filters release the interpreter's lock, so a second thread uses a second core. `work` must not touch the
    database: each thread would open a connection of its own.
    """
    if threads <= 1:
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def is_full(tiles: int, rows: int) -> bool:
    """Whether so many tiles with so many rows make a chunk: enough tiles, or rows to be a burden on memory."""
    return tiles >= CHUNK_TILES or rows >= CHUNK_ROWS


def store_features(kept: Sequence[tuple[SegmentedTile, npt.NDArray[Any]]], extractor_key: str) -> None:
    """Write one chunk with the features of these tiles, in this order, and then the rows that point into it.

    Arrays are (superpixels, d), float16; or (blocks, bytes), uint8, under the key of windows. Raises OSError where the store cannot be written.
    """
    if not kept:
        return
    stacked = np.concatenate([array for _tile, array in kept])
    path, digest = feature_store.write_chunk(chunk_store(), extractor_key, stacked)
    first_rows = np.cumsum([0, *(len(array) for _tile, array in kept[:-1])])
    with transaction.atomic():
        chunk, _created = FeatureChunk.objects.get_or_create(
            path=path,
            defaults={
                "extractor_key": extractor_key,
                "rows": len(stacked),
                "dimension": stacked.shape[1],
                "sha256": digest,
            },
        )
        # Another worker may have extracted the same tile meanwhile: equal content, the first row stays.
        TileFeatures.objects.bulk_create(
            [
                TileFeatures(
                    segmented_tile=segmented,
                    extractor_key=extractor_key,
                    chunk=chunk,
                    first_row=int(first),
                )
                for (segmented, _array), first in zip(kept, first_rows, strict=True)
            ],
            ignore_conflicts=True,
        )


def load_superpixels(
    places: Sequence[tuple[int, int]], extractor_key: str, otherwise: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """float32 (n, d): row i describes `places[i]`, a segmented tile's id and the number of a superpixel of it, from 1.

    Only the rows asked for are read, so labels of many tiles do not bring all of their superpixels into memory.
    `otherwise`: float32 (n, d), what stands for superpixels of tiles that are not in the store; without it a KeyError
    names the first of them.
    """
    wanted: dict[int, list[int]] = defaultdict(list)
    for row, (tile, _number) in enumerate(places):
        wanted[tile].append(row)
    rows_found = None if otherwise is None else otherwise.copy()
    tiles = sorted(wanted)
    for first in range(0, len(tiles), TILES_A_QUERY):
        stored = (
            TileFeatures.objects.filter(
                segmented_tile__in=tiles[first : first + TILES_A_QUERY], extractor_key=extractor_key
            )
            .select_related("chunk", "segmented_tile")
            .order_by("chunk_id", "first_row")
        )
        for held in stored:
            rows = wanted.pop(held.segmented_tile_id)
            numbers = [places[row][1] - 1 for row in rows]
            features = feature_store.read_rows(
                chunk_store(), held.chunk.path, held.first_row, held.segmented_tile.superpixels
            )
            if rows_found is None:
                rows_found = np.empty((len(places), features.shape[1]), np.float32)
            rows_found[rows] = features[numbers]
    if otherwise is None and wanted:
        raise KeyError(f"segmented tile {next(iter(wanted))} has no features “{extractor_key}”")
    return rows_found if rows_found is not None else np.zeros((0, 0), np.float32)
