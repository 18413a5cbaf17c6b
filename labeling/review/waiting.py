"""Which detections of a run wait for an expert, and why. Reads only; a fixed number of queries, whatever the size."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import F, OuterRef, Q, Subquery

from amberapp.models import User, WorkState
from detection.models import Detection, Run
from detection.runs.drift import unlike_groups
from labeling.models import Release, ReviewVerdict
from labeling.review.verdicts import DISPUTED, EffectiveReview, standings, verdict_of

UNDECIDED, NEW, CHANGED = "undecided", "new", "changed"
SECOND = str(ReviewVerdict.SECOND)
APPROVED, REJECTED = str(ReviewVerdict.APPROVED), str(ReviewVerdict.REJECTED)
CARRIED, ALL = "carried", "all"
STATES = (UNDECIDED, NEW, CHANGED, DISPUTED, SECOND, APPROVED, REJECTED, CARRIED, ALL)


class Since(StrEnum):
    """How a detection's ground compares with what the run before marked on the same tile."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True)
class QueueItem:
    """One detection of a run, the verdict that counts for it (None: none stands), and what brings it here.

    seen: the latest review of its ground of any kind, which who decides must have seen; None: there is none.
    waits: whether the person who asks may end its waiting; what waits for a colleague of theirs does not.
    unlike: whether its images look like nothing the classifier was trained on.
    """

    detection_id: int
    score: float
    verdict: EffectiveReview | None
    hectares: float | None = None
    since: Since = Since.NEW
    seen: int | None = None
    waits: bool = True
    unlike: bool = False

    @property
    def is_decided(self) -> bool:
        return self.verdict is not None and not self.verdict.waits

    @property
    def differs(self) -> bool:
        """Whether the run before marked this tile otherwise, or not at all."""
        return self.since != Since.SAME

    @property
    def state(self) -> str:
        return self.verdict.verdict if self.verdict is not None else UNDECIDED

    def is_in(self, state: str) -> bool:
        if state == ALL:
            return True
        if state == UNDECIDED:
            return self.waits and not self.is_decided
        if state in (NEW, CHANGED):
            return self.verdict is None and self.since == state
        if state == CARRIED:
            return self.verdict is not None and self.verdict.carried
        return self.verdict is not None and self.verdict.verdict == state


@dataclass(frozen=True)
class Needs:
    """What waits for one expert: `total` detections, of them so many for each reason, and `others` for a colleague.

    again: the run before marked the very same ground, and nobody judged it.
    """

    total: int
    new: int
    changed: int
    again: int
    disputed: int
    second: int
    others: int


def review_queue(run: Run, reader: User | None = None) -> list[QueueItem]:
    """All detections of the run: what waits for `reader` (None: for any expert) first, then by score, highest first.

    Four queries.
    """
    by_detection = standings(run)
    before = marked_by(run_before(run))
    reader_id = reader.pk if reader is not None else None
    unlike = {(group.source, group.date) for group in unlike_groups(run)}
    rows = (
        Detection.objects.filter(run=run)
        .order_by("-score", "id")
        .values_list(
            "id",
            "score",
            "hectares",
            "segmented_tile_id",
            "segmented_tile__tile_id",
            "superpixels",
            "segmented_tile__tile__source_id",
            "segmented_tile__tile__capture_date",
        )
    )
    items = []
    for pk, score, hectares, segmented_tile, tile, superpixels, source, day in rows:
        one = by_detection.get(pk)
        items.append(
            QueueItem(
                detection_id=pk,
                score=score,
                verdict=verdict_of(pk, one),
                hectares=hectares if one is None or one.correction is None else one.correction["hectares"],
                since=since_of(before.get(tile), (segmented_tile, superpixels)),
                seen=one.latest.pk if one is not None and one.latest is not None else None,
                waits=one is None or one.waits_for(reader_id),
                unlike=(source, day.isoformat() if day else "") in unlike,
            )
        )
    return sorted(items, key=lambda item: not item.is_in(UNDECIDED))


def counts_of(items: Iterable[QueueItem]) -> dict[str, int]:
    """How many detections are in each of the states; one may be in several."""
    counts: Counter[str] = Counter()
    for item in items:
        counts.update(state for state in STATES if item.is_in(state))
    return {state: counts[state] for state in STATES}


def needs_of(items: Iterable[QueueItem]) -> Needs:
    waiting = [item for item in items if not item.is_decided]
    mine = [item for item in waiting if item.waits]
    fresh = Counter(item.since for item in mine if item.verdict is None)
    states = Counter(item.state for item in mine if item.verdict is not None)
    return Needs(
        total=len(mine),
        new=fresh[Since.NEW],
        changed=fresh[Since.CHANGED],
        again=fresh[Since.SAME],
        disputed=states[DISPUTED],
        second=states[SECOND],
        others=len(waiting) - len(mine),
    )


def run_before(run: Run) -> Run | None:
    """What the run is compared with: the run of the region's last release of an earlier one, else the run before."""
    numbers = Release.objects.filter(region=run.region_id, run=OuterRef("pk")).order_by("-number")
    earlier = Run.objects.filter(region=run.region_id, pk__lt=run.pk).annotate(
        released=Subquery(numbers.values("number")[:1])
    )
    comparable = earlier.filter(Q(released__isnull=False) | Q(state=WorkState.DONE))
    return comparable.order_by(F("released").desc(nulls_last=True), "-pk").first()


def marked_by(run: Run | None, tiles: Collection[int] | None = None) -> dict[int, tuple[int, list[int]]]:
    """{tile: (segmented tile, superpixels)} of what a run marked (on `tiles`); empty where there is none."""
    if run is None:
        return {}
    rows = Detection.objects.filter(run=run).order_by()
    if tiles is not None:
        rows = rows.filter(segmented_tile__tile__in=tiles)
    return {
        tile: (segmented_tile, superpixels)
        for tile, segmented_tile, superpixels in rows.values_list(
            "segmented_tile__tile_id", "segmented_tile_id", "superpixels"
        )
    }


def since_of(before: tuple[int, list[int]] | None, now: tuple[int, list[int]]) -> Since:
    """How a detection (its segmented tile and superpixels) compares with what was marked on the tile before."""
    if before is None:
        return Since.NEW
    return Since.SAME if before[0] == now[0] and sorted(before[1]) == sorted(now[1]) else Since.CHANGED
