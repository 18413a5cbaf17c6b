"""Experts' verdicts on detections: append-only, the latest on the very same pieces of ground counts.

A rejection also says something about the ground: the detection's superpixels get negative labels from the expert,
so that the next dataset knows better. Approving writes no labels: the outline is the machine's, and an expert who
nods at it has not judged every piece of it. Approving ground that was rejected before takes those negative labels
back.
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import Role, User
from detection.models import Detection, Run, SegmentedTile
from labeling.actions.labels import expert_labels, withdraw_decisions
from labeling.actions.report import plain_text
from labeling.actions.verdicts import Verdict, current_verdicts, ground_of
from labeling.models import LookAlike, Origin, Report, Review, ReviewVerdict
from labeling.models import Verdict as LabelVerdict

NOTE_LENGTH = 2000

UNDECIDED, APPROVED, REJECTED, CARRIED, ALL = "undecided", "approved", "rejected", "carried", "all"
STATES = (UNDECIDED, APPROVED, REJECTED, CARRIED, ALL)


@dataclass(frozen=True)
class QueueItem:
    """One detection of a run and the verdict that counts for it (None: nobody has judged it)."""

    detection_id: int
    score: float
    verdict: Verdict | None

    def is_in(self, state: str) -> bool:
        if state == ALL:
            return True
        if state == UNDECIDED:
            return self.verdict is None
        if state == CARRIED:
            return self.verdict is not None and self.verdict.carried
        return self.verdict is not None and self.verdict.verdict == state


def review_queue(run: Run) -> list[QueueItem]:
    """All detections of the run, undecided first, then by score, highest first. Three queries, whatever the size."""
    verdicts = current_verdicts(run)
    rows = Detection.objects.filter(run=run).order_by("-score", "id").values_list("id", "score")
    items = [QueueItem(pk, score, verdicts.get(pk)) for pk, score in rows]
    return sorted(items, key=lambda item: item.verdict is not None)


def counts_of(items: list[QueueItem]) -> dict[str, int]:
    """How many detections are in each of the states; one may be in several."""
    return {state: sum(item.is_in(state) for item in items) for state in STATES}


def review_detection(
    *,
    detection: Detection,
    verdict: str,
    look_alike: str = "",
    note: str = "",
    acting_user: User,
    report: Report | None = None,
    seen_review_id: int | None = None,
) -> Review:
    """Append a verdict. A rejection needs a reason and writes negative labels for the detection's pieces.

    `seen_review_id` is the review of this ground that the expert had before them (None: there was none). Raises
    Conflict, saying who decided what, when another expert has decided since; an accepted `report` is guarded by its
    own state instead. The same verdict again from the same expert, as a double click sends it, writes nothing.
    Raises UserError for an unknown verdict or a missing reason, NotAllowed for anybody but an expert.
    """
    if not acting_user.has_role(Role.EXPERT):
        raise NotAllowed(_("Only experts review detections."))
    note = _checked(verdict, look_alike, note)
    with transaction.atomic():
        # The tile's row is held until the end, so that two experts' verdicts follow one another.
        tile = SegmentedTile.objects.select_for_update(of=("self",), no_key=True).get(
            pk=detection.segmented_tile_id
        )
        earlier = reviews_of_ground(detection)
        latest = earlier[0] if earlier else None
        if latest is not None and latest.pk != seen_review_id and report is None:
            if latest.expert_id != acting_user.pk:
                raise Conflict(_decided_meanwhile(latest))
            if (latest.detection_id, latest.verdict, latest.look_alike, latest.note) == (
                detection.pk,
                verdict,
                look_alike,
                note,
            ):
                return latest
        submission = None
        taken_back = 0
        if verdict == ReviewVerdict.REJECTED:
            submission = expert_labels(
                segmented_tile=tile,
                labels=[
                    {"superpixel": piece, "verdict": LabelVerdict.NOT_MINING, "look_alike": look_alike}
                    for piece in sorted(detection.superpixels)
                ],
                acting_user=acting_user,
                origin=Origin.REVIEW if report is None else Origin.REPORT,
            )
        else:
            taken_back = withdraw_decisions(
                segmented_tile=tile,
                submissions=[one.submission_id for one in earlier if one.submission_id is not None],
            )
        review = Review.objects.create(
            detection=detection,
            segmented_tile=tile,
            superpixels=sorted(detection.superpixels),
            expert=acting_user,
            verdict=verdict,
            look_alike=look_alike,
            note=note,
            report=report,
            submission=submission,
        )
        details: dict[str, Any] = {"review": review.pk, "run": detection.run_id}
        if look_alike:
            details["look_alike"] = look_alike
        if taken_back:
            details["labels_taken_back"] = taken_back
        if report is not None:
            details["report"] = report.pk
        record(acting_user, f"detection.{verdict}", detection, **details)
    return review


def reviews_of_ground(detection: Detection) -> list[Review]:
    """All reviews of exactly this detection's pieces of ground, latest first, each with its expert."""
    ground = ground_of(detection.segmented_tile_id, detection.superpixels)
    reviews = (
        Review.objects.filter(segmented_tile=detection.segmented_tile_id)
        .select_related("expert")
        .order_by("-id")
    )
    return [review for review in reviews if ground_of(review.segmented_tile_id, review.superpixels) == ground]


def _checked(verdict: str, look_alike: str, note: str) -> str:
    """The note, cleaned. Raises UserError when verdict and reason do not fit."""
    if verdict not in ReviewVerdict.values:
        sentence = _("Choose: approve or reject.")
        raise UserError(sentence, fields={"verdict": [sentence]})
    if look_alike and look_alike not in LookAlike.objects.slugs():
        sentence = _("“%(name)s” is not a look-alike: use %(choices)s.") % {
            "name": look_alike[:40],
            "choices": ", ".join(LookAlike.objects.slugs()),
        }
        raise UserError(sentence, fields={"look_alike": [sentence]})
    if verdict == ReviewVerdict.REJECTED and not look_alike:
        sentence = _("Say what it is instead: a rejection needs a reason.")
        raise UserError(sentence, fields={"look_alike": [sentence]})
    if verdict == ReviewVerdict.APPROVED and look_alike:
        sentence = _("A look-alike goes with a rejection only.")
        raise UserError(sentence, fields={"look_alike": [sentence]})
    note = plain_text(note)
    if len(note) > NOTE_LENGTH:
        sentence = _("At most %(count)s characters.") % {"count": NOTE_LENGTH}
        raise UserError(sentence, fields={"note": [sentence]})
    return note


def _decided_meanwhile(latest: Review) -> str:
    values = {"who": latest.expert.username, "reason": latest.look_alike_name}
    if latest.verdict == ReviewVerdict.APPROVED:
        sentence = _("%(who)s has decided meanwhile: approved.") % values
    else:
        sentence = _("%(who)s has decided meanwhile: rejected (%(reason)s).") % values
    return sentence + " " + _("Nothing was changed: look at it again before you decide.")
