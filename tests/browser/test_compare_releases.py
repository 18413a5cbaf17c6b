"""What changed between two releases, on a map that is squares far out and outlines close by, and in tables."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labeling.actions.publish import publish_release
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
    expect(page.locator(".changes--vanished tbody tr")).to_contain_text("rejected it (Clear-cut forest)")
    expect(page.locator(".changes--vanished tbody tr")).to_contain_text("in release 2")
    expect(page.locator(".changes--appeared tbody tr")).to_have_count(1)
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.select_option("#compare-from", "2")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("h1")).to_have_text("What changed from release 2 to 3")
    expect(page.locator(".changes--vanished")).to_have_count(0)
    assert console_errors == []
