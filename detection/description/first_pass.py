"""Feature extraction: each tile's pixels are read and decoded once, cut, described and kept.

Everything after it reads the feature store. Left out: scoring (`run_shards`), and crops, which are not cut.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import numpy.typing as npt

from amberapp import storage
from amberapp.errors import UserError
from detection.description import feature_store
from detection.description.features import (
    THREADS,
    Progress,
    in_order,
    is_full,
    store_features,
    stored_already,
)
from detection.description.segment import cut, load_labels, parameters_of, put_files
from detection.features.protocol import FeatureExtractor
from detection.imagery.decode import UnreadableImage, read_image
from detection.models import Segmentation, SegmentedTile, Tile
from detection.segmentation.slic import SlicParameters


@dataclass
class FirstPass:
    """What became of some tiles.

    `segmented`: those that are cut and whose features are stored, in the order asked; `failures`: {tile id: reason};
    `misfits`: how many of these were decoded and cut, and the extractor could not describe them, `misfit` the last of
    these reasons; `seconds`: wall time by stage (read, decode, segment, extract, store), summed over threads.
    """

    segmented: list[SegmentedTile] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)
    misfits: int = 0
    misfit: str = ""
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class _Misfit(str):
    """Why an extractor could not describe a tile that was decoded and cut."""


@dataclass(frozen=True)
class _Described:
    """One tile after its pixels were read; `files`, where it was cut now, point at what was stored."""

    features: npt.NDArray[np.float16]
    files: dict[str, str | int] | None
    seconds: dict[str, float]


def read_tiles(
    tiles: Sequence[Tile],
    segmentation: Segmentation,
    extractor: FeatureExtractor,
    *,
    threads: int = THREADS,
    progress: Progress | None = None,
) -> FirstPass:
    """Cut and describe whole tiles; what is already cut or described is not done again.

    A tile whose image is missing or damaged is named in `failures` and the others go on. Files are written before
    the rows that point at them. Raises OSError where storage or feature store cannot be written.
    """
    outcome = FirstPass()
    segmented = {
        row.tile_id: row
        for row in SegmentedTile.objects.filter(
            tile__in=[tile.pk for tile in tiles], segmentation=segmentation
        )
    }
    for tile in tiles:
        if tile.pk in segmented:
            segmented[tile.pk].tile = tile
    described = stored_already(list(segmented.values()), extractor.key)
    missing = [tile for tile in tiles if tile.pk not in segmented or segmented[tile.pk].pk not in described]
    parameters = parameters_of(segmentation)
    batch: list[tuple[Tile, _Described]] = []
    rows = 0
    results = in_order(
        lambda tile: _describe(tile, segmented.get(tile.pk), parameters, extractor), missing, threads
    )
    for number, (tile, result) in enumerate(zip(missing, results, strict=True), 1):
        if isinstance(result, str):
            outcome.failures[tile.pk] = result
            if isinstance(result, _Misfit):
                outcome.misfits += 1
                outcome.misfit = result
        else:
            for stage, seconds in result.seconds.items():
                outcome.seconds[stage] += seconds
            batch.append((tile, result))
            rows += len(result.features)
        if is_full(len(batch), rows) or number == len(missing):
            began = perf_counter()
            segmented.update(_keep(batch, segmented, segmentation, extractor.key))
            outcome.seconds["store"] += perf_counter() - began
            batch, rows = [], 0
            if progress is not None:
                progress(number, len(missing))
    outcome.segmented = [segmented[tile.pk] for tile in tiles if tile.pk not in outcome.failures]
    return outcome


def _describe(
    tile: Tile, segmented: SegmentedTile | None, parameters: SlicParameters, extractor: FeatureExtractor
) -> _Described | str:
    """One read, one decode, everything that is wanted of the pixels; or the reason why it cannot be had."""
    began = perf_counter()
    try:
        data = storage.get(tile.image_key)
        read = perf_counter()
        image = read_image(data)
        decoded = perf_counter()
        segmented_image = None
        if segmented is None:
            segmented_image = cut(image, parameters)
            labels = segmented_image.labels
        else:
            labels = load_labels(segmented)
    except (UnreadableImage, UserError, ValueError) as error:
        return str(error)
    cut_done = perf_counter()
    try:
        features = feature_store.pack(extractor.extract(image.pixels, labels))
    except (UserError, ValueError) as error:
        return _Misfit(error)
    extracted = perf_counter()
    files = put_files(segmented_image) if segmented_image is not None else None
    stored = perf_counter()
    return _Described(
        features,
        files,
        {
            "read": read - began,
            "decode": decoded - read,
            "segment": cut_done - decoded,
            "extract": extracted - cut_done,
            "store": stored - extracted,
        },
    )


def _keep(
    batch: Sequence[tuple[Tile, _Described]],
    segmented: dict[int, SegmentedTile],
    segmentation: Segmentation,
    extractor_key: str,
) -> dict[int, SegmentedTile]:
    """Rows of the tiles that were cut now, then their features; returns {tile id: its segmented tile}."""
    fresh = {tile.pk: tile for tile, description in batch if description.files is not None}
    SegmentedTile.objects.bulk_create(
        [
            SegmentedTile(tile=tile, segmentation=segmentation, **description.files)
            for tile, description in batch
            if description.files is not None
        ],
        ignore_conflicts=True,  # another worker cut it meanwhile: the same superpixels
    )
    written: dict[int, SegmentedTile] = {}
    for row in SegmentedTile.objects.filter(tile__in=list(fresh), segmentation=segmentation):
        row.tile = fresh[row.tile_id]
        written[row.tile_id] = row
    described = [
        (written.get(tile.pk) or segmented[tile.pk], description.features) for tile, description in batch
    ]
    store_features(described, extractor_key)
    return written
