"""Why places came or went that no expert touched: imagery, searches, roll-backs, lists that are missing."""

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone

from amberapp import storage
from labeling.releases.comparison import compare_releases
from labeling.releases.files.changes import REASONS, Difference, from_file, to_file
from labeling.releases.publish import publish_again, publish_release
from labeling.releases.reason_words import in_words
from labeling.releases.reasons import reasons_between
from tests.labeling.releases.comparing import Tiles, on_tile, reasons_of
from tests.published import approve_all, found_on, judge

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_imagery_that_may_be_used_again_brings_its_places_back(
    first: Any, ground: list[Any], source: Any, bob: Any
) -> None:
    source.may_derive = False
    source.save()
    judge(on_tile(first.run, ground[1]), bob, "rejected", look_alike="snow")
    second = publish_release(run=first.run, acting_user=None)
    source.may_derive = True
    source.save()
    judge(on_tile(first.run, ground[1]), bob)
    third = publish_release(run=first.run, acting_user=None)
    assert {one.cause for one in compare_releases(first, second).vanished} == {"rights", "review"}
    again = "its imagery may be used again"
    assert reasons_of(second, third) == {
        ground[0].place_id: ("appeared", again),
        ground[1].place_id: ("appeared", "an expert has approved it since"),
        ground[2].place_id: ("appeared", again),
    }


def test_an_image_that_has_got_its_place_since_says_so(
    first: Any, region: Any, ground: list[Any], bob: Any
) -> None:
    detection = on_tile(first.run, ground[0])
    outline = detection.outline
    detection.outline = None
    detection.save()
    second = publish_release(run=first.run, acting_user=None)
    assert second.statistics["not_on_the_map"]["approved_without_place"] == 1
    run = found_on(region, ground[:3])
    assert on_tile(run, ground[0]).outline == outline
    third = publish_release(run=run, acting_user=None)
    assert reasons_of(second, third)[ground[0].place_id] == (
        "appeared",
        "where its image lies was not known before",
    )


def test_after_a_roll_back_what_counts_is_the_day_of_the_release_that_was_published_again(
    first: Any, ground: list[Any], bob: Any
) -> None:
    judge(on_tile(first.run, ground[0]), bob, "rejected", look_alike="snow")
    publish_release(run=first.run, acting_user=None)
    third = publish_again(release=first, acting_user=None)
    fourth = publish_release(run=first.run, acting_user=None)
    assert reasons_of(third, fourth) == {ground[0].place_id: ("vanished", "an expert has rejected it (Snow)")}
    judge(on_tile(first.run, ground[0]), bob)
    publish_release(run=first.run, acting_user=None)
    sixth = publish_again(release=fourth, acting_user=None)
    seventh = publish_release(run=first.run, acting_user=None)
    assert reasons_of(sixth, seventh) == {ground[0].place_id: ("appeared", "an expert has approved it since")}


@pytest.mark.parametrize("kind", sorted({*REASONS} - {"unknown"}))
def test_every_reason_has_words(kind: str) -> None:
    particulars = {"report": 1, "release": 1, "campaign": "Sand pits", "verdict": "rejected"}
    said = in_words({"kind": kind, **particulars})
    assert said
    assert said != in_words({"kind": "unknown"})


def test_new_images_and_ground_not_searched_again_say_so(
    first: Any, region: Any, ground: list[Any], bob: Any
) -> None:
    old = ground[0]
    from detection.models import Tile

    Tile.objects.filter(pk=ground[3].pk).update(
        west=old.west,
        south=old.south,
        east=old.east,
        north=old.north,
        latitude=old.latitude,
        longitude=old.longitude,
        created_at=timezone.now() + dt.timedelta(days=1),
    )

    def told_of(day: str | None) -> dict[str, tuple[str, str]]:
        Tile.objects.filter(pk=ground[3].pk).update(capture_date=day)
        again = found_on(region, [ground[1], Tile.objects.get(pk=ground[3].pk)])
        approve_all(again, bob)
        changes = Difference([ground[3].place_id], [ground[0].place_id, ground[2].place_id], [], 1)
        kinds = changes.kinds()
        found = reasons_between(first, again, changes)
        return {place: (kinds[place], in_words(reason)) for place, reason in found.items()}

    told = told_of("2018-05-01")
    assert told[ground[3].place_id] == ("appeared", "a newer image of this ground")
    assert told[ground[0].place_id] == ("vanished", "a newer image of this ground")
    assert told[ground[2].place_id] == ("vanished", "the later map has not searched there")
    # An archive that is searched after the image of 2015 is no newer one, nor is one that nobody has dated.
    for day in ("2010-05-01", "2015-10-05", None):
        told = told_of(day)
        assert told[ground[3].place_id] == ("appeared", "another image of this ground"), day
        assert told[ground[0].place_id] == ("vanished", "another image of this ground"), day


