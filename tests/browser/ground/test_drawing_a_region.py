"""Carol draws the outline of a region by mouse and by keyboard, and uploads tiles from a page."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from amberapp.models import Job
from detection.ground.staging import IMPORT_JOB
from detection.models import Region
from tests import imagery_files as make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def new_region(page: Page, live_server: Any, log_in: Callable[[Any], None], carol: Any, source: Any) -> Page:
    log_in(carol)
    page.goto(f"{live_server.url}/manage/regions/new/")
    expect(page.locator("[data-state]")).to_have_text("Nothing is drawn yet.")
    return page


def outline(page: Page) -> list[list[float]]:
    """The outer ring that the form would send, without its repeated last point; [] for none."""
    text = page.locator("#id_polygon").input_value()
    return json.loads(text)["coordinates"][0][:-1] if text else []


def click_map(page: Page, *places: tuple[int, int]) -> None:
    box = page.locator("#region-map").bounding_box()
    assert box is not None
    for x, y in places:
        page.mouse.click(box["x"] + x, box["y"] + y)


def test_a_region_is_drawn_by_mouse(new_region: Page, console_errors: list[str]) -> None:
    page = new_region
    click_map(page, (150, 100), (400, 110), (410, 250), (160, 260))
    expect(page.locator("[data-state]")).to_contain_text("4 vertices")
    assert outline(page) == [], "an open outline is no area yet"
    page.locator(".corner--first").click()
    expect(page.locator("[data-state]")).to_contain_text("1 closed outline")
    before = outline(page)
    assert len(before) == 4
    corner = page.locator('[data-handle="0:1"]')
    corner.drag_to(page.locator("#region-map"), target_position={"x": 480, "y": 60})
    expect(page.locator("#id_polygon")).not_to_have_value(json.dumps(before))
    after = outline(page)
    assert after[1] != before[1] and [after[0], *after[2:]] == [before[0], *before[2:]]
    page.locator('[data-handle="0:2+"]').click()
    assert len(outline(page)) == 5
    page.get_by_role("button", name="Undo").click()
    assert len(outline(page)) == 4
    page.fill("#id_name", "Drawn")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".notice--success")).to_contain_text("Drawn")
    assert len(Region.objects.get(name="Drawn").polygon["coordinates"][0]) == 5
    assert console_errors == []


def test_a_region_is_drawn_by_keyboard(new_region: Page) -> None:
    page = new_region
    page.locator("#region-map").focus()
    page.keyboard.press("Enter")
    for number, arrow in enumerate(("ArrowRight", "ArrowDown", "ArrowLeft"), start=2):
        before = page.locator(".leaflet-map-pane").get_attribute("style")
        page.keyboard.press(arrow)
        expect(page.locator(".leaflet-map-pane")).not_to_have_attribute("style", before or "")
        page.wait_for_timeout(350)  # Leaflet glides to its place
        page.keyboard.press("Enter")
        expect(page.locator("[data-state]")).to_contain_text(f"{number} vertices")
    page.keyboard.press("c")
    expect(page.locator("[data-state]")).to_contain_text("1 closed outline")
    corner = page.locator('[data-handle="0:2"]')
    corner.focus()
    before_move = outline(page)
    page.keyboard.press("ArrowRight")
    assert outline(page)[2][0] > before_move[2][0]
    expect(corner).to_be_focused()
    page.keyboard.press("Delete")
    assert len(outline(page)) == 3
    page.fill("#id_name", "Typed")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Typed")
    assert Region.objects.get(name="Typed").polygon["type"] == "Polygon"


def test_a_geojson_file_is_shown_on_the_map_and_a_bad_one_is_explained(new_region: Page) -> None:
    page = new_region
    bow = {"type": "Polygon", "coordinates": [[[26, 51], [27, 52], [27, 51], [26, 52], [26, 51]]]}
    file = {"name": "bow.geojson", "mimeType": "application/geo+json", "buffer": json.dumps(bow).encode()}
    page.set_input_files("#id_polygon_file", files=[file])
    expect(page.locator("[data-state]")).to_contain_text("1 closed outline")
    page.fill("#id_name", "Bow")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".field__error")).to_contain_text("crosses or touches itself")
    expect(page.locator("#id_name")).to_have_value("Bow")
    assert len(outline(page)) == 4, "what was drawn is not lost"


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_of_ground_can_be_used_by_everybody(
    page: Page,
    live_server: Any,
    log_in: Callable[[Any], None],
    carol: Any,
    make_tile: Any,
    region: Region,
    console_errors: list[str],
    serious_violations: Callable[[], list[str]],
    width: int,
) -> None:
    make_tile(1)
    make_tile(2, latitude=None, longitude=None, place_problem="Its world file does not hold six numbers.")
    log_in(carol)
    page.set_viewport_size({"width": width, "height": 800})
    stem = f"/manage/regions/{region.slug}"
    for path in (
        "/manage/regions/",
        f"{stem}/edit/",
        f"{stem}/tiles/",
        f"{stem}/upload/",
        "/manage/sources/new/",
    ):
        page.goto(live_server.url + path, wait_until="networkidle")
        assert serious_violations() == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert console_errors == []


def test_tiles_are_uploaded_one_by_one_and_odd_files_are_named(
    page: Page, live_server: Any, log_in: Callable[[Any], None], carol: Any, region: Region, tmp_path: Path
) -> None:
    log_in(carol)
    page.goto(f"{live_server.url}/manage/regions/{region.slug}/upload/")
    for name, data in (
        ("a.png", make.png(seed=1)),
        ("b.png", make.png(seed=2)),
        (".c.png", make.png(seed=3)),
    ):
        (tmp_path / name).write_bytes(data)
    page.set_input_files("#files", [str(tmp_path / name) for name in ("a.png", "b.png", ".c.png")])
    page.get_by_role("button", name="Upload and import").click()
    expect(page.locator("[data-refused] li")).to_have_count(1)
    expect(page.locator("[data-sending]")).to_contain_text(re.compile("2 files were sent"))
    page.get_by_role("button", name="Import what was sent").click()
    expect(page.locator("[data-job]")).to_have_count(1)
    assert Job.objects.get(kind=IMPORT_JOB).state == "queued"
