"""Alice's first visit: tiles whose answers are known, right or wrong at once, and then the desk."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labeling.models import GoldStandardTile, GoldStandardUse, TileProgress, VolunteerRecord
from tests.browser.desk.test_desk import centre, on_screen, shows

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def lessons(make_tile: Callable[..., Any], region: Any, carol: Any) -> list[GoldStandardTile]:
    made = []
    for position, seed in enumerate((21, 22)):
        tile = make_tile(seed).segmented.get()
        answers = {
            "1": {"verdict": "mining", "look_alike": "", "why": {"en": "Round pits with water in them."}},
            "2": {"verdict": "not_mining", "look_alike": "sand_pit", "why": {}},
        }
        made.append(
            GoldStandardTile.objects.create(
                segmented_tile=tile,
                region=region,
                use=GoldStandardUse.LESSON,
                position=position,
                answers=answers,
                created_by=carol,
            )
        )
    TileProgress.objects.update(free=0, wanted=0)
    return made


def begin(page: Page) -> None:
    page.click("[data-do=begin]")
    expect(page.locator("#lesson-title")).to_have_text("Lesson 1 of 2")


def passed(person: Any) -> bool:
    return VolunteerRecord.objects.filter(volunteer=person, tutorial_passed_at__isnull=False).exists()


def test_the_desk_sends_a_newcomer_to_the_lessons_and_they_lead_back(
    page: Page,
    alice: Any,
    lessons: list[GoldStandardTile],
    make_tile: Callable[..., Any],
    log_in: Callable,
    live_server: Any,
    serious_violations: Callable,
    console_errors: list[str],
) -> None:
    tile = make_tile(1).segmented.get()
    log_in(alice)
    page.goto(f"{live_server.url}/label/")
    page.wait_for_url("**/label/tutorial/**")
    expect(page.locator("#examples")).to_be_visible()
    assert serious_violations() == []
    begin(page)
    first = lessons[0].segmented_tile
    page.mouse.click(*on_screen(page, centre(first, 1)))
    expect(page.locator("#told-title")).to_have_text("Right: “mining”")
    expect(page.locator("#told-why")).to_have_text("Round pits with water in them.")
    expect(page.locator("#told-mark")).to_have_text("✓")
    page.mouse.click(*on_screen(page, centre(first, 2)))
    expect(page.locator("#told-mark")).to_have_text("✗")
    expect(page.locator("#told-title")).to_contain_text("1 of 2 right.")
    expect(page.locator("#told-why")).to_contain_text("it is “not mining” (Sand pit); you said “mining”")
    expect(page.locator("[data-do=next]")).to_be_disabled()
    assert serious_violations() == []

    page.click("[data-do=again]")
    page.click("[data-verdict=mining]")
    page.mouse.click(*on_screen(page, centre(first, 1)))
    page.click("[data-verdict=not_mining]")
    page.mouse.click(*on_screen(page, centre(first, 2)))
    expect(page.locator("#told-title")).to_have_text("2 of 2 right. Lesson passed.")
    page.click("[data-do=next]")
    expect(page.locator("#lesson-title")).to_have_text("Lesson 2 of 2")
    assert not passed(alice)

    # The second one with the keyboard alone.
    page.keyboard.press("Tab")
    expect(page.locator("#said")).to_have_text("Superpixel 1: not answered")
    page.keyboard.press("1")
    expect(page.locator("#told-title")).to_have_text("Right: “mining”")
    page.keyboard.press("Tab")
    page.keyboard.press("2")
    expect(page.locator("#told-title")).to_have_text("2 of 2 right. Lesson passed.")
    page.keyboard.press("Enter")
    expect(page.locator("#welcome-title")).to_have_text("You know what to look for")
    assert passed(alice)
    page.keyboard.press("Enter")
    shows(page, tile)
    assert console_errors == []


def test_a_finger_is_enough_on_a_small_phone(
    live_server: Any,
    alice: Any,
    lessons: list[GoldStandardTile],
    small_phone: Callable[[Any], Page],
) -> None:
    phone = small_phone(alice)
    phone.goto(f"{live_server.url}/label/tutorial/")
    phone.tap("[data-do=begin]")
    expect(phone.locator("#lesson-title")).to_have_text("Lesson 1 of 2")
    for essential in ("[data-verdict=mining]", "[data-verdict=unsure]", "[data-do=next]", "#told"):
        box = phone.locator(essential).bounding_box()
        assert box is not None
        assert box["y"] >= 0 and box["y"] + box["height"] <= 640, f"{essential} needs scrolling"
    first = lessons[0].segmented_tile
    phone.touchscreen.tap(*on_screen(phone, centre(first, 1)))
    expect(phone.locator("#told-title")).to_have_text("Right: “mining”")
    phone.tap("[data-verdict=not_mining]")
    phone.touchscreen.tap(*on_screen(phone, centre(first, 2)))
    expect(phone.locator("#told-title")).to_contain_text("Lesson passed.")


def test_without_lessons_the_way_to_the_desk_is_open(
    page: Page, alice: Any, make_tile: Callable[..., Any], log_in: Callable, live_server: Any
) -> None:
    tile = make_tile(1).segmented.get()
    log_in(alice)
    page.goto(f"{live_server.url}/label/tutorial/")
    expect(page.locator("#welcome-title")).to_have_text("There are no lessons here yet")
    page.click("#welcome [data-desk]")
    shows(page, tile)


def test_an_expert_says_that_she_knows_this(
    page: Page,
    bob: Any,
    lessons: list[GoldStandardTile],
    make_tile: Callable[..., Any],
    log_in: Callable,
    live_server: Any,
) -> None:
    tile = make_tile(1).segmented.get()
    log_in(bob)
    page.goto(f"{live_server.url}/label/tutorial/")
    page.click("[data-do=know]")
    shows(page, tile)
    assert passed(bob)
