"""A large map is published by a job: once, whoever asks, dies or overtakes."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import messages
from django.test import Client
from django.utils import timezone

from amberapp import jobs
from amberapp.errors import UserError
from amberapp.models import Job
from labeling.models import Consensus, Release
from labeling.releases import publish as publishing
from labeling.releases import publish_job
from labeling.releases.publish import publish_again, publish_release
from labeling.releases.reader import latest_release, places_of
from tests.published import judge

pytestmark = [pytest.mark.django_db, pytest.mark.database]


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
