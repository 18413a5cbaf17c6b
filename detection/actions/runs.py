"""Applying a classifier to a region, shard by shard: idempotent, resumable, safe under kill -9."""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from shapely.geometry import MultiPolygon, Polygon, mapping

from amberapp import storage
from amberapp.audit import record
from amberapp.celery import app as celery
from amberapp.errors import Conflict, UserError
from amberapp.jobs import lease_kept, worker_name
from amberapp.models import User, WorkState
from amberapp.models.work import OPEN_STATES
from detection.actions.features import load_features, usable_extractor
from detection.actions.first_pass import read_tiles
from detection.actions.segment import default_segmentation, load_labels
from detection.geometry import geodesic_area_hectares
from detection.learning import model_files
from detection.learning.classifiers import FittedClassifier
from detection.models import (
    Classifier,
    Detection,
    Region,
    Run,
    SegmentedTile,
    Shard,
    Tile,
    TileFailure,
    TileScore,
)
from detection.segmentation.outlines import to_geographic, union_outline
from detection.signals import run_finished

logger = logging.getLogger("amber.runs")

# Messages in flight for one run: enough for this many workers, few enough to let other jobs through.
MESSAGES = 16


def start_run(*, region: Region, classifier: Classifier | None = None, acting_user: User | None) -> Run:
    """Plan a run over all whole tiles of the region and tell the workers.

    Raises UserError when there is no classifier or no tile, Conflict when a run is under way.
    """
    classifier = classifier or region.active_classifier
    if classifier is None:
        raise UserError(_("“%(region)s” has no classifier yet: train one first.") % {"region": region})
    if classifier.region_id != region.pk:
        raise UserError(_("Classifier %(id)s belongs to another region.") % {"id": classifier.pk})
    with transaction.atomic():
        Region.objects.select_for_update().get(pk=region.pk)
        under_way = region.runs.filter(state__in=OPEN_STATES).first()
        if under_way is not None:
            raise Conflict(
                _("Run %(id)s is still under way in this region: wait for it or cancel it.")
                % {"id": under_way.pk}
            )
        tile_ids = list(region.tiles.whole().order_by("id").values_list("id", flat=True))
        if not tile_ids:
            raise UserError(_("“%(region)s” has no tiles yet: import some first.") % {"region": region})
        run = Run.objects.create(
            region=region,
            classifier=classifier,
            segmentation=default_segmentation(),
            positive_superpixels=region.positive_superpixels,
            threshold=classifier.threshold,
            tiles=len(tile_ids),
            created_by=acting_user,
        )
        size = settings.AMBER["AMBER_SHARD_TILES"]
        slices = [tile_ids[start : start + size] for start in range(0, len(tile_ids), size)]
        Shard.objects.bulk_create(
            Shard(run=run, number=number, first_tile=ids[0], last_tile=ids[-1], tiles=len(ids))
            for number, ids in enumerate(slices)
        )
        record(acting_user, "run.started", run, classifier=classifier.pk, tiles=len(tile_ids))
        transaction.on_commit(lambda: _send(run.pk, min(len(slices), MESSAGES)))
    return run


def cancel_run(*, run: Run, acting_user: User | None) -> None:
    """Stop a run. Shards under way end without writing; what is written stays for the record."""
    with transaction.atomic():
        if not Run.objects.filter(pk=run.pk, state__in=OPEN_STATES).update(
            state=WorkState.CANCELLED, finished_at=timezone.now()
        ):
            raise Conflict(_("Run %(id)s has already ended.") % {"id": run.pk})
        run.shards.filter(state__in=OPEN_STATES).update(
            state=WorkState.CANCELLED, lease_owner="", lease_until=None
        )
        record(acting_user, "run.cancelled", run)


def work_on(run_id: int) -> bool:
    """Take one free shard of the run and do it here. False when there was none to take."""
    for shard_id in _free_shards(run_id)[:8]:
        owner = worker_name()
        if Shard.objects.claim(shard_id, owner=owner, seconds=settings.AMBER["AMBER_LEASE_SECONDS"]):
            _do_shard(shard_id, owner)
            return True
    _close_run(run_id)
    return False


