"""What the public pages decide to show, without their templates."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from labeling.public.compare_page import compare_page
from labeling.public.map_page import map_page
from labeling.public.place_list import place_list
from labeling.public.release_list import release_row
from labeling.releases.catalogue import published_numbered
from labeling.releases.comparison import compare_releases
from labeling.releases.publish import publish_release
from labeling.releases.reader import place_of, places_of
from tests.published import approve_all, found_on, judge

pytestmark = pytest.mark.database
SITE = "https://amber.example"


@pytest.fixture
def two(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any) -> list[Any]:
    """Two releases: the second shows one place of two, the other was rejected in between."""
    run = found_on(region, [make_tile(seed, capture_date=dt.date(2014 + seed, 5, 1)) for seed in range(2)])
    approve_all(run, bob)
    publish_release(run=run, acting_user=carol)
    judge(run.detections.first(), bob, "rejected")
    publish_release(run=run, acting_user=carol)
    return [published_numbered(region.slug, number) for number in (1, 2)]


def gone(two: list[Any]) -> str:
    (place,) = {one.place for one in places_of(two[0])} - {one.place for one in places_of(two[1])}
    return place


def test_a_reader_of_the_map_sees_its_figures_and_where_to_object(two: list[Any]) -> None:
    page = map_page(two[1], None, site=SITE, is_latest=True)
    assert page.place is None
    assert page.address == page.permalink == f"{SITE}/map/testshire/2/"
    assert page.counts.startswith("1 place · ")
    assert [bar.year for bar in page.bars] == ["2014", "2015"]
    assert page.previous == 1
    assert page.today is None, "only an imported map is compared with the map of today"
    assert page.report_address == "/report/?region=testshire&number=2"


def test_a_reader_of_an_old_permalink_is_told_that_the_place_has_gone(two: list[Any]) -> None:
    place = place_of(two[0], gone(two))
    page = map_page(two[0], place, site=SITE, is_latest=False)
    assert page.place is not None
    assert page.place.gone_in == 2
    assert page.address == f"{SITE}/map/testshire/1/place/{place.place}/"
    assert page.report_address.endswith(f"&place={place.place}")
    stays = places_of(two[1])[0]
    facts = map_page(two[0], stays, site=SITE, is_latest=False).place
    assert facts is not None and facts.gone_in is None


def test_a_picture_is_shown_or_it_is_said_why_not(two: list[Any], source: Any) -> None:
    place = places_of(two[1])[0]
    for may_publish in (True, False):
        source.may_publish = may_publish
        source.save()
        facts = map_page(two[1], place, site=SITE, is_latest=True).place
        assert facts is not None
        assert bool(facts.picture) is may_publish
        assert bool(facts.withheld) is not may_publish
        assert not facts.may_compare_dates, "there is no other image of this ground"


def test_a_reader_narrows_the_list_by_year_and_keeps_it_while_turning_pages(two: list[Any]) -> None:
    everything = place_list(two[0], year="", district="", page=None)
    assert [link.query for link in everything.years] == ["", "year=2014&", "year=2015&"]
    assert [link.chosen for link in everything.years] == [True, False, False]
    assert everything.query == ""
    one = place_list(two[0], year="2015", district="Nowhere", page=None)
    assert (one.query, len(one.rows), one.district) == ("year=2015&", 1, None)
    nonsense = place_list(two[0], year="1 or 1", district="", page=None)
    assert (nonsense.year, len(nonsense.rows)) == ("", 2)


def test_the_list_of_releases_leads_to_what_changed_since_the_one_before(two: list[Any]) -> None:
    first, second = (release_row(release) for release in two)
    assert first.comparable is None
    assert second.comparable is not None
    assert second.comparable.address == "/releases/testshire/1/compare/2/"
    assert (first.tells_changes, second.tells_changes) == (False, True)
    assert "places.gpkg" in [file.name for file in first.downloads]


def test_what_can_be_chosen_in_a_comparison_is_what_there_is(two: list[Any]) -> None:
    comparison = compare_releases(*two)
    page = compare_page(*two, comparison, kind="", cause="", page=comparison.largest_first)  # type: ignore[arg-type]
    assert [(one.count, one.query, one.chosen) for one in page.kinds] == [
        (1, "", True),
        (1, "kind=vanished", False),
    ]
    assert page.causes == [], "one reason is nothing to choose among"
    assert page.options == [], "and two releases are nothing else to compare"
    (row,) = page.rows
    assert row.address == f"/map/testshire/1/place/{gone(two)}/"
    assert row.hectares.startswith("−")
    assert row.elsewhen is None, "it happened in the later release itself"
    assert page.searched_for == 2
