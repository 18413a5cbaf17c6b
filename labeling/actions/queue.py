"""Which tile a volunteer sees next, and for how long it is theirs.

A tile is leased: a claim holds one of the votes it still wants until it is labelled, given back or has run out.
Every change of a tile's counts happens while its TileProgress row is held, so there are never more open claims than
votes still wanted, however many people ask at the same moment. Left out: what the votes say (labeling.actions.consensus).
"""

import datetime as dt
import random
import time
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from django.db import IntegrityError, connection, transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp.errors import Conflict, UserError
from amberapp.models import User, WorkState
from detection.models import Region, Run, SegmentedTile, TileKind
from labeling.actions.rules import rules_of
from labeling.crowd import turns
from labeling.crowd.dawid_skene import newcomer_prior
from labeling.models import (
    Claim,
    ClaimState,
    Consensus,
    ConsensusState,
    DeskRules,
    KnownTile,
    KnownUse,
    Origin,
    Served,
    Submission,
    TileProgress,
    VolunteerRecord,
)

# A person may hold so many tiles at once: what fits a working day without a network.
MOST_HELD = 40
# Places that were called for come before every other: no product of priority and votes reaches this.
CALLED = 1000.0
# Claims that have run out are given back a few at a time, by whoever asks for a tile.
LAPSED_AT_ONCE = 20
# How often a tile is looked for when others hold the rows that are left, and the pause between, seconds.
ATTEMPTS, LOCKED_PAUSE = 4, 0.02
PRIOR = newcomer_prior()

WANTED_LEFT = Greatest(F("wanted") - F("votes"), Value(0))


def open_tile(segmented_tile: SegmentedTile) -> TileProgress | None:
    """Put a newly cut whole tile into its region's queue. Crops and tiles without ground never enter it."""
    if segmented_tile.superpixels < 1 or segmented_tile.tile.kind != TileKind.TILE:
        return None
    rules = rules_of(segmented_tile.tile.region_id)
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


def drawn(share: float) -> bool:
    """True in about `share` of the cases."""
    return random.random() < share  # noqa: S311 (no secret)


# Serving -------------------------------------------------------------------------------------------------------------


def next_tile(
    *, region: Region, volunteer: User, held: Collection[int] = (), skipped: bool = False
) -> Claim | None:
    """Lease the tile of `region` that needs this person's eyes most; None when there is none for them.

    `held` names segmented tiles that the person's desk has already (on the screen, prefetched, waiting to be sent).
    Open claims that it has not come first, so that nothing is lost with a closed window. Nobody gets a tile twice;
    only `skipped` brings back what the person gave back or let run out. The claim comes with tile, image and source.
    Raises UserError when the person holds as many tiles as one may.
    """
    rules = rules_of(region.pk)
    _lapse_some()
    mine = (
        Claim.objects.filter(volunteer=volunteer, state=ClaimState.OPEN)
        .annotate(region=F("segmented_tile__tile__region"))
        .order_by("created_at", "id")
    )
    known_to_desk = set(held)
    forgotten = next(
        (one for one in mine if one.region == region.pk and one.segmented_tile_id not in known_to_desk), None
    )
    if forgotten is not None and _extend(forgotten, rules):
        return _whole(forgotten.pk)
    _check_held(len(mine))
    for _attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                if skipped:
                    claim = _claim_again(region, volunteer, held, rules)
                else:
                    claim = _known(region, volunteer, rules) or _claim_one(region, volunteer, held, rules)
        except IntegrityError:
            continue  # the same person asked twice at once and the other request got this very tile
        if claim is not None:
            return _whole(claim.pk)
        if not connection.features.has_select_for_update_skip_locked:
            return None
        if not _wanting(region, volunteer, held).exists():
            return None
        # The last tiles were locked for a moment and skipped: one of them may stay free.
        time.sleep(LOCKED_PAUSE)
    return None


def claim_tile(*, segmented_tile: SegmentedTile, volunteer: User) -> Claim | None:
    """Lease a tile that the person named by its address; None when it wants no more votes or they have had it.

    Raises UserError when the person holds as many tiles as one may.
    """
    rules = rules_of(segmented_tile.tile.region_id)
    with transaction.atomic():
        progress = TileProgress.objects.select_for_update().filter(segmented_tile=segmented_tile).first()
        claim = Claim.objects.filter(segmented_tile=segmented_tile, volunteer=volunteer).first()
        if progress is None or (claim is not None and claim.state == ClaimState.DONE):
            return None
        if claim is not None and claim.state == ClaimState.OPEN:
            _extend(claim, rules)
            return claim
        if progress.free < 1:
            return None
        _check_held(Claim.objects.filter(volunteer=volunteer, state=ClaimState.OPEN).count())
        return _take(progress, volunteer, Served.LINK, rules, claim)


