"""Alice labels tiles in Chromium: with the mouse, with the keyboard alone, with a finger, and without a network."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Label, Submission

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Spot = tuple[float, float]


@pytest.fixture
def tiles(make_tile: Callable[..., Any]) -> list[Any]:
    return [make_tile(seed).segmented.get() for seed in (1, 2, 3, 4, 5)]


@pytest.fixture
def desk(page: Page, alice: Any, tiles: list[Any], log_in: Callable, live_server: Any) -> Page:
    """The desk with its first tile on the screen."""
    log_in(alice)
    page.goto(f"{live_server.url}/label/")
    shows(page, tiles[0])
    return page


def shows(page: Page, tile: Any) -> None:
    expect(page.locator("#desk")).to_have_attribute("data-tile", str(tile.pk))


def prefetched(page: Page) -> None:
    """The next two tiles are here with everything that belongs to them."""
    expect(page.locator("#desk")).to_have_attribute("data-ready", "2")


def painted(page: Page, count: int) -> None:
    expect(page.locator("#painted")).to_have_js_property("value", count)


def numbers(tile: Any) -> Any:
    from detection.description.segment import load_labels

    return load_labels(tile)


def centre(tile: Any, superpixel: int) -> Spot:
    """A place well inside a superpixel, as shares of the picture's width and height."""
    import numpy as np
    from scipy.ndimage import distance_transform_edt

    # Framed, so that the edge of the picture counts as an edge of the superpixel.
    inside = distance_transform_edt(np.pad(numbers(tile) == superpixel, 1))[1:-1, 1:-1]
    row, column = divmod(int(inside.argmax()), inside.shape[1])
    return (column + 0.5) / inside.shape[1], (row + 0.5) / inside.shape[0]


def on_screen(page: Page, spot: Spot) -> Spot:
    box = page.locator(".desk__picture").bounding_box()
    assert box is not None
    return box["x"] + spot[0] * box["width"], box["y"] + spot[1] * box["height"]


def click(page: Page, tile: Any, superpixel: int) -> None:
    page.mouse.click(*on_screen(page, centre(tile, superpixel)))


def saved(person: Any) -> dict[tuple[int, int], str]:
    labels = Label.objects.filter(submission__volunteer=person, submission__withdrawn_at__isnull=True)
    return {
        (tile, superpixel): verdict
        for tile, superpixel, verdict in labels.values_list("segmented_tile_id", "superpixel", "verdict")
    }


def test_alice_labels_a_tile_with_the_mouse(
    desk: Page, alice: Any, tiles: list[Any], console_errors: list[str]
) -> None:
    tile = tiles[0]
    click(desk, tile, 1)
    painted(desk, 1)
    expect(desk.locator("#said")).to_have_text(f"Superpixel 1: mining. 1 of {tile.superpixels} painted.")
    desk.click("[data-verdict=not_mining]")
    desk.click("[data-look-alike=sand_pit]")
    click(desk, tile, 2)
    desk.click("[data-verdict=unsure]")
    click(desk, tile, 3)
    painted(desk, 3)
    desk.click("[data-do=undo]")
    painted(desk, 2)
    desk.keyboard.press("Control+Shift+Z")
    painted(desk, 3)
    desk.click("[data-do=rest]")
    painted(desk, tile.superpixels)
    desk.click("[data-do=submit]")
    shows(desk, tiles[1])
    expect(desk.locator("#today")).to_have_text("1 tile today")
    expect(desk.locator("#saved")).to_have_text("all saved")
    kept = saved(alice)
    assert len(kept) == tile.superpixels
    assert [kept[tile.pk, number] for number in (1, 2, 3, 4)] == [
        "mining",
        "not_mining",
        "unsure",
        "not_mining",
    ]
    assert Label.objects.get(superpixel=2).look_alike == "sand_pit"
    assert f"tile={tiles[1].pk}" in desk.url
    assert console_errors == []


