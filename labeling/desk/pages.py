"""What the pages of the desk show, decided: its doors only draw it.

Left out: the tiles themselves, which the desk's script fetches through the API.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from amberapp.models import Role, User
from amberapp.web.parameters import row_number
from detection.models import Region
from labeling.desk.crowd_figures import CrowdFigures, crowd_figures
from labeling.desk.escalation import anything_escalated
from labeling.desk.queue import regions_to_label, session_of
from labeling.models import DeskRules, LookAlike


def escalated_url(region: str = "") -> str:
    """The desk with what waits for an expert, of one region by its short name or of all."""
    query = ({"region": region} if region else {}) | {"escalated": 1}
    return f"{reverse('desk')}?{urlencode(query)}"


@dataclass(frozen=True)
class DeskPage:
    """The page that labels are made on.

    script: what the page's script begins with. `decides`: an expert settles what volunteers could not agree about;
    `waiting_url`: where an expert who labels finds that, empty where nothing waits. `regions`: to choose from, empty
    where there is no choice.
    """

    script: dict[str, Any]
    regions: list[Region]
    chosen: str
    decides: bool
    waiting_url: str
    look_alikes: list[tuple[str, str]]


def desk_page(person: User, *, region: str, tile: str, escalated: bool) -> DeskPage:
    """The desk as an address asks for it: a region's short name, a segmented tile's number, what is escalated."""
    regions = regions_to_label()
    chosen = region if any(one.slug == region for one in regions) else ""
    session = session_of(person)
    is_expert = person.has_role(Role.EXPERT)
    decides = is_expert and escalated
    waits = is_expert and not decides and anything_escalated()
    return DeskPage(
        script={
            "volunteer": person.pk,
            "region": chosen,
            "session": {"tiles_today": session.tiles_today, "tiles_total": session.tiles_total},
            "escalated": decides,
            "tile": row_number(tile),
            "urls": _addresses(),
        },
        regions=regions if len(regions) > 1 else [],
        chosen=chosen,
        decides=decides,
        waiting_url=escalated_url(chosen) if waits else "",
        look_alikes=LookAlike.objects.choices(),
    )


def _addresses() -> dict[str, str]:
    """Where the scripts ask and send; 0 and the empty UUID stand for the numbers they fill in."""
    return {
        "desk": reverse("desk"),
        "next": reverse("api-desk-next"),
        "escalated": reverse("api-desk-escalated"),
        "renew": reverse("api-desk-renew"),
        "release": reverse("api-desk-release"),
        "tutorial": reverse("tutorial"),
        "tile": reverse("api-desk-tile", args=[0]),
        "submissions": reverse("api-desk-submissions"),
        "withdraw": reverse("api-desk-withdraw", args=[UUID(int=0)]),
        "login": reverse("account_login") + "?next=" + reverse("desk"),
    }


class DeskRow(NamedTuple):
    """One region's line on the page of all desks. `figures`: None where nothing is in its queue."""

    region: Region
    figures: CrowdFigures | None
    rules: DeskRules

    @property
    def escalated_url(self) -> str:
        return escalated_url(self.region.slug)


def desk_rows() -> list[DeskRow]:
    """Every region's desk, by name."""
    figures = crowd_figures()
    rules = {row.region_id: row for row in DeskRules.objects.all()}
    return [
        DeskRow(
            region=region,
            figures=figures.get(region.pk),
            rules=rules.get(region.pk) or DeskRules(region=region),
        )
        for region in Region.objects.all()
    ]
