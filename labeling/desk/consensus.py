"""What everybody's labels of a tile jointly say, kept up to date vote by vote.

A new vote touches the superpixels it speaks of and the records of those who spoke of them; nothing else is read.
The same result within a tolerance comes from scratch in labeling.desk.recompute_consensus. The arithmetic is pure and
lies in labeling.desk.aggregation.
"""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from detection.models import SegmentedTile
from labeling.desk.aggregation import dawid_skene, retirement
from labeling.desk.aggregation.label_array import (
    Integers,
    LabelArray,
    look_alikes_of,
    part_number,
    with_decisions,
)
from labeling.desk.aggregation.tally import tally
from labeling.desk.consensus_rows import CLASSES, DIGITS, Estimate, gold_answers, read_labels, write_rows
from labeling.models import (
    Consensus,
    ConsensusState,
    CrowdState,
    DeskRules,
    GoldStandardTile,
    Label,
    NotCounted,
    Origin,
    VolunteerRecord,
)

EXPERT_ORIGINS = (Origin.REVIEW, Origin.REPORT, Origin.CAMPAIGN)
PRIOR = dawid_skene.newcomer_prior()

Part = tuple[int, int]


def stopping_rule(rules: DeskRules) -> retirement.StoppingRule:
    return retirement.StoppingRule(
        posterior=rules.retire_at,
        votes=rules.votes_at_least,
        looks=max(rules.votes_at_least, rules.votes_at_most),
    )


def class_shares() -> NDArray[np.float64]:
    """float64 (classes,), as the last full computation found them; before the first one what is assumed."""
    state = CrowdState.objects.order_by("-pk").first()
    shares = np.asarray(state.class_shares if state else dawid_skene.CLASS_PRIOR, float)
    return np.asarray(np.maximum(shares / shares.sum(), 1e-3), np.float64)


