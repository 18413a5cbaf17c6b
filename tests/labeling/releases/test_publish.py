"""An admin publishes what experts approved; anyone reads it, for ever."""

import gzip
import hashlib
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client

from amberapp import storage
from amberapp.errors import Conflict, UserError
from amberapp.models import AuditEntry
from labeling.models import Release
from labeling.releases import publish as publishing
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from labeling.review.readiness import readiness
from labeling.review.verdicts import current_verdicts
from tests.published import approve_all, found_on, judge

pytestmark = pytest.mark.django_db

Tiles = Callable[..., Any]


def text_of(release: Any, name: str) -> str:
    return storage.get(release.files.get(name=name).storage_key).decode()


# Which verdict counts -------------------------------------------------------------------------


def test_the_latest_review_counts(run: Any, bob: Any) -> None:
    first = run.detections.first()
    judge(first, bob)
    judge(first, bob, "rejected")
    verdicts = current_verdicts(run)
    assert set(verdicts) == {first.pk}
    assert (verdicts[first.pk].verdict, verdicts[first.pk].carried) == ("rejected", False)
    assert verdicts[first.pk].review.expert == bob


def test_while_two_experts_contradict_one_another_the_place_waits(run: Any, bob: Any, dora: Any) -> None:
    first = run.detections.first()
    judge(first, bob)
    judge(first, dora, "rejected")
    assert current_verdicts(run)[first.pk].verdict == "disputed"
    ready = readiness(run)
    assert (ready.approved, ready.rejected, ready.waiting) == (0, 0, run.detections.count())


def test_a_verdict_carries_over_to_the_very_same_pieces_only(
    run: Any, region: Any, bob: Any, django_assert_num_queries: Any
) -> None:
    approve_all(run, bob)
    tiles = [detection.segmented_tile.tile for detection in run.detections.order_by("id")]
    same = found_on(region, tiles)
    other = found_on(region, tiles, pieces=(1, 2, 4))
    with django_assert_num_queries(2):
        carried = current_verdicts(same)
    assert {verdict.carried for verdict in carried.values()} == {True}
    assert set(carried) == set(same.detections.values_list("pk", flat=True))
    assert current_verdicts(other) == {}


def test_a_later_rejection_of_the_same_ground_reaches_a_detection_already_approved(
    run: Any, region: Any, bob: Any
) -> None:
    old = run.detections.first()
    again = found_on(region, [old.segmented_tile.tile])
    judge(again.detections.get(), bob)
    judge(old, bob, "rejected")
    assert current_verdicts(again)[again.detections.get().pk].verdict == "rejected"


# What is published ----------------------------------------------------------------------------


def test_only_approved_detections_with_a_place_are_published(
    region: Any, make_tile: Tiles, bob: Any, carol: Any
) -> None:
    run = found_on(region, [make_tile(seed) for seed in range(5)])
    approved, rejected, waiting, placeless, forbidden = run.detections.order_by("id")
    for detection in (approved, placeless, forbidden):
        judge(detection, bob)
    judge(rejected, bob, "rejected", look_alike="snow")
    placeless.outline = None
    placeless.save()
    from detection.models import ImagerySource

    tile = forbidden.segmented_tile.tile
    tile.source = ImagerySource.objects.create(name="No derivatives", attribution="x", may_derive=False)
    tile.save()
    release = publish_release(run=run, acting_user=carol)
    assert [place.place for place in places_of(release)] == [approved.segmented_tile.tile.place_id]
    figures = release.statistics
    assert figures["places"] == 1
    assert figures["tiles_searched"] == 5
    apart = figures["not_on_the_map"]
    assert (apart["rejected"], apart["waiting"]) == (1, 1)
    assert (apart["approved_without_place"], apart["withheld"]) == (1, 1)
    assert waiting.segmented_tile.tile.place_id not in text_of(release, "places.geojson")


def test_releases_of_a_region_are_numbered_and_audited(release: Any, run: Any, bob: Any, carol: Any) -> None:
    judge(run.detections.last(), bob, "rejected")
    second = publish_release(run=run, acting_user=carol)
    assert (release.number, second.number) == (1, 2)
    entry = AuditEntry.objects.filter(verb="release.published").first()
    assert entry is not None
    assert entry.actor == carol
    assert entry.details["number"] == 2


