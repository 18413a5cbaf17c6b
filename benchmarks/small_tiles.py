"""A region of small pictures that are really read: cut, described by `texture`, scored, without taking hours.

For benchmarks about workers, not about pixels. A picture is four quarters of a colour with grain; reddish ground counts as
mining. One picture in the middle is damaged, so that failures are compared too. The same arguments make the same region.
"""

import io
import shutil
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.made_region import made_tile

TAUGHT = 24


def picture(number: int, side: int) -> bytes:
    """A JPEG of four quarters with grain."""
    draw = np.random.default_rng(number)
    colours = draw.integers(40, 200, (2, 2, 3))
    pixels = colours.repeat(side // 2, axis=0).repeat(side // 2, axis=1)
    pixels = np.clip(pixels + draw.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=90)
    return buffer.getvalue()


def make_region(tiles: int, side: int = 160, name: str = "Smallshire") -> Any:
    """A region of `tiles` whole tiles, not yet cut, with an active classifier taught on the first of them."""
    from amberapp import storage
    from detection.models import ImagerySource, Region, Tile

    source, _created = ImagerySource.objects.get_or_create(
        name="Small pictures", defaults={"attribution": "made for a measurement", "synthetic": True}
    )
    region = Region.objects.create(name=name, slug=name.lower(), source=source)
    rows = []
    for number in range(tiles):
        data = picture(number, side) if number != tiles // 2 else b"no picture at all"
        tile = made_tile(region, source, number, side)
        tile.sha256 = storage.sha256_of(data)
        tile.image_key = storage.put(storage.content_key("images", data, ".jpg"), data)
        rows.append(tile)
    Tile.objects.bulk_create(rows, batch_size=500)
    _teach(region, side)
    return region


def _teach(region: Any, side: int) -> None:
    from amberapp import storage
    from detection.description.features import usable_extractor
    from detection.description.segment import cut, default_segmentation, parameters_of
    from detection.imagery.decode import read_image
    from detection.learning import model_files
    from detection.learning.classifiers import fit
    from detection.models import Classifier, Dataset

    extractor = usable_extractor("texture")
    parameters = parameters_of(default_segmentation())
    features, mining = [], []
    for number in range(TAUGHT):
        image = read_image(picture(number, side))
        labels = cut(image, parameters).labels
        features.append(extractor.extract(image.pixels, labels))
        red, green = (np.bincount(labels.ravel(), image.pixels[..., band].ravel())[1:] for band in (0, 1))
        mining.append(red > 2 * green)
    data = model_files.save(fit("xgboost", np.concatenate(features), np.concatenate(mining), 0))
    model_key = storage.put(storage.content_key("models", data, ".zip"), data)
    count = len(np.concatenate(mining))
    dataset = Dataset.objects.create(
        region=region, file_key="datasets/small", content_hash="0" * 64, rows=count, positives=1
    )
    region.active_classifier = Classifier.objects.create(
        region=region,
        dataset=dataset,
        algorithm="xgboost",
        extractor="texture",
        extractor_key=extractor.key,
        model_key=model_key,
        model_sha256=storage.sha256_of(data),
        threshold=0.5,
        precision_target=0.95,
    )
    region.save(update_fields=["active_classifier"])


def outcome_of(run: Any) -> dict[str, tuple[Any, ...]]:
    """{file name: everything that the run and the first pass know of the tile}, numbers of rows left out."""
    from amberapp.storage import sha256_of
    from detection.description import feature_store
    from detection.description.chunks import chunk_store
    from detection.models import TileFeatures

    found: dict[str, list[Any]] = {name: [] for name in run.region.tiles.values_list("file_name", flat=True)}
    scores = run.scores.order_by("id").select_related("segmented_tile__tile")
    for row in scores:
        segmented = row.segmented_tile
        found[segmented.tile.file_name] += [
            ("scores", sha256_of(bytes(row.scores)), row.positives),
            ("pieces", segmented.superpixels, segmented.raster_key, segmented.outlines_key),
        ]
    for row in run.detections.select_related("segmented_tile__tile"):
        found[row.segmented_tile.tile.file_name].append(
            ("detection", row.score, row.superpixels, row.pixel_outline, row.outline, row.hectares)
        )
    for row in run.failures.select_related("tile"):
        found[row.tile.file_name].append(("failure", row.reason))
    for row in run.unusual_tiles.select_related("tile"):
        found[row.tile.file_name].append(("unusual", row.superpixels))
    described = TileFeatures.objects.filter(
        segmented_tile__tile__region=run.region, extractor_key=run.classifier.extractor_key
    )
    for row in described.select_related("chunk", "segmented_tile__tile"):
        rows = feature_store.read_rows(
            chunk_store(), row.chunk.path, row.first_row, row.segmented_tile.superpixels
        )
        found[row.segmented_tile.tile.file_name].append(("features", sha256_of(rows.tobytes())))
    return {name: tuple(sorted(map(repr, facts))) for name, facts in found.items()}


def forget_pixels(region: Any) -> None:
    """As if the region's tiles had never been cut or described; the files of it (local ones) are removed too."""
    from django.conf import settings
    from django.core.files.storage import default_storage

    from detection.models import FeatureChunk, Run, SegmentedTile

    Run.objects.filter(region=region).delete()
    SegmentedTile.objects.filter(tile__region=region).delete()
    FeatureChunk.objects.all().delete()
    for folder in (settings.FEATURE_STORE, default_storage.path("rasters"), default_storage.path("outlines")):
        shutil.rmtree(folder, ignore_errors=True)


def differences(undisturbed: dict[str, Any], disturbed: dict[str, Any]) -> list[str]:
    """Sentences about tiles that are lost, there twice or otherwise not the same."""
    problems = []
    for name in sorted(undisturbed.keys() | disturbed.keys()):
        then, now = undisturbed.get(name, ()), disturbed.get(name, ())
        if then != now:
            problems.append(
                f"{name}: {[fact[:90] for fact in then if fact not in now]} became "
                f"{[fact[:90] for fact in now if fact not in then]}"
            )
    for name, facts in disturbed.items():
        ends = sum(fact.startswith(("('scores'", "('failure'", "('passed'")) for fact in facts)
        if ends != 1:
            problems.append(f"{name}: {'lost' if ends == 0 else f'there {ends} times'}")
    return problems
