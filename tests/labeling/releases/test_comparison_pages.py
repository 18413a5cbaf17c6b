"""The page, the map and the CSV of a comparison say the same, and ask no database."""

import csv
import io
import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from amberapp import storage
from labeling.releases.publish import publish_release
from tests.labeling.releases.comparing import on_tile, report_on
from tests.pages import squeezed
from tests.published import found_on, judge

pytestmark = [pytest.mark.django_db, pytest.mark.database]


# Pages --------------------------------------------------------------------------------------------------


def test_the_page_the_map_and_the_csv_say_the_same(first: Any, second: Any, ground: list[Any]) -> None:
    client = Client()
    page = client.get("/releases/testshire/1/compare/2/")
    assert page.status_code == 200
    assert "an expert has rejected it (Snow)" in page.content.decode()
    assert client.get("/releases/testshire/2/compare/1/")["Location"] == "/releases/testshire/1/compare/2/"
    data = client.get("/releases/testshire/1/compare/2/changes.json").json()
    (row,) = data["changes"]
    assert (data["kinds"][row[0]], row[1]) == ("vanished", ground[0].place_id)
    assert data["reasons"][row[5]] == ["review", "an expert has rejected it (Snow)"]
    answer = client.get("/releases/testshire/1/compare/2/changes.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf"), (
        "Excel takes UTF-8 without its mark for another code page"
    )
    (line,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert line["place"] == ground[0].place_id
    assert (line["change"], line["cause"], line["release"]) == ("vanished", "review", "2")
    assert line["hectares_after"] == ""


def test_one_place_is_told_as_one(first: Any, ground: list[Any], bob: Any) -> None:
    judge(on_tile(first.run, ground[0]), bob, "rejected")
    judge(on_tile(first.run, ground[1]), bob, "rejected")
    second = publish_release(run=first.run, acting_user=None)
    judge(on_tile(first.run, ground[1]), bob)
    publish_release(run=first.run, acting_user=None)

    def told(earlier: int, later: int) -> list[tuple[str, str]]:
        page = squeezed(Client().get(f"/releases/testshire/{earlier}/compare/{later}/"))
        return re.findall(r"<dt>(new places?|places? removed)</dt><dd>(\d)</dd>", page)

    assert told(1, 2) == [("new places", "0"), ("places removed", "2")]
    assert told(1, 3) == [("new places", "0"), ("place removed", "1")]
    assert told(2, 3) == [("new place", "1"), ("places removed", "0")]
    readme = storage.get(second.files.get(name="README.txt").storage_key).decode()
    assert readme.splitlines()[2].startswith("1 place, ")
    assert "3 satellite tiles searched" in readme


def rows_of(answer: Any) -> list[str]:
    """The places of the page's table, in its order."""
    return re.findall(
        r'<tr>\s*<th scope="row"><a class="num" href="[^"]*/place/(\w+)/"', answer.content.decode()
    )


@pytest.fixture
def many(first: Any, region: Any, ground: list[Any], bob: Any) -> Any:
    """One place gone after a report, one after a rejection, and one that came: release 2 after release 1."""
    judge(
        on_tile(first.run, ground[0]),
        bob,
        "rejected",
        look_alike="deforestation",
        report=report_on(on_tile(first.run, ground[0]), first),
    )
    judge(on_tile(first.run, ground[1]), bob, "rejected")
    run = found_on(region, ground)
    run.classifier = first.run.classifier
    run.save()
    judge(on_tile(run, ground[3]), bob)
    return publish_release(run=run, acting_user=None)


def test_a_reader_asks_which_places_went_because_of_reports(many: Any, ground: list[Any]) -> None:
    client, address = Client(), "/releases/testshire/1/compare/2/"
    gone, rejected, _kept, came = (tile.place_id for tile in ground)
    whole = client.get(address)
    assert sorted(rows_of(whole)) == sorted([gone, rejected, came])
    page = squeezed(whole)
    for query, words in (
        ("kind=vanished", "No longer on the map"),
        ("reason=report", "a citizen's report"),
        ("reason=review", "an expert's verdict"),
    ):
        assert f'href="?{query}#changes">{escape(words)} <span' in page, query
    assert sorted(rows_of(client.get(address, {"kind": "vanished"}))) == sorted([gone, rejected])
    assert rows_of(client.get(address, {"kind": "appeared"})) == [came]
    asked = client.get(address, {"kind": "vanished", "reason": "report"})
    assert rows_of(asked) == [gone]
    assert "(Clear-cut forest)" in asked.content.decode()
    told = json.loads(
        re.search(r'<script id="compare-data"[^>]*>(.*?)</script>', asked.content.decode())[1]  # type: ignore[index]
    )
    assert (told["kind"], told["cause"]) == ("vanished", "report"), "the map shows the same"


def test_a_filter_that_nothing_answers_to_shows_the_way_back_and_nonsense_narrows_nothing(many: Any) -> None:
    client, address = Client(), "/releases/testshire/1/compare/2/"
    empty = client.get(address, {"kind": "appeared", "reason": "report"})
    assert empty.status_code == 200
    assert rows_of(empty) == []
    assert 'href="?#changes">All changes</a>' in empty.content.decode()
    for query in (
        {"kind": "<b>"},
        {"reason": "\x00"},
        {"kind": "x" * 5000},
        {"page": "-1"},
        {"page": "none"},
    ):
        answer = client.get(address, query)
        assert answer.status_code == 200
        assert len(rows_of(answer)) == 3


def test_thousands_of_changes_are_read_page_by_page(
    many: Any, ground: list[Any], monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr("labeling.public.views.comparison.PER_PAGE", 1)
    client, address = Client(), "/releases/testshire/1/compare/2/"
    whole = [rows_of(client.get(address, {"page": str(page)})) for page in (1, 2, 3)]
    assert sorted(place for (place,) in whole) == sorted(ground[k].place_id for k in (0, 1, 3))
    with django_assert_num_queries(0):
        second = client.get(address, {"kind": "vanished", "page": "2"})
    assert "Page 2 of 2" in second.content.decode()
    assert 'rel="prev" href="?kind=vanished&amp;page=1#changes"' in squeezed(second)
    assert rows_of(client.get(address, {"page": "999"})) == whole[2], "beyond the end is the end"


def test_a_comparison_is_kept_once_for_readers_of_every_language(many: Any) -> None:
    from labeling.public.views.comparison import _remembered

    _remembered.cache_clear()
    address = "/releases/testshire/1/compare/2/"
    assert "an expert has rejected it" in Client().get(address).content.decode()
    uk = squeezed(Client(headers={"accept-language": "uk"}).get(address))
    assert "an expert has rejected it" not in uk
    assert _remembered.cache_info().currsize == 1


def test_the_form_leads_to_any_two_releases(first: Any, second: Any) -> None:
    client = Client()
    chosen = client.get("/releases/testshire/compare/?from=1&to=2")
    assert chosen["Location"] == "/releases/testshire/1/compare/2/"
    for query in ("", "from=1", "from=a&to=2", "from=1&to=99999999999999"):
        assert client.get(f"/releases/testshire/compare/?{query}").status_code == 400
    assert client.get("/releases/testshire/1/compare/1/").status_code == 400
    assert client.get("/releases/testshire/1/compare/9/").status_code == 404


def test_nothing_of_a_comparison_asks_the_database(
    first: Any, second: Any, django_assert_num_queries: Any
) -> None:
    client = Client()
    with django_assert_num_queries(0):
        assert client.get("/releases/testshire/1/compare/2/").status_code == 200
        assert client.get("/releases/testshire/1/compare/2/changes.json").status_code == 200
        assert client.get("/releases/testshire/1/compare/2/changes.csv").status_code == 200
