"""What volunteers and experts say of a tile, in one line."""

from typing import Any
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from amberapp.models import User
from labeling.desk.labels import expert_labels, submit_labels
from labeling.models import (
    Submission,
    VolunteerRecord,
)


def label(tile: Any, person: User, **verdicts: str) -> Submission:
    """`label(tile, alice, p1="mining")`: the person says so at the desk."""
    labels = [{"superpixel": int(name[1:]), "verdict": verdict} for name, verdict in verdicts.items()]
    return submit_labels(submission_id=uuid4(), segmented_tile=tile, labels=labels, acting_user=person)


def decide(tile: Any, expert: User, **verdicts: str) -> Submission:
    labels = [{"superpixel": int(name[1:]), "verdict": verdict} for name, verdict in verdicts.items()]
    return expert_labels(segmented_tile=tile, labels=labels, acting_user=expert, origin="review")


def people(count: int) -> list[User]:
    made = User.objects.bulk_create(User(username=f"person-{number:03d}") for number in range(count))
    VolunteerRecord.objects.bulk_create(
        VolunteerRecord(
            volunteer=person,
            confusion=[[4 + number % 5, 1, 0], [1, 8, 0], [0, 0, 0]],
            known=[[2, 1, 0], [0, 3, 0], [0, 0, 0]],
            tutorial_passed_at=timezone.now(),
        )
        for number, person in enumerate(made)
    )
    return made


def questions(client: Any, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)