def test_why_places_came_with_new_images_takes_no_question_for_each_of_them(
    region: Any, make_tile: Tiles, bob: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from detection.models import Tile

    def asked(places: int) -> int:
        old, new = (
            [make_tile(seed) for seed in range(begin, begin + places)]
            for begin in (places * 10, places * 10 + places)
        )
        for one, other in zip(old, new, strict=True):
            same = {name: getattr(one, name) for name in ("west", "south", "east", "north")}
            Tile.objects.filter(pk=other.pk).update(**same, capture_date="2018-05-01")
        runs = found_on(region, old), found_on(region, new)
        for run in runs:
            approve_all(run, bob)
        publish_release(run=runs[0], acting_user=None)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            release = publish_release(run=runs[1], acting_user=None)
        told = from_file(storage.get(release.files.get(name="changes.json").storage_key))
        assert {reason["kind"] for _kind, reason in told.values()} == {"imagery"}
        assert len(told) == 2 * places
        return len(asked)

    assert asked(2) == asked(6)


def test_between_releases_far_apart_the_event_itself_is_the_reason(
    first: Any, region: Any, ground: list[Any], bob: Any
) -> None:
    judge(on_tile(first.run, ground[0]), bob, "rejected", look_alike="snow")
    publish_release(run=first.run, acting_user=None)
    judge(on_tile(first.run, ground[1]), bob, "rejected", look_alike="cemetery")
    third = publish_release(run=first.run, acting_user=None)
    comparison = compare_releases(first, third)
    told = {change.place: (change.release, change.cause, change.reason) for change in comparison.vanished}
    assert told == {
        ground[0].place_id: (2, "review", "an expert has rejected it (Snow)"),
        ground[1].place_id: (3, "review", "an expert has rejected it (Cemetery)"),
    }
    judge(on_tile(first.run, ground[0]), bob)
    fourth = publish_release(run=first.run, acting_user=None)
    assert ground[0].place_id not in reasons_of(first, fourth), "it came back: nothing differs any more"


def test_a_release_without_a_list_of_changes_leaves_the_reason_open(
    first: Any, ground: list[Any], bob: Any
) -> None:
    judge(on_tile(first.run, ground[0]), bob, "rejected")
    second = publish_release(run=first.run, acting_user=None)
    second.files.filter(name="changes.json").delete()
    from labeling.releases.catalogue import write_catalogue

    write_catalogue(fresh=True)
    assert reasons_of(first, second)[ground[0].place_id] == ("vanished", "the reason was not recorded")


def test_the_reasons_stand_in_a_file_of_the_release_and_the_first_has_none(
    first: Any, ground: list[Any], bob: Any
) -> None:
    assert not first.files.filter(name="changes.json").exists()
    judge(on_tile(first.run, ground[0]), bob, "rejected", look_alike="snow")
    second = publish_release(run=first.run, acting_user=None)
    told = json.loads(storage.get(second.files.get(name="changes.json").storage_key))
    assert told["previous"] == 1
    (row,) = told["changes"]
    assert told["reasons"][row["reason"]]["look_alike"]["names"]["uk"] == "Сніг"


def test_a_reason_shared_by_many_places_is_written_once_and_older_files_are_read_for_ever() -> None:
    kinds = {f"place-{number}": "vanished" for number in range(1_000)} | {"another": "appeared"}
    shared = {"kind": "classifier", "classifier": 2, "campaigns": [{"campaign": "Snow", "report": 7}] * 10}
    reasons = {place: json.loads(json.dumps(shared)) for place in kinds if place != "another"}
    data = to_file(4, kinds, reasons)
    assert data.count(b'"campaigns"') == 1
    first = {
        "format": "amber-changes/1",
        "previous": 4,
        "changes": [
            {"place": place, "kind": kind, "reason": reasons.get(place, {"kind": "unknown"})}
            for place, kind in kinds.items()
        ],
    }
    for file in (data, json.dumps(first).encode()):
        told = from_file(file)
        assert told == {
            place: (kind, reasons.get(place, {"kind": "unknown"})) for place, kind in kinds.items()
        }
        assert len({id(reason) for _kind, reason in told.values()}) == 2, "equal reasons are one object"
    for wrong in ("amber-changes/3", "amber-changes/2"):
        file = {"format": wrong, "reasons": [], "changes": [{"place": "a", "kind": "vanished", "reason": 0}]}
        with pytest.raises(ValueError, match="format|list of changes"):
            from_file(json.dumps(file).encode())
