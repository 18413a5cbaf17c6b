"""What volunteers jointly say: claims, consensus vote by vote and in full, quarantine and its end, reversal."""

import datetime as dt
import random
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.utils import timezone

from amberapp import jobs
from amberapp.models import AuditEntry, Job, User
from labeling.crowd.accounts import end_quarantine, reverse_account
from labeling.desk.labels import expert_labels, submit_labels, withdraw_submission
from labeling.desk.queue import lapse_claims
from labeling.models import (
    Claim,
    Consensus,
    DeskRules,
    GoldStandardTile,
    Label,
    Submission,
    TileProgress,
    VolunteerRecord,
)

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NEXT = "/api/desk/next/"
SUBMIT = "/api/desk/submissions/"


def people(count: int, name: str = "person") -> list[User]:
    return [User.objects.create_user(username=f"{name}{number}", password="x") for number in range(count)]


def ask(client: Client, **body: Any) -> Any:
    return client.post(NEXT, body, content_type="application/json").json()


def send(client: Client, tile: Any, *labels: tuple[Any, ...]) -> Any:
    body = {
        "id": str(uuid4()),
        "segmented_tile": getattr(tile, "pk", tile),
        "labels": [dict(zip(("superpixel", "verdict", "piece"), label, strict=False)) for label in labels],
    }
    return client.post(SUBMIT, body, content_type="application/json")


def say(person: User, tile: Any, verdicts: dict[int, str]) -> Submission:
    return submit_labels(
        submission_id=uuid4(),
        segmented_tile=tile,
        labels=[{"superpixel": number, "verdict": verdict} for number, verdict in verdicts.items()],
        acting_user=person,
    )


def work_off_jobs() -> None:
    for job in Job.objects.open().order_by("pk"):
        jobs.execute(job.pk)


def stored() -> dict[tuple[int, int, int], tuple[Any, ...]]:
    return {
        (row.segmented_tile_id, row.superpixel, row.piece): (
            row.verdict,
            row.majority,
            row.look_alike,
            row.votes,
            row.agreeing,
            row.by_expert,
            row.state,
            row.posterior,
        )
        for row in Consensus.objects.all()
    }


# Claims --------------------------------------------------------------------------------------------------------------


def test_a_tile_is_kept_for_alice_and_given_to_no_more_people_than_it_wants(
    segmented_tile: Any, client_of: Callable
) -> None:
    clients = [client_of(person) for person in people(3)]
    served = [ask(client)["tile"] for client in clients]
    assert [tile and tile["segmented_tile"] for tile in served] == [
        segmented_tile.pk,
        segmented_tile.pk,
        None,
    ]
    progress = TileProgress.objects.get()
    assert (progress.claims, progress.free, progress.wanted) == (2, 0, 2)
    # Asked again by the desk that lost it (a closed window), the same tile comes; by one that has it, none.
    assert ask(clients[0])["tile"]["segmented_tile"] == segmented_tile.pk
    assert ask(clients[0], held=[segmented_tile.pk])["tile"] is None
    assert Claim.objects.count() == 2


def test_a_tile_that_is_given_back_goes_to_somebody_else_and_comes_back_only_when_asked_for(
    segmented_tile: Any, client_of: Callable
) -> None:
    one, two, three = (client_of(person) for person in people(3))
    ask(one), ask(two)
    answer = one.post(
        "/api/desk/claims/release/", {"tiles": [segmented_tile.pk]}, content_type="application/json"
    )
    assert answer.json() == {"released": 1}
    assert ask(one)["tile"] is None
    assert ask(one, skipped=True)["tile"]["segmented_tile"] == segmented_tile.pk
    assert ask(three)["tile"] is None, "the place is taken again"


