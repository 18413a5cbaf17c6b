"""A citizen finds her way on the public map: by name, by district, by year, and sees the same ground on two dates."""

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from detection.ground.districts import import_named_ground
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from tests.published import approve_all, found_on

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 844}
WEST, EAST = "Сарненський район", "<b>East</b> & Co"


def area(name: str, west: float, east: float, **names: str) -> dict[str, Any]:
    ring = [[west, 51.2], [east, 51.2], [east, 51.7], [west, 51.7], [west, 51.2]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"name": name, **names}, "geometry": geometry}


def village(name: str, longitude: float, latitude: float, **names: str) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "properties": {"name": name, **names}, "geometry": geometry}


@pytest.fixture
def release(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any) -> Any:
    """Four places in two districts and four years; the first one's ground was also seen in 2012."""
    features = [
        area(WEST, 26.2, 26.503, **{"name:en": "Sarny district"}),
        area(EAST, 26.503, 26.8),
        area("Порожній", 26.8, 27.0),
        village("Лук'янівка", 26.45, 51.45, **{"name:en": "Lukianivka"}),
        village("Клесів", 26.6, 51.3, **{"name:en": "Klesiv"}),
    ]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    import_named_ground(region=region, data=data, file_name="d.geojson", replace=False, acting_user=carol)
    tiles = [make_tile(seed, capture_date=dt.date(2014 + seed, 5, 1)) for seed in range(4)]
    make_tile(60, longitude=26.38, capture_date=dt.date(2012, 6, 2))
    run = found_on(region, tiles)
    approve_all(run, bob)
    return publish_release(run=run, acting_user=carol)


def first_place(release: Any) -> Any:
    return next(place for place in places_of(release) if place.capture_date == "2014-05-01")


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "desk"])
def test_everything_open_can_be_used_by_everybody(
    page: Page,
    release: Any,
    open_map: Callable[[str], None],
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
    viewport: Any,
) -> None:
    page.set_viewport_size(viewport)
    open_map("/")
    page.locator("#districts summary").click()
    if viewport == PHONE:
        page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("combobox").fill("кл")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    assert serious_violations() == []
    place = first_place(release)
    open_map(f"/map/testshire/1/place/{place.place}/")
    page.get_by_role("button", name="Compare with another date").click()
    expect(page.get_by_role("slider", name="Divider between the two images")).to_be_focused()
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert console_errors == []


SPELLINGS = {
    "лук": "Lukianivka",
    "Лукянівка": "Lukianivka",
    "лукʼянівка": "Lukianivka",
    "КЛЕСІВ": "Klesiv",
    "klesív": "Klesiv",
    "район": "Sarny district",
}


def test_a_name_is_found_in_any_spelling(page: Page, release: Any, open_map: Callable[[str], None]) -> None:
    open_map("/")
    for typed, found in SPELLINGS.items():
        page.get_by_role("combobox").fill(typed)
        expect(page.get_by_role("option")).to_contain_text([found])


