"""The admin's pages of runs: the list, two of them compared; the buttons that start, pause, resume and cancel.

The page of a single run also shows what people say of it and is the upper floor's.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from amberapp.errors import UserError
from amberapp.models import Job, Role
from amberapp.web.parameters import row_number, signed_in
from amberapp.web.permissions import role_required
from detection.ground.find_region import region_numbered
from detection.models import Detection, Region, Run
from detection.runs.diff import (
    REASONS,
    DifferenceKind,
    DifferenceReason,
    DifferingTile,
    RunDiff,
    compare_or_ask,
    earlier_and_later,
    tiles_of,
)
from detection.runs.runs import cancel_run, pause_run, resume_run, start_run
from detection.runs.watch import progress_of_all, run_numbered
from detection.segmentation.svg import rings_of, svg_path

RUNS_A_PAGE = 25
TILES_A_PAGE = 24
# An outline of more polygons than this is not drawn over a small picture.
MOST_POLYGONS = 400


@require_POST
@role_required(Role.ADMIN)
def run_start(request: HttpRequest) -> HttpResponse:
    """Reprocess a region with its active classifier."""
    region = region_numbered(request.POST.get("region", ""))
    run = start_run(region=region, acting_user=signed_in(request))
    return redirect("run", run_id=run.pk)


@require_POST
@role_required(Role.ADMIN)
def run_pause(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_numbered(run_id)
    pause_run(run=run, acting_user=signed_in(request))
    messages.success(request, _("Run %(id)s is paused. Shards in hand are still finished.") % {"id": run.pk})
    return redirect("run", run_id=run.pk)


@require_POST
@role_required(Role.ADMIN)
def run_resume(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_numbered(run_id)
    resume_run(run=run, acting_user=signed_in(request))
    messages.success(request, _("Run %(id)s goes on.") % {"id": run.pk})
    return redirect("run", run_id=run.pk)


@require_POST
@role_required(Role.ADMIN)
def run_cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_numbered(run_id)
    cancel_run(run=run, acting_user=signed_in(request))
    messages.success(request, _("Run %(id)s is cancelled. What it wrote stays on record.") % {"id": run.pk})
    return redirect("run", run_id=run.pk)


@never_cache
@require_safe
@role_required(Role.ADMIN)
def run_list(request: HttpRequest) -> HttpResponse:
    """A region's runs, newest first; two of them can be chosen and compared."""
    regions = list(Region.objects.order_by("name"))
    region = next((one for one in regions if one.slug == request.GET.get("region")), None)
    if region is None and regions:
        latest = Run.objects.order_by("-id").values_list("region_id", flat=True).first()
        region = next((one for one in regions if one.pk == latest), regions[0])
    runs = Run.objects.filter(region=region).select_related("classifier", "created_by").order_by("-id")
    page = Paginator(runs, RUNS_A_PAGE).get_page(request.GET.get("page"))
    listed = list(page.object_list)
    counts = Detection.objects.filter(run__in=listed).order_by().values_list("run")
    detections = dict(counts.annotate(Count("id")))
    progress = progress_of_all(listed)
    comparable = [run.pk for run in listed if run.has_ended]
    context = {
        "regions": regions,
        "region": region,
        "page": page,
        "rows": [
            {
                "run": run,
                "progress": progress[run.pk],
                "detections": detections.get(run.pk, 0),
                # The two newest that have ended are proposed for a comparison.
                "now_checked": "checked" if run.pk in comparable[:1] else "",
                "then_checked": "checked" if run.pk in comparable[1:2] else "",
            }
            for run in listed
        ],
        "comparable": len(comparable) > 1,
        "query": urlencode({"region": region.slug}) + "&" if region else "",
    }
    return render(request, "detection/runs/runs.html", context)


@dataclass(frozen=True)
class RunFinding:
    """What one run says of a differing tile: its detection and the outline as an SVG path in pixels."""

    detection: Detection
    superpixels: int
    path: str


@dataclass(frozen=True)
class RunRow:
    tile: DifferingTile
    then: RunFinding | None
    now: RunFinding | None


@never_cache
@require_safe
@role_required(Role.ADMIN)
def run_compare(request: HttpRequest) -> HttpResponse:
    """Two runs side by side: what appeared, vanished or changed, by reason, with a picture of each tile."""
    then, now = earlier_and_later(_number(request, "then"), _number(request, "now"))
    diff = compare_or_ask(then, now, acting_user=signed_in(request))
    context: dict[str, Any] = {"then": then, "now": now, "runs": (then, now)}
    if isinstance(diff, Job):
        return render(request, "detection/runs/compare.html", context | {"job": diff})
    kind, reason = request.GET.get("kind", ""), request.GET.get("reason", "")
    page = Paginator(diff.chosen(kind, reason), TILES_A_PAGE).get_page(request.GET.get("page"))
    query = {"then": str(then.pk), "now": str(now.pk), "kind": kind, "reason": reason}
    counts = diff.counts()
    context |= {
        "diff": diff,
        "kinds": [
            {
                "value": value,
                "label": label,
                "count": sum(counts[value].values()),
                "reasons": [(DifferenceReason(name).label, count) for name, count in counts[value].items()],
            }
            for value, label in DifferenceKind.choices
        ],
        "reasons": _reasons(diff),
        "kind": kind,
        "reason": reason,
        "page": page,
        "rows": [_row(one) for one in tiles_of(page.object_list)],  # type: ignore[arg-type]
        "query": urlencode({name: value for name, value in query.items() if value}) + "&",
    }
    return render(request, "detection/runs/compare.html", context)


def _number(request: HttpRequest, name: str) -> int:
    number = row_number(request.GET.get(name, ""))
    if number is None:
        raise UserError(_("Choose two runs of one region to compare."))
    return number


def _reasons(diff: RunDiff) -> list[tuple[str, str]]:
    """(word, label) of the reasons that occur."""
    occurring = {REASONS[number] for number in set(diff.rows["reason"].tolist())}
    return [(value, str(label)) for value, label in DifferenceReason.choices if value in occurring]


def _row(one: DifferingTile) -> RunRow:
    return RunRow(one, _side(one.then), _side(one.now))


def _side(detection: Detection | None) -> RunFinding | None:
    if detection is None:
        return None
    return RunFinding(detection, len(detection.superpixels), _path(detection.pixel_outline))


def _path(outline: dict[str, Any]) -> str:
    """The outline as an SVG path; empty where it is too much to draw."""
    return svg_path(rings_of(outline)) if len(outline["coordinates"]) <= MOST_POLYGONS else ""
