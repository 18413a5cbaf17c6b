"""What experts make of citizens' reports. Two experts cannot overwrite each other's decision.

Accepting with a look-alike rejects the reported detection: a review and negative labels for the next dataset.
Accepting without one (a place that the map misses, a wrong outline) puts the tiles there before the volunteers.
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp import jobs
from amberapp.audit import record
from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import Role, User
from amberapp.text import plain_text
from detection.models import SegmentedTile, Tile
from labeling.desk.queue_state import prioritise
from labeling.models import (
    LookAlike,
    Report,
    ReportCategory,
    ReportState,
    Review,
    ReviewVerdict,
    TileProgress,
)
from labeling.reports.locks import lead_on, lock_groups, slices
from labeling.review.review_detection import review_detection

ANSWER_LENGTH = 2000
LETTER_JOB = "labeling.answer_reporter"
DECIDED = (ReportState.ACCEPTED, ReportState.DECLINED)


@dataclass(frozen=True)
class ReportOutcome:
    """What accepting a report did: a review of its detection, or tiles that volunteers are asked to look at."""

    report: Report
    review: Review | None
    tiles: list[SegmentedTile]


def needs_reason(report: Report) -> bool:
    """Whether accepting the report can only mean that its detection is not mining."""
    return report.detection_id is not None and report.category == ReportCategory.NOT_MINING


def may_reject(report: Report) -> bool:
    """Whether accepting the report can take a place off the map."""
    return report.detection_id is not None and report.category != ReportCategory.MISSED


def tiles_at(report: Report) -> list[SegmentedTile]:
    """The cut tiles of the report's place, latest image first, undated ones last: its detection's own, or those that cover the point."""
    if report.detection is not None:
        return [report.detection.segmented_tile]
    whole = Tile.objects.on_the_map().filter(region=report.region_id)
    tiles = whole.showing(report.latitude, report.longitude)
    return list(
        SegmentedTile.objects.filter(tile__in=tiles)
        .select_related("tile__source", "progress")
        .order_by(F("tile__capture_date").desc(nulls_last=True), "-pk")
    )


def accept_report(
    *,
    report: Report,
    acting_user: User,
    look_alike: str = "",
    answer: str = "",
    site_url: str = "",
    upto: int | None = None,
) -> ReportOutcome:
    """Agree with the citizen. `site_url` ("https://host") goes into the letter to a sender who left an address.

    `upto` is the number of the newest report that the expert can have seen: duplicates that came since stay open.

    With `look_alike` the report's detection is rejected for that reason. Without it the tiles at the place are put
    first in the volunteers' queue; where no tile covers the place the report is accepted all the same, and
    `Outcome.tiles` is empty. Raises UserError when the reason is missing or out of place, Conflict when the report
    has been decided meanwhile, NotAllowed for anybody but an expert.
    """
    answer = _checked_answer(acting_user, answer)
    if needs_reason(report) and not look_alike:
        sentence = _("Say what it is instead: taking a place off the map needs a reason.")
        raise UserError(sentence, fields={"look_alike": [sentence]})
    if look_alike and not may_reject(report):
        sentence = _("There is nothing on the map to take off: accept this report without a reason.")
        raise UserError(sentence, fields={"look_alike": [sentence]})
    if look_alike and look_alike not in LookAlike.objects.slugs():
        sentence = _("Choose one of the reasons.")
        raise UserError(sentence, fields={"look_alike": [sentence]})
    with transaction.atomic():
        changed = _close(report, ReportState.ACCEPTED, answer, acting_user, upto)
        review = None
        tiles: list[SegmentedTile] = []
        if look_alike:
            assert report.detection is not None
            review = review_detection(
                detection=report.detection,
                verdict=ReviewVerdict.REJECTED,
                look_alike=look_alike,
                acting_user=acting_user,
                report=report,
            )
        else:
            tiles = tiles_at(report)
            # They come before all others, each for one more person at least.
            prioritise(TileProgress.objects.filter(segmented_tile__in=tiles))
        record(
            acting_user,
            "report.accepted",
            report,
            look_alike=look_alike,
            detection=report.detection_id,
            tiles=[tile.pk for tile in tiles],
            **changed,
        )
        _answer_by_letter(report, acting_user, site_url)
    return ReportOutcome(report, review, tiles)


def decline_report(
    *, report: Report, acting_user: User, answer: str, site_url: str = "", upto: int | None = None
) -> Report:
    """Leave the map as it is and say why; `site_url` and `upto` as for `accept_report`. Raises UserError without an answer, Conflict, NotAllowed."""
    answer = _checked_answer(acting_user, answer)
    if not answer:
        sentence = _("Tell the sender why the map stays as it is.")
        raise UserError(sentence, fields={"answer": [sentence]})
    with transaction.atomic():
        changed = _close(report, ReportState.DECLINED, answer, acting_user, upto)
        record(acting_user, "report.declined", report, **changed)
        _answer_by_letter(report, acting_user, site_url)
    return report


def _checked_answer(acting_user: User, answer: str) -> str:
    if not acting_user.has_role(Role.EXPERT):
        raise NotAllowed(_("Only experts decide about reports."))
    answer = plain_text(answer)
    if len(answer) > ANSWER_LENGTH:
        sentence = _("At most %(count)s characters.") % {"count": ANSWER_LENGTH}
        raise UserError(sentence, fields={"answer": [sentence]})
    return answer


def duplicates_of(report: Report) -> QuerySet[Report]:
    """The other reports of the same matter, open or closed: the first one and everybody who said the same after it."""
    first = report.duplicate_of_id or report.pk
    return Report.objects.filter(Q(pk=first) | Q(duplicate_of=first)).exclude(pk=report.pk)


def _close(report: Report, state: str, answer: str, acting_user: User, upto: int | None) -> dict[str, Any]:
    """Decide an open report and its open duplicates; returns which others were changed, for the audit.

    The UPDATE's own condition tells whether it was still open. Every sender reads the same answer under a link of
    their own; but where one of the two asked to be shown only roughly, the verdict alone, for the words may tell the
    others what that one has said. Of duplicates newer than `upto` the first comes forward, and the others wait with it.
    """
    lock_groups([report.pk])
    said = {"state": state, "answer": answer, "decided_by": acting_user, "decided_at": timezone.now()}
    decided = Report.objects.filter(pk=report.pk, state=ReportState.OPEN).update(**said)
    # Which one it is a duplicate of too: a colleague's decision may have parted it from the first.
    report.refresh_from_db(
        fields=["state", "answer", "decided_by", "decided_at", "sealed_email", "duplicate_of"]
    )
    if not decided:
        raise Conflict(
            _("%(who)s has decided about this report meanwhile: %(state)s. Nothing was changed.")
            % {
                "who": report.decided_by.username if report.decided_by else _("Somebody"),
                "state": report.get_state_display(),
            }
        )
    waiting = duplicates_of(report).filter(state=ReportState.OPEN).order_by("pk")
    numbers = list(waiting.values_list("pk", flat=True))
    closed = [number for number in numbers if upto is None or number <= upto]
    for some in slices(closed):
        together = Report.objects.filter(pk__in=some)
        together.filter(blurred=False).update(**said | ({"answer": ""} if report.blurred else {}))
        together.filter(blurred=True).update(**said | {"answer": ""})
    unseen = numbers[len(closed) :]
    return {"duplicates": closed, **({"came_forward": lead_on(unseen)} if unseen else {})}


def _answer_by_letter(report: Report, acting_user: User, site_url: str) -> None:
    """Ask a worker for the letters of what was decided together. The jobs carry neither addresses nor private links."""
    together = Report.objects.filter(pk=report.pk) | duplicates_of(report)
    waiting = together.filter(decided_at=report.decided_at).exclude(sealed_email="")
    for number in waiting.order_by("pk").values_list("pk", flat=True):
        jobs.enqueue(LETTER_JOB, acting_user=acting_user, report=number, site_url=site_url)
