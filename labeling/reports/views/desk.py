"""The report desk: what citizens object to, and what experts make of it."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from amberapp.errors import NotThere, UserError
from amberapp.models import Role
from amberapp.web.parameters import BIGGEST_ID, row_number, signed_in
from amberapp.web.permissions import role_required
from labeling.models import Report, ReportState
from labeling.reports.decision import ReportOutcome, accept_report, decline_report
from labeling.reports.desk import Batch, bring_back, junk_batches, newest, open_groups, set_aside
from labeling.reports.desk_pages import GroupLine, ReportLine, report_page
from labeling.reports.photo_encoding import MEDIA_TYPE, SUFFIX
from labeling.reports.photos import photo_of
from labeling.reports.reopening import reopen_report

REPORTS_PER_PAGE = 50
GROUPS_PER_PAGE = 30


@never_cache
@require_safe
@role_required(Role.EXPERT)
def report_list(request: HttpRequest) -> HttpResponse:
    """Reports in one state: the open ones in groups, what deserves a look first; junk as it was set aside."""
    state = request.GET.get("state", ReportState.OPEN)
    state = state if state in ReportState.values else ReportState.OPEN
    counts = dict(Report.objects.order_by().values_list("state").annotate(Count("id")))
    titles = {
        ReportState.OPEN: _("Open"),
        ReportState.ACCEPTED: _("Accepted"),
        ReportState.DECLINED: _("Declined"),
        ReportState.JUNK: _("Junk"),
    }
    context: dict[str, Any] = {
        "state": state,
        "tabs": [
            {"state": one, "title": title, "count": counts.get(one, 0)} for one, title in titles.items()
        ],
        "aside": _just_set_aside(request.GET.get("aside", "")),
    }
    number = request.GET.get("page")
    if state == ReportState.OPEN:
        upto = newest()  # asked before the groups: what comes in between is not on the page
        page = Paginator(open_groups(), GROUPS_PER_PAGE).get_page(number)
        leads = Report.objects.select_related("region", "release", "detection").in_bulk(
            [group.lead for group in page]
        )
        # A report may have been decided between the two queries.
        lines = [GroupLine(group, leads[group.lead]) for group in page if group.lead in leads]
        context |= {"page": page, "lines": lines, "newest": upto}
    elif state == ReportState.JUNK:
        batches: Any = JunkBatches()  # all that a Paginator asks for, though not what its stubs ask for
        context["page"] = Paginator(batches, REPORTS_PER_PAGE).get_page(number)
    else:
        reports = (
            Report.objects.filter(state=state)
            # What was decided together with its first report is told there.
            .exclude(duplicate_of__decided_at=F("decided_at"))
            .select_related("region", "release", "decided_by", "detection")
            .annotate(same=Count("duplicates"))
            .order_by("-id")
        )
        decided: Any = Paginator(reports, REPORTS_PER_PAGE).get_page(number)
        context |= {"page": decided, "lines": [ReportLine(report, report.same) for report in decided]}
    return render(request, "labeling/reports/list.html", context)


class JunkBatches:
    """What a Paginator needs of the batches that were set aside: so many, and a slice of them."""

    def __init__(self) -> None:
        _rows, self._count = junk_batches(0, 0)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        return iter(self[0 : self._count])

    def __getitem__(self, part: slice) -> list[Batch]:
        return junk_batches(part.start, part.stop)[0]


def _just_set_aside(number: str) -> Batch | None:
    """What the page's first line tells after setting aside: how many, with a button that takes it back."""
    lead = Report.objects.filter(pk=row_number(number) or 0, state=ReportState.JUNK).first()
    if lead is None:
        return None
    count = Report.objects.filter(
        state=ReportState.JUNK, decided_at=lead.decided_at, decided_by=lead.decided_by_id
    ).count()
    return Batch(lead, count)


@require_POST
@role_required(Role.EXPERT)
def report_set_aside(request: HttpRequest, report_id: int) -> HttpResponse:
    """Set a report, those that say the same or its whole group aside as junk; the list then offers to take it back."""
    set_aside(
        report=_report(report_id),
        reach=request.POST.get("reach", ""),
        upto=_upto(request, report_id),
        acting_user=signed_in(request),
    )
    return redirect(f"{reverse('report-list')}?aside={report_id}")


def _upto(request: HttpRequest, report_id: int) -> int:
    """The newest report that the expert's page can have shown; without one nothing newer than the report itself."""
    upto = row_number(request.POST.get("upto"))
    return report_id if upto is None else upto


