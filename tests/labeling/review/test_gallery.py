"""Bob decides about many detections at once; what a colleague was quicker with is told to him, the rest goes on."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from amberapp.errors import NotAllowed, UserError
from amberapp.models import User
from amberapp.web.sessions import SessionStore
from detection.models import Detection
from labeling.models import Campaign, Consensus, Label, LookAlike, Release, Report, Review
from labeling.review.gallery import close_up, ordered, short_path
from labeling.review.last_decision import remember
from labeling.review.review_detection import review_detection
from labeling.review.review_many import MOST_AT_ONCE, ReviewOutcome, review_many, withdraw_many, written
from labeling.review.verdicts import current_verdicts
from labeling.review.waiting import needs_of, review_queue
from tests.findings import make_classifier, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def tiles(make_tile: Callable[..., Any]) -> list[Any]:
    return [make_tile(number) for number in range(1, 5)]


@pytest.fixture
def run(region: Any, tiles: list[Any]) -> Any:
    return make_run(make_classifier(region), tiles)


def unseen(*detections: Detection) -> dict[int, int | None]:
    return {detection.pk: None for detection in detections}


def report(detection: Detection, **fields: Any) -> Report:
    values = {"latitude": 51.5, "longitude": 26.5, "category": "not_mining"} | fields
    return Report.objects.create(region=detection.run.region, detection=detection, **values)


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


# Order and pages ----------------------------------------------------------------------------------


def test_the_gallery_is_sorted_by_area_reports_and_disagreement(bob: User, dora: User, run: Any) -> None:
    first, second, third, fourth = run.detections.all()
    report(third)
    report(third, category="other", state="declined")
    report(second)
    for _junk in range(3):
        report(first, state="junk")
    for detection, posterior in ((second, 0.9), (fourth, 0.01)):
        for superpixel in detection.superpixels:
            Consensus.objects.create(
                segmented_tile=detection.segmented_tile,
                superpixel=superpixel,
                verdict="mining",
                probabilities=[posterior, 1 - posterior, 0],
                votes=2,
                agreeing=2,
            )
    said = review_detection(detection=third, verdict="approved", acting_user=bob)
    review_detection(
        detection=third, verdict="rejected", look_alike="snow", acting_user=dora, seen_review_id=said.pk
    )
    items = review_queue(run)
    order = {
        name: [item.detection_id for item in ordered(run, items, name)]
        for name in ("score", "area", "reports", "disagreement")
    }
    assert order == {
        "score": [first.pk, second.pk, third.pk, fourth.pk],
        "area": [fourth.pk, third.pk, second.pk, first.pk],
        "reports": [third.pk, second.pk, first.pk, fourth.pk],
        "disagreement": [third.pk, fourth.pk, second.pk, first.pk],
    }


def test_a_close_up_shows_the_outline_with_ground_around_it_and_stays_on_the_tile() -> None:
    corner = {"coordinates": [[[[0, 0], [50, 0], [50, 40], [0, 0]]]]}
    assert close_up(corner, 1000, 800) == (0, 0, 240, 240)
    wide = {"coordinates": [[[[100, 100], [900, 100], [900, 200], [100, 100]]]]}
    assert close_up(wide, 1000, 800) == (100, 0, 800, 800)


def test_a_short_path_draws_the_same_line_in_steps() -> None:
    outer = [[0, 0], [10.4, 0], [10, 10], [2, 8], [0, 0]]
    hole = [[2, 2], [4, 2], [4, 4], [2, 2]]
    assert short_path({"coordinates": [[outer, hole]]}) == "M0 0h10v10l-8 -2zM2 2h2v2z"


@pytest.mark.parametrize("order", ["score", "area", "reports", "disagreement"])
def test_the_gallery_asks_the_database_no_more_for_more_detections(
    bob: User, dora: User, region: Any, make_tile: Callable[..., Any], client_of: Callable, order: str
) -> None:
    client = client_of(bob)
    classifier = make_classifier(region)
    tiles = [make_tile(seed) for seed in range(1, 7)]
    LookAlike.objects.listed()  # kept in the cache from the first page on
    before = make_run(classifier, tiles[:1])
    report(before.detections.get())
    counted = []
    for shown in (tiles[:2], tiles):
        run = make_run(classifier, shown)
        for detection in run.detections.all():
            review_detection(detection=detection, verdict="approved", acting_user=dora)
            break
        with CaptureQueriesContext(connection) as page:
            assert client.get(f"/review/gallery/?run={run.pk}&state=all&order={order}").status_code == 200
        ids = ",".join(str(pk) for pk in run.detections.values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as cells:
            assert client.get(f"/review/gallery/cells/?ids={ids}").status_code == 200
        counted.append((len(page), len(cells)))
        Review._base_manager.all().delete()
    assert counted[0] == counted[1]
    assert counted[0][0] <= 26
    assert counted[0][1] <= 12


def test_the_single_view_goes_the_way_of_the_gallery_without_scripts(
    bob: User, run: Any, client_of: Callable
) -> None:
    """By area it is the other way round than by score."""
    first, second, third, fourth = run.detections.all()
    client = client_of(bob)
    way = "state=undecided&order=area"
    page = client.get("/review/gallery/?order=area")
    assert page.context["data"]["numbers"] == [fourth.pk, third.pk, second.pk, first.pk]
    assert f'href="/review/{third.pk}/?state=undecided&amp;order=area"' in page.content.decode()
    single = client.get(f"/review/{third.pk}/?{way}")
    assert (single.context["before_this"], single.context["after_this"]) == (fourth.pk, second.pk)
    assert single.context["page"]["queue"] == [third.pk, second.pk, first.pk, fourth.pk]
    assert single.context["page"]["way"] == way
    back = f"/review/gallery/?run={run.pk}&{way}&at={third.pk}"
    assert f'href="{back.replace("&", "&amp;")}"' in single.content.decode()
    # Deciding goes on in that order, and ends in the gallery.
    for detection, following in ((third, second), (second, first), (first, fourth)):
        answer = client.post(f"/review/{detection.pk}/?{way}", {"decision": "approved", "seen": ""})
        assert answer.url == f"/review/{following.pk}/?{way}"
    answer = client.post(f"/review/{fourth.pk}/?{way}", {"decision": "approved", "seen": ""})
    assert answer.url == f"/review/gallery/?run={run.pk}&{way}"
    # By score without an order, as ever.
    assert client.get(f"/review/{second.pk}/?state=all").context["page"]["queue"][1] == third.pk
    odd = client.get(f"/review/{second.pk}/?state=all&order=odd&fresh=odd").context["page"]
    assert (odd["way"], odd["queue"][1]) == ("state=all", third.pk)


def test_only_what_changed_stays_so_in_the_single_view(
    bob: User, run: Any, tiles: list[Any], make_tile: Callable[..., Any], client_of: Callable
) -> None:
    later = make_run(run.classifier, [*tiles, make_tile(9)])
    new = later.detections.get(segmented_tile__tile__file_name="tile-9.jpg")
    page = client_of(bob).get(f"/review/gallery/?run={later.pk}&fresh=1").content.decode()
    link = f"/review/{new.pk}/?state=undecided&order=score&fresh=1"
    assert link.replace("&", "&amp;") in page
    assert client_of(bob).get(link).context["page"]["queue"] == [new.pk]


def test_the_gallery_opens_at_a_detection_or_where_it_was(
    bob: User,
    region: Any,
    make_tile: Callable[..., Any],
    client_of: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("labeling.review.views.gallery.CELLS", 2)
    run = make_run(make_classifier(region), [make_tile(seed) for seed in range(1, 6)])
    client = client_of(bob)
    rows = list(run.detections.all())

    def opened(number: Any) -> tuple[int, int | None]:
        page = client.get("/review/gallery/", {"at": number})
        return page.context["page"].number, page.context["data"]["at"]

    assert opened(rows[3].pk) == (2, 3)
    review_detection(detection=rows[3], verdict="approved", acting_user=bob)
    assert opened(rows[3].pk) == (2, 3), "what came after it is in its place"
    review_detection(detection=rows[4], verdict="approved", acting_user=bob)
    assert opened(rows[4].pk) == (2, 2), "the last one that is left"
    for odd in ("x", "", "9" * 40, 10**9, "²", "\0"):
        assert opened(odd) == (1, None)


def test_bob_adds_a_note_to_many_without_scripts(bob: User, run: Any, client_of: Callable) -> None:
    first, second = run.detections.all()[:2]
    page = client_of(bob).get("/review/gallery/").content.decode()
    assert '<textarea id="note" name="note"' in page
    said = {
        "detection": [f"{first.pk}:", f"{second.pk}:"],
        "decision": "second",
        "note": "spring floods?",
    }
    client_of(bob).post("/review/gallery/?state=all", said)
    assert set(Review.objects.values_list("note", flat=True)) == {"spring floods?"}
    long = client_of(bob).post("/review/gallery/", said | {"note": "x" * 2001})
    assert long.status_code == 400
    assert "2000" in long.content.decode()


def test_bob_uses_the_gallery_without_scripts(bob: User, dora: User, run: Any, client_of: Callable) -> None:
    first, second, third, fourth = run.detections.all()
    client = client_of(bob)
    page = client.get("/review/gallery/").content.decode()
    assert f'value="{first.pk}:"' in page
    review_detection(detection=second, verdict="approved", acting_user=dora)
    done = client.post(
        "/review/gallery/?state=all",
        {"detection": [f"{first.pk}:", f"{second.pk}:", f"{third.pk}:"], "decision": "rejected:field"},
        follow=True,
    ).content.decode()
    assert "2 detections are decided." in done
    assert f"Detection {second.pk}: dora has decided meanwhile: approved." in done
    back = client.post("/review/gallery/?state=all", {"decision": "undo"}, follow=True).content.decode()
    assert "2 verdicts are taken back." in back
    assert set(current_verdicts(run)) == {second.pk}
    client.post("/review/gallery/", {"detection": f"{fourth.pk}:", "decision": "second"})
    assert current_verdicts(run)[fourth.pk].verdict == "second"


def test_wrong_questions_to_the_gallery_get_a_sentence(
    bob: User, alice: User, run: Any, client_of: Callable
) -> None:
    client = client_of(bob)
    number = run.detections.first().pk
    assert client.get("/review/gallery/?run=7777777").status_code == 404
    assert client.get("/review/gallery/?state=odd&order=odd&page=odd&fresh=odd").status_code == 200
    for ids in ("", "x", "1,2,x", ",".join(["1"] * 201), "9" * 40, "²"):
        assert client.get("/review/gallery/cells/", {"ids": ids}).status_code == 400
    assert client.get("/review/gallery/cells/", {"ids": "99999"}).content.strip() == b""
    for wrong in (
        {"decision": "approved"},
        {"decision": "approved", "detection": "x"},
        {"decision": "rejected", "detection": f"{number}:"},
        {"decision": "ufo", "detection": f"{number}:"},
        {"decision": "undo"},
    ):
        assert client.post("/review/gallery/", wrong).status_code == 400
    assert client_of(alice).get("/review/gallery/").status_code == 403
    assert client_of(alice).get("/review/gallery/cells/?ids=1").status_code == 403
    assert client.get("/review/gallery/?state=disputed").status_code == 200


def test_a_gallery_of_a_region_never_searched_says_so(bob: User, region: Any, client_of: Callable) -> None:
    assert "Nothing to review yet" in client_of(bob).get("/review/gallery/").content.decode()


def test_from_the_review_of_a_campaigns_run_bob_finds_back_to_the_campaign(
    bob: User, run: Any, client_of: Callable
) -> None:
    detection = run.detections.all()[0]
    campaign = Campaign.objects.create(
        region=run.region,
        name="Ploughed fields",
        segmented_tile=detection.segmented_tile,
        superpixels=[1],
        run_after=run,
    )
    link = f'<a href="/review/campaigns/{campaign.pk}/">Ploughed fields</a>'
    client = client_of(bob)
    for address in (f"/review/gallery/?run={run.pk}", f"/review/{detection.pk}/"):
        assert link in client.get(address).content.decode(), address
    campaign.withdrawn_at = timezone.now()
    campaign.save()
    assert link not in client.get(f"/review/gallery/?run={run.pk}").content.decode()
