"""The work inside one shard: its tiles' features from the store, one prediction for all, rows to write.

Pixels are read only for tiles that have no features yet, label rasters only for tiles that the rule marks. The number
of queries does not depend on how many tiles the shard has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.errors import NotThere, UserError
from detection.description import feature_store
from detection.description.chunks import chunk_store
from detection.description.features import usable_extractor
from detection.description.first_pass import FirstPass, read_tiles
from detection.description.outline import draw_outline
from detection.learning import model_files
from detection.learning.classifiers import FittedClassifier
from detection.models import (
    Detection,
    Run,
    SegmentedTile,
    Shard,
    Tile,
    TileFailure,
    TileFeatures,
    TileScore,
    UnusualTile,
)
from detection.runs.drift import GroupCounts, count_groups
from detection.runs.outlines import Outlined, look_closer

# Rows of features in memory at once: 128 MB of float32 for ResNet50. A tile may have more.
ROWS_AT_ONCE = 16_384
BATCH = 500
# A tile is unusual with fewer than a fifth of the superpixels asked for, or more than four times as many.
FEWEST = 0.2
MOST = 4
# So many tiles of a shard that decode and cannot be described, and none that can: it is the extractor, not the tiles.
MISFITS = 3


@dataclass
class ShardOutcome:
    """The rows that a shard comes to; nothing of it is in the database yet."""

    scores: list[TileScore] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)
    failures: list[TileFailure] = field(default_factory=list)
    unusual: list[UnusualTile] = field(default_factory=list)
    drift: GroupCounts | None = None


def score_shard(shard: Shard, threads: int = 1) -> ShardOutcome:
    """Score all tiles of the shard and mark those that the rule marks. A tile that cannot be read is named.

    Raises UserError where the classifier and the worker do not fit together, OSError where the feature store
    or the storage can be neither read nor written.
    """
    run = shard.run
    outcome = ShardOutcome()
    tiles = list(
        Tile.objects.whole().filter(region=run.region_id, pk__gte=shard.first_tile, pk__lte=shard.last_tile)
    )
    stored = _stored_features(run, tiles)
    missing = [tile for tile in tiles if tile.pk not in stored]
    if missing:
        read = _read_pixels(run, missing, threads)
        outcome.failures = [
            TileFailure(run=run, tile=tile, reason=read.failures[tile.pk][:300])
            for tile in missing
            if tile.pk in read.failures
        ]
        # Tiles described before prove the extractor: a few bad ones among them are no reason to stop.
        if read.misfits >= MISFITS and not stored and not read.segmented:
            raise UserError(
                _("The features “%(name)s” cannot be made of any tile of this shard: %(reason)s")
                % {"name": run.classifier.extractor, "reason": read.misfit}
            )
        stored |= _stored_features(run, [tile for tile in missing if tile.pk not in read.failures])
    rows = [stored[tile.pk] for tile in tiles if tile.pk in stored]
    scores_by_tile, beyond_by_tile = _scored(run, rows)
    judged = list(zip([row.segmented_tile for row in rows], scores_by_tile, strict=True))
    if beyond_by_tile is not None:
        outcome.drift = count_groups([row.segmented_tile for row in rows], beyond_by_tile)
    looked = _outlined(run, [tile for tile, scores in judged if (scores >= run.threshold).any()], threads)
    for segmented, probabilities in judged:
        _judge(run, segmented, probabilities, looked.get(segmented.pk), outcome)
    return outcome


def _stored_features(run: Run, tiles: Sequence[Tile]) -> dict[int, TileFeatures]:
    """{tile id: where its features lie}, for those of `tiles` that are cut as the run wants and described."""
    by_id = {tile.pk: tile for tile in tiles}
    rows = TileFeatures.objects.filter(
        extractor_key=run.classifier.extractor_key,
        segmented_tile__segmentation=run.segmentation_id,
        segmented_tile__tile__in=list(by_id),
    ).select_related("chunk", "segmented_tile")
    by_tile = {}
    for row in rows:
        row.segmented_tile.tile = by_id[row.segmented_tile.tile_id]
        by_tile[row.segmented_tile.tile_id] = row
    return by_tile


def _read_pixels(run: Run, tiles: Sequence[Tile], threads: int) -> FirstPass:
    """Cut and describe tiles that are not in the store yet."""
    classifier = run.classifier
    extractor = usable_extractor(classifier.extractor, classifier.extractor_key)
    if extractor.key != classifier.extractor_key:
        raise UserError(
            _(
                "Classifier %(id)s was trained on features “%(then)s”, and this worker makes “%(now)s”: "
                "retrain, or start a worker with the same extractor."
            )
            % {"id": classifier.pk, "then": classifier.extractor_key, "now": extractor.key}
        )
    return read_tiles(tiles, run.segmentation, extractor, threads=threads)


def _scored(run: Run, rows: Sequence[TileFeatures]) -> tuple[list[npt.NDArray[np.float32]], list[int] | None]:
    """For each of `rows` the probabilities of its superpixels, float32 little-endian (superpixels,), and how many of them
    look like nothing that the classifier was trained on; None where it cannot tell."""
    if not rows:
        return [], None
    fitted = load_model(run.classifier.model_key, run.classifier.model_sha256)
    # In the order in which they lie in the store, so that neighbours are read in one slice.
    order = sorted(range(len(rows)), key=lambda place: (rows[place].chunk_id, rows[place].first_row))
    ranges = [
        (rows[place].chunk.path, rows[place].first_row, rows[place].segmented_tile.superpixels)
        for place in order
    ]
    blocks = feature_store.read_blocks(chunk_store(), ranges, ROWS_AT_ONCE)
    scores, strange = [np.zeros(0, "<f4")], [np.zeros(0, np.bool_)]
    for block in blocks:
        scores.append(fitted.predict_proba(block).astype("<f4"))
        if fitted.drift is not None:
            strange.append(fitted.drift.beyond(block))
    joined, odd = np.concatenate(scores), np.concatenate(strange)
    probabilities: list[npt.NDArray[np.float32]] = [joined] * len(rows)
    beyond = [0] * len(rows)
    first = 0
    for place in order:
        last = first + rows[place].segmented_tile.superpixels
        probabilities[place] = joined[first:last]
        beyond[place] = int(odd[first:last].sum())
        first = last
    return probabilities, beyond if fitted.drift is not None else None


def _outlined(run: Run, tiles: Sequence[SegmentedTile], threads: int) -> dict[int, Outlined]:
    """What the classifier's outline head says of tiles with a positive superpixel, by segmented tile; {} without one.

    A tile whose windows cannot be had keeps the outline of its scores.
    """
    if not tiles:
        return {}
    head = load_model(run.classifier.model_key, run.classifier.model_sha256).outline
    return {} if head is None else look_closer(head, run.classifier.extractor, tiles, threads)


def _judge(
    run: Run,
    segmented: SegmentedTile,
    probabilities: npt.NDArray[np.float32],
    looked: Outlined | None,
    outcome: ShardOutcome,
) -> None:
    positive = np.flatnonzero(probabilities >= run.threshold) + 1
    outline = positive if looked is None else looked.superpixels
    if len(positive) > run.positive_superpixels and len(outline):
        try:
            detection = _detection(run, segmented, outline.tolist(), probabilities[positive - 1])
        except (NotThere, ValueError) as error:  # its label raster is lost: one tile's loss, not the run's
            outcome.failures.append(TileFailure(run=run, tile=segmented.tile, reason=str(error)[:300]))
            return
        outcome.detections.append(detection)
    outcome.scores.append(
        TileScore(
            run=run,
            segmented_tile=segmented,
            scores=probabilities.tobytes(),
            ground=None if looked is None else looked.ground.astype("<f4").tobytes(),
            positives=len(positive),
        )
    )
    target = run.segmentation.n_segments
    if not target * FEWEST <= segmented.superpixels <= target * MOST:
        outcome.unusual.append(UnusualTile(run=run, tile=segmented.tile, superpixels=segmented.superpixels))


def _detection(
    run: Run, segmented: SegmentedTile, superpixels: list[int], found: npt.NDArray[np.float32]
) -> Detection:
    """The tile with the outline of `superpixels`; its score is the mean of `found`, what made the rule mark it."""
    drawn = draw_outline(segmented, superpixels)
    return Detection(
        run=run,
        segmented_tile=segmented,
        superpixels=superpixels,
        score=float(np.mean(found)),
        pixel_outline=drawn.pixel_outline,
        outline=drawn.outline,
        hectares=drawn.hectares,
    )


def write_shard(shard: Shard, owner: str, outcome: ShardOutcome) -> bool:
    """All rows of a shard and its end in one transaction; False, and nothing, when it is no longer ours."""
    with transaction.atomic():
        finished = Shard.objects.finish(
            shard.pk,
            owner=owner,
            tiles_done=len(outcome.scores),
            tiles_failed=len(outcome.failures),
            error="",
            drift=outcome.drift,
        )
        if not finished:
            return False
        TileScore.objects.bulk_create(outcome.scores, batch_size=BATCH)
        Detection.objects.bulk_create(outcome.detections, batch_size=BATCH)
        TileFailure.objects.bulk_create(outcome.failures, batch_size=BATCH)
        UnusualTile.objects.bulk_create(outcome.unusual, batch_size=BATCH)
    return True


@lru_cache(maxsize=4)
def load_model(model_key: str, sha256: str) -> FittedClassifier:
    """The fitted model, read once a process. Raises UserError when the file is not what was trained."""
    data = storage.get(model_key)
    if storage.sha256_of(data) != sha256:
        raise UserError(_("The file of this classifier has been changed: retrain it or restore a backup."))
    try:
        return model_files.load(data)
    except ValueError as error:
        raise UserError(
            _("The file of this classifier cannot be read (%(reason)s): retrain it.") % {"reason": error}
        ) from error
