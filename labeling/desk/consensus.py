"""What everybody's labels of a tile jointly say, kept up to date vote by vote.

A new vote touches the superpixels it speaks of and the records of those who spoke of them; nothing else is read.
The same result within a tolerance comes from scratch in labeling.desk.recompute_consensus. The arithmetic is pure and lies
in labeling.crowd; here rows become arrays and arrays rows.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from django.db.models import QuerySet

from detection.models import SegmentedTile
from labeling.desk.aggregation import dawid_skene, retirement
from labeling.desk.aggregation.tally import UNSURE, most_named, tally
from labeling.desk.rules import rules_of
from labeling.models import (
    Consensus,
    ConsensusState,
    CrowdState,
    DeskRules,
    GoldStandardTile,
    Label,
    LabelVerdict,
    NotCounted,
    Origin,
    VolunteerRecord,
)

EXPERT_ORIGINS = (Origin.REVIEW, Origin.REPORT, Origin.CAMPAIGN)
# What these say is taken as true: an expert's decision, and labels that came with imported crops.
DECISIVE = (*EXPERT_ORIGINS, Origin.IMPORT)
# By the number that arrays use for them.
CLASSES = (LabelVerdict.MINING, LabelVerdict.NOT_MINING, LabelVerdict.MIXED)
ANSWERS = (*CLASSES, LabelVerdict.UNSURE)
CODE = {str(verdict): code for code, verdict in enumerate(ANSWERS)}
STATES = (ConsensusState.OPEN, ConsensusState.RETIRED, ConsensusState.ESCALATED)
PRIOR = dawid_skene.newcomer_prior()
WRITTEN = (
    "verdict",
    "posterior",
    "probabilities",
    "majority",
    "look_alike",
    "votes",
    "agreeing",
    "by_expert",
    "state",
)
# Digits that are stored of probabilities and of expected counts.
DIGITS = 4

Part = tuple[int, int]


def stopping_rule(rules: DeskRules) -> retirement.StoppingRule:
    return retirement.StoppingRule(
        posterior=rules.retire_at,
        votes=rules.votes_at_least,
        looks=max(rules.votes_at_least, rules.votes_at_most),
    )


def class_shares() -> np.ndarray:
    """float64 (classes,), as the last full computation found them; before the first one what is assumed."""
    state = CrowdState.objects.order_by("-pk").first()
    shares = np.asarray(state.class_shares if state else dawid_skene.CLASS_PRIOR, float)
    return np.asarray(np.maximum(shares / shares.sum(), 1e-3))


def lock_records(people: Iterable[int]) -> dict[int, VolunteerRecord]:
    """These people's records by account, held until the transaction ends, always in the same order: no deadlock."""
    wanted = set(people)
    known = set(VolunteerRecord.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    if missing := sorted(wanted - known):
        VolunteerRecord.objects.bulk_create(
            [VolunteerRecord(volunteer_id=person) for person in missing], ignore_conflicts=True
        )
    rows = VolunteerRecord.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
    return {row.pk: row for row in rows}


@dataclass
class _Ballot:
    """The answers on some superpixels of one tile, as flat lists; `item` counts the parts touched from 0."""

    item: list[int] = field(default_factory=list)
    rater: list[int] = field(default_factory=list)
    answer: list[int] = field(default_factory=list)
    look_alike: list[str] = field(default_factory=list)
    submission: list[UUID] = field(default_factory=list)
    origin: list[str] = field(default_factory=list)
    order: list[int] = field(default_factory=list)


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
    touched = sorted(parts)
    if not touched:
        return
    numbers = {part: index for index, part in enumerate(touched)}
    now = _read(
        Label.objects.filter(
            segmented_tile=segmented_tile, submission__withdrawn_at=None, submission__spare=NotCounted.NO
        ),
        numbers,
    )
    gone = _read(Label.objects.filter(submission__in=removed), numbers) if removed else _Ballot()
    rows = {
        (superpixel, fragment): (pk, probabilities)
        for pk, superpixel, fragment, probabilities in Consensus.objects.filter(
            segmented_tile=segmented_tile, superpixel__in={superpixel for superpixel, _piece in touched}
        ).values_list("pk", "superpixel", "piece", "probabilities")
    }
    rule = stopping_rule(rules_of(segmented_tile.tile.region_id))
    truth, by_expert = _truth(now, touched, known_answers(segmented_tile))
    old = np.array([_in_counts(rows.get(part)) for part in touched])
    posteriors = _take_in(now, gone, set(added), old, truth, records)
    counted = tally(
        np.asarray(now.item, np.int64),
        np.asarray(now.rater, np.int64),
        np.asarray(now.answer, np.int64),
        truth=truth,
        posteriors=posteriors,
    )
    states = retirement.states(
        np.nan_to_num(posteriors).max(axis=1),
        counted.deciding,
        np.full(len(touched), votes),
        rule=rule,
    )
    spoken = counted.votes > 0
    named = _names(now, counted.verdict, by_expert)
    fresh = [
        Consensus(
            segmented_tile=segmented_tile,
            superpixel=part[0],
            piece=part[1],
            verdict=ANSWERS[counted.verdict[index]],
            posterior=_best(posteriors[index]),
            probabilities=_rounded(posteriors[index]),
            majority=ANSWERS[counted.majority[index]],
            look_alike=named.get(index, ""),
            votes=int(counted.votes[index]),
            agreeing=int(counted.agreeing[index]),
            by_expert=bool(by_expert[index]),
            state=ConsensusState.DECIDED if truth[index] >= 0 else STATES[states[index]],
        )
        for part, index in numbers.items()
        if spoken[index]
    ]
    silent = [pk for part, (pk, _old) in rows.items() if part in numbers and not spoken[numbers[part]]]
    if silent:
        Consensus.objects.filter(pk__in=silent).delete()
    Consensus.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["segmented_tile", "superpixel", "piece"],
        update_fields=list(WRITTEN),
    )
    # What was open while fewer people had looked may have to go to an expert now.
    if votes >= rule.looks:
        Consensus.objects.filter(segmented_tile=segmented_tile, state=ConsensusState.OPEN).update(
            state=ConsensusState.ESCALATED
        )


