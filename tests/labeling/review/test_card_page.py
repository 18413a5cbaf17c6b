"""What an expert's card says of a detection, and which answers it offers."""

from collections.abc import Callable
from typing import Any

import pytest

from detection.models import Detection
from labeling.models import Report
from labeling.review.card_page import card_page
from labeling.review.gallery import cells_of
from labeling.review.way import ReviewOrder
from tests.published import found_on, judge

pytestmark = pytest.mark.django_db


@pytest.fixture
def detection(region: Any, make_tile: Callable[..., Any]) -> Any:
    return found_on(region, [make_tile(1)]).detections.with_ground().get()


def page(detection: Any, reader: Any, **fields: Any) -> Any:
    return card_page(
        Detection.objects.with_ground().get(pk=detection.pk), reader, ReviewOrder("all"), **fields
    )


def test_nobody_has_judged_it_yet(detection: Any, bob: Any) -> None:
    shown = page(detection, bob)
    assert (shown.notice, shown.objection, shown.since, shown.seen) == (None, None, "", None)
    assert shown.may_ask
    assert not shown.is_approved and not shown.is_rejected
    assert shown.crowd == "nobody has labelled this tile"
    assert shown.back_url == f"/review/?run={detection.run_id}&state=all"
    assert page(detection, bob, after=7).skip_url == "/review/7/?state=all"


def test_a_verdict_is_named_with_its_expert(detection: Any, bob: Any) -> None:
    judge(detection, bob)
    shown = page(detection, bob)
    assert shown.is_approved
    assert (shown.notice.tone, shown.notice.strong) == ("notice--success", "Approved")
    assert "bob" in shown.notice.text
    assert shown.withdraw_title == "Take my verdict back"
    assert [line.tag for line in shown.past] == ["tag--good"]


def test_a_rejection_shows_its_reason_as_pressed(detection: Any, bob: Any) -> None:
    judge(detection, bob, "rejected", look_alike="sand_pit")
    shown = page(detection, bob)
    assert shown.is_rejected
    assert shown.notice.strong.startswith("Rejected: ")
    assert [reason.value for reason in shown.reasons if reason.is_current] == ["sand_pit"]
    assert [reason.key for reason in shown.reasons[:2]] == ["1", "2"]


def test_two_experts_who_contradict_are_both_named(detection: Any, bob: Any, dora: Any, carol: Any) -> None:
    judge(detection, bob)
    judge(detection, dora, "rejected", look_alike="snow")
    for_bob, for_carol = page(detection, bob), page(detection, carol)
    assert for_bob.notice.strong == "Disputed"
    assert "bob: approved" in for_bob.notice.text and "dora: rejected" in for_bob.notice.text
    assert for_bob.notice.text.endswith(for_bob.card.blocked)
    assert for_carol.notice.text.endswith("Your verdict settles it.")
    assert not for_carol.may_ask
    (cell,) = cells_of([detection.pk], carol)
    assert (cell.tag, cell.words) == (("tag--danger", "Disputed"), "bob ↔ dora")


def test_a_question_shows_its_words_to_the_colleague(detection: Any, bob: Any, dora: Any) -> None:
    judge(detection, bob, "second", note="Is this a quarry?")
    shown = page(detection, dora)
    assert shown.notice.strong == "bob asks for a second opinion"
    assert (shown.notice.quote, shown.notice.lines, shown.may_ask) == ("Is this a quarry?", (), False)
    assert page(detection, bob).notice.lines, "why he cannot answer himself"


def test_an_open_report_is_pointed_at(detection: Any, bob: Any) -> None:
    report = Report.objects.create(
        region=detection.run.region,
        detection=detection,
        latitude=51.5,
        longitude=26.5,
        category="not_mining",
    )
    assert page(detection, bob).objection == (report.pk, "A citizen objects: This is not mining")
