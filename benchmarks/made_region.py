"""A region whose pixels nobody reads: tiles, label rasters and features made by numbers, quickly.

For measuring and testing what happens after the first pass. Features are float16 noise; in the superpixels that are "mining"
the first columns are shifted, so that a classifier finds them again. Nothing here opens or makes an image.
"""

import functools
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

SUPERPIXELS = 25
SIDE, BLOCK = 1000, 4
SIGNAL = 16  # columns in which mining differs
SHIFT = 2.0
KEY = "made-1-plain"
MINED_SUPERPIXELS = 5  # of a tile with mining
AT_ONCE = 5_000


def make_region(
    tiles: int,
    *,
    dimension: int,
    name: str = "Madeshire",
    share_mined: float = 0.01,
    seed: int = 1,
    chunk_tiles: int = 64,
    side: int = SIDE,
    key: str = KEY,
) -> Any:
    """A region of `tiles` tiles that are cut into 25 and described by `dimension` features.

    Every so many tiles, `share_mined` of all, five neighbouring superpixels are mining. A tile has a place. The same
    arguments make the same region.
    """
    from detection.models import ImagerySource, Region

    source, _created = ImagerySource.objects.get_or_create(
        name="Nothing seen", defaults={"attribution": "made for a measurement", "synthetic": True}
    )
    region = Region.objects.create(name=name, slug=name.lower(), source=source)
    add_tiles(
        region,
        tiles,
        dimension=dimension,
        share_mined=share_mined,
        seed=seed,
        chunk_tiles=chunk_tiles,
        side=side,
        key=key,
    )
    return region


def add_tiles(
    region: Any,
    tiles: int,
    *,
    dimension: int,
    share_mined: float = 0.01,
    seed: int = 1,
    chunk_tiles: int = 64,
    side: int = SIDE,
    key: str = KEY,
) -> None:
    """So many more tiles for a region of `make_region`."""
    from detection.description.segment import default_segmentation
    from detection.models import Tile

    if not tiles:
        return
    there = region.tiles.count()
    rasters = [_stored_raster(number, side) for number in range(16)]
    for start in range(there, there + tiles, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, there + tiles))
        Tile.objects.bulk_create(
            (made_tile(region, region.source, number, side) for number in numbers), batch_size=1_000
        )
    ids = list(region.tiles.order_by("id").values_list("id", flat=True))[there:]
    describe(
        _segment(ids, default_segmentation(), rasters),
        dimension=dimension,
        share_mined=share_mined,
        seed=seed + there,
        chunk_tiles=chunk_tiles,
        key=key,
    )


def made_tile(region: Any, source: Any, number: int, side: int) -> Any:
    from detection.models import Tile

    south, west = 50.0 + number // 700 * 0.0034, 24.0 + number % 700 * 0.0055
    digest = hashlib.sha256(f"{region.name} {number}".encode()).hexdigest()
    return Tile(
        region=region,
        source=source,
        file_name=f"made-{number:06d}.jpg",
        sha256=digest,
        image_key=f"images/{digest[:2]}/{digest}.jpg",
        width=side,
        height=side,
        west=west,
        east=west + 0.00543,
        south=south,
        north=south + 0.0033342,
        latitude=south + 0.0016671,
        longitude=west + 0.002715,
        ground_sample_distance=0.37,
    )


