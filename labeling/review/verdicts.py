"""What the experts' reviews say about the detections of a run, verdicts on unchanged ground included.

Reviews are only ever added. What they jointly say of one ground is worked out from all of them each time (`weigh`), so
any earlier moment can be worked out as well (`verdicts_at`). The rules are those of ADR 0014:

- The latest verdict counts. A verdict that its maker has taken back does not stand; what stood before stands again.
  The rejection that an accepted report made is taken back with the decision about the report, by any expert.
- Where the latest standing verdicts of two experts contradict, the ground is disputed: nobody's verdict counts until
  an expert who took no part settles it, or one of the two agrees with the other.
- Who asks for a second opinion takes the ground out of both lists until a colleague answers.
- A verdict that settles, and the rejection that an accepted report makes, overrules everything before it.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from detection.models import Detection, Run
from labeling.models import TEACHES_NOTHING, WITHDRAWN, Review, ReviewVerdict

Ground = tuple[int, tuple[int, ...]]

# What `Verdict.verdict` can be beside the values of ReviewVerdict.
DISPUTED = "disputed"
# Decides nothing: off the map, and an expert has to look.
WAITING = (ReviewVerdict.SECOND, DISPUTED)


@dataclass(frozen=True)
class ReviewStanding:
    """What all reviews of one ground jointly say.

    verdict: a ReviewVerdict, DISPUTED, or "" where nothing stands.
    review: the latest review that stands (None where nothing does); in a dispute that of the latest side.
    latest: the latest row of any kind; who decides must have seen it (None: there is none).
    sides: the latest standing verdict of each expert since the last that settled, oldest first, questions left out.
    """

    verdict: str
    review: Review | None
    latest: Review | None
    sides: tuple[Review, ...]

    @property
    def correction(self) -> dict[str, Any] | None:
        """What counts instead of the machine's outline (see Review.correction)."""
        if self.review is None or self.verdict != ReviewVerdict.APPROVED:
            return None
        correction: dict[str, Any] | None = self.review.correction
        return correction

    @property
    def waits(self) -> bool:
        """Whether an expert has to look before anything counts."""
        return self.verdict == "" or self.verdict in WAITING

    def is_side(self, expert_id: int | None) -> bool:
        return any(review.expert_id == expert_id for review in self.sides)

    def waits_for(self, expert_id: int | None) -> bool:
        """Whether this expert may end the waiting: not their own question, and no dispute that they are a side of."""
        if self.verdict == ReviewVerdict.SECOND:
            return self.review is not None and self.review.expert_id != expert_id
        if self.verdict == DISPUTED:
            return not self.is_side(expert_id)
        return self.verdict == ""


@dataclass(frozen=True)
class EffectiveReview:
    """The verdict that counts for one detection.

    `verdict` is a ReviewVerdict or DISPUTED; SECOND and DISPUTED decide nothing (`waits`). `review` is the row that
    says so (its expert is loaded), in a dispute the latest side; `carried` is True when that review was made of another
    detection on the very same superpixels, usually one of an earlier run. `sides` as in Standing.
    """

    verdict: str
    review: Review
    carried: bool
    sides: tuple[Review, ...] = ()

    @property
    def waits(self) -> bool:
        return self.verdict in WAITING


def ground_of(segmented_tile_id: int, superpixels: list[int]) -> Ground:
    """What makes two detections the same ground: the segmented tile and exactly the same superpixels."""
    return (segmented_tile_id, tuple(sorted(superpixels)))


def weigh(reviews: Sequence[Review]) -> ReviewStanding:
    """What the reviews of ONE ground, in the order in which they were made, jointly say."""
    latest = reviews[-1] if reviews else None
    standing = still_standing(reviews)
    if not standing:
        return ReviewStanding("", None, latest, ())
    sides = _sides(standing)
    last = standing[-1]
    disputed = len({review.verdict for review in sides}) > 1
    verdict = DISPUTED if disputed and last.verdict != ReviewVerdict.SECOND else last.verdict
    return ReviewStanding(verdict, last, latest, sides)