def _free_shards(run_id: int) -> list[int]:
    if not Run.objects.filter(pk=run_id, state__in=OPEN_STATES).exists():
        return []
    shards = Shard.objects.filter(run_id=run_id)
    waiting = shards.filter(state=WorkState.QUEUED) | shards.expired()
    return list(waiting.order_by("number").values_list("pk", flat=True)[:8])


def work_in_turn(run_id: int) -> None:
    """A worker's step: one shard, then back to the end of the queue, so that other jobs get their turn."""
    if work_on(run_id) and _free_shards(run_id):
        _send(run_id, 1)


def execute_here(run: Run, progress: Callable[[int, int], None] | None = None) -> None:
    """Do the whole run in this process (no worker is up)."""
    while work_on(run.pk):
        if progress is not None:
            counts = run.progress()
            progress(counts["tiles_done"] + counts["tiles_failed"], run.tiles)


def sweep_runs() -> int:
    """Wake every open run that nobody works on; give up shards whose workers died too often."""
    woken = 0
    for shard in Shard.objects.expired().filter(attempts__gte=Shard.MAX_ATTEMPTS):
        Shard.objects.fail(
            shard.pk,
            owner=shard.lease_owner,
            error=_("The worker died %(count)s times on this shard.") % {"count": shard.attempts},
        )
    for run in Run.objects.filter(state__in=OPEN_STATES):
        alive = run.shards.filter(state=WorkState.RUNNING, lease_until__gte=timezone.now())
        if alive.exists():
            continue
        waiting = len(_free_shards(run.pk))
        if waiting:
            _send(run.pk, waiting)
            woken += 1
        else:
            _close_run(run.pk)
    return woken


def _send(run_id: int, messages: int) -> None:
    if not settings.REDIS_URL:
        return
    try:
        for _number in range(messages):
            celery.send_task("detection.work_on_run", args=(run_id,), retry=False)
    except Exception as error:  # the shards wait; the sweeper wakes the run again
        logger.warning("run %s waits: the broker did not take it (%s)", run_id, error)


def _do_shard(shard_id: int, owner: str) -> None:
    shard = Shard.objects.select_related("run__classifier", "run__segmentation", "run__region").get(
        pk=shard_id
    )
    run = shard.run
    Run.objects.filter(pk=run.pk, state=WorkState.QUEUED).update(state=WorkState.RUNNING)
    try:
        with lease_kept(Shard.objects.all(), shard_id, owner):
            scores, detections, failures = _score_shard(shard)
        _write_shard(shard, owner, scores, detections, failures)
    except UserError as error:
        Shard.objects.fail(shard_id, owner=owner, error=str(error.message))
    except Exception as error:
        logger.exception("%s failed", shard)
        if shard.attempts >= Shard.MAX_ATTEMPTS:
            Shard.objects.fail(shard_id, owner=owner, error=f"{type(error).__name__}: {error}"[:500])
        else:
            Shard.objects.release(shard_id, owner=owner, error=f"{type(error).__name__}: {error}"[:500])
    _close_run(run.pk)


