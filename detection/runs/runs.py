"""A run's life: planned, worked on shard by shard, paused, resumed, cancelled, closed.

Idempotent, resumable, safe under kill -9: the rows carry the truth, a message to a worker is only a wake-up call.
What happens inside a shard is in `run_shards`; what two runs have in common is in `run_diff`.
"""

import contextlib
import logging
import random
import time
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.celery import app as celery
from amberapp.errors import Conflict, UserError
from amberapp.jobs import HEAVY, MOST_MESSAGES, lease_kept, messages_in, worker_name
from amberapp.models import User, WorkState
from amberapp.models.work import OPEN_STATES, UNENDED_STATES
from amberapp.storage import trouble_with
from detection.description.features import THREADS
from detection.description.segment import default_segmentation
from detection.models import Classifier, Region, Run, Shard
from detection.runs.drift import keep_drift
from detection.runs.shards import score_shard, write_shard
from detection.signals import run_finished

logger = logging.getLogger("amber.runs")

# Messages in flight for one run: enough for this many workers, few enough to let other jobs through.
MESSAGES = 16
# So many of the free shards a worker looks at.
AHEAD = 8
# Seconds between two looks at a run's progress.
LOOK = 0.5


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
        under_way = region.runs.filter(state__in=UNENDED_STATES).first()
        if under_way is not None:
            sentence = (
                _("Run %(id)s of this region is paused: resume it or cancel it.")
                if under_way.is_paused
                else _("Run %(id)s is still under way in this region: wait for it or cancel it.")
            )
            raise Conflict(sentence % {"id": under_way.pk})
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


def pause_run(*, run: Run, acting_user: User | None, reason: str = "") -> bool:
    """Hand out no more shards until the run is resumed; those in hand are finished and kept.

    `reason`: why, where it is the machine that stops (a full disk); shown on the run's page. Pausing a paused run
    changes nothing. Returns whether it was this call that paused. Raises Conflict when the run has ended.
    """
    with transaction.atomic():
        paused = Run.objects.filter(pk=run.pk, state__in=OPEN_STATES).update(
            state=WorkState.PAUSED, paused_at=timezone.now(), pause_reason=reason
        )
        if paused:
            details = {"reason": reason} if reason else {}
            record(acting_user, "run.paused", run, **details)
        elif not Run.objects.filter(pk=run.pk, state=WorkState.PAUSED).exists():
            raise Conflict(_("Run %(id)s has already ended.") % {"id": run.pk})
    return bool(paused)


def resume_run(*, run: Run, acting_user: User | None) -> bool:
    """Let workers go on where they stopped. Resuming a run that is not paused changes nothing.

    What a shard tried before the pause is forgotten: a disk that was full five times is no fault of the shard.
    Returns whether it was this call that resumed. Raises Conflict when the run has ended.
    """
    with transaction.atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        if row.has_ended:
            raise Conflict(_("Run %(id)s has already ended.") % {"id": run.pk})
        if not row.is_paused:
            return False
        now = timezone.now()
        begun = row.shards.exclude(started_at=None).exists()
        Run.objects.filter(pk=run.pk, state=WorkState.PAUSED).update(
            state=WorkState.RUNNING if begun else WorkState.QUEUED,
            paused_at=None,
            pause_reason="",
            paused_seconds=row.paused_seconds + (now - (row.paused_at or now)).total_seconds(),
        )
        row.shards.filter(state=WorkState.QUEUED).update(attempts=0, error="")
        record(acting_user, "run.resumed", run)
        waiting = row.shards.filter(state__in=OPEN_STATES).count()
        transaction.on_commit(lambda: _send(run.pk, min(waiting, MESSAGES)))
    return True


def cancel_run(*, run: Run, acting_user: User | None) -> bool:
    """Stop a run for good. Shards under way end without writing; what is written stays for the record.

    Cancelling twice changes nothing. Returns whether it was this call that cancelled. Raises Conflict when the
    run ended in another way.
    """
    with transaction.atomic():
        cancelled = Run.objects.filter(pk=run.pk, state__in=UNENDED_STATES).update(
            state=WorkState.CANCELLED, finished_at=timezone.now(), paused_at=None, pause_reason=""
        )
        if cancelled:
            run.shards.filter(state__in=OPEN_STATES).update(
                state=WorkState.CANCELLED, lease_owner="", lease_until=None
            )
            record(acting_user, "run.cancelled", run)
        elif not Run.objects.filter(pk=run.pk, state=WorkState.CANCELLED).exists():
            raise Conflict(_("Run %(id)s has already ended.") % {"id": run.pk})
    return bool(cancelled)