def test_dragging_paints_what_it_passes_and_shift_erases(desk: Page, tiles: list[Any]) -> None:
    tile = tiles[0]
    labels = numbers(tile)
    row = labels.shape[0] // 2
    passed = set(labels[row, 4:-4].tolist())
    assert len(passed) > 1
    across = [on_screen(desk, ((column + 0.5) / labels.shape[1], 0.5)) for column in (4, 195)]

    def drag() -> None:
        desk.mouse.move(*across[0])
        desk.mouse.down()
        desk.mouse.move(*across[1], steps=3)
        desk.mouse.up()

    drag()
    painted(desk, len(passed))
    desk.keyboard.down("Shift")
    drag()
    desk.keyboard.up("Shift")
    painted(desk, 0)
    desk.keyboard.press("u")
    painted(desk, len(passed))
    desk.keyboard.press("Control+z")
    painted(desk, 0)
    expect(desk.locator("[data-do=undo]")).to_be_disabled()


def test_alice_labels_a_tile_with_the_keyboard_alone(
    desk: Page, alice: Any, tiles: list[Any], serious_violations: Callable
) -> None:
    tile = tiles[0]
    expect(desk.locator("#said")).to_have_text(f"Tile shown: {tile.superpixels} superpixels")
    for _ in range(30):
        desk.keyboard.press("Tab")
        if desk.locator("#tile-map").evaluate("element => element === document.activeElement"):
            break
    desk.keyboard.press("Tab")
    expect(desk.locator("#said")).to_have_text(re.compile(r"Superpixel \d+: not painted"))
    first = re.findall(r"\d+", desk.locator("#said").inner_text())[0]
    desk.keyboard.press("1")
    expect(desk.locator("#said")).to_have_text(re.compile(rf"Superpixel {first}: mining"))
    desk.keyboard.press("ArrowRight")
    expect(desk.locator("#said")).to_have_text(re.compile(r"Superpixel \d+: not painted"))
    second = re.findall(r"\d+", desk.locator("#said").inner_text())[0]
    assert second != first
    desk.keyboard.press("3")
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Enter")
    painted(desk, 3)
    assert serious_violations() == []
    desk.keyboard.press("Escape")
    desk.keyboard.press("r")
    painted(desk, tile.superpixels)
    expect(desk.locator("[data-do=rest]")).to_be_disabled()
    expect(desk.locator("#painted-text")).to_have_text("Everything has a verdict")
    desk.keyboard.press("Enter")
    shows(desk, tiles[1])
    expect(desk.locator("#said")).to_have_text(f"Tile shown: {tiles[1].superpixels} superpixels")
    expect(desk.locator("#saved")).to_have_text("all saved")
    kept = saved(alice)
    assert kept[tile.pk, int(first)] == "mining"
    assert kept[tile.pk, int(second)] == "unsure"
    assert sorted(kept.values()).count("not_mining") == tile.superpixels - 3


def test_tab_walks_through_the_superpixels_and_then_leaves_the_tile(desk: Page, tiles: list[Any]) -> None:
    desk.focus("#tile-map")
    seen = []
    for _ in range(tiles[0].superpixels):
        desk.keyboard.press("Tab")
        seen.append(int(re.findall(r"\d+", desk.locator("#said").inner_text())[0]))
    assert sorted(seen) == list(range(1, tiles[0].superpixels + 1))
    desk.keyboard.press("Tab")
    expect(desk.locator("[data-verdict=mining]")).to_be_focused()


