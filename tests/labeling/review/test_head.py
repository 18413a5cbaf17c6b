"""What stands at the head of the review's pages, and below it when a list is empty."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import RequestFactory

from labeling.review.head import empty_list, everything_decided, head_of, nothing_found
from labeling.review.waiting import review_queue
from labeling.review.way import ReviewOrder, way_in
from tests.pages import squeezed
from tests.published import found_on, judge

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(region: Any, make_tile: Callable[..., Any]) -> Any:
    return found_on(region, [make_tile(seed) for seed in range(2)])


def head(run: Any, reader: Any, way: ReviewOrder, **fields: Any) -> Any:
    return head_of(run, review_queue(run, reader), way, **fields)


def test_the_tabs_lead_on_in_the_same_order_and_say_which_one_is_open(run: Any, bob: Any) -> None:
    shown = head(run, bob, ReviewOrder("approved", order="area"))
    assert [tab.name for tab in shown.tabs] == ["undecided", "approved", "rejected", "carried", "all"]
    assert [tab.name for tab in shown.tabs if tab.is_current] == ["approved"]
    assert shown.tabs[0].url == f"/review/?run={run.pk}&state=undecided&order=area"
    assert shown.other_title == "Back to the gallery"
    assert head(run, bob, ReviewOrder("all")).other_title == "Gallery"
    assert head(run, bob, ReviewOrder("all"), gallery=True).other_title == "One by one"


def test_bob_sees_what_needs_him_and_why(run: Any, bob: Any) -> None:
    shown = head(run, bob, ReviewOrder("undecided"))
    assert [(need.name, need.count) for need in shown.needed] == [("need-new", 2)]
    assert shown.need_words == "of 2 need you:"
    assert not shown.compares, "there is no run before"


def test_an_empty_list_says_why_and_leads_on(run: Any, bob: Any, carol: Any) -> None:
    nothing = empty_list(head(run, bob, ReviewOrder("approved")))
    assert nothing is not None
    assert (nothing.title, nothing.text, nothing.url) == ("None in this list", "", "/review/")
    for detection in run.detections.with_ground():
        judge(detection, bob)
    done = head(run, bob, ReviewOrder("undecided"))
    assert empty_list(done) is None
    for_bob, for_carol = everything_decided(done, bob), everything_decided(done, carol)
    assert (for_bob.title, for_bob.others) == ("Everything is decided", "")
    assert for_bob.counts == "2 approved, 0 rejected."
    assert (for_bob.publish_url, for_carol.publish_url) == ("", f"/manage/runs/{run.pk}/#publish")


def test_before_the_first_search_only_an_admin_can_start_one(bob: Any, carol: Any) -> None:
    assert nothing_found(carol).action == "Start a search"
    assert nothing_found(bob).url == "/review/reports/"


def test_an_address_with_nonsense_in_it_means_the_undecided_ones() -> None:
    request = RequestFactory().get("/review/", {"state": "nonsense", "order": "nonsense", "fresh": "yes"})
    assert way_in(request) == ReviewOrder("undecided")


def test_bob_is_told_of_a_date_that_looks_like_nothing_seen_before_he_trusts_it(
    run: Any, bob: Any, client_of: Callable[..., Any]
) -> None:
    strange, known = run.detections.with_ground().order_by("pk")
    tile = strange.segmented_tile.tile
    tile.capture_date = dt.date(2021, 2, 3)
    tile.save()
    client = client_of(bob)
    page = "/review/gallery/?run={}"
    assert (
        "like nothing the classifier was trained on" not in client.get(page.format(run.pk)).content.decode()
    )
    counts = {"tiles": 38, "superpixels": 950, "beyond": 500, "detections": 1, "likeness": "unlike"}
    run.drift = [{"source": tile.source_id, "source_name": "Bing", "date": "2021-02-03", **counts}]
    run.save()
    for address in (page, "/review/?run={}"):
        shown = squeezed(client.get(address.format(run.pk)))
        assert "1 detection lies on images like nothing the classifier was trained on" in shown
        assert "<li>3 February 2021 (Bing): 38 tiles, 1 detection</li>" in shown
    way = way_in(RequestFactory().get("/review/?state=all&unlike=1"))
    items = review_queue(run, bob)
    assert [item.detection_id for item in items if way.has(item)] == [strange.pk]
    assert known.pk in [item.detection_id for item in items]
    assert "unlike=1" in head(run, bob, ReviewOrder("all")).unlike_url
    assert way.parameters["unlike"] == "1"
