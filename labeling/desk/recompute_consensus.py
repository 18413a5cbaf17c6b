"""The whole consensus from all labels: the estimation that vote-by-vote updating follows.

Reads every counting label once into arrays, estimates everybody's reliability and every superpixel's posterior
together, and writes the rows that differ. Tiles that are labelled while it runs keep what their own update gave them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from amberapp.audit import record
from amberapp.models import User
from labeling.desk.aggregation import dawid_skene, retirement
from labeling.desk.aggregation.label_array import (
    Booleans,
    Integers,
    look_alikes_of,
    part_number,
    with_decisions,
)
from labeling.desk.aggregation.tally import Tally, tally
from labeling.desk.consensus import PRIOR, stopping_rule
from labeling.desk.consensus_rows import (
    CLASSES,
    DIGITS,
    WRITTEN,
    Estimate,
    gold_answers,
    read_labels,
    write_rows,
)
from labeling.desk.queue_state import reconsider_region
from labeling.models import (
    Consensus,
    CrowdState,
    DeskRules,
    GoldStandardTile,
    Label,
    NotCounted,
    Origin,
    Submission,
    TileProgress,
    VolunteerRecord,
)

READ_AT_ONCE = 20_000
WRITE_AT_ONCE = 2_000

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Recomputed:
    labels: int
    superpixels: int
    written: int
    deleted: int
    iterations: int
    seconds: float


def recompute_consensus(*, acting_user: User | None, progress: Progress | None = None) -> Recomputed:
    """Estimate everything again and write what differs. Running it twice changes nothing the second time."""
    started = time.monotonic()
    counted_then = _signatures()
    records_then = dict(VolunteerRecord.objects.values_list("pk", "confusion"))
    tell = progress or (lambda done, total, message: None)
    tell(0, 4, _("Reading labels"))
    labels = read_labels(
        Label.objects.filter(submission__withdrawn_at__isnull=True, submission__spare=NotCounted.NO),
        at_once=READ_AT_ONCE,
    )
    parts, item = np.unique(labels.rows["part"], return_inverse=True)
    people, rater = np.unique(labels.rows["person"], return_inverse=True)
    gold_truth, gold = _gold_standard(parts)
    truth, by_expert = with_decisions(labels, item, gold_truth)
    tell(1, 4, _("Estimating who is how often right"))
    votes = labels.is_vote
    fit = dawid_skene.fit(
        dawid_skene.Answers(item=item[votes], rater=rater[votes], answer=labels.rows["answer"][votes]),
        n_items=len(parts),
        n_raters=len(people),
        truth=truth,
        population=~gold,
        prior=PRIOR,
        class_prior=np.asarray(dawid_skene.CLASS_PRIOR),
    )
    voted = np.bincount(item[votes], minlength=len(parts)) > 0
    posteriors = fit.posteriors.copy()
    posteriors[~voted & (truth < 0)] = np.nan
    counted = tally(item, rater, labels.rows["answer"], truth=truth, posteriors=posteriors)
    tell(2, 4, _("Writing what differs"))
    posteriors = np.round(posteriors, DIGITS)
    estimate = Estimate(
        parts=parts,
        truth=truth,
        by_expert=by_expert,
        posteriors=posteriors,
        counted=counted,
        states=_states(parts >> 24, posteriors, counted),
        look_alikes=look_alikes_of(labels, item, counted.verdict, by_expert),
    )
    written, deleted = _write(estimate, counted_then)
    tell(3, 4, _("Counting votes"))
    _write_records(people, fit.counts, records_then)
    _write_queue()
    seconds = time.monotonic() - started
    with transaction.atomic():
        state = CrowdState.objects.order_by("-pk").first() or CrowdState()
        state.class_shares = np.round(fit.classes, 6).tolist()
        state.labels, state.iterations, state.seconds = len(labels.rows), fit.iterations, seconds
        state.save()
        record(acting_user, "consensus.recomputed", state, labels=len(labels.rows), written=written)
    tell(4, 4, _("Done"))
    return Recomputed(len(labels.rows), len(parts), written, deleted, fit.iterations, seconds)


def _gold_standard(parts: Integers) -> tuple[Integers, Booleans]:
    """(class or -1, whether the tile is a gold-standard one), both (parts,)."""
    truth = np.full(len(parts), -1, np.int64)
    gold = np.zeros(len(parts), np.bool_)
    for tile in GoldStandardTile.objects.only("segmented_tile", "answers"):
        number = tile.segmented_tile_id
        first, last = np.searchsorted(parts, [part_number(number, 0, 0), part_number(number + 1, 0, 0)])
        gold[first:last] = True
        answers = gold_answers(tile)
        truth[first:last] = [answers.get(part, -1) for part in parts[first:last].tolist()]
    return truth, gold


def _states(tiles: Integers, posteriors: NDArray[np.float64], counted: Tally) -> Integers:
    """int8 (parts,), places in STATES, by the rules of each tile's region. `tiles`: the tile of each part."""
    states = np.zeros(len(tiles), np.int8)
    best = np.nan_to_num(posteriors).max(axis=1, initial=0.0)
    progress = TileProgress.objects.order_by("segmented_tile").values_list("segmented_tile", "region")
    table = np.array(list(progress.iterator(chunk_size=READ_AT_ONCE)), np.int64).reshape(-1, 2)
    votes = _tile_votes(tiles)
    at = np.minimum(np.searchsorted(table[:, 0], tiles), max(len(table) - 1, 0))
    region = table[at, 1] if len(table) else np.zeros(len(tiles), np.int64)
    for number in np.unique(region).tolist():
        here = region == number
        rule = stopping_rule(DeskRules.objects.of_region(number))
        states[here] = retirement.states(best[here], counted.deciding[here], votes[here], rule=rule)
    return states