def still_standing(reviews: Iterable[Review]) -> list[Review]:
    """Those of the reviews of one ground, oldest first, that have not been taken back."""
    standing: list[Review] = []
    for review in reviews:
        if review.verdict != WITHDRAWN:
            standing.append(review)
            continue
        for place in range(len(standing) - 1, -1, -1):
            if _takes_back(review, standing[place]):
                del standing[place]
                break
    return standing


def _takes_back(row: Review, review: Review) -> bool:
    """Whether the row of a verdict taken back is about this one: the report's, or else the same expert's."""
    if row.report_id is not None:
        return review.report_id == row.report_id
    return review.expert_id == row.expert_id


def _sides(standing: Sequence[Review]) -> tuple[Review, ...]:
    begin = max(
        (place for place, review in enumerate(standing) if review.settles or review.report_id is not None),
        default=0,
    )
    positions: dict[int, Review] = {}
    for review in standing[begin:]:
        positions.pop(review.expert_id, None)  # so that the dict's order is that of the latest ones
        positions[review.expert_id] = review
    return tuple(review for review in positions.values() if review.verdict != ReviewVerdict.SECOND)


def by_ground(reviews: Iterable[Review]) -> dict[Ground, list[Review]]:
    """The reviews of each ground, in the order in which they come, oldest first.

    A correction by whole superpixels, as long as it decides its own ground, is also one of the corrected ground: a later
    run that draws exactly that is judged already.
    """
    order: dict[int, int] = {}
    grounds: dict[Ground, list[Review]] = defaultdict(list)
    for place, review in enumerate(reviews):
        order[id(review)] = place
        grounds[ground_of(review.segmented_tile_id, review.superpixels)].append(review)
    for ground, standing in [(ground, weigh(rows)) for ground, rows in grounds.items()]:
        correction = standing.correction
        if correction is None or correction["fragments"] or standing.review is None:
            continue
        corrected = ground_of(ground[0], correction["superpixels"])
        if corrected != ground:
            grounds[corrected].append(standing.review)
            grounds[corrected].sort(key=lambda review: order[id(review)])
    return grounds


def rejected_superpixels(reviews: Sequence[Review]) -> dict[int, Review]:
    """Superpixel → the rejection that teaches about it, of all reviews of ONE segmented tile, oldest first.

    Grounds may share superpixels: of each the latest decision that stands counts. An approval takes the superpixels that
    it shares out of an older rejection of other ground, and gives them back when it does not stand any more.
    """
    rejections: dict[int, Review] = {}
    for review in _decided(reviews):
        for superpixel in review.superpixels:
            if review.verdict == ReviewVerdict.APPROVED:
                rejections.pop(superpixel, None)
            elif review.look_alike not in TEACHES_NOTHING:
                rejections[superpixel] = review
    return rejections


def corrected_superpixels(reviews: Sequence[Review]) -> dict[int, Review]:
    """Superpixel → the approval as corrected that speaks of it last, of all reviews of ONE segmented tile, oldest first."""
    corrections: dict[int, Review] = {}
    for review in _decided(reviews):
        if review.correction is not None:
            corrections |= dict.fromkeys(superpixels_of(review), review)
    return corrections


def superpixels_of(review: Review) -> list[int]:
    """All that a corrected approval speaks of: what the machine had outlined, and what the expert has."""
    assert review.correction is not None
    fragmented = (superpixel for superpixel, _fragment in review.correction["fragments"])
    return sorted({*review.superpixels, *review.correction["superpixels"], *fragmented})


def _decided(reviews: Sequence[Review]) -> list[Review]:
    """The reviews that decide every ground of theirs, in the order in which they were made."""
    overruled: set[int] = set()
    for rows in by_ground(reviews).values():
        standing = weigh(rows)
        deciding = None if standing.waits else standing.review
        overruled.update(id(review) for review in rows if review is not deciding)
    return [review for review in reviews if id(review) not in overruled]


