"""Publishing survives its own death, goes back to an older release, and says what the publisher wants said."""

import datetime as dt
import errno
import json
import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import messages
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.utils import timezone

from amberapp import jobs, storage
from amberapp.errors import Conflict, UserError
from amberapp.models import AuditEntry, Job
from detection.models import District, ImagerySource, PlaceName, Tile
from labeling.models import Consensus, GoldStandardTile, Release, ReleaseFile, Report, Review
from labeling.releases import catalogue, publish_job
from labeling.releases import publish as publishing
from labeling.releases.publish import AlreadyPublished, publish_again, publish_release
from labeling.releases.reader import latest_release, places_of
from tests.published import approve_all, found_on, judge

Tiles = Callable[..., Any]
pytestmark = [pytest.mark.django_db, pytest.mark.database]


def checksums(release: Any) -> dict[str, str]:
    return dict(release.files.exclude(name="changes.json").values_list("name", "sha256"))


# Killed ---------------------------------------------------------------------------------------


def killed_while(function: Callable[[], Any], module: Any, name: str, call: int) -> None:
    """Run it in a child process that dies by SIGKILL when it calls `module.name` for the given time."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        original, calls = getattr(module, name), []

        def deadly(*args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            if len(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        setattr(module, name, deadly)
        try:
            function()
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it lived"
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_at_any_moment_the_previous_release_stands_and_none_is_half_visible(
    approved: Any, bob: Any, carol: Any
) -> None:
    publish_release(run=approved, acting_user=carol)

    def seen(path: str) -> str:
        """The page without what differs for each reader."""
        return re.sub(r'(value|content)="[A-Za-z0-9]{64}"', "", Client().get(path).content.decode())

    before = {path: seen(path) for path in ("/", "/map/testshire/1/list/", "/releases/")}
    judge(approved.detections.first(), bob, "rejected")

    def publish() -> None:
        publish_release(run=approved, acting_user=carol)

    moments = [
        (publishing, "build", 1),
        (publishing.storage, "put", 1),
        (publishing.storage, "put", 9),
        (publishing.storage, "put_file", 2),
        (publishing, "_write", 1),
        (publishing, "record", 1),
    ]
    for module, name, call in moments:
        killed_while(publish, module, name, call)
        assert [one.number for one in Release.objects.all()] == [1], name
        assert not ReleaseFile.objects.exclude(release__number=1).exists()
        for path, content in before.items():
            assert seen(path) == content, (name, path)
        assert Client().get("/map/testshire/2/").status_code == 404
    # After the rows stand, the release does; only the catalogue lags until somebody looks.
    killed_while(publish, publishing, "write_catalogue", 1)
    assert Client().get("/map/testshire/2/").status_code == 404
    assert Client().get("/").status_code == 200
    jobs.sweep()
    assert Client().get("/map/testshire/2/").status_code == 200
    latest = catalogue.latest_published()
    assert latest is not None
    assert len(places_of(latest)) == 2
    with pytest.raises(AlreadyPublished):
        publish()


# Roll back ------------------------------------------------------------------------------------


def test_an_older_release_is_published_again_with_its_own_files(
    two: tuple[Any, Any], bob: Any, carol: Any
) -> None:
    first, second = two
    third = publish_again(release=first, acting_user=carol, note="Two was wrong.")
    assert (third.number, third.restores, third.run) == (3, first, first.run)
    assert checksums(third) == checksums(first) != checksums(second)
    assert AuditEntry.objects.filter(verb="release.published").latest("id").details["restores"] == 1
    shown = catalogue.latest_published()
    assert shown is not None
    assert (shown.number, shown.restores, shown.note) == (3, 1, "Two was wrong.")
    assert Client().get("/map/testshire/2/").status_code == 200, "the one gone back from keeps its address"
    place = places_of(third)[0].place
    assert Client().get(f"/map/testshire/3/place/{place}/image.webp").status_code == 200
    changes = json.loads(storage.get(third.files.get(name="changes.json").storage_key))
    assert "roll_back" in json.dumps(changes)
    with pytest.raises(AlreadyPublished):
        publish_again(release=first, acting_user=carol)


def test_what_may_not_be_used_any_more_is_not_published_again(
    two: tuple[Any, Any], source: Any, carol: Any
) -> None:
    source.may_derive = False
    source.save()
    with pytest.raises(Conflict, match="forbid"):
        publish_again(release=two[0], acting_user=carol)


def test_labels_of_imagery_that_may_not_be_used_any_more_do_not_come_back_either(
    two: tuple[Any, Any], found: Any, region: Any, bob: Any, carol: Any
) -> None:
    """Only its labels are of that source, and its images were never shown."""
    tile = found.detections.first().segmented_tile
    closed = ImagerySource.objects.create(name="Closed", attribution="Closed", may_publish=False)
    Tile.objects.filter(pk=tile.tile_id).update(source=closed)
    judge(found.detections.first(), bob, "rejected")
    Consensus.objects.create(segmented_tile=tile, superpixel=1, verdict="not_mining", votes=3, agreeing=3)
    with_labels = publish_release(run=found, acting_user=carol)
    closed.may_derive = False
    closed.save()
    publish_release(run=found, acting_user=carol)
    with pytest.raises(Conflict, match="“Closed” now forbid"):
        publish_again(release=with_labels, acting_user=carol)
    assert publish_again(release=two[0], acting_user=carol)


def test_an_imported_map_is_not_published_again(two: tuple[Any, Any], carol: Any) -> None:
    Release.objects.filter(pk=two[0].pk).update(kind="historical")
    with pytest.raises(Conflict, match="imported"):
        publish_again(release=two[0], acting_user=carol)


def test_the_admin_goes_back_and_is_told_before_what_comes_back(
    found: Any, two: tuple[Any, Any], carol: Any, bob: Any, client_of: Callable[[Any], Client]
) -> None:
    report = Report.objects.create(
        region=found.region, release=two[1], latitude=51.5, longitude=26.5, category="not_mining"
    )
    judge(found.detections.order_by("id")[1], bob, "rejected", report=report)
    third = publish_release(run=found, acting_user=carol)
    client = client_of(carol)
    page = client.get("/manage/releases/").content.decode()
    path = f"/manage/releases/{two[0].pk}/again/"
    assert path in page
    assert f"/manage/releases/{third.pk}/again/" not in page, "it is on the map already"
    assert "/releases/testshire/2/compare/3/" in page
    assert "/releases/testshire/0/compare/1/" not in page, "nothing was before the first"
    asked = client.get(path).content.decode()
    assert "<dt>places come back</dt><dd>2</dd>" in asked
    assert "1 place comes back that was taken off the map because a citizen's report was accepted." in asked
    assert "1 place comes back that experts have found not to be mining since." in asked
    for door in (client_of(bob).get, client_of(bob).post):
        assert door(path).status_code == 403
    for door in (client.get, client.post):
        assert door("/manage/releases/99999/again/").status_code == 404
    assert client.get(f"/manage/releases/{third.pk}/again/").headers["Location"] == "/manage/releases/"
    answer = client.post(path, {"note": "Three was wrong."}, follow=True)
    assert "published again as release 4" in answer.content.decode()
    assert "Three was wrong." in answer.content.decode()
    assert "release 1 again" in answer.content.decode()


def test_going_back_through_the_api_and_the_command(
    two: tuple[Any, Any], carol: Any, client_of: Callable[[Any], Client], capsys: Any
) -> None:
    first, second = two
    client = client_of(carol)
    for wrong in (
        {},
        {"run": 1, "again": 1},
        {"again": "x"},
        {"again": 2**40},
        {"run": 1, "note": "x" * 3000},
    ):
        assert client.post("/api/releases/", wrong, content_type="application/json").status_code == 400, wrong
    assert client.post("/api/releases/", {"again": 10**6}, content_type="application/json").status_code == 404
    told = client.post("/api/releases/", {"again": first.pk, "note": "back"}, content_type="application/json")
    assert told.status_code == 201
    assert (told.json()["restores"], told.json()["note"]) == (first.pk, "back")
    call_command("publish", again=second.pk, json=True)
    assert json.loads(capsys.readouterr().out)["restores"] == 2
    with pytest.raises(CommandError, match="There is no release"):
        call_command("publish", again=10**6)


def test_who_is_overtaken_while_publishing_tells_what_changed_since_the_one_who_was_first(
    two: tuple[Any, Any], found: Any, bob: Any, carol: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two press the button at once; the list of changes never changes again, so it must not skip a release."""
    judge(found.detections.last(), bob, "rejected")
    original = publishing._changes
    calls: list[int] = []

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        told = original(*args, **kwargs)
        if len(calls) == 1:
            publish_again(release=two[0], acting_user=carol)
        return told

    monkeypatch.setattr(publishing, "_changes", overtaken)
    release = publish_release(run=found, acting_user=carol)
    assert (release.number, len(calls)) == (4, 3)
    assert publishing._latest_own(found.region) == release == latest_release(found.region.slug)
    told = json.loads(storage.get(release.files.get(name="changes.json").storage_key))
    assert told["previous"] == 3
    assert [row["kind"] for row in told["changes"]] == ["vanished", "vanished"]


