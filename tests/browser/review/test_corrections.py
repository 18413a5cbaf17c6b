"""Bob mends an outline on his screen: what he shows is published, and what lies in it is never taught as not mining."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Consensus, Review
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from labeling.training.retrain import training_rows
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What is mined on the tile; the machine has outlined 1, 2 and 3.
MINED = {2, 3, 5}


@pytest.fixture
def card(
    page: Page, live_server: Any, log_in: Callable, bob: Any, found: Any, console_errors: list[str]
) -> Page:
    log_in(bob)
    page.goto(f"{live_server.url}/review/")
    expect(page.locator(".review-card")).to_be_visible()
    return page


def superpixel(page: Page, number: int, fragment: int = 0) -> Any:
    return page.locator(f'[data-pieces] [data-key="{number}.{fragment}"]')


def press(page: Page, number: int, fragment: int = 0) -> None:
    """In the middle of some of its ground: the middle of its box may be another's."""
    point = superpixel(page, number, fragment).evaluate(
        """path => {
          const length = path.getTotalLength();
          const box = path.getBBox();
          const svg = path.ownerSVGElement;
          for (let n = 0; n < 400; n += 1) {
            const point = svg.createSVGPoint();
            point.x = box.x + ((n * 7919) % 97) / 97 * box.width;
            point.y = box.y + ((n * 104729) % 89) / 89 * box.height;
            if (length && path.isPointInFill(point)) {
              const at = point.matrixTransform(svg.getScreenCTM());
              if (document.elementFromPoint(at.x, at.y) === path) return [at.x, at.y];
            }
          }
          return null;
        }"""
    )
    assert point, "no ground of it can be pressed"
    page.mouse.click(*point)


def latest() -> Review:
    assert eventually(lambda: Review.objects.exists())
    return Review.objects.latest("id")


def test_a_false_outline_is_mended_in_four_actions_published_so_and_poisons_nothing(
    card: Page, carol: Any, found: Any, console_errors: list[str]
) -> None:
    detection = found.detections.get(pk=int(card.locator(".review-card").get_attribute("data-detection")))
    actions = 0
    for act in (
        lambda: card.get_by_role("button", name="Correct the outline").click(),
        lambda: (expect(superpixel(card, 1)).to_have_attribute("aria-checked", "true"), press(card, 1)),
        lambda: press(card, 5),
        lambda: card.get_by_role("button", name="Approve as corrected").click(),
    ):
        act()
        actions += 1
    assert actions == 4
    expect(card.locator(".review-card")).not_to_have_attribute("data-detection", str(detection.pk))
    review = latest()
    assert (review.verdict, review.correction["superpixels"]) == ("approved", sorted(MINED))
    # As what trains the next classifier reads it.
    rows = {row.superpixel: row.mining for row in training_rows(found.region)}
    assert rows == {1: False, 2: True, 3: True, 5: True}
    release = publish_release(run=found, acting_user=carol)
    assert [set(place.superpixels) for place in places_of(release)] == [MINED]
    taught = Consensus.objects.filter(segmented_tile=detection.segmented_tile, verdict="not_mining")
    poisoned = MINED & set(taught.values_list("superpixel", flat=True))
    # What rejecting the whole outline wrote until version 0.3.
    poisoned_before = MINED & set(detection.superpixels)
    assert (len(poisoned), len(poisoned_before)) == (0, 2)
    assert console_errors == []


