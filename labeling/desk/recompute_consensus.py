"""The whole consensus from all labels: the estimation that vote-by-vote updating follows.

Reads every counting label once into arrays, estimates everybody's reliability and every superpixel's posterior
together, and writes the rows that differ. Tiles that are labelled while it runs keep what their own update gave them.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import transaction
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.models import User
from labeling.desk.aggregation import dawid_skene, retirement
from labeling.desk.aggregation.tally import UNSURE, Tally, most_named, tally
from labeling.desk.consensus import ANSWERS, CLASSES, CODE, DIGITS, PRIOR, STATES, WRITTEN, stopping_rule
from labeling.desk.queue_state import reconsider_region
from labeling.desk.rules import rules_of
from labeling.models import (
    Consensus,
    ConsensusState,
    CrowdState,
    GoldStandardTile,
    Label,
    LabelVerdict,
    NotCounted,
    Origin,
    Submission,
    TileProgress,
    VolunteerRecord,
)

READ_AT_ONCE = 20_000
WRITE_AT_ONCE = 2_000
NOTHING = np.zeros(0, np.int64)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Recomputed:
    labels: int
    superpixels: int
    written: int
    deleted: int
    iterations: int
    seconds: float


@dataclass
class _Labels:
    """All counting labels: arrays of one length, in the order they were written.

    part: a superpixel or fragment as one number, tile · 2²⁴ + superpixel · 2⁸ + fragment; person: account;
    answer: 0…3 as in ANSWERS; origin: 0 the desk, 1 imported, 2 an expert; named: place in `names`.
    """

    part: np.ndarray = field(default_factory=lambda: NOTHING)
    person: np.ndarray = field(default_factory=lambda: NOTHING)
    answer: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))
    origin: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))
    named: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))
    names: list[str] = field(default_factory=lambda: [""])


def recompute_consensus(*, acting_user: User | None, progress: Progress | None = None) -> Recomputed:
    """Estimate everything again and write what differs. Running it twice changes nothing the second time."""
    started = time.monotonic()
    counted_then = _signatures()
    records_then = dict(VolunteerRecord.objects.values_list("pk", "confusion"))
    tell = progress or (lambda done, total, message: None)
    tell(0, 4, _("Reading labels"))
    labels = _read()
    parts, item = np.unique(labels.part, return_inverse=True)
    people, rater = np.unique(labels.person, return_inverse=True)
    truth, by_expert, known = _truth(labels, parts, item)
    tell(1, 4, _("Estimating who is how often right"))
    votes = (labels.origin == 0) & (labels.answer != UNSURE)
    fit = dawid_skene.fit(
        dawid_skene.Answers(item=item[votes], rater=rater[votes], answer=labels.answer[votes]),
        n_items=len(parts),
        n_raters=len(people),
        truth=truth,
        population=~known,
        prior=PRIOR,
        class_prior=np.asarray(dawid_skene.CLASS_PRIOR),
    )
    spoken = np.bincount(item[votes], minlength=len(parts)) > 0
    posteriors = np.where((spoken | (truth >= 0))[:, None], fit.posteriors, np.nan)
    counted = tally(item, rater, labels.answer.astype(np.int64), truth=truth, posteriors=posteriors)
    tell(2, 4, _("Writing what differs"))
    rows = _Rows(labels, parts, item, truth, by_expert, posteriors, counted)
    written, deleted = _write(rows, counted_then)
    tell(3, 4, _("Counting votes"))
    _write_records(people, fit.counts, records_then)
    _write_queue()
    seconds = time.monotonic() - started
    with transaction.atomic():
        state = CrowdState.objects.order_by("-pk").first() or CrowdState()
        state.class_shares = np.round(fit.classes, 6).tolist()
        state.labels, state.iterations, state.seconds = len(labels.part), fit.iterations, seconds
        state.save()
        record(acting_user, "consensus.recomputed", state, labels=len(labels.part), written=written)
    tell(4, 4, _("Done"))
    return Recomputed(len(labels.part), len(parts), written, deleted, fit.iterations, seconds)


def _read() -> _Labels:
    counting = Label.objects.filter(
        submission__withdrawn_at__isnull=True, submission__spare=NotCounted.NO
    ).order_by("pk")
    rows = counting.values_list(
        "segmented_tile_id",
        "superpixel",
        "piece",
        "submission__volunteer_id",
        "verdict",
        "submission__origin",
        "look_alike",
    ).iterator(chunk_size=READ_AT_ONCE)
    found = _Labels()
    number = {"": 0}
    kind = {Origin.DESK: 0, Origin.IMPORT: 1}
    chunks: list[tuple[np.ndarray, ...]] = []
    for chunk in _chunks(rows, READ_AT_ONCE):
        tile, superpixel, fragment, person, verdict, origin, name = zip(*chunk, strict=True)
        for one in set(name) - number.keys():
            number[one] = len(number)
        chunks.append(
            (
                (np.array(tile, np.int64) << 24)
                + (np.array(superpixel, np.int64) << 8)
                + np.array(fragment, np.int64),
                np.array(person, np.int64),
                np.array([CODE[one] for one in verdict], np.int8),
                np.array([kind.get(one, 2) for one in origin], np.int8),
                np.array([number[one] for one in name], np.int16),
            )
        )
    if chunks:
        found.part, found.person, found.answer, found.origin, found.named = (
            np.concatenate(column) for column in zip(*chunks, strict=True)
        )
    found.names = list(number)
    return found


def _chunks(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while chunk := list(itertools.islice(rows, size)):
        yield chunk


def _truth(labels: _Labels, parts: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(class or -1, whether an expert said so, whether the tile's answers are known), each (parts,)."""
    truth = np.full(len(parts), -1, np.int64)
    known = np.zeros(len(parts), bool)
    for tile, answers in GoldStandardTile.objects.values_list("segmented_tile", "answers"):
        first, last = np.searchsorted(parts, [tile << 24, (tile + 1) << 24])
        known[first:last] = True
        for number, answer in answers.items():
            code = CODE[answer["verdict"]]
            at = np.searchsorted(parts, (tile << 24) + (int(number) << 8))
            if code != UNSURE and at < len(parts) and parts[at] == (tile << 24) + (int(number) << 8):
                truth[at] = code
    by_expert = np.zeros(len(parts), bool)
    decisions = np.flatnonzero((labels.origin > 0) & (labels.answer != UNSURE))
    # Assignment goes in the order the labels were written, so the latest decision stays.
    truth[item[decisions]] = labels.answer[decisions]
    by_expert[item[decisions]] = labels.origin[decisions] == 2
    return truth, by_expert, known


