"""Where experts differ: questions to a colleague, disputes, and the map at any earlier moment."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import AuditEntry, User
from detection.models import Detection
from labeling.desk.escalation import decide_escalated
from labeling.models import Consensus, Label, Release, ReleaseKind, Report, Review, Submission
from labeling.reports.decision import accept_report
from labeling.reports.reopening import reopen_report
from labeling.review.map_history import map_at
from labeling.review.readiness import readiness
from labeling.review.review_detection import review_detection, withdraw_review
from labeling.review.verdicts import current_verdicts, verdicts_at
from labeling.review.waiting import needs_of, review_queue
from tests.findings import make_classifier, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def tiles(make_tile: Callable[..., Any]) -> list[Any]:
    return [make_tile(1)]


@pytest.fixture
def erik(db: None) -> User:
    return User.objects.create_user(username="erik", password="erik-password", role="expert")


def say(detection: Detection, expert: User, verdict: str = "approved", **more: Any) -> Review:
    """A verdict of an expert who has seen everything said before."""
    of_tile = Review.objects.order_by("-id").filter(segmented_tile=detection.segmented_tile_id)
    latest = next((one for one in of_tile if one.superpixels == detection.superpixels), None)
    if verdict == "rejected":
        more.setdefault("look_alike", "deforestation")
    return review_detection(
        detection=detection,
        verdict=verdict,
        acting_user=expert,
        seen_review_id=latest.pk if latest else None,
        **more,
    )


def counts(detection: Detection) -> str:
    found = current_verdicts(detection.run).get(detection.pk)
    return found.verdict if found else ""


def negative(detection: Detection) -> bool:
    """Whether the detection's pieces count as not mining because an expert said so."""
    rows = Consensus.objects.filter(segmented_tile=detection.segmented_tile, by_expert=True)
    return {row.superpixel for row in rows if row.verdict == "not_mining"} >= set(detection.superpixels)


# Disputes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [("approved", "rejected"), ("rejected", "approved")])
def test_two_experts_who_contradict_leave_the_ground_disputed_and_without_labels(
    bob: User, dora: User, detection: Detection, order: tuple[str, str]
) -> None:
    say(detection, bob, order[0])
    say(detection, dora, order[1])
    verdict = current_verdicts(detection.run)[detection.pk]
    assert verdict.verdict == "disputed"
    assert verdict.waits
    assert {side.expert for side in verdict.sides} == {bob, dora}
    assert not negative(detection)
    assert readiness(detection.run).waiting == 1


@pytest.mark.parametrize("verdict", ["approved", "rejected"])
def test_a_third_expert_settles_a_dispute_either_way(
    bob: User, dora: User, erik: User, detection: Detection, verdict: str
) -> None:
    say(detection, bob, "approved")
    say(detection, dora, "rejected")
    assert say(detection, erik, verdict).settles
    assert counts(detection) == verdict
    assert negative(detection) == (verdict == "rejected")


def test_an_admin_settles_where_there_are_only_two_experts(
    bob: User, dora: User, carol: User, detection: Detection
) -> None:
    say(detection, bob, "approved")
    say(detection, dora, "rejected")
    say(detection, carol, "approved")
    assert counts(detection) == "approved"


def test_who_is_a_side_cannot_settle_but_may_agree_with_the_other(
    bob: User, dora: User, detection: Detection
) -> None:
    say(detection, bob, "approved")
    say(detection, dora, "rejected")
    for expert, verdict in ((bob, "approved"), (dora, "rejected"), (bob, "second")):
        with pytest.raises(UserError):
            say(detection, expert, verdict, note="really")
    assert Review.objects.count() == 2
    say(detection, bob, "rejected")
    assert counts(detection) == "rejected"
    assert negative(detection)


def test_a_contradiction_after_the_settlement_opens_a_new_dispute(
    bob: User, dora: User, erik: User, detection: Detection
) -> None:
    say(detection, bob, "approved")
    say(detection, dora, "rejected")
    say(detection, erik, "approved")
    say(detection, dora, "rejected")
    assert counts(detection) == "disputed"
    assert say(detection, bob, "approved").settles, "this time he is no side of it"
    assert counts(detection) == "approved"


