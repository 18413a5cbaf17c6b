"""What tests of the public map in a browser share."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page


@pytest.fixture
def open_map(page: Page, live_server: Any) -> Callable[[str], None]:
    def do(path: str = "/") -> None:
        page.goto(live_server.url + path)
        page.wait_for_selector("body[data-ready]")

    return do
