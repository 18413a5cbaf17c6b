"""Carol, the admin, runs the crowd: volunteers, desks' rules, suggestion bias, look-alikes, gold-standard tiles."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from amberapp import jobs
from amberapp.models import AuditEntry, Job, User
from labeling.crowd.accounts import REVERSE_JOB
from labeling.crowd.gold_standard import make_gold_standard, take_off
from labeling.crowd.suggestion_bias import suggestion_bias
from labeling.desk.aggregation.proportions import newcombe, spread, wilson
from labeling.desk.consensus import PRIOR
from labeling.desk.labels import expert_labels, submit_labels
from labeling.models import (
    Consensus,
    DeskRules,
    GoldStandardTile,
    LookAlike,
    Submission,
    TileProgress,
    VolunteerRecord,
)
from tests.findings import make_classifier, make_run

pytestmark = pytest.mark.django_db

PAGES = [
    "/manage/volunteers/",
    "/manage/volunteers/alice/",
    "/manage/desks/",
    "/manage/regions/testshire/desk/",
    "/manage/anchoring/",
    "/manage/look-alikes/",
    "/manage/look-alikes/new/",
    "/manage/look-alikes/snow/",
    "/manage/known-tiles/",
    "/manage/known-tiles/new/",
]


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


@pytest.fixture
def said(alice: User, segmented_tile: Any) -> Submission:
    return label(segmented_tile, alice, p1="mining", p2="not_mining")


def questions(client: Any, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


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
    for address in [*PAGES, f"/manage/known-tiles/{known.pk}/"]:
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
    for address in PAGES:
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


# Suggestion bias -----------------------------------------------------------------------------------------------------


def test_anchoring_compares_what_was_shown_with_what_was_not(
    carol: User, bob: User, make_tile: Callable, client_of: Callable
) -> None:
    client = client_of(carol)
    assert "Nothing to compare yet" in client.get("/manage/anchoring/").content.decode()
    tile = make_tile(1)
    segmented = tile.segmented.get()
    run = make_run(make_classifier(tile.region), [tile])
    for number, person in enumerate(people(40)):
        blind = number % 2 == 1
        submission = label(
            segmented, person, p1="mining" if number % 4 < 2 else "not_mining", p2="not_mining"
        )
        Submission.objects.filter(pk=submission.pk).update(
            run=run, blind=blind, compared=10, agreeing=(6 if blind else 9) + number % 3 - 1
        )
    decide(segmented, bob, p1="mining")
    (one,) = suggestion_bias()
    assert (one.shown.tiles, one.shown.compared, one.blind.tiles) == (20, 200, 20)
    assert one.pull == pytest.approx(0.3, abs=0.02)
    low, high = one.pull_interval
    assert 0.15 < low < one.pull < high < 0.45
    assert one.shown_right.compared == 20
    page = client.get("/manage/anchoring/").content.decode()
    assert "Suggestions bias them." in page
    assert "Agreement with experts" in page
    assert questions(client, "/manage/anchoring/") <= 7


def test_intervals_are_those_of_the_papers() -> None:
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662), "Newcombe 1998, table I"
    low, high = newcombe((56, 70), (48, 80))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339), "Newcombe 1998, table II, method 10"
    assert wilson(0, 0) == (0.0, 1.0)
    assert newcombe((0, 0), (3, 4)) == (-1.0, 1.0)
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)


def test_answers_that_come_in_bunches_are_worth_less() -> None:
    # Ten tiles of ten labels, five all right and five all wrong: worth about ten answers, not a hundred.
    hits, tries = spread(50, 100, 10, squares=10 * 25.0)
    assert hits / tries == pytest.approx(0.5)
    assert 8 < tries < 11
    # Every tile half right: as good as independent.
    assert spread(50, 100, 10, squares=0.0) == (50, 100)
    assert spread(7, 7, 1, squares=0.0) == (1.0, 1.0)
    assert spread(0, 0, 0, squares=0.0) == (0.0, 0.0)


# Look-alikes ---------------------------------------------------------------------------------------------------------


def offered() -> list[str]:
    return [row.slug for row in LookAlike.objects.filter(retired=False)]


def test_carol_adds_a_look_alike_that_the_desk_offers(
    carol: User, alice: User, segmented_tile: Any, client_of: Callable
) -> None:
    client = client_of(carol)
    fields = {"name_en": "Peat cutting", "name_uk": "Торфорозробка", "hint_en": "Straight ditches."}
    assert client.post("/manage/look-alikes/new/", fields).url == "/manage/look-alikes/"
    assert offered()[-1] == "peat_cutting"
    assert ("peat_cutting", "Peat cutting") in LookAlike.objects.choices()
    assert "Peat cutting" in client_of(alice).get("/label/").content.decode()
    submit_labels(
        submission_id=uuid4(),
        segmented_tile=segmented_tile,
        labels=[{"superpixel": 1, "verdict": "not_mining", "look_alike": "peat_cutting"}],
        acting_user=alice,
    )
    assert AuditEntry.objects.get(verb="look_alike.added").actor == carol


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"name_en": ""}, "name_en", "required"),
        ({"name_en": "x" * 41}, "name_en", "at most 40"),
        ({"name_en": "Snow"}, "name_en", "already"),
        ({"name_en": "Сніг"}, "name_en", "Latin letters"),
        ({"name_en": "Ice", "hint_uk": "х" * 201}, "hint_uk", "at most 200"),
    ],
)
def test_a_look_alike_that_does_not_do_is_told_beside_its_field(
    carol: User, client_of: Callable, fields: dict[str, str], field: str, told: str
) -> None:
    before = LookAlike.objects.count()
    answer = client_of(carol).post("/manage/look-alikes/new/", fields)
    assert answer.status_code == 400
    assert told in answer.content.decode()
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert LookAlike.objects.count() == before


def test_carol_changes_names_and_the_slug_stays(carol: User, client_of: Callable) -> None:
    client = client_of(carol)
    assert "Clear-cut forest" in client.get("/manage/look-alikes/deforestation/").content.decode()
    client.post("/manage/look-alikes/deforestation/", {"name_en": "Felled wood", "name_uk": "Вирубка"})
    assert LookAlike.objects.name_of("deforestation") == "Felled wood"
    assert AuditEntry.objects.filter(verb="look_alike.changed").count() == 1


def test_carol_reorders_retires_and_brings_back(
    carol: User, alice: User, segmented_tile: Any, client_of: Callable
) -> None:
    client = client_of(carol)
    first, second = offered()[:2]
    client.post(f"/manage/look-alikes/{second}/move/", {"to": "up"})
    assert offered()[:2] == [second, first]
    client.post(f"/manage/look-alikes/{second}/move/", {"to": "up"})
    assert offered()[:2] == [second, first]
    client.post("/manage/look-alikes/snow/retire/")
    assert "snow" not in offered()
    assert LookAlike.objects.name_of("snow") == "Snow", "what carries it keeps its name"
    assert "Offered no more" in client.get("/manage/look-alikes/").content.decode()
    client.post("/manage/look-alikes/snow/back/")
    assert "snow" in offered()


def test_at_most_twenty_are_offered_and_one_always(carol: User, client_of: Callable) -> None:
    client = client_of(carol)
    for number in range(LookAlike.objects.count(), 20):
        client.post("/manage/look-alikes/new/", {"name_en": f"Kind {number}"})
    answer = client.post("/manage/look-alikes/new/", {"name_en": "One more"})
    assert answer.status_code == 400
    assert "retire one first" in answer.content.decode()
    for slug in offered()[1:]:
        client.post(f"/manage/look-alikes/{slug}/retire/")
    assert client.post(f"/manage/look-alikes/{offered()[0]}/retire/").status_code == 409
    assert len(offered()) == 1


# Gold-standard tiles -------------------------------------------------------------------------------------------------


def test_carol_makes_a_tile_known_that_an_expert_has_decided(
    carol: User, bob: User, alice: User, region: Any, make_tile: Callable, client_of: Callable
) -> None:
    tile = make_tile(1).segmented.get()
    client = client_of(carol)
    assert "No tile is certain yet" in client.get("/manage/known-tiles/new/").content.decode()
    label(tile, alice, p1="not_mining", p2="not_mining", p3="mining")
    refused = client.post("/manage/known-tiles/new/", {"tile": tile.pk, "use": "lesson"})
    assert refused.status_code == 400
    decide(tile, bob, p1="mining", p2="not_mining")
    assert "tile-1.jpg" in client.get("/manage/known-tiles/new/").content.decode()
    answer = client.post("/manage/known-tiles/new/", {"tile": tile.pk, "use": "lesson"})
    known = GoldStandardTile.objects.get()
    assert answer.url == f"/manage/known-tiles/{known.pk}/"
    assert {number: one["verdict"] for number, one in known.answers.items()} == {
        "1": "mining",
        "2": "not_mining",
    }
    progress = TileProgress.objects.get(segmented_tile=tile)
    assert (progress.wanted, progress.free) == (0, 0), "not in the ordinary queue"
    assert "50% right, by 1 person" in client.get("/manage/known-tiles/").content.decode()
    assert client.post("/manage/known-tiles/new/", {"tile": tile.pk, "use": "check"}).status_code == 409
    assert client.post("/manage/known-tiles/new/", {"tile": "x", "use": "check"}).status_code == 404
    page = client.get(f"/manage/known-tiles/{known.pk}/").content.decode()
    assert page.count("<path") == 2
    client.post(f"/manage/known-tiles/{known.pk}/off/")
    assert not GoldStandardTile.objects.exists()
    progress.refresh_from_db()
    assert progress.free > 0, "it is back in the queue"
    assert AuditEntry.objects.get(verb="known_tile.taken_off").details["answers"]["1"]["verdict"] == "mining"


def test_what_the_crowd_is_sure_of_becomes_known_and_what_it_doubts_does_not(
    carol: User, make_tile: Callable
) -> None:
    tile = make_tile(1).segmented.get()
    for number, posterior in ((1, 0.995), (2, 0.96), (3, 0.999)):
        Consensus.objects.create(
            segmented_tile=tile, superpixel=number, verdict="not_mining", votes=3, agreeing=3,
            posterior=posterior, state="retired" if number < 3 else "open",
        )  # fmt: skip
    known = make_gold_standard(segmented_tile=tile, use="check", acting_user=carol)
    assert list(known.answers) == ["1"]


def test_known_answers_are_taken_as_true_and_forgotten_again(
    carol: User, alice: User, segmented_tile: Any
) -> None:
    label(segmented_tile, alice, p1="not_mining", p2="not_mining")
    answers = {1: {"verdict": "mining"}, 2: {"verdict": "not_mining"}}
    known = make_gold_standard(segmented_tile=segmented_tile, use="check", answers=answers, acting_user=carol)
    assert Consensus.objects.get(superpixel=1).verdict == "mining"
    assert VolunteerRecord.objects.get(volunteer=alice).confusion[0][1] == pytest.approx(1)
    take_off(known=known, acting_user=carol)
    assert Consensus.objects.get(superpixel=1).verdict != "mining"
    assert VolunteerRecord.objects.get(volunteer=alice).confusion[0][1] < 0.9


def test_carol_orders_lessons_switches_their_use_and_says_why(
    carol: User, bob: User, make_tile: Callable, client_of: Callable
) -> None:
    made = []
    for number in (1, 2, 3):
        tile = make_tile(number).segmented.get()
        decide(tile, bob, p1="mining", p2="not_mining", p3="not_mining")
        made.append(make_gold_standard(segmented_tile=tile, use="lesson", acting_user=carol))
    client = client_of(carol)

    def lessons() -> list[int]:
        return list(
            GoldStandardTile.objects.filter(use="lesson").order_by("position").values_list("pk", flat=True)
        )

    client.post(f"/manage/known-tiles/{made[2].pk}/move/", {"to": "up"})
    assert lessons() == [made[0].pk, made[2].pk, made[1].pk]
    client.post(f"/manage/known-tiles/{made[0].pk}/use/", {"use": "check"})
    assert lessons() == [made[2].pk, made[1].pk]
    assert client.post(f"/manage/known-tiles/{made[0].pk}/use/", {"use": "joke"}).status_code == 400
    address = f"/manage/known-tiles/{made[1].pk}/"
    said = {"why_1_en": "Round pits.", "why_1_uk": "Круглі ями.", "why_2_en": "A meadow."}
    assert client.post(address, said).url == address
    answers = GoldStandardTile.objects.get(pk=made[1].pk).answers
    assert answers["1"]["why"] == {"en": "Round pits.", "uk": "Круглі ями."}
    assert answers["3"]["why"] == {"en": "A meadow."}, "superpixels with one answer are told of together"
    assert client.post(address, {"why_1_en": "x" * 201}).status_code == 400
    assert "Round pits." in client.get(address).content.decode()


def test_the_known_tiles_ask_no_more_for_more_of_them(
    carol: User, bob: User, make_tile: Callable, client_of: Callable
) -> None:
    client = client_of(carol)
    for number in range(1, 8):
        tile = make_tile(number).segmented.get()
        decide(tile, bob, p1="mining", p2="not_mining")
        if number < 5:
            make_gold_standard(segmented_tile=tile, use="check", acting_user=carol)
        if number == 1:
            with_one = questions(client, "/manage/known-tiles/")
    assert questions(client, "/manage/known-tiles/") == with_one <= 9
    assert questions(client, "/manage/known-tiles/new/") <= 7
    assert len(client.get("/manage/known-tiles/new/").context["candidates"]) == 3
