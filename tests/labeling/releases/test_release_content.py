"""What stands in a release's files: districts, names, dates and labels come from the rows, and only what may be used."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from amberapp import jobs, storage
from detection.models import District, PlaceName
from labeling.models import Consensus, GoldStandardTile, Review
from labeling.releases import catalogue
from labeling.releases import publish as publishing
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from tests.published import approve_all, found_on

pytestmark = [pytest.mark.django_db, pytest.mark.database]


Tiles = Callable[..., Any]


# The catalogue made again ----------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["rebuilt", "lost", "killed"])
def test_images_of_labels_answer_however_the_catalogue_was_made(
    approved: Any, make_tile: Tiles, source: Any, carol: Any, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """Labelled tiles lie beside the places: their addresses stand in the labels only."""
    beside = [make_tile(seed) for seed in (7, 8, 9)]
    for tile in beside:
        Consensus.objects.create(
            segmented_tile=tile.segmented.get(), superpixel=1, verdict="mining", votes=3, agreeing=3
        )
    if lost == "killed":
        monkeypatch.setattr(publishing, "write_catalogue", lambda *args: None)
    release = publish_release(run=approved, acting_user=carol)
    if lost == "rebuilt":
        call_command("rebuild_catalogue")
    elif lost == "lost":
        storage.default_storage.delete(catalogue.KEY)
    else:
        jobs.sweep()
    labels = json.loads(storage.get(release.files.get(name="labels-coco.json").storage_key))
    assert {image["file_name"] for image in labels["images"]} == {f"{tile.place_id}.webp" for tile in beside}
    for tile in beside:
        address = f"/map/testshire/1/place/{tile.place_id}/image.webp?size=1000"
        assert Client().get(address).status_code == 200
    other = make_tile(10)
    assert Client().get(f"/map/testshire/1/place/{other.place_id}/image.webp").status_code == 404
    source.may_publish = False
    source.save()
    catalogue.write_catalogue(fresh=True)
    assert Client().get(address).status_code == 404, "rights as they stand now"


@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_a_damaged_file_of_labels_takes_no_place_from_the_map(
    approved: Any, make_tile: Tiles, carol: Any, damage: str
) -> None:
    Consensus.objects.create(
        segmented_tile=make_tile(7).segmented.get(), superpixel=1, verdict="mining", votes=3, agreeing=3
    )
    release = publish_release(run=approved, acting_user=carol)
    key = release.files.get(name="labels-coco.json").storage_key
    storage.default_storage.delete(key)
    if damage == "torn":
        storage.put(key, b'{"images":[\n{"id":1,"file_n')
    call_command("rebuild_catalogue")
    for place in places_of(release):
        address = f"/map/testshire/1/place/{place.place}/image.webp?size=1000"
        assert Client().get(address).status_code == 200


# What stands in the files ---------------------------------------------------------------------


def test_a_review_after_midnight_in_kyiv_bears_the_new_day(approved: Any, carol: Any) -> None:
    Review._base_manager.update(created_at=dt.datetime(2026, 3, 5, 22, 30, tzinfo=dt.UTC))
    release = publish_release(run=approved, acting_user=carol)
    assert {place.reviewed for place in places_of(release)} == {"2026-03-06"}


def test_districts_names_dates_and_labels_come_from_the_rows(
    region: Any, make_tile: Tiles, bob: Any, carol: Any
) -> None:
    import datetime as dt

    tile = make_tile(0, capture_date=dt.date(2015, 5, 1))
    later = make_tile(1, capture_date=dt.date(2018, 5, 1))
    region.tiles.filter(pk=later.pk).update(
        west=tile.west, south=tile.south, east=tile.east, north=tile.north
    )
    run = found_on(region, [tile])
    approve_all(run, bob)
    west, south, east, north = tile.bounds
    ring = [
        [west - 1, south - 1],
        [east + 1, south - 1],
        [east + 1, north + 1],
        [west - 1, north + 1],
        [west - 1, south - 1],
    ]
    polygon = {"type": "MultiPolygon", "coordinates": [[ring]]}
    District.objects.create(
        region=region,
        name="Сарненський район",
        names={"en": "Sarny"},
        polygon=polygon,
        west=0,
        south=0,
        east=1,
        north=1,
    )
    PlaceName.objects.create(
        region=region, name="Клесів", names={"en": "Klesiv"}, latitude=51.3, longitude=26.9
    )
    for superpixel, verdict in ((1, "mining"), (2, "not_mining")):
        Consensus.objects.create(
            segmented_tile=tile.segmented.get(), superpixel=superpixel, verdict=verdict, votes=3, agreeing=3
        )
    release = publish_release(run=run, acting_user=carol)

    def told(name: str) -> Any:
        return json.loads(storage.get(release.files.get(name=name).storage_key))

    figures = told("statistics.json")
    (row,) = figures["by_district"]
    assert (row["district"], row["names"], row["places"]) == ("Сарненський район", {"en": "Sarny"}, 1)
    assert row["hectares"] == figures["hectares"]
    (source,) = figures["sources"]
    assert (source["first_date"], source["last_date"], source["tiles"]) == ("2015-05-01", "2015-05-01", 1)
    assert told("names.json")["names"][0][:2] == ["Клесів", {"en": "Klesiv"}]
    (place,) = told("places.json")["places"]
    assert [other["place"] for other in place["dates"]] == [later.place_id]
    assert Client().get(f"/map/testshire/1/place/{later.place_id}/image.webp").status_code == 200
    coco = told("labels-coco.json")
    assert [row["category_id"] for row in coco["annotations"]] == [1, 2]
    assert coco["images"][0]["file_name"] == f"{tile.place_id}.webp"
    assert "bob" not in json.dumps(coco) + json.dumps(told("labels-label-studio.json"))


def test_labels_of_imagery_that_may_not_be_used_are_left_out(
    approved: Any, source: Any, carol: Any, bob: Any
) -> None:
    tile = approved.detections.first().segmented_tile
    Consensus.objects.create(segmented_tile=tile, superpixel=1, verdict="mining", votes=3, agreeing=3)
    source.may_publish = False
    source.save()
    release = publish_release(run=approved, acting_user=carol)
    coco = storage.get(release.files.get(name="labels-coco.json").storage_key)
    assert len(json.loads(coco)["annotations"]) == 1
    assert b"image.webp" not in coco
    source.may_derive = False
    source.save()
    release = publish_release(run=approved, acting_user=carol)
    assert json.loads(storage.get(release.files.get(name="labels-coco.json").storage_key))["images"] == []


def test_one_persons_vote_and_the_answers_of_checks_are_no_public_labels(
    approved: Any, region: Any, carol: Any
) -> None:
    open_tile, known_tile, decided = (one.segmented_tile for one in approved.detections.order_by("id"))
    Consensus.objects.create(segmented_tile=open_tile, superpixel=1, verdict="mining", votes=1, agreeing=1)
    Consensus.objects.create(segmented_tile=known_tile, superpixel=1, verdict="mining", votes=9, agreeing=9)
    GoldStandardTile.objects.create(segmented_tile=known_tile, region=region, use="check", answers={})
    for superpixel, votes, by_expert in ((1, 1, True), (2, 2, False), (3, 1, False)):
        Consensus.objects.create(
            segmented_tile=decided,
            superpixel=superpixel,
            verdict="not_mining",
            votes=votes,
            agreeing=votes,
            by_expert=by_expert,
        )
    release = publish_release(run=approved, acting_user=carol)
    for name in ("labels-coco.json", "labels-label-studio.json"):
        told = storage.get(release.files.get(name=name).storage_key).decode()
        assert decided.tile.place_id in told
        assert open_tile.tile.place_id not in told
        assert known_tile.tile.place_id not in told
    coco = json.loads(storage.get(release.files.get(name="labels-coco.json").storage_key))
    assert [row["attributes"]["superpixel"] for row in coco["annotations"]] == [1, 2]
