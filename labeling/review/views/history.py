"""What experts have said, when and why; and the map as it was on a date. For experts."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from amberapp.errors import NotThere, UserError
from amberapp.models import Role
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required
from detection.models import Region
from labeling.models import Review, ReviewVerdict
from labeling.review.card import regions_to_review
from labeling.review.map_history import MapAt, geojson_at, map_at, places_at
from labeling.review.verdict_tags import tag_of
from labeling.review.verdicts import DISPUTED
from labeling.review.way import detection_numbered

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
    the map as it was at the end of that day, with ?time=14:30 at the end of that minute.
    """
    if "at" in request.GET:
        return _map_as_it_was(request)
    reviews = Review.objects.select_related(
        "expert", "report", "detection__run__region", "segmented_tile__tile"
    ).order_by("-id")
    mine = request.GET.get("by") == "me"
    if mine:
        reviews = reviews.filter(expert=signed_in(request))
    number = request.GET.get("detection", "")
    detection = detection_numbered(number) if number else None
    if detection is not None:
        reviews = reviews.filter(segmented_tile=detection.segmented_tile_id)
    page = Paginator(reviews, REVIEWS_PER_PAGE).get_page(request.GET.get("page"))
    parameters = {"by": "me"} if mine else {}
    if detection is not None:
        parameters["detection"] = str(detection.pk)
    context: dict[str, Any] = {
        "page": page,
        "lines": [(review, tag_of(review.verdict)) for review in page],
        "mine": mine,
        "detection": detection,
        "query": f"{urlencode(parameters)}&" if parameters else "",
        "regions": regions_to_review(),
        "today": timezone.localdate(),
    }
    return render(request, "labeling/review/history.html", context)


@never_cache
@require_safe
@role_required(Role.EXPERT)
def map_at_geojson(request: HttpRequest) -> HttpResponse:
    """The map as it was, asked for as on its page, to keep or to open in a GIS."""
    _regions, region = _region_in(request)
    moment = _moment(request.GET.get("at", "").strip(), request.GET.get("time", "").strip())
    if region is None:
        raise NotThere(_("No search of a region has finished yet."))
    answer = JsonResponse(geojson_at(map_at(region, moment)), content_type="application/geo+json")
    name = f"amber-{region.slug}-{timezone.localtime(moment):%Y-%m-%d-%H%M}.geojson"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _map_as_it_was(request: HttpRequest) -> HttpResponse:
    regions, region = _region_in(request)
    day, time = request.GET["at"].strip(), request.GET.get("time", "").strip()
    moment = _moment(day, time)
    local = timezone.localtime(moment)
    parameters = {"at": day} | ({"time": time} if time else {})
    at_end = local.time() == dt.time.max
    context: dict[str, Any] = {
        "regions": regions,
        "region": region,
        "moment": moment,
        "at_end": at_end,
        "day": local.date(),
        "time": "" if at_end else f"{local:%H:%M}",
        "today": timezone.localdate(),
    }
    if region is not None:
        state = map_at(region, moment)
        query = urlencode(parameters | {"region": region.slug})
        url = f"{reverse('review-map-geojson')}?{query}"
        context |= _figures(request, state) | {"query": query + "&", "geojson_url": url}
    return render(request, "labeling/review/map_at.html", context)


def _figures(request: HttpRequest, state: MapAt) -> dict[str, Any]:
    """What the page says of a state: how many in each verdict, and one page of the approved ones."""
    approved = len(state.approved)
    page = Paginator(range(approved), PLACES_PER_PAGE).get_page(request.GET.get("page"))
    counts = state.counts()
    detections = state.run.detections.count() if state.run is not None else 0
    rejected = counts.get(ReviewVerdict.REJECTED, 0)
    return {
        "map": state,
        "page": page,
        "places": places_at(state, max(page.start_index() - 1, 0), PLACES_PER_PAGE),
        "found": detections,
        "approved": approved,
        "rejected": rejected,
        "disputed": counts.get(DISPUTED, 0),
        "waiting": detections - approved - rejected,
    }


def _region_in(request: HttpRequest) -> tuple[list[Region], Region | None]:
    """Regions with a finished run, and the one of ?region= or the first. Raises NotThere."""
    regions = regions_to_review()
    slug = request.GET.get("region", "")
    region = next((one for one in regions if one.slug == slug), None)
    if slug and region is None:
        raise NotThere(_("There is no region “%(slug)s”.") % {"slug": slug[:60]})
    return regions, region if region is not None or not regions else regions[0]


def _moment(text: str, time: str = "") -> dt.datetime:
    """The moment that a reader means: a day and a minute end at their last instant, so that what the history tells of
    14:30 has happened at 14:30. A whole moment (2026-05-31T14:30:00+03:00) means itself. Raises UserError.
    """
    try:
        if len(text) == 10:
            day = dt.date.fromisoformat(text)
            moment = dt.datetime.combine(day, _end_of(time) if time else dt.time.max)
        else:
            moment = dt.datetime.fromisoformat(text)
        if not FIRST_YEAR < moment.year < LAST_YEAR:
            raise ValueError("far from any map")
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    except _WrongTime:
        raise UserError(
            _("“%(text)s” is no time: write it as 14:30.") % {"text": time[:30]},
            fields={"time": [_("Write the time as 14:30.")]},
        ) from None
    except (ValueError, OverflowError):
        raise UserError(
            _("“%(text)s” is no date: write it as 2026-05-31.") % {"text": text[:30]},
            fields={"at": [_("Write the date as 2026-05-31.")]},
        ) from None


class _WrongTime(Exception):
    """The time beside a date cannot be read."""


def _end_of(text: str) -> dt.time:
    """The last instant of a minute (14:30) or a second (14:30:05)."""
    try:
        time = dt.time.fromisoformat(text)
    except ValueError:
        raise _WrongTime from None
    if time.tzinfo is not None or len(text) not in (5, 8):
        raise _WrongTime
    return time.replace(second=59 if len(text) == 5 else time.second, microsecond=999_999)
