"""A citizen reads the public map, finds a place, and reports an error: by mouse, by thumb and by keyboard."""

import datetime as dt
import gzip
import json
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Page, expect

from benchmarks.public_map import made_content, write_made
from detection.ground.districts import import_named_ground
from detection.models import ImagerySource, Region
from labeling.models import Report
from labeling.releases.files.writers import build
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from tests.browser.leaving import leave
from tests.published import found_on, judge

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def release(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any) -> Any:
    tiles = [make_tile(seed, capture_date=dt.date(2014 + seed % 2, 5, 1)) for seed in range(4)]
    tiles.append(make_tile(50, latitude=51.9, capture_date=dt.date(2015, 5, 1)))
    run = found_on(region, tiles)
    for detection in run.detections.all():
        judge(detection, bob, "rejected" if detection.segmented_tile.tile == tiles[3] else "approved")
    return publish_release(run=run, acting_user=carol)


def middle_of(page: Page, place: Any) -> tuple[float, float]:
    """Where the middle of the map's free part is: a place page shows its place there."""
    panel, box = page.locator("#panel").bounding_box(), page.locator("#map").bounding_box()
    assert panel
    assert box
    if panel["width"] < box["width"] / 2:
        left, right = panel["x"] + panel["width"] + 32, box["x"] + box["width"] - 48
        top, bottom = box["y"] + 76, box["y"] + box["height"] - 64
    else:
        left, right = box["x"] + 24, box["x"] + box["width"] - 24
        top, bottom = box["y"] + 76, panel["y"] - 16
    return (left + right) / 2, (top + bottom) / 2


