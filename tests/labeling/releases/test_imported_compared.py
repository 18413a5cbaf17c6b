"""A map that was published elsewhere is listed, shown and compared with the site's own."""

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from shapely.geometry import box

from amberapp import storage
from labeling.models import Release
from labeling.releases.catalogue import published_numbered
from labeling.releases.comparison import compare_releases
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from tests.labeling.releases.comparing import Tiles, on_tile, reasons_of
from tests.labeling.releases.old_maps import square
from tests.published import approve_all, found_on, judge

pytestmark = [pytest.mark.django_db, pytest.mark.database]


# Imported maps ------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Any, ground: list[Any]) -> Any:
    """A map of 2018 in three files: squares around the first tile and around ground that nobody searched."""

    made = tmp_path / "published-map"
    made.mkdir()
    here = ground[0]
    fine = [
        square(here.west - 0.001, here.south - 0.001, 0.0025, count=2),
        square(25.0, 50.0, 0.002, count=1),
    ]
    (made / "squares.1.geojson").write_text(json.dumps(fine))
    (made / "squares.9.geojson").write_text(json.dumps([square(25.0, 50.0, 0.1, count=3)]))
    (made / "coordinates.csv").write_text("lat,lon\n51.5,26.5\n\n51.5,26.5\n50.001,25.001\n")
    return made


def bring_in(folder: Any, **options: Any) -> str:
    out = io.StringIO()
    values = {"region": "testshire", "title": "Map of 2018", "date": "2018-03-26"} | options
    call_command(
        "import_historical", str(folder), *[f"--{key}={value}" for key, value in values.items()], stdout=out
    )
    return out.getvalue()


def test_an_imported_map_is_listed_shown_and_compared_by_ground(
    first: Any, ground: list[Any], folder: Any
) -> None:
    assert "2 places" in bring_in(folder)
    imported = Release.objects.get(kind="historical")
    assert imported.run is None
    assert imported.number == 2
    assert imported.statistics["hectares"] is None
    assert imported.files.filter(name__startswith="original-").count() == 3
    client = Client()
    assert "Map of 2018" in client.get("/releases/").content.decode()
    assert client.get("/map/testshire/2/").status_code == 200
    assert client.get("/map/testshire/2/list/").status_code == 200
    assert client.get("/")["Content-Type"].startswith("text/html")
    assert client.get("/map/testshire/")["Location"] == "/map/testshire/1/", (
        "the map of today stays the latest"
    )
    older = published_numbered("testshire", 2)
    comparison = compare_releases(older, published_numbered("testshire", 1))
    assert comparison.by_ground
    assert {change.place for change in comparison.appeared} == {tile.place_id for tile in ground[1:3]}
    (gone,) = comparison.vanished
    assert gone.cause == "not_searched"
    assert comparison.unchanged == 1
    page = client.get("/releases/testshire/1/compare/2/")
    assert page["Location"] == "/releases/testshire/2/compare/1/", "the older map comes first"
    shown = client.get(page["Location"]).content.decode()
    assert "Map of 2018" in shown
    assert "does not show it" in shown
    assert client.get("/releases/testshire/2/compare/1/changes.csv").status_code == 200
    # Nobody knows how much of a square is mined: no page says a number, or none, of hectares.
    square = places_of(older)[0].place
    for path in (f"/map/testshire/2/place/{square}/", f"/report/?region=testshire&number=2&place={square}"):
        told = re.sub(r"(?s)<script.*?</script>", "", client.get(path).content.decode())
        assert not re.search(r"\bha\b", told), path


def test_nobody_says_where_an_imported_map_had_looked(first: Any, ground: list[Any], folder: Any) -> None:
    bring_in(folder)
    gone = compare_releases(published_numbered("testshire", 1), published_numbered("testshire", 2)).vanished
    assert {change.place for change in gone} == {tile.place_id for tile in ground[1:3]}
    assert {change.reason for change in gone} == {"the later map does not show it"}


