"""Carol, the admin, sees where each region stands and brings it on; nobody else may."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from amberapp.models import AuditEntry, Job, User
from detection.models import Region, Run, Shard, TileFailure
from detection.runs.watch import duration, progress_of
from labeling.campaigns.round import ROUND_JOB
from labeling.models import Campaign, Consensus, Label, Release, Report, Submission
from labeling.overview.overview import overview
from labeling.review.review_detection import review_detection
from labeling.training.retrain import RETRAIN_JOB
from tests.findings import figures, make_classifier, make_run
from tests.pages import squeezed

pytestmark = pytest.mark.django_db


@pytest.fixture
def classifier(region: Any, tiles: list[Any]) -> Any:
    return make_classifier(region)


def step_of(region: Region) -> str:
    return next(one for one in overview() if one.region == region).next_step.kind


# Doors -------------------------------------------------------------------------------------------


def test_only_admins_pass_the_doors_of_management(
    alice: User, bob: User, run: Run, client: Any, client_of: Callable
) -> None:
    pages = [
        "/manage/",
        f"/manage/classifiers/{run.classifier_id}/",
        f"/manage/runs/{run.pk}/",
        "/manage/people/",
        "/manage/audit/",
    ]
    deeds = [
        "/manage/retrain/",
        "/manage/retrain/1/cancel/",
        "/manage/runs/start/",
        f"/manage/runs/{run.pk}/cancel/",
        f"/manage/runs/{run.pk}/publish/",
        f"/manage/classifiers/{run.classifier_id}/activate/",
    ]
    for address in pages:
        assert client.get(address).status_code == 302, address
    for address in deeds:
        assert client.post(address, {"region": run.region_id}).status_code == 302, address
    for person in (alice, bob):
        theirs = client_of(person)
        for address in pages:
            assert theirs.get(address).status_code == 403, address
        for address in deeds:
            assert theirs.post(address, {"region": run.region_id}).status_code == 403, address
    assert not Job.objects.exists()
    assert Run.objects.count() == 1
    assert not Release.objects.exists()


def test_deeds_are_not_done_by_following_a_link(carol: User, run: Run, client_of: Callable) -> None:
    client = client_of(carol)
    for address in ("/manage/retrain/", "/manage/runs/start/", f"/manage/runs/{run.pk}/publish/"):
        assert client.get(address).status_code == 405


def test_experts_read_runs_and_classifiers_through_the_api_and_only_admins_change_them(
    alice: User, bob: User, carol: User, run: Run, client_of: Callable
) -> None:
    reads = [
        "/api/runs/",
        f"/api/runs/{run.pk}/",
        "/api/classifiers/",
        f"/api/classifiers/{run.classifier_id}/",
    ]
    writes = [
        "/api/runs/",
        f"/api/runs/{run.pk}/cancel/",
        f"/api/classifiers/{run.classifier_id}/activate/",
    ]
    for address in reads:
        assert client_of(alice).get(address).status_code == 403
        assert client_of(bob).get(address).status_code == 200
    for address in writes:
        sent = {"region": run.region_id}
        assert client_of(bob).post(address, sent, content_type="application/json").status_code == 403
    started = client_of(carol).post("/api/runs/", {"region": run.region_id}, content_type="application/json")
    assert started.status_code == 201
    assert started.json()["state"] == "queued"
    again = client_of(carol).post("/api/runs/", {"region": run.region_id}, content_type="application/json")
    assert again.status_code == 409
    number = started.json()["id"]
    cancelled = client_of(carol).post(f"/api/runs/{number}/cancel/", content_type="application/json")
    assert cancelled.json()["state"] == "cancelled"
    for missing in ("/api/runs/9999/", "/api/classifiers/99999999999999999999/"):
        assert client_of(bob).get(missing).status_code == 404


# The loop ----------------------------------------------------------------------------------------


def test_each_region_is_told_what_brings_it_on(
    region: Any, make_tile: Callable, bob: User, carol: User
) -> None:
    assert step_of(region) == "import"
    tiles = [make_tile(1), make_tile(2)]
    assert step_of(region) == "label"
    for number, verdict in ((1, "mining"), (2, "not_mining")):
        Consensus.objects.create(
            segmented_tile=tiles[0].segmented.get(), superpixel=number, verdict=verdict, votes=1, agreeing=1
        )
    assert step_of(region) == "retrain"
    classifier = make_classifier(region)
    assert step_of(region) == "reprocess"
    open_run = make_run(classifier, tiles, state="running")
    assert step_of(region) == "wait"
    open_run.delete()
    run = make_run(classifier, tiles)
    assert step_of(region) == "review"
    for detection in run.detections.all():
        review_detection(detection=detection, verdict="approved", acting_user=bob)
    assert step_of(region) == "publish"
    Release.objects.create(region=region, number=1, run=run, statistics={}, created_at=timezone.now())
    assert step_of(region) == "done"
    Report.objects.create(region=region, latitude=51.5, longitude=26.5, category="missed")
    assert step_of(region) == "reports"
    Report.objects.all().delete()
    newer = make_classifier(region, activate=False)
    assert step_of(region) == "activate"
    region.active_classifier = newer
    region.save()
    assert step_of(region) == "reprocess"


def test_a_decided_campaign_waits_on_the_overview_until_something_was_trained(
    carol: User, bob: User, run: Run, client_of: Callable
) -> None:
    region = run.region
    client = client_of(carol)
    campaign = Campaign.objects.create(
        region=region,
        name="Ploughed fields",
        segmented_tile=run.detections.all()[0].segmented_tile,
        superpixels=[1],
        decision="label",
        decided_by=bob,
        decided_at=timezone.now(),
    )
    assert step_of(region) == "campaign"
    assert f'href="/review/campaigns/{campaign.pk}/"' in client.get("/manage/").content.decode()

    job = Job.objects.create(kind=ROUND_JOB, parameters={"campaign": campaign.pk}, message="Reading pixels")
    page = squeezed(client.get("/manage/"))
    assert step_of(region) == "wait"
    assert "Reading pixels" in page and "Ploughed fields" in page
    assert 'action="/manage/retrain/"' not in page and 'action="/manage/runs/start/"' not in page

    job.delete()
    campaign.withdrawn_at = timezone.now()
    campaign.save()
    assert step_of(region) == "review"
    campaign.withdrawn_at = None
    campaign.save()
    make_classifier(region, activate=False)
    assert step_of(region) == "review"


def test_the_overview_asks_three_questions_more_for_each_region_and_none_for_each_tile(
    carol: User,
    source: Any,
    region: Any,
    tiles: list[Any],
    run: Run,
    make_tile: Callable,
    client_of: Callable,
) -> None:
    client = client_of(carol)

    def questions() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/manage/").status_code == 200
        return len(queries)

    with_one = questions()
    assert with_one <= 26
    make_run(run.classifier, [*tiles, make_tile(7), make_tile(8)])
    assert questions() == with_one
    for number in range(3):
        Region.objects.create(name=f"Empty {number}", slug=f"empty-{number}", source=source)
    assert questions() == with_one


def test_in_a_site_of_many_labels_the_crowd_is_counted_once_a_minute(
    carol: User,
    alice: User,
    region: Region,
    tiles: list[Any],
    run: Run,
    client_of: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tile = tiles[0].segmented.get()
    said = Submission.objects.create(volunteer=alice, segmented_tile=tile)
    Label.objects.create(submission=said, segmented_tile=tile, superpixel=1, verdict="mining")
    client = client_of(carol)

    def counted() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/manage/").status_code == 200
        return sum('COUNT(DISTINCT "labeling_submission"."volunteer_id")' in one["sql"] for one in queries)

    assert (counted(), counted()) == (1, 1), "few labels are counted at every view"
    monkeypatch.setattr("labeling.overview.overview.COUNTED_AT_ONCE", 0)
    assert (counted(), counted()) == (1, 0)
    (one,) = overview()
    assert (one.people, one.labelled_since) == (1, True)
    cache.clear()
    assert overview() == [one]


def test_of_many_classifiers_runs_and_releases_only_those_shown_are_loaded(
    carol: User, region: Region, tiles: list[Any], run: Run
) -> None:
    newer = [make_classifier(region) for _number in range(8)]
    region.active_classifier = run.classifier
    region.save()
    latest = make_run(newer[-1], tiles)
    (one,) = overview()
    assert [found.pk for found in one.classifiers] == [
        *(found.pk for found in reversed(newer[2:])),
        run.classifier_id,
    ]
    assert one.active == run.classifier
    assert one.run == latest


def test_carol_retrains_watches_and_stops(carol: User, classifier: Any, client_of: Callable) -> None:
    client = client_of(carol)
    asked = {"region": classifier.region_id, "algorithm": "svm"}
    assert client.post("/manage/retrain/", asked).status_code == 302
    job = Job.objects.get(kind=RETRAIN_JOB)
    assert job.parameters["algorithm"] == "svm"
    page = squeezed(client.get("/manage/"))
    assert f'data-job="/api/jobs/{job.pk}/"' in page
    assert client.post(f"/manage/retrain/{job.pk}/cancel/").status_code == 302
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert client.post("/manage/retrain/", {**asked, "algorithm": "magic"}).status_code == 400
    assert client.post("/manage/retrain/", {"region": "x", "algorithm": "svm"}).status_code == 404
    assert Job.objects.count() == 1


def test_a_training_that_failed_says_why(
    carol: User, region: Any, tiles: list[Any], client_of: Callable
) -> None:
    Job.objects.create(
        kind=RETRAIN_JOB, parameters={"region": region.pk}, state="failed", error="Too few places."
    )
    assert "Too few places." in client_of(carol).get("/manage/").content.decode()
    make_classifier(region)
    assert "Too few places." not in client_of(carol).get("/manage/").content.decode()


def test_carol_reprocesses_and_cancels(carol: User, classifier: Any, client_of: Callable) -> None:
    client = client_of(carol)
    answer = client.post("/manage/runs/start/", {"region": classifier.region_id})
    run = Run.objects.get()
    assert answer.url == f"/manage/runs/{run.pk}/"
    page = squeezed(client.get(answer.url))
    assert f'data-run="/api/runs/{run.pk}/"' in page
    assert "as soon as a worker is free" in page
    refused = client.post("/manage/runs/start/", {"region": classifier.region_id})
    assert refused.status_code == 409
    assert client.post(f"/manage/runs/{run.pk}/cancel/").status_code == 302
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert "Nothing was compared" not in squeezed(client.get(answer.url))
    assert AuditEntry.objects.get(verb="run.cancelled").actor == carol


def test_carol_is_asked_before_a_weaker_classifier_becomes_the_active_one(
    carol: User, region: Any, client_of: Callable
) -> None:
    def measured(f1: float, **fields: Any) -> Any:
        figures = {"by_tile": {"f1": f1, "intervals": {"f1": [f1 - 0.05, f1 + 0.05]}}}
        return make_classifier(region, metrics=figures, **fields)

    strong, weak = measured(0.84), measured(0.36, activate=False)
    client = client_of(carol)
    question = f"On held-out places its F1 is 0.36; that of {strong}, active now, is 0.84."
    for page in ("/manage/", f"/manage/classifiers/{weak.pk}/"):
        assert question in client.get(page).content.decode()
    assert "had a higher F1" not in client.get("/manage/").content.decode()
    client.post(f"/manage/classifiers/{weak.pk}/activate/")
    page = squeezed(client.get("/manage/"))
    assert f"{strong} had a higher F1: 0.84, on the labels of its time." in page
    assert "all the same?" not in page, "going back to the better one asks nothing"
    near = measured(0.88, activate=False)
    client.post(f"/manage/classifiers/{strong.pk}/activate/")
    assert f"{near} had a higher F1" not in client.get("/manage/").content.decode(), "that may be chance"


def test_carol_activates_a_classifier(carol: User, classifier: Any, client_of: Callable) -> None:
    newer = make_classifier(classifier.region, activate=False, algorithm="svm")
    client = client_of(carol)
    assert "Make it the active one" in client.get(f"/manage/classifiers/{newer.pk}/").content.decode()
    client.post(f"/manage/classifiers/{newer.pk}/activate/")
    classifier.region.refresh_from_db()
    assert classifier.region.active_classifier == newer
    assert "Make it the active one" not in client.get(f"/manage/classifiers/{newer.pk}/").content.decode()


def test_carol_publishes_what_is_approved(carol: User, bob: User, run: Run, client_of: Callable) -> None:
    client = client_of(carol)
    address = f"/manage/runs/{run.pk}/"
    assert f'action="{address}publish/"' not in client.get(address).content.decode()
    assert client.post(f"{address}publish/").status_code == 409
    for detection in run.detections.all()[:2]:
        review_detection(detection=detection, verdict="approved", acting_user=bob)
    assert run.detections.count() == 3
    for page in (squeezed(client.get(address)), squeezed(client.get("/manage/"))):
        assert f'action="{address}publish/"' in page
        assert (
            "Publish 2 approved detections? 1 still waits for a decision and stays off the map. "
            "A release is never changed."
        ) in page
    answer = client.post(f"{address}publish/")
    release = Release.objects.get()
    assert answer.url == f"/map/testshire/{release.number}/"
    assert release.created_by == carol


# A run and a classifier --------------------------------------------------------------------------


def test_a_run_under_way_tells_its_rate_and_the_time_left(
    bob: User, classifier: Any, tiles: list[Any], client_of: Callable
) -> None:
    run = make_run(classifier, tiles, state="running")
    assert progress_of(run).rate is None
    began = timezone.now() - timezone.timedelta(seconds=20)
    run.shards.update(tiles=1, tiles_done=1, state="done", started_at=began)
    Shard.objects.create(run=run, number=1, first_tile=1, last_tile=2, tiles=2)
    told = client_of(bob).get(f"/api/runs/{run.pk}/").json()
    assert (told["progress_done"], told["progress_total"], told["shards"], told["shards_done"]) == (
        1,
        3,
        2,
        1,
    )
    assert told["rate"] == pytest.approx(0.05, rel=0.2)
    assert told["seconds_left"] == pytest.approx(40, rel=0.2)
    assert "left" in told["message"]


def test_a_finished_run_has_no_time_left(run: Run) -> None:
    progress = progress_of(run)
    assert progress.seconds_left is None
    assert progress.rate == pytest.approx(0.3, rel=0.05)
    assert progress.seconds == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (59, "59 s"), (600, "10 min"), (12000, "3 h 20 min")]
)
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_failures_are_listed_by_tile(carol: User, run: Run, tiles: list[Any], client_of: Callable) -> None:
    TileFailure.objects.create(run=run, tile=tiles[0], reason="The JPEG ends in the middle.")
    run.shards.update(error="OSError: disk full", attempts=2)
    page = squeezed(client_of(carol).get(f"/manage/runs/{run.pk}/"))
    assert "tile-1.jpg" in page
    assert "The JPEG ends in the middle." in page
    assert "disk full" in page


def test_a_classifier_shows_its_figures_and_says_that_it_has_no_pretrained_weights(
    carol: User, classifier: Any, client_of: Callable
) -> None:
    page = squeezed(client_of(carol).get(f"/manage/classifiers/{classifier.pk}/"))
    assert "texture: no pretrained weights" in page
    assert 'points="0.0,0.0 100.0,8.0 160.0,20.0 200.0,120.0"' in page
    for figure in ("0.85", "0.61", ">65<", ">112<", classifier.dataset.content_hash, "b" * 64):
        assert figure in page, figure
    assert "style=" not in page


def test_figures_that_could_not_be_measured_say_why(carol: User, region: Any, client_of: Callable) -> None:
    bare = figures()
    for name in ("at_target", "threshold_reached"):
        del bare[name]
    classifier = make_classifier(
        region,
        metrics={
            "by_tile": bare,
            "by_block": None,
            "n": 10,
            "warnings": ["by_block: Too few places labelled “mining”.", "Label more tiles."],
        },
    )
    page = squeezed(client_of(carol).get(f"/manage/classifiers/{classifier.pk}/"))
    assert "Too few places labelled “mining”." in page
    assert "by_block: Too few" not in page
    assert "Label more tiles." in page


@pytest.mark.parametrize("address", ["/manage/runs/999/", "/manage/classifiers/99999999999999999999/"])
def test_what_is_not_there(carol: User, client_of: Callable, address: str) -> None:
    assert client_of(carol).get(address).status_code == 404