def test_an_accepted_report_settles_whatever_was_said(
    bob: User, dora: User, region: Any, detection: Detection
) -> None:
    say(detection, bob, "approved")
    say(detection, dora, "rejected")
    report = Report.objects.create(
        region=region, detection=detection, latitude=51.5, longitude=26.5, category="not_mining"
    )
    outcome = accept_report(report=report, acting_user=bob, look_alike="sand_pit")
    assert outcome.review is not None
    assert outcome.review.settles
    assert counts(detection) == "rejected"
    assert negative(detection)


def test_an_expert_who_changes_their_own_mind_disputes_nothing(bob: User, detection: Detection) -> None:
    say(detection, bob, "approved")
    say(detection, bob, "rejected")
    assert counts(detection) == "rejected"


# Second opinions ---------------------------------------------------------------------------------


def test_a_question_waits_for_a_colleague_and_not_for_who_asked(
    bob: User, dora: User, detection: Detection
) -> None:
    say(detection, bob, "second", note="Is this sand?")
    assert counts(detection) == "second"
    mine, hers = (needs_of(review_queue(detection.run, expert)) for expert in (bob, dora))
    assert (mine.total, mine.others) == (0, 1)
    assert (hers.total, hers.second, hers.others) == (1, 1, 0)
    with pytest.raises(UserError):
        say(detection, bob, "approved")
    say(detection, dora, "approved")
    assert counts(detection) == "approved"


def test_doubting_a_rejection_takes_it_and_its_labels_out_until_a_third_expert_answers(
    bob: User, dora: User, erik: User, detection: Detection
) -> None:
    say(detection, bob, "rejected")
    say(detection, dora, "second")
    assert counts(detection) == "second"
    assert not negative(detection)
    assert say(detection, erik, "approved").settles, "he decides between two"
    assert counts(detection) == "approved"


def test_nobody_asks_twice(bob: User, dora: User, detection: Detection) -> None:
    say(detection, bob, "second")
    with pytest.raises(UserError):
        say(detection, dora, "second")


# Taking back -------------------------------------------------------------------------------------


def test_taking_back_adds_a_row_and_what_stood_before_stands_again_with_its_labels(
    bob: User, dora: User, detection: Detection
) -> None:
    say(detection, bob, "rejected", look_alike="cemetery")
    doubt = say(detection, dora, "approved")
    assert counts(detection) == "disputed"
    row = withdraw_review(review=doubt, acting_user=dora)
    assert row is not None
    assert row.verdict == "withdrawn"
    assert counts(detection) == "rejected"
    assert negative(detection)
    assert set(Consensus.objects.values_list("look_alike", flat=True)) == {"cemetery"}
    assert Review.objects.count() == 3
    assert AuditEntry.objects.get(verb="detection.withdrawn").actor == dora


def test_taking_back_the_only_verdict_leaves_the_ground_undecided_and_without_labels(
    bob: User, dora: User, detection: Detection
) -> None:
    said = say(detection, bob, "rejected")
    assert withdraw_review(review=said, acting_user=bob) is not None
    assert withdraw_review(review=said, acting_user=bob) is None, "once is enough"
    assert counts(detection) == ""
    assert not Consensus.objects.exists()
    assert Label.objects.exists(), "labels are never deleted"
    with pytest.raises(Conflict):  # she looked before Bob changed his mind
        review_detection(detection=detection, verdict="approved", acting_user=dora, seen_review_id=said.pk)


def test_taking_back_is_refused_after_a_colleague_and_for_what_is_not_ones_own(
    bob: User, dora: User, region: Any, detection: Detection
) -> None:
    said = say(detection, bob, "approved")
    with pytest.raises(NotAllowed):
        withdraw_review(review=said, acting_user=dora)
    say(detection, dora, "approved")
    with pytest.raises(Conflict):
        withdraw_review(review=said, acting_user=bob)
    report = Report.objects.create(
        region=region, detection=detection, latitude=51.5, longitude=26.5, category="not_mining"
    )
    outcome = accept_report(report=report, acting_user=bob, look_alike="snow")
    with pytest.raises(UserError):
        withdraw_review(review=outcome.review, acting_user=bob)  # type: ignore[arg-type]


