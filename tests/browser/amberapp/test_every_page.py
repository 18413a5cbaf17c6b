"""What all pages share, as a person meets it: menu, language, messages, the way in, the way out of an error."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from amberapp.audit import record
from amberapp.demo import create_accounts
from amberapp.models import Job
from labeling.crowd.accounts import REVERSE_JOB, quarantine
from labeling.crowd.gold_standard import make_gold_standard
from labeling.models import Submission
from tests.findings import make_classifier, make_run
from tests.labeling.crowd.labelling import decide, label
from tests.pages import CROWD_PAGES

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = [
    "/how-to-tell/",
    "/about/",
    "/account/login/",
    "/account/signup/",
    "/account/password/reset/",
    "/no-such-page/",
]
PHONE = {"width": 390, "height": 800}
MANAGED_PAGES = ["/manage/", "/manage/volunteers/?q=nobody", *CROWD_PAGES, "/label/mine/"]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_used_by_everybody(
    page: Page, live_server: Any, serious_violations: Callable[[], list[str]], path: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(live_server.url + path)
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").count() == 1


@pytest.fixture
def crowd(alice: Any, bob: Any, carol: Any, make_tile: Callable[..., Any]) -> Any:
    """Alice and Carol have labelled, Bob has decided, one tile is known, Alice is in quarantine. Gives the gold-standard tile."""
    tiles = [make_tile(number) for number in (1, 2, 3)]
    run = make_run(make_classifier(tiles[0].region), tiles)
    segmented = [tile.segmented.get() for tile in tiles]
    for number, person in enumerate((alice, carol)):
        for tile in segmented:
            label(tile, person, p1="mining", p2="not_mining", p3="unsure")
        Submission.objects.filter(volunteer=person).update(
            run=run, blind=bool(number), compared=2, agreeing=1 + number
        )
    for tile in segmented[:2]:
        decide(tile, bob, p1="mining", p2="not_mining")
    known = make_gold_standard(segmented_tile=segmented[0], use="lesson", acting_user=carol)
    quarantine(volunteer=alice, acting_user=carol)
    return known


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_of_the_crowd_can_be_used_by_everybody(
    page: Page,
    live_server: Any,
    carol: Any,
    crowd: Any,
    log_in: Callable[[Any], None],
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
    width: int,
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    log_in(carol)
    for path in [*MANAGED_PAGES, f"/manage/known-tiles/{crowd.pk}/"]:
        answer = page.goto(live_server.url + path, wait_until="networkidle")
        assert answer is not None and answer.status == 200, path
        assert serious_violations() == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.locator("h1").count() == 1, path
        assert console_errors == [], path


def test_carol_is_asked_before_everything_of_an_account_is_taken_back(
    page: Page, live_server: Any, carol: Any, crowd: Any, log_in: Callable[[Any], None]
) -> None:
    log_in(carol)
    page.goto(f"{live_server.url}/manage/volunteers/alice/")
    page.get_by_role("button", name="Take everything back").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Take back 3 tiles with 9 labels of alice?")
    dialog.get_by_role("button", name="Cancel").click()
    assert not Job.objects.filter(kind=REVERSE_JOB).exists()
    page.get_by_role("button", name="Take everything back").click()
    dialog.get_by_role("button", name="Take everything back").click()
    expect(page.locator(".notice--success")).to_contain_text("is being taken back")
    expect(page.locator("[data-job]")).to_be_visible()


def test_own_tiles_lie_on_a_map_that_leads_to_them(
    page: Page, live_server: Any, carol: Any, crowd: Any, log_in: Callable[[Any], None]
) -> None:
    log_in(carol)
    page.goto(f"{live_server.url}/label/mine/")
    host = page.locator("#my-map")
    expect(host).to_be_visible()
    expect(page.locator("#my-legend")).to_be_visible()
    box = host.bounding_box()
    assert box is not None
    # The middle one of three tiles lies in the middle of the map.
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    way = host.get_by_role("link", name="Look at the tile")
    expect(way).to_have_attribute("href", f"/label/?tile={crowd.segmented_tile_id + 1}")


@pytest.mark.parametrize("path", PAGES[:-1])
def test_a_page_breaks_no_rule_of_the_content_policy(
    page: Page, live_server: Any, console_errors: list[str], path: str
) -> None:
    page.goto(live_server.url + path, wait_until="networkidle")
    assert console_errors == []


def test_the_menu_of_a_phone_opens_and_escape_gives_the_focus_back(page: Page, live_server: Any) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{live_server.url}/about/")
    link = page.locator("#site-nav").get_by_role("link", name="Identification guide")
    toggle = page.get_by_role("button", name="Menu")
    expect(link).to_be_hidden()
    toggle.click()
    expect(link).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(toggle).to_be_focused()


def test_changing_the_language_stays_on_the_page(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/how-to-tell/")
    page.get_by_role("button", name="Українська").click()
    expect(page.locator("html")).to_have_attribute("lang", "uk")
    assert page.url.endswith("/how-to-tell/")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_demo_account_fills_itself_in(page: Page, live_server: Any, settings: Any) -> None:
    settings.DEMO = True
    create_accounts()
    page.goto(f"{live_server.url}/account/login/")
    page.get_by_role("button", name="maria").click()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/account/login" not in url)
    expect(page.locator(".site-header")).to_contain_text("maria")


def test_outside_demo_mode_the_login_page_names_no_accounts(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/account/login/")
    assert page.locator("[data-fill-login]").count() == 0


def test_a_password_can_be_looked_at(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/account/signup/")
    field = page.locator("#id_password1")
    page.get_by_role("button", name="Show the password").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Show the password").click()
    expect(field).to_have_attribute("type", "password")


def test_somebody_joins_and_reads_what_was_wrong_beside_the_field(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/account/signup/")
    page.fill("#id_username", "halyna")
    page.fill("#id_password1", "12345678")
    page.get_by_role("button", name="Create the account").click()
    expect(page.locator(".field__error").first).to_be_visible()
    page.fill("#id_password1", "a-long-calm-evening")
    page.get_by_role("button", name="Create the account").click()
    expect(page.locator(".site-header")).to_contain_text("halyna")


def test_a_wrong_address_shows_a_way_out(page: Page, live_server: Any) -> None:
    answer = page.goto(f"{live_server.url}/no-such-page/")
    assert answer is not None and answer.status == 404
    expect(page.get_by_role("link", name="To the map")).to_be_visible()


def test_an_admin_page_tells_a_volunteer_why_it_is_closed(
    page: Page, live_server: Any, alice: Any, log_in: Callable[[Any], None]
) -> None:
    log_in(alice)
    answer = page.goto(f"{live_server.url}/manage/people/")
    assert answer is not None and answer.status == 403
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main")).to_contain_text("Admin")


def test_an_admin_gives_a_role_and_finds_it_in_the_trail(
    page: Page, live_server: Any, alice: Any, carol: Any, log_in: Callable[[Any], None]
) -> None:
    log_in(carol)
    page.goto(f"{live_server.url}/manage/people/")
    page.get_by_label(f"Role of {alice.username}").select_option("expert")
    page.get_by_role("button", name=f"Save {alice.username}").click()
    expect(page.locator(".notice--success")).to_contain_text(alice.username)
    page.goto(f"{live_server.url}/manage/audit/")
    expect(page.locator("tbody tr").first).to_contain_text("person.role_changed")


@pytest.mark.parametrize("width", [390, 1000, 1280])
def test_a_long_file_name_does_not_widen_the_trail(
    page: Page, live_server: Any, region: Any, carol: Any, log_in: Callable[[Any], None], width: int
) -> None:
    region.name = "51.604684999999996_27.162096999999996_05_Oct_2015_GMT.jpg" * 3
    record(carol, "tile.imported", region, file_name=region.name)
    log_in(carol)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{live_server.url}/manage/audit/")
    expect(page.locator("tbody tr").first).to_contain_text("tile.imported")
    assert page.evaluate("document.documentElement.scrollWidth") == width
