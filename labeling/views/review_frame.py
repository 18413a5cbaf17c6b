"""What the pages of the review desk have in common: which run and which list are asked for, and the head of the page."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from amberapp.errors import NotThere
from detection.models import Detection, Region, Run
from labeling.actions.review_card import regions_to_review, run_to_review
from labeling.actions.review_queue import (
    ALL,
    APPROVED,
    CARRIED,
    CHANGED,
    NEW,
    REJECTED,
    SECOND,
    STATES,
    UNDECIDED,
    QueueItem,
    counts_of,
    needs_of,
    run_before,
)
from labeling.actions.verdicts import DISPUTED
from labeling.models import Report, ReportState

# Tabs that are there although they are empty; the others come when there is something in them.
ALWAYS = (UNDECIDED, APPROVED, REJECTED, CARRIED, ALL)


def frame(run: Run, items: Sequence[QueueItem], state: str, *, gallery: bool = False) -> dict[str, Any]:
    """What the head of the page shows: regions, the run, tabs with counts, how far the work is, what needs the reader, how
    many reports of citizens wait."""
    counts = counts_of(items)
    titles = state_titles()
    regions = regions_to_review()
    latest = run_to_review(run.region)
    return {
        "run": run,
        "run_before": run_before(run),
        "campaign": run.campaigns.filter(withdrawn_at__isnull=True).first(),
        "regions": regions if len(regions) > 1 else [],
        "latest": latest if latest is not None and latest.pk != run.pk else None,
        "state": state,
        "gallery": gallery,
        "list_url": reverse("review-gallery" if gallery else "review"),
        "other_url": f"{reverse('review' if gallery else 'review-gallery')}?"
        + urlencode({"run": run.pk, "state": state}),
        "tabs": [
            {"state": name, "title": titles[name], "count": counts[name]}
            for name in STATES
            if name in ALWAYS or name == state or (name in (DISPUTED, SECOND) and counts[name])
        ],
        "needs": needs_of(items),
        "reports": Report.objects.filter(state=ReportState.OPEN).count(),
        "total": counts[ALL],
        "decided": sum(item.is_decided for item in items),
    }


def state_titles() -> dict[str, str]:
    return {
        UNDECIDED: _("Undecided"),
        NEW: _("New"),
        CHANGED: _("Changed"),
        DISPUTED: _("Disputed"),
        SECOND: _("Second opinion"),
        APPROVED: _("Approved"),
        REJECTED: _("Rejected"),
        CARRIED: _("Carried over"),
        ALL: _("All"),
    }


def asked_run(request: HttpRequest) -> Run | None:
    """The run of ?run=number, the latest one of ?region=slug, or the latest of all; None while there is none.

    Raises NotThere for a run or region that does not exist.
    """
    number = request.GET.get("run", "")
    if number:
        run = (
            Run.objects.select_related("region").filter(pk=int(number)).first()
            if number.isdecimal() and len(number) < 19
            else None
        )
        if run is None:
            raise NotThere(_("There is no run %(number)s.") % {"number": number[:20]})
        return run
    slug = request.GET.get("region", "")
    if slug:
        region = Region.objects.filter(slug=slug).first() if "\0" not in slug else None
        if region is None:
            raise NotThere(_("There is no region “%(slug)s”.") % {"slug": slug[:60]})
        return run_to_review(region)
    regions = regions_to_review()
    return run_to_review(regions[0]) if regions else None


def asked_state(request: HttpRequest) -> str:
    state = request.GET.get("state", UNDECIDED)
    return state if state in STATES else UNDECIDED


def asked_detection(detection_id: int) -> Detection:
    """With its ground. Raises NotThere."""
    detection = (
        Detection.objects.with_ground().filter(pk=detection_id).first() if detection_id < 2**63 else None
    )
    if detection is None:
        raise NotThere(_("There is no detection %(number)s.") % {"number": detection_id})
    return detection
