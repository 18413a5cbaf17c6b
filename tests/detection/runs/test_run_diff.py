"""Two runs compared: what appeared, vanished or changed, and why; by action, command, API and page."""

import io
import json
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from amberapp import storage
from amberapp.errors import Conflict, UserError
from amberapp.models import Job, WorkState
from benchmarks import made_region
from detection.models import (
    Detection,
    Run,
    Segmentation,
    SegmentedTile,
    TileFailure,
    TileScore,
)
from detection.runs import diff as run_diff
from detection.runs import runs
from detection.runs.diff import DifferenceReason, compare_runs, tiles_of
from tests.findings import make_classifier

pytestmark = [pytest.mark.django_db, pytest.mark.database]

HIGH, LOW = 0.9, 0.1


@pytest.fixture
def ground(db: None) -> Any:
    """Eight tiles with places, cut and described; nobody has searched them."""
    return made_region.make_region(8, dimension=8, share_mined=0, side=200)


def scores(*positive: int, value: float = HIGH) -> Any:
    found = np.full(made_region.SUPERPIXELS, LOW, "<f4")
    found[[number - 1 for number in positive]] = value
    return found


def searched(region: Any, found: dict[int, Any], **fields: Any) -> Run:
    """A run that gave the region's tiles these scores: {place in the region: scores}, all low where not named."""
    values: dict[str, Any] = {"classifier": fields.pop("classifier", None) or make_classifier(region)}
    unread = fields.pop("unread", ())
    values |= {"positive_superpixels": 2, "threshold": 0.5, "state": WorkState.DONE, "tiles": 8}
    values["segmentation"] = Segmentation.objects.order_by("id").first()
    run = Run.objects.create(region=region, finished_at=timezone.now(), **(values | fields))
    tiles = SegmentedTile.objects.filter(tile__region=region, segmentation=run.segmentation).order_by("tile")
    for place, segmented in enumerate(tiles):
        if place in unread:
            TileFailure.objects.create(run=run, tile=segmented.tile, reason="damaged")
            continue
        packed = found.get(place, scores())
        positive = (np.flatnonzero(packed >= run.threshold) + 1).tolist()
        TileScore.objects.create(
            run=run, segmented_tile=segmented, scores=packed.tobytes(), positives=len(positive)
        )
        if len(positive) > run.positive_superpixels:
            x = 10 * len(positive)
            ring = [[0, 0], [x, 0], [x, 50], [0, 50], [0, 0]]
            Detection.objects.create(
                run=run,
                segmented_tile=segmented,
                superpixels=positive,
                score=float(packed.max()) - place / 100,
                pixel_outline={"type": "MultiPolygon", "coordinates": [[ring]]},
                hectares=1.0,
            )
    return run


def told(diff: Any) -> list[tuple[str, str, str]]:
    return [(one.tile.file_name[-5:-4], one.kind.value, one.reason.value) for one in tiles_of(diff.rows)]


def test_what_a_new_classifier_finds_is_told_apart_from_what_a_new_threshold_finds(ground):
    then = searched(
        ground, {0: scores(1, 2, 3), 1: scores(1, 2, 3), 2: scores(1, 2, 3), 3: scores(4, 5, 6, value=0.4)}
    )
    now = searched(
        ground,
        {0: scores(1, 2, 3), 1: scores(1, 2, 3, 4), 3: scores(4, 5, 6, value=0.45), 4: scores(7, 8, 9)},
        threshold=0.35,
    )
    diff = compare_runs(then, now)
    assert diff.unchanged == 1
    assert sorted(told(diff)) == [
        ("1", "changed", "classifier"),
        ("2", "vanished", "classifier"),
        ("3", "appeared", "rule"),
        ("4", "appeared", "classifier"),
    ]
    assert diff.counts() == {
        "appeared": {"classifier": 1, "rule": 1},
        "vanished": {"classifier": 1},
        "changed": {"classifier": 1},
    }


def test_an_outline_drawn_by_another_threshold_of_the_outline_head_differs_by_the_rule(ground):
    """The first tile's ground reaches the later head's threshold; the second one's does not, but something else marked it."""
    found = {0: scores(1, 2, 3), 1: scores(1, 2, 3)}
    then = searched(ground, found)
    TileScore.objects.filter(run=then).update(ground=scores(5, 6).tobytes())
    now = searched(ground, found, threshold=0.4)
    now.classifier.metrics = {"outline": {"threshold": 0.8, "least": 0.2}}
    now.classifier.save()
    for detection, superpixels in zip(now.detections.order_by("id"), ([5, 6], [5, 7]), strict=True):
        detection.superpixels = superpixels
        detection.save()
    assert sorted(told(compare_runs(then, now))) == [("0", "changed", "rule"), ("1", "changed", "classifier")]