def test_alice_labels_a_tile_on_a_small_phone(
    live_server: Any,
    alice: Any,
    tiles: list[Any],
    small_phone: Callable[[Any], Page],
) -> None:
    phone = small_phone(alice)
    phone.goto(f"{live_server.url}/label/")
    shows(phone, tiles[0])
    for essential in (
        "[data-verdict=mining]",
        "[data-verdict=unsure]",
        "[data-do=rest]",
        "[data-do=submit]",
        "[data-do=undo]",
    ):
        box = phone.locator(essential).bounding_box()
        assert box is not None
        assert box["y"] >= 0 and box["y"] + box["height"] <= 640, f"{essential} needs scrolling"
        assert box["x"] >= 0 and box["x"] + box["width"] <= 360, f"{essential} is cut off"
        assert min(box["width"], box["height"]) >= 44, f"{essential} is too small for a thumb"
    phone.touchscreen.tap(*on_screen(phone, centre(tiles[0], 1)))
    painted(phone, 1)

    fingers = phone.context.new_cdp_session(phone)

    def touch(kind: str, *spots: Spot) -> None:
        points = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(spots)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    left, right = on_screen(phone, (0.3, 0.6)), on_screen(phone, (0.7, 0.6))
    before = phone.locator(".desk__picture").bounding_box()
    touch("touchStart", left)
    touch("touchStart", left, right)
    for spread in (10, 25, 40):
        touch("touchMove", (left[0] - spread, left[1]), (right[0] + spread, right[1]))
    touch("touchEnd")
    phone.wait_for_timeout(400)
    after = phone.locator(".desk__picture").bounding_box()
    assert before is not None and after is not None
    assert after["width"] > before["width"] * 1.1, "two fingers zoom"
    painted(phone, 1)

    phone.tap("[data-do=whole]")
    phone.tap("[data-do=hand]")
    phone.touchscreen.tap(*on_screen(phone, centre(tiles[0], 2)))
    painted(phone, 1)
    phone.tap("[data-do=hand]")
    phone.tap("[data-do=rest]")
    phone.tap("[data-do=submit]")
    shows(phone, tiles[1])
    expect(phone.locator("#saved")).to_have_text("all saved")
    assert len(saved(alice)) == tiles[0].superpixels
    assert list(saved(alice).values()).count("mining") == 1


def test_the_numbers_in_the_browser_are_those_of_the_stored_raster(desk: Page, tiles: list[Any]) -> None:
    script = """async ([module, url]) => {
        const { decodeRaster } = await import(module);
        const { numbers, columns, rows } = await decodeRaster(await (await fetch(url)).blob());
        return { numbers: Array.from(numbers), columns, rows };
    }"""
    for tile in tiles[:2]:
        url = f"/tiles/segmented/{tile.pk}/raster.png"
        read = desk.evaluate(script, ["/static/js/labeling/tile/raster.js", url])
        stored = numbers(tile)[:: tile.segmentation.downscale, :: tile.segmentation.downscale]
        assert (read["rows"], read["columns"]) == stored.shape
        assert read["numbers"] == stored.ravel().tolist()


def test_numbers_above_255_survive_the_browser_too(desk: Page) -> None:
    import base64

    import numpy as np

    from detection.segmentation.raster import encode_raster

    stored = np.arange(1, 1 + 40 * 30, dtype=np.int32).reshape(30, 40)
    script = """async (data) => {
        const { decodeRaster } = await import("/static/js/labeling/tile/raster.js");
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        return Array.from((await decodeRaster(new Blob([bytes], { type: "image/png" }))).numbers);
    }"""
    assert desk.evaluate(script, base64.b64encode(encode_raster(stored)).decode()) == stored.ravel().tolist()


def test_without_a_network_labels_wait_and_then_arrive_once(desk: Page, alice: Any, tiles: list[Any]) -> None:
    expect(desk.locator("#saved")).to_have_text("all saved")
    prefetched(desk)
    desk.context.set_offline(True)
    for number in range(3):
        click(desk, tiles[number], 1)
        desk.keyboard.press("Enter")
        if number < 2:
            shows(desk, tiles[number + 1])
    expect(desk.locator("#saved")).to_have_text("offline, 3 tiles waiting to be sent")
    expect(desk.locator("#cover-title")).to_have_text("You are offline")
    expect(desk.locator("#today")).to_have_text("3 tiles today")
    assert saved(alice) == {}
    desk.context.set_offline(False)
    expect(desk.locator("#saved")).to_have_text("all saved")
    shows(desk, tiles[3])
    assert saved(alice) == {(tile.pk, 1): "mining" for tile in tiles[:3]}
    assert Submission.objects.count() == 3


def test_labels_made_offline_survive_a_closed_tab(
    desk: Page, alice: Any, tiles: list[Any], live_server: Any
) -> None:
    prefetched(desk)
    desk.context.set_offline(True)
    click(desk, tiles[0], 2)
    desk.keyboard.press("Enter")
    expect(desk.locator("#saved")).to_have_text("offline, 1 tile waiting to be sent")
    desk.close()
    context = desk.context
    context.set_offline(False)
    page = context.new_page()
    page.goto(f"{live_server.url}/label/")
    expect(page.locator("#saved")).to_have_text("all saved")
    expect(page.locator("#today")).to_have_text("1 tile today")
    assert saved(alice) == {(tiles[0].pk, 2): "mining"}