def test_the_card_strikes_out_what_was_taken_back_and_nothing_else(
    bob: User, dora: User, detection: Detection, client_of: Callable
) -> None:
    later = make_run(detection.run.classifier, [detection.segmented_tile.tile]).detections.get()
    Detection.objects.filter(pk=later.pk).update(superpixels=[1, 2])
    doubt = say(detection, bob, "approved", note="of the larger outline")
    withdraw_review(review=doubt, acting_user=bob)
    say(detection, dora, "approved")
    for one in (detection, later):
        past = client_of(dora).get(f"/review/{one.pk}/").context["card"].past
        assert [(item.review.verdict, item.stands) for item in past] == [
            ("approved", True),
            ("withdrawn", True),
            ("approved", False),
        ]


def test_a_map_imported_since_is_not_what_the_public_saw(region: Any, detection: Detection) -> None:
    moment = timezone.now()
    Release.objects.create(
        region=region,
        number=1,
        kind=ReleaseKind.HISTORICAL,
        statistics={},
        created_at=moment - timedelta(days=3000),
    )
    assert map_at(region, moment).release is None


# Ground that shares superpixels ------------------------------------------------------------------


@pytest.fixture
def overlapping(detection: Detection) -> Detection:
    """What a later run found there: superpixels 2 to 4, where the first found 1 to 3."""
    tile = detection.segmented_tile.tile
    return make_run(detection.run.classifier, [tile], pieces=(2, 3, 4)).detections.get()


def negatives(detection: Detection) -> dict[int, str]:
    """Superpixel → look-alike, of what counts as not mining because an expert said so."""
    rows = Consensus.objects.filter(segmented_tile=detection.segmented_tile, by_expert=True)
    return {row.superpixel: row.look_alike for row in rows if row.verdict == "not_mining"}


def test_a_later_approval_takes_the_shared_superpixels_out_of_a_rejection_and_gives_them_back(
    bob: User, dora: User, detection: Detection, overlapping: Detection
) -> None:
    rejection = say(detection, bob, "rejected", look_alike="cemetery")
    approval = say(overlapping, dora)
    assert negatives(detection) == {1: "cemetery"}
    assert AuditEntry.objects.get(verb="detection.approved").details["labels_taken_back"] == 1
    rejection.refresh_from_db()
    assert rejection.submission is not None
    assert [one.superpixel for one in rejection.submission.labels.all()] == [1]
    taken = Submission.objects.get(withdrawn_at__isnull=False)
    assert (taken.volunteer, taken.created_at) == (bob, rejection.submission.created_at)
    assert sorted(taken.labels.values_list("superpixel", flat=True)) == [2, 3], "no label is thrown away"
    withdraw_review(review=approval, acting_user=dora)
    assert negatives(detection) == {1: "cemetery", 2: "cemetery", 3: "cemetery"}
    assert (counts(detection), counts(overlapping)) == ("rejected", "")
    say(overlapping, bob)
    assert negatives(detection) == {1: "cemetery"}
    assert Label.objects.count() == 5


def test_what_an_approval_leaves_of_a_rejection_keeps_its_place_among_other_decisions(
    bob: User, dora: User, detection: Detection, overlapping: Detection
) -> None:
    say(detection, bob, "rejected", look_alike="cemetery")
    decide_escalated(
        submission_id=uuid4(),
        segmented_tile=detection.segmented_tile,
        labels=[{"superpixel": 1, "verdict": "mining"}],
        acting_user=dora,
    )
    say(overlapping, dora)
    assert negatives(detection) == {}
    assert Consensus.objects.get(superpixel=1).verdict == "mining", (
        "the escalated superpixel was decided later"
    )


