"""Debian's Chromium against Django's live server, and a guard on every request that leaves it."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from scripts.environment import CHROMIUM
from tests.browser.leaving import leave
from tests.paths import ROOT

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# On a machine that does other work too, a page may take its time; how quick pages are is measured elsewhere.
expect.set_options(timeout=20_000)

AXE = ROOT / "tests" / "vendor" / "axe.min.js"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM.find(),
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
        ],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "locale": "en-GB", "viewport": {"width": 1280, "height": 800}}


@pytest.fixture(autouse=True)
def only_the_live_server(context: BrowserContext) -> Iterator[None]:
    """A request to another host fails the test. The browser finds no such host anyway (see its arguments).

    Requests are only listened to: intercepting them would switch the browser's cache off and cost a third of the time.
    """
    strangers: list[str] = []

    def note(request: Request) -> None:
        address = urlsplit(request.url)
        if address.hostname not in {"localhost", "127.0.0.1"} and address.scheme not in {"data", "blob"}:
            strangers.append(request.url)

    context.on("request", note)
    yield
    assert not strangers, f"requests left the live server: {strangers}"


@pytest.fixture
def console_errors(page: Page) -> list[str]:
    """What the page complains of: script errors and refusals of the content security policy."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return errors


@pytest.fixture
def small_phone(
    browser: Browser,
    browser_context_args: dict[str, Any],
    live_server: Any,
    client_of: Callable[[Any], Client],
) -> Iterator[Callable[[Any], Page]]:
    """A blank page on a person's small phone, with a finger for a mouse; closed after the test."""
    contexts: list[BrowserContext] = []

    def do(person: Any) -> Page:
        screen = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
        context = browser.new_context(**browser_context_args | screen)
        contexts.append(context)
        session = client_of(person).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        return context.new_page()

    yield do
    for context in contexts:
        context.close()


@pytest.fixture
def log_in(page: Page, live_server: Any) -> Callable[[Any], None]:
    """Give the browser a person's session. The login page itself is used in the stories (tests/browser/story.py)."""

    def do(person: Any) -> None:
        # Left first: an answer still under way to the old page would bring its own cookies.
        leave(page)
        page.context.clear_cookies()
        session = Client()
        session.force_login(person)
        cookie = session.cookies[settings.SESSION_COOKIE_NAME]
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])

    return do


@pytest.fixture
def serious_violations(page: Page) -> Callable[[], list[str]]:
    """axe-core's serious and critical findings on the page as it stands."""

    def find() -> list[str]:
        page.evaluate(AXE.read_text())
        found = page.evaluate("async () => (await axe.run(document)).violations")
        return [
            f"{item['id']}: {item['help']} ({item['nodes'][0]['html'][:160]})"
            for item in found
            if item["impact"] in {"serious", "critical"}
        ]

    return find
