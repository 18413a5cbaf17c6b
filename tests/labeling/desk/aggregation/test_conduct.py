"""Bots are recognised within 200 labels; weak, careful, quick and unlucky volunteers are not taken for one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.desk.aggregation.conduct import (
    FAILS_KNOWN,
    ONE_ANSWER,
    TOO_FAST,
    Record,
    at_most,
    fails_known,
    one_answer,
    suspicion,
    too_fast,
)

MINING, NOT_MINING, MIXED = range(3)


def table(*rows: tuple[int, int, int]) -> tuple[tuple[int, int, int], ...]:
    return rows


NOTHING = table((0, 0, 0), (0, 0, 0), (0, 0, 0))


def test_somebody_new_is_not_suspected() -> None:
    assert suspicion(Record()) is None


def test_the_same_answer_to_everything_is_noticed_once_enough_of_it_is_wrong() -> None:
    assert suspicion(Record(settled=table((0, 15, 0), (0, 60, 0), (0, 2, 0)))) == ONE_ANSWER
    assert suspicion(Record(settled=table((9, 0, 0), (40, 0, 0), (1, 0, 0)))) == ONE_ANSWER
    assert suspicion(Record(settled=table((0, 0, 10), (0, 0, 30), (0, 0, 1)))) == ONE_ANSWER


def test_a_careful_volunteer_where_nothing_is_mined_is_left_alone() -> None:
    assert suspicion(Record(settled=table((0, 0, 0), (0, 5000, 0), (0, 0, 0)))) is None
    assert suspicion(Record(settled=table((0, 6, 0), (0, 5000, 0), (0, 3, 0)))) is None, (
        "the crowd errs now and then"
    )


def test_a_careful_volunteer_where_little_is_mined_is_left_alone_although_nearly_all_is_one_answer() -> None:
    assert suspicion(Record(settled=table((12, 8, 0), (2, 978, 0), (0, 5, 0)))) is None


def test_a_bot_that_gives_another_answer_now_and_then_is_still_one() -> None:
    assert suspicion(Record(settled=table((1, 30, 0), (4, 140, 0), (0, 4, 0)))) == ONE_ANSWER


def test_tiles_that_come_back_within_a_second_again_and_again_are_too_fast() -> None:
    assert suspicion(Record(seconds=(0.4, 0.3, 0.5, 0.4))) == TOO_FAST
    assert suspicion(Record(seconds=(0.4, 30, 0.3, 21, 0.5, 14, 0.4))) == TOO_FAST


@pytest.mark.parametrize(
    "seconds",
    [
        (1.2, 1.5, 1.3, 1.4, 1.2, 1.6),
        (0.4, 25, 31, 18, 0.6, 22, 19, 30),
        (4000, 4000.2, 3999, 12, 4001),
        (0.2, 0.2, 0.2, *[20.0] * 10),
        (),
    ],
    ids=["one action a tile", "two slips", "an offline burst", "long ago", "nothing measured"],
)
def test_quick_hands_slips_and_offline_bursts_are_no_sign(seconds: tuple[float, ...]) -> None:
    assert not too_fast(Record(seconds=seconds))


def test_worse_than_a_weak_volunteer_on_known_tiles_is_noticed() -> None:
    reversed_answers = table((4, 26, 0), (35, 10, 0), (0, 0, 0))
    assert suspicion(Record(settled=reversed_answers, known=reversed_answers)) == FAILS_KNOWN


def test_an_unlucky_weak_volunteer_passes_the_known_tiles() -> None:
    assert not fails_known(Record(known=table((6, 9, 0), (14, 21, 0), (0, 0, 0))))


def test_known_tiles_say_nothing_before_both_classes_were_seen() -> None:
    assert not fails_known(Record(known=table((0, 4, 0), (0, 200, 0), (0, 0, 0))))
    assert not fails_known(Record(known=table((0, 0, 0), (200, 0, 0), (0, 0, 0))))


def test_thousands_of_labels_are_judged_too() -> None:
    good = table((4000, 1000, 0), (1000, 9000, 0), (50, 50, 100))
    bad = table((0, 4000, 0), (0, 9000, 0), (0, 100, 0))
    assert suspicion(Record(settled=good, known=good)) is None
    assert one_answer(Record(settled=bad))


def labelling(recall: tuple[float, float, float], labels: int, draw: np.random.Generator) -> list[Record]:
    """The record after each of somebody's tiles of 25: every third tile mined, every eighth a known one."""
    settled, known, records = np.zeros((3, 3), dtype=int), np.zeros((3, 3), dtype=int), []
    for tile in range(labels // 25):
        is_known = tile % 8 == 2
        mined = 0.4 if is_known or tile % 3 == 0 else 0.0
        for true in draw.choice(3, 25, p=[mined, 0.97 - mined, 0.03]):
            said = true if draw.random() < recall[true] else (NOT_MINING if true != NOT_MINING else MINING)
            settled[true, said] += 1
            known[true, said] += is_known
        records.append(
            Record(settled=settled.tolist(), known=known.tolist(), seconds=tuple(draw.lognormal(3, 0.7, 9)))
        )
    return records


@pytest.mark.parametrize("recall", [(0.6, 0.6, 0.6), (0.6, 0.95, 0.6), (0.95, 0.6, 0.95), (0.8, 0.8, 0.8)])
def test_honest_volunteers_are_practically_never_put_in_quarantine(
    recall: tuple[float, float, float],
) -> None:
    draw = np.random.default_rng(7)
    caught = [
        reason for _ in range(150) for record in labelling(recall, 600, draw) if (reason := suspicion(record))
    ]
    assert not caught


@pytest.mark.parametrize("answer", [MINING, NOT_MINING, MIXED])
def test_a_one_answer_bot_is_out_within_200_labels(answer: int) -> None:
    draw = np.random.default_rng(8)
    for _ in range(50):
        settled, reasons = np.zeros((3, 3), dtype=int), []
        for tile in range(8):
            mined = 0.4 if tile % 2 else 0.0
            for true in draw.choice(3, 25, p=[mined, 0.97 - mined, 0.03]):
                settled[true, answer] += 1
            reasons.append(suspicion(Record(settled=settled.tolist())))
        assert ONE_ANSWER in reasons


@given(tries=st.integers(0, 400), chance=st.floats(0.05, 0.95), share=st.floats(0, 1))
def test_the_binomial_bound_is_a_probability_that_grows_with_the_hits(
    tries: int, chance: float, share: float
) -> None:
    hits = int(share * tries)
    assert 0 <= at_most(hits, tries, chance) <= at_most(min(hits + 1, tries), tries, chance) + 1e-12
    assert at_most(tries, tries, chance) == pytest.approx(1)
