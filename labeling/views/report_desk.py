"""The report desk: what citizens object to, and what experts make of it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from amberapp.errors import NotThere, UserError
from amberapp.models import Role, User
from amberapp.permissions import role_required
from detection.models import Detection, SegmentedTile
from labeling.actions.decide_report import (
    ANSWER_LENGTH,
    Outcome,
    accept_report,
    decline_report,
    may_reject,
    needs_reason,
    tiles_at,
)
from labeling.actions.review_card import run_to_review, svg_path
from labeling.models import LookAlike, Report, ReportState

REPORTS_PER_PAGE = 50


@never_cache
@require_safe
@role_required(Role.EXPERT)
def report_list(request: HttpRequest) -> HttpResponse:
    """Reports in one state, the open ones with the oldest first: nobody should wait longest."""
    state = request.GET.get("state", ReportState.OPEN)
    state = state if state in ReportState.values else ReportState.OPEN
    counts = dict(Report.objects.order_by().values_list("state").annotate(Count("id")))
    reports = (
        Report.objects.filter(state=state)
        .select_related("region", "release", "decided_by", "detection")
        .order_by("id" if state == ReportState.OPEN else "-id")
    )
    context = {
        "state": state,
        "page": Paginator(reports, REPORTS_PER_PAGE).get_page(request.GET.get("page")),
        "tabs": [
            {"state": ReportState.OPEN, "title": _("Open"), "count": counts.get(ReportState.OPEN, 0)},
            {
                "state": ReportState.ACCEPTED,
                "title": _("Accepted"),
                "count": counts.get(ReportState.ACCEPTED, 0),
            },
            {
                "state": ReportState.DECLINED,
                "title": _("Declined"),
                "count": counts.get(ReportState.DECLINED, 0),
            },
        ],
    }
    return render(request, "labeling/report_list.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.EXPERT)
def report_detail(request: HttpRequest, report_id: int) -> HttpResponse:
    """One report. A POST accepts (with a reason where there is a detection) or declines it with an answer."""
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
            if error.status != 400:
                raise
            wrong = error
        else:
            return redirect("report-detail", report_id=report.pk)
    return _page(request, report, wrong)


def _decide(request: HttpRequest, report: Report) -> None:
    assert isinstance(request.user, User)
    site_url = f"{request.scheme}://{request.get_host()}"
    answer = request.POST.get("answer", "")
    if request.POST.get("decision") == "decline":
        decline_report(report=report, acting_user=request.user, answer=answer, site_url=site_url)
        messages.success(request, _("Declined. The sender can read your answer."))
        return
    outcome = accept_report(
        report=report,
        acting_user=request.user,
        look_alike=request.POST.get("look_alike", ""),
        answer=answer,
        site_url=site_url,
    )
    messages.success(request, _said(outcome))


def _said(outcome: Outcome) -> str:
    if outcome.review is not None:
        return _(
            "Accepted. The place leaves the map with the next release, and its %(count)s pieces are now negative "
            "examples: retrain, then reprocess."
        ) % {"count": len(outcome.review.superpixels)}
    if outcome.tiles:
        return ngettext(
            "Accepted. The tile there is the next one that volunteers see.",
            "Accepted. The %(count)s tiles there are the next ones that volunteers see.",
            len(outcome.tiles),
        ) % {"count": len(outcome.tiles)}
    return _("Accepted. No tile of this site covers the place: an admin must import imagery of it first.")


def _page(request: HttpRequest, report: Report, wrong: UserError | None) -> HttpResponse:
    tiles = tiles_at(report)
    shown: SegmentedTile | None = tiles[0] if tiles else None
    context: dict[str, Any] = {
        "report": report,
        "tiles": tiles,
        "shown": shown,
        "point": _pixel(report, shown),
        "path": svg_path(report.detection.pixel_outline) if report.detection else "",
        "found_again": _found_again(report, shown),
        "look_alikes": LookAlike.objects.choices(),
        "may_reject": may_reject(report),
        "needs_reason": needs_reason(report),
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
    return render(request, "labeling/report_detail.html", context, status=400 if wrong else 200)


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
