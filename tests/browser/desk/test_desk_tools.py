"""Alice's hands at the desk: brushes, the eraser, keys of her own, light, other dates, and the page's own stop-watch."""

import datetime as dt
import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.desk.test_desk import centre, click, numbers, on_screen, painted, shows

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What one can press must be found where it is, be large enough for a thumb and lie on the screen or in a strip that
# scrolls sideways.
OUT_OF_REACH = """() => {
    const found = [];
    const pressable = "#desk button, #desk select, #desk [role=slider]";
    for (const element of document.querySelectorAll(pressable)) {
        if (!element.checkVisibility({ visibilityProperty: true }) || element.matches(".link")) continue;
        element.scrollIntoView({ block: "nearest", inline: "nearest" });
        const { left, top, width, height } = element.getBoundingClientRect();
        const name = element.dataset.do || element.dataset.lookAlike || element.dataset.verdict || element.className;
        if (Math.min(width, height) < 44) found.push(`${name} is ${width}×${height}`);
        const at = document.elementFromPoint(left + width / 2, top + height / 2);
        if (!at) found.push(`${name} is off the screen`);
        else if (!element.contains(at) && !element.disabled) found.push(`${name} lies under ${at.className || at.id}`);
    }
    if (document.documentElement.scrollWidth > innerWidth) found.push("the page is wider than the screen");
    return found;
}"""


@pytest.fixture
def tile(make_tile: Callable[..., Any]) -> Any:
    return make_tile(1).segmented.get()


@pytest.fixture
def desk(page: Page, alice: Any, tile: Any, log_in: Callable, live_server: Any) -> Page:
    log_in(alice)
    page.goto(f"{live_server.url}/label/")
    shows(page, tile)
    return page


def under_disc(tile: Any, spot: tuple[float, float], radius: float) -> set[int]:
    """Superpixels with a raster cell whose middle lies within `radius` image pixels of a spot."""
    scale = tile.segmentation.downscale
    cells = numbers(tile)[::scale, ::scale]
    rows, columns = np.indices(cells.shape)
    x, y = spot[0] * tile.tile.width, spot[1] * tile.tile.height
    near = np.hypot((columns + 0.5) * scale - x, (rows + 0.5) * scale - y) <= radius
    return {int(number) for number in np.unique(cells[near])} - {0}


def test_a_wide_brush_paints_every_superpixel_under_its_disc(desk: Page, tile: Any) -> None:
    expect(desk.locator("#ring")).to_be_hidden()
    for _ in range(3):
        desk.keyboard.press("]")
    expect(desk.locator("[data-width='160']")).to_have_attribute("aria-pressed", "true")
    spot = (0.5, 0.5)
    middle = on_screen(desk, spot)
    desk.mouse.move(*middle)
    ring = desk.locator("#ring").bounding_box()
    assert ring is not None
    assert ring["width"] == pytest.approx(160, abs=1)
    assert ring["x"] + ring["width"] / 2 == pytest.approx(middle[0], abs=1)
    box = desk.locator(".desk__picture").bounding_box()
    assert box is not None
    desk.mouse.click(*middle)
    expected = under_disc(tile, spot, 80 * tile.tile.width / box["width"])
    assert len(expected) > 1
    painted(desk, len(expected))
    desk.keyboard.press("u")
    painted(desk, 0)
    desk.keyboard.press("[")
    expect(desk.locator("[data-width='96']")).to_have_attribute("aria-pressed", "true")
    desk.click("[data-width='0']")
    desk.mouse.click(*middle)
    painted(desk, 1)


def test_alice_gives_a_command_a_key_of_her_own(
    desk: Page, tile: Any, console_errors: list[str], serious_violations: Callable
) -> None:
    rest = desk.locator("[data-do=rest]")
    expect(rest).to_have_attribute("aria-keyshortcuts", "R")
    expect(desk.locator("[data-look-alike=sand_pit] kbd")).to_have_text("⇧2")
    desk.keyboard.press("h")
    told = desk.locator("[data-keys-told]")
    line = desk.locator("[data-key-of=rest]")
    line.click()
    desk.keyboard.press("u")
    expect(told).to_contain_text("U already belongs to “Undo”")
    expect(rest).to_have_attribute("aria-keyshortcuts", "R")
    desk.keyboard.press("ArrowUp")
    expect(told).to_contain_text("keeps its own meaning")
    desk.keyboard.press("Shift+X")
    expect(told).to_contain_text("has the key Shift and X now")
    desk.locator("[data-key-of='look-alike:sand_pit']").click()
    desk.keyboard.press("p")
    assert serious_violations() == []
    desk.keyboard.press("Escape")
    expect(desk.locator("#keys")).to_be_hidden()
    expect(rest).to_have_attribute("aria-keyshortcuts", "Shift+X")
    expect(rest.locator("kbd")).to_have_text("⇧X")

    desk.reload()
    shows(desk, tile)
    desk.keyboard.press("r")
    desk.keyboard.press("p")
    expect(desk.locator("[data-look-alike=sand_pit]")).to_have_attribute("aria-pressed", "true")
    painted(desk, 0)
    desk.keyboard.press("Shift+X")
    painted(desk, tile.superpixels)

    desk.keyboard.press("h")
    desk.click("[data-keys-reset]")
    desk.keyboard.press("Escape")
    expect(rest).to_have_attribute("aria-keyshortcuts", "R")
    assert console_errors == []