def _check_held(tiles: int) -> None:
    if tiles >= MOST_HELD:
        raise UserError(
            _("You hold %(most)s tiles already: label or give back some of them first.")
            % {"most": MOST_HELD},
            code="too_many_held",
        )


def renew_claims(*, volunteer: User, segmented_tiles: Collection[int]) -> dict[int, dt.datetime]:
    """Prolong the person's open claims of these tiles; returns until when, by tile. Others are left out."""
    claims = list(
        Claim.objects.filter(
            volunteer=volunteer, state=ClaimState.OPEN, segmented_tile__in=segmented_tiles
        ).values_list("pk", "segmented_tile", "segmented_tile__tile__region")
    )
    until_by_tile: dict[int, dt.datetime] = {}
    rules = {region: rules_of(region) for region in {region for _pk, _tile, region in claims}}
    for pk, tile, region in claims:
        until = _until(rules[region])
        if Claim.objects.filter(pk=pk, state=ClaimState.OPEN).update(until=until):
            until_by_tile[tile] = until
    return until_by_tile


def release_claims(*, volunteer: User, segmented_tiles: Collection[int]) -> int:
    """Give tiles back unlabelled, so that others get them at once. Returns how many were held."""
    released = 0
    for pk in Claim.objects.filter(
        volunteer=volunteer, state=ClaimState.OPEN, segmented_tile__in=segmented_tiles
    ).values_list("pk", flat=True):
        released += _end(pk, ClaimState.RELEASED)
    return released


def lapse_claims() -> int:
    """End every open claim whose time is up. For the sweeper; people who ask for tiles do some of it themselves."""
    lapsed = 0
    while found := _lapse_some():
        lapsed += found
    return lapsed


def _lapse_some() -> int:
    expired = Claim.objects.filter(state=ClaimState.OPEN, until__lt=timezone.now()).order_by("until")
    return sum(_end(pk, ClaimState.LAPSED) for pk in expired.values_list("pk", flat=True)[:LAPSED_AT_ONCE])


def _end(claim_id: int, state: str) -> bool:
    """End an open claim unlabelled and give its vote back to the tile. False when it was not open any more."""
    with transaction.atomic():
        claim = Claim.objects.filter(pk=claim_id).values_list("segmented_tile", "served").first()
        if claim is None:
            return False
        tile, served = claim
        progress = TileProgress.objects.select_for_update().filter(segmented_tile=tile).first()
        still = Claim.objects.filter(pk=claim_id, state=ClaimState.OPEN)
        if state == ClaimState.LAPSED:
            still = still.filter(until__lt=timezone.now())  # renewed meanwhile?
        if not still.update(state=state):
            return False
        if progress is not None and served != Served.KNOWN:
            progress.claims = max(0, progress.claims - 1)
            _save(progress)
        return True


def _wanting(region: Region, volunteer: User, held: Collection[int]) -> QuerySet[TileProgress]:
    """The tiles that want votes and that this person has not had."""
    had = Claim.objects.filter(volunteer=volunteer, segmented_tile=OuterRef("segmented_tile"))
    return (
        TileProgress.objects.filter(region=region, free__gt=0)
        .exclude(segmented_tile__in=held)
        .exclude(Exists(had))
    )


def _claim_one(region: Region, volunteer: User, held: Collection[int], rules: DeskRules) -> Claim | None:
    wanting = _wanting(region, volunteer, held).select_for_update(skip_locked=True)
    if drawn(rules.random_share):
        start = random.random()  # noqa: S311
        progress = wanting.filter(shuffle__gte=start).order_by("shuffle").first()
        progress = progress or wanting.order_by("shuffle").first()
        served = Served.RANDOM
    else:
        # Every rank is at least 0. Said aloud, SQLite takes the index even where its statistics (one region that holds
        # every tile) make it believe that reading and sorting the whole table is cheaper.
        by_rank = wanting.filter(rank__gte=0).order_by("-rank", "segmented_tile_id")
        progress = None if _is_reliable(volunteer) else by_rank.filter(votes__gt=0).first()
        progress = progress or by_rank.first()
        served = Served.QUEUE
    return _take(progress, volunteer, served, rules) if progress else None


