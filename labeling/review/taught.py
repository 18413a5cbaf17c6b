"""What experts' verdicts teach: which labels the reviews of a tile have to have written, and making it so.

A rejection teaches only what its expert saw as wrong: nothing about superpixels that an expert or the crowd calls mining
or mixed, and nothing at all where the outline is wrong or the reason is something else (ADR 26). An approval as corrected
teaches its whole outline: what lies in it is mining, what the machine had and the expert took away is not. An
approval of the machine's outline teaches nothing. Labels stand while their verdict does.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from amberapp.models import User
from detection.description.fragments import fragment_counts
from detection.models import SegmentedTile
from labeling.desk.labels import LabelInput, expert_labels, narrow_decisions
from labeling.models import CALLED_MINING, Consensus, Label, LabelVerdict, Origin, Review, ReviewVerdict
from labeling.review.verdicts import (
    by_ground,
    corrected_superpixels,
    rejected_superpixels,
    still_standing,
    weigh,
)


def settle_labels(tile: SegmentedTile, earlier: Sequence[Review], row: Review, acting_user: User) -> int:
    """Make the experts' labels of the tile what they have to be after `row`, which is not saved yet.

    What the row itself says is written in its name, and so is what stands again because of it. Returns how many
    submissions lost labels.
    """
    everything = [*earlier, row]
    rejected, corrected = rejected_superpixels(everything), corrected_superpixels(everything)
    written = _standing_labels(earlier)
    left: dict[UUID, set[int]] = {}
    covered: set[int] = set()
    stands = _deciding(everything)
    for review in earlier:
        labels = written.get(review.submission_id, {}) if review.submission_id is not None else {}
        if review.correction is not None and review.verdict == ReviewVerdict.APPROVED:
            remaining = {superpixel for superpixel in labels if corrected.get(superpixel) is review}
        elif review.verdict == ReviewVerdict.REJECTED:
            remaining = rejected.keys() & labels.keys() if id(review) in stands else set()
        else:
            # Written again by whoever brought them back: by now another verdict may be the one that counts.
            remaining = {
                superpixel
                for superpixel, look_alike in labels.items()
                if superpixel in corrected
                or (superpixel in rejected and rejected[superpixel].look_alike == look_alike)
            }
        covered |= remaining
        if review.submission_id is not None and remaining != labels.keys():
            left[review.submission_id] = remaining
    taken_back = narrow_decisions(segmented_tile=tile, left=left) if left else 0
    rejected_before, corrected_before = rejected_superpixels(earlier), corrected_superpixels(earlier)
    again = {
        superpixel: review
        for superpixel, review in corrected.items()
        if review is row or (superpixel not in covered and review is not corrected_before.get(superpixel))
    }
    against = {
        superpixel: review.look_alike
        for superpixel, review in rejected.items()
        if superpixel not in corrected
        and (review is row or (superpixel not in covered and review is not rejected_before.get(superpixel)))
    }
    if against:
        # Asked after what does not stand any more has been taken back.
        called = Consensus.objects.filter(
            segmented_tile=tile, piece=0, superpixel__in=against, verdict__in=CALLED_MINING
        )
        for superpixel in called.values_list("superpixel", flat=True):
            del against[superpixel]
    labels_now = _labels(tile, again, against)
    if labels_now:
        row.submission = expert_labels(
            segmented_tile=tile,
            labels=labels_now,
            acting_user=acting_user,
            origin=Origin.REPORT if row.report_id is not None and row.look_alike else Origin.REVIEW,
        )
    return taken_back


def _labels(tile: SegmentedTile, corrected: dict[int, Review], rejected: dict[int, str]) -> list[LabelInput]:
    labels: list[LabelInput] = [
        {"superpixel": superpixel, "verdict": LabelVerdict.NOT_MINING, "look_alike": look_alike}
        for superpixel, look_alike in sorted(rejected.items())
    ]
    counts: list[int] = []
    for superpixel, review in sorted(corrected.items()):
        assert review.correction is not None
        chosen = {fragment for number, fragment in review.correction["fragments"] if number == superpixel}
        if not chosen:
            is_mining = superpixel in review.correction["superpixels"]
            labels.append({"superpixel": superpixel, "verdict": _verdict(is_mining)})
            continue
        counts = counts or fragment_counts(tile)
        labels.append({"superpixel": superpixel, "verdict": LabelVerdict.MIXED})
        labels += [
            {"superpixel": superpixel, "piece": fragment, "verdict": _verdict(fragment in chosen)}
            for fragment in range(1, counts[superpixel - 1] + 1)
        ]
    return labels


def _verdict(is_mining: bool) -> str:
    return LabelVerdict.MINING if is_mining else LabelVerdict.NOT_MINING


def _deciding(reviews: Iterable[Review]) -> set[int]:
    """Of ground that is rejected, not disputed, the rejections that stand, by `id`: the reason of what decides nothing must
    not hide that of what does."""
    return {
        id(one)
        for ground in by_ground(reviews).values()
        if weigh(ground).verdict == ReviewVerdict.REJECTED
        for one in still_standing(ground)
    }


def _standing_labels(reviews: Iterable[Review]) -> dict[UUID, dict[int, str]]:
    """Submission → superpixel → look-alike, of what the reviews have written and nothing has taken back."""
    submissions = [review.submission_id for review in reviews if review.submission_id is not None]
    written: dict[UUID, dict[int, str]] = defaultdict(dict)
    if submissions:
        labels = Label.objects.filter(submission__in=submissions, submission__withdrawn_at=None, piece=0)
        for submission, superpixel, look_alike in labels.values_list(
            "submission", "superpixel", "look_alike"
        ):
            written[submission][superpixel] = look_alike
    return written
