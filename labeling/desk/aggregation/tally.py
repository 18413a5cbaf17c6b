"""What the answers on superpixels come to, beside their posteriors: votes, majority, agreement. NumPy only.

Answers are 0 mining, 1 not mining, 2 mixed and 3 unsure, which speaks for no side. Left out: probabilities
(`dawid_skene`) and whether more votes are wanted (`retirement`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLASSES = 3
UNSURE = 3
DECIDED_AT = 0.6
"""A posterior must be this high for its class to be the verdict; below it nobody knows."""

Integers = NDArray[np.integer]


@dataclass(frozen=True)
class Tally:
    """Arrays (items,): votes = people who said anything, deciding = people who did not abstain, verdict and
    majority in 0..3, agreeing = people who said the verdict."""

    votes: NDArray[np.int64]
    deciding: NDArray[np.int64]
    majority: NDArray[np.int8]
    verdict: NDArray[np.int8]
    agreeing: NDArray[np.int64]


def tally(
    item: Integers, rater: Integers, answer: Integers, *, truth: Integers, posteriors: NDArray[np.float64]
) -> Tally:
    """Count the answers of `items` = len(truth) superpixels.

    - item, rater, answer: integers of one length; a person may come twice on an item (once as a volunteer, once as
      an expert) and is one vote
    - truth: (items,), the class that an expert decided or that is known, -1 where none is; it is the verdict
    - posteriors: (items, classes), 0..1; rows without any answer may be NaN

    The majority is the class that more people named than any other; a tie, or nobody who decided, is unsure.
    """
    items = len(truth)
    people = int(rater.max()) + 1 if rater.size else 1
    pair = item.astype(np.int64) * people + rater
    decided = answer != UNSURE
    votes = _people(pair, people, items)
    deciding = _people(pair[decided], people, items)

    named = np.bincount(item[decided] * CLASSES + answer[decided], minlength=items * CLASSES)
    named = named.reshape(items, CLASSES)
    most = named.max(axis=1, initial=0)
    alone = (named == most[:, None]).sum(axis=1) == 1
    majority = np.where(alone & (most > 0), named.argmax(axis=1), UNSURE)

    best = np.where(np.isnan(posteriors), 0.0, posteriors)
    verdict = np.where(best.max(axis=1, initial=0.0) >= DECIDED_AT, best.argmax(axis=1), UNSURE)
    verdict = np.where(truth >= 0, truth, verdict)
    majority = np.where(truth >= 0, truth, majority)
    agreeing = _people(pair[answer == verdict[item]], people, items)
    return Tally(
        votes=votes,
        deciding=deciding,
        majority=majority.astype(np.int8),
        verdict=verdict.astype(np.int8),
        agreeing=agreeing,
    )


def _people(pairs: NDArray[np.int64], people: int, items: int) -> NDArray[np.int64]:
    """How many different raters each item has among these item–rater pairs, int64 (items,)."""
    return np.bincount(np.unique(pairs) // people, minlength=items).astype(np.int64)


def most_named(names: list[str]) -> str:
    """The look-alike that most people named; of equals the first in the alphabet, so that order does not matter."""
    counts: dict[str, int] = {}
    for name in names:
        if name:
            counts[name] = counts.get(name, 0) + 1
    return min(counts, key=lambda name: (-counts[name], name)) if counts else ""