def test_by_keyboard_with_the_machines_outline_beside_and_back_again(card: Page) -> None:
    card.keyboard.press("c")
    expect(card.locator("[data-correction-told]")).to_have_text("As the machine drew it")
    focused = card.locator("[data-pieces] [tabindex='0']")
    expect(focused).to_be_focused()
    before = focused.get_attribute("aria-checked")
    card.keyboard.press("Space")
    expect(focused).to_have_attribute("aria-checked", "false" if before == "true" else "true")
    expect(card.get_by_role("button", name="Approve as corrected")).to_be_visible()
    expect(card.locator(".review-picture__outline .is-line")).to_be_visible()
    card.keyboard.press("ArrowRight")
    expect(card.locator("[data-pieces] [tabindex='0']")).to_be_focused()
    card.get_by_role("button", name="Machine's outline").click()
    expect(card.locator("[data-correction-told]")).to_have_text("As the machine drew it")
    expect(card.get_by_role("button", name="Approve", exact=False).first).to_contain_text("Approve")
    expect(card.get_by_role("button", name="Approve as corrected")).to_have_count(0)


def test_a_mixed_superpixel_is_split_and_kept_in_part(card: Page) -> None:
    card.keyboard.press("c")
    expect(superpixel(card, 2)).to_have_attribute("aria-checked", "true")
    card.get_by_role("button", name="Split a mixed one").click()
    press(card, 2)
    expect(superpixel(card, 2, 1)).to_have_attribute("aria-checked", "true")
    expect(superpixel(card, 2)).to_have_count(0)
    press(card, 2, 1)
    card.keyboard.press("a")
    assert eventually(lambda: Review.objects.exists())
    correction = latest().correction
    assert correction["superpixels"] == [1, 3]
    assert {superpixel for superpixel, _fragment in correction["fragments"]} == {2}
    assert [2, 1] not in correction["fragments"]


def test_dragging_paints_and_two_fingers_zoom_instead(card: Page) -> None:
    card.set_viewport_size({"width": 390, "height": 844})
    card.keyboard.press("c")
    expect(superpixel(card, 1)).to_have_attribute("aria-checked", "true")
    boxes = [superpixel(card, number).bounding_box() for number in (4, 5, 6)]
    card.mouse.move(boxes[0]["x"] + boxes[0]["width"] / 2, boxes[0]["y"] + boxes[0]["height"] / 2)
    card.mouse.down()
    for box in boxes[1:]:
        card.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=8)
    card.mouse.up()
    painted = card.locator("[data-pieces] [aria-checked='true']").count()
    assert painted >= 5
    card.evaluate(
        """() => {
          const svg = document.querySelector(".review-picture__ground");
          const box = svg.getBoundingClientRect();
          const send = (type, id, x, y, isPrimary) => document.elementFromPoint(box.x + x, box.y + y).dispatchEvent(
            new PointerEvent(type, {pointerId: id, pointerType: "touch", isPrimary, bubbles: true, cancelable: true,
              clientX: box.x + x, clientY: box.y + y, button: 0}));
          send("pointerdown", 11, 150, 150, true);
          send("pointerdown", 12, 220, 150, false);
          send("pointermove", 12, 300, 150, false);
          send("pointerup", 11, 150, 150, true);
          send("pointerup", 12, 300, 150, false);
        }"""
    )
    assert card.locator("[data-pieces] [aria-checked='true']").count() == painted
    assert card.locator(".review-picture__ground").get_attribute("viewBox").split()[2] != "1000"


def test_a_correction_that_a_colleague_overtook_is_still_there_to_send_again(
    card: Page, dora: Any, found: Any
) -> None:
    from labeling.review.review_detection import review_detection

    detection = found.detections.get(pk=int(card.locator(".review-card").get_attribute("data-detection")))
    card.keyboard.press("c")
    expect(superpixel(card, 1)).to_have_attribute("aria-checked", "true")
    press(card, 1)
    review_detection(detection=detection, verdict="rejected", look_alike="snow", acting_user=dora)
    card.keyboard.press("a")
    card.get_by_role("button", name="Show it").click()
    expect(card.locator(".review-card")).to_have_attribute("data-detection", str(detection.pk))
    expect(card.get_by_role("button", name="Approve as corrected")).to_be_visible()
    expect(superpixel(card, 1)).to_have_attribute("aria-checked", "false")
