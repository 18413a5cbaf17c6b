"""What changed between two releases, on a map that is squares far out and outlines close by, and in a table."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labeling.releases.publish import publish_release
from tests.published import approve_all, found_on, judge

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def releases(region: Any, make_tile: Callable[..., Any], bob: Any) -> None:
    tiles = [make_tile(seed, latitude=51.3 + seed * 0.02) for seed in range(4)]
    run = found_on(region, tiles[:3])
    approve_all(run, bob)
    publish_release(run=run, acting_user=None)
    judge(run.detections.first(), bob, "rejected", look_alike="deforestation")
    publish_release(run=run, acting_user=None)
    run = found_on(region, tiles[1:])
    approve_all(run, bob)
    publish_release(run=run, acting_user=None)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_map_and_the_tables_tell_what_changed_and_why(
    page: Page,
    live_server: Any,
    releases: None,
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
    width: int,
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{live_server.url}/releases/testshire/1/compare/3/")
    expect(page.locator("#compare-map[data-ready]")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)
    gone = page.locator("tbody tr", has_text="removed from it")
    expect(gone).to_contain_text("rejected it (Clear-cut forest)")
    expect(gone).to_contain_text("in release 2")
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.select_option("#compare-from", "2")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("h1")).to_have_text("What changed from release 2 to 3")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert console_errors == []


@pytest.mark.parametrize("width", [390, 1280])
def test_an_outline_tells_what_happened_why_and_how_it_looks(
    page: Page,
    live_server: Any,
    releases: None,
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
    width: int,
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{live_server.url}/releases/testshire/1/compare/3/")
    page.get_by_role("link", name="No longer on the map").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.wait_for_selector("#compare-map[data-ready]")
    # The only change lies in the middle; beneath it is the ground that was searched.
    expect(page.locator(".map-searched canvas").first).to_be_attached()
    page.locator("#compare-map").scroll_into_view_if_needed()
    page.locator("#compare-map").click()
    card = page.locator(".change-card")
    expect(card.get_by_role("heading")).to_have_text("No longer on the map")
    expect(card).to_contain_text("an expert has rejected it (Clear-cut forest)")
    page.wait_for_function("() => document.querySelector('.change-card img')?.naturalWidth > 100")
    expect(page.locator(".leaflet-popup")).to_have_css("opacity", "1")
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Release 3 does not show the place: its map of that ground is the way.
    assert "#map=15/51." in (card.get_by_role("link", name="release 3").get_attribute("href") or "")
    card.get_by_role("link", name="release 1").click()
    expect(page.locator("#place-title")).to_contain_text("Mined area")
    page.go_back()
    expect(page.locator(".change-kinds [aria-current]")).to_contain_text("No longer on the map")
    assert console_errors == []


def test_a_place_whose_image_may_not_be_shown_says_so(
    page: Page, live_server: Any, region: Any, make_tile: Callable[..., Any], bob: Any
) -> None:
    region.source.may_publish = False
    region.source.save()
    run = found_on(region, [make_tile(seed, latitude=51.3 + seed * 0.02) for seed in range(2)])
    approve_all(run, bob)
    publish_release(run=run, acting_user=None)
    judge(run.detections.first(), bob, "rejected")
    publish_release(run=run, acting_user=None)
    page.goto(f"{live_server.url}/releases/testshire/1/compare/2/")
    page.wait_for_selector("#compare-map[data-ready]")
    page.locator("#compare-map").click()
    expect(page.locator(".change-card")).to_contain_text("The source does not allow showing its images.")
    expect(page.locator(".change-card img")).to_have_count(0)