def test_a_lease_that_has_run_out_frees_the_tile_and_activity_renews_it(
    segmented_tile: Any, client_of: Callable
) -> None:
    one, two, three = (client_of(person) for person in people(3))
    ask(one), ask(two)
    renewed = two.post(
        "/api/desk/claims/renew/", {"tiles": [segmented_tile.pk, 999]}, content_type="application/json"
    )
    assert list(renewed.json()["until"]) == [str(segmented_tile.pk)]
    past = timezone.now() - dt.timedelta(seconds=1)
    Claim.objects.filter(volunteer__username="person0").update(until=past)
    assert ask(three)["tile"]["segmented_tile"] == segmented_tile.pk
    states = dict(Claim.objects.values_list("volunteer__username", "state"))
    assert states == {"person0": "lapsed", "person1": "open", "person2": "open"}
    lost = one.post(
        "/api/desk/claims/renew/", {"tiles": [segmented_tile.pk]}, content_type="application/json"
    )
    assert lost.json()["until"] == {}
    Claim.objects.update(until=past)
    assert lapse_claims() == 2
    assert TileProgress.objects.get().free == 2


def test_late_work_counts_while_there_is_room_and_else_says_why_not(
    segmented_tile: Any, client_of: Callable
) -> None:
    late, two, three = (client_of(person) for person in people(3))
    ask(late)
    Claim.objects.update(until=timezone.now() - dt.timedelta(seconds=1))
    lapse_claims()
    everything = [(number, "not_mining") for number in range(1, segmented_tile.superpixels + 1)]
    assert send(late, segmented_tile, *everything).json()["message"] == ""
    ask(two)
    send(two, segmented_tile, *everything)
    assert TileProgress.objects.get().free == 0, "two agree: it is settled"
    receipt = send(three, segmented_tile, (1, "mining")).json()
    assert receipt["submission"]["spare"] == "full"
    assert "Your labels are kept" in receipt["message"]
    assert Consensus.objects.get(superpixel=1).votes == 2 == TileProgress.objects.get().votes
    assert Label.objects.filter(submission__spare="full").count() == 1
    # There is room again when somebody takes theirs back and does not label anew: then the late ones count.
    mine = Submission.objects.get(volunteer__username="person1")
    two.post(f"{SUBMIT}{mine.pk}/withdraw/", {}, content_type="application/json")
    assert Submission.objects.get(volunteer__username="person2").spare == "full", "person1 may say it anew"


def test_a_disputed_tile_is_asked_about_until_seven_have_seen_it_and_then_goes_to_an_expert(
    segmented_tile: Any, bob: User, client_of: Callable
) -> None:
    for number, person in enumerate(people(8)):
        tile = ask(client_of(person))["tile"]
        if tile is None:
            break
        say(person, segmented_tile, {1: "not_mining" if number % 2 else "mining", 2: "not_mining"})
    assert number == 7
    assert dict(Consensus.objects.values_list("superpixel", "state")) == {1: "escalated", 2: "retired"}
    progress = TileProgress.objects.get()
    assert (progress.votes, progress.wanted, progress.free, progress.escalated) == (7, 7, 0, 1)
    assert client_of(people(1, "nina")[0]).get("/api/desk/escalated/").status_code == 403
    expert = client_of(bob)
    found = expert.get("/api/desk/escalated/").json()["tile"]
    assert (found["segmented_tile"], found["escalated"], found["settled"]) == (segmented_tile.pk, [1], [2])
    body = {
        "id": str(uuid4()),
        "segmented_tile": segmented_tile.pk,
        "labels": [{"superpixel": 1, "verdict": "mining"}],
        "decides": True,
    }
    assert expert.post(SUBMIT, body, content_type="application/json").status_code == 201
    decided = Consensus.objects.get(superpixel=1)
    assert (decided.verdict, decided.by_expert, decided.state) == ("mining", True, "decided")
    assert expert.get("/api/desk/escalated/").json()["reason"] == "none_escalated"


def test_a_volunteer_cannot_decide(alice: User, segmented_tile: Any, client_of: Callable) -> None:
    body = {
        "id": str(uuid4()),
        "segmented_tile": segmented_tile.pk,
        "labels": [{"superpixel": 1, "verdict": "mining"}],
        "decides": True,
    }
    assert client_of(alice).post(SUBMIT, body, content_type="application/json").status_code == 403
    assert Submission.objects.count() == 0


