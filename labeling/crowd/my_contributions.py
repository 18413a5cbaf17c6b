"""What one volunteer has said so far, how it agrees with experts and with the others, what became of it. Reads only."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate
from django.utils import timezone

from amberapp.models import User
from labeling.models import (
    Consensus,
    GoldStandardTile,
    GoldStandardUse,
    Label,
    LabelVerdict,
    NotCounted,
    Origin,
    Submission,
    VolunteerRecord,
)

DECIDED = (LabelVerdict.MINING, LabelVerdict.NOT_MINING)
# The map of own tiles shows so many, the latest; the list has them all.
TILES_ON_MAP = 1000
# So many days are looked at for the streak.
STREAK_DAYS = 400


@dataclass(frozen=True)
class Agreement:
    """A volunteer's labels of whole superpixels, and of those that can be compared how many are as others say.

    With the crowd: superpixels on which somebody else spoke too, a consensus was reached and no expert decided;
    agreeing with oneself is no achievement. With experts: superpixels that one of them decided.
    """

    labels: int
    mining: int
    not_mining: int
    unsure: int
    mixed: int
    compared: int
    agreeing: int
    expert_compared: int
    expert_agreeing: int

    @property
    def percent(self) -> int | None:
        """Whole percent, or None while there is nothing to compare."""
        return round(100 * self.agreeing / self.compared) if self.compared else None

    @property
    def expert_percent(self) -> int | None:
        return round(100 * self.expert_agreeing / self.expert_compared) if self.expert_compared else None


def own_tiles(volunteer: User) -> QuerySet[Submission]:
    """The volunteer's submissions that stand, newest first, each with its tile and its labels counted."""
    whole = Q(labels__piece=0)
    return (
        _mine(volunteer)
        .select_related("segmented_tile__tile__region")
        .annotate(
            labelled=Count("labels", filter=whole),
            mining=Count("labels", filter=whole & Q(labels__verdict=LabelVerdict.MINING)),
        )
        .order_by("-created_at", "-id")
    )


def agreement_of(volunteer: User) -> Agreement:
    """Counted in one query from labels and consensus as they stand now."""
    consensus = Consensus.objects.filter(
        segmented_tile=OuterRef("segmented_tile"), superpixel=OuterRef("superpixel"), piece=0
    )
    comparable = Q(verdict__in=DECIDED, jointly__in=DECIDED)
    crowd = comparable & Q(people__gt=1, expert=False)
    expert = comparable & Q(expert=True)
    counts = (
        Label.objects.filter(
            piece=0,
            submission__volunteer=volunteer,
            submission__origin=Origin.DESK,
            submission__withdrawn_at__isnull=True,
        )
        .annotate(
            jointly=Subquery(consensus.values("verdict")[:1]),
            people=Subquery(consensus.values("votes")[:1]),
            expert=Subquery(consensus.values("by_expert")[:1]),
        )
        .aggregate(
            labels=Count("pk"),
            mining=Count("pk", filter=Q(verdict=LabelVerdict.MINING)),
            not_mining=Count("pk", filter=Q(verdict=LabelVerdict.NOT_MINING)),
            unsure=Count("pk", filter=Q(verdict=LabelVerdict.UNSURE)),
            mixed=Count("pk", filter=Q(verdict=LabelVerdict.MIXED)),
            compared=Count("pk", filter=crowd),
            agreeing=Count("pk", filter=crowd & Q(verdict=F("jointly"))),
            expert_compared=Count("pk", filter=expert),
            expert_agreeing=Count("pk", filter=expert & Q(verdict=F("jointly"))),
        )
    )
    return Agreement(**counts)


def streak_of(volunteer: User) -> int:
    """Days in a row with at least one tile, up to today or yesterday, in the site's time zone."""
    days = (
        _mine(volunteer)
        .annotate(day=TruncDate("created_at", tzinfo=timezone.get_default_timezone()))
        .order_by("-day")
        .values_list("day", flat=True)
        .distinct()[:STREAK_DAYS]
    )
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    return days_in_a_row(days, today)


def days_in_a_row(days: Iterable[dt.date], today: dt.date) -> int:
    """How many days of `days` (latest first, none twice) follow one another back from today or yesterday."""
    length = 0
    wanted = today
    for day in days:
        if length == 0 and day == today - dt.timedelta(days=1):
            wanted = day
        if day != wanted:
            break
        length += 1
        wanted = day - dt.timedelta(days=1)
    return length


def tiles_on_map(volunteer: User) -> list[list[float | int | str]]:
    """[segmented tile, west, south, east, north, verdict] of the latest tiles whose ground is known.

    The verdict is “mining” where any superpixel was called that, else “not_mining”, else “unsure”.
    """
    rows = (
        own_tiles(volunteer)
        .select_related(None)
        .filter(segmented_tile__tile__west__isnull=False)
        .annotate(
            not_mining=Count("labels", filter=Q(labels__piece=0, labels__verdict=LabelVerdict.NOT_MINING))
        )
        .values_list(
            "segmented_tile",
            "segmented_tile__tile__west",
            "segmented_tile__tile__south",
            "segmented_tile__tile__east",
            "segmented_tile__tile__north",
            "mining",
            "not_mining",
        )[:TILES_ON_MAP]
    )
    return [
        [
            tile,
            *(round(float(side), 5) for side in box if side is not None),
            str(
                LabelVerdict.MINING
                if mining
                else LabelVerdict.NOT_MINING
                if not_mining
                else LabelVerdict.UNSURE
            ),
        ]
        for tile, *box, mining, not_mining in rows
    ]


def spare_tiles(volunteer: User) -> dict[str, int]:
    """How many of the person's tiles do not count at the moment, by reason."""
    rows = _mine(volunteer).exclude(spare=NotCounted.NO).order_by().values_list("spare").annotate(Count("pk"))
    return dict(rows)


@dataclass(frozen=True)
class TutorialProgress:
    """Where a person stands with the tutorial: whether there is one, and when it was passed."""

    exists: bool
    passed_at: dt.datetime | None
    lessons_passed: int


def tutorial_progress_of(volunteer: User) -> TutorialProgress:
    row = VolunteerRecord.objects.filter(volunteer=volunteer).first()
    return TutorialProgress(
        exists=GoldStandardTile.objects.filter(use=GoldStandardUse.LESSON).exists(),
        passed_at=row.tutorial_passed_at if row else None,
        lessons_passed=len(row.lessons_passed) if row else 0,
    )


def regions_of(volunteer: User, most: int) -> list[int]:
    """The regions in which this person's labels count, that of the latest label first."""
    rows = (
        Submission.objects.counting()
        .filter(volunteer=volunteer, origin=Origin.DESK)
        .order_by()
        .values_list("segmented_tile__tile__region")
        .annotate(latest=Max("created_at"))
        .order_by("-latest")[:most]
    )
    return [region for region, _latest in rows]


def _mine(volunteer: User) -> QuerySet[Submission]:
    return Submission.objects.standing().filter(volunteer=volunteer, origin=Origin.DESK)
