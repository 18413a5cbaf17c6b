"""Bob decides about many at once: with keys, with the mouse, with a thumb; and how fast a person can be."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from detection.models import Detection
from labeling.models import Review
from labeling.review.review_detection import review_detection
from labeling.review.verdicts import current_verdicts
from tests.findings import make_classifier, make_run
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def many(run: Any, tile: Any, count: int) -> None:
    """So many detections more, each on a segmented tile of its own that shows the same picture."""
    from detection.models import SegmentedTile, Tile

    first = tile.segmented.get()
    tiles = Tile.objects.bulk_create(
        Tile(
            region=tile.region,
            source=tile.source,
            file_name=f"more-{n}.jpg",
            sha256=f"{n:064d}",
            image_key=tile.image_key,
            width=200,
            height=200,
        )
        for n in range(count)
    )
    segmented = SegmentedTile.objects.bulk_create(
        SegmentedTile(
            tile=one,
            segmentation=first.segmentation,
            superpixels=first.superpixels,
            raster_key=first.raster_key,
            outlines_key=first.outlines_key,
        )
        for one in tiles
    )
    square = run.detections.first().pixel_outline
    Detection.objects.bulk_create(
        Detection(
            run=run, segmented_tile=one, superpixels=[1, 2, 3], score=0.6 - n / 1e5, pixel_outline=square
        )
        for n, one in enumerate(segmented)
    )


@pytest.fixture
def run(region: Any, make_tile: Callable[..., Any]) -> Any:
    tiles = [make_tile(number) for number in range(1, 4)]
    found = make_run(make_classifier(region), tiles)
    many(found, tiles[0], 300)
    return found


@pytest.fixture
def gallery(
    page: Page, live_server: Any, log_in: Callable, bob: Any, run: Any, console_errors: list[str]
) -> Page:
    log_in(bob)
    page.goto(f"{live_server.url}/review/gallery/")
    expect(page.locator(".shot").first).to_be_visible()
    return page


def numbers(run: Any) -> list[int]:
    return list(run.detections.order_by("-score", "id").values_list("pk", flat=True))


def cell(page: Page, number: int) -> Any:
    return page.locator(f'.shot[data-detection="{number}"]')


def kept(run: Any, expected: dict[int, str]) -> bool:
    """Whether these verdicts soon count; the page does not wait for the answer."""
    return eventually(lambda: {pk: one.verdict for pk, one in current_verdicts(run).items()} == expected)


def test_bob_decides_with_keys_alone_and_takes_back(
    gallery: Page, run: Any, console_errors: list[str]
) -> None:
    one, two, three, four = numbers(run)[:4]
    gallery.keyboard.press("a")
    expect(cell(gallery, one)).to_have_attribute("data-state", "approved")
    expect(cell(gallery, two).locator(".shot__tick")).to_be_focused()
    gallery.keyboard.press("Shift+ArrowRight")
    gallery.keyboard.press("Shift+ArrowRight")
    expect(gallery.locator(".gallery-bar [data-chosen]")).to_have_text("3")
    gallery.keyboard.press("r")
    gallery.keyboard.press("5")
    expect(cell(gallery, four)).to_have_attribute("data-state", "rejected")
    assert kept(run, {one: "approved", two: "rejected", three: "rejected", four: "rejected"})
    expect(gallery.locator('[data-count="undecided"]')).to_have_text("299")
    expect(gallery.locator("[data-decided]")).to_have_text("4")
    gallery.keyboard.press("u")
    expect(cell(gallery, four)).to_have_attribute("data-state", "undecided")
    assert kept(run, {one: "approved"})
    expect(gallery.locator('[data-count="undecided"]')).to_have_text("302")
    gallery.keyboard.press("ArrowRight")
    gallery.keyboard.press("s")
    expect(cell(gallery, three)).to_have_attribute("data-state", "second")
    assert kept(run, {one: "approved", three: "second"})
    expect(cell(gallery, four).locator(".shot__tick")).to_be_focused()
    gallery.keyboard.press(" ")
    expect(cell(gallery, four)).to_have_attribute("data-chosen", "")
    gallery.keyboard.press("Escape")
    expect(gallery.locator(".gallery-bar [data-chosen]")).to_have_text("0")
    gallery.keyboard.press("Enter")
    expect(gallery.locator(".review-card")).to_have_attribute("data-detection", str(four))
    assert not console_errors


def test_a_note_goes_with_one_decision_and_with_no_other(
    gallery: Page, run: Any, serious_violations: Callable, console_errors: list[str]
) -> None:
    one, two, three, four = numbers(run)[:4]
    field, button = gallery.locator("#note"), gallery.locator("[data-note]")
    expect(field).to_be_hidden()
    gallery.keyboard.press("t")
    expect(field).to_be_focused()
    gallery.keyboard.type("as in Sarny, ask")
    assert serious_violations() == []
    gallery.keyboard.press("Escape")
    expect(field).to_be_hidden()
    expect(button).to_contain_text("Note written")
    expect(cell(gallery, one).locator(".shot__tick")).to_be_focused()
    gallery.keyboard.press("Shift+ArrowRight")
    gallery.keyboard.press("s")
    expect(cell(gallery, two)).to_have_attribute("data-state", "second")
    expect(button).not_to_contain_text("Note written")
    gallery.keyboard.press("r")
    gallery.keyboard.press("5")
    expect(cell(gallery, three)).to_have_attribute("data-state", "rejected")
    gallery.keyboard.press("t")
    gallery.keyboard.type("a new cemetery")
    gallery.keyboard.press("Control+Enter")
    gallery.keyboard.press("r")
    gallery.keyboard.press("2")
    expect(cell(gallery, four)).to_have_attribute("data-state", "rejected")
    said = {review.detection_id: review.note for review in Review.objects.all()}
    assert said == {one: "as in Sarny, ask", two: "as in Sarny, ask", three: "", four: "a new cemetery"}
    assert not console_errors


def test_a_note_comes_back_when_the_decision_was_not_written(gallery: Page, dora: Any, run: Any) -> None:
    first = numbers(run)[0]
    gallery.wait_for_load_state("networkidle")
    gallery.context.set_offline(True)
    gallery.get_by_role("button", name="Note", exact=True).click()
    gallery.locator("#note").fill("look again")
    gallery.get_by_role("button", name="Second opinion").click()
    expect(gallery.locator('.toasts [role="alert"]')).to_contain_text("no connection")
    expect(gallery.locator("[data-note]")).to_contain_text("Note written")
    gallery.context.set_offline(False)
    gallery.get_by_role("button", name="Second opinion").click()
    expect(cell(gallery, first)).to_have_attribute("data-state", "second")
    assert Review.objects.get().note == "look again"
    second = numbers(run)[1]
    quicker = Detection.objects.get(pk=second)
    review_detection(detection=quicker, verdict="approved", acting_user=dora)
    gallery.get_by_role("button", name="Note", exact=True).click()
    gallery.locator("#note").fill("no mine at all")
    gallery.get_by_role("button", name="Second opinion").click()
    expect(cell(gallery, second).locator(".shot__message")).to_be_visible()
    expect(gallery.locator("[data-note]")).to_contain_text("Note written")


def test_what_is_opened_alone_goes_on_in_the_gallerys_order_and_comes_back_to_its_place(
    page: Page, live_server: Any, log_in: Callable, bob: Any, run: Any, console_errors: list[str]
) -> None:
    """By area the smallest score comes first of the three that have an area; the rest have none."""
    log_in(bob)
    first, second, third, *rest = numbers(run)
    page.goto(f"{live_server.url}/review/gallery/?order=area")
    expect(cell(page, third)).to_be_visible()
    card, back = page.locator(".review-card"), page.get_by_role("link", name="Back to the gallery")
    page.keyboard.press("ArrowRight")
    expect(cell(page, second).locator(".shot__tick")).to_be_focused()
    page.keyboard.press("Enter")
    expect(card).to_have_attribute("data-detection", str(second))
    page.wait_for_load_state()  # its keys work from then on
    page.keyboard.press("a")
    expect(card).to_have_attribute("data-detection", str(first))
    assert "order=area" in page.url
    page.keyboard.press("n")
    expect(card).to_have_attribute("data-detection", str(rest[0]))
    page.reload()  # an address that somebody was sent goes the same way
    page.wait_for_load_state()
    page.keyboard.press("n")
    expect(card).to_have_attribute("data-detection", str(rest[1]))
    back.click()
    expect(page.locator("#order")).to_have_value("area")
    expect(cell(page, rest[1]).locator(".shot__tick")).to_be_focused()
    expect(cell(page, second)).to_have_count(0)
    # Far down, with the browser's own Back.
    page.keyboard.press("End")
    expect(cell(page, rest[-1]).locator(".shot__tick")).to_be_focused()
    cell(page, rest[-1]).locator(".shot__open").click()
    expect(card).to_have_attribute("data-detection", str(rest[-1]))
    page.go_back()
    expect(cell(page, rest[-1]).locator(".shot__tick")).to_be_focused()
    expect(cell(page, rest[-1])).to_be_in_viewport()
    assert not console_errors


def test_the_mouse_chooses_ranges_and_dora_is_not_overwritten(gallery: Page, dora: Any, run: Any) -> None:
    shown = numbers(run)
    cell(gallery, shown[1]).locator(".shot__picture").click()
    cell(gallery, shown[5]).locator(".shot__picture").click(modifiers=["Shift"])
    expect(gallery.locator(".gallery-bar [data-chosen]")).to_have_text("5")
    cell(gallery, shown[3]).locator(".shot__picture").click()
    expect(gallery.locator(".gallery-bar [data-chosen]")).to_have_text("4")
    quicker = Detection.objects.get(pk=shown[2])
    review_detection(detection=quicker, verdict="rejected", look_alike="snow", acting_user=dora)
    gallery.get_by_role("button", name="Approve").click()
    expect(gallery.locator('.toasts [role="alert"]')).to_contain_text("dora has decided meanwhile")
    expect(cell(gallery, shown[2])).to_have_attribute("data-state", "rejected")
    expect(cell(gallery, shown[2]).locator(".shot__message")).to_be_visible()
    assert kept(run, {shown[1]: "approved", shown[2]: "rejected", shown[4]: "approved", shown[5]: "approved"})
    assert Review.objects.filter(detection=quicker).count() == 1


def test_what_a_range_reached_over_unseen_does_not_overrule_dora(gallery: Page, dora: Any, run: Any) -> None:
    shown = numbers(run)
    middle = Detection.objects.get(pk=shown[150])
    review_detection(detection=middle, verdict="rejected", look_alike="snow", acting_user=dora)
    gallery.keyboard.press("End")
    expect(cell(gallery, shown[-1]).locator(".shot__tick")).to_be_focused()
    gallery.keyboard.press("Shift+Home")
    expect(cell(gallery, shown[0]).locator(".shot__tick")).to_be_focused()
    expect(gallery.locator(".gallery-bar [data-chosen]")).to_have_text("200")
    gallery.keyboard.press("a")
    expect(gallery.locator('.toasts [role="alert"]')).to_contain_text("dora has decided meanwhile")
    assert current_verdicts(run)[middle.pk].verdict == "rejected"
    assert Review.objects.filter(detection=middle).count() == 1
    expect(gallery.locator('[data-count="approved"]')).to_have_text("199")


def test_three_hundred_are_scrolled_through_and_far_ones_leave_the_page(gallery: Page, run: Any) -> None:
    shown = numbers(run)
    gallery.keyboard.press("End")
    expect(cell(gallery, shown[-1]).locator(".shot__tick")).to_be_focused()
    # What is far away has left the page; the order and the ticks have not.
    assert gallery.locator(".shot").count() < len(shown)
    gallery.keyboard.press(" ")
    gallery.keyboard.press("Home")
    expect(cell(gallery, shown[0]).locator(".shot__tick")).to_be_focused()
    expect(gallery.locator(".gallery-bar [data-chosen]")).to_have_text("1")
    gallery.keyboard.press("a")
    assert kept(run, {shown[-1]: "approved"})


def test_without_a_network_nothing_is_lost(gallery: Page, run: Any) -> None:
    first = numbers(run)[0]
    gallery.wait_for_load_state("networkidle")
    gallery.context.set_offline(True)
    gallery.keyboard.press("a")
    expect(gallery.locator('.toasts [role="alert"]')).to_contain_text("no connection")
    expect(gallery.locator(".gallery-bar [data-chosen]")).to_have_text("1")
    gallery.context.set_offline(False)
    gallery.keyboard.press("a")
    expect(cell(gallery, first)).to_have_attribute("data-state", "approved")
    assert kept(run, {first: "approved"})


def test_a_thumb_is_enough_and_nothing_serious_is_found(
    gallery: Page, run: Any, serious_violations: Callable, console_errors: list[str]
) -> None:
    assert serious_violations() == []
    first, second, *_rest = numbers(run)
    gallery.set_viewport_size({"width": 390, "height": 844})
    assert gallery.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    cell(gallery, first).locator(".shot__picture").click()
    cell(gallery, second).locator(".shot__picture").click()
    for name in ("Approve", "Reject", "Second opinion", "Undo", "Note"):
        box = gallery.get_by_role("button", name=name, exact=True).bounding_box()
        assert box is not None
        assert min(box["height"], box["width"]) >= 44, name
        assert box["y"] + box["height"] <= 844, name
    gallery.get_by_role("button", name="Reject", exact=True).click()
    reason = gallery.get_by_role("button", name="Something else")
    reason.scroll_into_view_if_needed()
    assert serious_violations() == []
    reason.click()
    expect(cell(gallery, second)).to_have_attribute("data-state", "rejected")
    assert kept(run, {first: "rejected", second: "rejected"})
    assert not console_errors


@pytest.mark.parametrize("way", ["key", "reload", "message"])
def test_undo_takes_back_what_was_sent_last_though_an_earlier_answer_comes_later(
    gallery: Page, run: Any, way: str
) -> None:
    one, two, three = numbers(run)[:3]
    held: list[Any] = []
    gallery.route(re.compile("/reviews/$"), lambda route: route.continue_() if held else held.append(route))
    gallery.keyboard.press("Shift+ArrowRight")
    gallery.keyboard.press("r")
    # On its way before the next one is asked for: it is the one that is held.
    with gallery.expect_request(re.compile("/reviews/$")):
        gallery.keyboard.press("5")
    expect(cell(gallery, three).locator(".shot__tick")).to_be_focused()
    gallery.keyboard.press("a")
    expect(cell(gallery, three)).to_have_attribute("data-state", "approved")
    assert {pk: one.verdict for pk, one in current_verdicts(run).items()} == {three: "approved"}
    held[0].continue_()
    expect(cell(gallery, two)).to_have_attribute("data-state", "rejected")
    message = gallery.locator(".toast", has_text="2 rejected")
    expect(message).to_be_visible()
    if way == "message":
        message.get_by_role("button", name="Undo").click()
        assert kept(run, {three: "approved"})
        gallery.keyboard.press("u")
        assert kept(run, {})
        return
    if way == "reload":
        gallery.reload()
        expect(gallery.locator("[data-undo]")).to_be_enabled()
    gallery.keyboard.press("u")
    assert kept(run, {one: "rejected", two: "rejected"})
    if way == "key":
        gallery.keyboard.press("u")
        assert kept(run, {})


def test_what_an_expert_called_mining_is_shown_unticked_before_many_are_rejected(
    gallery: Page, run: Any, dora: Any
) -> None:
    from labeling.desk.labels import expert_labels

    first, second, third = (Detection.objects.get(pk=number) for number in numbers(run)[:3])
    for detection in (first, third):
        expert_labels(
            segmented_tile=detection.segmented_tile,
            labels=[{"superpixel": 1, "verdict": "mining"}],
            acting_user=dora,
            origin="campaign",
        )
    for detection in (first, second, third):
        cell(gallery, detection.pk).locator(".shot__tick").check()
    gallery.keyboard.press("r")
    gallery.keyboard.press("1")
    dialog = gallery.get_by_role("dialog")
    expect(dialog).to_contain_text("2 of 3 contradict what others have said")
    expect(dialog.locator("svg image")).to_have_count(2)
    expect(dialog.get_by_role("checkbox", checked=True)).to_have_count(0)
    assert not Review.objects.exists()
    dialog.get_by_role("button", name="Cancel").click()
    expect(gallery.locator(".shot[data-chosen]")).to_have_count(3)
    gallery.keyboard.press("r")
    gallery.keyboard.press("1")
    dialog.get_by_role("checkbox").first.check()
    dialog.get_by_role("button", name="Decide about 2").click()
    assert kept(run, {first.pk: "rejected", second.pk: "rejected"})
    assert third.pk not in current_verdicts(run)