def test_an_older_approval_does_not_outweigh_a_later_rejection(
    bob: User, dora: User, detection: Detection, overlapping: Detection
) -> None:
    say(overlapping, dora)
    say(detection, bob, "rejected", look_alike="cemetery")
    assert negatives(detection) == {1: "cemetery", 2: "cemetery", 3: "cemetery"}
    say(overlapping, bob)
    assert negatives(detection) == {1: "cemetery"}, "approved again, by somebody who has seen the rejection"


def test_a_dispute_about_the_approved_ground_gives_the_shared_superpixels_back(
    bob: User, dora: User, erik: User, detection: Detection, overlapping: Detection
) -> None:
    say(detection, bob, "rejected", look_alike="cemetery")
    say(overlapping, dora)
    doubt = say(overlapping, erik, "rejected", look_alike="snow")
    assert counts(overlapping) == "disputed"
    assert negatives(detection) == {1: "cemetery", 2: "cemetery", 3: "cemetery"}
    withdraw_review(review=doubt, acting_user=erik)
    assert negatives(detection) == {1: "cemetery"}
    say(overlapping, erik, "rejected", look_alike="snow")
    say(overlapping, bob, "rejected", look_alike="field")
    assert negatives(detection) == {1: "cemetery", 2: "field", 3: "field", 4: "field"}


def test_a_report_taken_back_leaves_the_other_rejection_of_the_shared_superpixels(
    bob: User, dora: User, region: Any, detection: Detection, overlapping: Detection
) -> None:
    say(detection, bob, "rejected", look_alike="cemetery")
    say(overlapping, dora)
    report = Report.objects.create(
        region=region, detection=overlapping, latitude=51.5, longitude=26.5, category="not_mining"
    )
    accept_report(report=report, acting_user=bob, look_alike="snow")
    assert negatives(detection) == {1: "cemetery", 2: "snow", 3: "snow", 4: "snow"}
    report.refresh_from_db()
    reopen_report(report=report, decided_at=report.decided_at, acting_user=dora)
    assert negatives(detection) == {1: "cemetery"}, "the approval stands again"


def test_labels_of_old_rejections_are_not_written_by_who_decides_about_other_ground(
    bob: User, dora: User, detection: Detection, overlapping: Detection
) -> None:
    """Rejections of the first weeks wrote none, and what an account said may have been reversed."""
    rejection = say(detection, bob, "rejected", look_alike="cemetery")
    Submission.objects.filter(pk=rejection.submission_id).update(withdrawn_at=timezone.now())
    say(overlapping, dora)
    assert Submission.objects.count() == 1