class _Rows:
    """The consensus rows as they should be, made of arrays only when they are wanted."""

    def __init__(
        self,
        labels: _Labels,
        parts: np.ndarray,
        item: np.ndarray,
        truth: np.ndarray,
        by_expert: np.ndarray,
        posteriors: np.ndarray,
        counted: Tally,
    ) -> None:
        self.parts, self.by_expert, self.truth = parts, by_expert, truth
        self.tiles = parts >> 24
        self.posteriors = np.round(posteriors, DIGITS)
        self.counted = counted
        self.names = self._names(labels, item)
        self.states = self._states()

    def _states(self) -> np.ndarray:
        """int8 (parts,), places in STATES, by the rules of each tile's region."""
        states = np.zeros(len(self.parts), np.int8)
        best = np.nan_to_num(self.posteriors).max(axis=1, initial=0.0)
        progress = TileProgress.objects.order_by("segmented_tile").values_list("segmented_tile", "region")
        table = np.array(list(progress.iterator(chunk_size=READ_AT_ONCE)), np.int64).reshape(-1, 2)
        votes = self._tile_votes()
        at = np.minimum(np.searchsorted(table[:, 0], self.tiles), max(len(table) - 1, 0))
        region = table[at, 1] if len(table) else np.zeros(len(self.parts), np.int64)
        for one in np.unique(region):
            here = region == one
            states[here] = retirement.states(
                best[here], self.counted.deciding[here], votes[here], rule=stopping_rule(rules_of(int(one)))
            )
        return states

    def _tile_votes(self) -> np.ndarray:
        """int64 (parts,): people whose labels of the part's tile count."""
        people = (
            Submission.objects.counting()
            .filter(origin=Origin.DESK)
            .order_by()
            .values_list("segmented_tile", flat=True)
        )
        tiles = np.fromiter(people.iterator(chunk_size=READ_AT_ONCE), np.int64)
        numbers, counts = np.unique(tiles, return_counts=True)
        if not len(numbers):
            return np.zeros(len(self.parts), np.int64)
        at = np.minimum(np.searchsorted(numbers, self.tiles), len(numbers) - 1)
        return np.where(numbers[at] == self.tiles, counts[at], 0)

    def _names(self, labels: _Labels, item: np.ndarray) -> dict[int, str]:
        """Look-alikes of what is not mining: the expert's, else the one that most of the agreeing named."""
        not_mining = CODE[LabelVerdict.NOT_MINING]
        agreeing = np.flatnonzero(
            (labels.answer == not_mining) & (self.counted.verdict[item] == not_mining) & (labels.named > 0)
        )
        said: dict[int, list[str]] = {}
        for index in agreeing.tolist():
            said.setdefault(int(item[index]), []).append(labels.names[labels.named[index]])
        found = {one: most_named(names) for one, names in said.items()}
        decided = np.flatnonzero((labels.origin == 2) & (labels.answer == not_mining))
        for index in decided.tolist():
            if self.by_expert[item[index]]:
                found[int(item[index])] = labels.names[labels.named[index]]
        return found

    def values(self, index: int) -> tuple[Any, ...]:
        """In the order of WRITTEN."""
        posterior = self.posteriors[index]
        nothing = bool(np.isnan(posterior[0]))
        return (
            str(ANSWERS[self.counted.verdict[index]]),
            0.0 if nothing else float(posterior.max()),
            [] if nothing else posterior.tolist(),
            str(ANSWERS[self.counted.majority[index]]),
            self.names.get(index, ""),
            int(self.counted.votes[index]),
            int(self.counted.agreeing[index]),
            bool(self.by_expert[index]),
            str(ConsensusState.DECIDED if self.truth[index] >= 0 else STATES[self.states[index]]),
        )

    def row(self, index: int) -> Consensus:
        part = int(self.parts[index])
        return Consensus(
            segmented_tile_id=part >> 24,
            superpixel=(part >> 8) & 0xFFFF,
            piece=part & 0xFF,
            **dict(zip(WRITTEN, self.values(index), strict=True)),
        )