def test_alice_goes_back_and_changes_her_mind(desk: Page, alice: Any, tiles: list[Any]) -> None:
    click(desk, tiles[0], 1)
    desk.keyboard.press("Enter")
    shows(desk, tiles[1])
    click(desk, tiles[1], 1)
    desk.click("[data-do=back]")
    shows(desk, tiles[0])
    painted(desk, 1)
    desk.keyboard.press("2")
    click(desk, tiles[0], 1)
    desk.keyboard.press("Enter")
    shows(desk, tiles[1])
    painted(desk, 1)
    expect(desk.locator("#saved")).to_have_text("all saved")
    expect(desk.locator("#today")).to_have_text("1 tile today")
    assert saved(alice) == {(tiles[0].pk, 1): "not_mining"}
    assert Submission.objects.count() == 2, "what she took back stays on record"


def test_a_reload_keeps_what_was_painted(desk: Page, tiles: list[Any]) -> None:
    click(desk, tiles[0], 1)
    click(desk, tiles[0], 2)
    painted(desk, 2)
    desk.reload()
    shows(desk, tiles[0])
    painted(desk, 2)


def test_space_shows_the_ground_while_it_is_held(desk: Page, tiles: list[Any]) -> None:
    click(desk, tiles[0], 1)
    paint = desk.locator(".leaflet-superpixels-pane")
    expect(paint).to_have_css("visibility", "visible")
    desk.keyboard.down(" ")
    expect(paint).to_have_css("visibility", "hidden")
    desk.keyboard.up(" ")
    expect(paint).to_have_css("visibility", "visible")


def test_when_no_tile_is_left_the_desk_says_so(desk: Page, tiles: list[Any]) -> None:
    for number in range(len(tiles)):
        shows(desk, tiles[number])
        if number == 1:
            expect(desk.locator("#next-text")).to_have_text("Skip this tile")
        else:
            desk.keyboard.press("r")
        desk.keyboard.press("Enter")
    expect(desk.locator("#cover-title")).to_have_text("Nothing for you just now")
    desk.click("[data-do=skipped]")
    shows(desk, tiles[1])
    expect(desk.locator("#cover")).to_be_hidden()


def test_what_was_painted_is_drawn_in_the_colour_of_its_verdict(desk: Page, tiles: list[Any]) -> None:
    """The middle of a superpixel gets an amber wash and loses it again."""
    script = """(element) => {
        const canvas = document.querySelector(".leaflet-superpixels-pane canvas");
        const box = canvas.getBoundingClientRect();
        const x = (element[0] - box.left) * canvas.width / box.width;
        const y = (element[1] - box.top) * canvas.height / box.height;
        return Array.from(canvas.getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data);
    }"""
    spot = on_screen(desk, centre(tiles[0], 1))

    def drawn(wanted: Callable[[list[int]], bool]) -> bool:
        """Leaflet draws with the next frame, which may be late on a busy machine."""
        for _ in range(30):
            if wanted(desk.evaluate(script, list(spot))):
                return True
            desk.wait_for_timeout(100)
        return False

    desk.mouse.click(*spot)
    assert drawn(lambda pixel: pixel[0] > pixel[1] > pixel[2] and 40 < pixel[3] < 120)
    desk.keyboard.press("u")
    assert drawn(lambda pixel: pixel[3] == 0)


def test_alices_own_page_leads_back_to_her_tile(
    desk: Page, tiles: list[Any], live_server: Any, serious_violations: Callable, console_errors: list[str]
) -> None:
    click(desk, tiles[0], 1)
    desk.keyboard.press("Enter")
    shows(desk, tiles[1])
    desk.goto(f"{live_server.url}/label/mine/")
    expect(desk.locator(".my-tile")).to_have_count(1)
    assert serious_violations() == []
    desk.click(".my-tile")
    shows(desk, tiles[0])
    painted(desk, 1)
    assert console_errors == []
