"""The copied map in a browser: plain files from a file server, and nobody else is asked for anything."""

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from tests.published import copied_map, found_on, judge, publish_all

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def release(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any, settings: Any) -> Any:
    settings.ALLOWED_HOSTS = ["map.example.org"]
    run = found_on(region, [make_tile(seed) for seed in range(3)])
    publish_all(run, bob, carol)
    judge(run.detections.first(), bob, "rejected", look_alike="snow")
    return publish_release(run=run, acting_user=carol)


@pytest.fixture
def copy(release: Any, tmp_path: Path) -> Path:
    return copied_map(tmp_path / "copy")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def file_server(copy: Path) -> Iterator[str]:
    """A plain file server; the copy lies in a folder of it."""
    handler = functools.partial(_Quiet, directory=str(copy.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/copy/"
        server.shutdown()


def test_the_map_works_from_a_plain_file_server_and_asks_nobody_else(
    page: Page, file_server: str, release: Any
) -> None:
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(file_server)
    page.wait_for_selector("body[data-ready]")
    page.goto(f"{file_server}releases/testshire/1/compare/2/")
    page.get_by_role("link", name="No longer on the map").click()
    page.wait_for_selector("#compare-map[data-ready]")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("#compare-map").click()
    page.wait_for_function("() => document.querySelector('.change-card img')?.naturalWidth > 100")
    page.locator(".change-card").get_by_role("link", name="release 1").click()
    expect(page.locator("#place-title")).to_contain_text("Mined area")
    page.goto(f"{file_server}uk/map/testshire/2/place/{places_of(release)[0].place}/")
    page.wait_for_selector("body[data-ready]")
    page.wait_for_load_state("networkidle")
    assert not failed
    assert all(url.startswith((file_server, "data:", "blob:")) for url in asked), asked
    assert any("/pictures/" in url for url in asked)
    assert any("ground-" in url for url in asked)


def test_who_reports_from_the_copy_finds_the_place_in_the_sites_form(
    page: Page, file_server: str, release: Any
) -> None:
    """The copy takes no reports: it hands the place that was pointed at over to the site."""
    page.goto(file_server)
    page.wait_for_selector("body[data-ready]")
    # No test asks another host: the file server stands for the site.
    page.evaluate("document.getElementById('report-button').host = location.host")
    page.evaluate("document.getElementById('report-button').protocol = location.protocol")
    # A long press, or the other button of a mouse.
    page.locator("#map").click(button="right", position={"x": 700, "y": 300})
    page.wait_for_url("**/report/**")
    told = parse_qs(urlsplit(page.url).query)
    assert abs(float(told["latitude"][0]) - 51.5) < 0.1
    assert abs(float(told["longitude"][0]) - 26.5) < 0.1
    assert (told["region"], told["number"]) == (["testshire"], [str(release.number)])
    assert "place" not in told