def _is_reliable(volunteer: User) -> bool:
    """Whether this person begins tiles; others continue those that somebody has begun, while there are any for them."""
    confusion = VolunteerRecord.objects.filter(pk=volunteer.pk).values_list("confusion", flat=True).first()
    return bool(confusion) and float(turns.reliability(np.array(confusion), PRIOR)) >= turns.RELIABLE


def _claim_again(region: Region, volunteer: User, held: Collection[int], rules: DeskRules) -> Claim | None:
    """The tile that the person gave back or let run out longest ago and that still wants votes."""
    for claim in (
        Claim.objects.filter(
            volunteer=volunteer,
            state__in=[ClaimState.RELEASED, ClaimState.LAPSED],
            segmented_tile__progress__region=region,
            segmented_tile__progress__free__gt=0,
        )
        .exclude(segmented_tile__in=held)
        .order_by("until")[:LAPSED_AT_ONCE]
    ):
        progress = (
            TileProgress.objects.select_for_update(skip_locked=True)
            .filter(segmented_tile=claim.segmented_tile_id, free__gt=0)
            .first()
        )
        if progress is not None:
            return _take(progress, volunteer, claim.served, rules, claim)
    return None


def _known(region: Region, volunteer: User, rules: DeskRules) -> Claim | None:
    """Now and then a tile with known answers. Nothing that the desk is told gives it away."""
    if not drawn(rules.known_share):
        return None
    known = (
        KnownTile.objects.filter(region=region, use=KnownUse.CHECK)
        .exclude(Exists(Claim.objects.filter(volunteer=volunteer, segmented_tile=OuterRef("segmented_tile"))))
        .order_by("position", "id")
        .first()
    )
    if known is None:
        return None
    return Claim.objects.create(
        segmented_tile_id=known.segmented_tile_id,
        volunteer=volunteer,
        served=Served.KNOWN,
        created_at=timezone.now(),
        until=_until(rules),
        **_suggestions(region.pk, rules),
    )


def _take(
    progress: TileProgress, volunteer: User, served: str, rules: DeskRules, again: Claim | None = None
) -> Claim:
    """Write the claim and count it. The caller holds the tile's progress."""
    values = {
        "state": ClaimState.OPEN,
        "served": served,
        "created_at": timezone.now(),
        "until": _until(rules),
        **_suggestions(progress.region_id, rules),
    }
    if again is None:
        claim = Claim.objects.create(
            segmented_tile_id=progress.segmented_tile_id, volunteer=volunteer, **values
        )
    else:
        # Not twice at once from two windows of one person: the condition lets one of them through.
        if not Claim.objects.filter(pk=again.pk, state=again.state).update(**values):
            raise Conflict(_("This tile has just been taken in another window of yours."))
        again.refresh_from_db()
        claim = again
    progress.claims += 1
    _save(progress)
    return claim


def _suggestions(region_id: int, rules: DeskRules) -> dict[str, object]:
    """The latest finished run of the active classifier, and whether this person is to see nothing of it."""
    run = (
        Run.objects.filter(region=region_id, state=WorkState.DONE, classifier=F("region__active_classifier"))
        .order_by("-id")
        .values_list("pk", flat=True)
        .first()
    )
    return {"run_id": run, "blind": drawn(rules.blind_share)}


def _until(rules: DeskRules) -> dt.datetime:
    return timezone.now() + dt.timedelta(minutes=rules.lease_minutes)


def _extend(claim: Claim, rules: DeskRules) -> bool:
    claim.until = _until(rules)
    return bool(Claim.objects.filter(pk=claim.pk, state=ClaimState.OPEN).update(until=claim.until))


def _whole(claim_id: int) -> Claim:
    return Claim.objects.select_related(
        "segmented_tile__tile__source",
        "segmented_tile__tile__region",
        "segmented_tile__segmentation",
        "segmented_tile__progress",
        "run",
    ).get(pk=claim_id)


# Counting ------------------------------------------------------------------------------------------------------------