@require_POST
@role_required(Role.EXPERT)
def report_bring_back(request: HttpRequest, report_id: int) -> HttpResponse:
    """Open again what was set aside together."""
    count = bring_back(report=_report(report_id), acting_user=signed_in(request))
    messages.success(request, _opened(count))
    return redirect("report-list")


@require_POST
@role_required(Role.EXPERT)
def report_reopen(request: HttpRequest, report_id: int) -> HttpResponse:
    """Take the decision back that the expert's page showed; the report's page then shows it open."""
    count = reopen_report(
        report=_report(report_id),
        decided_at=_moment(request.POST.get("decided", "")),
        acting_user=signed_in(request),
    )
    messages.success(request, _opened(count))
    return redirect("report-detail", report_id=report_id)


def _moment(text: str) -> dt.datetime | None:
    """None for what is no moment, or none that a database knows."""
    try:
        moment = parse_datetime(text)
        return moment.astimezone(dt.UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _opened(count: int) -> str:
    return ngettext("%(count)s report is open again.", "%(count)s reports are open again.", count) % {
        "count": count
    }


@require_safe
@role_required(Role.EXPERT)
def report_photo(request: HttpRequest, report_id: int) -> HttpResponse:
    """A report's photo, for experts' eyes: no browser and nothing between keeps a copy."""
    response = HttpResponse(photo_of(_report(report_id)), content_type=MEDIA_TYPE)
    response["Cache-Control"] = "private, no-store"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Content-Disposition"] = f'inline; filename="report-{report_id}{SUFFIX}"'
    return response


def _report(report_id: int) -> Report:
    """With its release and its ground. Raises NotThere."""
    reports = Report.objects.select_related(
        "region",
        "release",
        "decided_by",
        "detection__run__region",
        "detection__segmented_tile__tile__source",
    )
    report = reports.filter(pk=report_id).first() if report_id <= BIGGEST_ID else None
    if report is None:
        raise NotThere(_("There is no report %(number)s.") % {"number": report_id})
    return report


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.EXPERT)
def report_detail(request: HttpRequest, report_id: int) -> HttpResponse:
    """One report. A POST with `decision` accepts (with a reason where there is a detection) or declines it with an answer."""
    report = _report(report_id)
    refused: UserError | None = None
    if request.method == "POST":
        try:
            _decide(request, report)
        except UserError as error:
            # The page of a report that is decided has no form beside which a sentence could stand.
            if error.status != 400 or report.state != ReportState.OPEN:
                raise
            refused = error
        else:
            return redirect("report-detail", report_id=report.pk)
    page = report_page(report, refused, request.POST.dict() if refused else {})
    context = {"page": page, "report": report, "newest": page.newest}
    return render(request, "labeling/reports/detail.html", context, status=400 if refused else 200)


def _decide(request: HttpRequest, report: Report) -> None:
    expert = signed_in(request)
    site_url = f"{request.scheme}://{request.get_host()}"
    answer = request.POST.get("answer", "")
    upto = _upto(request, report.pk)
    decision = request.POST.get("decision", "")
    if decision not in ("accept", "decline"):
        raise UserError(_("Choose: accept the report or decline it. Nothing was changed."))
    if decision == "decline":
        decline_report(report=report, acting_user=expert, answer=answer, site_url=site_url, upto=upto)
        messages.success(request, _("Declined. The sender can read your answer."))
        return
    outcome = accept_report(
        report=report,
        acting_user=expert,
        look_alike=request.POST.get("look_alike", ""),
        answer=answer,
        site_url=site_url,
        upto=upto,
    )
    messages.success(request, _sentence(outcome))


def _sentence(outcome: ReportOutcome) -> str:
    if outcome.review is not None:
        return ngettext(
            "Accepted. The place leaves the map with the next release, and its %(count)s superpixel is now "
            "a negative example: retrain, then reprocess.",
            "Accepted. The place leaves the map with the next release, and its %(count)s superpixels are "
            "now negative examples: retrain, then reprocess.",
            len(outcome.review.superpixels),
        ) % {"count": len(outcome.review.superpixels)}
    if outcome.tiles:
        return ngettext(
            "Accepted. The tile there is the next one that volunteers see.",
            "Accepted. The %(count)s tiles there are the next ones that volunteers see.",
            len(outcome.tiles),
        ) % {"count": len(outcome.tiles)}
    return _("Accepted. No tile of this site covers the place: an admin must import imagery of it first.")
