"""Taking back a decision about a citizen's report, for the wrong button pressed and for what turned out otherwise.

The report waits again, together with the duplicates that were decided with it, and the rejection that accepting it made
does not stand any more (a further row; nothing is removed). Left as it is: the place in the volunteers' queue that
accepting a report of missed mining gave a tile, a letter that has gone out, a release made in between. Who left an
address and has been told finds the new answer under the same private link.
"""

import datetime as dt
from collections.abc import Collection

from django.db import transaction
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotAllowed
from amberapp.models import AuditEntry, Role, User
from labeling.models import Report, ReportState
from labeling.reports.consequences import campaign_from
from labeling.reports.decision import DECIDED, duplicates_of
from labeling.reports.locks import lock_groups
from labeling.review.review_detection import withdraw_report_review

REOPENED = "report.reopened"


def reopen_report(*, report: Report, decided_at: dt.datetime | None, acting_user: User) -> int:
    """Open a decided report again, and those that were decided with it. Returns how many.

    `decided_at` is the moment of the decision that the expert saw: a later one is not taken back. Raises Conflict when
    the report has been decided or opened meanwhile, when anybody has reviewed its ground since, or when a campaign has
    begun from it (take that back first), NotAllowed for anybody but an expert.
    """
    if not acting_user.has_role(Role.EXPERT):
        raise NotAllowed(_("Only experts decide about reports."))
    decided = {"state__in": DECIDED, "decided_at": decided_at}
    again = {"state": ReportState.OPEN, "answer": "", "decided_by": None, "decided_at": None}
    with transaction.atomic():
        lock_groups([report.pk])
        report.refresh_from_db(fields=["state", "answer", "decided_by", "decided_at", "duplicate_of"])
        former = {"state": report.state, "answer": report.answer, "decided_by": report.decided_by_id}
        if decided_at is None or not Report.objects.filter(pk=report.pk, **decided).update(**again):
            raise Conflict(
                _("This report has been decided anew or opened again meanwhile. Nothing was changed.")
            )
        together = duplicates_of(report).filter(**decided)
        duplicates = list(together.order_by("pk").values_list("pk", flat=True))
        together.update(**again)
        numbers = [report.pk, *duplicates]
        _refuse_after_a_campaign(numbers)
        review = withdraw_report_review(reports=numbers, acting_user=acting_user)
        report.refresh_from_db(fields=["state", "answer", "decided_by", "decided_at"])
        details = former | {"decided_at": decided_at.isoformat(), "duplicates": duplicates}
        record(acting_user, REOPENED, report, review=review.pk if review is not None else None, **details)
    return len(numbers)


def was_reopened(report: Report) -> bool:
    """Whether a decision about the report, or about the first of its kind, has been taken back since it came."""
    numbers = [report.pk, *duplicates_of(report).values_list("pk", flat=True)]
    return AuditEntry.objects.filter(
        verb=REOPENED,
        object_type=Report._meta.label_lower,
        object_id__in=[str(number) for number in numbers],
        at__gt=report.created_at,
    ).exists()


def _refuse_after_a_campaign(reports: Collection[int]) -> None:
    """A campaign that begins at this moment waits for the report's row, and then finds it open."""
    begun = campaign_from(reports)
    if begun is not None:
        raise Conflict(
            _("The campaign “%(name)s” has begun from this report: take the campaign back first.")
            % {"name": begun.name}
        )