def work_on(run_id: int, threads: int = 1) -> bool:
    """Take one free shard of the run and do it here. False when there was none to take.

    `threads` read pixels, where any have to be read; a worker beside others on the machine has one.
    """
    while free := _free_shards(run_id):
        # Not all workers at the first one: only one of them would get it.
        for shard_id in random.sample(free, len(free)):
            owner = worker_name()
            if Shard.objects.claim(shard_id, owner=owner, seconds=settings.AMBER["AMBER_LEASE_SECONDS"]):
                _do_shard(shard_id, owner, threads)
                return True
    _close_run(run_id)
    return False


def _free_shards(run_id: int) -> list[int]:
    if not Run.objects.filter(pk=run_id, state__in=OPEN_STATES).exists():
        return []
    shards = Shard.objects.filter(run_id=run_id)
    waiting = shards.filter(state=WorkState.QUEUED) | shards.expired()
    return list(waiting.order_by("number").values_list("pk", flat=True)[:AHEAD])


def work_in_turn(run_id: int) -> None:
    """A worker's step: one shard, then back to the end of the queue, so that other jobs get their turn."""
    if work_on(run_id) and _free_shards(run_id):
        _send(run_id, 1)


def execute_here(run: Run, progress: Callable[[int, int], None] | None = None) -> None:
    """Do the whole run in this process (no worker is up), until it ends or is paused."""
    looked = 0.0
    while work_on(run.pk, THREADS):
        if progress is not None and time.monotonic() - looked > LOOK:
            looked = time.monotonic()
            counts = run.progress()
            progress(counts["tiles_done"] + counts["tiles_failed"], run.tiles)


def sweep_runs() -> int:
    """Wake open runs that nobody works on or that have lost messages; give up shards whose workers died too often.

    A worker that is killed takes its messages with it, and one that joins needs one. When the queue is empty,
    whoever is free gets one more; so the number of messages follows that of the workers.
    """
    woken = 0
    for shard in Shard.objects.expired().filter(attempts__gte=Shard.MAX_ATTEMPTS):
        Shard.objects.fail(
            shard.pk,
            owner=shard.lease_owner,
            error=_("The worker died %(count)s times on this shard.") % {"count": shard.attempts},
        )
    messages = messages_in(HEAVY)
    for run in Run.objects.filter(state__in=OPEN_STATES):
        alive = run.shards.filter(state=WorkState.RUNNING, lease_until__gte=timezone.now())
        if (alive.exists() and messages) or messages >= MOST_MESSAGES:
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


def _do_shard(shard_id: int, owner: str, threads: int) -> None:
    shard = Shard.objects.select_related("run__classifier", "run__segmentation", "run__region").get(
        pk=shard_id
    )
    run = shard.run
    Run.objects.filter(pk=run.pk, state=WorkState.QUEUED).update(state=WorkState.RUNNING)
    try:
        with lease_kept(Shard.objects.all(), shard_id, owner):
            outcome = score_shard(shard, threads)
        write_shard(shard, owner, outcome)
    except UserError as error:
        # This worker lacks what the run needs: its weights, the extractor's version, the classifier's file.
        _stop_for(shard, owner, str(error.message))
    except Exception as error:
        logger.exception("%s failed", shard)
        trouble = trouble_with(error)
        if trouble:
            _stop_for(shard, owner, trouble)
        elif shard.attempts >= Shard.MAX_ATTEMPTS:
            Shard.objects.fail(shard_id, owner=owner, error=f"{type(error).__name__}: {error}"[:500])
        else:
            Shard.objects.release(shard_id, owner=owner, error=f"{type(error).__name__}: {error}"[:500])
    _close_run(run.pk)


def _stop_for(shard: Shard, owner: str, trouble: str) -> None:
    """Give the shard back and pause its run: it is no fault of the shard, and every other one would meet it too."""
    Shard.objects.release(shard.pk, owner=owner, error=trouble)
    with contextlib.suppress(Conflict):  # it was cancelled meanwhile
        pause_run(run=shard.run, acting_user=None, reason=trouble)


def _close_run(run_id: int) -> None:
    """End the run when its last shard has ended, a paused one too. Whoever makes the update writes the audit row."""
    shards = Shard.objects.filter(run_id=run_id)
    if shards.filter(state__in=OPEN_STATES).exists():
        return
    state = WorkState.FAILED if shards.filter(state=WorkState.FAILED).exists() else WorkState.DONE
    with transaction.atomic():
        closed = Run.objects.filter(pk=run_id, state__in=UNENDED_STATES).update(
            state=state, finished_at=timezone.now(), paused_at=None, pause_reason=""
        )
        if closed:
            run = Run.objects.select_related("classifier").get(pk=run_id)
            keep_drift(run)
            record(None, f"run.{state}", run, detections=run.detections.count(), **run.progress())
            if state == WorkState.DONE:
                run_finished.send(Run, run=run)
