"""Experts' verdicts on detections: append-only; what counts follows from all rows of the ground (see verdicts.py).

A rejection, and an approval of an outline that the expert has corrected, also say something about the ground: their
superpixels get labels from the expert, so that the next dataset knows better (labeling.review.taught). Approving the
machine's outline writes none: an expert who nods at it has not judged every piece of it. The labels stand while the
verdict does: an approval, a dispute or a question takes a rejection's back. Ground found by another run may share
superpixels with it: on these a later approval takes them back as well, for as long as it stands.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import Role, User
from amberapp.text import plain_text
from detection.description.outline import Fragment
from detection.models import Detection, SegmentedTile
from labeling.models import WITHDRAWN, LookAlike, OtherReason, Report, Review, ReviewVerdict
from labeling.review.corrections import as_shown, corrected
from labeling.review.taught import settle_labels
from labeling.review.verdicts import DISPUTED, ReviewStanding, by_ground, ground_of, still_standing, weigh

NOTE_LENGTH = 2000


def review_detection(
    *,
    detection: Detection,
    verdict: str,
    look_alike: str = "",
    note: str = "",
    acting_user: User,
    report: Report | None = None,
    seen_review_id: int | None = None,
    superpixels: Collection[int] | None = None,
    fragments: Collection[Fragment] = (),
) -> Review:
    """Append a verdict, or with SECOND the question to a colleague. A rejection needs a reason.

    An approval may say another outline than the machine's: whole `superpixels` (None: what is shown, a colleague's
    correction included) and `fragments` of mixed ones. It is published so.

    `seen_review_id` is the latest review of this ground that the expert had before them (None: there was none). Raises
    Conflict, saying who decided what, when another expert has decided since; an accepted `report` is guarded by its
    own state instead, and settles: it is new evidence. An expert who took no part in a dispute settles it with either
    verdict; one of its sides may only agree with the other (UserError). The same verdict again from the same expert,
    as a double click sends it, writes nothing. Raises UserError for an unknown verdict, a missing reason or one's own
    question, NotAllowed for anybody but an expert.
    """
    _check_expert(acting_user)
    note = checked_verdict(verdict, look_alike, note)
    correction = None
    if superpixels is not None or fragments:
        if superpixels is None:
            sentence = _(
                "Fragments come with the whole superpixels of the outline: name them, or an empty list."
            )
            raise UserError(sentence, fields={"superpixels": [sentence]})
        if verdict != ReviewVerdict.APPROVED:
            sentence = _("An outline is corrected by approving it.")
            raise UserError(sentence, fields={"superpixels": [sentence]})
        correction = corrected(detection, superpixels, fragments)
    with transaction.atomic():
        tile = _held(detection)
        of_tile = _reviews_of_tile(detection)
        earlier = _of_ground(detection, of_tile)
        before = weigh(earlier)
        if superpixels is None and verdict == ReviewVerdict.APPROVED:
            correction = as_shown(detection, before)
        latest = before.latest
        if latest is not None and latest.pk != seen_review_id and report is None:
            if latest.expert_id != acting_user.pk:
                raise Conflict(decided_meanwhile(latest))
            said = (latest.detection_id, latest.verdict, latest.look_alike, latest.note, latest.correction)
            if said == (detection.pk, verdict, look_alike, note, correction and correction.correction):
                return latest
        review = Review(
            detection=detection,
            segmented_tile=tile,
            superpixels=sorted(detection.superpixels),
            expert=acting_user,
            verdict=verdict,
            look_alike=look_alike,
            note=note,
            settles=report is not None or _settles(before, verdict, acting_user),
            report=report,
            **(vars(correction) if correction is not None else {}),
        )
        after = weigh([*earlier, review])
        taken_back = settle_labels(tile, of_tile, review, acting_user)
        review.save()
        details: dict[str, Any] = {"review": review.pk, "run": detection.run_id}
        if look_alike:
            details["look_alike"] = look_alike
        if correction is not None:
            details |= _changes(detection, correction.correction)
        if taken_back:
            details["labels_taken_back"] = taken_back
        if report is not None:
            details["report"] = report.pk
        if after.verdict == DISPUTED:
            details["disputed"] = True
        elif review.settles:
            details["settles"] = True
        record(acting_user, f"detection.{verdict}", detection, **details)
    return review


def withdraw_review(*, review: Review, acting_user: User) -> Review | None:
    """Take back one's own latest review of a ground by a further row; what stood before it stands again.

    None when it has been taken back already. Raises Conflict when anybody has reviewed the ground since, UserError for
    the decision about a report (see reopen_report), NotAllowed for another's review.
    """
    _check_expert(acting_user)
    if review.expert_id != acting_user.pk:
        raise NotAllowed(_("Only one's own verdict can be taken back."))
    if review.report_id is not None:
        raise UserError(
            _("This was decided about a citizen's report: take the decision back on the report's page.")
        )
    with transaction.atomic():
        return _taken_back(review, acting_user)


def withdraw_report_review(*, reports: Collection[int], acting_user: User) -> Review | None:
    """Take back the rejection that accepting one of `reports` made, whoever accepted it. None where none stands.

    Call it inside the transaction that opens the reports again. Raises Conflict when anybody has reviewed the ground
    since, NotAllowed for anybody but an expert.
    """
    _check_expert(acting_user)
    made = (
        Review.objects.filter(report__in=reports)
        .exclude(verdict=WITHDRAWN)
        .select_related("detection", "report")
    )
    latest = made.order_by("-id").first()
    return _taken_back(latest, acting_user, latest.report) if latest is not None else None


def _taken_back(review: Review, acting_user: User, report: Report | None = None) -> Review | None:
    """The further row by which the latest review of its ground does not stand any more; what stood before stands again.

    With `report` it takes back the verdict that belongs to that report, else the acting expert's own. None when it has
    been taken back already; raises Conflict when it is not the latest.
    """
    detection = review.detection
    tile = _held(detection)
    of_tile = _reviews_of_tile(detection)
    standing = still_standing(_of_ground(detection, of_tile))
    if review.pk not in {one.pk for one in standing}:
        return None
    if standing[-1].pk != review.pk:
        raise Conflict(decided_meanwhile(standing[-1]))
    row = Review(
        detection=detection,
        segmented_tile=tile,
        superpixels=sorted(detection.superpixels),
        expert=acting_user,
        verdict=WITHDRAWN,
        report=report,
    )
    settle_labels(tile, of_tile, row, acting_user)
    row.save()
    record(acting_user, "detection.withdrawn", detection, review=row.pk, of=review.pk, run=detection.run_id)
    return row


def standing_of(detection: Detection) -> ReviewStanding:
    """What all reviews of the detection's ground say. One query."""
    return weigh(_of_ground(detection, _reviews_of_tile(detection)))


