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
from amberapp.models import Role, User
from amberapp.web.permissions import role_required
from detection.models import Detection, SegmentedTile
from labeling.models import LookAlike, Report, ReportState
from labeling.reports.consequences import consequences_of
from labeling.reports.decision import (
    ANSWER_LENGTH,
    ReportOutcome,
    accept_report,
    decline_report,
    duplicates_of,
    may_reject,
    needs_reason,
    tiles_at,
)
from labeling.reports.desk import Batch, bring_back, junk_batches, neighbours, newest, open_groups, set_aside
from labeling.reports.filing import public_position
from labeling.reports.photo_encoding import MEDIA_TYPE, SUFFIX
from labeling.reports.photos import photo_of
from labeling.reports.reopening import reopen_report
from labeling.review.card import run_to_review, svg_path

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
    wanted = request.GET.get("page")
    if state == ReportState.OPEN:
        seen = newest()  # asked before the groups: what comes in between is not on the page
        page = Paginator(open_groups(), GROUPS_PER_PAGE).get_page(wanted)
        leads = Report.objects.select_related("region", "release", "detection").in_bulk(
            [group.lead for group in page]
        )
        # A report may have been decided between the two queries.
        rows = [{"group": group, "lead": leads[group.lead]} for group in page if group.lead in leads]
        context |= {
            "page": page,
            "rows": rows,
            "newest": seen,
        }
    elif state == ReportState.JUNK:
        batches: Any = JunkBatches()  # all that a Paginator asks for, though not what its stubs ask for
        context["page"] = Paginator(batches, REPORTS_PER_PAGE).get_page(wanted)
    else:
        reports = (
            Report.objects.filter(state=state)
            # What was decided together with its first report is told there.
            .exclude(duplicate_of__decided_at=F("decided_at"))
            .select_related("region", "release", "decided_by", "detection")
            .annotate(same=Count("duplicates"))
            .order_by("-id")
        )
        context["page"] = Paginator(reports, REPORTS_PER_PAGE).get_page(wanted)
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


def _just_set_aside(number: str) -> dict[str, Any] | None:
    """What the page's first line tells after setting aside: how many, with a button that takes it back."""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    lead = Report.objects.filter(pk=int(number), state=ReportState.JUNK).first()
    if lead is None:
        return None
    count = Report.objects.filter(
        state=ReportState.JUNK, decided_at=lead.decided_at, decided_by=lead.decided_by_id
    ).count()
    return {"lead": lead, "count": count}


@require_POST
@role_required(Role.EXPERT)
def report_set_aside(request: HttpRequest, report_id: int) -> HttpResponse:
    """Set a report, those that say the same or its whole group aside as junk; the list then offers to take it back."""
    assert isinstance(request.user, User)
    set_aside(
        report=_report(report_id),
        reach=request.POST.get("reach", ""),
        upto=_upto(request, report_id),
        acting_user=request.user,
    )
    return redirect(f"{reverse('report-list')}?aside={report_id}")


def _upto(request: HttpRequest, report_id: int) -> int:
    """The newest report that the expert's page can have shown; without one nothing newer than the report itself."""
    upto = request.POST.get("upto", "")
    return int(upto) if upto.isascii() and upto.isdigit() and len(upto) < 19 else report_id


@require_POST
@role_required(Role.EXPERT)
def report_bring_back(request: HttpRequest, report_id: int) -> HttpResponse:
    """Open again what was set aside together."""
    assert isinstance(request.user, User)
    count = bring_back(report=_report(report_id), acting_user=request.user)
    messages.success(request, _opened(count))
    return redirect("report-list")


@require_POST
@role_required(Role.EXPERT)
def report_reopen(request: HttpRequest, report_id: int) -> HttpResponse:
    """Take the decision back that the expert's page showed; the report's page then shows it open."""
    assert isinstance(request.user, User)
    count = reopen_report(
        report=_report(report_id),
        decided_at=_moment(request.POST.get("decided", "")),
        acting_user=request.user,
    )
    messages.success(request, _opened(count))
    return redirect("report-detail", report_id=report_id)