def test_the_same_classifier_under_another_rule_differs_by_the_rule(ground):
    classifier = make_classifier(ground)
    found = {0: scores(1, 2, 3), 1: scores(1, 2, 3, 4)}
    then = searched(ground, found, classifier=classifier)
    now = searched(ground, found, classifier=classifier, positive_superpixels=3)
    assert told(compare_runs(then, now)) == [("0", "vanished", "rule")]


def test_new_images_unreadable_tiles_and_tiles_never_searched_are_named(ground):
    marked = {place: scores(1, 2, 3) for place in range(8)}
    then = searched(ground, marked, unread=(0,))
    now = searched(ground, marked, unread=(1,))
    TileScore.objects.filter(run=then, segmented_tile__tile__file_name="made-000003.jpg").delete()
    Detection.objects.filter(run=then, segmented_tile__tile__file_name="made-000003.jpg").delete()
    made_region.add_tiles(ground, 1, dimension=8, share_mined=0, side=200)
    later = searched(ground, {8: scores(1, 2, 3), **marked}, unread=(1,))
    assert sorted(told(compare_runs(then, now))) == [
        ("0", "appeared", "unreadable_then"),
        ("1", "vanished", "unreadable_now"),
        ("3", "appeared", "not_searched"),
    ]
    assert ("8", "appeared", "new_tile") in told(compare_runs(then, later))


def test_other_superpixels_are_compared_by_their_ground(ground):
    then = searched(ground, {0: scores(1, 2, 3), 1: scores(1, 2, 3)})
    finer = Segmentation.objects.create(key="finer", n_segments=60, compactness=35, sigma=1, downscale=4)
    SegmentedTile.objects.bulk_create(
        SegmentedTile(tile=tile, segmentation=finer, superpixels=25) for tile in ground.tiles.all()
    )
    # The same ground under other numbers is no change; more ground is.
    now = searched(ground, {0: scores(7, 8, 9), 1: scores(7, 8, 9, 10)}, segmentation=finer)
    diff = compare_runs(then, now)
    assert diff.unchanged == 1
    assert told(diff) == [("1", "changed", "segmentation")]


def test_a_comparison_is_computed_once_and_a_page_of_it_takes_as_many_queries_whatever_its_size(ground):
    then = searched(ground, {})
    now = searched(ground, {place: scores(1, 2, 3) for place in range(8)})
    compare_runs(then, now)
    counts = []
    for size in (1, 8):
        with CaptureQueriesContext(connection) as queries:
            assert len(tiles_of(compare_runs(then, now).rows[:size])) == size
        counts.append(len(queries))
    assert counts == [2, 2]


def test_runs_that_cannot_be_compared_are_refused_with_a_reason(ground, region, make_tile):
    then, now = searched(ground, {}), searched(ground, {}, state=WorkState.RUNNING)
    with pytest.raises(Conflict, match="has not ended yet"):
        compare_runs(then, now)
    with pytest.raises(UserError, match="two different runs"):
        compare_runs(then, then)
    elsewhere = searched(region, {}, segmentation=then.segmentation)
    with pytest.raises(UserError, match="different regions"):
        compare_runs(then, elsewhere)


def test_a_damaged_file_of_a_comparison_is_computed_anew(ground, home):
    then, now = searched(ground, {}), searched(ground, {0: scores(1, 2, 3)})
    compare_runs(then, now)
    (file,) = (home / "storage" / "diffs").rglob("*.npy")
    file.write_bytes(file.read_bytes()[:100])
    assert told(compare_runs(then, now)) == [("0", "appeared", "classifier")]


