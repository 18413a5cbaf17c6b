"""Majority of the people who decided; an expert settles; unsure speaks for nobody."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.consensus import MINING, NOT_MINING, UNSURE, Outcome, Vote, majority

ALICE, BOB, CAROL, DORA = 1, 2, 3, 4


def votes(*said: tuple[int, str], superpixel: int = 7) -> list[Vote]:
    return [
        Vote(superpixel=superpixel, voter=voter, verdict=verdict, order=order)
        for order, (voter, verdict) in enumerate(said)
    ]


def test_two_against_one_win() -> None:
    outcome = majority(votes((ALICE, MINING), (BOB, NOT_MINING), (CAROL, MINING)))
    assert outcome == {7: Outcome(verdict=MINING, votes=3, agreeing=2)}


def test_a_tie_is_unsure() -> None:
    assert majority(votes((ALICE, MINING), (BOB, NOT_MINING)))[7] == Outcome(UNSURE, votes=2, agreeing=0)


@pytest.mark.parametrize("verdict", [MINING, NOT_MINING])
def test_unsure_does_not_speak_against(verdict: str) -> None:
    outcome = majority(votes((ALICE, verdict), (BOB, UNSURE), (CAROL, UNSURE)))
    assert outcome[7] == Outcome(verdict, votes=3, agreeing=1)


def test_when_nobody_decided_it_is_unsure() -> None:
    assert majority(votes((ALICE, UNSURE), (BOB, UNSURE)))[7] == Outcome(UNSURE, votes=2, agreeing=2)


def test_a_person_counts_once_with_the_latest_they_said() -> None:
    outcome = majority(votes((ALICE, MINING), (BOB, NOT_MINING), (ALICE, NOT_MINING)))
    assert outcome[7] == Outcome(NOT_MINING, votes=2, agreeing=2)


def test_an_expert_settles_against_any_number() -> None:
    expert = Vote(7, DORA, NOT_MINING, order=0, look_alike="cemetery", expert=True)
    outcome = majority([expert, *votes((ALICE, MINING), (BOB, MINING), (CAROL, MINING))])
    assert outcome[7] == Outcome(NOT_MINING, votes=4, agreeing=1, look_alike="cemetery", by_expert=True)


def test_of_two_experts_the_latest_counts_and_an_unsure_one_settles_nothing() -> None:
    first = Vote(7, BOB, MINING, order=1, expert=True)
    second = Vote(7, DORA, NOT_MINING, order=2, expert=True)
    shrug = Vote(7, CAROL, UNSURE, order=3, expert=True)
    assert majority([first, second, shrug])[7].verdict == NOT_MINING
    assert majority([shrug, *votes((ALICE, MINING))])[7] == Outcome(MINING, votes=2, agreeing=1)


def test_the_look_alike_most_people_named_is_kept() -> None:
    said = [
        Vote(7, ALICE, NOT_MINING, 1, "snow"),
        Vote(7, BOB, NOT_MINING, 2, "field"),
        Vote(7, CAROL, NOT_MINING, 3, "field"),
        Vote(7, DORA, MINING, 4),
    ]
    assert majority(said)[7].look_alike == "field"
    assert majority(said[:2])[7].look_alike == "field", "of equals the first in the alphabet"
    assert majority([Vote(7, ALICE, MINING, 1)])[7].look_alike == ""


def test_superpixels_do_not_mix() -> None:
    outcome = majority(votes((ALICE, MINING), superpixel=2) + votes((ALICE, NOT_MINING), superpixel=1))
    assert list(outcome) == [1, 2]
    assert (outcome[1].verdict, outcome[2].verdict) == (NOT_MINING, MINING)


def test_no_votes_no_outcome() -> None:
    assert majority([]) == {}


def test_the_order_in_which_votes_are_read_changes_nothing() -> None:
    said = [
        Vote(7, ALICE, NOT_MINING, 1, "snow"),
        Vote(7, BOB, MINING, 2),
        Vote(7, ALICE, MINING, 3),
        Vote(7, DORA, NOT_MINING, 4, "field", expert=True),
    ]
    assert len({tuple(majority(order).items()) for order in itertools.permutations(said)}) == 1


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from([MINING, NOT_MINING, UNSURE])), min_size=1, max_size=12
    )
)
def test_a_decided_outcome_always_has_more_than_its_opposite(said: list[tuple[int, str]]) -> None:
    outcome = majority(votes(*said))[7]
    latest = dict(said)
    counts = {verdict: list(latest.values()).count(verdict) for verdict in (MINING, NOT_MINING, UNSURE)}
    assert outcome.votes == len(latest)
    assert outcome.agreeing == counts[outcome.verdict]
    if outcome.verdict == UNSURE:
        assert counts[MINING] == counts[NOT_MINING]
    else:
        other = NOT_MINING if outcome.verdict == MINING else MINING
        assert counts[outcome.verdict] > counts[other]