def _moment(told: str) -> dt.datetime | None:
    """None for what is no moment, or none that a database knows."""
    try:
        moment = parse_datetime(told)
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
    """Raises NotThere."""
    report = Report.objects.filter(pk=report_id).first() if report_id < 2**63 else None
    if report is None:
        raise NotThere(_("There is no report %(number)s.") % {"number": report_id})
    return report


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.EXPERT)
def report_detail(request: HttpRequest, report_id: int) -> HttpResponse:
    """One report. A POST with `decision` accepts (with a reason where there is a detection) or declines it with an answer."""
    report = (
        Report.objects.select_related(
            "region",
            "release",
            "decided_by",
            "detection__run__region",
            "detection__segmented_tile__tile__source",
        )
        .filter(pk=report_id)
        .first()
        if report_id < 2**63
        else None
    )
    if report is None:
        raise NotThere(_("There is no report %(number)s.") % {"number": report_id})
    wrong: UserError | None = None
    if request.method == "POST":
        try:
            _decide(request, report)
        except UserError as error:
            # The page of a report that is decided has no form beside which a sentence could stand.
            if error.status != 400 or report.state != ReportState.OPEN:
                raise
            wrong = error
        else:
            return redirect("report-detail", report_id=report.pk)
    return _page(request, report, wrong)


def _decide(request: HttpRequest, report: Report) -> None:
    assert isinstance(request.user, User)
    site_url = f"{request.scheme}://{request.get_host()}"
    answer = request.POST.get("answer", "")
    upto = _upto(request, report.pk)
    decision = request.POST.get("decision", "")
    if decision not in ("accept", "decline"):
        raise UserError(_("Choose: accept the report or decline it. Nothing was changed."))
    if decision == "decline":
        decline_report(report=report, acting_user=request.user, answer=answer, site_url=site_url, upto=upto)
        messages.success(request, _("Declined. The sender can read your answer."))
        return
    outcome = accept_report(
        report=report,
        acting_user=request.user,
        look_alike=request.POST.get("look_alike", ""),
        answer=answer,
        site_url=site_url,
        upto=upto,
    )
    messages.success(request, _said(outcome))


def _said(outcome: ReportOutcome) -> str:
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


def _page(request: HttpRequest, report: Report, wrong: UserError | None) -> HttpResponse:
    seen = newest()  # asked before the voices: what comes in between is not on the page
    tiles = tiles_at(report)
    shown: SegmentedTile | None = tiles[0] if tiles else None
    voices = neighbours(report) if report.state == ReportState.OPEN else []
    same = duplicates_of(report)
    context: dict[str, Any] = {
        "report": report,
        "voices": [voice for voice in voices if voice.id != report.pk or voice.count > 1],
        "same": same.count(),
        # Who said the same and will not read the words of the answer (labeling.reports.decision).
        "without_words": same.count() if report.blurred else same.filter(blurred=True).count(),
        "newest": seen,
        "rough": public_position(report) if report.blurred else None,
        "tiles": tiles,
        "shown": shown,
        "point": _pixel(report, shown),
        "path": svg_path(report.detection.pixel_outline) if report.detection else "",
        "found_again": _found_again(report, shown),
        "look_alikes": LookAlike.objects.choices(),
        "may_reject": may_reject(report),
        "needs_reason": needs_reason(report),
        "since": consequences_of(report),
        "answer_length": ANSWER_LENGTH,
        "error": wrong,
        "said": request.POST if wrong else {},
        "map": {
            "point": [report.latitude, report.longitude],
            "outline": report.detection.outline if report.detection else None,
            "boxes": [
                [[tile.tile.south, tile.tile.west], [tile.tile.north, tile.tile.east]]
                for tile in tiles
                if tile.tile.bounds
            ],
            "region": report.region.polygon,
        },
    }
    return render(request, "labeling/reports/detail.html", context, status=400 if wrong else 200)


def _pixel(report: Report, shown: SegmentedTile | None) -> tuple[str, str] | None:
    """Where the reported point lies in the shown image, in its pixels; None when it lies outside."""
    if shown is None or shown.tile.bounds is None:
        return None
    west, south, east, north = shown.tile.bounds
    x = (report.longitude - west) / (east - west) * shown.tile.width
    y = (north - report.latitude) / (north - south) * shown.tile.height
    if not (0 <= x <= shown.tile.width and 0 <= y <= shown.tile.height):
        return None
    return f"{x:.1f}", f"{y:.1f}"


def _found_again(report: Report, shown: SegmentedTile | None) -> Detection | None:
    """What the region's latest run finds on the same tile, when that is another detection than the reported one."""
    run = run_to_review(report.region)
    if run is None or shown is None:
        return None
    found = run.detections.filter(segmented_tile=shown).first()
    return None if found is None or found.pk == report.detection_id else found
