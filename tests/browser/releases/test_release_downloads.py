"""All files of a release with their checksums: folded, by thumb and by keyboard; a saved file keeps its own name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from amberapp.storage import sha256_of
from labeling.releases.publish import publish_release
from tests.published import approve_all, found_on

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [390, 1280])
def test_a_file_from_the_folded_list_is_saved_under_its_own_name(
    page: Page,
    live_server: Any,
    region: Any,
    make_tile: Callable[..., Any],
    bob: Any,
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
    width: int,
) -> None:
    run = found_on(region, [make_tile(seed) for seed in range(2)])
    approve_all(run, bob)
    release = publish_release(run=run, acting_user=None)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{live_server.url}/releases/")
    summary = page.locator("summary", has_text="All files and checksums")
    rows = page.locator(".all-files li")
    expect(rows.first).to_be_hidden()
    summary.focus()
    page.keyboard.press("Enter")
    expect(rows).to_have_count(release.files.count())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for target in (summary, rows.first.locator("a"), page.locator(".downloads a").first):
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 40
    assert serious_violations() == []
    for name in ("ids.json", "places.geojson"):
        row = rows.filter(has=page.get_by_role("link", name=name, exact=True))
        with page.expect_download() as waiting:
            row.locator("a").click()
        saved = waiting.value
        assert saved.suggested_filename == name
        assert sha256_of(Path(saved.path()).read_bytes()) == row.locator("code").inner_text()
    assert console_errors == []
