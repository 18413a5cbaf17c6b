"""A tile's place in the queue: how many votes it has, how many it still wants, how soon its turn comes.

Every change of these numbers is made while the tile's row is held. Left out: who gets the tile
(labeling.desk.queue) and what its votes say (labeling.desk.consensus).
"""

from collections.abc import Collection

from django.db import connection, transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest

from detection.models import SegmentedTile, TileKind
from labeling.models import (
    Claim,
    ClaimState,
    Consensus,
    ConsensusState,
    DeskRules,
    GoldStandardTile,
    Origin,
    Served,
    Submission,
    TileProgress,
)

# Places that were called for come before every other: no product of priority and votes reaches this.
CALLED = 1000.0
WANTED_LEFT = Greatest(F("wanted") - F("votes"), Value(0))


def open_tile(segmented_tile: SegmentedTile) -> TileProgress | None:
    """Put a newly cut whole tile into its region's queue. Crops and tiles without ground never enter it."""
    if segmented_tile.superpixels < 1 or segmented_tile.tile.kind != TileKind.TILE:
        return None
    rules = DeskRules.objects.of_region(segmented_tile.tile.region_id)
    wanted = rules.votes_at_least
    return TileProgress.objects.get_or_create(
        segmented_tile=segmented_tile,
        defaults={
            "region_id": segmented_tile.tile.region_id,
            "wanted": wanted,
            "free": wanted,
            "rank": float(wanted),
        },
    )[0]


def lock_progress(segmented_tile: SegmentedTile) -> TileProgress | None:
    """The tile's row in the queue, held until the transaction ends; None for a crop. Hold the tile's own row first."""
    progress = TileProgress.objects.select_for_update().filter(segmented_tile=segmented_tile).first()
    return progress or open_tile(segmented_tile)


def lock_queue(segmented_tiles: Collection[SegmentedTile]) -> None:
    """As `lock_progress` for several tiles, by rising number of the rows, for a transaction that changes all of them."""
    rows = TileProgress.objects.select_for_update().filter(segmented_tile__in=segmented_tiles).order_by("pk")
    there = set(rows.values_list("segmented_tile", flat=True))
    for tile in segmented_tiles:
        if tile.pk not in there:
            open_tile(tile)


def recount(progress: TileProgress, rules: DeskRules | None = None) -> None:
    """Count a held tile's votes and open claims again and decide how many more it wants.

    Two votes at least; more, one at a time, while a superpixel is open, up to the most. When there is room again,
    labels that came too late for it are counted after all, the earliest first. Consensus must be fresh.
    """
    rules = rules or DeskRules.objects.of_region(progress.region_id)
    # A call for eyes ends when the vote that it asked for has come.
    wished = progress.wanted
    is_gold = GoldStandardTile.objects.filter(segmented_tile=progress.segmented_tile_id).exists()
    submissions = Submission.objects.filter(segmented_tile=progress.segmented_tile_id, origin=Origin.DESK)
    progress.votes = submissions.counting().count()
    progress.claims = (
        Claim.objects.filter(segmented_tile=progress.segmented_tile_id, state=ClaimState.OPEN)
        .exclude(served=Served.KNOWN)
        .count()
    )
    states = Consensus.objects.filter(segmented_tile=progress.segmented_tile_id, piece=0).aggregate(
        open=Count("pk", filter=Q(state=ConsensusState.OPEN)),
        escalated=Count("pk", filter=Q(state=ConsensusState.ESCALATED)),
    )
    progress.escalated = states["escalated"]
    progress.wanted = 0 if is_gold else votes_wanted(progress.votes, states["open"], rules)
    if progress.called and progress.votes >= wished:
        progress.called = False
    elif progress.called:
        progress.wanted = max(progress.wanted, progress.votes + 1)
    save_progress(progress)


def votes_wanted(votes: int, open_superpixels: int, rules: DeskRules) -> int:
    """How many votes a tile should have in the end, as things stand."""
    if votes < rules.votes_at_least:
        return rules.votes_at_least
    if open_superpixels and votes < rules.votes_at_most:
        return votes + 1
    return votes


def save_progress(progress: TileProgress) -> None:
    left = max(0, progress.wanted - progress.votes)
    progress.free = max(0, left - progress.claims)
    progress.rank = (CALLED if progress.called else 0.0) + progress.priority * left
    progress.save(update_fields=["votes", "claims", "wanted", "free", "rank", "called", "escalated"])


def rerank(queue: QuerySet[TileProgress]) -> int:
    """Compute `free` and `rank` of many tiles again after their priorities or wishes changed. One UPDATE."""
    called = Case(When(called=True, then=Value(CALLED)), default=Value(0.0))
    return queue.update(
        free=Greatest(F("wanted") - F("votes") - F("claims"), Value(0)),
        rank=called + F("priority") * WANTED_LEFT,
    )


def _lock_in_order(queue: QuerySet[TileProgress]) -> None:
    """Hold many rows by rising number before they are changed: two changes that both do so never wait in a ring."""
    if connection.features.has_select_for_update:
        held = queue.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True)
        for _row in held.iterator(chunk_size=10_000):
            pass


@transaction.atomic
def reconsider_region(queue: QuerySet[TileProgress], rules: DeskRules) -> None:
    """Let new numbers of votes reach the tiles. Those that have votes are asked about their consensus again."""
    gold = GoldStandardTile.objects.filter(segmented_tile=OuterRef("segmented_tile"))
    queue = queue.exclude(Exists(gold))
    _lock_in_order(queue)
    unsettled = Consensus.objects.filter(
        segmented_tile=OuterRef("segmented_tile"), piece=0, state=ConsensusState.OPEN
    )
    queue.filter(votes__lt=rules.votes_at_least).update(wanted=rules.votes_at_least)
    enough = queue.filter(votes__gte=rules.votes_at_least)
    # A call for eyes stands until somebody has answered it.
    enough.update(wanted=F("votes") + Case(When(called=True, then=Value(1)), default=Value(0)))
    enough.filter(Exists(unsettled), votes__lt=rules.votes_at_most).update(wanted=F("votes") + 1)
    # Where nobody is asked any more an expert is, as when the last vote comes in.
    exhausted = enough.filter(votes__gte=rules.votes_at_most).values("segmented_tile")
    Consensus.objects.filter(state=ConsensusState.OPEN, segmented_tile__in=exhausted).update(
        state=ConsensusState.ESCALATED
    )
    waiting = (
        Consensus.objects.filter(
            segmented_tile=OuterRef("segmented_tile"), piece=0, state=ConsensusState.ESCALATED
        )
        .order_by()
        .values("segmented_tile")
        .annotate(count=Count("pk"))
        .values("count")
    )
    queue.filter(votes__gt=0).update(escalated=Coalesce(Subquery(waiting), 0))
    rerank(queue)


@transaction.atomic
def prioritise(queue: QuerySet[TileProgress]) -> int:
    """Put tiles before all others and let them want at least one more vote. Returns how many.

    Gold-standard tiles are left out: they are never in the ordinary queue.
    """
    queue = queue.exclude(Exists(GoldStandardTile.objects.filter(segmented_tile=OuterRef("segmented_tile"))))
    _lock_in_order(queue)
    changed = queue.update(called=True, wanted=Greatest(F("wanted"), F("votes") + 1))
    rerank(queue)
    return changed
