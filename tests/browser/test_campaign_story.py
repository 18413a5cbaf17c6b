"""From a citizen's report to a corrected map in one afternoon: with fewer than 25 clicks of the admin and the expert.

On the real tiles where they are, on procedural ones elsewhere. Clicks and keys are those that the browser itself
reports as a person's; logging in is not counted.
"""

import csv
import json
import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stack import running_site
from tests.browser.story import Story
from tests.paths import SHARED

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MOST_CLICKS = 24
LONG = 300_000
COUNTER = """
for (const kind of ["pointerdown", "keydown"]) {
  addEventListener(kind, (event) => event.isTrusted && !event.repeat && window.counted(kind), true);
}
"""


class Afternoon(Story):
    """The same people, who go from page to page by what the pages offer."""

    def __init__(self, page: Page, address: str) -> None:
        super().__init__(page, address)
        self.clicks = 0
        self.counting = False
        page.context.expose_binding("counted", lambda _source, _kind: self._count())
        page.context.add_init_script(COUNTER)

    def _count(self) -> None:
        self.clicks += self.counting

    def as_person(self, name: str | None) -> None:
        self.counting = False
        super().as_person(name)
        self.counting = name is not None

    def publish_all(self, run: int) -> int:
        """The map as it stands before the story: everything that was found is approved. The number of the release."""
        self.as_person("taras")
        self.counting = False
        self.review(run, lambda _facts: False)
        self.as_person("olena")
        self.counting = False
        release = self.publish(run)
        self.as_person(None)
        return release

    def most_doubtful(self, slug: str, release: int) -> str:
        """The name of the place on a release that the classifier was least sure of: what readers find to be wrong."""
        with urllib.request.urlopen(f"{self.address}/releases/{slug}/{release}/places.csv") as answer:
            rows = list(csv.DictReader(answer.read().decode("utf-8-sig").splitlines()))
        return min(rows, key=lambda row: float(row["score"]))["place"]

    def differing(self, run: int) -> set[int]:
        """The detections of a run that differ from the run before."""
        rows = self._api(f"/api/runs/{run - 1}/diff/{run}/")["results"]
        return {row["now"]["id"] for row in rows if row["now"]}

    def to(self, name: str) -> None:
        self.page.locator(".site-header").get_by_role("link", name=name, exact=True).click()

    def open_campaign(self, report: int) -> None:
        self.to("Campaigns")
        self.page.get_by_role("link", name=f"After report {report}").click()
        self.page.wait_for_url(re.compile(r"/review/campaigns/\d+/$"))
        # Its scripts ask before something is published.
        self.page.wait_for_load_state()

    def open_newest_report(self) -> int:
        links = self.page.locator("main a[href*='/review/reports/']")
        expect(links.first).to_be_visible()
        numbers = [
            int(re.findall(r"\d+", link)[-1])
            for link in links.evaluate_all("all => all.map((one) => one.getAttribute('href'))")
            if re.search(r"/reports/\d+/$", link)
        ]
        self.page.locator(f"main a[href='/review/reports/{max(numbers)}/']").first.click()
        return max(numbers)

    def find_look_alikes(self) -> int:
        """From the accepted report to the gallery; the number of the campaign."""
        page = self.page
        page.get_by_role("button", name="Find similar superpixels").click()
        page.wait_for_url(re.compile(r"/review/campaigns/\d+/look-alikes/"))
        # The index of the region is built by a worker; the page goes on by itself.
        expect(page.locator(".looks")).to_be_visible(timeout=LONG)
        return int(re.findall(r"/campaigns/(\d+)/", page.url)[0])

    def label_look_alikes(self) -> int:
        """What the report was about is ticked already; of what looks like it, a few pictures more. How many in all."""
        page = self.page
        asked = page.locator(".look.is-asked")
        count = asked.count()
        expect(page.locator("[data-count]")).to_have_text(f"{count} ticked", timeout=60_000)
        # They were known to be no mining, but not what they are. On procedural ground nothing is known: the nearest then.
        others = page.locator(".look:not(.is-asked)")
        assert others.count() >= 10, "the gallery is full of what looks like it"
        known = others.filter(has_text="imported as not mining")
        chosen = known if known.count() >= 3 else others.filter(has_text="not called")
        for place in range(3):
            chosen.nth(place).click()
        number = len(page.locator(".look__tick:checked").all())
        assert number == count + 3
        page.get_by_role("button", name="Label as not mining").click()
        expect(page.locator(".steps")).to_contain_text(f"{number} superpixels labelled as not mining")
        return number

    def retrain_and_search(self, campaign: int) -> int:
        """One press; the page tells how far it is until the map is searched. The number of the run."""
        page = self.page
        page.get_by_role("button", name="Retrain and reprocess").click()
        removed = page.locator(".campaign__effect").get_by_text(re.compile("detections? removed"))
        stopped = page.locator(".step.is-stopped")
        expect(removed.or_(stopped).first).to_be_visible(timeout=LONG)
        if stopped.count():  # the labels of a play need not do the classifier good: the admin is asked
            page.get_by_role("button", name="Go on all the same").click()
            expect(removed).to_be_visible(timeout=LONG)
        return self._newest_run()

    def review_changes(self, run: int) -> set[int]:
        """Approve all that is put before the expert, in the gallery; the numbers of those detections."""
        page = self.page
        page.get_by_role("link", name="Review what changed").click()
        expect(page.locator(".gallery")).to_be_visible()
        shown = json.loads(page.locator("#gallery-data").inner_text())["numbers"]
        if not shown:
            return set()
        cells = page.locator(".shot__tick")
        cells.first.click()
        if len(shown) > 1:
            cells.nth(min(len(shown), cells.count()) - 1).click(modifiers=["Shift"])
        page.locator("[data-bar]").get_by_role("button", name="Approve").click()
        expect(page.locator("[data-decided]")).to_have_text(re.compile(r"\d+"))
        self._until(lambda: not self._undecided(run, set(shown)))
        return set(shown)

    def expect_report_named(self, number: int, place: str) -> None:
        """The page of changes says of the place that went that this very report took it off.

        Only the reason's own wording does: “After report 5”, as the campaign is called, would be there anyway.
        """
        gone = self.page.locator(".changes tbody tr", has=self.page.locator(".mark-of--vanished"))
        row = gone.filter(has=self.page.locator(f"a[href*='/place/{place}/']"))
        expect(row).to_contain_text(re.compile(rf"report was accepted \(no\. {number}\)"))

    def _undecided(self, run: int, numbers: set[int]) -> set[int]:
        rows = self._api(f"/api/detections/?run={run}&page_size=200")["results"]
        return {row["id"] for row in rows if row["id"] in numbers and row["state"] == "undecided"}