def lock_records(people: Iterable[int]) -> dict[int, VolunteerRecord]:
    """These people's records by account, held until the transaction ends, always in the same order: no deadlock."""
    wanted = set(people)
    there = set(VolunteerRecord.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    if missing := sorted(wanted - there):
        VolunteerRecord.objects.bulk_create(
            [VolunteerRecord(volunteer_id=person) for person in missing], ignore_conflicts=True
        )
    rows = VolunteerRecord.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
    return {row.pk: row for row in rows}


def refresh_tile(
    segmented_tile: SegmentedTile,
    parts: Collection[Part],
    *,
    votes: int,
    records: Mapping[int, VolunteerRecord],
    added: Collection[UUID] = (),
    removed: Collection[UUID] = (),
) -> None:
    """Take new or withdrawn submissions into the consensus of the superpixels and fragments they speak of.

    The caller holds the tile and the records of everybody who spoke of it. `votes`: people whose labels of the tile
    count now. `added` and `removed` say which submissions began or ceased to count.
    """
    if not parts:
        return
    touched = np.array(sorted(part_number(segmented_tile.pk, *part) for part in parts), np.int64)
    superpixels = {superpixel for superpixel, _piece in parts}
    labels = Label.objects.filter(superpixel__in=superpixels)
    counting = labels.filter(
        segmented_tile=segmented_tile, submission__withdrawn_at=None, submission__spare=NotCounted.NO
    )
    now = read_labels(counting, new=added).of_parts(touched)
    gone = read_labels(labels.filter(submission__in=removed) if removed else labels.none()).of_parts(touched)
    rows = {
        part_number(segmented_tile.pk, superpixel, fragment): (pk, probabilities)
        for pk, superpixel, fragment, probabilities in Consensus.objects.filter(
            segmented_tile=segmented_tile, superpixel__in=superpixels
        ).values_list("pk", "superpixel", "piece", "probabilities")
    }
    rule = stopping_rule(DeskRules.objects.of_region(segmented_tile.tile.region_id))
    item = np.searchsorted(touched, now.rows["part"])
    truth, by_expert = with_decisions(now, item, _gold_truth(segmented_tile, touched))
    old = np.array([_in_counts(rows.get(part)) for part in touched.tolist()])
    posteriors = _take_in(now, gone, touched, old, truth, records)
    counted = tally(item, now.rows["person"], now.rows["answer"], truth=truth, posteriors=posteriors)
    states = retirement.states(
        np.nan_to_num(posteriors).max(axis=1), counted.deciding, np.full(len(touched), votes), rule=rule
    )
    estimate = Estimate(
        parts=touched,
        truth=truth,
        by_expert=by_expert,
        posteriors=np.round(posteriors, DIGITS),
        counted=counted,
        states=states,
        look_alikes=look_alikes_of(now, item, counted.verdict, by_expert),
    )
    silent = {int(part) for part in touched[counted.votes == 0]}
    if stale := [pk for part, (pk, _old) in rows.items() if part in silent]:
        Consensus.objects.filter(pk__in=stale).delete()
    write_rows([estimate.row(index) for index in np.flatnonzero(counted.votes).tolist()])
    # What was open while fewer people had looked may have to go to an expert now.
    if votes >= rule.looks:
        Consensus.objects.filter(segmented_tile=segmented_tile, state=ConsensusState.OPEN).update(
            state=ConsensusState.ESCALATED
        )


def _gold_truth(segmented_tile: SegmentedTile, parts: Integers) -> Integers:
    """int64 (parts,): the class that a gold-standard tile is known to show there, else -1."""
    tile = GoldStandardTile.objects.filter(segmented_tile=segmented_tile).first()
    answers = gold_answers(tile) if tile else {}
    return np.array([answers.get(part, -1) for part in parts.tolist()], np.int64)


def _in_counts(row: tuple[int, list[float]] | None) -> list[float]:
    """The posterior that is in the raters' counts; NaN where there is none."""
    return row[1] if row is not None and row[1] else [np.nan] * len(CLASSES)


def _take_in(
    now: LabelArray,
    gone: LabelArray,
    parts: Integers,
    old: NDArray[np.float64],
    truth: Integers,
    records: Mapping[int, VolunteerRecord],
) -> NDArray[np.float64]:
    """float64 (parts, classes): the new posteriors; what they teach about the voters goes into their records."""
    after = now.rows[now.is_vote]
    before = np.concatenate([after[~after["is_new"]], gone.rows[gone.is_vote]])
    raters = np.union1d(after["person"], before["person"])
    people: list[int] = raters.tolist()
    nothing = np.zeros((len(CLASSES), len(CLASSES)))
    counts = np.array([records[person].confusion or nothing for person in people]).reshape(
        len(people), len(CLASSES), len(CLASSES)
    )

    def answers(votes: NDArray[np.void]) -> dawid_skene.Answers:
        return dawid_skene.Answers(
            item=np.searchsorted(parts, votes["part"]),
            rater=np.searchsorted(raters, votes["person"]),
            answer=votes["answer"],
        )

    change = dawid_skene.update(
        before=answers(before),
        after=answers(after),
        old_posteriors=old,
        counts=counts,
        # The classes' shares stay as the last full computation found them: one row that everybody wrote to would
        # make everybody wait.
        class_counts=np.zeros(len(CLASSES)),
        class_prior=class_shares(),
        population=np.zeros(len(truth), bool),
        truth=truth,
        prior=PRIOR,
    )
    for person, table in zip(people, change.counts, strict=True):
        records[person].confusion = np.round(table, DIGITS).tolist()
    # The rows are there and held: an upsert is one plain statement, cheaper to make than bulk_update's CASE.
    VolunteerRecord.objects.bulk_create(
        [records[person] for person in people],
        update_conflicts=True,
        unique_fields=["volunteer"],
        update_fields=["confusion"],
    )
    return change.posteriors
