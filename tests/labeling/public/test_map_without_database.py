"""The public map stands while the database is stopped; what needs it says so."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client

from amberapp import storage
from labeling.models import Release
from labeling.releases import catalogue
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from tests.published import approve_all, found_on, judge

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def release(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any) -> Any:
    run = found_on(region, [make_tile(seed) for seed in range(3)])
    approve_all(run, bob)
    publish_release(run=run, acting_user=carol)
    judge(run.detections.first(), bob, "rejected")
    return publish_release(run=run, acting_user=carol)


@contextmanager
def stopped() -> Iterator[list[str]]:
    """The database answers nothing any more; yields the statements that were tried."""
    tried: list[str] = []

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        tried.append(sql)
        raise OperationalError("the database is stopped")

    with connection.execute_wrapper(refuse):
        yield tried


def public_paths(release: Any) -> list[str]:
    place = places_of(release)[0].place
    files = [f"/releases/testshire/2/{name}" for name in release.files.values_list("name", flat=True)]
    return [
        "/",
        "/map/testshire/1/",
        "/map/testshire/2/list/",
        f"/map/testshire/2/place/{place}/",
        f"/map/testshire/2/place/{place}/image.webp",
        "/releases/",
        "/releases/testshire/1/compare/2/",
        *files,
    ]


def test_a_stranger_reads_everything_while_the_database_is_stopped(release: Any) -> None:
    paths = public_paths(release)
    assert catalogue.rebuild_if_stale() is False, "the catalogue is written by publishing"
    client = Client()
    with stopped() as tried:
        for path in paths:
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert client.get("/map/testshire/").status_code == 302
        assert tried == []
        # These ask whether there is synthetic imagery, and stand without an answer.
        assert client.get("/how-to-tell/").status_code == 200
        assert client.get("/about/").status_code == 200
        assert client.get("/map/testshire/9/").status_code == 404
        assert client.get("/nowhere/").status_code == 404


def test_somebody_who_was_logged_in_reads_the_map_as_a_stranger_and_stays_logged_in(
    release: Any, alice: Any
) -> None:
    client = Client()
    client.force_login(alice)
    paths = [*public_paths(release), "/how-to-tell/", "/about/"]
    with stopped():
        for path in paths:
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert answer.streaming or b"My work" not in answer.content
    assert b"My work" in client.get("/").content


def test_what_needs_the_database_says_so(release: Any) -> None:
    client = Client()
    sent = {"release": release.pk, "latitude": 51.5, "longitude": 26.0, "category": "other"}
    with stopped():
        page = client.get("/report/")
        assert page.status_code == 503
        assert "not possible right now" in page.content.decode()
        api = client.post("/api/reports/", sent, content_type="application/json")
        assert api.status_code == 503
        assert api.json()["error"]["code"] == "unavailable"


def test_a_lost_or_torn_catalogue_is_written_again_by_the_first_reader(release: Any, home: Any) -> None:
    path = home / "storage" / catalogue.KEY
    whole = path.read_bytes()
    for torn in (None, b"", whole[:100], b'{"format": "another"}', b"[]"):
        path.unlink() if torn is None else path.write_bytes(torn)
        assert Client().get("/map/testshire/2/").status_code == 200
        assert path.read_bytes() == whole
    path.unlink()
    with stopped():
        answer = Client().get("/")
        assert answer.status_code == 503
        assert "right now" in answer.content.decode()


def test_a_catalogue_that_is_behind_is_mended(release: Any, home: Any) -> None:
    path = home / "storage" / catalogue.KEY
    whole = path.read_bytes()
    told = json.loads(whole)
    told["releases"] = told["releases"][1:]
    path.write_text(json.dumps(told))
    assert Client().get("/map/testshire/2/").status_code == 404
    assert catalogue.rebuild_if_stale() is True
    assert Client().get("/map/testshire/2/").status_code == 200
    path.unlink()
    call_command("rebuild_catalogue")
    assert path.read_bytes() == whole, "made anew from the rows it is the same"
    release.region.name = "Newshire"
    release.region.save()
    assert catalogue.rebuild_if_stale() is True
    assert "Newshire" in Client().get("/releases/").content.decode()
    assert catalogue.rebuild_if_stale() is False


def test_a_right_that_is_taken_back_counts_at_once_without_the_database(release: Any, source: Any) -> None:
    path = f"/map/testshire/2/place/{places_of(release)[0].place}/image.webp"
    assert Client().get(path).status_code == 200
    source.may_publish = False
    source.save()
    with stopped():
        assert Client().get(path).status_code == 404
        assert b"do not allow" in Client().get(path).content


def test_a_catalogue_whose_writer_was_overtaken_is_written_once_more(
    release: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our look at the rows and our write, another release is published (here: taken away)."""
    original, rounds = storage.put, []

    def slow(key: str, data: bytes) -> str:
        if key == catalogue.KEY and not rounds:
            rounds.append(1)
            Release.objects.filter(pk=release.pk).delete()
        return original(key, data)

    monkeypatch.setattr(storage, "put", slow)
    catalogue.write_catalogue()
    assert [one.number for one in catalogue.published()] == [1]
