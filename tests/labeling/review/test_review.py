"""Bob and Dora are experts and judge what the machine found; Alice, a volunteer, may not."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import AuditEntry, User
from detection.models import Detection
from detection.segmentation.svg import rings_of, svg_path
from labeling.desk.labels import submit_labels
from labeling.models import Consensus, Label, LookAlike, Report, Review, Submission
from labeling.review.review_detection import review_detection
from labeling.review.verdicts import current_verdicts
from labeling.review.waiting import counts_of, review_queue
from tests.findings import make_classifier, make_run
from tests.waiting import at_the_same_moment

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def reject(detection: Detection, expert: User, look_alike: str = "deforestation", **more: Any) -> Review:
    return review_detection(
        detection=detection, verdict="rejected", look_alike=look_alike, acting_user=expert, **more
    )


def approve(detection: Detection, expert: User, **more: Any) -> Review:
    return review_detection(detection=detection, verdict="approved", acting_user=expert, **more)


def consensus(detection: Detection) -> dict[int, tuple[str, str, bool]]:
    rows = Consensus.objects.filter(segmented_tile=detection.segmented_tile)
    return {row.superpixel: (row.verdict, row.look_alike, row.by_expert) for row in rows}


# Verdicts ----------------------------------------------------------------------------------------


def test_bobs_approval_is_kept_and_audited_and_writes_no_labels(bob: User, detection: Detection) -> None:
    review = approve(detection, bob, note="  Pits everywhere.\u202e ")
    assert (review.verdict, review.expert, review.superpixels) == ("approved", bob, [1, 2, 3])
    assert review.note == "Pits everywhere."
    assert not Label.objects.exists()
    entry = AuditEntry.objects.get(verb="detection.approved")
    assert (entry.actor, entry.object_id) == (bob, str(detection.pk))


def test_bobs_rejection_makes_negative_labels_that_settle_the_pieces(
    bob: User, alice: User, detection: Detection
) -> None:
    from uuid import uuid4

    submit_labels(
        submission_id=uuid4(),
        segmented_tile=detection.segmented_tile,
        labels=[{"superpixel": 1, "verdict": "mining"}, {"superpixel": 4, "verdict": "mining"}],
        acting_user=alice,
    )
    review = reject(detection, bob, "cemetery")
    assert review.submission is not None
    assert review.submission.origin == "review"
    assert consensus(detection) == {
        1: ("not_mining", "cemetery", True),
        2: ("not_mining", "cemetery", True),
        3: ("not_mining", "cemetery", True),
        4: ("unsure", "", False),  # mining is rare: one volunteer is not enough
    }


def test_a_rejection_without_a_reason_is_refused_and_writes_nothing(bob: User, detection: Detection) -> None:
    with pytest.raises(UserError) as refused:
        reject(detection, bob, "")
    assert "look_alike" in refused.value.fields
    assert not Review.objects.exists()
    assert not Label.objects.exists()


@pytest.mark.parametrize(
    ("verdict", "look_alike", "note"),
    [("perhaps", "", ""), ("rejected", "ufo", ""), ("approved", "snow", ""), ("approved", "", "x" * 2001)],
)
def test_verdicts_that_make_no_sense_are_refused(
    bob: User, detection: Detection, verdict: str, look_alike: str, note: str
) -> None:
    with pytest.raises(UserError):
        review_detection(
            detection=detection, verdict=verdict, look_alike=look_alike, note=note, acting_user=bob
        )
    assert not Review.objects.exists()


def test_alice_cannot_review_through_any_door(alice: User, detection: Detection, client_of: Callable) -> None:
    with pytest.raises(NotAllowed):
        approve(detection, alice)
    client = client_of(alice)
    assert client.get("/review/").status_code == 403
    for address in ("", "card/"):
        assert client.get(f"/review/{detection.pk}/{address}").status_code == 403
    assert client.post(f"/review/{detection.pk}/", {"decision": "approved"}).status_code == 403
    for address in ("/review/history/", "/review/reports/", f"/api/detections/?run={detection.run_id}"):
        assert client.get(address).status_code == 403
    answer = client.post(
        f"/api/detections/{detection.pk}/reviews/", {"verdict": "approved"}, content_type="application/json"
    )
    assert answer.status_code == 403
    assert not Review.objects.exists()


def test_a_stranger_is_sent_to_the_login(client: Any, detection: Detection) -> None:
    answer = client.get(f"/review/{detection.pk}/")
    assert answer.status_code == 302
    assert answer.url.startswith("/account/login/")


# History -----------------------------------------------------------------------------------------


def test_changing_ones_mind_adds_a_review_and_the_latest_counts(bob: User, detection: Detection) -> None:
    first = approve(detection, bob)
    second = reject(detection, bob, seen_review_id=first.pk)
    assert list(Review.objects.order_by("id")) == [first, second]
    assert current_verdicts(detection.run)[detection.pk].verdict == "rejected"


def test_approving_rejected_ground_takes_its_negative_labels_back(
    bob: User, dora: User, detection: Detection
) -> None:
    rejected = reject(detection, bob)
    approve(detection, dora, seen_review_id=rejected.pk)
    assert consensus(detection) == {}
    assert Submission.objects.get(pk=rejected.submission_id).withdrawn_at is not None
    assert Label.objects.count() == 3
    assert AuditEntry.objects.get(verb="detection.approved").details["labels_taken_back"] == 1


def test_a_double_click_is_one_review(bob: User, detection: Detection) -> None:
    assert reject(detection, bob).pk == reject(detection, bob).pk
    assert Review.objects.count() == 1
    assert Submission.objects.count() == 1


# Two experts -------------------------------------------------------------------------------------


def test_dora_is_told_that_bob_decided_meanwhile(bob: User, dora: User, detection: Detection) -> None:
    reject(detection, bob, "sand_pit")
    with pytest.raises(Conflict) as told:
        approve(detection, dora)
    assert "bob" in told.value.message
    assert "Sand pit" in told.value.message
    assert Review.objects.count() == 1


def test_dora_may_overrule_what_she_has_seen(bob: User, dora: User, detection: Detection) -> None:
    seen = reject(detection, bob)
    assert approve(detection, dora, seen_review_id=seen.pk).pk > seen.pk


@pytest.mark.django_db(transaction=True)
def test_of_two_experts_at_the_same_moment_one_is_told(bob: User, dora: User, detection: Detection) -> None:
    outcomes: list[str] = []

    def judge(expert: User) -> None:
        try:
            approve(detection, expert)
            outcomes.append("kept")
        except Conflict:
            outcomes.append("told")

    at_the_same_moment(judge, (bob, dora))
    assert sorted(outcomes) == ["kept", "told"]
    assert Review.objects.count() == 1


# Carrying over -----------------------------------------------------------------------------------


def test_a_verdict_carries_over_to_the_very_same_pieces_of_a_later_run(
    bob: User, dora: User, run: Any, tiles: list[Any]
) -> None:
    same, other = run.detections.all()[:2]
    seen = approve(same, bob)
    approve(other, bob)
    later = make_run(run.classifier, tiles)
    Detection.objects.filter(run=later, segmented_tile=other.segmented_tile).update(superpixels=[1, 2, 3, 5])
    items = {item.detection_id: item for item in review_queue(later)}
    carried = later.detections.get(segmented_tile=same.segmented_tile)
    changed = later.detections.get(segmented_tile=other.segmented_tile)
    assert items[carried.pk].verdict is not None
    assert items[carried.pk].verdict.carried
    assert items[changed.pk].verdict is None
    with pytest.raises(Conflict):
        reject(carried, dora)
    reject(carried, bob, seen_review_id=seen.pk)
    assert current_verdicts(later)[carried.pk].verdict == "rejected"
    assert current_verdicts(run)[same.pk].verdict == "rejected"


def test_the_queue_begins_with_what_nobody_has_judged_best_score_first(bob: User, run: Any) -> None:
    first, second, third = run.detections.all()
    approve(first, bob)
    items = review_queue(run)
    assert [item.detection_id for item in items] == [second.pk, third.pk, first.pk]
    counts = counts_of(items)
    assert {state: count for state, count in counts.items() if count} == {
        "undecided": 2,
        "new": 2,
        "approved": 1,
        "all": 3,
    }


# Pages -------------------------------------------------------------------------------------------


def test_bob_reviews_without_scripts_and_reaches_the_end(
    bob: User, carol: User, run: Any, client_of: Callable
) -> None:
    client = client_of(bob)
    first, second, third = run.detections.all()
    page = client.get("/review/")
    assert page.context["card"].detection == first
    answer = client.post(f"/review/{first.pk}/", {"decision": "approved", "seen": ""})
    assert answer.url == f"/review/{second.pk}/?state=undecided"
    answer = client.post(
        f"/review/{second.pk}/", {"decision": "rejected:field", "seen": "", "note": "furrows"}
    )
    assert answer.url == f"/review/{third.pk}/?state=undecided"
    answer = client.post(f"/review/{third.pk}/", {"decision": "approved"}, follow=True)
    page = answer.content.decode()
    assert "Everything is decided" in page
    assert f"/manage/runs/{run.pk}/" not in page
    assert f"/manage/runs/{run.pk}/#publish" in client_of(carol).get("/review/").content.decode()
    history = client.get("/review/history/?by=me").content.decode()
    assert "furrows" in history
    assert "Ploughed field" in history


def test_the_card_says_what_an_expert_needs(
    bob: User, dora: User, run: Any, tiles: list[Any], client_of: Callable
) -> None:
    old = run.detections.first()
    approve(old, dora, note="<b>sure</b>")
    later = make_run(run.classifier, tiles)
    found = later.detections.get(segmented_tile=old.segmented_tile)
    page = client_of(bob).get(f"/review/{found.pk}/?state=all").content.decode()
    assert f"Carried over from run {run.pk}" in page
    assert "dora" in page
    assert "&lt;b&gt;sure&lt;/b&gt;" in page
    assert "1.5 ha" in page
    assert "made by the tests" in page
    assert 'd="M20 20L120 20L120 140L20 140Z"' in page


def test_a_detection_without_place_and_date_has_a_card_too(
    bob: User, region: Any, make_tile: Callable, client_of: Callable
) -> None:
    tile = make_tile(1, latitude=None, capture_date=None)
    run = make_run(make_classifier(region), [make_tile(2)])
    run.detections.update(segmented_tile=tile.segmented.get(), outline=None, hectares=None)
    page = client_of(bob).get("/review/").content.decode()
    assert "Size not known" in page
    assert "stays off the map" in page


def test_empty_desks_say_what_comes_next(bob: User, region: Any, client_of: Callable) -> None:
    client = client_of(bob)
    assert "Nothing to review yet" in client.get("/review/").content.decode()
    assert "Nobody has decided anything yet" in client.get("/review/history/").content.decode()


def test_the_desk_tells_how_many_reports_wait(bob: User, detection: Detection, client_of: Callable) -> None:
    client = client_of(bob)
    assert "Open reports" not in client.get("/review/").content.decode()
    for state in ("open", "open", "junk", "declined"):
        Report.objects.create(
            region=detection.run.region, latitude=51.5, longitude=26.5, category="missed", state=state
        )
    for page in ("/review/", "/review/gallery/"):
        found = re.search(
            r'<a href="/review/reports/">Open reports <span[^>]*>(\d+)', client.get(page).content.decode()
        )
        assert found is not None
        assert found[1] == "2"


@pytest.mark.parametrize(
    "address",
    [
        "/review/9999999/",
        "/review/99999999999999999999/",
        "/review/?run=x",
        "/review/?run=7777777",
        "/review/?region=no",
    ],
)
def test_what_is_not_there_is_said_to_be_not_there(
    bob: User, run: Any, client_of: Callable, address: str
) -> None:
    assert client_of(bob).get(address).status_code == 404


def test_the_pages_ask_the_database_no_more_for_more_detections(
    bob: User, region: Any, make_tile: Callable, client_of: Callable
) -> None:
    client = client_of(bob)
    classifier = make_classifier(region)
    tiles = [make_tile(seed) for seed in range(1, 7)]
    LookAlike.objects.listed()  # kept in the cache from the first page on
    make_run(classifier, tiles[:1])
    counted = []
    for shown in (tiles[:2], tiles):
        run = make_run(classifier, shown)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/review/?run={run.pk}").status_code == 200
        counted.append(len(queries))
    assert counted[0] == counted[1]
    assert counted[1] <= 26


def test_a_long_history_asks_the_database_no_more_than_a_short_one(
    bob: User, dora: User, run: Any, tiles: list[Any], client_of: Callable
) -> None:
    client = client_of(bob)
    first = run.detections.first()
    pages = [
        "/review/history/",
        f"/review/history/?detection={first.pk}",
        f"/review/{first.pk}/card/",
        f"/api/detections/?run={run.pk}",
    ]

    def asked() -> list[int]:
        counted = []
        for page in pages:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(page).status_code == 200
            counted.append(len(queries))
        return counted

    LookAlike.objects.listed()
    latest = reject(first, dora)
    make_run(run.classifier, tiles)
    few = asked()
    for _time in range(4):
        latest = approve(first, dora, seen_review_id=latest.pk)
        latest = reject(first, dora, seen_review_id=latest.pk)
    for other in list(run.detections.all())[1:]:
        approve(other, bob)
    make_run(run.classifier, tiles)
    assert asked() == few
    assert max(few) <= 20


# API ---------------------------------------------------------------------------------------------


def test_the_api_lists_a_runs_detections_with_the_verdict_that_counts(
    bob: User, run: Any, client_of: Callable
) -> None:
    first, second, _third = run.detections.all()
    reject(first, bob)
    client = client_of(bob)
    told = client.get(f"/api/detections/?run={run.pk}").json()
    assert [row["id"] for row in told["results"]][0] == second.pk
    last = told["results"][-1]
    assert (last["review"]["verdict"], last["review"]["expert"], last["carried"]) == (
        "rejected",
        "bob",
        False,
    )
    assert client.get(f"/api/detections/?run={run.pk}&state=rejected").json()["count"] == 1
    for query in ("", "?run=x", f"?run={run.pk}&state=odd"):
        assert client.get(f"/api/detections/{query}").status_code == 400
    assert client.get("/api/detections/?run=999").status_code == 404


def test_the_api_takes_a_verdict_and_tells_of_a_conflict(
    bob: User, dora: User, detection: Detection, client_of: Callable
) -> None:
    address = f"/api/detections/{detection.pk}/reviews/"
    body = {"verdict": "rejected", "look_alike": "snow", "seen_review": None}
    answer = client_of(bob).post(address, body, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["look_alike"] == "snow"
    refused = client_of(dora).post(address, {"verdict": "approved"}, content_type="application/json")
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "conflict"
    seen = {"verdict": "approved", "seen_review": answer.json()["id"]}
    assert client_of(dora).post(address, seen, content_type="application/json").status_code == 201
    for wrong in ({}, {"verdict": "x"}, {"verdict": "rejected"}, {"verdict": "approved", "seen_review": "a"}):
        assert client_of(bob).post(address, wrong, content_type="application/json").status_code == 400
    assert (
        client_of(bob)
        .post("/api/detections/99999999999999999999/reviews/", body, content_type="application/json")
        .status_code
        == 404
    )


def test_an_outline_with_a_hole_becomes_one_path_of_two_rings() -> None:
    outer = [[0, 0], [10.5, 0], [10, 10], [0, 0]]
    hole = [[2, 2], [4, 2], [4, 4], [2, 2]]
    assert svg_path(rings_of({"coordinates": [[outer, hole]]})) == "M0 0L10.5 0L10 10ZM2 2L4 2L4 4Z"
