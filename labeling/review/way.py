"""What an address of the review desk asks for: the run, the list and its order, the detection."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _

from amberapp.errors import NotThere
from amberapp.web.parameters import BIGGEST_ID, row_number
from detection.ground.find_region import region_at
from detection.models import Detection, Run
from labeling.review.card import regions_to_review, run_to_review
from labeling.review.gallery import Order, ordered
from labeling.review.waiting import STATES, UNDECIDED, QueueItem


@dataclass(frozen=True)
class ReviewOrder:
    """The list that is gone through, and in which order: what an address says in ?state=, ?order=, ?fresh=1
    and ?unlike=1.

    order: an Order, by which the gallery is sorted and by which the single view goes on that was opened from there; ""
    where the review goes its own way, by score. fresh: only what differs from the run before.
    unlike: only what lies on images that look like nothing the classifier was trained on.
    """

    state: str
    order: str = ""
    fresh: bool = False
    unlike: bool = False

    def has(self, item: QueueItem) -> bool:
        fits = (item.differs or not self.fresh) and (item.unlike or not self.unlike)
        return fits and item.is_in(self.state)

    def line(self, run: Run, items: Sequence[QueueItem]) -> list[QueueItem]:
        """All detections in the order of this way, also those that it passes by."""
        return ordered(run, items, self.order) if self.order else list(items)

    @property
    def parameters(self) -> dict[str, str]:
        """As it stands in an address."""
        values = {
            "state": self.state,
            "order": self.order,
            "fresh": "1" if self.fresh else "",
            "unlike": "1" if self.unlike else "",
        }
        return {name: str(value) for name, value in values.items() if value}

    @property
    def query(self) -> str:
        return urlencode(self.parameters)


def way_in(request: HttpRequest, *, order: str = "") -> ReviewOrder:
    """`order`: where the address names none that there is."""
    state = request.GET.get("state", UNDECIDED)
    name = request.GET.get("order", "")
    return ReviewOrder(
        state if state in STATES else UNDECIDED,
        name if name in set(Order) else order,
        request.GET.get("fresh") == "1",
        request.GET.get("unlike") == "1",
    )


def run_in(request: HttpRequest) -> Run | None:
    """The run of ?run=number, the latest one of ?region=slug, or the latest of all; None while there is none.

    Raises NotThere for a run or region that does not exist.
    """
    if number := request.GET.get("run", ""):
        return run_numbered(number)
    if slug := request.GET.get("region", ""):
        return run_to_review(region_at(slug))
    regions = regions_to_review()
    return run_to_review(regions[0]) if regions else None


def run_numbered(number: str) -> Run:
    """The run whose number an address holds. Raises NotThere."""
    run = Run.objects.select_related("region").filter(pk=row_number(number) or 0).first()
    if run is None:
        raise NotThere(_("There is no run %(number)s.") % {"number": number[:20]})
    return run


def detection_numbered(number: int | str) -> Detection:
    """The detection whose number an address holds, with its ground. Raises NotThere."""
    pk = row_number(number) if isinstance(number, str) else number
    detection = None
    if pk is not None and pk <= BIGGEST_ID:
        detection = Detection.objects.with_ground().filter(pk=pk).first()
    if detection is None:
        raise NotThere(_("There is no detection %(number)s.") % {"number": str(number)[:20]})
    return detection