def _tile_votes(tiles: Integers) -> Integers:
    """int64 (parts,): people whose labels of the part's tile count."""
    desk = Submission.objects.counting().filter(origin=Origin.DESK).order_by()
    counting = desk.values_list("segmented_tile", flat=True).iterator(chunk_size=READ_AT_ONCE)
    numbers, counts = np.unique(np.fromiter(counting, np.int64), return_counts=True)
    if not len(numbers):
        return np.zeros(len(tiles), np.int64)
    at = np.minimum(np.searchsorted(numbers, tiles), len(numbers) - 1)
    return np.where(numbers[at] == tiles, counts[at], 0)


def _write(estimate: Estimate, then: dict[int, int]) -> tuple[int, int]:
    """Bring the table into step, a slice of tiles a transaction. Returns (rows written, rows deleted)."""
    wrong, unfounded = _differences(estimate)
    tiles = estimate.parts >> 24
    written = deleted = 0
    for start in range(0, len(wrong), WRITE_AT_ONCE):
        chunk = wrong[start : start + WRITE_AT_ONCE]
        with transaction.atomic():
            skipped = _changed({int(tiles[index]) for index in chunk}, then)
            fresh = [estimate.row(index) for index in chunk if int(tiles[index]) not in skipped]
            write_rows(fresh)
            written += len(fresh)
    for start in range(0, len(unfounded), WRITE_AT_ONCE):
        some = unfounded[start : start + WRITE_AT_ONCE]
        with transaction.atomic():
            skipped = _changed({tile for _pk, tile in some}, then)
            stale = [pk for pk, tile in some if tile not in skipped]
            deleted += Consensus.objects.filter(pk__in=stale).delete()[0]
    return written, deleted


def _differences(estimate: Estimate) -> tuple[list[int], list[tuple[int, int]]]:
    """(places of the parts whose rows are missing or differ, (row, tile) of the rows that no label speaks for).

    Both run in the order of tile, superpixel and fragment, so that one walk over the table is enough.
    """
    stored = (
        Consensus.objects.order_by("segmented_tile", "superpixel", "piece")
        .values_list("pk", "segmented_tile_id", "superpixel", "piece", *WRITTEN)
        .iterator(chunk_size=READ_AT_ONCE)
    )
    parts = estimate.parts
    wrong: list[int] = []
    unfounded: list[tuple[int, int]] = []
    at = 0
    for pk, tile, superpixel, fragment, *values in stored:
        part = part_number(tile, superpixel, fragment)
        while at < len(parts) and parts[at] < part:
            wrong.append(at)
            at += 1
        if at < len(parts) and parts[at] == part:
            if tuple(values) != estimate.values(at):
                wrong.append(at)
            at += 1
        else:
            unfounded.append((pk, tile))
    wrong.extend(range(at, len(parts)))
    return wrong, unfounded


def _signatures(tiles: set[int] | None = None) -> dict[int, int]:
    """One number a tile for the set of submissions that count there: it differs when the set differs."""
    counting = Submission.objects.counting().order_by()
    if tiles is not None:
        counting = counting.filter(segmented_tile__in=tiles)
    signatures: dict[int, int] = {}
    for tile, submission in counting.values_list("segmented_tile", "pk").iterator(chunk_size=READ_AT_ONCE):
        signatures[tile] = signatures.get(tile, 0) ^ submission.int
    return signatures


def _changed(tiles: set[int], then: dict[int, int]) -> set[int]:
    """Those of the tiles where other submissions count than when the reading began; their own update stands.

    The tiles' rows in the queue are held until the end, so that nothing comes in between.
    """
    list(
        TileProgress.objects.select_for_update()
        .filter(segmented_tile__in=tiles)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    now = _signatures(tiles)
    return {tile for tile in tiles if now.get(tile) != then.get(tile)}


def _write_records(people: Integers, counts: NDArray[np.float64], then: dict[int, list[list[float]]]) -> None:
    """Everybody's expected counts, a few hundred people a transaction; what was learned meanwhile is added."""
    nothing = np.zeros((len(CLASSES), len(CLASSES)))
    place = {int(person): index for index, person in enumerate(people)}
    recorded = set(VolunteerRecord.objects.values_list("pk", flat=True))
    makers = set(
        Submission.objects.filter(origin=Origin.DESK)
        .order_by()
        .values_list("volunteer", flat=True)
        .distinct()
    )
    VolunteerRecord.objects.bulk_create(
        [VolunteerRecord(volunteer_id=person) for person in sorted(makers - recorded)], ignore_conflicts=True
    )
    numbers = sorted(makers | recorded)
    for start in range(0, len(numbers), 500):
        with transaction.atomic():
            rows = list(
                VolunteerRecord.objects.select_for_update()
                .filter(pk__in=numbers[start : start + 500])
                .order_by("pk")
            )
            for row in rows:
                index = place.get(row.pk)
                meanwhile = np.array(row.confusion or nothing) - np.array(then.get(row.pk) or nothing)
                confusion = (nothing if index is None else counts[index]) + meanwhile
                row.confusion = np.round(np.maximum(confusion, 0.0), DIGITS).tolist()
            VolunteerRecord.objects.bulk_update(rows, ["confusion"])


def _write_queue() -> None:
    """What every tile still wants follows from the new states."""
    for region in TileProgress.objects.order_by().values_list("region", flat=True).distinct():
        reconsider_region(TileProgress.objects.filter(region=region), DeskRules.objects.of_region(region))