def decided_meanwhile(latest: Review) -> str:
    """A sentence for who wanted to decide and was too late. The review's expert is loaded or looked up."""
    values = {"who": latest.expert.username, "reason": latest.look_alike_name}
    if latest.verdict == ReviewVerdict.APPROVED:
        sentence = _("%(who)s has decided meanwhile: approved.") % values
    elif latest.verdict == ReviewVerdict.REJECTED:
        sentence = _("%(who)s has decided meanwhile: rejected (%(reason)s).") % values
    elif latest.verdict == ReviewVerdict.SECOND:
        sentence = _("%(who)s has asked for a second opinion meanwhile.") % values
    else:
        sentence = _("%(who)s has taken a verdict back meanwhile.") % values
    return sentence + " " + _("Nothing was changed: look at it again before you decide.")


def _held(detection: Detection) -> SegmentedTile:
    """The tile's row, held until the transaction ends, so that two experts' verdicts follow one another."""
    return SegmentedTile.objects.select_for_update(of=("self",), no_key=True).get(
        pk=detection.segmented_tile_id
    )


def _reviews_of_tile(detection: Detection) -> list[Review]:
    """All reviews of any ground of the detection's tile, oldest first, each with its expert."""
    reviews = Review.objects.filter(segmented_tile=detection.segmented_tile_id).select_related("expert")
    return list(reviews.order_by("id"))


def _of_ground(detection: Detection, reviews: Iterable[Review]) -> list[Review]:
    """Those of exactly this detection's pieces of ground."""
    return by_ground(reviews).get(ground_of(detection.segmented_tile_id, detection.superpixels), [])


def _changes(detection: Detection, correction: dict[str, Any]) -> dict[str, Any]:
    """For the audit: which superpixels came and went, and which are in the outline in part."""
    machine, expert = set(detection.superpixels), set(correction["superpixels"])
    return {
        "added": sorted(expert - machine),
        "removed": sorted(machine - expert),
        "fragments": correction["fragments"],
    }


def _settles(before: ReviewStanding, verdict: str, expert: User) -> bool:
    """Whether the verdict ends a disagreement of others. Raises UserError where this expert may not say it."""
    if before.verdict == ReviewVerdict.SECOND:
        assert before.review is not None
        if before.review.expert_id == expert.pk:
            raise UserError(
                _(
                    "You have asked for a second opinion here: a colleague answers, or you take your question back."
                )
            )
        if verdict == ReviewVerdict.SECOND:
            raise UserError(_("A colleague already asks for a second opinion here: answer it, or leave it."))
        # With a verdict of somebody else on the table the answer decides between them.
        return bool(before.sides) and not before.is_side(expert.pk)
    if before.verdict != DISPUTED:
        return False
    if verdict == ReviewVerdict.SECOND:
        raise UserError(_("Two experts disagree here: it already waits for another one."))
    if not before.is_side(expert.pk):
        return True
    if any(side.expert_id == expert.pk and side.verdict == verdict for side in before.sides):
        raise UserError(
            _(
                "You are one side of this dispute: another expert settles it, or you agree with the other side."
            )
        )
    return False


def _check_expert(acting_user: User) -> None:
    if not acting_user.has_role(Role.EXPERT):
        raise NotAllowed(_("Only experts review detections."))


def checked_verdict(verdict: str, look_alike: str, note: str) -> str:
    """The note, cleaned. Raises UserError when verdict and reason do not fit."""
    if verdict not in ReviewVerdict.values:
        sentence = _("Choose: approve or reject.")
        raise UserError(sentence, fields={"verdict": [sentence]})
    if look_alike and look_alike not in (known := [*LookAlike.objects.slugs(), *OtherReason.values]):
        sentence = _("“%(name)s” is not a look-alike: use %(choices)s.") % {
            "name": look_alike[:40],
            "choices": ", ".join(known),
        }
        raise UserError(sentence, fields={"look_alike": [sentence]})
    if verdict == ReviewVerdict.REJECTED and not look_alike:
        sentence = _("Say what it is instead: a rejection needs a reason.")
        raise UserError(sentence, fields={"look_alike": [sentence]})
    if verdict != ReviewVerdict.REJECTED and look_alike:
        sentence = _("A look-alike goes with a rejection only.")
        raise UserError(sentence, fields={"look_alike": [sentence]})
    note = plain_text(note)
    if len(note) > NOTE_LENGTH:
        sentence = _("At most %(count)s characters.") % {"count": NOTE_LENGTH}
        raise UserError(sentence, fields={"note": [sentence]})
    return note