def test_a_class_of_errors_leaves_the_map_in_an_afternoon(page: Page, tmp_path: Path, free_port: int) -> None:
    data = SHARED if (SHARED / "crops").is_dir() else None
    with running_site(tmp_path, free_port, data) as address:
        story = Afternoon(page, address)
        if data is not None:  # procedural ground has lessons first: test_story.py passes them
            story.as_person("maria")
            story.counting = False
            story.label_a_tile(rest=False)
            story.as_person(None)
        slug = story.slug()
        first = story.publish_all(1)
        before = story.places(slug, first)
        place = story.most_doubtful(slug, first)
        story.report(slug, first, place)

        story.as_person("taras")
        story.to("Reports")
        number = story.open_newest_report()
        page.locator("input[name=look_alike]").first.check()
        page.get_by_role("button", name="Accept").click()
        campaign = story.find_look_alikes()
        ticked = story.label_look_alikes()

        story.as_person("olena")
        story.open_campaign(number)
        run = story.retrain_and_search(campaign)
        expect(page.locator(".campaign__effect")).to_contain_text(f"{ticked} superpixels")

        story.as_person("taras")
        story.open_campaign(number)
        reviewed = story.review_changes(run)
        differing = story.differing(run)
        assert reviewed == differing, "what is as it was is not put before an expert again"

        story.as_person("olena")
        story.open_campaign(number)
        page.get_by_role("button", name="Publish").click()
        page.get_by_role("dialog").get_by_role("button", name="Publish").click()
        page.wait_for_url(re.compile(rf"/map/[^/]+/{first + 1}/"), timeout=60_000)
        story.counting = False

        after = story.places(slug, first + 1)
        assert place in before
        assert place not in after
        assert after
        page.goto(f"{address}/review/campaigns/{campaign}/")
        page.get_by_role("link", name=f"What differs from release {first}").click()
        story.expect_report_named(number, place)
        assert story.clicks <= MOST_CLICKS, story.clicks
