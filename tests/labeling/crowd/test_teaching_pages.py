"""Carol runs what the crowd learns from: anchoring by suggestions, look-alikes, gold-standard tiles."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from amberapp.models import AuditEntry, User
from labeling.crowd.gold_standard import make_gold_standard, take_off
from labeling.crowd.suggestion_bias import suggestion_bias
from labeling.desk.aggregation.proportions import newcombe, spread, wilson
from labeling.desk.labels import submit_labels
from labeling.models import (
    Consensus,
    GoldStandardTile,
    LookAlike,
    Submission,
    TileProgress,
    VolunteerRecord,
)
from tests.findings import make_classifier, make_run
from tests.labeling.crowd.labelling import decide, label, people, questions

pytestmark = pytest.mark.django_db


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