def test_the_command_tells_counts_and_with_json_every_tile(ground):
    then, now = searched(ground, {}), searched(ground, {2: scores(1, 2, 3)})
    out = io.StringIO()
    call_command("diff_runs", str(now.pk), str(then.pk), "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert (answer["then"], answer["now"], answer["unchanged"]) == (then.pk, now.pk, 0)
    assert [(row["file"], row["kind"], row["then"]) for row in answer["tiles"]] == [
        ("made-000002.jpg", "appeared", None)
    ]
    out = io.StringIO()
    call_command("diff_runs", str(then.pk), str(now.pk), stdout=out)
    assert "appeared: 1\n    classifier: 1\n" in out.getvalue()
    with pytest.raises(CommandError, match="There is no run 999"):
        call_command("diff_runs", "999", str(now.pk))


def test_bob_reads_the_comparison_over_the_api_page_by_page(ground, bob, alice, client_of):
    then, now = searched(ground, {0: scores(1, 2, 3)}), searched(ground, {2: scores(1, 2, 3)})
    address = f"/api/runs/{then.pk}/diff/{now.pk}/"
    assert client_of(alice).get(address).status_code == 403
    answer = client_of(bob).get(address, {"kind": "vanished"}).json()
    assert (answer["ready"], answer["count"], answer["pages"]) == (True, 1, 1)
    assert answer["counts"]["appeared"] == {"classifier": 1}
    (row,) = answer["results"]
    assert (row["file_name"], row["now"], row["then"]["superpixels"]) == ("made-000000.jpg", None, [1, 2, 3])
    refused = client_of(bob).get(address, {"kind": "exploded"})
    assert (refused.status_code, "exploded" in refused.json()["error"]["message"]) == (400, True)


def test_a_comparison_kept_with_a_reason_that_is_none_any_more_is_made_anew(ground):
    then, now = searched(ground, {0: scores(1, 2, 3)}), searched(ground, {2: scores(1, 2, 3)})
    right = told(compare_runs(then, now))
    old = run_diff.kept_diff(then, now)
    old.rows["reason"] = len(run_diff.REASONS)
    storage.put(run_diff._key(then, now), run_diff._as_bytes(old))
    assert run_diff.kept_diff(then, now) is None
    assert told(compare_runs(then, now)) == right


def test_large_runs_are_compared_by_a_worker_and_the_page_waits(ground, carol, client_of, monkeypatch):
    monkeypatch.setattr(run_diff, "AT_ONCE", 0)
    then, now = searched(ground, {}), searched(ground, {2: scores(1, 2, 3)})
    page = f"/manage/runs/compare/?then={then.pk}&now={now.pk}"
    for _again in range(2):
        assert "data-job" in client_of(carol).get(page).content.decode()
    job = Job.objects.get(kind=run_diff.COMPARE_JOB)
    assert client_of(carol).get(f"/api/runs/{then.pk}/diff/{now.pk}/").json()["job"] == job.pk
    from amberapp import jobs

    jobs.execute(job.pk)
    assert "made-000002.jpg" in client_of(carol).get(page).content.decode()


def test_a_comparison_that_failed_says_so_and_is_not_asked_for_again_at_once(
    ground, carol, client_of, monkeypatch
):
    monkeypatch.setattr(run_diff, "AT_ONCE", 0)
    then, now = searched(ground, {}), searched(ground, {2: scores(1, 2, 3)})
    page = f"/manage/runs/compare/?then={then.pk}&now={now.pk}"
    client_of(carol).get(page)
    Job.objects.filter(kind=run_diff.COMPARE_JOB).update(
        state=WorkState.FAILED, error="The disk is full.", finished_at=timezone.now()
    )
    answer = client_of(carol).get(page)
    assert (answer.status_code, "The disk is full." in answer.content.decode()) == (400, True)
    assert Job.objects.filter(kind=run_diff.COMPARE_JOB).count() == 1


def test_carol_chooses_two_runs_in_the_list_and_sees_what_differs(ground, carol, bob, client_of):
    client = client_of(carol)
    assert "No run yet" in client.get("/manage/runs/").content.decode()
    then = searched(ground, {0: scores(1, 2, 3), 1: scores(1, 2, 3)})
    assert "As soon as two runs have ended" in client.get("/manage/runs/").content.decode()
    now = searched(ground, {0: scores(1, 2, 3, 4), 5: scores(1, 2, 3)})
    page = client.get("/manage/runs/").content.decode()
    assert f'name="then" value="{then.pk}" checked' in page
    assert f'name="now" value="{now.pk}" checked' in page
    page = client.get("/manage/runs/compare/", {"then": now.pk, "now": then.pk}).content.decode()
    for text in (
        "made-000000.jpg",
        "made-000001.jpg",
        "made-000005.jpg",
        f"From run {then.pk} to run {now.pk}",
    ):
        assert text in page
    for detection in Detection.objects.all():
        assert f"/review/{detection.pk}/" in page
    some = client.get("/manage/runs/compare/", {"then": then.pk, "now": now.pk, "kind": "vanished"})
    assert "made-000001.jpg" in some.content.decode()
    assert "made-000005.jpg" not in some.content.decode()
    none = client.get(
        "/manage/runs/compare/", {"then": then.pk, "now": now.pk, "reason": DifferenceReason.RULE}
    )
    assert "No tile of this kind" in none.content.decode()
    assert client_of(bob).get("/manage/runs/").status_code == 403
    assert (
        client.get(f"/manage/runs/{now.pk}/").content.decode().count(f"What differs from run {then.pk}") == 1
    )


def test_runs_that_mark_the_same_show_that_nothing_differs(ground, carol, client_of):
    then, now = searched(ground, {0: scores(1, 2, 3)}), searched(ground, {0: scores(1, 2, 3)})
    page = client_of(carol).get("/manage/runs/compare/", {"then": then.pk, "now": now.pk})
    assert "No difference" in page.content.decode()


@pytest.mark.parametrize(
    "query",
    ["", "then=1", "then=x&now=y", "then=1&now=99999999999999999999999", "then=-1&now=2", "then=²&now=1"],
)
def test_an_address_without_two_runs_is_answered_with_a_sentence(carol, client_of, query):
    answer = client_of(carol).get(f"/manage/runs/compare/?{query}")
    assert answer.status_code in (400, 404)


def test_a_page_of_the_list_of_runs_takes_as_many_queries_for_nine_runs_as_for_two(ground, carol, client_of):
    client, counts = client_of(carol), []
    classifier = make_classifier(ground)
    for more in (2, 7):
        for _number in range(more):
            searched(ground, {}, classifier=classifier)
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/manage/runs/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_carol_pauses_resumes_and_cancels_by_button_and_over_the_api(ground, carol, bob, client_of):
    made_region.make_classifier(ground, "xgboost", dimension=8, rows=60)
    run = runs.start_run(region=ground, acting_user=carol)
    client = client_of(carol)
    assert client_of(bob).post(f"/manage/runs/{run.pk}/pause/").status_code == 403
    page = client.post(f"/manage/runs/{run.pk}/pause/", follow=True).content.decode()
    assert "Paused since" in page and "Resume" in page
    assert "The search is paused" in client.get("/manage/").content.decode()
    assert client.post(f"/api/runs/{run.pk}/pause/").json()["state"] == "paused"
    assert client.post(f"/api/runs/{run.pk}/resume/").json()["state"] == "queued"
    runs.pause_run(run=run, acting_user=None, reason="The disk /srv is full: free some space.")
    page = client.get(f"/manage/runs/{run.pk}/").content.decode()
    assert "Amber stopped this run: The disk /srv is full: free some space." in page
    assert client.get(f"/api/runs/{run.pk}/").json()["pause_reason"].startswith("The disk /srv is full")
    page = client.post(f"/manage/runs/{run.pk}/resume/", follow=True).content.decode()
    assert "Paused since" not in page
    assert client.post(f"/api/runs/{run.pk}/cancel/").json()["state"] == "cancelled"
    refused = client.post(f"/api/runs/{run.pk}/resume/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")


def test_the_commands_pause_resume_and_cancel(ground):
    made_region.make_classifier(ground, "xgboost", dimension=8, rows=60)
    run = runs.start_run(region=ground, acting_user=None)

    def told_by(command: str) -> dict[str, Any]:
        out = io.StringIO()
        call_command(command, str(run.pk), "--json", stdout=out, stderr=io.StringIO())
        return json.loads(out.getvalue())

    assert told_by("pause_run") == {"run": run.pk, "state": "paused", "changed": True}
    assert told_by("pause_run")["changed"] is False
    assert told_by("resume_run")["state"] == "done"
    with pytest.raises(CommandError, match="already ended"):
        told_by("cancel_run")
    other = runs.start_run(region=ground, acting_user=None)
    out = io.StringIO()
    call_command("cancel_run", str(other.pk), stdout=out)
    assert "state: cancelled" in out.getvalue()


@pytest.mark.parametrize("number", ["0" * 5000, "9" * 19, "-1", "1.5", "one", ""])
def test_what_is_no_number_of_a_run_is_answered_with_a_sentence(carol, client_of, number):
    answer = client_of(carol).get("/manage/runs/compare/", {"then": number, "now": "1"})
    assert answer.status_code == 400
