"""The pages of runs as Carol meets them: the list, two runs compared, a run that is paused and goes on."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from amberapp.models import WorkState
from detection.runs import runs
from tests.findings import make_classifier, make_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def two_runs(make_tile: Callable[..., Any], carol: Any) -> tuple[Any, Any]:
    """The first marks tiles 0 to 3, the second 2 to 5, tile 2 otherwise."""
    tiles = [make_tile(number) for number in range(6)]
    then = make_run(make_classifier(tiles[0].region), tiles[:4])
    now = make_run(make_classifier(tiles[0].region), tiles[2:])
    changed = now.detections.get(segmented_tile__tile=tiles[2])
    changed.superpixels = [1, 2, 3, 4]
    changed.pixel_outline = {
        "type": "MultiPolygon",
        "coordinates": [[[[60, 40], [190, 40], [190, 190], [60, 190], [60, 40]]]],
    }
    changed.save()
    return then, now


@pytest.mark.parametrize("width", [390, 1280])
def test_carol_compares_two_runs_with_the_keyboard(
    page: Page,
    live_server: Any,
    carol: Any,
    two_runs: tuple[Any, Any],
    log_in: Callable[[Any], None],
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
    width: int,
) -> None:
    then, now = two_runs
    page.set_viewport_size({"width": width, "height": 800})
    log_in(carol)
    page.goto(f"{live_server.url}/manage/runs/", wait_until="networkidle")
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("radio", name=f"Compare from run {then.pk}").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"From run {then.pk} to run {now.pk}")
    expect(page.locator(".diff-tiles > li")).to_have_count(5)
    page.wait_for_load_state("networkidle")
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#kind").select_option("vanished")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".diff-tiles > li")).to_have_count(2)
    expect(page.locator(".diff-path--then")).to_have_count(2)
    assert console_errors == []


@pytest.mark.parametrize("width", [390, 1280])
def test_carol_pauses_a_run_and_a_page_left_open_learns_that_it_was_stopped(
    page: Page,
    live_server: Any,
    carol: Any,
    two_runs: tuple[Any, Any],
    log_in: Callable[[Any], None],
    serious_violations: Callable[[], list[str]],
    width: int,
) -> None:
    _then, now = two_runs
    page.set_viewport_size({"width": width, "height": 800})
    run = runs.start_run(region=now.region, acting_user=carol)
    log_in(carol)
    page.goto(f"{live_server.url}/manage/runs/{run.pk}/")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".run-paused")).to_contain_text("Paused since")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    runs.pause_run(run=run, acting_user=None, reason="The disk is full: free 2 GB on /srv.")
    expect(page.locator(".run-paused")).to_contain_text("The disk is full: free 2 GB on /srv.")
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_load_state("networkidle")  # the page was read anew; its scripts ask before they cancel
    page.get_by_role("button", name="Cancel the run").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".notice--success")).to_contain_text("is cancelled")
    run.refresh_from_db()
    assert run.state == WorkState.CANCELLED
