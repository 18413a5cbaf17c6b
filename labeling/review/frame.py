"""What the pages of the review desk have in common: which run and which list are asked for, and the head of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from amberapp.errors import NotThere
from detection.models import Detection, Region, Run
from labeling.models import Report, ReportState
from labeling.review.card import regions_to_review, run_to_review
from labeling.review.gallery import Order, ordered
from labeling.review.verdicts import DISPUTED
from labeling.review.waiting import (
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

# Tabs that are there although they are empty; the others come when there is something in them.
ALWAYS = (UNDECIDED, APPROVED, REJECTED, CARRIED, ALL)


@dataclass(frozen=True)
class ReviewOrder:
    """The list that is gone through, and in which order: what an address says in ?state=, ?order= and ?fresh=1.

    order: an Order, by which the gallery is sorted and by which the single view goes on that was opened from there; ""
    where the review goes its own way, by score. fresh: only what differs from the run before.
    """

    state: str
    order: str = ""
    fresh: bool = False

    def has(self, item: QueueItem) -> bool:
        return item.is_in(self.state) and (item.differs or not self.fresh)

    def line(self, run: Run, items: Sequence[QueueItem]) -> list[QueueItem]:
        """All detections in the order of this way, also those that it passes by."""
        return ordered(run, items, self.order) if self.order else list(items)

    @property
    def asked(self) -> dict[str, str]:
        """As it stands in an address."""
        told = {"state": self.state, "order": self.order, "fresh": "1" if self.fresh else ""}
        return {name: str(value) for name, value in told.items() if value}

    @property
    def query(self) -> str:
        return urlencode(self.asked)


def asked_order(request: HttpRequest, *, order: str = "") -> ReviewOrder:
    """`order`: where the address names none that there is."""
    asked = request.GET.get("order", "")
    return ReviewOrder(
        asked_state(request), asked if asked in set(Order) else order, request.GET.get("fresh") == "1"
    )


def frame(
    run: Run, items: Sequence[QueueItem], way: ReviewOrder, *, gallery: bool = False, shown: int | None = None
) -> dict[str, Any]:
    """What the head of the page shows: regions, the run, tabs with counts, how far the work is, what needs the reader, how
    many reports of citizens wait; the way to the other view, to the gallery with the detection that is `shown`."""
    state = way.state
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
        "way": way,
        "gallery": gallery,
        "list_url": reverse("review-gallery" if gallery else "review"),
        "other_url": f"{reverse('review' if gallery else 'review-gallery')}?run={run.pk}&{way.query}"
        + (f"&at={shown}" if shown is not None else ""),
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
