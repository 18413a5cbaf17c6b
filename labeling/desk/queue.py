"""Which tile a volunteer sees next, and for how long it is theirs.

A tile is leased: a claim holds one of the votes it still wants until it is labelled, given back or has run out.
Every change of a tile's counts happens while its TileProgress row is held, so there are never more open claims than
votes still wanted, however many people ask at the same moment. Left out: what the votes say (labeling.desk.consensus).
"""

import datetime as dt
import random
import time
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp.errors import Conflict, UserError
from amberapp.models import User, WorkState
from detection.models import Region, Run, SegmentedTile
from labeling.desk.aggregation import turns
from labeling.desk.aggregation.dawid_skene import newcomer_prior
from labeling.desk.queue_state import save_progress
from labeling.models import (
    Claim,
    ClaimState,
    Consensus,
    ConsensusState,
    DeskRules,
    GoldStandardTile,
    GoldStandardUse,
    Origin,
    Served,
    Submission,
    TileProgress,
    VolunteerRecord,
)

# A person may hold so many tiles at once: what fits a working day without a network.
MOST_HELD = 40
# Claims that have run out are given back a few at a time, by whoever asks for a tile.
LAPSED_AT_ONCE = 20
# How often a tile is looked for when others hold the rows that are left, and the pause between, seconds.
ATTEMPTS, LOCKED_PAUSE = 4, 0.02
PRIOR = newcomer_prior()


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
    rules = DeskRules.objects.of_region(region.pk)
    lapse_claims()
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
                    claim = _gold(region, volunteer, rules) or _claim_one(region, volunteer, held, rules)
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
    rules = DeskRules.objects.of_region(segmented_tile.tile.region_id)
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
    rules = {
        region: DeskRules.objects.of_region(region) for region in {region for _pk, _tile, region in claims}
    }
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
    """End the oldest of the open claims whose time is up, a few at a time: whoever asks for tiles does some of it."""
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
            save_progress(progress)
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


def _gold(region: Region, volunteer: User, rules: DeskRules) -> Claim | None:
    """Now and then a tile with known answers. Nothing that the desk is told gives it away."""
    if not drawn(rules.known_share):
        return None
    lessons = VolunteerRecord.objects.filter(pk=volunteer.pk).values_list("lessons_passed", flat=True).first()
    gold = (
        GoldStandardTile.objects.filter(region=region, use=GoldStandardUse.CHECK)
        .exclude(pk__in=lessons or [])
        .exclude(Exists(Claim.objects.filter(volunteer=volunteer, segmented_tile=OuterRef("segmented_tile"))))
        .order_by("position", "id")
        .first()
    )
    if gold is None:
        return None
    return Claim.objects.create(
        segmented_tile_id=gold.segmented_tile_id,
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
    save_progress(progress)
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


def lease_again(progress: TileProgress, volunteer: User) -> None:
    """After somebody took their labels back: the tile stays theirs for a while, so that they can say it anew."""
    Claim.objects.filter(segmented_tile=progress.segmented_tile_id, volunteer=volunteer).exclude(
        served=Served.KNOWN
    ).update(state=ClaimState.OPEN, until=_until(DeskRules.objects.of_region(progress.region_id)))


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

    None of a gold-standard tile: its answers would be given away, and nobody would be asked.
    """
    if GoldStandardTile.objects.filter(segmented_tile=segmented_tile).exists():
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
