"""Carol, the admin, runs the crowd: volunteers, desks' rules, suggestion bias, look-alikes, gold-standard tiles."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from amberapp import jobs
from amberapp.models import AuditEntry, Job, User
from labeling.crowd.accounts import REVERSE_JOB
from labeling.crowd.gold_standard import make_gold_standard
from labeling.desk.consensus import PRIOR
from labeling.models import (
    Consensus,
    DeskRules,
    Submission,
    TileProgress,
    VolunteerRecord,
)
from tests.labeling.crowd.labelling import decide, label, people, questions
from tests.pages import CROWD_PAGES

pytestmark = pytest.mark.django_db


# Doors ---------------------------------------------------------------------------------------------------------------


def test_only_admins_pass_the_doors(
    alice: User, bob: User, said: Submission, segmented_tile: Any, client: Any, client_of: Callable
) -> None:
    decide(segmented_tile, bob, p1="mining", p2="not_mining")
    known = make_gold_standard(segmented_tile=segmented_tile, use="check", acting_user=bob)
    deeds = [
        "/manage/volunteers/alice/quarantine/",
        "/manage/volunteers/alice/trust/",
        "/manage/volunteers/alice/reverse/",
        "/manage/regions/testshire/desk/",
        "/manage/look-alikes/new/",
        "/manage/look-alikes/snow/",
        "/manage/look-alikes/snow/move/",
        "/manage/look-alikes/snow/retire/",
        "/manage/look-alikes/snow/back/",
        "/manage/known-tiles/new/",
        *(f"/manage/known-tiles/{known.pk}/{deed}" for deed in ("", "use/", "move/", "off/")),
    ]
    before = AuditEntry.objects.count()
    for address in [*CROWD_PAGES, f"/manage/known-tiles/{known.pk}/"]:
        assert client.get(address).status_code == 302, address
        for person in (alice, bob):
            assert client_of(person).get(address).status_code == 403, address
    for address in deeds:
        assert client.post(address).status_code == 302, address
        for person in (alice, bob):
            assert client_of(person).post(address).status_code == 403, address
    assert AuditEntry.objects.count() == before


def test_deeds_are_not_done_by_following_a_link(carol: User, said: Submission, client_of: Callable) -> None:
    client = client_of(carol)
    for address in (
        "/manage/volunteers/alice/quarantine/",
        "/manage/volunteers/alice/reverse/",
        "/manage/look-alikes/snow/retire/",
    ):
        assert client.get(address).status_code == 405, address


@pytest.mark.parametrize(
    "address",
    [
        "/manage/volunteers/nobody/",
        "/manage/regions/nowhere/desk/",
        "/manage/look-alikes/unicorn/",
        "/manage/known-tiles/99999999999999999999/",
    ],
)
def test_what_is_not_there(carol: User, client_of: Callable, address: str) -> None:
    assert client_of(carol).get(address).status_code == 404


def test_every_page_shows_itself_on_an_empty_site(carol: User, client_of: Callable) -> None:
    client = client_of(carol)
    for address in CROWD_PAGES:
        if "alice" not in address and "testshire" not in address:
            assert client.get(address).status_code == 200, address


# Volunteers ----------------------------------------------------------------------------------------------------------


def test_the_list_asks_the_database_no_more_for_two_hundred_volunteers(
    carol: User, said: Submission, client_of: Callable
) -> None:
    client = client_of(carol)
    with_one = questions(client, "/manage/volunteers/")
    assert with_one <= 8
    people(200)
    assert questions(client, "/manage/volunteers/") == with_one
    assert questions(client, "/manage/volunteers/?sort=labels") <= with_one
    page = client.get("/manage/volunteers/?page=2").content.decode()
    assert page.count("<tr>") == 52
    assert "Page 2 of 5" in page


def test_carol_finds_a_person_by_name_state_and_figures(
    carol: User, said: Submission, client_of: Callable
) -> None:
    made = people(12)
    VolunteerRecord.objects.filter(volunteer=made[3]).update(
        quarantined_at=timezone.now(), quarantine_reason="too_fast"
    )
    client = client_of(carol)

    def names(query: str) -> list[str]:
        return [one.username for one in client.get(f"/manage/volunteers/?{query}").context["page"]]

    assert names("q=son-00") == [f"person-{number:03d}" for number in range(10)]
    assert names("state=quarantined") == ["person-003"]
    assert names("sort=state")[0] == "person-003"
    assert names("sort=labels")[0] == "alice"
    assert names("sort=labels&order=up")[-1] == "alice"
    assert names("sort=name&order=down")[0] == "person-011"
    best = names("sort=right")
    assert best[0] in ("person-004", "person-009")
    assert best[-1] == "alice", "nobody else spoke of her superpixels: nothing to be sorted by"
    assert "faster than anybody can look" in client.get("/manage/volunteers/").content.decode()
    assert "Nobody fits" in client.get("/manage/volunteers/?q=zzz").content.decode()


def test_a_persons_page_shows_the_matrix_and_asks_no_more_for_more_tiles(
    carol: User, alice: User, make_tile: Callable, client_of: Callable
) -> None:
    first = make_tile(1).segmented.get()
    label(first, alice, p1="mining", p2="not_mining")
    VolunteerRecord.objects.filter(volunteer=alice).update(
        confusion=[[6, 2, 0], [1, 11, 0], [0, 0, 0]], known=[[3, 1, 0], [0, 4, 0], [0, 0, 0]]
    )
    client = client_of(carol)
    page = client.get("/manage/volunteers/alice/").content.decode()
    sure = 11 + PRIOR[1, 1]
    assert f"{sure / (12 + PRIOR[1].sum()):.2f}" in page
    assert "7 right, 1 wrong" in page
    assert "tile-1.jpg" in page
    with_one = questions(client, "/manage/volunteers/alice/")
    assert with_one <= 16
    for number in range(2, 7):
        label(make_tile(number).segmented.get(), alice, p1="mining")
    assert questions(client, "/manage/volunteers/alice/") == with_one


def test_a_volunteers_page_tells_moments_in_the_time_of_the_site(
    carol: User, alice: User, said: Submission, client_of: Callable, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    since = datetime(2026, 3, 5, 20, 30, tzinfo=UTC)
    VolunteerRecord.objects.update_or_create(
        volunteer=alice, defaults={"quarantined_at": since, "quarantine_reason": "too_fast"}
    )
    page = client_of(carol).get("/manage/volunteers/alice/").content.decode()
    sentence = page.partition("In quarantine since ")[2][:40]
    assert "6 Mar" in sentence or "March 6" in sentence, sentence
    assert "5:30" in sentence


def test_carol_puts_alice_in_quarantine_and_lets_her_go_on(
    carol: User, alice: User, said: Submission, client_of: Callable
) -> None:
    client = client_of(carol)
    assert client.post("/manage/volunteers/alice/quarantine/").url == "/manage/volunteers/alice/"
    assert VolunteerRecord.objects.get(volunteer=alice).quarantine_reason == "admin"
    entry = AuditEntry.objects.get(verb="volunteer.quarantined")
    assert (entry.actor, entry.object_name) == (carol, "alice")
    page = client.get("/manage/volunteers/alice/").content.decode()
    assert "In quarantine since" in page
    assert "data-job=" in page
    assert client.post("/manage/volunteers/alice/quarantine/").status_code == 409
    client.post("/manage/volunteers/alice/trust/")
    assert VolunteerRecord.objects.get(volunteer=alice).quarantined_at is None
    assert "An admin looked" in client.get("/manage/volunteers/alice/").content.decode()


def test_carol_takes_back_everything_alice_said(
    carol: User, alice: User, said: Submission, client_of: Callable
) -> None:
    client = client_of(carol)
    asked = client.get("/manage/volunteers/alice/").content.decode()
    assert "Take back 1 tile with 2 labels of alice?" in asked
    client.post("/manage/volunteers/alice/reverse/")
    job = Job.objects.get(kind=REVERSE_JOB)
    assert f'data-job="/api/jobs/{job.pk}/"' in client.get("/manage/volunteers/alice/").content.decode()
    assert jobs.execute(job.pk)
    assert not Consensus.objects.exists()
    entry = AuditEntry.objects.get(verb="volunteer.reversed")
    assert (entry.actor, entry.details["tiles"], entry.details["labels"]) == (carol, 1, 2)
    page = client.get("/manage/volunteers/alice/").content.decode()
    assert "taken back" in page
    assert "Take everything back" not in page


# Desks ---------------------------------------------------------------------------------------------------------------


RULES = {
    "votes_at_least": "3",
    "votes_at_most": "9",
    "retire_at": "97.5",
    "lease_minutes": "45",
    "known_share": "8",
    "blind_share": "30",
    "random_share": "12.5",
}


def test_carol_changes_the_rules_of_a_desk(
    carol: User, region: Any, segmented_tile: Any, client_of: Callable
) -> None:
    client = client_of(carol)
    address = "/manage/regions/testshire/desk/"
    page = client.get(address).content.decode()
    assert 'name="retire_at" value="95"' in page
    assert client.post(address, RULES).url == address
    rules = DeskRules.objects.get(region=region)
    assert (rules.votes_at_least, rules.votes_at_most, rules.lease_minutes) == (3, 9, 45)
    assert (rules.retire_at, rules.known_share, rules.blind_share, rules.random_share) == (
        0.975,
        0.08,
        0.3,
        0.125,
    )
    assert TileProgress.objects.get().wanted == 3
    entry = AuditEntry.objects.get(verb="desk_rules.changed")
    assert entry.details["retire_at"] == [0.95, 0.975]
    assert "3 to 9 people" in client.get("/manage/desks/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("retire_at", "101", "less than or equal to 99.99"),
        ("known_share", "60", "less than or equal to 50"),
        ("votes_at_most", "2", "cannot be shown to fewer people"),
        ("lease_minutes", "soon", "whole number"),
    ],
)
def test_a_rule_that_does_not_do_is_told_beside_its_field(
    carol: User, region: Any, client_of: Callable, field: str, value: str, told: str
) -> None:
    answer = client_of(carol).post("/manage/regions/testshire/desk/", {**RULES, field: value})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert told in page
    assert f'id="id_{field}_error"' in page
    assert not DeskRules.objects.exists()


def test_the_desks_count_what_waits_and_what_is_settled(
    carol: User, alice: User, bob: User, dora: User, make_tile: Callable, client_of: Callable
) -> None:
    tiles = [make_tile(number).segmented.get() for number in (1, 2, 3)]
    label(tiles[0], alice, p1="mining")
    decide(tiles[0], bob, p1="mining", p2="not_mining")
    TileProgress.objects.filter(segmented_tile=tiles[2]).update(escalated=4)
    client = client_of(carol)
    ((_region, figures, _rules),) = client.get("/manage/desks/").context["rows"]
    assert (figures.tiles, figures.waiting, figures.decided, figures.escalated) == (3, 3, 2, 4)
    page = client.get("/manage/").content.decode()
    assert "/label/?region=testshire&amp;escalated=1" in page
    with_three = questions(client, "/manage/desks/")
    make_tile(4)
    assert questions(client, "/manage/desks/") == with_three <= 9
