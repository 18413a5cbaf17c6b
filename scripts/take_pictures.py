"""Take the pictures of docs/pictures: map, report, gallery, campaign and diff, at 1280 and 390 pixels.

    python -m scripts.take_pictures [--only map gallery]

Starts a demo of its own on procedural imagery, plays the story of a corrected map through the browser and stops
everything again. Takes some minutes. Needs what ./test.sh sets up (Chromium, the development requirements).
"""

import argparse
import io
import re
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from detection.scenes import demo_tiles
from scripts.environment import CHROMIUM
from tests.browser.stack import running_site
from tests.browser.test_campaign_story import Afternoon
from tests.paths import ROOT

FOLDER = ROOT / "docs" / "pictures"
SIZES = ((1280, 800), (390, 844))
# Maps and pictures come in after the page.
SETTLE_MS = 2_500
QUALITY = 82


class Camera:
    """Takes each moment in both sizes; leaves the page as wide as it found it."""

    def __init__(self, page: Page, only: list[str]) -> None:
        self.page = page
        self.only = only

    def take(self, name: str, before: Callable[[], object] | None = None) -> None:
        """`before` is done anew at each size, for pages that look at the size once."""
        if self.only and name not in self.only:
            return
        for width, height in SIZES:
            self.page.set_viewport_size({"width": width, "height": height})
            if before is not None:
                before()
            self.page.wait_for_timeout(SETTLE_MS)
            picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
            picture.save(FOLDER / f"{name}-{width}.webp", quality=QUALITY, method=6)
            print(f"{name}-{width}.webp", flush=True)
        self.page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})


def tick_clear_cuts(page: Page) -> None:
    """What an expert's eye sees: which of the look-alikes that count as mining lie on tiles of clear-cuts."""
    cuts = {name for name, plan in demo_tiles().items() if plan.kind == "clear_cut"}
    for look in page.locator(".look:not(.is-asked)").all():
        described = look.locator("img").get_attribute("alt") or ""
        taken = re.search(r"called mining|volunteers: mining", look.inner_text())
        if taken and described.split()[-1] in cuts:
            look.click()


def play(story: Afternoon, camera: Camera) -> None:
    page, address = story.page, story.address
    slug = story.slug()
    camera.take("map", lambda: page.goto(f"{address}/"))
    story.as_person("taras")
    camera.take("gallery", lambda: page.goto(f"{address}/review/gallery/?state=all"))
    # The demo's own report, of a citizen who is right: a clear-cut that the volunteers took for mining.
    story.to("Reports")
    number = story.open_newest_report()
    place = page.locator(f"a[href*='/map/{slug}/1/place/']").get_attribute("href") or ""
    story.as_person(None)

    def open_report() -> None:
        page.goto(f"{address}{place}")
        page.locator("#report-button").click()

    camera.take("report", open_report)
    story.as_person("taras")
    story.to("Reports")
    story.open_newest_report()
    page.locator("input[name=look_alike][value=deforestation]").check()
    page.get_by_role("button", name="Accept").click()
    campaign = story.find_look_alikes()
    tick_clear_cuts(page)
    camera.take("look-alikes", lambda: page.evaluate("scrollTo(0, 0)"))
    page.get_by_role("button", name="Label as not mining").click()
    expect(page.locator(".steps")).to_contain_text("labelled as not mining")

    story.as_person("olena")
    story.open_campaign(number)
    run = story.retrain_and_search(campaign)
    story.as_person("taras")
    page.goto(f"{address}/review/campaigns/{campaign}/")
    if page.get_by_role("link", name="Review what changed").count():
        story.review_changes(run)
    story.as_person("olena")
    page.goto(f"{address}/review/campaigns/{campaign}/")
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    page.wait_for_url(re.compile(r"/map/[^/]+/2/"), timeout=120_000)
    camera.take("campaign", lambda: page.goto(f"{address}/review/campaigns/{campaign}/"))
    camera.take("diff", lambda: page.goto(f"{address}/releases/{slug}/1/compare/2/"))
    story.expect_report_named(number, place.rstrip("/").split("/")[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="names of pictures; default: all of them")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with (
        tempfile.TemporaryDirectory(prefix="amber-pictures-") as home,
        running_site(Path(home), port) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM.find(),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        page = browser.new_context(locale="en-GB").new_page()
        play(Afternoon(page, address), Camera(page, options.only))
        browser.close()


if __name__ == "__main__":
    main()