def _read(labels: QuerySet[Label], numbers: Mapping[Part, int]) -> _Ballot:
    ballot = _Ballot()
    superpixels = {superpixel for superpixel, _piece in numbers}
    for superpixel, fragment, person, verdict, look_alike, origin, order, submission in (
        labels.filter(superpixel__in=superpixels)
        .order_by("id")
        .values_list(
            "superpixel",
            "piece",
            "submission__volunteer_id",
            "verdict",
            "look_alike",
            "submission__origin",
            "id",
            "submission_id",
        )
    ):
        index = numbers.get((superpixel, fragment))
        if index is None:
            continue
        ballot.item.append(index)
        ballot.rater.append(person)
        ballot.answer.append(CODE[verdict])
        ballot.look_alike.append(look_alike)
        ballot.submission.append(submission)
        ballot.origin.append(origin)
        ballot.order.append(order)
    return ballot


def known_answers(segmented_tile: SegmentedTile) -> dict[int, int]:
    """Superpixel → class of a tile with known answers; empty for any other."""
    known = (
        GoldStandardTile.objects.filter(segmented_tile=segmented_tile)
        .values_list("answers", flat=True)
        .first()
    )
    return {
        int(number): CODE[answer["verdict"]]
        for number, answer in (known or {}).items()
        if CODE[answer["verdict"]] != UNSURE
    }


