"""What admins see of volunteers: how much they label, how often they are right, whether they count. Reads only.

Left out: what is done about an account (labeling.crowd.accounts).
"""

from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from amberapp.errors import NotThere
from amberapp.models import AuditEntry, Job, User
from amberapp.models.work import OPEN_STATES
from labeling.crowd.accounts import REVERSE_JOB
from labeling.desk.aggregation.dawid_skene import probabilities
from labeling.desk.consensus import PRIOR
from labeling.desk.consensus_rows import CLASSES
from labeling.desk.volunteer_records import WEIGH_JOB
from labeling.models import Label, NotCounted, Origin, Submission, VolunteerRecord

SORTS = ("name", "tiles", "labels", "right", "state")
TILES_SHOWN = 12
HISTORY_SHOWN = 20


@dataclass
class VolunteerStanding:
    """One volunteer. Probabilities 0…1 that mining is called mining, and ground that is none not mining; None while
    no label of theirs could be compared."""

    pk: int
    username: str
    record: VolunteerRecord
    tiles: int = 0
    labels: int = 0
    on_mining: float | None = None
    on_not_mining: float | None = None
    compared: float = 0

    @property
    def known_right(self) -> int:
        return sum(row[place] for place, row in enumerate(self.record.known))

    @property
    def known_wrong(self) -> int:
        return sum(map(sum, self.record.known)) - self.known_right

    @property
    def state(self) -> str:
        """quarantined, learning (the tutorial is not passed), trusted (an admin looked), counting."""
        if self.record.quarantined_at is not None:
            return "quarantined"
        if self.record.tutorial_passed_at is None:
            return "learning"
        return "trusted" if self.record.trusted_at is not None else "counting"

    @property
    def percent_mining(self) -> int | None:
        return None if self.on_mining is None else round(100 * self.on_mining)

    @property
    def percent_not_mining(self) -> int | None:
        return None if self.on_not_mining is None else round(100 * self.on_not_mining)

    @property
    def right(self) -> float | None:
        """The mean of both probabilities: somebody who always says the same has one half."""
        if self.on_mining is None or self.on_not_mining is None:
            return None
        return (self.on_mining + self.on_not_mining) / 2


STATE_ORDER = {"quarantined": 0, "learning": 1, "counting": 2, "trusted": 3}


def volunteer_list(
    *, search: str = "", state: str = "", sort: str = "tiles", down: bool = True
) -> list[VolunteerStanding]:
    """Everybody who has a record, whose name contains `search`, in that state. Three queries; two without any."""
    records = VolunteerRecord.objects.select_related("volunteer")
    if search:
        records = records.filter(volunteer__username__icontains=search)
    rows = [_standing(record) for record in records]
    if state:
        rows = [row for row in rows if row.state == state]
    _weigh(rows)
    tiles = dict(_at_the_desk().order_by().values_list("volunteer").annotate(Count("pk")))
    for row in rows:
        row.tiles = tiles.get(row.pk, 0)
    if sort == "labels":
        count_labels(rows)
    keys: dict[str, Any] = {
        "name": lambda row: row.username.casefold(),
        "tiles": lambda row: row.tiles,
        "labels": lambda row: row.labels,
        "right": lambda row: row.right,
        "state": lambda row: STATE_ORDER[row.state],
    }
    key = keys[sort if sort in SORTS else "tiles"]
    rows.sort(key=lambda row: row.username.casefold())
    # Who has nothing to be sorted by stands at the end, whichever way round.
    able = sorted((row for row in rows if key(row) is not None), key=key, reverse=down)
    return able + [row for row in rows if key(row) is None]


def count_labels(rows: list[VolunteerStanding]) -> None:
    """Fill in how many labels of whole superpixels stand. One query, over these people's submissions."""
    counts = dict(
        Label.objects.filter(
            submission__in=_at_the_desk().filter(volunteer__in=[row.pk for row in rows]).values("pk"), piece=0
        )
        .order_by()
        .values_list("submission__volunteer")
        .annotate(Count("pk"))
    )
    for row in rows:
        row.labels = counts.get(row.pk, 0)


