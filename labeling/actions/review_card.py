"""Everything an expert needs before them to judge one detection. Reads only."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Sum

from amberapp.models import WorkState
from detection.models import Detection, Region, Run, Tile
from labeling.actions.verdicts import ground_of
from labeling.models import Consensus, Report, Review, TileProgress
from labeling.models import Verdict as LabelVerdict


@dataclass(frozen=True)
class Crowd:
    """What volunteers say of a detection's pieces: how many pieces in each verdict, and of how many people."""

    people: int
    pieces: int
    mining: int
    not_mining: int
    unsure: int


@dataclass(frozen=True)
class PastReview:
    """A review of the tile; `same_ground` tells whether it was of exactly these pieces."""

    review: Review
    same_ground: bool


@dataclass(frozen=True)
class Card:
    """`current` is the review that counts (None: undecided), `carried` whether it was made of another detection."""

    detection: Detection
    tile: Tile
    current: Review | None
    carried: bool
    crowd: Crowd
    past: list[PastReview]
    reports: list[Report]
    path: str


def card_of(detection: Detection) -> Card:
    """Four queries on a detection that came `with_ground`."""
    here = ground_of(detection.segmented_tile_id, detection.superpixels)
    reviews = (
        Review.objects.filter(segmented_tile=detection.segmented_tile_id)
        .select_related("expert", "report", "detection")
        .order_by("-id")
    )
    past = [
        PastReview(review, ground_of(review.segmented_tile_id, review.superpixels) == here)
        for review in reviews
    ]
    current = next((item.review for item in past if item.same_ground), None)
    return Card(
        detection=detection,
        tile=detection.segmented_tile.tile,
        current=current,
        carried=current is not None and current.detection_id != detection.pk,
        crowd=_crowd(detection),
        past=past,
        reports=list(
            Report.objects.filter(detection__segmented_tile=detection.segmented_tile_id).order_by("-id")[:10]
        ),
        path=svg_path(detection.pixel_outline),
    )


def _crowd(detection: Detection) -> Crowd:
    counts = Consensus.objects.filter(
        segmented_tile=detection.segmented_tile_id, superpixel__in=detection.superpixels, piece=0
    ).aggregate(
        mining=Count("pk", filter=Q(verdict=LabelVerdict.MINING)),
        not_mining=Count("pk", filter=Q(verdict=LabelVerdict.NOT_MINING)),
        unsure=Count("pk", filter=Q(verdict=LabelVerdict.UNSURE)),
    )
    people = TileProgress.objects.filter(segmented_tile=detection.segmented_tile_id).aggregate(
        people=Sum("votes", default=0)
    )
    return Crowd(pieces=len(detection.superpixels), **people, **counts)


def svg_path(outline: dict[str, Any]) -> str:
    """The `d` of an SVG path for a GeoJSON MultiPolygon; holes come out with fill-rule evenodd."""
    return "".join(
        "M" + "L".join(f"{x:g} {y:g}" for x, y in (point[:2] for point in ring[:-1])) + "Z"
        for polygon in outline["coordinates"]
        for ring in polygon
        if len(ring) > 3
    )


def run_to_review(region: Region) -> Run | None:
    """The region's latest finished run; what an earlier one found is history."""
    return region.runs.filter(state=WorkState.DONE).select_related("region").order_by("-id").first()


def regions_to_review() -> list[Region]:
    """Regions with a finished run, that of the newest run first."""
    runs = Run.objects.filter(state=WorkState.DONE).order_by("-id").values_list("region_id", flat=True)
    order = {region_id: place for place, region_id in reversed(list(enumerate(runs)))}
    return sorted(Region.objects.filter(pk__in=order), key=lambda region: order[region.pk])