def test_by_keyboard_a_village_is_found_and_shown(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/")
    field = page.get_by_role("combobox")
    field.focus()
    page.keyboard.type("кле")
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "search-option-0")
    expect(page.locator("#search-option-0")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".map-tip", has_text="Klesiv")).to_be_visible()
    page.wait_for_url(re.compile("#map=14/51[.][23]"))
    field.fill("zzzz")
    expect(page.locator("#search-nothing")).to_contain_text("Nothing found")
    page.keyboard.press("Escape")
    expect(page.locator("#search-nothing")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(field).to_have_value("")


def test_coordinates_are_understood_as_people_write_them(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/")
    for typed in ("51.3, 26.9", "51,3 26,9", "51.3;26.9", "26.9E 51.3N", "51.3° 26.9°"):
        page.get_by_role("combobox").fill(typed)
        expect(page.get_by_role("option")).to_contain_text(["51.3; 26.9"])
        page.keyboard.press("Enter")
        expect(page.locator(".map-tip", has_text="51.3; 26.9").last).to_be_visible()


def test_on_a_phone_a_place_is_found_by_its_id(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    page.set_viewport_size(PHONE)
    place = first_place(release)
    open_map("/#year=2016")
    page.get_by_role("button", name="Search", exact=True).click()
    field = page.get_by_role("combobox")
    expect(field).to_be_focused()
    field.fill(place.place[:10])
    page.get_by_role("option", name=re.compile(place.place)).click()
    expect(page.locator("#place-facts")).to_contain_text("1 May 2014")
    expect(page.locator("#search")).to_be_hidden()
    assert f"place={place.place}" in page.url
    # Elsewhere the panel tells no longer of that place, and a report is about the ground that is seen.
    page.get_by_role("button", name="Search", exact=True).click()
    field.fill("51.3, 26.9")
    page.get_by_role("option").click()
    expect(page.locator("#place-facts")).to_be_hidden()
    expect(page.get_by_role("link", name="Report an error on the map")).to_be_visible()


def test_a_district_is_chosen_and_the_address_keeps_it(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/")
    everything = page.locator("#hectares").inner_text()
    page.locator("#districts summary").click()
    expect(page.locator("#districts")).to_contain_text("No mining found in 1 other district.")
    page.get_by_role("link", name="Sarny district").click()
    expect(page.locator("#count")).to_contain_text("Sarny district · 2 places")
    assert page.locator("#hectares").inner_text() != everything
    page.wait_for_url(re.compile("district="))
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("#count")).to_contain_text("Sarny district · 2 places")
    page.get_by_role("button", name=re.compile("^2014")).click()
    expect(page.locator("#count")).to_contain_text("Sarny district · 1 place · images of 2014")
    page.go_back()
    page.go_back()
    expect(page.locator("#hectares")).to_have_text(everything)


def test_a_district_of_an_evil_name_is_only_a_name(
    page: Page, release: Any, open_map: Callable[[str], None], console_errors: list[str]
) -> None:
    open_map("/")
    page.locator("#districts summary").click()
    page.get_by_role("link", name=EAST).click()
    expect(page.locator("#count")).to_contain_text(f"{EAST} · 2 places")
    page.get_by_role("combobox").fill("east")
    expect(page.get_by_role("option")).to_contain_text([EAST])
    assert console_errors == []


def test_without_scripts_a_district_leads_to_its_list(browser: Any, live_server: Any, release: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(live_server.url + "/")
    page.locator("#districts summary").click()
    page.get_by_role("link", name="Sarny district").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="2014").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("District")).to_have_value(WEST)
    page.get_by_label("District").select_option("")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    context.close()


def test_the_years_are_walked_through_with_arrow_keys(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/")
    slider = page.get_by_role("slider", name="Year of the image")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^all years: "))
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^2014: "))
    expect(page.get_by_role("button", name=re.compile("^2014"))).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("End")
    expect(page.locator("#count")).to_contain_text("images of 2017")
    # At its last stop the thumb, whose width is 22 pixels, stands below the last bar.
    bar = page.locator("[data-year]").last.bounding_box()
    track = slider.bounding_box()
    assert bar
    assert track
    assert abs(track["x"] + track["width"] - 11 - (bar["x"] + bar["width"] / 2)) < 2
    page.keyboard.press("Home")
    expect(page.get_by_role("button", name="all", exact=True)).to_have_attribute("aria-pressed", "true")


def test_two_dates_of_one_ground_are_compared_by_keyboard_and_by_hand(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    place = first_place(release)
    open_map(f"/#map=15/{place.latitude}/{place.longitude}&place={place.place}")
    page.locator(".place-popup").get_by_role("button", name="Compare with another date").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 June 2012")
    for picture in page.locator(".swipe img").all():
        picture.evaluate("(one) => one.decode()")
    slider = page.get_by_role("slider", name="Divider between the two images")
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowRight")
    # What was before stands on the left.
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^51 % .* 2 June 2012"))
    expect(page.locator(".swipe__date").first).to_have_text("2 June 2012")
    box = page.locator(".swipe").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    assert 20 <= int(slider.input_value()) <= 30
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_place_seen_once_has_nothing_to_compare(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    other = next(place for place in places_of(release) if place.capture_date == "2016-05-01")
    open_map(f"/map/testshire/1/place/{other.place}/")
    expect(page.locator("#place-title")).to_be_visible()
    expect(page.get_by_role("button", name="Compare with another date")).to_have_count(0)


def test_an_admin_brings_districts_in_and_anybody_can_use_that_page(
    page: Page,
    live_server: Any,
    region: Any,
    carol: Any,
    log_in: Callable[[Any], None],
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
) -> None:
    log_in(carol)
    page.set_viewport_size(PHONE)
    page.goto(f"{live_server.url}/manage/regions/{region.slug}/districts/")
    features = [area(WEST, 26.2, 26.5), village("Nowhere", 500, 3)]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    page.get_by_label("GeoJSON file").set_input_files(
        {"name": "d.geojson", "mimeType": "application/geo+json", "buffer": data}
    )
    page.get_by_role("button", name="Take the file").click()
    expect(page.get_by_role("status").filter(has_text="The file is taken")).to_contain_text(
        "Nowhere (feature 2)"
    )
    expect(page.locator("#named-map .leaflet-overlay-pane canvas")).to_be_visible()
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert console_errors == []


def test_one_press_of_back_takes_back_all_steps_of_the_slider(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/")
    before = page.evaluate("history.length")
    slider = page.get_by_role("slider", name="Year of the image")
    slider.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    expect(slider).not_to_have_attribute("aria-valuetext", re.compile("^all years: "))
    assert "year=" in page.url
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^all years: "))
    assert "year=" not in page.url
