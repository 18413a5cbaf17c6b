"""The labelling desk."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from amberapp.models import Role, User
from amberapp.web.permissions import role_required
from labeling.desk.escalation import anything_escalated
from labeling.desk.queue import regions_to_label, session_of
from labeling.models import LookAlike


@role_required(Role.VOLUNTEER)
def desk(request: HttpRequest) -> HttpResponse:
    """The page that labels are made on; the script fetches tiles through the API."""
    assert isinstance(request.user, User)
    regions = regions_to_label()
    wanted = request.GET.get("region", "")
    chosen = wanted if any(region.slug == wanted for region in regions) else ""
    tile = request.GET.get("tile", "")
    session = session_of(request.user)
    is_expert = request.user.has_role(Role.EXPERT)
    decides = is_expert and request.GET.get("escalated") == "1"
    page: dict[str, Any] = {
        "volunteer": request.user.pk,
        "region": chosen,
        "session": {"tiles_today": session.tiles_today, "tiles_total": session.tiles_total},
        "escalated": decides,
        "tile": int(tile) if tile.isdecimal() and len(tile) < 19 else None,
        "urls": _addresses(),
    }
    context = {
        "page": page,
        "regions": regions,
        "chosen": chosen,
        "decides": decides,
        "waiting": is_expert and not decides and anything_escalated(),
        "look_alikes": LookAlike.objects.choices(),
    }
    return render(request, "labeling/desk/desk.html", context)


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
