"""Whether a run can be published: how far its review is, and what is in the way. Reads only."""

from collections import Counter
from dataclasses import dataclass

from django.utils.translation import gettext as _

from amberapp.models import WorkState
from detection.models import Run
from labeling.models import ReviewVerdict
from labeling.review.verdicts import EffectiveReview, current_verdicts


@dataclass(frozen=True)
class Readiness:
    """How far the review of a run is, and in `problem` why it cannot be published now (empty when it can)."""

    detections: int
    approved: int
    rejected: int
    waiting: int
    problem: str


def readiness(run: Run, verdicts: dict[int, EffectiveReview] | None = None) -> Readiness:
    """Whether the run can be published.

    It can when it is done and at least one detection is approved, or when experts have judged every detection
    and approved none: an empty map is then a finding. Detections that still wait are left off the map.
    """
    if verdicts is None:
        verdicts = current_verdicts(run)
    detections = run.detections.count()
    said = Counter(verdict.verdict for verdict in verdicts.values())
    approved, rejected = said[ReviewVerdict.APPROVED], said[ReviewVerdict.REJECTED]
    waiting = detections - approved - rejected
    problem = ""
    if run.is_paused:
        problem = _("Run %(id)s is paused: resume it, then review what it found.") % {"id": run.pk}
    elif run.is_open:
        problem = _("Run %(id)s is not finished yet: wait for it, then review what it found.") % {
            "id": run.pk
        }
    elif run.state != WorkState.DONE:
        problem = _("Run %(id)s did not finish (%(state)s): start another one.") % {
            "id": run.pk,
            "state": run.get_state_display(),
        }
    elif waiting and not approved and not rejected:
        problem = _("Nothing of run %(id)s is reviewed yet: an expert must approve what goes on the map.") % {
            "id": run.pk
        }
    elif waiting and not approved:
        problem = _(
            "No detection of run %(id)s is approved and %(count)s still wait for an expert: "
            "an empty map can be published only when all are judged."
        ) % {"id": run.pk, "count": waiting}
    return Readiness(detections, approved, rejected, waiting, problem)