def test_approving_ground_that_nobody_rejected_asks_no_more_of_the_database(
    bob: User, dora: User, detection: Detection, overlapping: Detection
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def asked(one: Detection, expert: User) -> int:
        with CaptureQueriesContext(connection) as queries:
            say(one, expert)
        return len(queries)

    alone = asked(detection, bob)
    assert asked(overlapping, dora) == alone
    say(overlapping, dora, "rejected", look_alike="snow")
    assert asked(detection, dora) <= alone + 30


def test_in_any_story_the_negative_labels_are_what_the_standing_verdicts_say(
    bob: User, dora: User, erik: User, detection: Detection, overlapping: Detection
) -> None:
    chance = random.Random(11)  # noqa: S311 (a story, no secret)
    tile = detection.segmented_tile.tile
    third = make_run(detection.run.classifier, [tile], pieces=(3, 5)).detections.get()
    seen = set()
    for _step in range(150):
        one, expert = chance.choice([detection, overlapping, third]), chance.choice([bob, dora, erik])
        try:
            if chance.random() < 0.5:
                own = Review.objects.filter(detection=one, expert=expert).first()
                if own is not None:
                    withdraw_review(review=own, acting_user=expert)
            else:
                verdict = chance.choice(["approved", "rejected", "second"])
                more = {"look_alike": chance.choice(["snow", "field"])} if verdict == "rejected" else {}
                say(one, expert, verdict, **more)
        except UserError:
            continue
        latest = {}
        for ground in (detection, overlapping, third):
            said = current_verdicts(ground.run).get(ground.pk)
            if said is not None and not said.waits:
                latest[said.review.pk] = said
        wanted: dict[int, str] = {}
        for said in [latest[pk] for pk in sorted(latest)]:
            for piece in said.review.superpixels:
                if said.verdict == "rejected":
                    wanted[piece] = said.review.look_alike
                else:
                    wanted.pop(piece, None)
        assert negatives(detection) == wanted
        seen.add(tuple(sorted(wanted)))
    assert len(seen) > 6, "the story has something in it"


# Any earlier moment ------------------------------------------------------------------------------


def test_every_earlier_state_of_the_map_can_be_worked_out_again(
    bob: User, dora: User, erik: User, region: Any, make_tile: Callable[..., Any]
) -> None:
    """A random story of verdicts, disputes, questions, second thoughts, a report and a second run."""
    chance = random.Random(5)  # noqa: S311 (a story, no secret)
    tiles = [make_tile(seed) for seed in range(1, 5)]
    run = make_run(make_classifier(region), tiles)
    remembered = []
    for step in range(60):
        if step == 40:
            run = make_run(run.classifier, tiles)
            run.detections.filter(segmented_tile__tile=tiles[0]).update(superpixels=[1, 2])
        detection = chance.choice(list(run.detections.order_by("id")))
        expert = chance.choice([bob, dora, erik])
        try:
            if chance.random() < 0.25:
                own = Review.objects.filter(segmented_tile=detection.segmented_tile, expert=expert).first()
                if own is not None:
                    withdraw_review(review=own, acting_user=expert)
            elif step == 30:
                report = Report.objects.create(
                    region=region, detection=detection, latitude=51.5, longitude=26.5, category="not_mining"
                )
                accept_report(report=report, acting_user=expert, look_alike="snow")
            else:
                say(detection, expert, chance.choice(["approved", "approved", "rejected", "second"]))
        except UserError:
            continue  # a refusal changes nothing, and that is remembered as well
        finally:
            now = current_verdicts(run)
            shown = sorted(pk for pk, verdict in now.items() if verdict.verdict == "approved")
            said = {pk: (verdict.verdict, verdict.review.pk) for pk, verdict in now.items()}
            remembered.append((timezone.now(), run, shown, said))
    states = {verdict for _moment, _run, _shown, said in remembered for verdict, _review in said.values()}
    assert states >= {"approved", "rejected", "second", "disputed"}, "the story has everything in it"
    for moment, judged, shown, said in remembered:
        then = map_at(region, moment)
        assert (then.run, then.approved) == (judged, shown)
        assert {pk: (one.verdict, one.review.pk) for pk, one in verdicts_at(judged, moment).items()} == said


def test_the_history_page_shows_the_map_as_it_was(
    bob: User, detection: Detection, client_of: Callable, django_assert_max_num_queries: Any
) -> None:
    client = client_of(bob)
    before = timezone.now()
    say(detection, bob, "approved")
    day = timezone.localdate().isoformat()
    with django_assert_max_num_queries(14):
        page = client.get(f"/review/history/?at={day}")
    assert page.context["map"].approved == [detection.pk]
    assert detection.segmented_tile.tile.file_name in page.content.decode()
    earlier = client.get("/review/history/", {"at": before.isoformat()})
    assert earlier.context["map"].approved == []
    assert "The map was empty" in earlier.content.decode()
    assert "Nothing had been searched yet" in client.get("/review/history/?at=2001-01-01").content.decode()
    for wrong in ("yesterday", "", "0001-01-01", "9999-12-31", "2026-13-01", "\0"):
        assert client.get("/review/history/", {"at": wrong}).status_code == 400
    only = client.get(f"/review/history/?detection={detection.pk}").content.decode()
    assert "Only those on tile" in only
    assert client.get("/review/history/?detection=x").status_code == 404
