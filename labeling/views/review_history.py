"""What experts have said, when and why; and the map as it was on a date. For experts."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from amberapp.errors import NotThere, UserError
from amberapp.models import Role, User
from amberapp.permissions import role_required
from detection.models import Detection, Region
from labeling.actions.map_history import map_at, places_at
from labeling.actions.review_card import regions_to_review
from labeling.actions.verdicts import DISPUTED
from labeling.models import Review, ReviewVerdict
from labeling.views.review_frame import asked_detection

REVIEWS_PER_PAGE = 50
PLACES_PER_PAGE = 50
# Other years cannot be a date of this map, and databases do not all take them.
FIRST_YEAR, LAST_YEAR = 1900, 3000


@never_cache
@require_safe
@role_required(Role.EXPERT)
def review_history(request: HttpRequest) -> HttpResponse:
    """Every verdict ever given, latest first.

    ?by=me leaves the others' out; ?detection=number shows those on its tile alone; ?at=date (and ?region=slug) shows
    the map as it was at the end of that day, or at that moment.
    """
    assert isinstance(request.user, User)
    if "at" in request.GET:
        return _map_as_it_was(request)
    reviews = Review.objects.select_related(
        "expert", "report", "detection__run__region", "segmented_tile__tile"
    ).order_by("-id")
    mine = request.GET.get("by") == "me"
    if mine:
        reviews = reviews.filter(expert=request.user)
    detection = _detection(request.GET.get("detection", ""))
    if detection is not None:
        reviews = reviews.filter(segmented_tile=detection.segmented_tile_id)
    page = Paginator(reviews, REVIEWS_PER_PAGE).get_page(request.GET.get("page"))
    asked = {"by": "me"} if mine else {}
    if detection is not None:
        asked["detection"] = str(detection.pk)
    context: dict[str, Any] = {
        "page": page,
        "mine": mine,
        "detection": detection,
        "query": f"{urlencode(asked)}&" if asked else "",
        "regions": regions_to_review(),
        "today": timezone.localdate(),
    }
    return render(request, "labeling/review_history.html", context)


def _map_as_it_was(request: HttpRequest) -> HttpResponse:
    regions = regions_to_review()
    slug = request.GET.get("region", "")
    region: Region | None = next((one for one in regions if one.slug == slug), None)
    if slug and region is None:
        raise NotThere(_("There is no region “%(slug)s”.") % {"slug": slug[:60]})
    if region is None and regions:
        region = regions[0]
    text = request.GET["at"].strip()
    moment = _moment(text)
    context: dict[str, Any] = {
        "regions": regions,
        "region": region,
        "asked": text,
        "moment": moment,
        "today": timezone.localdate(),
    }
    if region is not None:
        state = map_at(region, moment)
        approved = len(state.approved)
        pages = Paginator(range(approved), PLACES_PER_PAGE)
        page = pages.get_page(request.GET.get("page"))
        counts = state.counts()
        found = state.run.detections.count() if state.run is not None else 0
        context |= {
            "map": state,
            "page": page,
            "query": urlencode({"at": text, "region": region.slug}) + "&",
            "places": places_at(state, max(page.start_index() - 1, 0), PLACES_PER_PAGE),
            "found": found,
            "approved": approved,
            "rejected": counts.get(ReviewVerdict.REJECTED, 0),
            "disputed": counts.get(DISPUTED, 0),
            "second": counts.get(ReviewVerdict.SECOND, 0),
            "waiting": found - approved - counts.get(ReviewVerdict.REJECTED, 0),
        }
    return render(request, "labeling/review_map_at.html", context)


def _moment(text: str) -> dt.datetime:
    """The moment that a reader means: a day ends at its last instant. Raises UserError."""
    try:
        if len(text) == 10:
            day = dt.date.fromisoformat(text)
            moment = dt.datetime.combine(day, dt.time.max)
        else:
            moment = dt.datetime.fromisoformat(text)
        if not FIRST_YEAR < moment.year < LAST_YEAR:
            raise ValueError("far from any map")
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    except (ValueError, OverflowError):
        raise UserError(
            _("“%(text)s” is no date: write it as 2026-05-31.") % {"text": text[:30]},
            fields={"at": [_("Write the date as 2026-05-31.")]},
        ) from None


def _detection(number: str) -> Detection | None:
    if not number:
        return None
    if not number.isdecimal() or len(number) > 18:
        raise NotThere(_("There is no detection %(number)s.") % {"number": number[:20]})
    return asked_detection(int(number))
