"""The demo knows the answers of its clearest scenes: three lessons and four checks, of scenes that show something."""

from collections.abc import Callable

import numpy as np
import pytest

from amberapp.models import User
from detection.description.segment import load_labels
from labeling.crowd.tutorial import take_lesson
from labeling.demo.gold_standard import make_gold_standard_where_clear, pass_tutorial, shares
from labeling.models import GoldStandardTile, TileProgress, VolunteerRecord

pytestmark = pytest.mark.django_db

GREY = np.full((200, 200, 3), 90, np.uint8)
WHOLE = np.zeros((200, 200), bool)


def dug() -> np.ndarray:
    truth = WHOLE.copy()
    truth[:, :100] = True
    return truth


def test_shares_are_means_over_superpixels() -> None:
    labels = np.array([[1, 1, 2], [1, 2, 2]])
    assert shares(labels, np.array([[True, False, False], [True, False, False]])).tolist() == pytest.approx(
        [2 / 3, 0]
    )


def test_a_scene_of_mining_becomes_a_short_lesson_that_can_be_passed(
    alice: User, make_tile: Callable
) -> None:
    tile = make_tile(1).segmented.get()
    known = make_gold_standard_where_clear(tile, "mining", GREY, dug())
    assert known is not None
    assert known.use == "lesson"
    mined = shares(load_labels(tile), dug())
    for number, answer in known.answers.items():
        share = mined[int(number) - 1]
        assert share >= 0.5 if answer["verdict"] == "mining" else share <= 0.05
        assert answer["why"]["en"] and answer["why"]["uk"]
    verdicts = [answer["verdict"] for answer in known.answers.values()]
    assert (verdicts.count("mining"), verdicts.count("not_mining")) == (4, 4)
    assert TileProgress.objects.get(segmented_tile=tile).free == 0
    right = {int(number): answer["verdict"] for number, answer in known.answers.items()}
    assert take_lesson(volunteer=alice, gold_standard_tile=known, answers=right).tutorial_passed
    assert make_gold_standard_where_clear(tile, "mining", GREY, dug()) is None, "twice changes nothing"


def test_seven_tiles_are_known_and_no_more(make_tile: Callable) -> None:
    kinds = ["mining", "forest", "clear_cut", "village", "mining", "snow", "mining", "clear_cut"]
    kinds += ["mining", "mining", "village", "clear_cut"]
    for number, kind in enumerate(kinds, start=1):
        truth = dug() if kind == "mining" else WHOLE
        make_gold_standard_where_clear(make_tile(number).segmented.get(), kind, GREY, truth)
    uses = list(GoldStandardTile.objects.values_list("use", flat=True))
    assert (uses.count("lesson"), uses.count("check")) == (3, 4)
    decoys = {
        answer["look_alike"] for known in GoldStandardTile.objects.all() for answer in known.answers.values()
    }
    assert decoys == {"", "deforestation", "settlement"}


def test_a_scene_with_little_of_mining_teaches_nothing(make_tile: Callable) -> None:
    truth = WHOLE.copy()
    truth[:20, :20] = True
    assert make_gold_standard_where_clear(make_tile(1).segmented.get(), "mining", GREY, truth) is None


def test_the_simulated_crowd_has_been_taught_and_maria_has_not(alice: User, bob: User) -> None:
    pass_tutorial([bob])
    pass_tutorial([bob])
    assert VolunteerRecord.objects.get(volunteer=bob).tutorial_passed_at is not None
    assert not VolunteerRecord.objects.filter(volunteer=alice).exists()
