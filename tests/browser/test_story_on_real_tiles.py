"""The whole loop, once round, on the real tiles; a file of its own, so that both stories are told at the same time."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.stack import running_site
from tests.browser.story import Story, play

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.real_data]


def test_the_whole_loop_on_real_tiles(page: Page, tmp_path: Path, free_port: int, shared_data: Path) -> None:
    with running_site(tmp_path, free_port, shared_data) as address:
        # The six tiles at latitude 51 show mining, the one at 52 does not.
        play(Story(page, address), is_mining=lambda facts: "52.23" not in facts)
