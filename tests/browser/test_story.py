"""The whole loop, once round, on the scenes that `./run.sh` makes for itself."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stack import running_site
from tests.browser.story import Story, play

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_whole_loop_on_procedural_scenes(page: Page, tmp_path: Path, free_port: int) -> None:
    with running_site(tmp_path, free_port) as address:
        page.goto(f"{address}/")
        expect(page.locator("body")).to_contain_text("synthetic")
        play(Story(page, address))