def _write(rows: _Rows, then: dict[int, int]) -> tuple[int, int]:
    """Bring the table into step, a slice of tiles a transaction. Returns (rows written, rows deleted)."""
    stored = (
        Consensus.objects.order_by("segmented_tile", "superpixel", "piece")
        .values_list("pk", "segmented_tile_id", "superpixel", "piece", *WRITTEN)
        .iterator(chunk_size=READ_AT_ONCE)
    )
    wrong: list[int] = []
    gone: list[tuple[int, int]] = []  # (row, tile)
    at = 0
    for pk, tile, superpixel, fragment, *values in stored:
        part = (tile << 24) + (superpixel << 8) + fragment
        while at < len(rows.parts) and rows.parts[at] < part:
            wrong.append(at)
            at += 1
        if at < len(rows.parts) and rows.parts[at] == part:
            if tuple(values) != rows.values(at):
                wrong.append(at)
            at += 1
        else:
            gone.append((pk, tile))
    wrong.extend(range(at, len(rows.parts)))
    written = deleted = 0
    for start in range(0, len(wrong), WRITE_AT_ONCE):
        chunk = wrong[start : start + WRITE_AT_ONCE]
        with transaction.atomic():
            skipped = _changed({int(rows.tiles[index]) for index in chunk}, then)
            fresh = [rows.row(index) for index in chunk if int(rows.tiles[index]) not in skipped]
            Consensus.objects.bulk_create(
                fresh,
                update_conflicts=True,
                unique_fields=["segmented_tile", "superpixel", "piece"],
                update_fields=list(WRITTEN),
            )
            written += len(fresh)
    for start in range(0, len(gone), WRITE_AT_ONCE):
        some = gone[start : start + WRITE_AT_ONCE]
        with transaction.atomic():
            skipped = _changed({tile for _pk, tile in some}, then)
            stale = [pk for pk, tile in some if tile not in skipped]
            deleted += Consensus.objects.filter(pk__in=stale).delete()[0]
    return written, deleted


def _signatures(tiles: set[int] | None = None) -> dict[int, int]:
    """One number a tile for the set of submissions that count there: it differs when the set differs."""
    counting = Submission.objects.counting().order_by()
    if tiles is not None:
        counting = counting.filter(segmented_tile__in=tiles)
    found: dict[int, int] = {}
    for tile, submission in counting.values_list("segmented_tile", "pk").iterator(chunk_size=READ_AT_ONCE):
        found[tile] = found.get(tile, 0) ^ submission.int
    return found


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


def _write_records(people: np.ndarray, counts: np.ndarray, then: dict[int, list[list[float]]]) -> None:
    """Everybody's expected counts, a few hundred people a transaction; what was learned meanwhile is added."""
    nothing = np.zeros((len(CLASSES), len(CLASSES)))
    place = {int(person): index for index, person in enumerate(people)}
    known = set(VolunteerRecord.objects.values_list("pk", flat=True))
    makers = set(
        Submission.objects.filter(origin=Origin.DESK)
        .order_by()
        .values_list("volunteer", flat=True)
        .distinct()
    )
    VolunteerRecord.objects.bulk_create(
        [VolunteerRecord(volunteer_id=person) for person in sorted(makers - known)], ignore_conflicts=True
    )
    numbers = sorted(makers | known)
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
                found = (nothing if index is None else counts[index]) + meanwhile
                row.confusion = np.round(np.maximum(found, 0.0), DIGITS).tolist()
            VolunteerRecord.objects.bulk_update(rows, ["confusion"])


def _write_queue() -> None:
    """What every tile still wants follows from the new states."""
    for region in TileProgress.objects.order_by().values_list("region", flat=True).distinct():
        reconsider_region(TileProgress.objects.filter(region=region), rules_of(region))
