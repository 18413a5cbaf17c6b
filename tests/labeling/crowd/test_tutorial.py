"""The tutorial decides on the server who has passed; before that labels are kept and do not count."""

from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from amberapp.models import AuditEntry
from labeling.models import (
    GoldStandardTile,
    GoldStandardUse,
    LookAlike,
    NotCounted,
    Submission,
    TileProgress,
    VolunteerRecord,
)

pytestmark = pytest.mark.django_db

ANSWERS = {
    "1": {"verdict": "mining", "look_alike": "", "why": {"en": "Round pits.", "uk": "Круглі ями."}},
    "2": {"verdict": "mining", "look_alike": "", "why": {}},
    "3": {"verdict": "not_mining", "look_alike": "sand_pit", "why": {}},
    "4": {"verdict": "not_mining", "look_alike": "", "why": {}},
    "5": {"verdict": "not_mining", "look_alike": "", "why": {}},
}
RIGHT = {number: answer["verdict"] for number, answer in ANSWERS.items()}


@pytest.fixture
def lesson(make_tile: Any, region: Any, carol: Any) -> Any:
    def make(seed: int = 11, position: int = 0, use: str = GoldStandardUse.LESSON) -> GoldStandardTile:
        return GoldStandardTile.objects.create(
            segmented_tile=make_tile(seed).segmented.get(),
            region=region,
            use=use,
            position=position,
            answers=ANSWERS,
            created_by=carol,
        )

    return make


@pytest.fixture
def take(client_of: Any) -> Any:
    def do(person: Any, known: GoldStandardTile, answers: dict[str, str]) -> Any:
        address = reverse("api-tutorial-lesson", args=[known.pk])
        return client_of(person).post(address, {"answers": answers}, content_type="application/json")

    return do


def passed(person: Any) -> bool:
    return VolunteerRecord.objects.filter(volunteer=person, tutorial_passed_at__isnull=False).exists()


def test_alice_passes_when_every_lesson_is_right(alice: Any, lesson: Any, take: Any) -> None:
    first, second = lesson(11, 0), lesson(12, 1)
    answer = take(alice, first, RIGHT).json()
    assert answer == {"right": 5, "asked": 5, "passed": True, "tutorial_passed": False}
    assert not passed(alice)
    assert take(alice, second, RIGHT).json()["tutorial_passed"] is True
    assert passed(alice)
    verbs = list(AuditEntry.objects.filter(actor=alice).order_by("id").values_list("verb", flat=True))
    assert verbs == ["tutorial.lesson_passed", "tutorial.lesson_passed", "tutorial.passed"]


def test_four_of_five_are_enough_when_each_class_is_half_right(alice: Any, lesson: Any, take: Any) -> None:
    known = lesson()
    assert take(alice, known, RIGHT | {"2": "not_mining"}).json()["passed"] is True


@pytest.mark.parametrize(
    "said",
    [
        dict.fromkeys(RIGHT, "not_mining"),
        RIGHT | {"1": "not_mining", "2": "not_mining"},
        RIGHT | {"4": "mining", "5": "unsure"},
        {number: verdict for number, verdict in RIGHT.items() if number in "123"},
        {},
    ],
    ids=["one answer", "a class all wrong", "three of five", "two left out", "nothing said"],
)
def test_a_lesson_that_is_not_passed_can_be_tried_again(
    alice: Any, lesson: Any, take: Any, said: dict[str, str]
) -> None:
    known = lesson()
    assert take(alice, known, said).json()["passed"] is False
    assert not passed(alice)
    assert take(alice, known, RIGHT).json()["tutorial_passed"] is True


def test_what_is_not_asked_about_is_neither_right_nor_wrong(alice: Any, lesson: Any, take: Any) -> None:
    known = lesson()
    assert take(alice, known, RIGHT | {"6": "mining", "7": "unsure"}).json()["right"] == 5


def test_the_page_gets_reasons_in_the_readers_language(alice: Any, lesson: Any, client_of: Any) -> None:
    lesson()
    client = client_of(alice)
    (told,) = client.get(reverse("api-tutorial"), headers={"accept-language": "en"}).json()["lessons"]
    assert told["answers"]["1"]["why"] == "Round pits."
    assert told["answers"]["3"]["why"] == LookAlike.objects.get(pk="sand_pit").hints["en"]
    assert told["answers"]["3"]["look_alike"] == "Sand pit"
    assert told["answers"]["2"]["why"]
    assert told["passed"] is False
    client.post("/i18n/setlang/", {"language": "uk"})
    (told,) = client.get(reverse("api-tutorial")).json()["lessons"]
    assert told["answers"]["1"]["why"] == "Круглі ями."


def test_experts_may_leave_it_out_and_volunteers_may_not(
    alice: Any, bob: Any, lesson: Any, client_of: Any
) -> None:
    lesson()
    assert client_of(alice).post(reverse("api-tutorial-know")).status_code == 403
    assert not passed(alice)
    for _ in range(2):
        assert client_of(bob).post(reverse("api-tutorial-know")).status_code == 200
    assert passed(bob)
    assert AuditEntry.objects.filter(actor=bob, verb="tutorial.passed").count() == 1


def test_known_answers_that_are_mixed_in_are_no_lessons(
    alice: Any, lesson: Any, take: Any, client_of: Any
) -> None:
    check = lesson(13, use=GoldStandardUse.CHECK)
    assert take(alice, check, RIGHT).status_code == 404
    assert client_of(alice).get(reverse("api-tutorial")).json()["lessons"] == []


def test_answers_that_are_none_are_refused(alice: Any, lesson: Any, take: Any) -> None:
    known = lesson()
    assert take(alice, known, {"1": "gold"}).status_code == 400
    assert take(alice, known, {"one": "mining"}).status_code == 400


def test_before_passing_the_desk_gives_no_tile_and_labels_do_not_count(
    alice: Any, lesson: Any, take: Any, make_tile: Any, client_of: Any
) -> None:
    known = lesson()
    TileProgress.objects.update(free=0, wanted=0)  # a gold-standard tile is never in the ordinary queue
    tile = make_tile(1).segmented.get()
    client = client_of(alice)

    def ask() -> Any:
        return client.post(reverse("api-desk-next"), {"region": ""}, content_type="application/json").json()

    assert ask()["reason"] == "tutorial"
    sent = {
        "id": str(uuid4()),
        "segmented_tile": tile.pk,
        "labels": [{"superpixel": 1, "verdict": "mining"}],
    }
    receipt = client.post(reverse("api-desk-submissions"), sent, content_type="application/json").json()
    assert receipt["submission"]["spare"] == NotCounted.TUTORIAL
    assert receipt["message"]
    take(alice, known, RIGHT)
    assert ask()["reason"] == "all_labelled"
    assert Submission.objects.get().spare == NotCounted.TUTORIAL, "it stays as it was"


def test_the_page_needs_a_login(client: Any, alice: Any, client_of: Any) -> None:
    assert client.get(reverse("tutorial")).status_code == 302
    assert client_of(alice).get(reverse("tutorial")).status_code == 200
