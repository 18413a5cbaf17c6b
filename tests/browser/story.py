"""The whole loop, once round, as people see it, on the site that `./run.sh` starts.

Maria labels, Olena retrains, reprocesses and publishes, Taras reviews, a citizen reports an error, Taras accepts
it, and after another round the next release no longer shows that place.
"""

import csv
import re
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from playwright.sync_api import Page, expect

from tests.browser.leaving import leave

LONG = 300_000
T = TypeVar("T")
PASSWORDS = {"olena": "amber-olena", "taras": "amber-taras", "maria": "amber-maria"}


class Story:
    """What each person does, told in the site's own buttons."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        page.set_default_timeout(30_000)

    def as_person(self, name: str | None) -> None:
        # A page that waits for a job loads itself again when the job ends: leave it before going elsewhere.
        leave(self.page)
        self.page.context.clear_cookies()
        if name is None:
            return
        self.page.goto(f"{self.address}/account/login/")
        self.page.fill("input[name=login]", name)
        self.page.fill("input[name=password]", PASSWORDS[name])
        self.page.click("main form [type=submit]")
        self.page.wait_for_url(lambda url: "/account/login" not in url)

    def pass_tutorial(self) -> None:
        """The first visit to the desk leads through the lessons, by keyboard, until the labels count."""
        page = self.page
        if "/label/" not in page.url:  # logging in has led there, and the desk leads on by itself
            page.goto(f"{self.address}/label/")
        page.wait_for_url(lambda url: "/label/tutorial/" in url)
        lessons = self._api("/api/tutorial/")["lessons"]
        page.get_by_role("button", name="Begin").click()
        for count, lesson in enumerate(lessons, start=1):
            expect(page.locator("#lesson-title")).to_have_text(f"Lesson {count} of {len(lessons)}")
            page.locator("#tile-map").focus()
            for _answer in lesson["answers"]:
                page.keyboard.press("Tab")
                number = re.findall(r"\d+", page.locator("#said").inner_text())[0]
                page.keyboard.press("1" if lesson["answers"][number]["verdict"] == "mining" else "2")
            expect(page.locator("#told-title")).to_contain_text("Lesson passed.")
            page.locator('[data-do="next"]').click()
        page.get_by_role("link", name="To the desk").click()

    def label_a_tile(self, *, rest: bool) -> None:
        """The middle is mining; `rest`: all else is not, which nobody could say of a real tile without looking."""
        page = self.page
        page.goto(f"{self.address}/label/")
        desk = page.locator("#desk")
        expect(desk).to_have_attribute("data-tile", re.compile(r"\d+"), timeout=60_000)
        first = desk.get_attribute("data-tile")
        box = page.locator(".desk__picture").bounding_box()
        assert box is not None
        page.keyboard.press("1")
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        if rest:
            page.keyboard.press("r")
        with page.expect_response(lambda answer: "/api/desk/submissions/" in answer.url) as sent:
            page.keyboard.press("Enter")
        assert sent.value.ok
        expect(desk).not_to_have_attribute("data-tile", first or "", timeout=30_000)

    def retrain_and_reprocess(self) -> int:
        """Through the admin's page; returns the number of the finished run."""
        page = self.page
        page.goto(f"{self.address}/manage/")
        before = self._newest_classifier()
        page.get_by_role("button", name=re.compile("^(Retrain|Train)$")).first.click()
        newest = self._until(lambda: self._newest_classifier() > before and self._newest_classifier())
        leave(page)
        page.goto(f"{self.address}/manage/classifiers/{newest}/")
        page.get_by_role("button", name="Make it the active one").click()
        page.goto(f"{self.address}/manage/")
        page.get_by_role("button", name="Reprocess").first.click()
        page.wait_for_load_state()
        page.goto(f"{self.address}/manage/")
        run = self._newest_run()
        leave(page)
        self._until(lambda: self._api(f"/api/runs/{run}/")["state"] == "done")
        return run

    def review(self, run: int, rejects: Callable[[str], bool]) -> list[str]:
        """Judge what waits, by keyboard; returns the names of the rejected tiles."""
        page = self.page
        rejected: list[str] = []
        page.goto(f"{self.address}/review/?run={run}")
        card = page.locator("article.review-card")
        for _turn in range(80):
            if not card.count():
                return rejected
            facts = card.locator(".review-facts").inner_text()
            number = card.get_attribute("data-detection")
            with page.expect_response(
                lambda answer: answer.request.method == "POST" and str(number) in answer.url  # noqa: B023
            ) as sent:
                if rejects(facts):
                    page.keyboard.press("r")
                    page.keyboard.press("1")
                    rejected.append(facts)
                else:
                    page.keyboard.press("a")
            assert sent.value.status < 400
            # The page goes on by itself: to the next card, or to "everything is decided".
            expect(page.locator(f'article.review-card[data-detection="{number}"]')).to_have_count(0)
            page.wait_for_load_state()
        raise AssertionError("the review never came to an end")

    def publish(self, run: int) -> int:
        page = self.page
        page.goto(f"{self.address}/manage/runs/{run}/")
        page.locator("#publish").get_by_role("button", name="Publish").click()
        page.get_by_role("dialog").get_by_role("button", name="Publish").click()
        page.wait_for_url(re.compile(r"/map/[^/]+/\d+/"), timeout=60_000)
        return int(page.url.rstrip("/").split("/")[-1])

    def report(self, slug: str, release: int, place: str) -> None:
        page = self.page
        page.goto(f"{self.address}/map/{slug}/{release}/place/{place}/")
        page.locator("#report-button").click()
        page.locator("#report-form").get_by_text("This is not mining").click()
        page.locator("#report-form").get_by_role("button", name="Send").click()
        expect(page.locator("#report-thanks")).to_be_visible()

    def accept_newest_report(self) -> None:
        page = self.page
        page.goto(f"{self.address}/review/reports/")
        links = page.locator(".report-group h2 a").evaluate_all(
            "all => all.map(one => one.getAttribute('href'))"
        )
        newest = max(links, key=lambda link: int(re.findall(r"\d+", link)[-1]))
        page.goto(f"{self.address}{newest}")
        page.locator("input[name=look_alike]").first.check()
        page.get_by_role("button", name="Accept").click()
        expect(page.locator(".page-head .tag")).to_contain_text("accepted")

    def places(self, slug: str, release: int) -> dict[str, tuple[float, float]]:
        """The places on a release and the middles of their outlines, from the table anybody can download."""
        with urllib.request.urlopen(f"{self.address}/releases/{slug}/{release}/places.csv") as answer:
            rows = csv.DictReader(answer.read().decode("utf-8-sig").splitlines())
            return {row["place"]: (float(row["latitude"]), float(row["longitude"])) for row in rows}

    def slug(self) -> str:
        self.page.goto(f"{self.address}/")
        canonical = self.page.locator("link[rel=canonical]").get_attribute("href") or ""
        return canonical.split("/map/")[1].split("/")[0]

    def _api(self, path: str) -> dict[str, Any]:
        answer = self.page.request.get(f"{self.address}{path}")
        assert answer.ok, answer.text()
        return dict(answer.json())

    def _newest_classifier(self) -> int:
        return int(max(row["id"] for row in self._api("/api/classifiers/?page_size=200")["results"]))

    def _newest_run(self) -> int:
        return int(max(row["id"] for row in self._api("/api/runs/?page_size=200")["results"]))

    def _until(self, found: Callable[[], T]) -> T:
        for _attempt in range(LONG // 1000):
            if value := found():
                return value
            self.page.wait_for_timeout(1000)
        raise AssertionError("waited too long for a worker")


def shows(facts: str, point: tuple[float, float]) -> bool:
    """Whether the tile of a review card, about 0.0054° × 0.0033° wide, contains the point."""
    latitude, longitude = (float(part) for part in re.findall(r"(-?\d+\.\d{4}), (-?\d+\.\d{4})", facts)[0])
    return abs(latitude - point[0]) < 0.0017 and abs(longitude - point[1]) < 0.0027


def play(story: Story) -> None:
    """The loop on procedural scenes; on real tiles test_campaign_story.py goes round."""
    story.as_person("maria")
    story.pass_tutorial()
    story.label_a_tile(rest=True)

    story.as_person("olena")
    run = story.retrain_and_reprocess()

    story.as_person("taras")
    judged: list[str] = []

    def rejects(facts: str) -> bool:
        judged.append(facts)
        return len(judged) == 2

    story.review(run, rejects)

    story.as_person("olena")
    release = story.publish(run)
    slug = story.slug()
    before = story.places(slug, release)
    assert before
    place = sorted(before)[0]

    story.as_person(None)
    story.report(slug, release, place)

    story.as_person("taras")
    story.accept_newest_report()

    story.as_person("olena")
    run = story.retrain_and_reprocess()
    story.as_person("taras")
    # Where the machine still marks a part of the reported tile, Taras says once more what it is.
    story.review(run, lambda facts: shows(facts, before[place]) or rejects(facts))
    story.as_person("olena")
    after_release = story.publish(run)

    after = story.places(slug, after_release)
    assert after_release == release + 1
    assert place not in after
    assert place in story.places(slug, release), "an earlier release must never change"
