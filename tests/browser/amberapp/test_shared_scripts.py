"""The shared modules, asked in the browser that runs them."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UKRAINIAN = {
    "language": "uk",
    "catalog": {
        "Close": "Закрити",
        "%(n)s tile": ["%(n)s тайл", "%(n)s тайли", "%(n)s тайлів", "%(n)s тайла"],
    },
}


@pytest.fixture
def about(page: Page, live_server: Any) -> Page:
    page.goto(f"{live_server.url}/about/")
    return page


def test_ukrainian_counts_in_three_forms(about: Page) -> None:
    found = about.evaluate(
        """async (catalog) => {
            document.getElementById("catalog").textContent = JSON.stringify(catalog);
            const i18n = await import("/static/js/shared/i18n.js?uk");
            const say = (n) => i18n.interpolate(i18n.ngettext("%(n)s tile", "%(n)s tiles", n), { n });
            return [1, 2, 5, 11, 21, 22].map(say).concat(i18n.gettext("Close"), i18n.gettext("Not there"));
        }""",
        UKRAINIAN,
    )
    assert found == [
        "1 тайл",
        "2 тайли",
        "5 тайлів",
        "11 тайлів",
        "21 тайл",
        "22 тайли",
        "Закрити",
        "Not there",
    ]


def test_english_counts_in_two_forms_without_a_catalogue(about: Page) -> None:
    found = about.evaluate(
        """async () => {
            const i18n = await import("/static/js/shared/i18n.js");
            return [i18n.ngettext("a tile", "tiles", 1), i18n.ngettext("a tile", "tiles", 0),
                    i18n.interpolate("%(part)s of %(whole)s, 5%%", { part: 3 })];
        }"""
    )
    assert found == ["a tile", "tiles", "3 of %(whole)s, 5%"]


def test_a_day_is_written_day_month_year(about: Page) -> None:
    found = about.evaluate(
        """async (catalog) => {
            const said = [(await import("/static/js/shared/i18n.js?en")).day("2015-10-05")];
            document.getElementById("catalog").textContent = JSON.stringify(catalog);
            return said.concat((await import("/static/js/shared/i18n.js?uk")).day("2015-10-05"));
        }""",
        UKRAINIAN,
    )
    assert found[0] == "5 October 2015"
    assert found[1] == "5 жовтня 2015"


def test_a_refusal_of_the_server_becomes_a_sentence(about: Page) -> None:
    found = about.evaluate(
        """async () => {
            const { api } = await import("/static/js/shared/api.js");
            try { await api.get("/api/jobs/1/"); } catch (error) {
                return { name: error.name, status: error.status, sentence: error.message.length > 10 };
            }
        }"""
    )
    assert found == {"name": "ApiError", "status": 403, "sentence": True}


def test_a_lost_connection_is_told_apart_from_a_refusal(about: Page) -> None:
    about.route("**/api/preparing/", lambda route: route.abort())
    offline = about.evaluate(
        """async () => {
            const { api } = await import("/static/js/shared/api.js");
            try { await api.get("/api/preparing/"); } catch (error) { return error.offline; }
        }"""
    )
    assert offline is True


def test_a_message_goes_by_itself_and_an_error_waits_to_be_closed(about: Page) -> None:
    about.evaluate(
        """async () => {
            const { toast } = await import("/static/js/shared/toast.js");
            toast("Saved", { lasts: 200 });
            toast("Not saved", { kind: "error" });
        }"""
    )
    expect(about.get_by_role("status")).not_to_contain_text("Saved")
    expect(about.get_by_role("alert")).to_contain_text("Not saved")
    about.get_by_role("button", name="Close").click()
    expect(about.get_by_role("alert")).not_to_contain_text("Not saved")


def test_a_question_is_answered_with_the_keyboard(about: Page) -> None:
    about.evaluate(
        """async () => {
            const { confirmDialog } = await import("/static/js/shared/dialog.js");
            confirmDialog({ title: "Remove it?", confirm: "Remove", danger: true })
                .then((answer) => document.body.setAttribute("data-answer", answer));
        }"""
    )
    expect(about.get_by_role("dialog", name="Remove it?")).to_be_visible()
    expect(about.get_by_role("button", name="Cancel")).to_be_focused()
    about.keyboard.press("Escape")
    expect(about.locator("body")).to_have_attribute("data-answer", "false")


def test_a_map_has_a_net_of_degrees_and_is_moved_with_the_keyboard(about: Page) -> None:
    about.evaluate(
        """async () => {
            const { createMap } = await import("/static/js/shared/map.js");
            const host = document.createElement("div");
            host.className = "map";
            document.querySelector("main").prepend(host);
            const map = createMap(host, { label: "A map", center: [51.3, 27.2], zoom: 10, zoomAnimation: false });
            map.on("moveend", () => host.setAttribute("data-longitude", map.getCenter().lng));
        }"""
    )
    host = about.get_by_role("region", name="A map")
    expect(host.locator("canvas").first).to_be_attached()
    host.focus()
    about.keyboard.press("ArrowRight")
    expect(host).to_have_attribute("data-longitude", re.compile(r"^27\.[2-9]\d+"))
    assert about.evaluate("typeof window.L") == "undefined"


def test_the_net_of_degrees_keeps_a_readable_width_at_every_zoom(about: Page) -> None:
    widths = about.evaluate(
        """async () => {
            const { stepAt } = await import("/static/js/shared/graticule.js");
            return Array.from({ length: 14 }, (_, k) => stepAt(k + 4) * 256 * 2 ** (k + 4) / 360);
        }"""
    )
    assert all(100 < width < 450 for width in widths)