def test_files_lie_under_their_checksums(release: Any) -> None:
    assert release.files.count() >= 14
    for file in release.files.all():
        data = storage.get(file.storage_key)
        assert hashlib.sha256(data).hexdigest() == file.sha256
        assert file.sha256 in file.storage_key
        assert len(data) == file.size
        if file.name.endswith((".pmtiles", ".png", ".gpkg")):
            assert not storage.exists(file.storage_key + ".gz"), "its parts are packed already"
        else:
            assert gzip.decompress(storage.get(file.storage_key + ".gz")) == data


def test_an_older_state_published_again_has_the_older_checksums(
    release: Any, run: Any, bob: Any, carol: Any
) -> None:
    first = run.detections.first()
    judge(first, bob, "rejected")
    publish_release(run=run, acting_user=carol)
    judge(first, bob, "approved", note="my mistake")
    third = publish_release(run=run, acting_user=carol)
    assert third.number == 3
    again = set(third.files.exclude(name="changes.json").values_list("name", "sha256"))
    assert again == set(release.files.values_list("name", "sha256"))


def test_publishing_the_same_again_is_refused(release: Any, run: Any, carol: Any) -> None:
    with pytest.raises(Conflict, match="Release 1 already shows exactly this"):
        publish_release(run=run, acting_user=carol)
    assert Release.objects.count() == 1


@pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled"])
def test_a_run_that_is_not_done_is_refused(run: Any, bob: Any, carol: Any, state: str) -> None:
    approve_all(run, bob)
    run.state = state
    run.save()
    with pytest.raises(Conflict, match=f"Run {run.pk}"):
        publish_release(run=run, acting_user=carol)
    assert not Release.objects.exists()


def test_nothing_reviewed_is_refused(run: Any, carol: Any) -> None:
    with pytest.raises(Conflict, match="Nothing of run"):
        publish_release(run=run, acting_user=carol)


def test_an_empty_map_needs_every_detection_judged(run: Any, bob: Any, carol: Any) -> None:
    first, *others = run.detections.all()
    judge(first, bob, "rejected")
    with pytest.raises(Conflict, match="2 still wait"):
        publish_release(run=run, acting_user=carol)
    for detection in others:
        judge(detection, bob, "rejected")
    assert readiness(run).problem == ""
    release = publish_release(run=run, acting_user=carol)
    assert release.statistics["places"] == 0
    assert Client().get("/").status_code == 200


def test_a_broken_outline_is_named_and_nothing_is_published(run: Any, bob: Any, carol: Any) -> None:
    approve_all(run, bob)
    broken = run.detections.first()
    broken.outline = {"type": "MultiPolygon", "coordinates": [[[[26, 51], [26, 51], [26, 51], [26, 51]]]]}
    broken.save()
    with pytest.raises(UserError, match=f"Detection {broken.pk} "):
        publish_release(run=run, acting_user=carol)
    assert not Release.objects.exists()


def test_a_number_taken_meanwhile_is_not_taken_twice(
    run: Any, bob: Any, carol: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve_all(run, bob)
    original, calls = publishing._write, []

    def beaten(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise IntegrityError("one_release_per_number")
        return original(*args, **kwargs)

    monkeypatch.setattr(publishing, "_write", beaten)
    assert publish_release(run=run, acting_user=carol).number == 1
    assert len(calls) == 2


def test_a_failure_after_the_files_leaves_no_half_release(
    run: Any, bob: Any, carol: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve_all(run, bob)

    def dies(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(publishing, "record", dies)
    with pytest.raises(RuntimeError):
        publish_release(run=run, acting_user=carol)
    assert not Release.objects.exists()
    assert b"There is no map yet" in Client().get("/").content


def test_the_command_publishes_and_prints_one_json_object(run: Any, bob: Any) -> None:
    approve_all(run, bob)
    out = StringIO()
    call_command("publish", "--run", str(run.pk), "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["number"], told["places"], told["run"]) == (1, 3, run.pk)
    assert len(told["files"]["places.geojson"]) == 64


def test_the_command_says_what_is_missing(run: Any) -> None:
    with pytest.raises(CommandError, match="There is no run 999"):
        call_command("publish", "--run", "999")
    with pytest.raises(CommandError, match="Nothing of run"):
        call_command("publish", "--run", str(run.pk))
