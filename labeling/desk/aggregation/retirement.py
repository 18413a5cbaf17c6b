"""When a superpixel has been asked about enough. Pure arithmetic on what `dawid_skene` found.

Left out: whose turn it is next, and what an expert then says.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OPEN = "open"
"""More votes are wanted."""

RETIRED = "retired"
"""Sure enough, or decided by an expert: nobody is asked any more."""

ESCALATED = "escalated"
"""Enough people looked and it is still not sure: an expert decides, volunteers are not asked any more."""

STATES = (OPEN, RETIRED, ESCALATED)


@dataclass(frozen=True)
class StoppingRule:
    """Retire at `posterior` (0..1) with at least `votes` votes; escalate once `looks` people have looked."""

    posterior: float = 0.95
    votes: int = 2
    looks: int = 7

    def __post_init__(self) -> None:
        if not 0.5 < self.posterior < 1 or not 1 <= self.votes <= self.looks:
            raise ValueError("Needs 0.5 < posterior < 1 and 1 <= votes <= looks.")


RULE = StoppingRule()


def state(best: float, votes: int, looks: int, *, by_expert: bool = False, rule: StoppingRule = RULE) -> str:
    """The state of one superpixel.

    - best: the highest of its posteriors, 0..1
    - votes: people who decided; looks: people who said anything, "unsure" included. Both without those in
      quarantine: their votes weigh nothing, so they neither retire nor escalate
    - by_expert: an expert decided, which settles it whatever the rest
    """
    if by_expert or (best >= rule.posterior and votes >= rule.votes):
        return RETIRED
    return ESCALATED if looks >= rule.looks else OPEN


def states(
    best: NDArray[np.float64],
    votes: NDArray[np.integer],
    looks: NDArray[np.integer],
    *,
    by_expert: NDArray[np.bool_] | None = None,
    rule: StoppingRule = RULE,
) -> NDArray[np.int8]:
    """The same for many, arrays (items,): the state's place in STATES, 0 open, 1 retired, 2 escalated."""
    retired = (best >= rule.posterior) & (votes >= rule.votes)
    if by_expert is not None:
        retired |= by_expert
    return np.where(retired, 1, np.where(looks >= rule.looks, 2, 0)).astype(np.int8)


def wanted(
    votes: NDArray[np.integer],
    looks: NDArray[np.integer],
    state: NDArray[np.int8],
    *,
    rule: StoppingRule = RULE,
) -> NDArray[np.int64]:
    """How many more looks each superpixel can use for now, (items,): up to the least number of votes, then one at
    a time, because every vote may be the one that settles it. 0 where it is not open."""
    missing = np.clip(rule.votes - votes, 1, np.maximum(rule.looks - looks, 1))
    return np.where(state == 0, missing, 0).astype(np.int64)
