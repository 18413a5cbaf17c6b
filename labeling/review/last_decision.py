"""The last decision, about one detection or many, kept in the person's session so that it can be taken back from the next
page, and from the end of the list."""

import time
from typing import Any

from django.urls import reverse

from detection.models import Run
from labeling.models import Review
from labeling.review.review_many import Decided, written
from labeling.review.way import ReviewOrder

# Under this name the session keeps the reviews that the person's last decision wrote.
LAST_DECISION = "last-decision-about-many"


def last_decision(request: Any, run: Run) -> list[int]:
    """The reviews that the decision sent last has written and nobody has taken back, where it was about this run: on
    another run's page nobody would see what is taken back."""
    decision: dict[str, Any] = request.session.get(LAST_DECISION, {})
    reviews = list(decision.get("reviews", []))
    if reviews and not Review.objects.filter(pk=reviews[0], detection__run=run).exists():
        return []
    return reviews


def remember(request: Any, answers: list[Decided], turn: int | None = None) -> None:
    """Keep in the session what the decision wrote, so that it can be taken back from the next page too.

    An earlier decision that was answered later does not take the place of a later one.
    """
    rows = written(answers)
    turn = int(time.time() * 1000) if turn is None else turn
    decision = _kept_by_now(request)
    if decision.get("reviews") and decision["turn"] > turn:
        request.session[LAST_DECISION] = decision
    elif rows:
        request.session[LAST_DECISION] = {"turn": turn, "reviews": rows}


def remember_one(request: Any, review: Review) -> None:
    """As `remember`, of a decision about one detection."""
    request.session[LAST_DECISION] = {"turn": int(time.time() * 1000), "reviews": [review.pk]}


def way_back(request: Any, run: Run, way: ReviewOrder) -> dict[str, str] | None:
    """Where a page without cards sends what takes the last decision back: {url, value of “decision”}."""
    reviews = last_decision(request, run)
    if not reviews:
        return None
    if len(reviews) > 1:
        return {"url": f"{reverse('review-gallery')}?run={run.pk}&{way.query}", "value": "undo"}
    number = Review.objects.values_list("detection", flat=True).get(pk=reviews[0])
    url = f"{reverse('review-detection', args=[number])}?{way.query}"
    return {"url": url, "value": f"withdraw:{reviews[0]}"}


def forget(request: Any, reviews: list[int]) -> None:
    """These have been taken back; what else the last decision wrote can still be."""
    decision = _kept_by_now(request)
    left = [number for number in decision.get("reviews", []) if number not in set(reviews)]
    if decision and len(left) < len(decision["reviews"]):
        request.session[LAST_DECISION] = decision | {"reviews": left}


def _kept_by_now(request: Any) -> dict[str, Any]:
    """What other requests have kept since this one has read its session."""
    stored = type(request.session)(request.session.session_key)
    decision: dict[str, Any] = stored.get(LAST_DECISION, {})
    return decision