def test_keys_work_on_a_keyboard_without_latin_letters(desk: Page, tile: Any) -> None:
    press = """([key, code, shiftKey]) => document.body.dispatchEvent(
        new KeyboardEvent("keydown", { key, code, shiftKey, bubbles: true, cancelable: true }))"""
    desk.evaluate(press, ["?", "Digit7", True])
    expect(desk.locator("[data-look-alike]").nth(6)).to_have_attribute("aria-pressed", "true")
    desk.evaluate(press, ["ї", "BracketRight", False])
    expect(desk.locator("[data-width='48']")).to_have_attribute("aria-pressed", "true")
    desk.evaluate(press, ["к", "KeyR", False])
    painted(desk, tile.superpixels)


def test_gamma_brightens_the_dark_and_leaves_black_and_white(desk: Page, tile: Any) -> None:
    middle = on_screen(desk, centre(tile, 1))

    def colour() -> np.ndarray:
        """The picture's colour there, with nothing painted over it."""
        x, y = middle
        shot = desk.screenshot(clip={"x": x - 4, "y": y - 4, "width": 8, "height": 8})
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), float).mean(axis=(0, 1))

    desk.wait_for_load_state("networkidle")
    before = colour()
    desk.keyboard.press("l")
    desk.locator("#gamma").fill("200")
    expect(desk.locator("output[for=gamma]")).to_have_text("200 %")
    assert colour() == pytest.approx(255 * (before / 255) ** 0.5, abs=3)
    desk.reload()
    shows(desk, tile)
    desk.wait_for_load_state("networkidle")
    assert colour() == pytest.approx(255 * (before / 255) ** 0.5, abs=3), "the light stays for the sitting"
    desk.keyboard.press("l")
    desk.locator("#gamma").fill("100")
    desk.locator("#contrast").fill("150")
    assert colour() == pytest.approx(np.clip(1.5 * (before - 127.5) + 127.5, 0, 255), abs=3)
    desk.click("[data-do=light-reset]")
    assert colour() == pytest.approx(before, abs=1)


def test_another_date_lies_right_of_a_divider_and_neighbours_around(
    desk: Page,
    tile: Any,
    make_tile: Callable[..., Any],
    serious_violations: Callable,
    console_errors: list[str],
) -> None:
    place = tile.tile
    width = place.east - place.west

    def lay(seed: int, across: float, date: dt.date) -> None:
        """A tile `across` widths east of Alice's. The maker moves each seed east, which is taken back here."""
        make_tile(
            seed,
            longitude=place.longitude + across * width - seed * 0.002,
            latitude=place.latitude,
            capture_date=date,
        )

    expect(desk.locator("[data-do=dates]")).to_be_disabled()
    lay(7, 0, dt.date(2011, 5, 1))
    lay(8, 1, dt.date(2015, 10, 5))
    desk.reload()
    shows(desk, tile)
    expect(desk.locator(".desk__neighbour")).to_have_count(1)
    picture, neighbour = (
        desk.locator(name).bounding_box() for name in (".desk__picture", ".desk__neighbour")
    )
    assert picture is not None and neighbour is not None
    assert neighbour["x"] == pytest.approx(picture["x"] + picture["width"], abs=2)
    desk.keyboard.press("d")
    expect(desk.locator("#date-here")).to_contain_text("2015")
    expect(desk.locator("#date-other option:checked")).to_contain_text("2011")
    over = desk.locator(".desk__picture-other")
    expect(over).to_be_visible()
    slider = desk.locator("#divider")
    expect(slider).to_be_focused()
    desk.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "52")
    desk.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuenow", "100")
    grip = slider.bounding_box()
    stage = desk.locator("#compare").bounding_box()
    assert grip is not None and stage is not None
    desk.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    desk.mouse.down()
    desk.mouse.move(stage["x"] + stage["width"] / 2, grip["y"] + grip["height"] / 3, steps=4)
    desk.mouse.up()
    expect(slider).to_have_attribute("aria-valuenow", "50")
    painted(desk, 0)
    inset = over.evaluate("(element) => parseFloat(element.style.clipPath.split(' ').at(-1))")
    assert inset == pytest.approx(stage["x"] + stage["width"] / 2 - picture["x"], abs=2)
    assert serious_violations() == []
    desk.keyboard.press("d")
    expect(over).to_have_count(0)
    desk.keyboard.press("d")
    expect(over).to_have_count(1)
    desk.keyboard.press("Escape")
    expect(over).to_have_count(0)
    assert console_errors == []