def test_a_square_beside_the_searched_tiles_was_not_searched(
    region: Any, make_tile: Tiles, bob: Any, tmp_path: Any
) -> None:
    """However near: the next tile is looked up, not the square of the map in which it lies."""
    tile = make_tile(3)
    run = found_on(region, [tile])
    approve_all(run, bob)
    publish_release(run=run, acting_user=None)
    made = tmp_path / "map"
    made.mkdir()
    # The detection of these tests covers the half of its tile below the diagonal.
    within, beside = (tile.west + 0.0001, tile.north - 0.0002), (tile.east + 0.001, tile.south)
    squares = [
        {
            "type": "Feature",
            "properties": {"count": 1},
            "geometry": {
                "type": "Polygon",
                "coordinates": [list(box(x, y, x + 1e-4, y + 1e-4).exterior.coords)],
            },
        }
        for x, y in (within, beside)
    ]
    (made / "squares.geojson").write_text(json.dumps(squares))
    bring_in(made)
    old, new = published_numbered("testshire", 2), published_numbered("testshire", 1)
    reasons = {
        (change.before.longitude > tile.east, change.cause)
        for change in compare_releases(old, new).vanished
        if change.before is not None
    }
    assert reasons == {(False, "not_found"), (True, "not_searched")}


def test_the_next_release_follows_its_own_kind(first: Any, ground: list[Any], folder: Any, bob: Any) -> None:
    bring_in(folder)
    judge(on_tile(first.run, ground[0]), bob, "rejected", look_alike="snow")
    third = publish_release(run=first.run, acting_user=None)
    assert third.number == 3
    assert json.loads(storage.get(third.files.get(name="changes.json").storage_key))["previous"] == 1
    assert set(reasons_of(first, third)) == {ground[0].place_id}


def test_pages_that_know_runs_stand_a_release_without_one(
    first: Any, folder: Any, carol: Any, alice: Any, bob: Any, client_of: Callable[[Any], Client]
) -> None:
    bring_in(folder)
    Release.objects.filter(kind="own").delete()
    from labeling.releases.catalogue import write_catalogue

    write_catalogue(fresh=True)
    assert Client().get("/").status_code == 200
    assert Client().get("/releases/").status_code == 200
    assert Client().get("/api/releases/").status_code == 200
    assert Client().get("/report/?region=testshire&number=2").status_code == 200
    assert client_of(carol).get("/manage/").status_code == 200
    imported = Release.objects.get()
    place = json.loads(storage.get(imported.files.get(name="places.json").storage_key))["places"][0]
    assert Client().get(f"/map/testshire/2/place/{place['place']}/").status_code == 200
    report = {
        "release": imported.pk,
        "place": place["place"],
        "latitude": place["latitude"],
        "longitude": place["longitude"],
        "category": "not_mining",
    }
    assert Client().post("/api/reports/", report, "application/json").status_code == 201
    assert client_of(bob).get("/review/reports/").status_code == 200
    assert client_of(alice).get("/label/mine/").status_code == 200
    assert client_of(bob).get("/review/").status_code == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"region": "nowhere"}, "There is no region"),
        ({"title": " "}, "title"),
        ({"date": "2999-01-01"}, "to come"),
        ({"side": "0"}, "side"),
    ],
)
def test_what_cannot_be_imported_is_told(
    first: Any, folder: Any, options: dict[str, str], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        bring_in(folder, **options)
    assert Release.objects.count() == 1


def test_wrong_rows_are_named_and_nothing_is_imported(first: Any, folder: Any) -> None:
    (folder / "coordinates.csv").write_text("lat,lon\n51.5,26.5\n200,26.5\nx,1\n")
    with pytest.raises(CommandError) as refused:
        bring_in(folder)
    assert "coordinates.csv, line 3" in str(refused.value)
    assert "coordinates.csv, line 4" in str(refused.value)
    with pytest.raises(CommandError, match="no file"):
        bring_in(folder / "missing.csv")
    assert Release.objects.count() == 1


def test_a_square_far_away_is_left_out_and_named(
    first: Any, folder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fine = json.loads((folder / "squares.1.geojson").read_text())
    far = json.loads(json.dumps(fine[0]).replace("51.", "0."))
    (folder / "squares.1.geojson").write_text(json.dumps([*fine, far]))
    assert "2 places" in bring_in(folder)
    assert "squares.1.geojson, feature 3" in capsys.readouterr().err
    assert "1 far outside the region left out" in Release.objects.get(kind="historical").note
    (folder / "squares.1.geojson").write_text(json.dumps([far]))
    (folder / "squares.9.geojson").unlink()
    with pytest.raises(CommandError, match="Nothing of this map"):
        bring_in(folder)


def test_the_same_map_is_imported_once(first: Any, folder: Any) -> None:
    bring_in(folder)
    with pytest.raises(CommandError, match="imported already, as release 2"):
        bring_in(folder, title="Again")