def hold_progress(segmented_tile: SegmentedTile) -> TileProgress | None:
    """The tile's row in the queue, held until the transaction ends; None for a crop. Hold the tile's own row first."""
    progress = TileProgress.objects.select_for_update().filter(segmented_tile=segmented_tile).first()
    return progress or open_tile(segmented_tile)


def recount(progress: TileProgress, rules: DeskRules | None = None) -> None:
    """Count a held tile's votes and open claims again and decide how many more it wants.

    Two votes at least; more, one at a time, while a superpixel is open, up to the most. When there is room again,
    labels that came too late for it are counted after all, the earliest first. Consensus must be fresh.
    """
    rules = rules or rules_of(progress.region_id)
    known = KnownTile.objects.filter(segmented_tile=progress.segmented_tile_id).exists()
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
    progress.wanted = 0 if known else votes_wanted(progress.votes, states["open"], rules)
    if progress.called and progress.votes >= rules.votes_at_least and not states["open"]:
        progress.called = False  # it has had its eyes
    _save(progress)


def lease_again(progress: TileProgress, volunteer: User) -> None:
    """After somebody took their labels back: the tile stays theirs for a while, so that they can say it anew."""
    Claim.objects.filter(segmented_tile=progress.segmented_tile_id, volunteer=volunteer).exclude(
        served=Served.KNOWN
    ).update(state=ClaimState.OPEN, until=_until(rules_of(progress.region_id)))


def votes_wanted(votes: int, open_superpixels: int, rules: DeskRules) -> int:
    """How many votes a tile should have in the end, as things stand."""
    if votes < rules.votes_at_least:
        return rules.votes_at_least
    if open_superpixels and votes < rules.votes_at_most:
        return votes + 1
    return votes


def _save(progress: TileProgress) -> None:
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


def reconsider_region(queue: QuerySet[TileProgress], rules: DeskRules) -> None:
    """Let new numbers of votes reach the tiles. Those that have votes are asked about their consensus again."""
    known = KnownTile.objects.filter(segmented_tile=OuterRef("segmented_tile"))
    queue = queue.exclude(Exists(known))
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


def call_for_eyes(queue: QuerySet[TileProgress]) -> int:
    """Put tiles before all others and let them want at least one more vote. Returns how many.

    Known tiles are left out: they are never in the ordinary queue.
    """
    queue = queue.exclude(Exists(KnownTile.objects.filter(segmented_tile=OuterRef("segmented_tile"))))
    changed = queue.update(called=True, wanted=Greatest(F("wanted"), F("votes") + 1))
    rerank(queue)
    return changed


# Where one stands ----------------------------------------------------------------------------------------------------


def regions_to_label() -> list[Region]:
    """The regions that have tiles in the queue, by name."""
    return list(Region.objects.filter(Exists(TileProgress.objects.filter(region=OuterRef("pk")))))


def region_of(volunteer: User) -> Region | None:
    """Where this person labelled last; for a newcomer the first region that has tiles."""
    last = (
        _labelled_by(volunteer).select_related("segmented_tile__tile__region").order_by("-created_at").first()
    )
    if last is not None:
        return last.segmented_tile.tile.region
    return next(iter(regions_to_label()), None)


@dataclass(frozen=True)
class Session:
    """How many tiles a person has labelled: since midnight of the site's time zone, and ever."""

    tiles_today: int
    tiles_total: int


def session_of(volunteer: User) -> Session:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    counts = _labelled_by(volunteer).aggregate(
        today=Count("pk", filter=Q(created_at__gte=midnight)), total=Count("pk")
    )
    return Session(tiles_today=counts["today"], tiles_total=counts["total"])


def settled_superpixels(segmented_tile: SegmentedTile) -> list[int]:
    """Superpixels that nobody needs to label any more: settled by volunteers or decided by an expert.

    None of a known tile: its answers would be given away, and nobody would be asked.
    """
    if KnownTile.objects.filter(segmented_tile=segmented_tile).exists():
        return []
    return list(
        Consensus.objects.filter(
            segmented_tile=segmented_tile,
            piece=0,
            state__in=[ConsensusState.RETIRED, ConsensusState.DECIDED],
        )
        .order_by("superpixel")
        .values_list("superpixel", flat=True)
    )


def _labelled_by(volunteer: User) -> QuerySet[Submission]:
    return Submission.objects.standing().filter(volunteer=volunteer, origin=Origin.DESK)