def _score_shard(shard: Shard) -> tuple[list[TileScore], list[Detection], list[TileFailure]]:
    run = shard.run
    tiles = list(
        Tile.objects.whole().filter(region=run.region, pk__gte=shard.first_tile, pk__lte=shard.last_tile)
    )
    extractor = usable_extractor(run.classifier.extractor)
    if extractor.key != run.classifier.extractor_key:
        raise UserError(
            _(
                "Classifier %(id)s was trained on features “%(then)s”, and this worker makes “%(now)s”: "
                "retrain, or start a worker with the same extractor."
            )
            % {"id": run.classifier_id, "then": run.classifier.extractor_key, "now": extractor.key}
        )
    read = read_tiles(tiles, run.segmentation, extractor)
    segmented = read.segmented
    failures = [
        TileFailure(run=run, tile=tile, reason=read.failures[tile.pk][:300])
        for tile in tiles
        if tile.pk in read.failures
    ]
    features = load_features(segmented, extractor.key)
    fitted = load_model(run.classifier.model_key, run.classifier.model_sha256)
    scores: list[TileScore] = []
    detections: list[Detection] = []
    for item in segmented:
        if item.pk not in features:
            failures.append(TileFailure(run=run, tile=item.tile, reason=_("Its features could not be read.")))
            continue
        probabilities = fitted.predict_proba(features[item.pk]).astype("<f4")
        positive = np.flatnonzero(probabilities >= run.threshold) + 1
        scores.append(
            TileScore(run=run, segmented_tile=item, scores=probabilities.tobytes(), positives=len(positive))
        )
        if len(positive) > run.positive_superpixels:
            detections.append(_detection(run, item, positive.tolist(), probabilities))
    return scores, detections, failures


def _detection(run: Run, item: SegmentedTile, positive: list[int], probabilities: Any) -> Detection:
    tile = item.tile
    outline = union_outline(load_labels(item), positive)
    geographic = to_geographic(outline, tile.bounds, (tile.height, tile.width)) if tile.bounds else None
    return Detection(
        run=run,
        segmented_tile=item,
        superpixels=positive,
        score=float(np.mean(probabilities[np.asarray(positive) - 1])),
        pixel_outline=_multipolygon(outline),
        outline=_multipolygon(geographic) if geographic is not None else None,
        hectares=geodesic_area_hectares(geographic) if geographic is not None else None,
    )


def _multipolygon(geometry: Any) -> dict[str, Any]:
    """GeoJSON MultiPolygon with lists instead of tuples, as JSON columns give them back."""
    if isinstance(geometry, Polygon):
        geometry = MultiPolygon([geometry])
    found = mapping(geometry)
    return {
        "type": "MultiPolygon",
        "coordinates": [
            [[list(point) for point in ring] for ring in polygon] for polygon in found["coordinates"]
        ],
    }


def _write_shard(
    shard: Shard,
    owner: str,
    scores: list[TileScore],
    detections: list[Detection],
    failures: list[TileFailure],
) -> None:
    """All rows of a shard and its end in one transaction; nothing when the shard is no longer ours."""
    with transaction.atomic():
        finished = Shard.objects.finish(
            shard.pk, owner=owner, tiles_done=len(scores), tiles_failed=len(failures), error=""
        )
        if not finished:
            return
        TileScore.objects.bulk_create(scores, batch_size=200)
        Detection.objects.bulk_create(detections, batch_size=200)
        TileFailure.objects.bulk_create(failures, batch_size=200)


def _close_run(run_id: int) -> None:
    """End the run when its last shard has ended. Whoever makes the update writes the audit row."""
    shards = Shard.objects.filter(run_id=run_id)
    if shards.filter(state__in=OPEN_STATES).exists():
        return
    state = WorkState.FAILED if shards.filter(state=WorkState.FAILED).exists() else WorkState.DONE
    with transaction.atomic():
        closed = Run.objects.filter(pk=run_id, state__in=OPEN_STATES).update(
            state=state, finished_at=timezone.now()
        )
        if closed:
            run = Run.objects.get(pk=run_id)
            record(None, f"run.{state}", run, detections=run.detections.count(), **run.progress())
            if state == WorkState.DONE:
                run_finished.send(Run, run=run)


@lru_cache(maxsize=4)
def load_model(model_key: str, sha256: str) -> FittedClassifier:
    """The fitted model, read once a process. Raises UserError when the file is not what was trained."""
    data = storage.get(model_key)
    if storage.sha256_of(data) != sha256:
        raise UserError(_("The file of this classifier has been changed: retrain it or restore a backup."))
    return model_files.load(data)
