"""What the experts' reviews say about the detections of a run, verdicts on unchanged ground included."""

from dataclasses import dataclass

from detection.models import Detection, Run
from labeling.models import Review

Ground = tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Verdict:
    """The verdict that counts for one detection.

    `verdict` is a ReviewVerdict; `review` the row that says so (its expert is loaded); `carried` is True when
    that review was made of another detection on the very same superpixels, usually one of an earlier run.
    """

    verdict: str
    review: Review
    carried: bool


def ground_of(segmented_tile_id: int, superpixels: list[int]) -> Ground:
    """What makes two detections the same ground: the segmented tile and exactly the same pieces."""
    return (segmented_tile_id, tuple(sorted(superpixels)))


def current_verdicts(run: Run) -> dict[int, Verdict]:
    """Detection id → the verdict that counts, in two queries. Detections nobody has judged are left out.

    The latest review of the detection's ground counts. When that is a review of another detection on the very
    same pieces, it carries over: so a report accepted against an earlier release also takes the place off the
    next one, even where an expert had approved it meanwhile.
    """
    grounds: dict[Ground, int] = {
        ground_of(tile, pieces): pk
        for pk, tile, pieces in Detection.objects.filter(run=run)
        .order_by()
        .values_list("id", "segmented_tile_id", "superpixels")
    }
    if not grounds:
        return {}
    tiles = Detection.objects.filter(run=run).order_by().values("segmented_tile_id")
    verdicts: dict[int, Verdict] = {}
    # Ascending, so that what stays in the dict is the latest.
    for review in Review.objects.filter(segmented_tile__in=tiles).select_related("expert").order_by("id"):
        detection_id = grounds.get(ground_of(review.segmented_tile_id, review.superpixels))
        if detection_id is not None:
            verdicts[detection_id] = Verdict(review.verdict, review, review.detection_id != detection_id)
    return verdicts
