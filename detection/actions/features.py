"""Reading pixels: the dear step, done once for each tile, segmentation and extractor."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import transaction

from amberapp import storage
from amberapp.errors import UserError
from detection import feature_store
from detection.actions.segment import load_labels
from detection.features import ExtractorUnavailable, get_extractor
from detection.features.protocol import FeatureExtractor
from detection.imagery.decode import UnreadableImage, read_image
from detection.models import FeatureChunk, SegmentedTile, TileFeatures

CHUNK_TILES = 64
THREADS = 2

Progress = Callable[[int, int], None]


def usable_extractor(name: str) -> FeatureExtractor:
    """The extractor of that name. Raises UserError with its own sentence where it cannot be had."""
    try:
        return get_extractor(
            name,
            settings.AMBER["AMBER_RESNET50_WEIGHTS"],
            settings.AMBER["AMBER_RESNET50_WEIGHTS_SHA256"],
        )
    except (ValueError, ExtractorUnavailable) as error:
        raise UserError(str(error), code="extractor_unavailable") from None


def extract_missing(
    tiles: Sequence[SegmentedTile], extractor: FeatureExtractor, progress: Progress | None = None
) -> dict[int, str]:
    """Extract the features of those of `tiles` that have none yet.

    Returns {segmented tile id: reason} for tiles whose image cannot be read; the others go on. A chunk is
    written before its rows, so a killed worker leaves at most a file that nothing points at.
    """
    done = set(
        TileFeatures.objects.filter(
            segmented_tile__in=[tile.pk for tile in tiles], extractor_key=extractor.key
        ).values_list("segmented_tile_id", flat=True)
    )
    missing = [tile for tile in tiles if tile.pk not in done]
    failures: dict[int, str] = {}
    for number, batch in enumerate(_batches(missing)):
        _extract_batch(batch, extractor, failures)
        if progress is not None:
            progress(min((number + 1) * CHUNK_TILES, len(missing)), len(missing))
    return failures


def _batches(tiles: Sequence[SegmentedTile]) -> Iterator[list[SegmentedTile]]:
    iterator = iter(tiles)
    while batch := list(islice(iterator, CHUNK_TILES)):
        yield batch


def _extract(segmented: SegmentedTile, extractor: FeatureExtractor) -> npt.NDArray[np.float16] | str:
    """float16 (superpixels, d), or the reason why the tile cannot be read."""
    try:
        image = read_image(storage.get(segmented.tile.image_key))
        return feature_store.pack(extractor.extract(image.pixels, load_labels(segmented)))
    except (UnreadableImage, UserError, ValueError) as error:
        return str(error)


def _extract_batch(batch: list[SegmentedTile], extractor: FeatureExtractor, failures: dict[int, str]) -> None:
    arrays: list[npt.NDArray[np.float16]] = []
    kept: list[SegmentedTile] = []
    # Filters release the interpreter's lock, so threads use the second core; no database call inside.
    with ThreadPoolExecutor(THREADS) as threads:
        for segmented, found in zip(
            batch, threads.map(lambda item: _extract(item, extractor), batch), strict=True
        ):
            if isinstance(found, str):
                failures[segmented.pk] = found
            else:
                arrays.append(found)
                kept.append(segmented)
    if not kept:
        return
    stacked = np.concatenate(arrays)
    path, digest = feature_store.write_chunk(settings.FEATURE_STORE, extractor.key, stacked)
    with transaction.atomic():
        chunk, _ = FeatureChunk.objects.get_or_create(
            path=path,
            defaults={
                "extractor_key": extractor.key,
                "rows": len(stacked),
                "dimension": stacked.shape[1],
                "sha256": digest,
            },
        )
        first_rows = np.cumsum([0, *(len(array) for array in arrays[:-1])])
        # Another worker may have extracted the same tile meanwhile: equal content, the first row stays.
        TileFeatures.objects.bulk_create(
            [
                TileFeatures(
                    segmented_tile=segmented,
                    extractor_key=extractor.key,
                    chunk=chunk,
                    first_row=int(first),
                )
                for segmented, first in zip(kept, first_rows, strict=True)
            ],
            ignore_conflicts=True,
        )


def load_features(tiles: Sequence[SegmentedTile], extractor_key: str) -> dict[int, npt.NDArray[np.float32]]:
    """{segmented tile id: float32 (superpixels, d)} for those of `tiles` that are in the store."""
    rows = TileFeatures.objects.filter(
        segmented_tile__in=[tile.pk for tile in tiles], extractor_key=extractor_key
    ).select_related("chunk", "segmented_tile")
    return {
        row.segmented_tile_id: feature_store.read_rows(
            settings.FEATURE_STORE, row.chunk.path, row.first_row, row.segmented_tile.superpixels
        )
        for row in rows
    }
