"""Which tile a volunteer sees next.

Fewest votes first, then the higher priority. Left out: leases; two people who ask at the same moment may get
the same tile, which costs a vote more than was wanted and never loses one.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from amberapp.models import User
from detection.models import Region, SegmentedTile, TileKind
from labeling.models import Origin, Submission, TileProgress


def open_tile(segmented_tile: SegmentedTile) -> TileProgress | None:
    """Put a newly cut whole tile into its region's queue. Crops and tiles without ground never enter it."""
    if segmented_tile.superpixels < 1 or segmented_tile.tile.kind != TileKind.TILE:
        return None
    return TileProgress.objects.get_or_create(
        segmented_tile=segmented_tile, defaults={"region_id": segmented_tile.tile.region_id}
    )[0]


def next_tile(
    *, region: Region, volunteer: User, after: Collection[int] | None = None
) -> SegmentedTile | None:
    """The tile of `region` that needs this person's eyes most, or None when they have seen them all.

    `after` names segmented tiles that the person holds already (on the screen, prefetched, skipped, waiting to be
    sent). A tile that this person's counting labels are on is never served again. Tiles that have their
    AMBER_VOTES_PER_TILE come only when nothing else is left. The tile comes with its image, source and region.
    """
    open_to_me = (
        TileProgress.objects.filter(region=region)
        .exclude(segmented_tile__in=_labelled_by(volunteer).values("segmented_tile"))
        .exclude(segmented_tile__in=after or ())
        .select_related(
            "segmented_tile__tile__source", "segmented_tile__tile__region", "segmented_tile__segmentation"
        )
        .order_by("votes", "-priority", "segmented_tile_id")
    )
    progress = open_to_me.first()
    return progress.segmented_tile if progress else None


def has_its_votes(progress: TileProgress) -> bool:
    """Whether as many people have labelled the tile as are asked (AMBER_VOTES_PER_TILE)."""
    return progress.votes >= settings.AMBER["AMBER_VOTES_PER_TILE"]


def regions_to_label() -> list[Region]:
    """The regions that have tiles in the queue, by name."""
    return list(Region.objects.filter(pk__in=TileProgress.objects.order_by().values("region").distinct()))


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


def _labelled_by(volunteer: User) -> QuerySet[Submission]:
    return Submission.objects.counting().filter(volunteer=volunteer, origin=Origin.DESK)
