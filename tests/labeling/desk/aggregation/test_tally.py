"""Votes, majority and agreement: each person counts once, unsure speaks for nobody, a decision settles."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.desk.aggregation.tally import UNSURE, Tally, most_named, tally

MINING, NOT_MINING, MIXED = 0, 1, 2
ALICE, BOB, CAROL, DORA = 10, 20, 30, 40


def count(
    *said: tuple[int, int, int], items: int = 1, truth: dict[int, int] | None = None, best: Any = None
) -> Tally:
    """`said`: (superpixel, person, answer); without `best` the posteriors follow the plain shares of answers."""
    item, rater, answer = (np.array([row[at] for row in said], np.int64) for at in range(3))
    shares = np.full((items, 3), np.nan)
    for number in range(items):
        spoken = [one for at, _person, one in said if at == number and one != UNSURE]
        if spoken:
            shares[number] = np.bincount(spoken, minlength=3) / len(spoken)
    settled = np.array([(truth or {}).get(number, -1) for number in range(items)])
    return tally(item, rater, answer, truth=settled, posteriors=shares if best is None else np.asarray(best))


def test_two_against_one_win() -> None:
    found = count((0, ALICE, MINING), (0, BOB, NOT_MINING), (0, CAROL, MINING))
    assert (found.majority[0], found.verdict[0], found.votes[0], found.agreeing[0]) == (MINING, MINING, 3, 2)


def test_a_tie_has_no_majority_and_a_doubtful_posterior_no_verdict() -> None:
    found = count((0, ALICE, MINING), (0, BOB, NOT_MINING))
    assert (found.majority[0], found.verdict[0], found.votes[0], found.agreeing[0]) == (UNSURE, UNSURE, 2, 0)


@pytest.mark.parametrize("verdict", [MINING, NOT_MINING, MIXED])
def test_unsure_does_not_speak_against(verdict: int) -> None:
    found = count((0, ALICE, verdict), (0, BOB, UNSURE), (0, CAROL, UNSURE))
    assert (found.majority[0], found.votes[0], found.deciding[0], found.agreeing[0]) == (verdict, 3, 1, 1)


def test_where_nobody_decided_it_is_unsure() -> None:
    found = count((0, ALICE, UNSURE), (0, BOB, UNSURE))
    assert (found.majority[0], found.verdict[0], found.deciding[0], found.agreeing[0]) == (
        UNSURE,
        UNSURE,
        0,
        2,
    )


def test_a_decision_settles_against_any_number_and_its_maker_is_one_person() -> None:
    said = [
        (0, DORA, NOT_MINING),
        (0, DORA, NOT_MINING),
        (0, ALICE, MINING),
        (0, BOB, MINING),
        (0, CAROL, MINING),
    ]
    found = count(*said, truth={0: NOT_MINING})
    assert (found.majority[0], found.verdict[0]) == (NOT_MINING, NOT_MINING)
    assert (found.votes[0], found.agreeing[0]) == (4, 1)


def test_the_verdict_may_differ_from_the_majority_where_the_few_are_the_better() -> None:
    said = [(0, ALICE, MINING), (0, BOB, NOT_MINING), (0, CAROL, NOT_MINING)]
    found = count(*said, best=[[0.9, 0.1, 0.0]])
    assert (found.majority[0], found.verdict[0], found.agreeing[0]) == (NOT_MINING, MINING, 1)


def test_superpixels_do_not_mix_and_one_without_votes_is_empty() -> None:
    found = count((1, ALICE, MINING), (0, ALICE, NOT_MINING), items=3)
    assert found.verdict.tolist() == [NOT_MINING, MINING, UNSURE]
    assert found.votes.tolist() == [1, 1, 0]


def test_nothing_said_nothing_counted() -> None:
    empty = np.zeros(0, np.int64)
    found = tally(empty, empty, empty, truth=empty, posteriors=np.zeros((0, 3)))
    assert found.votes.size == 0


def test_the_look_alike_most_people_named_is_kept() -> None:
    assert most_named(["snow", "field", "", "field"]) == "field"
    assert most_named(["snow", "field"]) == "field", "of equals the first in the alphabet"
    assert most_named(["", ""]) == ""


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 3)),
        min_size=1,
        max_size=40,
        unique_by=lambda row: row[:2],
    ),
    st.randoms(),
)
def test_the_order_of_the_votes_does_not_matter(said: list[tuple[int, int, int]], chance: Any) -> None:
    one = count(*said, items=4)
    shuffled = list(said)
    chance.shuffle(shuffled)
    other = count(*shuffled, items=4)
    for name in ("votes", "deciding", "majority", "verdict", "agreeing"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    assert (one.agreeing <= one.votes).all()
    assert (one.deciding <= one.votes).all()