def _stored_raster(number: int, side: int) -> str:
    """A label raster of 25 superpixels with crooked borders, stored as `segment_tile` stores them."""
    from amberapp import storage
    from detection.segmentation.raster import encode_raster

    draw = np.random.default_rng(number)
    blocks = -(-side // BLOCK)
    rows, cols = np.mgrid[:blocks, :blocks] / blocks * 5
    bend = 0.12 * np.sin(rows * draw.uniform(5, 9)) + 0.12 * np.cos(cols * draw.uniform(5, 9))
    down = np.clip((rows + bend), 0, 4.999).astype(int)
    right = np.clip((cols + bend), 0, 4.999).astype(int)
    small = (down * 5 + right + 1).astype(np.int32)
    labels = np.repeat(np.repeat(small, BLOCK, axis=0), BLOCK, axis=1)[:side, :side]
    data = encode_raster(labels, BLOCK)
    return storage.put(storage.content_key("rasters", data, ".png"), data)


def _segment(ids: Sequence[int], segmentation: Any, rasters: Sequence[str]) -> list[int]:
    from detection.models import SegmentedTile

    SegmentedTile.objects.bulk_create(
        (
            SegmentedTile(
                tile_id=tile,
                segmentation=segmentation,
                superpixels=SUPERPIXELS,
                raster_key=rasters[place % len(rasters)],
            )
            for place, tile in enumerate(ids)
        ),
        batch_size=1_000,
    )
    found = SegmentedTile.objects.filter(segmentation=segmentation, tile__gte=ids[0], tile__lte=ids[-1])
    return list(found.order_by("tile").values_list("id", flat=True))


def describe(
    segmented: Sequence[int],
    *,
    dimension: int,
    share_mined: float,
    seed: int,
    chunk_tiles: int = 64,
    key: str = KEY,
) -> None:
    """Features of these segmented tiles into the store, `chunk_tiles` tiles a chunk, and the rows that point there."""
    from detection.description import feature_store
    from detection.description.chunks import chunk_store
    from detection.models import FeatureChunk, TileFeatures

    every = round(1 / share_mined) if share_mined else 0
    blocks = _noise(dimension, chunk_tiles * SUPERPIXELS, seed)
    rows: list[Any] = []
    for start in range(0, len(segmented), chunk_tiles):
        part = segmented[start : start + chunk_tiles]
        features = next(blocks)[: len(part) * SUPERPIXELS]
        mined = [place for place in range(len(part)) if every and (start + place) % every == every - 1]
        for place in mined:
            first = place * SUPERPIXELS + 5
            features[first : first + MINED_SUPERPIXELS, :SIGNAL] += np.float16(SHIFT)
        path, digest = feature_store.write_chunk(chunk_store(), key, features)
        chunk = FeatureChunk.objects.create(
            extractor_key=key, path=path, rows=len(features), dimension=dimension, sha256=digest
        )
        rows += [
            TileFeatures(
                segmented_tile_id=number, extractor_key=key, chunk=chunk, first_row=place * SUPERPIXELS
            )
            for place, number in enumerate(part)
        ]
        if len(rows) >= AT_ONCE:
            TileFeatures.objects.bulk_create(rows, batch_size=1_000)
            rows = []
    TileFeatures.objects.bulk_create(rows, batch_size=1_000)


def _noise(dimension: int, rows: int, seed: int) -> Iterator[npt.NDArray[np.float16]]:
    """Blocks of noise (rows, dimension), each different from the others, at the speed of memory."""
    draw = np.random.default_rng(seed)
    base = draw.normal(0, 1, (rows, dimension)).astype(np.float16)
    while True:
        shuffled = base[draw.permutation(rows)]
        # The lowest bits of the mantissa: new bytes, nearly the same numbers.
        shuffled.view(np.uint16)[...] ^= draw.integers(0, 16, dimension, dtype=np.uint16)
        yield shuffled


@functools.cache
def _fitted(algorithm: str, dimension: int, rows: int) -> tuple[bytes, int]:
    """The model file of a classifier fitted on made superpixels, always the same, and how many were mining."""
    from detection.learning import model_files
    from detection.learning.classifiers import fit

    draw = np.random.default_rng(7)
    features = draw.normal(0, 1, (rows, dimension)).astype(np.float32)
    mining = np.arange(rows) % 4 == 0
    features[mining, :SIGNAL] += SHIFT
    return model_files.save(fit(algorithm, features, mining, 0)), int(mining.sum())


def make_classifier(
    region: Any,
    algorithm: str,
    *,
    dimension: int,
    key: str = KEY,
    extractor: str = "made",
    rows: int = 744,
) -> Any:
    """A classifier of that algorithm, really fitted on `rows` made superpixels, active in the region."""
    from amberapp import storage
    from detection.models import Classifier, Dataset

    data, positives = _fitted(algorithm, dimension, rows)
    model_key = storage.put(storage.content_key("models", data, ".zip"), data)
    dataset, _created = Dataset.objects.get_or_create(
        content_hash=hashlib.sha256(b"made").hexdigest(),
        defaults={
            "region": region,
            "file_key": "datasets/made",
            "rows": rows,
            "positives": positives,
        },
    )
    classifier = Classifier.objects.create(
        region=region,
        dataset=dataset,
        algorithm=algorithm,
        extractor=extractor,
        extractor_key=key,
        model_key=model_key,
        model_sha256=storage.sha256_of(data),
        threshold=0.5,
        precision_target=0.95,
    )
    region.active_classifier = classifier
    region.save(update_fields=["active_classifier"])
    return classifier


def finished_run(classifier: Any, ids: Sequence[int]) -> Any:
    """A run over these segmented tiles that says it is done; its scores and detections are the caller's."""
    from django.utils import timezone

    from detection.models import Run, SegmentedTile

    return Run.objects.create(
        region=classifier.region,
        classifier=classifier,
        segmentation=SegmentedTile.objects.get(pk=ids[0]).segmentation,
        positive_superpixels=2,
        threshold=classifier.threshold,
        state="done",
        tiles=len(ids),
        finished_at=timezone.now(),
    )
