"""The review desk: one detection after another. For experts.

The pages work as plain forms. static/js/labeling/review/review.js makes them quick: it sends verdicts through the API and
fetches the next card ahead of time.
"""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from amberapp.errors import UserError
from amberapp.models import Role, User
from amberapp.web.parameters import row_number, signed_in
from amberapp.web.permissions import role_required
from detection.models import Detection, Run
from labeling.models import Review, ReviewVerdict
from labeling.review.card_page import card_page
from labeling.review.gallery import Order, ordered
from labeling.review.head import empty_context, head_of, nothing_found
from labeling.review.last_decision import forget, remember_one, way_back
from labeling.review.review_detection import review_detection, withdraw_review
from labeling.review.waiting import QueueItem, review_queue
from labeling.review.way import ReviewOrder, detection_numbered, run_in, way_in

# The script walks through so many detections before it asks the server for more.
QUEUE_LENGTH = 1000


@never_cache
@require_safe
@role_required(Role.EXPERT)
def review(request: HttpRequest) -> HttpResponse:
    """The first detection of the queue that is asked for: ?region=slug or ?run=number, and a `Way`."""
    reader = signed_in(request)
    run = run_in(request)
    if run is None:
        return render(request, "labeling/review/empty.html", {"nothing": nothing_found(reader)})
    way = way_in(request)
    items = review_queue(run, reader)
    first = next((item.detection_id for item in way.line(run, items) if way.has(item)), None)
    if first is not None:
        return _page(request, run, items, way, detection_numbered(first))
    context = empty_context(head_of(run, items, way), reader) | {"back": way_back(request, run, way)}
    return render(request, "labeling/review/empty.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.EXPERT)
def review_one(request: HttpRequest, detection_id: int) -> HttpResponse:
    """One detection by its number, in its run's queue. A POST is the verdict; the next one follows.

    With ?order= it goes on in the order of the gallery that it was opened from, and ends there.
    """
    detection = detection_numbered(detection_id)
    way = way_in(request)
    items = review_queue(detection.run, signed_in(request))
    if request.method != "POST":
        return _page(request, detection.run, items, way, detection)
    following = _neighbours(_line(detection.run, items, way), way, detection_id)[1]
    decision = request.POST.get("decision", "")
    if decision.startswith("withdraw:"):
        sentence = _take_back(request, decision.removeprefix("withdraw:"), signed_in(request))
        following = detection_id
    else:
        sentence = _decide(request, detection, decision)
    messages.success(request, sentence)
    if following is None:
        return redirect(_end(detection.run, way))
    return redirect(f"{reverse('review-detection', args=[following])}?{way.query}")


@never_cache
@require_safe
@role_required(Role.EXPERT)
def review_card(request: HttpRequest, detection_id: int) -> HttpResponse:
    """The card alone, for the script that puts it in the place of the one before."""
    page = card_page(detection_numbered(detection_id), signed_in(request), way_in(request))
    return render(request, "labeling/review/_card.html", {"card_page": page, "card": page.card})


def _page(
    request: HttpRequest, run: Run, items: list[QueueItem], way: ReviewOrder, detection: Detection
) -> HttpResponse:
    line = way.line(run, items)
    before, after = _neighbours(line if way.order else _line(run, items, way), way, detection.pk)
    place = next((n for n, item in enumerate(line) if item.detection_id == detection.pk), 0)
    # What lies before it has been passed over; it comes again after the end.
    following = [item.detection_id for item in line[place + 1 :] + line[:place] if way.has(item)]
    sheet = card_page(detection, signed_in(request), way, before, after)
    context = {
        "head": head_of(run, items, way, shown=detection.pk),
        "card_page": sheet,
        "card": sheet.card,
        "before_this": before,
        "after_this": after,
        "page": {
            "queue": [detection.pk, *following][:QUEUE_LENGTH],
            "state": way.state,
            "way": way.query,
            "urls": {
                "card": reverse("review-card", args=[0]),
                "page": reverse("review-detection", args=[0]),
                "reviews": reverse("api-detection-reviews", args=[0]),
                "withdraw": reverse("api-reviews-withdraw"),
                "superpixels": reverse("api-detection-superpixels", args=[0]),
                "end": _end(run, way),
            },
        },
    }
    return render(request, "labeling/review/review.html", context)


def _end(run: Run, way: ReviewOrder) -> str:
    """Where one comes when the list is at its end: the gallery that one came from, or what the review says of it."""
    return f"{reverse('review-gallery' if way.order else 'review')}?run={run.pk}&{way.query}"


def _line(run: Run, items: Sequence[QueueItem], way: ReviewOrder) -> list[QueueItem]:
    """Where Back and Skip go on a page without scripts: in the gallery's order, else by score."""
    return way.line(run, items) if way.order else ordered(run, items, Order.SCORE)


def _neighbours(
    line: Sequence[QueueItem], way: ReviewOrder, detection_id: int
) -> tuple[int | None, int | None]:
    """The detections before and after this one that the way has, going round at the end."""
    place = next((n for n, item in enumerate(line) if item.detection_id == detection_id), 0)
    earlier = [item.detection_id for item in line[:place] if way.has(item)]
    later = [item.detection_id for item in line[place + 1 :] if way.has(item)]
    before = earlier[-1] if earlier else (later[-1] if later else None)
    after = later[0] if later else (earlier[0] if earlier else None)
    return before, after


def _take_back(request: HttpRequest, number: str, expert: User) -> str:
    own = Review.objects.select_related("detection").filter(expert=expert)
    row = own.filter(pk=row_number(number) or 0).first()
    if row is None:
        raise UserError(_("Only one's own verdict can be taken back."))
    withdraw_review(review=row, acting_user=expert)
    forget(request, [row.pk])
    return _("Your verdict on detection %(id)s is taken back.") % {"id": row.detection_id}


def _decide(request: HttpRequest, detection: Detection, decision: str) -> str:
    verdict, _colon, look_alike = decision.partition(":")
    row = review_detection(
        detection=detection,
        verdict=verdict,
        look_alike=look_alike,
        note=request.POST.get("note", ""),
        acting_user=signed_in(request),
        seen_review_id=row_number(request.POST.get("seen")),
    )
    remember_one(request, row)
    if row.verdict == ReviewVerdict.APPROVED:
        return _("Detection %(id)s is approved.") % {"id": row.detection_id}
    if row.verdict == ReviewVerdict.SECOND:
        return _("Detection %(id)s waits for a second opinion.") % {"id": row.detection_id}
    return _("Detection %(id)s is rejected: %(reason)s.") % {
        "id": row.detection_id,
        "reason": row.look_alike_name,
    }
