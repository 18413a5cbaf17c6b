"""What one volunteer has said so far, and how it agrees with the others. Reads only."""

from dataclasses import dataclass

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from amberapp.models import User
from labeling.models import Consensus, Label, Origin, Submission, Verdict


@dataclass(frozen=True)
class Agreement:
    """A volunteer's labels, and of those that can be compared how many are as the consensus.

    Compared are decided labels of superpixels on which somebody else spoke too and a consensus was reached:
    agreeing with oneself is no achievement.
    """

    labels: int
    mining: int
    not_mining: int
    unsure: int
    compared: int
    agreeing: int

    @property
    def percent(self) -> int | None:
        """Whole percent, or None while there is nothing to compare."""
        return round(100 * self.agreeing / self.compared) if self.compared else None


def own_tiles(volunteer: User) -> QuerySet[Submission]:
    """The volunteer's counting submissions, newest first, each with its tile and its labels counted."""
    return (
        Submission.objects.counting()
        .filter(volunteer=volunteer, origin=Origin.DESK)
        .select_related("segmented_tile__tile__region")
        .annotate(
            labelled=Count("labels"),
            mining=Count("labels", filter=Q(labels__verdict=Verdict.MINING)),
        )
        .order_by("-created_at", "-id")
    )


def agreement_of(volunteer: User) -> Agreement:
    """Counted in one query from labels and consensus as they stand now."""
    consensus = Consensus.objects.filter(
        segmented_tile=OuterRef("segmented_tile"), superpixel=OuterRef("superpixel")
    )
    decided = (Verdict.MINING, Verdict.NOT_MINING)
    comparable = Q(verdict__in=decided, jointly__in=decided, people__gt=1)
    counts = (
        Label.objects.filter(
            submission__volunteer=volunteer,
            submission__origin=Origin.DESK,
            submission__withdrawn_at__isnull=True,
        )
        .annotate(
            jointly=Subquery(consensus.values("verdict")[:1]),
            people=Subquery(consensus.values("votes")[:1]),
        )
        .aggregate(
            labels=Count("pk"),
            mining=Count("pk", filter=Q(verdict=Verdict.MINING)),
            not_mining=Count("pk", filter=Q(verdict=Verdict.NOT_MINING)),
            unsure=Count("pk", filter=Q(verdict=Verdict.UNSURE)),
            compared=Count("pk", filter=comparable),
            agreeing=Count("pk", filter=comparable & Q(verdict=F("jointly"))),
        )
    )
    return Agreement(**counts)