@dataclass(frozen=True)
class MatrixRow:
    """What one volunteer says of ground that is truly `truth`: expected counts and smoothed probabilities."""

    truth: str
    cells: list[tuple[float, float, bool]]  # count, probability, whether this is the right answer
    count: float


@dataclass(frozen=True)
class Portrait:
    """One volunteer's page."""

    standing: VolunteerStanding
    person: User
    matrix: list[MatrixRow]
    known: list[MatrixRow]
    spare: dict[str, int]
    withdrawn: int
    seconds: float | None
    latest: list[Submission]
    history: list[AuditEntry]
    job: Job | None


def record_named(username: str) -> VolunteerRecord:
    """Somebody who has labelled or been taught. Raises NotThere."""
    records = VolunteerRecord.objects.select_related("volunteer").filter(volunteer__username=username)
    # No name holds a null character, and PostgreSQL does not even look for one.
    row = records.first() if "\0" not in username else None
    if row is None:
        raise NotThere(_("Nobody called “%(name)s” has labelled here.") % {"name": username})
    return row


def portrait_of(record: VolunteerRecord) -> Portrait:
    """A fixed number of queries, however much the person has labelled."""
    person = record.volunteer
    standing = _standing(record)
    _weigh([standing])
    mine = Submission.objects.filter(volunteer=person, origin=Origin.DESK)
    standing.tiles = mine.standing().count()
    count_labels([standing])
    spare = dict(
        mine.standing().exclude(spare=NotCounted.NO).order_by().values_list("spare").annotate(Count("pk"))
    )
    seconds = record.recent_seconds
    subject = Q(object_type=person._meta.label_lower, object_id=str(person.pk))
    return Portrait(
        standing=standing,
        person=person,
        matrix=_matrix(record.confusion, smooth=True),
        known=_matrix(record.known, smooth=False),
        spare={str(NotCounted(why).label): count for why, count in spare.items()},
        withdrawn=mine.filter(withdrawn_at__isnull=False).count(),
        seconds=median(seconds) if seconds else None,
        latest=list(
            mine.select_related("segmented_tile__tile__region")
            .annotate(
                labelled=Count("labels", filter=Q(labels__piece=0)),
                mining=Count("labels", filter=Q(labels__piece=0, labels__verdict="mining")),
            )
            .order_by("-created_at", "-id")[:TILES_SHOWN]
        ),
        history=list(
            AuditEntry.objects.select_related("actor")
            .filter(subject | Q(actor=person, verb__startswith="tutorial."))
            .order_by("-id")[:HISTORY_SHOWN]
        ),
        job=Job.objects.filter(
            kind__in=[WEIGH_JOB, REVERSE_JOB], parameters__volunteer=person.pk, state__in=OPEN_STATES
        )
        .order_by("-id")
        .first(),
    )


def _at_the_desk() -> QuerySet[Submission]:
    return Submission.objects.standing().filter(origin=Origin.DESK)


def _standing(record: VolunteerRecord) -> VolunteerStanding:
    return VolunteerStanding(record.pk, record.volunteer.username, record)


def _weigh(rows: list[VolunteerStanding]) -> None:
    """The probabilities of all of them at once, from float64 (people, classes, classes) expected counts."""
    able = [row for row in rows if row.record.confusion]
    if not able:
        return
    counts = np.array([row.record.confusion for row in able], float)
    chances = probabilities(counts, PRIOR)
    for row, chance, seen in zip(able, chances, counts.sum(axis=(1, 2)), strict=True):
        row.compared = float(seen)
        if seen > 0:
            row.on_mining, row.on_not_mining = float(chance[0, 0]), float(chance[1, 1])


def _matrix(counts: list[list[float]], *, smooth: bool) -> list[MatrixRow]:
    # Less than half a superpixel is what rounding leaves when votes were taken out: no basis for probabilities.
    if not counts or sum(map(sum, counts)) < 0.5:
        return []
    table = np.array(counts, float)
    chances = probabilities(table, PRIOR if smooth else None)
    return [
        MatrixRow(
            str(truth.label),
            [
                (float(table[row, column]), float(chances[row, column]), row == column)
                for column in range(len(CLASSES))
            ],
            float(table[row].sum()),
        )
        for row, truth in enumerate(CLASSES)
    ]