def test_a_source_under_another_name_is_still_the_one_that_may_not_be_used(
    two: tuple[Any, Any], source: Any, carol: Any
) -> None:
    source.name, source.may_derive = "Under another name", False
    source.save()
    with pytest.raises(Conflict, match="forbid"):
        publish_again(release=two[0], acting_user=carol)


# A full disk ----------------------------------------------------------------------------------


def no_room(*_args: Any, **_kwargs: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/made/up")


def test_a_full_disk_is_told_to_who_publishes_and_nothing_is_half_visible(
    two: tuple[Any, Any],
    found: Any,
    bob: Any,
    carol: Any,
    client_of: Callable[[Any], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge(found.detections.last(), bob, "rejected")
    monkeypatch.setattr(publishing.storage, "put", no_room)
    for path in (f"/manage/runs/{found.pk}/publish/", f"/manage/releases/{two[0].pk}/again/"):
        answer = client_of(carol).post(path)
        assert answer.status_code == 503
        assert "/made/up is full" in answer.content.decode()
    assert Release.objects.count() == 2
    assert Client().get("/map/testshire/3/").status_code == 404


def test_a_release_stands_though_the_disk_is_full_for_the_catalogue_and_shows_when_there_is_room(
    approved: Any, carol: Any, client_of: Callable[[Any], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(publishing, "write_catalogue", no_room)
        assert client_of(carol).post(f"/manage/runs/{approved.pk}/publish/").status_code == 302
    assert Release.objects.count() == 1
    jobs.sweep()
    assert Client().get("/map/testshire/1/").status_code == 200


# Large runs and notes -------------------------------------------------------------------------


def test_a_large_run_is_published_by_a_job_and_the_page_does_not_wait(
    approved: Any, carol: Any, client_of: Callable[[Any], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_job, "AT_ONCE", 2)
    note = "Для Полісся: Ґрунт і Її ліси — ŁÓDŹ 漢字"
    for _twice in range(2):
        answer = client_of(carol).post(f"/manage/runs/{approved.pk}/publish/", {"note": note})
        assert answer.status_code == 302
    job = Job.objects.get(kind=publish_job.PUBLISH_JOB)
    assert not Release.objects.exists()
    waiting = answer.headers["Location"]
    assert waiting == f"/manage/runs/{approved.pk}/?publication={job.pk}"
    page = client_of(carol).get(waiting).content.decode()
    assert f"/api/jobs/{job.pk}/" in page
    assert "run-publish" not in page
    told = client_of(carol).post("/api/releases/", {"run": approved.pk}, content_type="application/json")
    assert (told.status_code, told.json()["job"]) == (202, job.pk)
    assert jobs.execute(job.pk)
    job.refresh_from_db()
    release = Release.objects.get()
    assert job.result == {"release": release.pk, "number": 1}
    assert release.note == note
    # The page that waited is read anew when the job ends, and leads on to the map.
    onward = client_of(carol).get(waiting)
    assert onward.headers["Location"] == f"/map/{release.region.slug}/1/"
    told_there = [str(one) for one in messages.get_messages(onward.wsgi_request)]
    assert told_there[-1] == f"Release 1 of {release.region} is published."
    for other in ("", "x", "²", str(job.pk + 1), "9" * 30):
        shown = client_of(carol).get(f"/manage/runs/{approved.pk}/", {"publication": other})
        assert shown.status_code == 200


def dies_after_writing(job: Job) -> None:
    """A worker takes the job, writes the release, and is killed before it can say so."""
    assert Job.objects.claim(job.pk, owner="killed", seconds=-1)
    job.refresh_from_db()
    publish_job.publish_in_job(jobs.JobContext(job, "killed"))


def test_who_takes_over_from_a_worker_that_was_killed_makes_no_second_release(
    two: tuple[Any, Any], found: Any, bob: Any, carol: Any
) -> None:
    judge(found.detections.last(), bob, "rejected")
    job = publish_job.request_publication(run=found, acting_user=carol)
    dies_after_writing(job)
    made = Release.objects.get(number=3)
    # Meanwhile an admin goes back to an older map, and an expert decides something else.
    back = publish_again(release=two[0], acting_user=carol)
    judge(found.detections.last(), bob)
    jobs.sweep()
    assert jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"release": made.pk, "number": 3})
    assert latest_release(found.region.slug) == back, "the map stays as the admin left it"


def test_a_publication_that_was_cancelled_or_lost_its_lease_writes_nothing(
    two: tuple[Any, Any], found: Any, bob: Any, carol: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(found.detections.last(), bob, "rejected")
    job = publish_job.request_publication(run=found, acting_user=carol)
    original = publishing._changes

    def cancelled(*args: Any, **kwargs: Any) -> Any:
        jobs.cancel(Job.objects.get(pk=job.pk), acting_user=carol)
        return original(*args, **kwargs)

    monkeypatch.setattr(publishing, "_changes", cancelled)
    assert jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result) == ("cancelled", None)
    assert latest_release(found.region.slug) == two[1]


def test_who_is_overtaken_puts_no_older_verdicts_over_the_newer_map(
    two: tuple[Any, Any], found: Any, bob: Any, carol: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(found.detections.last(), bob, "rejected")
    late = found.detections.first()
    place = late.segmented_tile.tile.place_id
    original = publishing.build
    newer: list[Release] = []

    def slow(*args: Any, **kwargs: Any) -> Any:
        if not newer:
            newer.append(None)  # type: ignore[arg-type]
            judge(late, bob, "rejected")
            newer[0] = publish_release(run=found, acting_user=carol)
        return original(*args, **kwargs)

    monkeypatch.setattr(publishing, "build", slow)
    with pytest.raises(publishing.AlreadyPublished):
        publish_release(run=found, acting_user=carol)
    assert latest_release(found.region.slug) == newer[0]
    assert place not in {one.place for one in places_of(newer[0])}


def test_a_clock_that_was_set_back_does_not_hide_the_newest_release(
    two: tuple[Any, Any], found: Any, bob: Any, carol: Any
) -> None:
    ahead = timezone.now() + dt.timedelta(hours=2)
    Release.objects.filter(pk=two[1].pk).update(created_at=ahead)
    judge(found.detections.last(), bob, "rejected")
    release = publish_release(run=found, acting_user=carol)
    assert release.created_at > ahead
    assert latest_release(found.region.slug) == release == publishing._latest_own(found.region)


@pytest.mark.parametrize("limit", ["TILES_AT_ONCE", "LABELLED_AT_ONCE"])
def test_a_small_find_in_a_large_region_is_published_by_a_job_too(
    approved: Any, carol: Any, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """All tiles searched and all labelled ones are read, however little is on the map."""
    for detection in approved.detections.all():
        Consensus.objects.create(
            segmented_tile=detection.segmented_tile, superpixel=1, verdict="mining", votes=1, agreeing=1
        )
    monkeypatch.setattr(publish_job, limit, 2)
    assert isinstance(publish_job.publish_or_request(run=approved, acting_user=carol), Job)
    monkeypatch.setattr(publish_job, limit, 3)
    assert isinstance(publish_job.publish_or_request(run=approved, acting_user=carol), Release)


def test_a_job_for_what_is_published_already_says_so(approved: Any, carol: Any) -> None:
    publish_release(run=approved, acting_user=carol)
    job = publish_job.request_publication(run=approved, acting_user=carol)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert "already shows exactly this" in job.error


@pytest.mark.parametrize("before", ["Spring images", ""])
def test_a_second_note_is_not_dropped_unsaid_while_a_publication_is_under_way(
    approved: Any, carol: Any, client_of: Any, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    monkeypatch.setattr(publish_job, "AT_ONCE", 0)
    client = client_of(carol)
    address = f"/manage/runs/{approved.pk}/publish/"
    assert client.post(address, {"note": before}).status_code == 302
    # Twice the same, and nothing to say: the job under way is the answer.
    assert client.post(address, {"note": before}).status_code == 302
    assert client.post(address, {"note": ""}).status_code == 302
    refused = client.post(address, {"note": "Corrected by the newsroom"})
    assert refused.status_code == 409
    told = refused.content.decode()
    assert "This run is being published already, " in told
    assert before in told
    answer = client.post(
        "/api/releases/", {"run": approved.pk, "note": "Corrected by the newsroom"}, "application/json"
    )
    assert answer.status_code == 409
    job = publish_job.publications(approved).get()
    jobs.execute(job.pk)
    assert Release.objects.get().note == before


def test_a_note_of_endless_length_is_refused(approved: Any, carol: Any) -> None:
    with pytest.raises(UserError, match="2000"):
        publish_release(run=approved, acting_user=carol, note="x" * 2001)
    assert not Release.objects.exists()


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
