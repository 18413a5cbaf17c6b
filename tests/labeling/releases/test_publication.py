"""Publishing survives its own death, goes back to an older release, and says what the publisher wants said."""

import errno
import json
import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client

from amberapp import jobs, storage
from amberapp.errors import Conflict
from amberapp.models import AuditEntry
from detection.models import ImagerySource, Tile
from labeling.models import Consensus, Release, ReleaseFile, Report
from labeling.releases import catalogue
from labeling.releases import publish as publishing
from labeling.releases.publish import AlreadyPublished, publish_again, publish_release
from labeling.releases.reader import latest_release, places_of
from tests.pages import squeezed
from tests.published import judge

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
    page = squeezed(client.get("/manage/releases/"))
    path = f"/manage/releases/{two[0].pk}/again/"
    assert path in page
    assert f"/manage/releases/{third.pk}/again/" not in page, "it is on the map already"
    assert "/releases/testshire/2/compare/3/" in page
    assert "/releases/testshire/0/compare/1/" not in page, "nothing was before the first"
    asked = squeezed(client.get(path))
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
