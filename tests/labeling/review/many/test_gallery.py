"""Bob decides about many detections at once; what a colleague was quicker with is told to him, the rest goes on."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from amberapp.errors import NotAllowed, UserError
from amberapp.models import User
from amberapp.web.sessions import SessionStore
from detection.models import Detection
from labeling.models import Consensus, Label, Release, Review
from labeling.review.last_decision import remember
from labeling.review.review_detection import review_detection
from labeling.review.review_many import MOST_AT_ONCE, ReviewOutcome, review_many, withdraw_many, written
from labeling.review.verdicts import current_verdicts
from labeling.review.waiting import needs_of, review_queue
from tests.findings import make_run

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def unseen(*detections: Detection) -> dict[int, int | None]:
    return {detection.pk: None for detection in detections}


# One decision about many --------------------------------------------------------------------------


def test_one_decision_rejects_many_and_teaches_the_next_dataset(bob: User, run: Any) -> None:
    first, second, third, _fourth = run.detections.all()
    answers = review_many(
        seen=unseen(first, second, third), verdict="rejected", look_alike="field", acting_user=bob
    )
    assert [(one.detection_id, one.outcome, one.state) for one in answers] == [
        (detection.pk, ReviewOutcome.DONE, "rejected") for detection in (first, second, third)
    ]
    assert Review.objects.count() == 3
    assert Label.objects.count() == 9


def test_what_dora_decided_meanwhile_stays_and_the_rest_goes_on(bob: User, dora: User, run: Any) -> None:
    first, second, third, _fourth = run.detections.all()
    review_detection(detection=second, verdict="rejected", look_alike="snow", acting_user=dora)
    answers = review_many(seen=unseen(first, second, third), verdict="approved", acting_user=bob)
    assert [one.outcome for one in answers] == ["done", "conflict", "done"]
    assert "dora has decided meanwhile: rejected (Snow)" in answers[1].message
    assert answers[1].state == "rejected"
    assert current_verdicts(run)[second.pk].review.expert == dora


def test_the_same_request_again_changes_nothing(bob: User, run: Any) -> None:
    seen = unseen(*run.detections.all())
    first = review_many(seen=seen, verdict="approved", acting_user=bob)
    again = review_many(seen=seen, verdict="approved", acting_user=bob)
    assert {one.outcome for one in again} == {ReviewOutcome.UNCHANGED}
    assert [one.review for one in again] == [one.review for one in first]
    assert Review.objects.count() == 4


def test_what_a_decision_may_not_say_is_refused_of_the_one_and_done_of_the_others(
    bob: User, run: Any
) -> None:
    first, second = run.detections.all()[:2]
    asked = review_detection(detection=first, verdict="second", acting_user=bob)
    answers = review_many(seen={first.pk: asked.pk, second.pk: None}, verdict="approved", acting_user=bob)
    assert [one.outcome for one in answers] == ["refused", "done"]
    assert "second opinion" in answers[0].message


def test_what_fits_no_detection_is_refused_before_anything_is_written(
    bob: User, alice: User, run: Any
) -> None:
    some = unseen(run.detections.first())
    for seen, verdict in (
        (some, "rejected"),
        (some, "ufo"),
        ({}, "approved"),
        (some | {999: None}, "approved"),
    ):
        with pytest.raises(UserError):
            review_many(seen=seen, verdict=verdict, acting_user=bob)
    with pytest.raises(UserError):
        review_many(seen=dict.fromkeys(range(MOST_AT_ONCE + 1)), verdict="approved", acting_user=bob)
    with pytest.raises(NotAllowed):
        review_many(seen=some, verdict="approved", acting_user=alice)
    assert not Review.objects.exists()


def test_taking_the_last_decision_back_adds_rows_and_leaves_what_dora_did_since(
    bob: User, dora: User, run: Any
) -> None:
    first, second = run.detections.all()[:2]
    done = written(
        review_many(seen=unseen(first, second), verdict="rejected", look_alike="field", acting_user=bob)
    )
    review_detection(detection=second, verdict="approved", acting_user=dora, seen_review_id=done[1])
    answers = withdraw_many(reviews=done, acting_user=bob)
    assert [one.outcome for one in answers] == ["done", "conflict"]
    assert [one.outcome for one in withdraw_many(reviews=done, acting_user=bob)] == ["unchanged", "conflict"]
    assert first.pk not in current_verdicts(run)
    assert not Consensus.objects.filter(segmented_tile=first.segmented_tile).exists()
    assert Review.objects.count() == 4
    with pytest.raises(UserError):
        withdraw_many(reviews=done, acting_user=dora)


def test_undo_on_one_runs_page_takes_nothing_back_of_another_run(
    bob: User, run: Any, client_of: Callable
) -> None:
    client = client_of(bob)
    first = run.detections.first()
    body = {"verdict": "approved", "detections": [{"detection": first.pk}]}
    assert client.post("/api/detections/reviews/", body, content_type="application/json").status_code == 200
    tiles = [one.segmented_tile.tile for one in run.detections.all()]
    other = make_run(run.classifier, tiles, pieces=(4, 5, 6))
    told = client.post(f"/review/gallery/?run={other.pk}", {"decision": "undo"}, follow=True)
    assert "There is nothing to take back." in told.content.decode()
    assert Review.objects.count() == 1
    mine = client.post(f"/review/gallery/?run={run.pk}", {"decision": "undo"}, follow=True)
    assert "taken back" in mine.content.decode()
    assert first.pk not in current_verdicts(run)


def test_the_api_decides_about_many_and_takes_back(
    bob: User, dora: User, run: Any, client_of: Callable
) -> None:
    first, second = run.detections.all()[:2]
    client = client_of(bob)
    review_detection(detection=second, verdict="approved", acting_user=dora)
    body = {
        "verdict": "rejected",
        "look_alike": "field",
        "detections": [{"detection": first.pk, "seen_review": None}, {"detection": second.pk}],
    }
    answer = client.post("/api/detections/reviews/", body, content_type="application/json")
    assert answer.status_code == 200
    one, other = answer.json()
    assert (one["outcome"], one["state"], one["seen_review"]) == ("done", "rejected", one["review"])
    assert (other["outcome"], other["review"], other["state"]) == ("conflict", None, "approved")
    back = client.post(
        "/api/reviews/withdraw/", {"reviews": [one["review"]]}, content_type="application/json"
    ).json()
    assert [(row["outcome"], row["state"]) for row in back] == [("done", "")]
    for wrong in (
        {},
        body | {"detections": []},
        body | {"detections": [{"detection": "x"}]},
        body | {"detections": [{"detection": 2**70}]},
        body | {"detections": [{"detection": first.pk}] * 201},
        body | {"detections": 5},
        body | {"verdict": "disputed"},
        body | {"verdict": "withdrawn"},
    ):
        assert (
            client.post("/api/detections/reviews/", wrong, content_type="application/json").status_code == 400
        )
    for wrong in ({}, {"reviews": []}, {"reviews": [10**30]}, {"reviews": ["x"]}, {"reviews": [999]}):
        assert (
            client.post("/api/reviews/withdraw/", wrong, content_type="application/json").status_code == 400
        )


def test_the_next_page_takes_back_what_was_sent_last_though_an_earlier_answer_came_later(
    bob: User, run: Any, client_of: Callable
) -> None:
    slow, quick = run.detections.all()[:2]
    client = client_of(bob)
    begun = SessionStore(client.session.session_key)
    begun.items()  # the slow request has read its session before the quick one writes there

    def send(detection: Detection, verdict: str, turn: int) -> Any:
        seen = {"detection": detection.pk, "seen_review": None}
        body = {"verdict": verdict, "detections": [seen], "turn": turn}
        return client.post("/api/detections/reviews/", body, content_type="application/json")

    assert send(quick, "approved", 2).status_code == 200
    answers = review_many(seen=unseen(slow), verdict="second", acting_user=bob)
    remember(SimpleNamespace(session=begun), answers, 1)
    begun.save()
    page = client.get("/review/gallery/")
    approved = Review.objects.get(detection=quick)
    assert page.context["data"]["written"] == [approved.pk]
    client.post("/api/reviews/withdraw/", {"reviews": [approved.pk]}, content_type="application/json")
    assert client.get("/review/gallery/").context["data"]["written"] == []
    assert send(quick, "approved", -1).status_code == 400
    assert send(quick, "approved", 2**70).status_code == 400


def test_taking_one_verdict_back_leaves_the_rest_of_the_decision_to_be_taken_back(
    bob: User, run: Any, client_of: Callable
) -> None:
    first, second, third, _fourth = run.detections.all()
    client = client_of(bob)
    body = {"verdict": "approved", "detections": [{"detection": first.pk}, {"detection": second.pk}]}
    one, other = client.post("/api/detections/reviews/", body, content_type="application/json").json()
    alone = review_detection(detection=third, verdict="approved", acting_user=bob)
    for number in (alone.pk, one["review"]):
        client.post("/api/reviews/withdraw/", {"reviews": [number]}, content_type="application/json")
    page = client.get("/review/gallery/?state=all")
    assert page.context["data"]["written"] == [other["review"]]
    client.post("/review/gallery/", {"decision": "undo"})
    assert current_verdicts(run) == {}
    again = client.post("/review/gallery/", {"decision": "undo"})
    assert again.status_code == 400
    assert "nothing to take back" in again.content.decode()


# What needs whom ----------------------------------------------------------------------------------


def test_after_a_second_run_only_what_changed_needs_bob_and_the_rest_is_carried_over(
    bob: User, dora: User, run: Any, tiles: list[Any], make_tile: Callable[..., Any], client_of: Callable
) -> None:
    same, changed, contested, never = run.detections.all()
    review_many(seen=unseen(same, changed, contested), verdict="approved", acting_user=bob)
    latest = Review.objects.get(detection=contested)
    review_detection(
        detection=contested,
        verdict="rejected",
        look_alike="snow",
        acting_user=dora,
        seen_review_id=latest.pk,
    )
    later = make_run(run.classifier, [*tiles, make_tile(9)])
    later.detections.filter(segmented_tile=changed.segmented_tile).update(superpixels=[1, 2, 3, 4])
    erik = User.objects.create_user(username="erik", password="erik-password", role="expert")
    needs = needs_of(review_queue(later, erik))
    assert (needs.total, needs.new, needs.changed, needs.again, needs.disputed) == (4, 1, 1, 1, 1)
    for_bob = needs_of(review_queue(later, bob))
    assert (for_bob.total, for_bob.others) == (3, 1)

    page = client_of(erik).get("/review/gallery/?state=all").content.decode()
    head = re.sub("<[^>]+>", "", page[: page.index("</header>", page.index("review-head"))])
    assert "4 of 5 need you" in head
    for words in ("1 new", "1 changed", "1 disputed", "1 found before, never judged"):
        assert words in head
    day = timezone.localdate()
    assert f"carried over from run {run.pk} by bob, {day.day} " in page
    fresh = client_of(erik).get("/review/gallery/?state=all&fresh=1")
    shown = {cell.detection.segmented_tile_id for cell in fresh.context["cells"]}
    assert same.segmented_tile_id not in shown
    assert never.segmented_tile_id not in shown
    assert len(shown) == 2
    carried = later.detections.get(segmented_tile=same.segmented_tile)
    assert current_verdicts(later)[carried.pk].carried


def test_a_run_is_compared_with_the_one_that_the_last_release_shows(
    run: Any, region: Any, tiles: list[Any], carol: User
) -> None:
    Release.objects.create(
        region=region, number=1, run=run, statistics={}, created_by=carol, created_at=timezone.now()
    )
    other = make_run(run.classifier, tiles[:1], pieces=(7, 8, 9))
    latest = make_run(run.classifier, tiles)
    assert {item.since for item in review_queue(latest)} == {"same"}
    assert other.detections.count() == 1
