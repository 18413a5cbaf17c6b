"""Reporting by thumb and by mouse: three taps, a photo that tells nothing, ground that the map misses; and the report desk."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from labeling.models import Report
from labeling.releases.reader import places_of
from labeling.reports.filing import file_report
from labeling.reports.photos import photo_of
from tests.labeling.reports.test_report_photos import SECRET, telling_photo

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def taps(page: Page) -> Callable[[], int]:
    """How often something was pressed on the page since it was loaded.

    Counted at the document: Playwright stops a click at the window, and tries again, when what it aims at still moves.
    """
    page.add_init_script(
        """window.presses = 0; document.addEventListener("click", (event) => {
            if (event.isTrusted) { window.presses += 1; }
        }, true);"""
    )
    return lambda: int(page.evaluate("window.presses"))


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "desk"])
def test_from_a_place_on_the_map_to_a_sent_report_in_three_taps(
    page: Page, live_server: Any, release: Any, taps: Callable[[], int], viewport: Any
) -> None:
    page.set_viewport_size(viewport)
    place = places_of(release)[0]
    page.goto(f"{live_server.url}/#map=15/{place.latitude}/{place.longitude}&place={place.place}")
    page.wait_for_selector("body[data-ready]")
    # The place is open: that was the first tap.
    page.get_by_role("button", name="Report an error here").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert taps() + 1 <= 3
    report = Report.objects.get()
    assert (report.category, report.detection is not None) == ("not_mining", True)


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "desk"])
def test_mining_that_was_missed_is_told_in_three_taps_on_empty_ground(
    page: Page, live_server: Any, release: Any, taps: Callable[[], int], viewport: Any
) -> None:
    page.set_viewport_size(viewport)
    page.goto(f"{live_server.url}/#map=12/51.7/26.3")
    page.wait_for_selector("body[data-ready]")
    page.locator("#report-button").click()
    expect(page.locator("#report-panel")).to_be_visible()
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["width"] * 0.8, 200)
    expect(page.locator("[name=category][value=missed]")).to_be_checked()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert taps() <= 3
    report = Report.objects.get()
    assert (report.category, report.detection) == ("missed", None)
    assert abs(report.latitude - 51.7) < 0.2


def test_who_has_not_moved_the_mark_is_asked_once_whether_it_is_right(
    page: Page, live_server: Any, release: Any, taps: Callable[[], int]
) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{live_server.url}/#map=12/51.7/26.3")
    page.wait_for_selector("body[data-ready]")
    page.locator("#report-button").click()
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#report-error")).to_contain_text("Is the mark on the place?")
    expect(page.locator("#report-error")).to_be_in_viewport()
    assert not Report.objects.exists()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert taps() <= 3
    assert Report.objects.get().category == "missed"


def test_words_that_are_too_many_are_counted_and_kept(page: Page, live_server: Any, release: Any) -> None:
    page.goto(f"{live_server.url}/#map=12/51.7/26.3")
    page.wait_for_selector("body[data-ready]")
    page.locator("#report-button").click()
    page.get_by_text("Say more").click()
    page.locator("#report-comment").fill("pit " * 501)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#report-error")).to_contain_text("The text has 2,004 characters; 2,000 can be sent.")
    expect(page.locator("#report-comment")).to_have_value("pit " * 501)
    assert not Report.objects.exists()


def test_a_long_press_on_the_ground_begins_a_report_there(page: Page, live_server: Any, release: Any) -> None:
    page.goto(f"{live_server.url}/#map=12/51.7/26.3")
    page.wait_for_selector("body[data-ready]")
    page.mouse.click(900, 250, button="right")
    expect(page.locator("#report-panel")).to_be_visible()
    expect(page.locator("[name=category][value=missed]")).to_be_checked()
    mark = page.locator(".report-mark").bounding_box()
    assert mark
    assert abs(mark["x"] + mark["width"] / 2 - 900) < 3


def test_a_category_chosen_by_hand_outlives_a_move_of_the_mark(
    page: Page, live_server: Any, release: Any
) -> None:
    place = places_of(release)[0]
    page.goto(f"{live_server.url}/map/testshire/1/place/{place.place}/")
    page.wait_for_selector("body[data-ready]")
    page.locator("#report-button").click()
    expect(page.locator("[name=category][value=not_mining]")).to_be_checked()
    page.get_by_text("Something else").click()
    page.mouse.click(1200, 400)
    expect(page.locator("#report-where")).to_contain_text("Tap the map")
    expect(page.locator("[name=category][value=other]")).to_be_checked()


def test_a_photo_leaves_the_phone_small_and_without_its_place(
    page: Page, live_server: Any, release: Any, home: Path, console_errors: list[str]
) -> None:
    sent: list[bytes] = []
    page.on(
        "request",
        lambda request: sent.append(request.post_data_buffer or b"") if request.method == "POST" else None,
    )
    photo = home / "who-took-it.jpg"
    large = Image.open(io.BytesIO(telling_photo())).resize((2400, 1800))
    large.save(photo, "JPEG", exif=Image.open(io.BytesIO(telling_photo())).getexif(), quality=95)
    assert SECRET in photo.read_bytes()
    page.goto(f"{live_server.url}/#map=12/51.7/26.3")
    page.wait_for_selector("body[data-ready]")
    page.mouse.click(900, 250, button="right")
    page.locator("summary", has_text="Say more").click()
    page.set_input_files("#report-photo", str(photo))
    page.get_by_text("Show my place only roughly").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    (body,) = sent
    assert SECRET not in body
    assert b"who-took-it" not in body
    assert b"Exif" not in body
    report = Report.objects.get()
    assert report.blurred
    assert Image.open(io.BytesIO(photo_of(report))).size == (1200, 1600)
    assert console_errors == []


def test_a_photo_that_is_none_is_refused_with_a_sentence_and_the_form_stays(
    page: Page, live_server: Any, release: Any, home: Path
) -> None:
    text = home / "x.jpg"
    text.write_text("no photo")
    page.set_viewport_size({"width": 390, "height": 700})
    page.goto(f"{live_server.url}/#map=12/51.7/26.3")
    page.wait_for_selector("body[data-ready]")
    page.mouse.click(200, 200, button="right")
    page.locator("summary", has_text="Say more").click()
    page.locator("#report-comment").fill("keep me")
    page.set_input_files("#report-photo", str(text))
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#report-error")).to_contain_text("not a photo")
    expect(page.locator("#report-error")).to_be_in_viewport()
    expect(page.locator("#report-comment")).to_have_value("keep me")
    assert not Report.objects.exists()


@pytest.mark.parametrize("width", [390, 1280])
def test_an_expert_sets_a_flood_aside_and_takes_it_back(
    page: Page,
    live_server: Any,
    release: Any,
    bob: Any,
    log_in: Callable[[Any], None],
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
    width: int,
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    said = {"release": release, "category": "missed"}
    for number in range(5):
        file_report(
            latitude=51.2 + number / 10,
            longitude=26.2,
            comment=f"Casino bonus number {number}, order it today!",
            **said,
        )
    real = file_report(
        latitude=51.5001,
        longitude=26.5,
        comment="New pits at the stream, pumps run at night.",
        photo=io.BytesIO(telling_photo()),
        **said,
    )
    file_report(latitude=51.5001, longitude=26.5, comment="I saw them too, behind the farm.", **said)
    log_in(bob)
    page.goto(f"{live_server.url}/review/reports/")
    cards = page.locator(".report-group")
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text("New pits at the stream")
    expect(cards.last).to_contain_text("The same words at 5 places")
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cards.last.get_by_role("button", name="Set all 5 aside as junk").click()
    expect(page.get_by_role("status")).to_contain_text("5 reports were set aside")
    expect(cards).to_have_count(1)
    page.get_by_role("link", name=re.compile("^Junk")).click()
    expect(page.locator("table.table")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious_violations() == []
    page.go_back()
    page.get_by_role("button", name="Bring back").click()
    expect(cards).to_have_count(2)
    cards.first.get_by_role("link", name="Look").click()
    expect(page.get_by_role("img", name="The sender's photo")).to_be_visible()
    assert page.evaluate("document.querySelector('.report-photo img').naturalWidth") > 0
    expect(page.get_by_text("I saw them too, behind the farm.")).to_be_visible()
    assert page.url.endswith(f"/review/reports/{real.pk}/")
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert console_errors == []
    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_text("Tell the sender why")).to_be_in_viewport()


def test_the_language_can_be_changed_on_the_private_page(page: Page, live_server: Any, release: Any) -> None:
    """What keeps its address from other sites must not make the browser hide where a form comes from."""
    report = file_report(release=release, latitude=51.5, longitude=26.5, category="missed")
    page.goto(f"{live_server.url}/report/{report.token}/")
    page.get_by_role("button", name="Українська").click()
    expect(page.locator("html")).to_have_attribute("lang", "uk")
    assert page.url == f"{live_server.url}/report/{report.token}/"


def send_and_close(page: Page, live_server: Any) -> list[Any]:
    """Send a report and close its form before the answer comes; what is sent is held, and added to the list."""
    page.goto(f"{live_server.url}/#map=12/51.7/26.3")
    page.wait_for_selector("body[data-ready]")
    held: list[Any] = []
    page.route(
        "**/*", lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
    )
    page.mouse.click(900, 250, button="right")
    page.get_by_role("button", name="Send").click()
    page.wait_for_function("document.querySelector('#report-form [type=submit]').disabled")
    page.keyboard.press("Escape")
    return held


def test_a_late_answer_leaves_the_next_report_alone_and_still_gives_its_link(
    page: Page, live_server: Any, release: Any, serious_violations: Callable[[], list[str]]
) -> None:
    held = send_and_close(page, live_server)
    page.mouse.click(1000, 350, button="right")
    page.get_by_text("Say more").click()
    page.locator("#report-comment").fill("the second")
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    held.pop().continue_()
    link = page.locator(".toast").get_by_role("link", name="See your report")
    expect(link).to_be_visible()
    expect(page.locator("#report-comment")).to_be_visible()
    expect(page.locator("#report-comment")).to_have_value("the second")
    assert serious_violations() == []
    page.get_by_role("button", name="Send").click()
    page.wait_for_function("document.querySelector('#report-form [type=submit]').disabled")
    held.pop().continue_()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator(".toast", has_text="The link is copied")).to_be_visible()
    first, second = Report.objects.order_by("pk")
    assert str(link.get_attribute("href")).endswith(f"/{first.token}/")
    assert str(page.locator("#report-link").get_attribute("href")).endswith(f"/{second.token}/")


def test_a_report_refused_after_its_form_was_closed_is_told(
    page: Page, live_server: Any, release: Any
) -> None:
    held = send_and_close(page, live_server)
    held.pop().abort()
    expect(page.get_by_role("alert").filter(has_text="Your report was not sent.")).to_be_visible()
