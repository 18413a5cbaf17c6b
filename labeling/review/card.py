"""Everything an expert needs before them to judge one detection. Reads only."""

from dataclasses import dataclass

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from amberapp.models import User, WorkState
from detection.models import Detection, Region, Run, Tile
from detection.segmentation.svg import rings_of, svg_path
from labeling.desk.surroundings import Surroundings, surroundings_of
from labeling.models import (
    WITHDRAWN,
    Consensus,
    LabelVerdict,
    Report,
    ReportState,
    Review,
    ReviewVerdict,
    TileProgress,
)
from labeling.review.corrections import OutlineShown, shown
from labeling.review.verdicts import DISPUTED, ReviewStanding, by_ground, ground_of, still_standing, weigh
from labeling.review.waiting import Since, marked_by, run_before, since_of

# So many of the tile's detections in other runs are listed, the latest first.
OTHER_RUNS = 6


@dataclass(frozen=True)
class Crowd:
    """What volunteers say of a detection's superpixels: how many superpixels in each verdict, and of how many people."""

    people: int
    superpixels: int
    mining: int
    not_mining: int
    unsure: int


@dataclass(frozen=True)
class PastReview:
    """A review of the tile; `overlap` is the share of superpixels that it has in common with the detection, 0 to 1.

    The share is of the superpixels of both together: 1 means the very same ground, whose verdict carries over. `stands`
    is False for a verdict that its maker has taken back.
    """

    review: Review
    overlap: float
    stands: bool

    @property
    def same_ground(self) -> bool:
        return self.overlap == 1

    @property
    def percent(self) -> int:
        return round(100 * self.overlap)


@dataclass(frozen=True)
class PastDetection:
    """What another run marked on the same tile."""

    detection: Detection
    overlap: float

    @property
    def percent(self) -> int:
        return round(100 * self.overlap)


@dataclass(frozen=True)
class Card:
    """`standing` is what all reviews of the ground say, `carried` whether the latest was made of another detection.

    blocked: why this reader may not decide as they like (empty: they may); own: their review that they may take back;
    path: of the outline that counts; machine: where an expert has corrected it, of the machine's;
    waits: whether the detection is on this reader's list; since: how it compares with what the run `before` marked.
    """

    detection: Detection
    tile: Tile
    standing: ReviewStanding
    carried: bool
    crowd: Crowd
    past: list[PastReview]
    runs: list[PastDetection]
    reports: list[Report]
    surroundings: Surroundings
    path: str
    machine: str
    outline: OutlineShown
    blocked: str
    own: Review | None
    waits: bool
    before: Run | None
    since: Since

    @property
    def open_reports(self) -> list[Report]:
        return [report for report in self.reports if report.state == ReportState.OPEN]

    @property
    def current(self) -> Review | None:
        return self.standing.review


def card_of(detection: Detection, reader: User) -> Card:
    """Ten queries on a detection that came `with_ground`."""
    reviews = list(
        Review.objects.filter(segmented_tile=detection.segmented_tile_id)
        .select_related("expert", "report", "detection__run")
        .order_by("id")
    )
    grounds = by_ground(reviews)
    stand = {review.pk for ground in grounds.values() for review in still_standing(ground)}
    standing = weigh(grounds.get(ground_of(detection.segmented_tile_id, detection.superpixels), []))
    current, outline = standing.review, shown(detection, standing)
    before = run_before(detection.run)
    return Card(
        detection=detection,
        tile=detection.segmented_tile.tile,
        standing=standing,
        carried=current is not None and current.detection_id != detection.pk,
        crowd=_crowd(detection),
        past=[
            PastReview(
                review,
                overlap(detection.superpixels, review.superpixels),
                review.verdict == WITHDRAWN or review.pk in stand,
            )
            for review in reversed(reviews)
        ],
        runs=_other_runs(detection),
        reports=list(
            Report.objects.filter(detection__segmented_tile=detection.segmented_tile_id)
            .exclude(state=ReportState.JUNK)
            .order_by("-id")[:10]
        ),
        surroundings=surroundings_of(detection.segmented_tile.tile),
        path=svg_path(rings_of(outline.pixel_outline)),
        machine=svg_path(rings_of(detection.pixel_outline)) if outline.corrected else "",
        outline=outline,
        blocked=_blocked(standing, reader),
        own=current if current and current.expert_id == reader.pk and not current.report_id else None,
        waits=standing.waits_for(reader.pk),
        before=before,
        since=since_of(
            marked_by(before, [detection.segmented_tile.tile_id]).get(detection.segmented_tile.tile_id),
            (detection.segmented_tile_id, detection.superpixels),
        ),
    )


def overlap(one: list[int], other: list[int]) -> float:
    """Pieces in common, as a share of the superpixels of both together."""
    together = set(one) | set(other)
    return len(set(one) & set(other)) / len(together) if together else 0.0


def _other_runs(detection: Detection) -> list[PastDetection]:
    others = (
        Detection.objects.filter(segmented_tile=detection.segmented_tile_id)
        .exclude(pk=detection.pk)
        .select_related("run")
        .order_by("-run")[:OTHER_RUNS]
    )
    return [PastDetection(other, overlap(detection.superpixels, other.superpixels)) for other in others]


def _blocked(standing: ReviewStanding, reader: User) -> str:
    if standing.verdict == ReviewVerdict.SECOND and not standing.waits_for(reader.pk):
        return _("You have asked for a second opinion: a colleague answers, or you take the question back.")
    if standing.verdict == DISPUTED and not standing.waits_for(reader.pk):
        return _(
            "You are one side of this dispute: another expert settles it, or you agree with the other side."
        )
    return ""


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
    return Crowd(superpixels=len(detection.superpixels), **people, **counts)


def run_to_review(region: Region) -> Run | None:
    """The region's latest finished run; what an earlier one found is history."""
    return region.runs.filter(state=WorkState.DONE).select_related("region").order_by("-id").first()


def regions_to_review() -> list[Region]:
    """Regions with a finished run, that of the newest run first."""
    runs = Run.objects.filter(state=WorkState.DONE).order_by("-id").values_list("region_id", flat=True)
    order = {region_id: place for place, region_id in reversed(list(enumerate(runs)))}
    return sorted(Region.objects.filter(pk__in=order), key=lambda region: order[region.pk])
