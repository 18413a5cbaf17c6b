"""Sure and seen twice: retired. Seven have looked and it is not sure: an expert. An expert's word ends it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.crowd_simulation import simulate
from labeling.desk.aggregation.retirement import (
    ESCALATED,
    OPEN,
    RETIRED,
    STATES,
    StoppingRule,
    state,
    states,
    wanted,
)


@pytest.mark.parametrize(
    ("best", "votes", "looks", "expected"),
    [
        (0.95, 2, 2, RETIRED),
        (0.9499, 2, 2, OPEN),
        (0.999, 1, 1, OPEN),
        (0.999, 1, 6, OPEN),
        (0.94, 6, 6, OPEN),
        (0.94, 7, 7, ESCALATED),
        (0.96, 7, 7, RETIRED),
        (0.4, 0, 7, ESCALATED),
        (0.999, 1, 7, ESCALATED),
        (0.0, 0, 0, OPEN),
    ],
)
def test_a_superpixel_retires_when_sure_and_escalates_when_seven_could_not_tell(
    best: float, votes: int, looks: int, expected: str
) -> None:
    assert state(best, votes, looks) == expected


def test_an_experts_decision_ends_it_whatever_the_votes() -> None:
    assert state(0.5, 0, 0, by_expert=True) == RETIRED
    assert state(0.5, 7, 7, by_expert=True) == RETIRED


def test_a_superpixel_that_becomes_doubtful_again_is_open_again() -> None:
    """Two bots retired it; in quarantine they neither vote nor look."""
    assert state(0.97, 2, 2) == RETIRED
    assert state(0.75, 0, 0) == OPEN


@pytest.mark.parametrize(
    "wrong", [{"posterior": 1.0}, {"posterior": 0.3}, {"votes": 0}, {"votes": 8, "looks": 7}]
)
def test_a_rule_that_can_never_hold_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Needs"):
        StoppingRule(**wrong)  # type: ignore[arg-type]


def test_only_what_is_open_wants_votes() -> None:
    votes, looks = np.array([0, 1, 4, 6, 2, 7]), np.array([0, 1, 4, 6, 2, 7])
    now = states(np.array([0.0, 0.99, 0.8, 0.8, 0.99, 0.8]), votes, looks)
    assert [STATES[number] for number in now] == [OPEN, OPEN, OPEN, OPEN, RETIRED, ESCALATED]
    assert wanted(votes, looks, now).tolist() == [2, 1, 1, 1, 0, 0]


@given(
    rows=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 9), st.integers(0, 9), st.booleans()),
        min_size=1,
        max_size=20,
    ),
    posterior=st.floats(0.51, 0.99),
    votes=st.integers(1, 3),
    looks=st.integers(3, 9),
)
def test_many_at_once_are_as_one_by_one(
    rows: list[tuple[float, int, int, bool]], posterior: float, votes: int, looks: int
) -> None:
    rule = StoppingRule(posterior, votes, looks)
    best, voted, looked, expert = (np.array(column) for column in zip(*rows, strict=True))
    together = states(best, voted, looked, by_expert=expert, rule=rule)
    assert [STATES[number] for number in together] == [
        state(b, v, n, by_expert=e, rule=rule) for b, v, n, e in rows
    ]
    assert ((wanted(voted, looked, together, rule=rule) > 0) == (together == 0)).all()


def test_a_simulated_crowd_needs_few_votes_is_right_and_gets_rid_of_its_bots() -> None:
    """A small edition of `python -m benchmarks.crowd_simulation`, which measures it with more people."""
    found = simulate(seed=1, tiles=160, people=40)
    assert found.votes_of_fixed <= 0.7
    assert found.accuracy_expert_decides_escalated >= 0.95
    assert found.accuracy_escalated_at_best_guess >= found.majority_of_fixed_ties_not_mining + 0.03
    assert found.bot_labels_max <= 200
    assert found.honest_out == 0
    assert found.streamed_same_verdict >= 0.99
