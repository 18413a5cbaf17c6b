"""Bob reviews with the keyboard alone; a colleague who was quicker is told to him; a thumb is enough on a phone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Report, Review
from labeling.review.review_detection import review_detection
from tests.findings import make_classifier, make_run
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tiles(make_tile: Callable[..., Any]) -> list[Any]:
    return [make_tile(number) for number in range(1, 5)]


@pytest.fixture
def desk(
    page: Page, live_server: Any, log_in: Callable, bob: Any, run: Any, console_errors: list[str]
) -> Page:
    log_in(bob)
    page.goto(f"{live_server.url}/review/")
    expect(page.locator(".review-card")).to_have_attribute("data-detection", str(run.detections.first().pk))
    return page


def shown(page: Page, detection: Any) -> None:
    expect(page.locator(".review-card")).to_have_attribute("data-detection", str(detection.pk))


def kept(detection: Any, **fields: Any) -> bool:
    """Whether the latest review of the detection soon says so; the page does not wait for its answer."""

    def said() -> bool:
        review = Review.objects.filter(detection=detection).order_by("-id").first()
        return review is not None and all(getattr(review, name) == value for name, value in fields.items())

    return eventually(said)


def test_bob_judges_by_keyboard_alone(desk: Page, bob: Any, run: Any, console_errors: list[str]) -> None:
    first, second, third, fourth = run.detections.all()
    desk.keyboard.press("a")
    shown(desk, second)
    expect(desk.locator("[data-decided]")).to_have_text("1")
    desk.keyboard.press("r")
    expect(desk.locator("#reasons")).to_be_visible()
    desk.keyboard.press("5")
    shown(desk, third)
    desk.keyboard.press("n")
    shown(desk, fourth)
    desk.keyboard.press("b")
    shown(desk, third)
    desk.keyboard.press("r")
    desk.keyboard.press("Escape")
    expect(desk.locator("#reasons")).to_be_hidden()
    desk.keyboard.press("a")
    shown(desk, fourth)
    expect(desk.locator('[data-count="undecided"]')).to_have_text("1")
    desk.keyboard.press("r")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="Everything is decided")).to_be_visible()
    said = {review.detection_id: (review.verdict, review.look_alike) for review in Review.objects.all()}
    assert said == {
        first.pk: ("approved", ""),
        second.pk: ("rejected", "field"),
        third.pk: ("approved", ""),
        fourth.pk: ("rejected", "deforestation"),
    }
    assert not console_errors


def test_going_back_shows_the_verdict_and_lets_bob_change_it(desk: Page, run: Any) -> None:
    first, second = run.detections.all()[:2]
    desk.keyboard.press("a")
    shown(desk, second)
    desk.keyboard.press("b")
    shown(desk, first)
    expect(desk.locator(".review-side .notice")).to_contain_text("Approved")
    desk.keyboard.press("r")
    desk.keyboard.press("2")
    shown(desk, second)
    expect(desk.locator('[data-count="rejected"]')).to_have_text("1")
    expect(desk.locator('[data-count="approved"]')).to_have_text("0")
    assert kept(first, look_alike="sand_pit")


def test_the_next_picture_is_there_beforehand_among_neighbours_too(
    page: Page, live_server: Any, log_in: Callable, bob: Any, region: Any, make_tile: Callable[..., Any]
) -> None:
    """The pictures of what lies around come first in a card, without an address until they are asked for."""
    tiles = [make_tile(number, longitude=26.5 - number * 0.001) for number in (1, 2)]  # edge to edge
    run = make_run(make_classifier(region), tiles)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    log_in(bob)
    page.goto(f"{live_server.url}/review/")
    shown(page, run.detections.first())
    expect(page.locator("[data-around] image")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    assert any(url.endswith(f"/tiles/{tiles[1].pk}/image.webp?size=1000") for url in asked)
    assert not any(url.endswith("/null") for url in asked)


def test_a_cyrillic_keyboard_works_the_same(desk: Page, run: Any) -> None:
    second = run.detections.all()[1]
    desk.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ф', code: 'KeyA', bubbles: true}))"
    )
    shown(desk, second)


def test_bob_is_told_that_dora_was_quicker(
    desk: Page, dora: Any, run: Any, console_errors: list[str]
) -> None:
    first, second = run.detections.all()[:2]
    review_detection(detection=first, verdict="rejected", look_alike="snow", acting_user=dora)
    desk.keyboard.press("a")
    shown(desk, second)
    alert = desk.locator('.toasts [role="alert"]')
    expect(alert).to_contain_text("dora has decided meanwhile: rejected (Snow)")
    expect(desk.locator("[data-decided]")).to_have_text("0")
    alert.get_by_role("button", name="Show it").click()
    shown(desk, first)
    expect(desk.locator(".review-side .notice")).to_contain_text("Snow")
    assert Review.objects.count() == 1


def test_a_note_is_not_lost_when_dora_was_quicker(desk: Page, dora: Any, run: Any) -> None:
    first, second = run.detections.all()[:2]
    desk.get_by_text("Add a note to the verdict").click()
    desk.get_by_label("Note", exact=True).fill("a barn")
    review_detection(detection=first, verdict="rejected", look_alike="snow", acting_user=dora)
    desk.locator("#card-title").focus()
    desk.keyboard.press("a")
    shown(desk, second)
    expect(desk.locator("[name=note]")).to_have_value("")
    desk.locator('.toasts [role="alert"]').get_by_role("button", name="Show it").click()
    shown(desk, first)
    expect(desk.get_by_label("Note", exact=True)).to_have_value("a barn")
    desk.locator("#card-title").focus()
    desk.keyboard.press("a")
    shown(desk, second)
    assert kept(first, verdict="approved", note="a barn")


def test_without_a_network_nothing_is_lost_and_bob_is_told(desk: Page, run: Any) -> None:
    first, second = run.detections.all()[:2]
    desk.wait_for_load_state("networkidle")
    desk.context.set_offline(True)
    desk.keyboard.press("a")
    shown(desk, second)
    expect(desk.locator('.toasts [role="alert"]')).to_contain_text("no connection")
    desk.context.set_offline(False)
    desk.locator(".toasts").get_by_role("button", name="Show it").click()
    shown(desk, first)
    desk.keyboard.press("a")
    shown(desk, second)
    expect(desk.locator("[data-decided]")).to_have_text("1")


def test_space_hides_the_outline_and_typing_a_note_judges_nothing(desk: Page, run: Any) -> None:
    first = run.detections.first()
    picture = desk.locator(".review-picture")
    desk.locator("#card-title").focus()
    desk.keyboard.down(" ")
    expect(picture).to_have_attribute("data-bare", "")
    desk.keyboard.up(" ")
    expect(picture).not_to_have_attribute("data-bare", "")
    desk.keyboard.press("+")
    expect(desk.locator(".review-picture__ground")).to_have_attribute("data-zoomed", "")
    desk.keyboard.press("0")
    expect(desk.locator(".review-picture__ground")).not_to_have_attribute("data-zoomed", "")
    desk.get_by_text("Add a note to the verdict").click()
    desk.get_by_label("Note", exact=True).fill("")
    desk.get_by_label("Note", exact=True).press_sequentially("a barn")
    shown(desk, first)
    desk.locator("#card-title").focus()
    desk.keyboard.press("a")
    shown(desk, run.detections.all()[1])
    expect(desk.locator("[data-decided]")).to_have_text("1")
    assert kept(first, note="a barn")


def test_keys_can_be_switched_off(desk: Page, run: Any) -> None:
    first = run.detections.first()
    desk.get_by_text("Keyboard", exact=True).click()
    desk.get_by_label("Keys on").uncheck()
    desk.keyboard.press("a")
    shown(desk, first)
    desk.reload()
    desk.keyboard.press("a")
    shown(desk, first)


def test_a_thumb_is_enough_on_a_phone(desk: Page, run: Any, serious_violations: Callable) -> None:
    first, second = run.detections.all()[:2]
    desk.set_viewport_size({"width": 390, "height": 844})
    assert desk.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for name in ("Approve", "Reject"):
        box = desk.get_by_role("button", name=name, exact=True).bounding_box()
        assert box is not None
        assert box["height"] >= 48
        assert box["y"] + box["height"] <= 844
    desk.get_by_role("button", name="Reject", exact=True).click()
    reason = desk.get_by_role("button", name="Something else")
    box = reason.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 844
    assert serious_violations() == []
    reason.click()
    shown(desk, second)
    assert kept(first, look_alike="other")
    desk.get_by_text("Add a note to the verdict").click()
    desk.get_by_label("Note", exact=True).fill("a pond?")
    box = desk.get_by_label("Note", exact=True).bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 844
    desk.get_by_role("button", name="Second opinion", exact=True).click()
    assert kept(second, verdict="second", note="a pond?")


def test_nothing_serious_on_the_expert_pages_and_the_admins(
    desk: Page,
    live_server: Any,
    log_in: Callable,
    carol: Any,
    run: Any,
    region: Any,
    serious_violations: Callable,
    console_errors: list[str],
) -> None:
    report = Report.objects.create(
        region=region,
        detection=run.detections.first(),
        latitude=51.5,
        longitude=26.502,
        category="not_mining",
    )
    log_in(carol)
    for address in (
        "/review/",
        "/review/gallery/",
        "/review/history/",
        "/review/history/?at=2026-12-31",
        "/review/reports/",
        f"/review/reports/{report.pk}/",
        "/manage/",
        f"/manage/runs/{run.pk}/",
        f"/manage/classifiers/{run.classifier_id}/",
    ):
        desk.goto(live_server.url + address)
        desk.wait_for_load_state("networkidle")
        assert serious_violations() == [], address
    assert not console_errors


def test_a_run_is_watched_until_it_ends(
    desk: Page, live_server: Any, log_in: Callable, carol: Any, run: Any
) -> None:
    from django.utils import timezone

    tiles = list(run.region.tiles.all())
    watched = make_run(run.classifier, tiles, state="running")
    log_in(carol)
    desk.goto(f"{live_server.url}/manage/runs/{watched.pk}/")
    began = timezone.now() - timezone.timedelta(seconds=30)
    watched.shards.update(tiles_done=3, tiles_failed=1, state="done", started_at=began)
    expect(desk.locator('[data-field="tiles_done"]')).to_have_text("3")
    expect(desk.locator('[data-field="tiles_failed"]')).to_have_text("1")
    expect(desk.locator('[data-field="rate"]')).to_have_text("0.1")
    type(watched).objects.filter(pk=watched.pk).update(state="done", finished_at=timezone.now())
    expect(desk.locator("h1 .tag")).to_have_text("done")


def test_the_card_asked_for_last_stays_though_an_earlier_one_comes_later(desk: Page, run: Any) -> None:
    _first, second, third, fourth = run.detections.all()
    desk.keyboard.press("n")
    shown(desk, second)
    held: list[Any] = []
    desk.route(re.compile(rf"/{fourth.pk}/card/"), lambda route: held.append(route))
    desk.keyboard.press("n")
    shown(desk, third)
    desk.keyboard.press("n")
    expect(desk.locator("#card")).to_have_attribute("aria-busy", "true")
    desk.keyboard.press("b")
    expect(desk.locator("#card")).not_to_have_attribute("aria-busy", "true")
    with desk.expect_response(re.compile(rf"/{fourth.pk}/card/")):
        held[0].continue_()
    desk.wait_for_timeout(500)
    shown(desk, third)
    assert f"/{third.pk}/" in desk.url


def test_bob_takes_his_verdict_back_after_the_next_card_has_come(desk: Page, run: Any) -> None:
    first, second = run.detections.all()[:2]
    desk.keyboard.press("a")
    shown(desk, second)
    assert kept(first, verdict="approved")
    expect(desk.locator(".toast")).to_contain_text("Approved")
    desk.keyboard.press("u")
    shown(desk, first)
    assert kept(first, verdict="withdrawn")
    expect(desk.locator("[data-decided]")).to_have_text("0")


def test_bob_takes_the_very_last_verdict_back_from_the_end_of_the_list(desk: Page, run: Any) -> None:
    *_others, last = run.detections.all()
    for detection in run.detections.all():
        shown(desk, detection)
        desk.keyboard.press("a")
        assert kept(detection, verdict="approved")
    expect(desk.get_by_role("button", name="Take my last verdict back")).to_be_visible()
    desk.wait_for_load_state("networkidle")
    desk.keyboard.press("u")
    shown(desk, last)
    assert kept(last, verdict="withdrawn")
