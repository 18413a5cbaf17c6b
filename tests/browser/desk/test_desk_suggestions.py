"""What the desk shows beside the ground: suggestions, settled superpixels, finer pieces, leases, an expert's turn."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from labeling.models import Claim, ClaimState, Consensus, Label, Submission, TileProgress
from tests.browser.desk.test_desk import centre, click, on_screen, painted, prefetched, saved, shows
from tests.browser.suggesting import MINING, suggest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tiles(make_tile: Callable[..., Any]) -> list[Any]:
    return [make_tile(seed).segmented.get() for seed in (1, 2, 3)]


@pytest.fixture
def open_desk(
    page: Page, client_of: Callable, live_server: Any, console_errors: list[str]
) -> Callable[..., Page]:
    def do(person: Any, query: str = "") -> Page:
        page.context.clear_cookies()
        session = client_of(person).cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page.goto(f"{live_server.url}/label/{query}")
        expect(page.locator("#desk")).to_have_attribute("data-tile", re.compile(r"\d"))
        return page

    return do


def said_of(person: Any) -> dict[tuple[int, int], str]:
    labels = Label.objects.filter(submission__volunteer=person, submission__withdrawn_at__isnull=True)
    return {(one.superpixel, one.piece): one.verdict for one in labels}


def test_a_correctly_suggested_tile_takes_two_actions(
    open_desk: Callable,
    alice: Any,
    tiles: list[Any],
    region: Any,
    serious_violations: Callable,
    console_errors: list[str],
) -> None:
    suggest(region, tiles)
    desk = open_desk(alice)
    expect(desk.locator("#legend")).to_be_visible()
    painted(desk, 0)
    assert serious_violations() == []
    desk.keyboard.press("a")
    desk.keyboard.press("Enter")
    shows(desk, tiles[1])
    desk.click("[data-do=rest-suggested]")
    desk.click("[data-do=submit]")
    shows(desk, tiles[2])
    expect(desk.locator("#saved")).to_have_text("all saved")
    for tile in tiles[:2]:
        expected = {
            (tile.pk, number): "mining" if number in MINING else "not_mining"
            for number in range(1, tile.superpixels + 1)
        }
        assert {key: verdict for key, verdict in saved(alice).items() if key[0] == tile.pk} == expected
    for submission in Submission.objects.all():
        assert submission.agreeing == submission.compared > 0

    # Hidden they are not accepted unseen, and the wish is kept.
    desk.keyboard.press("s")
    expect(desk.locator("[data-do=suggestions]")).to_have_attribute("aria-pressed", "false")
    expect(desk.locator("#legend")).to_be_hidden()
    expect(desk.locator("[data-do=rest-suggested]")).to_be_hidden()
    desk.keyboard.press("a")
    expect(desk.locator("#said")).to_have_text("Suggestions are hidden: show them first")
    painted(desk, 0)
    desk.reload()
    shows(desk, tiles[2])
    expect(desk.locator("#legend")).to_be_hidden()
    assert console_errors == []


def test_the_desk_with_suggestions_is_accessible_on_a_small_phone(
    open_desk: Callable, alice: Any, tiles: list[Any], region: Any, serious_violations: Callable
) -> None:
    suggest(region, tiles)
    desk = open_desk(alice)
    back = desk.locator("[data-do=back] > span").bounding_box()
    assert back is not None and back["width"] > 20, "Back keeps its word beside both ways to paint the rest"
    desk.set_viewport_size({"width": 360, "height": 640})
    desk.keyboard.press("2")
    expect(desk.locator("#look-alikes")).to_be_visible()
    assert serious_violations() == []
    stage, legend, chips = (
        desk.locator(name).bounding_box() for name in (".desk__stage", "#legend", "#look-alikes")
    )
    assert stage and legend and chips
    assert legend["height"] + chips["height"] < stage["height"] / 3, "the picture stays in sight"
    desk.click("[data-do=supply]")
    expect(desk.locator("dialog#supply")).to_be_visible()
    assert serious_violations() == []


def test_a_blind_tile_shows_nothing_of_suggestions_and_does_not_say_so(
    open_desk: Callable, alice: Any, tiles: list[Any], region: Any
) -> None:
    suggest(region, tiles, blind=True)
    desk = open_desk(alice)
    for hidden in ("[data-do=suggestions]", "[data-do=rest-suggested]", "#legend"):
        expect(desk.locator(hidden)).to_be_hidden()
    assert "blind" not in desk.content().lower()
    desk.keyboard.press("a")
    painted(desk, 0)


def test_settled_superpixels_are_left_alone_by_the_rest_and_can_be_painted(
    open_desk: Callable, alice: Any, tiles: list[Any]
) -> None:
    tile = tiles[0]
    Consensus.objects.create(
        segmented_tile=tile,
        superpixel=2,
        verdict="mining",
        posterior=0.99,
        votes=3,
        agreeing=3,
        state="retired",
    )
    desk = open_desk(alice)
    shows(desk, tile)
    expect(desk.locator("#legend")).to_contain_text("Consensus reached")
    desk.keyboard.press("r")
    painted(desk, tile.superpixels - 1)
    expect(desk.locator("[data-do=rest]")).to_be_disabled()
    click(desk, tile, 2)
    painted(desk, tile.superpixels)


def test_a_mixed_superpixel_is_painted_in_pieces_and_saved_with_them(
    open_desk: Callable, alice: Any, tiles: list[Any], console_errors: list[str]
) -> None:
    tile = tiles[0]
    desk = open_desk(alice)
    shows(desk, tile)
    x, y = on_screen(desk, centre(tile, 8))
    box = desk.locator(".desk__picture").bounding_box()
    assert box is not None
    aside = box["width"] / 6 * 0.3
    desk.keyboard.press("4")
    with desk.expect_response(re.compile("pieces.png")):
        desk.mouse.click(x, y)
    painted(desk, 1)
    desk.wait_for_timeout(200)
    desk.keyboard.press("1")
    desk.mouse.click(x - aside, y - aside)
    expect(desk.locator("#said")).to_have_text(re.compile(r"Superpixel 8, fragment \d: mining\."))
    desk.keyboard.press("2")
    desk.mouse.click(x + aside, y + aside)
    expect(desk.locator("#said")).to_have_text(re.compile(r"Superpixel 8, fragment \d: not mining\."))
    painted(desk, 1)

    # One step each, to the first and back.
    for _ in range(3):
        desk.keyboard.press("u")
    painted(desk, 0)
    for _ in range(3):
        desk.keyboard.press("y")
    painted(desk, 1)

    # Painted pieces outlive a reload; "the rest" takes in what is left of them.
    desk.reload()
    shows(desk, tile)
    painted(desk, 1)
    prefetched(desk)
    desk.keyboard.press("r")
    desk.keyboard.press("Enter")
    shows(desk, tiles[1])
    expect(desk.locator("#saved")).to_have_text("all saved")
    said = said_of(alice)
    assert said[8, 0] == "mixed"
    pieces = {piece: verdict for (number, piece), verdict in said.items() if number == 8 and piece}
    assert len(pieces) >= 2
    assert list(pieces.values()).count("mining") == 1
    assert set(pieces.values()) == {"mining", "not_mining"}
    assert sum(piece == 0 for _number, piece in said) == tile.superpixels
    assert console_errors == []


def test_painting_over_a_mixed_superpixel_takes_its_pieces_along_and_undo_brings_them_back(
    open_desk: Callable, alice: Any, tiles: list[Any]
) -> None:
    script = """async () => {
        const { Painting } = await import("/static/js/labeling/tile/history.js");
        const { partOf } = await import("/static/js/labeling/tile/parts.js");
        const label = (verdict) => ({ verdict, lookAlike: "" });
        const said = () => painting.entries().map((one) => `${one.superpixel}.${one.piece} ${one.verdict}`);
        const painting = new Painting(3, [{ superpixel: 3, verdict: "unsure" }]);
        const steps = [];
        steps.push(painting.paint(partOf(1, 2), label("mining"))); // no piece of what is not mixed
        painting.paint(1, label("mixed"));
        painting.paint(partOf(1, 2), label("mining"));
        steps.push(painting.paint(partOf(1, 1), label("mixed"))); // a piece is not divided any further
        painting.fill((part) => (part === 2 ? null : label("not_mining")), (k) => [1, 2, 3].map((p) => partOf(k, p)));
        steps.push(said());
        painting.paint(1, label("mining"));
        steps.push(said(), painting.painted);
        painting.undo();
        steps.push(said());
        painting.begin();
        painting.paint(1, null);
        painting.abort();
        steps.push(said());
        while (painting.undo().length);
        steps.push(said(), painting.changed);
        while (painting.redo().length);
        steps.push(said());
        return steps;
    }"""
    pieces = ["1.1 not_mining", "1.2 mining", "1.3 not_mining"]
    mixed = ["1.0 mixed", "3.0 unsure", *pieces]
    over = ["1.0 mining", "3.0 unsure"]
    assert open_desk(alice).evaluate(script) == [
        False,
        False,
        mixed,
        over,
        2,
        mixed,
        mixed,
        ["3.0 unsure"],
        False,
        over,
    ]


def test_the_keyboard_goes_into_the_pieces_and_out_again(
    open_desk: Callable, alice: Any, tiles: list[Any]
) -> None:
    desk = open_desk(alice)
    shows(desk, tiles[0])
    said = desk.locator("#said")
    desk.focus("#tile-map")
    desk.keyboard.press("Tab")
    expect(said).to_have_text("Superpixel 1: not painted")
    desk.keyboard.press("4")
    expect(said).to_have_text(re.compile("Superpixel 1: mixed"))
    prefetched(desk)
    desk.keyboard.press("Enter")
    expect(said).to_have_text("Superpixel 1, fragment 1: not painted")
    desk.keyboard.press("1")
    expect(said).to_have_text(re.compile("Superpixel 1, fragment 1: mining"))
    desk.keyboard.press("Tab")
    expect(said).to_have_text("Superpixel 1, fragment 2: not painted")
    desk.keyboard.press("Escape")
    expect(said).to_have_text("Superpixel 1: mixed")
    desk.keyboard.press("0")
    painted(desk, 0)
    desk.keyboard.press("u")
    painted(desk, 1)
    desk.keyboard.press("Control+Enter")
    shows(desk, tiles[1])
    expect(desk.locator("#saved")).to_have_text("all saved")
    assert said_of(alice) == {(1, 0): "mixed", (1, 1): "mining"}


def test_a_lease_is_shown_and_its_loss_is_said_calmly(
    open_desk: Callable, alice: Any, tiles: list[Any]
) -> None:
    desk = open_desk(alice)
    shows(desk, tiles[0])
    lease = desk.locator("#lease")
    expect(lease).to_have_text(re.compile(r"Reserved for you until \d\d:\d\d"))
    expect(desk.locator("#saved")).to_have_text("all saved")
    Claim.objects.filter(segmented_tile=tiles[0]).update(state=ClaimState.LAPSED)
    TileProgress.objects.filter(segmented_tile=tiles[0]).update(votes=2, claims=0, free=0, wanted=2)
    desk.clock.set_fixed_time(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90))
    with desk.expect_response(re.compile("claims/renew")):
        click(desk, tiles[0], 1)
    expect(lease).to_have_text(re.compile("Somebody else may label this tile too"))
    desk.keyboard.press("Enter")
    shows(desk, tiles[1])
    expect(desk.locator(".toast")).to_contain_text("Your labels are kept")
    assert Submission.objects.get().spare == "full"


def test_a_skipped_tile_goes_back_to_the_others_and_comes_again_when_asked_for(
    open_desk: Callable, alice: Any, tiles: list[Any]
) -> None:
    desk = open_desk(alice)
    shows(desk, tiles[0])
    with desk.expect_response(re.compile("claims/release")):
        desk.keyboard.press("Enter")
    shows(desk, tiles[1])
    assert Claim.objects.get(segmented_tile=tiles[0]).state == ClaimState.RELEASED
    with desk.expect_response(re.compile(rf"tiles/{tiles[0].pk}/")):
        desk.click("[data-do=back]")
    shows(desk, tiles[0])
    expect(desk.locator("#lease")).to_have_text(re.compile("Reserved for you until"))
    assert Claim.objects.get(segmented_tile=tiles[0]).state == ClaimState.OPEN


def test_bob_decides_what_volunteers_could_not_agree_about(
    open_desk: Callable, bob: Any, alice: Any, tiles: list[Any], serious_violations: Callable
) -> None:
    tile = tiles[1]
    Consensus.objects.create(
        segmented_tile=tile,
        superpixel=3,
        verdict="unsure",
        posterior=0.5,
        votes=7,
        agreeing=3,
        state="escalated",
    )
    TileProgress.objects.filter(segmented_tile=tile).update(escalated=1)
    desk = open_desk(bob)
    desk.click("text=Superpixels wait for an expert")
    shows(desk, tile)
    expect(desk.locator(".desk__deciding")).to_contain_text("You decide here")
    assert serious_violations() == []
    desk.keyboard.press("r")
    painted(desk, 1)
    click(desk, tile, 3)
    desk.keyboard.press("Enter")
    expect(desk.locator("#cover-title")).to_have_text("Nothing waits for you")
    expect(desk.locator("#saved")).to_have_text("all saved")
    settled = Consensus.objects.get(segmented_tile=tile, superpixel=3)
    assert settled.by_expert and settled.verdict == "mining" and settled.state == "decided"
    # A volunteer who knows the address labels as always.
    open_desk(alice, "?escalated=1")
    shows(desk, tiles[0])
    expect(desk.locator(".desk__deciding")).to_have_count(0)


def test_tiles_taken_along_are_all_there_without_a_network(
    open_desk: Callable, alice: Any, tiles: list[Any], serious_violations: Callable
) -> None:
    desk = open_desk(alice)
    shows(desk, tiles[0])
    desk.click("[data-do=supply]")
    assert serious_violations() == []
    desk.fill("#supply-count", "5")
    desk.click("#supply-go")
    expect(desk.locator("#supply-told")).to_contain_text("2 tiles are here")
    expect(desk.locator("#supply-told")).to_contain_text("MB")
    desk.click("#supply [data-close]")
    expect(desk.locator("#supply-left")).to_have_text("2 tiles offline")
    desk.context.set_offline(True)
    desk.keyboard.press("r")
    desk.keyboard.press("Enter")
    shows(desk, tiles[1])
    expect(desk.locator("#supply-left")).to_have_text("1 tile offline")
    desk.keyboard.press("4")
    click(desk, tiles[1], 1)
    desk.keyboard.press("1")
    click(desk, tiles[1], 1)
    expect(desk.locator("#said")).to_have_text(re.compile(r"Superpixel 1, fragment \d: mining"))
    assert timezone.now() < Claim.objects.get(segmented_tile=tiles[1]).until
