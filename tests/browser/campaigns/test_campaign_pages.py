"""The campaign pages as Bob meets them: with a mouse, with keys, on a phone, with a screen reader."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from detection.description.features import extract_missing, usable_extractor
from detection.look_alikes.index import build_index
from detection.models import SegmentedTile
from labeling.campaigns import campaigns
from labeling.models import Campaign
from tests.findings import make_classifier, make_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def campaign(make_tile: Callable[..., Any], bob: Any) -> Campaign:
    """Three tiles, searched once; the campaign begins with a detection of three superpixels."""
    tiles = [make_tile(number) for number in (1, 2, 3)]
    extractor = usable_extractor("texture")
    extract_missing(list(SegmentedTile.objects.select_related("tile", "segmentation")), extractor)
    run = make_run(make_classifier(tiles[0].region, extractor_key=extractor.key), tiles)
    build_index(
        region=tiles[0].region, extractor_key=extractor.key, progress=lambda done, total, message="": None
    )
    detection = run.detections.with_ground().first()
    assert detection is not None
    return campaigns.begin_from_detection(detection=detection, acting_user=bob)


# Long names and large figures: the tables have to fit a phone.
FIGURES = {key: [0.912, 0.87, 0.95] for key in ("precision", "recall", "f1", "average_precision")}
GROUP = {
    "n": 41_200,
    "places": 1_380,
    "positives": 12_000,
    "mining_places": 410,
    "before": FIGURES,
    "after": FIGURES,
    "difference": {key: [-0.03, -0.11, 0.06] for key in FIGURES},
}
KIND = {
    "n": 12_640,
    "places": 1_110,
    "before": 3_100,
    "after": 1_009,
    "difference": [-0.3438, -0.4621, -0.1532],
}
EFFECT = {
    "held_out": {
        "labels": {
            "learned": True,
            "campaigns": [{"number": 3, "name": "Dormitories of the forestry administration, all of them"}],
            "added": 12_640,
            "removed": 1_110,
            "changed": 310,
        },
        "rows": {"known": 41_200, "own": 12_640, "since": 1_110},
        "known": GROUP,
        "all": GROUP,
        "own": KIND,
        "kinds": {"deforestation": {"known": KIND, "own": KIND, "since": KIND}},
    }
}


def test_the_pages_can_be_used_by_everybody(
    page: Page,
    live_server: Any,
    campaign: Campaign,
    bob: Any,
    log_in: Callable[[Any], None],
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
) -> None:
    log_in(bob)
    addresses = [
        "",
        f"{campaign.pk}/",
        f"{campaign.pk}/look-alikes/",
        f"begin/?tile={campaign.segmented_tile_id}",
        "places/",
        "places/?q=nothing",
    ]
    Campaign.objects.filter(pk=campaign.pk).update(effect=EFFECT)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for address in addresses:
            page.goto(f"{live_server.url}/review/campaigns/{address}")
            assert serious_violations() == [], address
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
            assert page.locator("h1").count() == 1
    assert console_errors == []


def test_bob_ticks_with_keys_and_ranges_and_decides(
    page: Page, live_server: Any, campaign: Campaign, bob: Any, log_in: Callable[[Any], None]
) -> None:
    log_in(bob)
    page.goto(f"{live_server.url}/review/campaigns/{campaign.pk}/look-alikes/")
    count, ticks = page.locator("[data-count]"), page.locator(".look__tick")
    expect(count).to_have_text("3 ticked")
    page.keyboard.press("n")
    expect(count).to_have_text("Tick what you decide about")
    decide = page.get_by_role("button", name="Label as not mining")
    expect(decide).to_be_disabled()
    ticks.first.focus()
    page.keyboard.press("Space")
    for _step in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Space")
    expect(count).to_have_text("4 ticked")
    page.locator(".look").nth(5).click(modifiers=["Shift"])
    expect(count).to_have_text("6 ticked")
    page.get_by_role("button", name="More like the ticked ones").click()
    expect(page.locator(".looks-tools__text")).to_contain_text("mean of 6 ticked")
    expect(count).to_have_text("6 ticked")
    page.keyboard.press("a")
    everything = ticks.count()
    expect(count).to_have_text(f"{everything} ticked")
    page.get_by_label("What is it instead?").select_option("cemetery")
    decide.click()
    expect(page.locator(".steps")).to_contain_text(f"{everything} superpixels labelled as not mining")
    # The page's scripts ask before something is taken back.
    page.wait_for_load_state()
    page.get_by_role("button", name="Take back").click()
    page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    expect(page.locator("main")).to_contain_text("Taken back on")


def test_bob_begins_from_any_place_with_keys_alone(
    page: Page, live_server: Any, campaign: Campaign, bob: Any, log_in: Callable[[Any], None]
) -> None:
    log_in(bob)
    page.goto(f"{live_server.url}/review/campaigns/")
    page.get_by_role("link", name="Begin from any place").press("Enter")
    tile = campaign.segmented_tile.tile
    search = page.get_by_label("Coordinates, place or file name")
    search.fill(f"{tile.latitude}, {tile.longitude}")
    search.press("Enter")
    cards = page.locator(".place-card")
    expect(cards).to_have_count(1)
    cards.press("Enter")
    expect(page.locator(".choose__side")).to_contain_text("is chosen")
    page.get_by_role("button", name="Find its look-alikes").press("Enter")
    expect(page.locator(".look.is-asked")).to_have_count(1)


def test_bob_chooses_a_superpixel_of_a_tile(
    page: Page, live_server: Any, campaign: Campaign, bob: Any, log_in: Callable[[Any], None]
) -> None:
    log_in(bob)
    page.goto(f"{live_server.url}/review/campaigns/begin/?tile={campaign.segmented_tile_id}")
    page.get_by_role("link", name="Superpixel 4", exact=True).press("Enter")
    page.get_by_role("button", name="Find its look-alikes").click()
    expect(page.locator(".look.is-asked")).to_have_count(1)


def test_ticks_outlive_a_reload_and_those_not_shown_are_counted_and_taken_away(
    page: Page, live_server: Any, campaign: Campaign, bob: Any, log_in: Callable[[Any], None]
) -> None:
    log_in(bob)
    page.goto(f"{live_server.url}/review/campaigns/{campaign.pk}/look-alikes/")
    count, ticks = page.locator("[data-count]"), page.locator(".look__tick")
    elsewhere = page.locator("[data-elsewhere]")
    everything = ticks.count()
    page.keyboard.press("a")
    ticks.last.uncheck()
    expect(count).to_have_text(f"{everything - 1} ticked")
    page.reload()
    expect(count).to_have_text(f"{everything - 1} ticked")
    expect(ticks.last).not_to_be_checked()
    expect(elsewhere).to_be_hidden()
    page.get_by_label("Only those called mining").check()
    expect(elsewhere).to_contain_text("of them not shown here")
    expect(count).to_have_text(f"{everything - 1} ticked")
    assert ticks.count() < everything
    elsewhere.get_by_role("button", name="Untick those").click()
    expect(elsewhere).to_be_hidden()
    assert page.locator(".look__tick:checked").count() == 0
    page.get_by_label("Only those called mining").uncheck()
    expect(ticks).to_have_count(everything)
    page.keyboard.press("a")
    expect(count).to_have_text(f"{everything} ticked")
    page.get_by_label("What is it instead?").select_option("cemetery")
    page.get_by_role("button", name="Label as not mining").click()
    expect(page.locator(".steps")).to_contain_text(f"{everything} superpixels labelled as not mining")
    assert (
        page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('amber.looks')).length")
        == 0
    )
