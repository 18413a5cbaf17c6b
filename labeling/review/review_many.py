"""One decision about many detections. Each is decided by itself, so that a colleague's verdict holds up only its own."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import Role, User
from detection.models import Detection
from labeling.models import Review
from labeling.review.contradictions import Contradicts, contradictions
from labeling.review.review_detection import checked_verdict, review_detection, standing_of, withdraw_review

MOST_AT_ONCE = 200


class ReviewOutcome(StrEnum):
    """What became of one detection of many."""

    DONE = "done"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True)
class Decided:
    """One detection's answer: `review` is the row written (DONE) or the one that says so already (UNCHANGED).

    state: what counts for the ground now, "" where nothing stands; seen: the latest row of it; message: why nothing
    was written, for CONFLICT and REFUSED.
    """

    detection_id: int
    outcome: ReviewOutcome
    review: Review | None
    state: str
    seen: int | None
    message: str = ""


def review_many(
    *,
    seen: Mapping[int, int | None],
    verdict: str,
    look_alike: str = "",
    note: str = "",
    confirmed: Collection[int] = (),
    acting_user: User,
) -> list[Decided]:
    """Give every detection of `seen` (its number → the latest review of its ground that was seen) one verdict.

    Of several, those that contradict an expert, the crowd or the published map have to be `confirmed`: Contradicts names
    the others, and nothing is written. The same request again changes nothing. Raises UserError for more than MOST_AT_ONCE, for none, for a detection that
    is not there and for what `review_detection` refuses of any detection (before anything is written); NotAllowed.
    """
    if not acting_user.has_role(Role.EXPERT):
        raise NotAllowed(_("Only experts review detections."))
    _check_number(seen)
    note = checked_verdict(verdict, look_alike, note)
    detections = Detection.objects.select_related("run", "segmented_tile").in_bulk(list(seen))
    missing = next((number for number in seen if number not in detections), None)
    if missing is not None:
        raise UserError(_("There is no detection %(number)s.") % {"number": missing})
    if len(seen) > 1:
        against = contradictions([detections[number] for number in seen], verdict, acting_user, seen)
        unseen = {number: told for number, told in against.items() if number not in set(confirmed)}
        if unseen:
            raise Contradicts(unseen, len(seen))
    answers = []
    for number, seen_review_id in seen.items():
        detection = detections[number]
        before = standing_of(detection)
        current = before.review
        if (
            current is not None
            and not note
            and before.verdict == verdict
            and (current.detection_id, current.expert_id, current.look_alike)
            == (number, acting_user.pk, look_alike)
        ):
            assert before.latest is not None  # what stands is a row
            answers.append(
                Decided(number, ReviewOutcome.UNCHANGED, current, before.verdict, before.latest.pk)
            )
            continue
        try:
            review = review_detection(
                detection=detection,
                verdict=verdict,
                look_alike=look_alike,
                note=note,
                acting_user=acting_user,
                seen_review_id=seen_review_id,
            )
        except UserError as error:
            answers.append(_not_done(detection, error))
        else:
            answers.append(_answer(detection, ReviewOutcome.DONE, review))
    return answers


def withdraw_many(*, reviews: Sequence[int], acting_user: User) -> list[Decided]:
    """Take back the reviews of these numbers, each by a further row, where nobody has decided since.

    Raises UserError for more than MOST_AT_ONCE or a number that is none of this person's reviews.
    """
    _check_number(reviews)
    rows = Review.objects.select_related("detection").filter(expert=acting_user).in_bulk(list(reviews))
    missing = next((number for number in reviews if number not in rows), None)
    if missing is not None:
        raise UserError(_("Only one's own verdict can be taken back."))
    answers = []
    for number in reviews:
        detection = rows[number].detection
        try:
            row = withdraw_review(review=rows[number], acting_user=acting_user)
        except UserError as error:
            answers.append(_not_done(detection, error))
        else:
            answers.append(_answer(detection, ReviewOutcome.DONE if row else ReviewOutcome.UNCHANGED, row))
    return answers


def written(answers: Iterable[Decided]) -> list[int]:
    """The numbers of the reviews that a bulk decision wrote: what taking it back takes."""
    return [one.review.pk for one in answers if one.outcome == ReviewOutcome.DONE and one.review is not None]


def _answer(
    detection: Detection, outcome: ReviewOutcome, review: Review | None, message: str = ""
) -> Decided:
    now = standing_of(detection)
    return Decided(detection.pk, outcome, review, now.verdict, now.latest.pk if now.latest else None, message)


def _not_done(detection: Detection, error: UserError) -> Decided:
    outcome = ReviewOutcome.CONFLICT if isinstance(error, Conflict) else ReviewOutcome.REFUSED
    return _answer(detection, outcome, None, str(error.message))


def _check_number(asked: Sequence[int] | Mapping[int, int | None]) -> None:
    if not asked:
        raise UserError(_("Choose at least one detection."))
    if len(asked) > MOST_AT_ONCE:
        raise UserError(_("Decide about at most %(count)s detections at once.") % {"count": MOST_AT_ONCE})