def test_every_pixel_has_its_stored_number_on_a_tile_of_300_superpixels(
    page: Page, alice: Any, make_tile: Callable[..., Any], log_in: Callable, live_server: Any
) -> None:
    from detection.description.segment import load_labels, segment_tile
    from detection.models import Segmentation
    from detection.segmentation.slic import SlicParameters

    parameters = SlicParameters(n_segments=400, compactness=10, downscale=2)
    fine = Segmentation.objects.create(
        key=parameters.key, n_segments=400, compactness=10, sigma=parameters.sigma, downscale=2
    )
    tile = segment_tile(make_tile(3), fine)
    assert tile.superpixels > 255
    log_in(alice)
    page.goto(f"{live_server.url}/label/?tile={tile.pk}")
    shows(page, tile)
    script = """async ([url, tile]) => {
        const { decodeRaster, Raster } = await import("/static/js/labeling/tile/raster.js");
        const raster = new Raster(await decodeRaster(await (await fetch(url)).blob()), tile);
        const numbers = [];
        for (let y = 0; y < tile.height; y += 1) {
            for (let x = 0; x < tile.width; x += 1) numbers.push(raster.at(x + 0.5, y + 0.5));
        }
        return numbers;
    }"""
    about = {"scale": 2, "width": 200, "height": 200, "superpixels": tile.superpixels}
    read = page.evaluate(script, [f"/tiles/segmented/{tile.pk}/raster.png", about])
    assert read == load_labels(tile).ravel().tolist()

    last = tile.superpixels
    click(page, tile, last)
    expect(page.locator("#said")).to_contain_text(f"Superpixel {last}: mining.")


def test_the_page_times_itself(desk: Page, tile: Any, make_tile: Callable[..., Any]) -> None:
    asked: list[str] = []
    desk.on("request", lambda request: asked.append(request.url))
    following = make_tile(2).segmented.get()
    click(desk, tile, 1)
    painted(desk, 1)
    desk.keyboard.press("Enter")
    shows(desk, following)
    desk.wait_for_load_state("networkidle")
    times = desk.evaluate(
        """() => Object.fromEntries(["amber:paint", "amber:drag", "amber:next"].map((name) =>
            [name, performance.getEntriesByName(name).map(({ duration }) => duration)]))"""
    )
    assert {name: len(found) for name, found in times.items()} == {
        "amber:paint": 1,
        "amber:drag": 1,
        "amber:next": 1,
    }
    assert all(math.isfinite(duration) and duration > 0 for (duration,) in times.values())
    sizes = [url.rsplit("size=", 1)[1] for url in asked if f"/tiles/{following.tile.pk}/image" in url]
    assert sizes[:2] == ["640", "1000"], "first a light picture, then the sharp one"


def test_a_small_phone_has_everything_within_a_thumbs_reach(
    browser: Browser,
    browser_context_args: dict[str, Any],
    live_server: Any,
    alice: Any,
    tile: Any,
    client_of: Callable,
) -> None:
    phone_like = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
    context = browser.new_context(**browser_context_args | phone_like)
    session = client_of(alice).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    phone = context.new_page()
    phone.goto(f"{live_server.url}/label/")
    shows(phone, tile)
    phone.tap("[data-verdict=not_mining]")
    assert phone.evaluate(OUT_OF_REACH) == []
    stage = phone.locator("#tile-map").bounding_box()
    assert stage is not None and stage["height"] * stage["width"] > 0.4 * 360 * 640

    spot = on_screen(phone, centre(tile, 1))
    phone.touchscreen.tap(*spot)
    painted(phone, 1)
    phone.tap("[data-do=eraser]")
    phone.touchscreen.tap(*spot)
    painted(phone, 0)
    phone.tap("[data-verdict=mining]")
    expect(phone.locator("[data-do=eraser]")).to_have_attribute("aria-pressed", "false")
    phone.locator("[data-width='160']").scroll_into_view_if_needed()
    phone.tap("[data-width='160']")
    phone.touchscreen.tap(*on_screen(phone, (0.5, 0.5)))
    expect(phone.locator("#painted")).not_to_have_js_property("value", 0)
    context.close()


def test_every_look_alike_is_in_sight_on_a_laptop(desk: Page) -> None:
    desk.set_viewport_size({"width": 1280, "height": 720})
    desk.keyboard.press("2")
    chips = desk.locator("#look-alikes [data-look-alike]")
    expect(chips.first).to_be_visible()
    box = desk.locator("#look-alikes").bounding_box()
    for chip in chips.all():
        own = chip.bounding_box()
        assert own["x"] >= box["x"] - 1 and own["x"] + own["width"] <= box["x"] + box["width"] + 1
        assert own["y"] + own["height"] <= 720
    onward = desk.locator("[data-do=submit]").bounding_box()
    assert onward["y"] + onward["height"] <= 720
    desk.screenshot(path="/tmp/d1.png")
