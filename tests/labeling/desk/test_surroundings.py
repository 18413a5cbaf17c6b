"""What lies around a tile: neighbours that touch it and other dates of its ground, found by index."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from detection.models import ImagerySource, Region, Tile
from labeling.desk.surroundings import MOST, surroundings_of

pytestmark = pytest.mark.django_db

WIDTH, HEIGHT = 0.001, 0.0008


@pytest.fixture
def lay(region: Region) -> Callable[..., Tile]:
    """A tile `across` widths east and `down` heights south of the one in the middle."""

    def make(
        across: float = 0, down: float = 0, date: dt.date | None = dt.date(2015, 10, 5), **more: Any
    ) -> Tile:
        west, north = 26.5 + across * WIDTH, 51.5 - down * HEIGHT
        number = Tile.objects.count()
        values: dict[str, Any] = {
            "region": region,
            "source": region.source,
            "file_name": f"{number}.jpg",
            "sha256": f"{number:064x}",
            "image_key": "images/none.jpg",
            "width": 1000,
            "height": 800,
            "west": west,
            "east": west + WIDTH,
            "north": north,
            "south": north - HEIGHT,
            "latitude": north - HEIGHT / 2,
            "longitude": west + WIDTH / 2,
            "capture_date": date,
        }
        return Tile.objects.create(**(values | more))

    return make


def test_neighbours_are_the_newest_pictures_of_the_places_that_touch(lay: Callable[..., Tile]) -> None:
    middle = lay()
    east = lay(1)
    lay(1, date=dt.date(2011, 5, 1))
    corner = lay(-1, -1, date=dt.date(2016, 1, 1))
    lay(2)
    lay(0, 1.5)
    found = surroundings_of(middle)
    assert [nearby.tile for nearby in found.neighbours] == [corner.pk, east.pk]
    assert found.neighbours[1].box == pytest.approx((1000, 0, 2000, 800), abs=1e-3)
    assert found.neighbours[0].box == pytest.approx((-1000, -800, 0, 0), abs=1e-3)
    assert found.dates == []


def test_neighbours_that_miss_each_other_by_rounding_still_touch(lay: Callable[..., Tile]) -> None:
    middle, east = lay(), lay(1.01)
    assert [nearby.tile for nearby in surroundings_of(middle).neighbours] == [east.pk]


def test_other_dates_show_three_fifths_of_the_ground_newest_first(lay: Callable[..., Tile]) -> None:
    middle = lay()
    old = lay(0.1, 0.1, date=dt.date(2011, 5, 1))
    new = lay(date=dt.date(2018, 5, 1))
    undated = lay(date=None)
    lay(0.5, date=dt.date(2017, 1, 1))
    lay(0.1)
    found = surroundings_of(middle)
    assert [nearby.tile for nearby in found.dates] == [new.pk, old.pk, undated.pk]
    assert found.dates[1].box == pytest.approx((100, 80, 1100, 880), abs=1e-3)


def test_there_are_never_more_than_eight(lay: Callable[..., Tile]) -> None:
    middle = lay()
    for year in range(2000, 2012):
        lay(date=dt.date(year, 1, 1))
    dates = surroundings_of(middle).dates
    assert [nearby.capture_date.year for nearby in dates if nearby.capture_date] == list(
        range(2011, 2011 - MOST, -1)
    )


def test_other_regions_crops_and_tiles_without_a_place_do_not_count(
    lay: Callable[..., Tile], source: ImagerySource
) -> None:
    middle = lay()
    lay(1, region=Region.objects.create(name="Elsewhere", slug="elsewhere", source=source))
    lay(1, kind="crop", west=None)
    nowhere = lay(west=None, latitude=None, longitude=None, date=dt.date(2018, 1, 1))
    assert surroundings_of(middle).neighbours == []
    assert surroundings_of(nowhere).neighbours == surroundings_of(nowhere).dates == []


def test_one_query_that_uses_the_index(lay: Callable[..., Tile]) -> None:
    middle = lay()
    for number in range(30):
        lay(number % 6 - 3, number // 6 - 2)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        surroundings_of(middle)
    assert len(queries) == 1
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {queries[0]['sql']}")
            plan = " ".join(str(row) for row in cursor.fetchall())
        assert "USING INDEX" in plan and "SCAN" not in plan


def test_alice_is_told_and_a_stranger_is_not(
    make_tile: Callable[..., Any], alice: Any, client_of: Callable[..., Any], client: Any
) -> None:
    tile = make_tile(1)
    other = make_tile(2, longitude=26.5 - 0.001, capture_date=dt.date(2012, 1, 1))
    address = f"/api/desk/tiles/{tile.segmented.get().pk}/surroundings/"
    answer = client_of(alice).get(address)
    assert answer.status_code == 200
    told = answer.json()
    assert [one["tile"] for one in told["neighbours"] + told["dates"]] == [other.pk]
    assert client_of(alice).get("/api/desk/tiles/999999/surroundings/").status_code == 404
    assert client.get(address).status_code in (401, 403)


@pytest.mark.database
def test_undated_pictures_do_not_take_the_place_of_the_newest(
    lay: Callable[..., Tile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Databases disagree on where an unknown date belongs; here so many pictures are read at most, newest first."""
    monkeypatch.setattr("labeling.desk.surroundings.MOST_READ", 2)
    middle, newest, older = lay(), lay(date=dt.date(2021, 5, 1)), lay(date=dt.date(2018, 5, 1))
    for _number in range(3):
        lay(date=None)
    assert [nearby.tile for nearby in surroundings_of(middle).dates] == [newest.pk, older.pk]