def test_newcomers_continue_what_others_have_begun_and_the_reliable_begin(
    make_tile: Callable, client_of: Callable
) -> None:
    fresh, begun = (make_tile(seed).segmented.get() for seed in (1, 2))
    first, newcomer, old_hand = people(3)
    say(first, begun, {1: "not_mining"})
    assert ask(client_of(newcomer))["tile"]["segmented_tile"] == begun.pk
    VolunteerRecord.objects.create(volunteer=old_hand, confusion=[[40, 2, 0], [2, 90, 0], [0, 1, 9]])
    assert ask(client_of(old_hand))["tile"]["segmented_tile"] == fresh.pk


@pytest.mark.django_db(transaction=True)
def test_thirty_people_racing_for_two_tiles_get_them_no_oftener_than_wanted(
    make_tile: Callable, client_of: Callable
) -> None:
    for seed in (1, 2):
        make_tile(seed)
    racers = people(30)
    start = threading.Barrier(len(racers))
    served: list[int] = []

    def race(person: User) -> None:
        client = client_of(person)
        start.wait()
        tile = ask(client)["tile"]
        if tile:
            served.append(tile["segmented_tile"])
        connections.close_all()

    threads = [threading.Thread(target=race, args=(person,)) for person in racers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(served.count(tile) for tile in set(served)) == [2, 2]
    assert list(TileProgress.objects.values_list("claims", "free")) == [(2, 0), (2, 0)]


# Consensus -----------------------------------------------------------------------------------------------------------


def test_vote_by_vote_and_in_full_come_to_the_same(make_tile: Callable, bob: User, alice: User) -> None:
    """Twelve people of different skill on eight tiles; experts decide here and there; somebody takes votes back."""
    chance = random.Random(5)
    tiles = [make_tile(seed).segmented.get() for seed in range(8)]
    crowd = people(12)
    skill = {person.pk: 0.6 + 0.35 * number / 11 for number, person in enumerate(crowd)}
    DeskRules.objects.create(region=tiles[0].tile.region, votes_at_least=5, votes_at_most=9)
    TileProgress.objects.update(wanted=9, free=9)
    truth = {
        (tile.pk, number): chance.random() < 0.25
        for tile in tiles
        for number in range(1, tile.superpixels + 1)
    }
    for tile in tiles:
        for person in chance.sample(crowd, 6):
            said = {}
            for number in range(1, tile.superpixels + 1):
                right = chance.random() < skill[person.pk]
                said[number] = "mining" if truth[tile.pk, number] == right else "not_mining"
                if chance.random() < 0.05:
                    said[number] = "unsure"
            submission = say(person, tile, said)
            if chance.random() < 0.1:
                withdraw_submission(submission_id=submission.pk, acting_user=person)
    expert_labels(
        segmented_tile=tiles[0],
        labels=[{"superpixel": 1, "verdict": "not_mining", "look_alike": "sand_pit"}],
        acting_user=bob,
        origin="review",
    )
    step_by_step = stored()
    call_command("recompute_consensus", "--json")
    in_full = stored()
    assert step_by_step.keys() == in_full.keys()
    # What is counted is equal; what is estimated is nearly so.
    for part, row in in_full.items():
        assert step_by_step[part][1] == row[1]
        assert step_by_step[part][3] == row[3]
    same = sum(step_by_step[part][0] == row[0] for part, row in in_full.items())
    assert same >= 0.95 * len(in_full)
    differences = [abs(step_by_step[part][7] - row[7]) for part, row in in_full.items()]
    assert sum(differences) / len(differences) < 0.05
    decided = in_full[tiles[0].pk, 1, 0]
    assert (decided[0], decided[2], decided[5]) == ("not_mining", "sand_pit", True)
    right = [
        (row[0] == "mining") == truth[part[0], part[1]] for part, row in in_full.items() if row[0] != "unsure"
    ]
    assert sum(right) / len(right) > 0.85
    call_command("recompute_consensus", "--json")
    assert stored() == in_full, "a second time changes nothing"


def test_a_mixed_superpixel_is_labelled_piece_by_piece(
    alice: User, segmented_tile: Any, client_of: Callable
) -> None:
    from detection.description.fragments import fragment_counts

    client = client_of(alice)
    last = fragment_counts(segmented_tile)[0]
    assert last >= 2
    wrong = [
        ([(1, "mining", 1)], "say that it is mixed"),
        ([(1, "mixed"), (1, "mining", last + 1)], f"its fragments are 1 to {last}"),
        ([(1, "mixed"), (1, "mixed", 1)], "is not divided any further"),
    ]
    for labels, sentence in wrong:
        response = send(client, segmented_tile, *labels)
        assert response.status_code == 400
        assert sentence in response.json()["error"]["message"]
    assert (
        send(client, segmented_tile, (1, "mixed"), (1, "mining", 1), (1, "not_mining", 2)).status_code == 201
    )
    said = dict(Consensus.objects.values_list("piece", "majority"))
    assert said == {0: "mixed", 1: "mining", 2: "not_mining"}


# Conduct -------------------------------------------------------------------------------------------------------------


def test_a_bot_that_fails_known_answers_is_quarantined_and_its_votes_weigh_nothing(
    make_tile: Callable, client_of: Callable, carol: User
) -> None:
    bot, one = people(2)
    tiles = [make_tile(seed).segmented.get() for seed in range(6)]
    for tile in tiles[1:]:
        half = tile.superpixels // 2
        answers = {
            str(number): {"verdict": "mining" if number <= half else "not_mining"}
            for number in range(1, tile.superpixels + 1)
        }
        GoldStandardTile.objects.create(
            segmented_tile=tile, region=tile.tile.region, use="check", answers=answers
        )
    say(bot, tiles[0], {1: "mining", 2: "mining"})
    say(one, tiles[0], {1: "not_mining", 2: "not_mining"})
    for tile in tiles[1:]:
        say(bot, tile, dict.fromkeys(range(1, tile.superpixels + 1), "mining"))
        if VolunteerRecord.objects.get(volunteer=bot).quarantined_at:
            break
    row = VolunteerRecord.objects.get(volunteer=bot)
    assert row.quarantined_at is not None
    assert row.quarantine_reason in ("fails_known", "one_answer")
    assert Label.objects.filter(submission__volunteer=bot).count() <= 200
    assert AuditEntry.objects.filter(verb="volunteer.quarantined", object_id=str(bot.pk)).exists()
    work_off_jobs()
    assert set(Submission.objects.filter(volunteer=bot).values_list("spare", flat=True)) == {"quarantine"}
    assert Consensus.objects.get(segmented_tile=tiles[0], superpixel=1).votes == 1
    assert TileProgress.objects.get(segmented_tile=tiles[0]).votes == 1
    # Its votes are kept, and count again when an admin says so.
    end_quarantine(volunteer=bot, acting_user=carol)
    work_off_jobs()
    assert Consensus.objects.get(segmented_tile=tiles[0], superpixel=1).votes == 2
    assert VolunteerRecord.objects.get(volunteer=bot).trusted_at
    # On gold-standard tiles too, which ask for no votes.
    assert set(Submission.objects.filter(volunteer=bot).values_list("spare", flat=True)) == {""}


def test_everything_one_account_said_is_taken_back_in_one_action_and_the_consensus_follows(
    make_tile: Callable, carol: User
) -> None:
    vandal, honest = people(2)
    tiles = [make_tile(seed).segmented.get() for seed in range(3)]
    for tile in tiles:
        say(vandal, tile, {1: "mining", 2: "mining"})
        say(honest, tile, {1: "not_mining"})
    before = AuditEntry.objects.count()
    reverse_account(volunteer=vandal, acting_user=carol)
    work_off_jobs()
    entry = AuditEntry.objects.get(verb="volunteer.reversed")
    assert (entry.actor, entry.details) == (carol, {"tiles": 3, "labels": 6})
    assert AuditEntry.objects.count() - before <= 4
    assert set(Consensus.objects.values_list("superpixel", "verdict", "votes")) == {(1, "not_mining", 1)}
    assert set(TileProgress.objects.values_list("votes", flat=True)) == {1}
    assert Label.objects.count() == 9, "kept on record"
    table = VolunteerRecord.objects.get(volunteer=vandal).confusion
    assert sum(sum(row) for row in table) == pytest.approx(0, abs=0.01)
