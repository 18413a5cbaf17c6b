"""How the crowd stands: what waits, what is held, what is settled, who is in quarantine. Reads only."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from detection.models import Region
from labeling.models import (
    Consensus,
    ConsensusState,
    GoldStandardTile,
    GoldStandardUse,
    TileProgress,
    VolunteerRecord,
)


@dataclass
class CrowdFigures:
    """One region. Tiles: waiting (for whoever asks next), held (leases), enough (no more votes wanted), known.

    Superpixels: settled by volunteers, decided by experts, escalated to them.
    """

    tiles: int = 0
    waiting: int = 0
    held: int = 0
    enough: int = 0
    settled: int = 0
    decided: int = 0
    escalated: int = 0
    lessons: int = 0
    checks: int = 0

    @property
    def all_settled(self) -> int:
        return self.settled + self.decided


def crowd_figures() -> dict[int, CrowdFigures]:
    """By region's id; regions without a queue are left out. Three queries."""
    regions: dict[int, CrowdFigures] = {}
    queue = TileProgress.objects.values("region").annotate(
        tiles=Count("pk"),
        waiting=Count("pk", filter=Q(free__gt=0)),
        held=Sum("claims"),
        enough=Count("pk", filter=Q(wanted__gt=0, votes__gte=F("wanted"))),
        escalated=Sum("escalated"),
    )
    for row in queue:
        figures: dict[str, Any] = {name: count for name, count in row.items() if name != "region"}
        regions[row["region"]] = CrowdFigures(**figures)
    states = (
        Consensus.objects.filter(piece=0, state__in=[ConsensusState.RETIRED, ConsensusState.DECIDED])
        .order_by()
        .values_list("segmented_tile__tile__region", "state")
        .annotate(Count("pk"))
    )
    for region, state, count in states:
        if region in regions:
            if state == ConsensusState.RETIRED:
                regions[region].settled = count
            else:
                regions[region].decided = count
    gold = GoldStandardTile.objects.order_by().values_list("region", "use").annotate(Count("pk"))
    for region, use, count in gold:
        if region in regions:
            if use == GoldStandardUse.LESSON:
                regions[region].lessons = count
            else:
                regions[region].checks = count
    return regions


def in_quarantine() -> int:
    return VolunteerRecord.objects.filter(quarantined_at__isnull=False).count()


def nothing_left(region: Region) -> str:
    """Why the desk has no tile for somebody who asks: everything is settled, or it is other people's turn."""
    waiting = TileProgress.objects.filter(region=region, votes__lt=F("wanted")).count()
    if not waiting:
        return _("Every tile of %(region)s has had the votes that it needs. Thank you.") % {"region": region}
    return ngettext(
        "You have looked at every tile of %(region)s that you can be asked about. %(n)s tile still waits for other "
        "people's eyes.",
        "You have looked at every tile of %(region)s that you can be asked about. %(n)s tiles still wait for other "
        "people's eyes.",
        waiting,
    ) % {"region": region, "n": waiting}
