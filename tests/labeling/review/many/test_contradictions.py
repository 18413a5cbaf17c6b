"""A decision about many does not run over experts, volunteers or the published map unseen."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amberapp.models import User
from detection.models import Detection
from labeling.desk.labels import expert_labels, submit_labels
from labeling.models import Consensus, Review
from labeling.review.contradictions import contradictions
from labeling.review.review_detection import review_detection

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def decide(client: Client, detections: Any, **body: Any) -> Any:
    seen = [{"detection": one.pk, "seen_review": seen_of(one)} for one in detections]
    return client.post(
        "/api/detections/reviews/", {"detections": seen, **body}, content_type="application/json"
    )


def seen_of(detection: Detection) -> int | None:
    return Review.objects.filter(detection=detection).order_by("-id").values_list("pk", flat=True).first()


REJECT = {"verdict": "rejected", "look_alike": "field"}


def test_rejecting_what_an_expert_called_mining_needs_a_second_press(
    bob: User, dora: User, run: Any, client_of: Callable
) -> None:
    first, second, *_rest = run.detections.all()
    expert_labels(
        segmented_tile=first.segmented_tile,
        labels=[{"superpixel": 1, "verdict": "mining"}, {"superpixel": 9, "verdict": "mining"}],
        acting_user=dora,
        origin="campaign",
    )
    refused = decide(client_of(bob), [first, second], **REJECT)
    assert refused.status_code == 409
    error = refused.json()["error"]
    assert error["code"] == "contradicts"
    assert error["fields"] == {str(first.pk): ["An expert calls 1 superpixel of it mining."]}
    assert not Review.objects.exists()
    done = decide(client_of(bob), [first, second], confirmed=[first.pk], **REJECT)
    assert [one["outcome"] for one in done.json()] == ["done", "done"]


def test_one_alone_is_decided_at_once(bob: User, dora: User, run: Any, client_of: Callable) -> None:
    first = run.detections.first()
    review_detection(detection=first, verdict="approved", acting_user=dora)
    assert decide(client_of(bob), [first], **REJECT).status_code == 200


def test_a_colleagues_verdict_the_crowd_and_the_map_are_named(
    bob: User, dora: User, alice: User, release: Any, client_of: Callable
) -> None:
    """Release 1 shows all three places, which Bob has approved."""
    first, second, third = release.run.detections.all()
    submit_labels(
        submission_id=uuid4(),
        segmented_tile=second.segmented_tile,
        labels=[{"superpixel": number, "verdict": "mining"} for number in (1, 2)],
        acting_user=alice,
    )
    Consensus.objects.update(verdict="mining", votes=3)
    fields = decide(client_of(dora), [first, second, third], **REJECT).json()["error"]["fields"]
    assert fields[str(first.pk)] == ["bob has approved it.", "The published map shows it."]
    assert fields[str(second.pk)] == [
        "bob has approved it.",
        "Volunteers call 2 superpixels of it mining.",
        "The published map shows it.",
    ]


def test_approving_what_was_called_not_mining_is_named_too(
    bob: User, dora: User, run: Any, client_of: Callable
) -> None:
    first, second, third, *_rest = run.detections.all()
    review_detection(detection=first, verdict="rejected", look_alike="snow", acting_user=dora)
    answer = decide(client_of(bob), [first, second, third], verdict="approved")
    assert answer.json()["error"]["fields"] == {
        str(first.pk): ["dora has rejected it.", "Experts call 3 superpixels of it not mining."]
    }
    assert decide(client_of(bob), [second, third], verdict="approved").status_code == 200


def test_a_second_opinion_and_ones_own_verdict_contradict_nobody(
    bob: User, dora: User, run: Any, client_of: Callable
) -> None:
    first, second, *_rest = run.detections.all()
    review_detection(detection=first, verdict="approved", acting_user=bob)
    assert decide(client_of(bob), [first, second], verdict="approved").status_code == 200
    assert decide(client_of(dora), [first, second], verdict="second").status_code == 200


def test_more_detections_ask_the_database_no_more(bob: User, release: Any) -> None:
    detections = list(release.run.detections.select_related("run", "segmented_tile"))

    def asked(some: list[Detection]) -> int:
        with CaptureQueriesContext(connection) as queries:
            contradictions(some, "rejected", bob, dict.fromkeys([one.pk for one in some]))
        return len(queries)

    assert asked(detections[:1]) == asked(detections) <= 6


def test_without_scripts_they_are_named_and_nothing_is_written(
    bob: User, dora: User, run: Any, client_of: Callable
) -> None:
    first, second, *_rest = run.detections.all()
    review = review_detection(detection=first, verdict="approved", acting_user=dora)
    ticked = [f"{first.pk}:{review.pk}", f"{second.pk}:"]
    page = client_of(bob).post(
        "/review/gallery/?state=all", {"detection": ticked, "decision": "rejected:field"}, follow=True
    )
    assert f"Detection {first.pk}: dora has approved it." in page.content.decode()
    assert Review.objects.count() == 1
