"""The gallery of the review: many detections at once. For experts.

The page works as a plain form with ticks. static/js/labeling/review/gallery.js makes it quick and long: it fetches the cells
that come into view and sends decisions through the API.
"""

from collections.abc import Sequence

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from amberapp.errors import UserError
from amberapp.models import Role, User
from amberapp.web.parameters import row_number, row_numbers, signed_in
from amberapp.web.permissions import role_required
from detection.models import Run
from labeling.review.card_page import reasons
from labeling.review.contradictions import Contradicts
from labeling.review.gallery import CELLS, Order, cells_of
from labeling.review.head import empty_context, head_of, nothing_found
from labeling.review.last_decision import forget, last_decision, remember, way_back
from labeling.review.review_many import (
    MOST_AT_ONCE,
    Decided,
    ReviewOutcome,
    review_many,
    withdraw_many,
    written,
)
from labeling.review.waiting import QueueItem, review_queue
from labeling.review.way import ReviewOrder, run_in, way_in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.EXPERT)
def gallery(request: HttpRequest) -> HttpResponse:
    """?run= or ?region= and a `Way`; ?at=number opens it at that detection, or where it was before it left the list."""
    reader = signed_in(request)
    run = run_in(request)
    if run is None:
        return render(request, "labeling/review/empty.html", {"nothing": nothing_found(reader)})
    if request.method == "POST":
        _decide(request, reader, run)
        return redirect(request.get_full_path())
    way = way_in(request, order=Order.SCORE)
    items = review_queue(run, reader)
    line = way.line(run, items)
    numbers = [item.detection_id for item in line if way.has(item)]
    head = head_of(run, items, way, gallery=True)
    if not numbers:
        context = empty_context(head, reader) | {"back": way_back(request, run, way)}
        return render(request, "labeling/review/empty.html", context)
    pages = Paginator(numbers, CELLS)
    at = _place_of(request.GET.get("at", ""), line, way)
    page = pages.get_page(request.GET.get("page") if at is None else at // CELLS + 1)
    written_last = last_decision(request, run)
    context = {
        "head": head,
        "way": way,
        "cells": cells_of(list(page.object_list), reader),
        "page": page,
        "query": f"run={run.pk}&{way.query}&",
        "orders": _orders(),
        "reasons": reasons(),
        "may_undo": bool(written_last),
        "data": {
            "numbers": numbers,
            "first": page.start_index() - 1,
            "at": at,
            "cells": CELLS,
            "most": MOST_AT_ONCE,
            "way": way.parameters,
            "written": written_last,
            "urls": {
                "cells": reverse("review-gallery-cells"),
                "page": reverse("review-detection", args=[0]),
                "reviews": reverse("api-many-reviews"),
                "withdraw": reverse("api-reviews-withdraw"),
            },
        },
    }
    return render(request, "labeling/review/gallery.html", context)


@never_cache
@require_safe
@role_required(Role.EXPERT)
def gallery_cells(request: HttpRequest) -> HttpResponse:
    """The cells of ?ids=1,2,3 alone, at most CELLS of one run, for the script that puts them into the gallery."""
    numbers = row_numbers(request.GET.get("ids", "").split(","))
    if numbers is None or len(numbers) > max(CELLS, MOST_AT_ONCE):
        raise UserError(
            _("“ids” are the numbers of at most %(count)s detections.") % {"count": max(CELLS, MOST_AT_ONCE)}
        )
    cells = cells_of(numbers, signed_in(request))
    way = way_in(request, order=Order.SCORE)
    return render(request, "labeling/review/_gallery_cells.html", {"cells": cells, "way": way})


def _place_of(number: str, line: Sequence[QueueItem], way: ReviewOrder) -> int | None:
    """Where in the gallery the detection with this number is, or what comes after it now that it has left; None: nowhere."""
    detection_id = row_number(number)
    before = 0
    for item in line:
        if item.detection_id == detection_id:
            last = sum(map(way.has, line)) - 1
            return min(before, last)
        before += way.has(item)
    return None


def _decide(request: HttpRequest, expert: User, run: Run) -> None:
    """What a page without scripts sends: ticked detections with what was seen of them, and one decision."""
    decision = request.POST.get("decision", "")
    if decision == "undo":
        reviews = last_decision(request, run)
        if not reviews:
            raise UserError(_("There is nothing to take back."))
        answers = withdraw_many(reviews=reviews, acting_user=expert)
        forget(request, reviews)
        _tell(request, answers, back=True)
        return
    seen: dict[int, int | None] = {}
    for text in request.POST.getlist("detection"):
        name, _colon, review = text.partition(":")
        number, latest = row_number(name), row_number(review)
        if number is None or (review and latest is None):
            raise UserError(_("Choose detections on the page and try again."))
        seen[number] = latest
    verdict, _colon, look_alike = decision.partition(":")
    try:
        answers = review_many(
            seen=seen,
            verdict=verdict,
            look_alike=look_alike,
            note=request.POST.get("note", ""),
            acting_user=expert,
        )
    except Contradicts as error:
        messages.error(
            request, f"{error.message} {_('Nothing was changed: untick them, or open them alone.')}"
        )
        for name, sentences in error.fields.items():
            values = {"id": name, "message": " ".join(sentences)}
            messages.error(request, _("Detection %(id)s: %(message)s") % values)
        return
    remember(request, answers)
    _tell(request, answers)


def _tell(request: HttpRequest, answers: list[Decided], *, back: bool = False) -> None:
    done = len(written(answers))
    if done:
        sentence = (
            ngettext("%(count)s verdict is taken back.", "%(count)s verdicts are taken back.", done)
            if back
            else ngettext("%(count)s detection is decided.", "%(count)s detections are decided.", done)
        )
        messages.success(request, sentence % {"count": done})
    for one in answers:
        if one.outcome in (ReviewOutcome.CONFLICT, ReviewOutcome.REFUSED):
            messages.error(
                request,
                _("Detection %(id)s: %(message)s") % {"id": one.detection_id, "message": one.message},
            )


def _orders() -> list[dict[str, str]]:
    titles = {
        Order.SCORE: _("Score"),
        Order.AREA: _("Area"),
        Order.DISAGREEMENT: _("Disagreement"),
        Order.REPORTS: _("Reports"),
    }
    return [{"value": str(order), "title": titles[order]} for order in Order]
