"""An expert judges sampled tiles: by mouse, by keys, on a phone; nothing on the page tells what the map says."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labeling.area.sample import draw_sample
from labeling.models import SampleAnswer
from tests.published import approve_all, found_on

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def sample(region: Any, make_tile: Callable[..., Any], bob: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("labeling.area.sample.LEAST_SIZE", 2)
    run = found_on(region, [make_tile(seed) for seed in range(4)])
    approve_all(run, bob)
    return draw_sample(run=run, size=4, seed=1, acting_user=None)


def ready(page: Page) -> None:
    expect(page.locator("#cover")).to_be_hidden()
    expect(page.locator('[data-do="send"]')).to_be_enabled()


def test_tiles_are_judged_by_mouse_and_by_keys(
    page: Page,
    live_server: Any,
    log_in: Callable[[Any], None],
    bob: Any,
    sample: Any,
    console_errors: list[str],
) -> None:
    log_in(bob)
    page.goto(f"{live_server.url}/review/sample/")
    ready(page)
    send = page.locator('[data-do="send"]')
    expect(send).to_contain_text("No mining")
    box = page.locator("#tile-map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#chosen")).to_have_text("1 superpixel marked as mining")
    page.keyboard.press("z")
    expect(page.locator("#chosen")).to_have_text("Nothing marked")
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    expect(page.locator("#chosen")).to_have_text("2 superpixels marked as mining")
    page.keyboard.press("Enter")
    expect(page.locator("#judged")).to_have_text("1 of 4 judged")
    assert len(SampleAnswer.objects.get().superpixels) == 2
    ready(page)
    page.keyboard.press("u")
    expect(page.locator("#judged")).to_have_text("2 of 4 judged")
    ready(page)
    page.keyboard.press("b")
    expect(page.locator('[data-do="back"]')).to_be_enabled()
    ready(page)
    expect(page.locator("#chosen")).to_have_text("Sent as unusable")
    page.keyboard.press("b")
    expect(page.locator("#chosen")).to_have_text("2 superpixels marked as mining")
    ready(page)
    page.keyboard.press("Enter")
    for _tile in range(3):
        ready(page)
        page.keyboard.press("Enter")
    expect(page.locator("#cover-title")).to_have_text("Nothing is left to judge here")
    answers = SampleAnswer.objects.all()
    assert answers.count() == 4
    assert sorted(len(answer.superpixels) for answer in answers) == [0, 0, 0, 2]
    assert console_errors == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_of_a_sample_can_be_used_by_everybody(
    page: Page,
    live_server: Any,
    log_in: Callable[[Any], None],
    carol: Any,
    sample: Any,
    serious_violations: Callable[[], list[str]],
    width: int,
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    log_in(carol)
    for path in (
        f"/review/sample/{sample.pk}/",
        "/manage/samples/",
        f"/manage/samples/?run={sample.run_id}&size=4",
        f"/manage/samples/{sample.pk}/",
    ):
        page.goto(live_server.url + path)
        if path.startswith("/review"):
            ready(page)
        assert serious_violations() == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_marks_not_sent_yet_are_there_again_after_a_look_back(
    page: Page, live_server: Any, log_in: Callable[[Any], None], bob: Any, sample: Any
) -> None:
    log_in(bob)
    page.goto(f"{live_server.url}/review/sample/")
    for _tile in range(2):
        ready(page)
        page.keyboard.press("Enter")
    expect(page.locator("#judged")).to_have_text("2 of 4 judged")
    ready(page)
    for _piece in range(2):
        page.keyboard.press("ArrowRight")
        page.keyboard.press(" ")
    expect(page.locator("#chosen")).to_have_text("2 superpixels marked as mining")
    for _tile in range(2):
        page.keyboard.press("b")
        expect(page.locator("#chosen")).to_have_text("Nothing marked")
        ready(page)
    expect(page.locator('[data-do="back"]')).to_be_disabled()
    for _tile in range(2):
        page.keyboard.press("Enter")
        expect(page.locator('[data-do="back"]')).to_be_enabled()
        ready(page)
    expect(page.locator("#chosen")).to_have_text("2 superpixels marked as mining")
    page.keyboard.press("Enter")
    expect(page.locator("#judged")).to_have_text("3 of 4 judged")
    assert sorted(len(answer.superpixels) for answer in SampleAnswer.objects.all()) == [0, 0, 2]