def current_verdicts(run: Run) -> dict[int, EffectiveReview]:
    """Detection id → the verdict that counts, in two queries. Detections of which nothing stands are left out.

    The latest review of the detection's ground counts, by the rules above. When that is a review of another detection
    on the very same superpixels, it carries over: so a report accepted against an earlier release also takes the place off
    the next one, even where an expert had approved it meanwhile.
    """
    return _verdicts(_standings(run, None))


def verdicts_at(run: Run, moment: dt.datetime) -> dict[int, EffectiveReview]:
    """As `current_verdicts`, as it was at `moment` (timezone-aware), reviews of that very instant included."""
    return _verdicts(_standings(run, moment))


def standings(run: Run) -> dict[int, ReviewStanding]:
    """Detection id → what all reviews of its ground say, for those that have any, without corrected outlines. Two queries."""
    return _standings(run, None, "corrected_outline")


def _standings(run: Run, moment: dt.datetime | None, *left_out: str) -> dict[int, ReviewStanding]:
    detections = Detection.objects.filter(run=run).order_by()
    grounds = {
        ground_of(tile, superpixels): pk
        for pk, tile, superpixels in detections.values_list("id", "segmented_tile_id", "superpixels")
    }
    reviews = Review.objects.filter(segmented_tile__in=detections.values("segmented_tile_id"))
    return _weighed(grounds, reviews.defer(*left_out), moment) if grounds else {}


def standings_of(detections: Iterable[Detection]) -> dict[int, ReviewStanding]:
    """As `standings`, of a page of detections of one run, each review with the detection it was made of. One query."""
    grounds = {ground_of(one.segmented_tile_id, one.superpixels): one.pk for one in detections}
    outlines = ("detection__outline", "detection__pixel_outline", "detection__superpixels")
    reviews = (
        Review.objects.filter(segmented_tile__in=[tile for tile, _pieces in grounds])
        .select_related("detection")
        .defer(*outlines)
    )
    return _weighed(grounds, reviews, None) if grounds else {}


def approved_tiles(run_id: int, tiles: Collection[int], moment: dt.datetime) -> set[int]:
    """Of these tiles those on which the run's detection was approved at `moment`. Two queries."""
    rows = Detection.objects.filter(run=run_id, segmented_tile__tile__in=tiles).order_by()
    found = list(rows.values_list("id", "segmented_tile_id", "superpixels", "segmented_tile__tile_id"))
    grounds = {ground_of(segmented, superpixels): pk for pk, segmented, superpixels, _tile in found}
    reviews = Review.objects.filter(segmented_tile__tile__in=tiles).defer("corrected_outline")
    standing = _weighed(grounds, reviews, moment) if grounds else {}
    return {
        tile
        for pk, _segmented, _superpixels, tile in found
        if pk in standing and standing[pk].verdict == ReviewVerdict.APPROVED
    }


def _weighed(
    grounds: dict[Ground, int], reviews: QuerySet[Review], moment: dt.datetime | None
) -> dict[int, ReviewStanding]:
    if moment is not None:
        reviews = reviews.filter(created_at__lte=moment)
    reviewed = by_ground(reviews.select_related("expert").order_by("id"))
    return {grounds[ground]: weigh(rows) for ground, rows in reviewed.items() if ground in grounds}


def verdict_of(detection_id: int, one: ReviewStanding | None) -> EffectiveReview | None:
    """What counts for one detection; None where nothing stands."""
    if one is None or one.review is None:
        return None
    return EffectiveReview(one.verdict, one.review, one.review.detection_id != detection_id, one.sides)


def _verdicts(by_detection: dict[int, ReviewStanding]) -> dict[int, EffectiveReview]:
    verdicts = {pk: verdict_of(pk, one) for pk, one in by_detection.items()}
    return {pk: verdict for pk, verdict in verdicts.items() if verdict is not None}
