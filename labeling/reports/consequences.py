"""What a decision about a citizen's report has led to: what its sender and the experts are told afterwards.

Left out: letters, and what the places look like; the map itself tells that.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import shapely
from django.db.models import Q
from shapely.affinity import scale
from shapely.geometry import shape

from amberapp.errors import NotThere
from detection.models import Detection
from labeling.models import (
    WITHDRAWN,
    Campaign,
    Release,
    ReleaseKind,
    Report,
    ReportCategory,
    ReportState,
    Review,
    ReviewVerdict,
)
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.reader import places_of
from labeling.reports.decision import DECIDED, duplicates_of
from labeling.reports.filing import METRES_A_DEGREE, SAME_PLACE_METRES
from labeling.review.review_detection import standing_of

# What a release did about an accepted report: the place is gone, it is there at last, it is drawn otherwise.
GONE, SHOWN, REDRAWN = "gone", "shown", "redrawn"


@dataclass(frozen=True)
class Consequences:
    """rejection: the review that took the place off the map; None where accepting it did not, it was declined, or experts
    have put the place back since.
    campaign: the first one that has begun from it and has not been taken back.
    release, became: the first release of the region since that did what was accepted, and what that is (GONE, SHOWN,
    REDRAWN). (None, "") while the latest release does not, or no more: it was in the making at that moment, or an
    older release was published again. Of a declined report, and of one that asks for nothing of the kind: the first
    release since, "".
    """

    rejection: Review | None
    campaign: Campaign | None
    release: Release | None
    became: str


def consequences_of(report: Report) -> Consequences | None:
    """Of a decided report; None of another."""
    if report.state not in DECIDED or report.decided_at is None:
        return None
    numbers = [
        report.pk,
        *duplicates_of(report).filter(decided_at=report.decided_at).values_list("pk", flat=True),
    ]
    made = Review.objects.filter(report__in=numbers, created_at__gte=report.decided_at).exclude(
        verdict=WITHDRAWN
    )
    rejection = made.select_related("detection__segmented_tile__tile").order_by("-id").first()
    if rejection is not None and standing_of(rejection.detection).verdict == ReviewVerdict.APPROVED:
        rejection = None
    since = report.region.releases.filter(kind=ReleaseKind.OWN, created_at__gt=report.decided_at)
    releases = list(since.order_by("number"))
    became, does = _asked_of_the_map(report, rejection)
    if releases and not does(releases[-1]):
        releases, became = [], ""
    release = next((one for one in releases if does(one)), None)
    return Consequences(
        rejection=rejection,
        campaign=campaign_from(numbers),
        release=release,
        became=became if release is not None else "",
    )


def campaign_from(reports: Collection[int]) -> Campaign | None:
    """The first campaign that has begun from one of the reports and has not been taken back."""
    return Campaign.objects.filter(report__in=reports, withdrawn_at=None).order_by("pk").first()


def _asked_of_the_map(report: Report, rejection: Review | None) -> tuple[str, Callable[[Release], bool]]:
    """What has to become of the place, and whether a release does it."""
    if rejection is not None:
        gone = rejection.detection.segmented_tile.tile.place_id
        return GONE, lambda release: _drawn(release, gone) is None
    if report.state == ReportState.ACCEPTED and report.category == ReportCategory.MISSED:
        known = _shown_near(report.release, report)
        return SHOWN, lambda release: bool(_shown_near(release, report) - known)
    if (
        report.state == ReportState.ACCEPTED
        and report.category == ReportCategory.WRONG_OUTLINE
        and report.detection is not None
    ):
        place = report.detection.segmented_tile.tile.place_id
        before = _drawn(report.release, place)
        return REDRAWN, lambda release: _drawn(release, place) not in (None, before)
    return "", lambda release: True


def _places(release: Release | None) -> tuple[PublishedPlace, ...]:
    if release is None:
        return ()
    try:
        return places_of(release)
    except NotThere:  # its files are lost: nothing shows the place
        return ()


def _drawn(release: Release | None, place_id: str) -> str | None:
    """The checksum of the place's outline on the release; None where it is not on it."""
    return next((one.outline_sha256 for one in _places(release) if one.place == place_id), None)


def _shown_near(release: Release | None, report: Report) -> set[str]:
    """The outlines of the release, by checksum, that lie as near to the reported place as reports of one place do."""
    if release is None or release.run_id is None:
        return set()
    away = SAME_PLACE_METRES / METRES_A_DEGREE
    narrow = max(math.cos(math.radians(report.latitude)), 0.01)
    point = shapely.Point(report.longitude, report.latitude)
    around = point.buffer(away / narrow)
    near = {one.place: one for one in _places(release) if shapely.box(*one.tile).intersects(around)}
    if not near:
        return set()
    tiles = Q()
    for place in near:
        tiles |= Q(segmented_tile__tile__sha256__startswith=place)
    drawn = Detection.objects.filter(tiles, run=release.run_id, outline__isnull=False)
    return {
        near[found.segmented_tile.tile.place_id].outline_sha256
        for found in drawn.select_related("segmented_tile__tile")
        # Degrees of longitude are shorter than those of latitude.
        if scale(shape(found.outline), narrow, 1.0, origin=point).distance(point) <= away
    }