def wait_for_amber(page: Page) -> None:
    """Until something of mining's colour is painted on one of the map's canvases."""
    page.wait_for_function(
        """() => [...document.querySelectorAll("#map canvas")].some((canvas) => {
            if (!canvas.width || !canvas.height) { return false; }
            const seen = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            for (let k = 0; k < seen.length; k += 4) {
                if (seen[k + 3] > 60 && seen[k] > 180 && seen[k + 2] < 90) { return true; }
            }
            return false;
        })"""
    )


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    "path",
    ["/", "/map/testshire/1/list/", "/releases/", "/report/", "PLACE"],
)
def test_public_pages_can_be_used_by_everybody(
    page: Page,
    live_server: Any,
    release: Any,
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
    path: str,
    width: int,
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    if path == "PLACE":
        path = f"/map/testshire/1/place/{places_of(release)[0].place}/"
    page.goto(live_server.url + path, wait_until="networkidle")
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1:visible").count() == 1
    assert console_errors == []


@pytest.mark.parametrize("language", ["en", "uk"])
def test_a_narrow_phone_says_what_the_colours_mean(
    page: Page, live_server: Any, release: Any, open_map: Callable[[str], None], language: str
) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    open_map("/")
    legend = page.locator("#legend").bounding_box()
    assert legend, "it is to be seen"
    assert legend["x"] >= 0
    assert legend["x"] + legend["width"] <= 360
    for other in (".map-head", ".leaflet-control-scale", ".leaflet-control-zoom", "#panel"):
        box = page.locator(other).bounding_box()
        assert box
        beside = box["x"] >= legend["x"] + legend["width"] or box["x"] + box["width"] <= legend["x"]
        above = box["y"] >= legend["y"] + legend["height"] or box["y"] + box["height"] <= legend["y"]
        assert beside or above, other


def test_squares_are_drawn_far_out_and_outlines_close_by(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/#map=8/51.6/26.5")
    page.wait_for_function("document.querySelectorAll('.map-squares canvas').length > 0")
    wait_for_amber(page)
    place = places_of(release)[0]
    open_map(f"/map/testshire/1/#map=16/{place.latitude}/{place.longitude}")
    page.wait_for_selector("#map .leaflet-image-layer")
    expect(page.locator(".map-squares canvas")).to_have_count(0)
    wait_for_amber(page)


def test_a_year_is_chosen_and_the_back_button_takes_it_back(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/")
    everything = page.locator("#hectares").inner_text()
    page.get_by_role("button", name=re.compile("^2014")).click()
    expect(page.get_by_role("button", name=re.compile("^2014"))).to_have_attribute("aria-pressed", "true")
    assert page.locator("#hectares").inner_text() != everything
    expect(page.locator("#count")).to_contain_text("images of 2014")
    assert "year=2014" in page.url
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.get_by_role("button", name=re.compile("^2014"))).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(page.get_by_role("button", name=re.compile("^2014"))).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#hectares")).to_have_text(everything)


def test_a_place_is_pressed_and_its_link_leads_back_to_it(
    page: Page, live_server: Any, release: Any, open_map: Callable[[str], None]
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    place = places_of(release)[0]
    open_map(f"/map/testshire/1/place/{place.place}/")
    expect(page.locator("#place-title")).to_contain_text("Mined area")
    page.wait_for_timeout(500)
    page.mouse.click(*middle_of(page, place))
    popup = page.locator(".place-popup")
    expect(popup).to_contain_text("Test imagery")
    assert f"place={place.place}" in page.url
    popup.get_by_role("button", name="Copy the link").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{live_server.url}/map/testshire/1/place/{place.place}/"
    page.go_back()
    expect(popup).to_have_count(0)
    page.goto(copied)
    expect(page.locator("#place-title")).to_contain_text("Mined area")


def test_a_deep_link_opens_the_place(page: Page, release: Any, open_map: Callable[[str], None]) -> None:
    place = places_of(release)[0]
    open_map(f"/map/testshire/1/#map=15/{place.latitude}/{place.longitude}&place={place.place}")
    expect(page.locator(".place-popup")).to_contain_text("approved")


def test_nonsense_in_the_fragment_does_no_harm(
    page: Page, release: Any, open_map: Callable[[str], None], console_errors: list[str]
) -> None:
    for fragment in ("#map=x/y/z", "#map=99/999/999", "#year=<b>&place=<script>", "#%%%", "#place=nowhere"):
        leave(page)
        open_map(f"/{fragment}")
    assert console_errors == []


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "desk"])
def test_an_error_is_reported_in_three_presses(
    page: Page, release: Any, open_map: Callable[[str], None], viewport: Any
) -> None:
    page.set_viewport_size(viewport)
    place = places_of(release)[0]
    open_map(f"/map/testshire/1/place/{place.place}/")
    page.locator("#report-button").click()
    page.get_by_text("This is not mining").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_focused()
    report = Report.objects.get()
    assert report.category == "not_mining"
    assert report.detection.segmented_tile.tile.place_id == place.place
    page.get_by_role("link", name="See your report").click()
    expect(page.locator("h1")).to_have_text("Your report")
    assert page.url.endswith(f"/report/{report.token}/")


def test_missed_mining_is_marked_on_the_map(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/#map=10/51.6/26.5")
    page.locator("#report-button").click()
    expect(page.locator("#report-panel")).to_be_visible()
    page.mouse.click(900, 300)
    latitude = page.locator("#report-latitude").input_value()
    page.locator("summary", has_text="Say more").click()
    # An emptied field is not the equator: the mark stays.
    page.locator("#report-latitude").fill("")
    page.locator("#report-comment").focus()
    expect(page.locator("#report-latitude")).to_have_value(latitude)
    page.get_by_label("What do you know about it?").fill("New pits by the road.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    report = Report.objects.get()
    assert (report.category, report.comment, report.detection) == ("missed", "New pits by the road.", None)
    assert f"{report.latitude:.6f}" == latitude
    page.get_by_role("button", name="Back to the map").click()
    expect(page.locator("#overview")).to_be_visible()
    assert page.locator(".report-mark").count() == 0


def test_a_refused_report_says_why_and_keeps_the_form(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/")
    page.locator("#report-button").click()
    expect(page.locator("#report-panel")).to_be_visible()
    page.mouse.click(900, 300)
    page.locator("summary", has_text="Say more").click()
    page.locator("#report-email").fill("not an address")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#report-error")).to_contain_text("not an e-mail address")
    expect(page.locator("#report-email")).to_have_value("not an address")
    page.keyboard.press("Escape")
    expect(page.locator("#report-panel")).to_be_hidden()
    expect(page.locator("#report-button")).to_be_focused()


def test_by_keyboard_alone_the_list_leads_to_a_place(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/")
    page.get_by_role("link", name="List").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/list/")
    first = page.locator("tbody tr").first
    hectares = [float(text) for text in page.locator("tbody td.num").all_inner_texts()]
    assert hectares == sorted(hectares, reverse=True)
    first.locator("a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#place-title")).to_contain_text("Mined area")


def test_without_scripts_the_facts_the_list_and_the_form_remain(
    browser: Any, live_server: Any, release: Any
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(live_server.url + "/")
    expect(page.locator("#hectares")).to_be_visible()
    expect(page.get_by_text("The map itself needs JavaScript.")).to_be_visible()
    page.locator("#report-button").click()
    page.get_by_label("Something else").check()
    page.get_by_label("Latitude").fill("51.5")
    page.get_by_label("Longitude").fill("26.5")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("h1")).to_have_text("Your report")
    context.close()


def test_on_a_phone_the_sheet_folds_and_shows_the_place(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    page.set_viewport_size(PHONE)
    place = places_of(release)[0]
    open_map(f"/#map=15/{place.latitude}/{place.longitude}&place={place.place}")
    expect(page.locator("#place-facts")).to_contain_text("Mined area")
    expect(page.locator("#overview")).to_be_hidden()
    page.get_by_role("button", name="The whole map").click()
    expect(page.locator("#overview")).to_be_visible()
    height = page.locator("#panel").bounding_box()["height"]
    page.get_by_role("button", name="Fold or unfold the facts").click()
    expect(page.locator(".year-bars")).to_be_hidden()
    assert page.locator("#panel").bounding_box()["height"] < height


def test_the_language_changes_and_the_view_stays(
    page: Page, release: Any, open_map: Callable[[str], None]
) -> None:
    open_map("/#map=10/51.6/26.5&year=2015")
    page.get_by_role("button", name="Українська").click()
    expect(page.locator("html")).to_have_attribute("lang", "uk")
    page.wait_for_selector("body[data-ready]")
    assert "year=2015" in page.url


def test_the_legend_tells_of_hectares_while_there_are_squares_and_of_districts_while_they_are_drawn(
    page: Page,
    region: Any,
    make_tile: Callable[..., Any],
    bob: Any,
    carol: Any,
    open_map: Callable[[str], None],
) -> None:
    ring = [[26.2, 51.2], [26.8, 51.2], [26.8, 51.8], [26.2, 51.8], [26.2, 51.2]]
    area = {
        "type": "Feature",
        "properties": {"name": "Sarny"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    data = json.dumps({"type": "FeatureCollection", "features": [area]}).encode()
    import_named_ground(region=region, data=data, file_name="d.geojson", replace=False, acting_user=carol)
    run = found_on(region, [make_tile(seed) for seed in range(2)])
    for detection in run.detections.all():
        judge(detection, bob)
    publish_release(run=run, acting_user=carol)
    open_map("/#map=9/51.5/26.5")
    ramp, line = page.locator("#legend-ramp"), page.locator("#legend-districts")
    expect(ramp).to_contain_text(" ha")
    expect(line).to_be_hidden()
    page.locator("#districts summary").click()
    expect(line).to_be_visible()
    page.locator("#districts summary").click()
    expect(line).to_be_hidden()
    open_map("/#map=9/51.5/26.5&district=Sarny")
    expect(line).to_be_visible()
    open_map("/#map=14/51.5/26.5")
    expect(ramp).to_be_hidden()
    expect(line).to_be_hidden()


def test_the_first_view_weighs_less_than_200_kb_without_imagery(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 10,000 detections, gzipped, as a server sends it; fonts as they are. Pictures of ground are not counted."""
    # Fine outlines and the large downloads take most of the time, and are no part of the first view.
    monkeypatch.setattr("benchmarks.public_map.blob", square)
    monkeypatch.setattr("labeling.releases.files.writers.pmtiles", lambda content: b"")
    for name in ("geopackage", "kml"):
        monkeypatch.setattr(f"labeling.releases.files.writers.{name}", lambda content: [])
    source = ImagerySource.objects.create(name="Made", attribution="made for a test", synthetic=True)
    polissia = Region.objects.create(name="Polissia", slug="polissia", source=source)
    write_made(polissia, build(made_content(10_000)))
    for language in ("en", "uk"):
        client = Client(headers={"accept-language": language, "accept-encoding": "gzip"})
        packed = client.get("/").content
        page = gzip.decompress(packed)
        assert b"10,000 places" in page or language == "uk"
        queue = [name.decode() for name in re.findall(rb'(?:src|href)="/static/([^"#]+)', page)]
        queue += ["vendor/source-serif-4/source-serif-4-latin-600-normal.woff2"]
        queue += ["vendor/inter/inter-cyrillic-lean.woff2"]  # the other language's name is in its own letters
        if language == "uk":
            queue.append("vendor/source-serif-4/source-serif-4-cyrillic-600-normal.woff2")
        total = len(packed) + weight_of(queue)
        squares = client.get("/releases/polissia/1/squares-12.json")  # those of the first view at 1280 pixels
        assert squares["Content-Encoding"] == "gzip"
        sent = len(squares.getvalue())
        assert sent > 5_000, "ten thousand places are no handful of squares"
        assert total + sent < 200_000, (language, total, sent)


def square(longitude: float, latitude: float) -> dict[str, Any]:
    west, south, east, north = longitude, latitude, longitude + 0.0006, latitude + 0.0004
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def weight_of(queue: list[str]) -> int:
    """Bytes of static files and of all that they import, gzipped where that helps."""
    total, seen = 0, set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        data = Path(str(finders.find(name))).read_bytes()
        total += len(data) if name.endswith(".woff2") else len(gzip.compress(data))
        if name.endswith(".js") and not name.startswith("vendor/"):
            imported = re.findall(rb'^(?:import|export) .*?"([./][^"]+)";', data, re.M | re.S)
            queue += [posixpath.normpath(f"{posixpath.dirname(name)}/{other.decode()}") for other in imported]
    assert {"leaflet/leaflet.js", "js/labeling/releases/layers.js", "js/shared/i18n.js"} <= seen
    return total