def _truth(ballot: _Ballot, touched: list[Part], known: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(class or -1, whether an expert said so), both (items,). Of several decisions the latest counts; an expert who
    is unsure settles nothing."""
    truth = np.array([known.get(superpixel, -1) if fragment == 0 else -1 for superpixel, fragment in touched])
    by_expert = np.zeros(len(touched), bool)
    latest: dict[int, int] = {}
    for item, answer, origin, order in zip(
        ballot.item, ballot.answer, ballot.origin, ballot.order, strict=True
    ):
        if origin in DECISIVE and answer != UNSURE and order > latest.get(item, -1):
            latest[item] = order
            truth[item] = answer
            by_expert[item] = origin in EXPERT_ORIGINS
    return truth, by_expert


def _in_counts(row: tuple[int, list[float]] | None) -> list[float]:
    """The posterior that is in the raters' counts; NaN where there is none."""
    return row[1] if row is not None and row[1] else [np.nan] * len(CLASSES)


def _take_in(
    now: _Ballot,
    gone: _Ballot,
    added: set[UUID],
    old: np.ndarray,
    truth: np.ndarray,
    records: Mapping[int, VolunteerRecord],
) -> np.ndarray:
    """float64 (items, classes): the new posteriors; what they teach about the voters goes into their records."""
    votes = [
        (item, rater, answer, submission)
        for item, rater, answer, origin, submission in zip(
            now.item, now.rater, now.answer, now.origin, now.submission, strict=True
        )
        if origin not in DECISIVE and answer != UNSURE
    ]
    before = [vote for vote in votes if vote[3] not in added]
    before += [
        (item, rater, answer, submission)
        for item, rater, answer, origin, submission in zip(
            gone.item, gone.rater, gone.answer, gone.origin, gone.submission, strict=True
        )
        if origin not in DECISIVE and answer != UNSURE
    ]
    people = sorted({vote[1] for vote in votes} | {vote[1] for vote in before})
    place = {person: index for index, person in enumerate(people)}
    nothing = np.zeros((len(CLASSES), len(CLASSES)))
    counts = np.array([records[person].confusion or nothing for person in people]).reshape(
        len(people), len(CLASSES), len(CLASSES)
    )
    taken = dawid_skene.update(
        before=_answers(before, place),
        after=_answers(votes, place),
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
    for person, table in zip(people, taken.counts, strict=True):
        records[person].confusion = np.round(table, DIGITS).tolist()
    # The rows are there and held: an upsert is one plain statement, cheaper to make than bulk_update's CASE.
    VolunteerRecord.objects.bulk_create(
        [records[person] for person in people],
        update_conflicts=True,
        unique_fields=["volunteer"],
        update_fields=["confusion"],
    )
    return taken.posteriors


def _answers(votes: list[tuple[int, int, int, UUID]], place: Mapping[int, int]) -> dawid_skene.Answers:
    return dawid_skene.Answers(
        item=np.array([vote[0] for vote in votes], np.intp),
        rater=np.array([place[vote[1]] for vote in votes], np.intp),
        answer=np.array([vote[2] for vote in votes], np.intp),
    )


def _names(ballot: _Ballot, verdict: np.ndarray, by_expert: np.ndarray) -> dict[int, str]:
    """The look-alike of what is not mining: the expert's, else the one that most of the agreeing named."""
    names: dict[int, list[str]] = {}
    decided: dict[int, str] = {}
    for item, answer, look_alike, origin in zip(
        ballot.item, ballot.answer, ballot.look_alike, ballot.origin, strict=True
    ):
        if ANSWERS[answer] != LabelVerdict.NOT_MINING or answer != verdict[item]:
            continue
        if by_expert[item] and origin in EXPERT_ORIGINS:
            decided[item] = look_alike  # rows come in the order they were written: the latest stays
        names.setdefault(item, []).append(look_alike)
    return {item: most_named(said) for item, said in names.items()} | decided


def _best(posterior: np.ndarray) -> float:
    return 0.0 if np.isnan(posterior[0]) else round(float(posterior.max()), DIGITS)


def _rounded(posterior: np.ndarray) -> list[float]:
    return [] if np.isnan(posterior[0]) else np.round(posterior, DIGITS).tolist()
