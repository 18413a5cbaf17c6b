"""The review desk: one detection after another, and the history of verdicts. For experts.

The pages work as plain forms. static/js/labeling/review.js makes them quick: it sends verdicts through the API and
fetches the next card ahead of time.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from amberapp.errors import NotThere
from amberapp.models import Role, User
from amberapp.permissions import role_required
from detection.models import Detection, Region, Run
from labeling.actions.publish import readiness
from labeling.actions.review import (
    ALL,
    APPROVED,
    CARRIED,
    REJECTED,
    STATES,
    UNDECIDED,
    QueueItem,
    counts_of,
    review_detection,
    review_queue,
)
from labeling.actions.review_card import card_of, regions_to_review, run_to_review
from labeling.models import LookAlike, Review, ReviewVerdict

# The script walks through so many detections before it asks the server for more.
QUEUE_LENGTH = 1000
REVIEWS_PER_PAGE = 50


@never_cache
@require_safe
@role_required(Role.EXPERT)
def review(request: HttpRequest) -> HttpResponse:
    """The first detection of the queue that is asked for: ?region=slug or ?run=number, and ?state=."""
    run = _asked_run(request)
    if run is None:
        return render(request, "labeling/review_empty.html", {"regions": [], "nothing_found": True})
    state = _state(request)
    items = review_queue(run)
    first = next((item.detection_id for item in items if item.is_in(state)), None)
    if first is not None:
        return _page(request, run, items, state, _detection(first))
    context = _frame(run, items, state) | {"ready": readiness(run)}
    return render(request, "labeling/review_empty.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.EXPERT)
def review_one(request: HttpRequest, detection_id: int) -> HttpResponse:
    """One detection by its number, in its run's queue. A POST is the verdict; the next one follows."""
    detection = _detection(detection_id)
    state = _state(request)
    items = review_queue(detection.run)
    if request.method == "POST":
        assert isinstance(request.user, User)
        following = _neighbours(items, state, detection_id)[1]
        verdict, _colon, look_alike = request.POST.get("decision", "").partition(":")
        seen = request.POST.get("seen", "")
        decided = review_detection(
            detection=detection,
            verdict=verdict,
            look_alike=look_alike,
            note=request.POST.get("note", ""),
            acting_user=request.user,
            seen_review_id=int(seen) if seen.isdecimal() and len(seen) < 19 else None,
        )
        messages.success(request, _said(decided))
        if following is None:
            return redirect(f"{reverse('review')}?{urlencode({'run': detection.run_id, 'state': state})}")
        return redirect(f"{reverse('review-detection', args=[following])}?{urlencode({'state': state})}")
    return _page(request, detection.run, items, state, detection)


@never_cache
@require_safe
@role_required(Role.EXPERT)
def review_card(request: HttpRequest, detection_id: int) -> HttpResponse:
    """The card alone, for the script that puts it in the place of the one before."""
    context = {"card": card_of(_detection(detection_id)), "look_alikes": LookAlike.objects.choices()}
    return render(request, "labeling/review_card.html", context | {"state": _state(request)})


@never_cache
@require_safe
@role_required(Role.EXPERT)
def review_history(request: HttpRequest) -> HttpResponse:
    """Every verdict ever given, latest first. ?by=me leaves the others' out."""
    assert isinstance(request.user, User)
    reviews = Review.objects.select_related(
        "expert", "report", "detection__run__region", "segmented_tile__tile"
    ).order_by("-id")
    mine = request.GET.get("by") == "me"
    if mine:
        reviews = reviews.filter(expert=request.user)
    page = Paginator(reviews, REVIEWS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "labeling/review_history.html", {"page": page, "mine": mine})


def _page(
    request: HttpRequest, run: Run, items: list[QueueItem], state: str, detection: Detection
) -> HttpResponse:
    before, after = _neighbours(items, state, detection.pk)
    queue = [item.detection_id for item in items if item.is_in(state)]
    if detection.pk in queue:
        start = queue.index(detection.pk)
        # What lies before it has been passed over; it comes again after the end.
        queue = queue[start:] + queue[:start]
    else:
        queue = [detection.pk, *queue]
    context = _frame(run, items, state) | {
        "card": card_of(detection),
        "look_alikes": LookAlike.objects.choices(),
        "before": before,
        "after": after,
        "page": {
            "queue": queue[:QUEUE_LENGTH],
            "state": state,
            "urls": {
                "card": reverse("review-card", args=[0]),
                "page": reverse("review-detection", args=[0]),
                "reviews": reverse("api-detection-reviews", args=[0]),
                "end": f"{reverse('review')}?{urlencode({'run': run.pk, 'state': state})}",
            },
        },
    }
    return render(request, "labeling/review.html", context)


def _frame(run: Run, items: list[QueueItem], state: str) -> dict[str, Any]:
    """What the head of the page shows: regions, the run, tabs with counts, how far the work is."""
    counts = counts_of(items)
    titles = {
        UNDECIDED: _("Undecided"),
        APPROVED: _("Approved"),
        REJECTED: _("Rejected"),
        CARRIED: _("Carried over"),
        ALL: _("All"),
    }
    regions = regions_to_review()
    latest = run_to_review(run.region)
    return {
        "run": run,
        "regions": regions if len(regions) > 1 else [],
        "latest": latest if latest is not None and latest.pk != run.pk else None,
        "state": state,
        "tabs": [{"state": name, "title": titles[name], "count": counts[name]} for name in STATES],
        "total": counts[ALL],
        "decided": counts[ALL] - counts[UNDECIDED],
    }


def _neighbours(items: Sequence[QueueItem], state: str, detection_id: int) -> tuple[int | None, int | None]:
    """The detections before and after this one by score that are in the queue, going round at the end."""
    by_score = sorted(items, key=lambda item: (-item.score, item.detection_id))
    place = next((n for n, item in enumerate(by_score) if item.detection_id == detection_id), 0)
    earlier = [item.detection_id for item in by_score[:place] if item.is_in(state)]
    later = [item.detection_id for item in by_score[place + 1 :] if item.is_in(state)]
    before = earlier[-1] if earlier else (later[-1] if later else None)
    after = later[0] if later else (earlier[0] if earlier else None)
    return before, after


def _asked_run(request: HttpRequest) -> Run | None:
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


def _state(request: HttpRequest) -> str:
    state = request.GET.get("state", UNDECIDED)
    return state if state in STATES else UNDECIDED


def _detection(detection_id: int) -> Detection:
    detection = (
        Detection.objects.with_ground().filter(pk=detection_id).first() if detection_id < 2**63 else None
    )
    if detection is None:
        raise NotThere(_("There is no detection %(number)s.") % {"number": detection_id})
    return detection


def _said(decided: Review) -> str:
    if decided.verdict == ReviewVerdict.APPROVED:
        return _("Detection %(id)s is approved.") % {"id": decided.detection_id}
    return _("Detection %(id)s is rejected: %(reason)s.") % {
        "id": decided.detection_id,
        "reason": decided.look_alike_name,
    }
