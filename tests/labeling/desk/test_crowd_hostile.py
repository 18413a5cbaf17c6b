"""What somebody might try, or what might happen meanwhile, to the crowd's counts."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from amberapp import jobs
from amberapp.models import Job, User
from labeling.crowd import accounts
from labeling.crowd.tutorial import pass_at_once
from labeling.desk.desk_rules import set_rules
from labeling.desk.labels import expert_labels, submit_labels, withdraw_submission
from labeling.desk.queue import MOST_HELD
from labeling.desk.queue_state import prioritise, reconsider_region
from labeling.models import (
    Claim,
    Consensus,
    DeskRules,
    GoldStandardTile,
    Submission,
    TileProgress,
    VolunteerRecord,
)

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def person(name: str) -> User:
    return User.objects.create_user(username=name, password="x")


def say(who: User, tile: Any, verdict: str = "not_mining") -> Submission:
    return submit_labels(
        submission_id=uuid4(),
        segmented_tile=tile,
        labels=[{"superpixel": 1, "verdict": verdict}],
        acting_user=who,
    )


def full(tile: Any, expert: User) -> TileProgress:
    """Two have spoken and an expert has settled it: the tile wants nobody any more."""
    for name in ("one", "two"):
        say(person(name), tile)
    decide(tile, expert, "not_mining")
    return TileProgress.objects.get(segmented_tile=tile, wanted=2, free=0)


def decide(tile: Any, expert: User, verdict: str) -> None:
    expert_labels(
        segmented_tile=tile,
        labels=[{"superpixel": 1, "verdict": verdict}],
        acting_user=expert,
        origin="review",
    )


def test_taking_late_labels_back_and_sending_them_again_wins_no_vote(segmented_tile: Any, dora: User) -> None:
    full(segmented_tile, dora)
    late = person("late")
    first = say(late, segmented_tile)
    assert first.spare == "full"
    withdraw_submission(submission_id=first.pk, acting_user=late)
    assert not Claim.objects.filter(volunteer=late, state="open").exists()
    assert say(late, segmented_tile).spare == "full"
    assert TileProgress.objects.get().votes == 2


def test_the_desk_is_not_told_which_superpixels_of_a_known_tile_are_settled(
    segmented_tile: Any, client_of: Callable, dora: User
) -> None:
    decide(segmented_tile, dora, "mining")
    address = f"/api/desk/tiles/{segmented_tile.pk}/"
    ordinary = client_of(person("ann")).get(address).json()
    assert ordinary["tile"]["settled"] == [1]
    GoldStandardTile.objects.create(
        segmented_tile=segmented_tile,
        region=segmented_tile.tile.region,
        use="check",
        answers={"1": {"verdict": "mining", "look_alike": "", "why": {}}},
    )
    assert client_of(person("ben")).get(address).json()["tile"]["settled"] == []


def test_a_call_for_eyes_outlives_a_recomputation_and_leaves_known_tiles_alone(
    segmented_tile: Any, dora: User
) -> None:
    full(segmented_tile, dora)
    queue = TileProgress.objects.all()
    prioritise(queue)
    reconsider_region(queue, DeskRules.objects.of_region(segmented_tile.tile.region_id))
    assert queue.get().free == 1
    queue.update(called=False, wanted=0, free=0, rank=0)
    GoldStandardTile.objects.create(
        segmented_tile=segmented_tile, region=segmented_tile.tile.region, use="check"
    )
    assert prioritise(queue) == 0
    assert queue.get().free == 0


def test_nobody_hoards_tiles_by_their_addresses(
    segmented_tile: Any, client_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labeling.desk.queue.MOST_HELD", 0)
    answer = client_of(person("hoarder")).get(f"/api/desk/tiles/{segmented_tile.pk}/")
    assert (answer.status_code, Claim.objects.count()) == (400, 0)
    assert MOST_HELD > 0


def test_labels_made_before_the_tutorial_count_once_it_is_passed(segmented_tile: Any, dora: User) -> None:
    early = say(dora, segmented_tile)
    Submission.objects.filter(pk=early.pk).update(spare="tutorial")
    TileProgress.objects.update(votes=0, wanted=2, free=2)
    pass_at_once(volunteer=dora)
    for job in Job.objects.open().order_by("pk"):
        jobs.execute(job.pk)
    early.refresh_from_db()
    assert (early.spare, TileProgress.objects.get().votes) == ("", 1)


def test_a_job_of_an_ended_quarantine_sets_nothing_aside(
    segmented_tile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = person("ann")
    said = say(ann, segmented_tile)
    VolunteerRecord.objects.filter(pk=ann.pk).update(quarantined_at=timezone.now())
    one_by_one = accounts._one_by_one

    def an_admin_is_quicker(*rest: Any) -> int:
        VolunteerRecord.objects.filter(pk=ann.pk).update(quarantined_at=None)
        return one_by_one(*rest)

    monkeypatch.setattr(accounts, "_one_by_one", an_admin_is_quicker)
    assert accounts.weigh_account(volunteer=ann) == 0
    said.refresh_from_db()
    assert said.spare == ""


def test_what_is_open_goes_to_an_expert_when_fewer_people_are_to_be_asked(
    segmented_tile: Any, carol: User
) -> None:
    say(person("one"), segmented_tile, "mining")
    say(person("two"), segmented_tile, "not_mining")
    assert TileProgress.objects.get().free == 1
    set_rules(region=segmented_tile.tile.region, acting_user=carol, votes_at_most=2)
    progress = TileProgress.objects.get()
    assert (progress.free, progress.escalated, Consensus.objects.get().state) == (0, 1, "escalated")
