"""What several people's labels of a tile jointly say, superpixel by superpixel. Plain Python, no Django.

The rule is the majority of those who decided. Left out: weighing people by how often they are right.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

MINING = "mining"
NOT_MINING = "not_mining"
UNSURE = "unsure"


@dataclass(frozen=True)
class Vote:
    """One person's verdict on one superpixel.

    `voter` names the person, `order` grows with time (the latest vote of a person is the one that counts) and
    `expert` marks a decision made in review or on a report, which settles the superpixel.
    """

    superpixel: int
    voter: int
    verdict: str
    order: int
    look_alike: str = ""
    expert: bool = False


@dataclass(frozen=True)
class Outcome:
    """What one superpixel's votes say.

    `votes` counts the people who said anything, unsure included; `agreeing` those of them who said `verdict`.
    """

    verdict: str
    votes: int
    agreeing: int
    look_alike: str = ""
    by_expert: bool = False


def majority(votes: Iterable[Vote]) -> dict[int, Outcome]:
    """The outcome for every superpixel that has a vote, by its number.

    - Each person counts once a superpixel, with the latest they said.
    - An expert's decision settles it, whatever the number of others; of several the latest counts. An expert
      who is unsure settles nothing.
    - Otherwise mining and not mining are compared. "Unsure" speaks for neither side: one "mining" and two
      "unsure" make mining. A tie, or nobody who decided, is unsure.
    - The look-alike of "not mining" is the one most of the agreeing people named; of equals the first in the
      alphabet, so that the answer does not depend on the order of the votes.
    """
    by_superpixel: dict[int, dict[tuple[int, bool], Vote]] = defaultdict(dict)
    for vote in votes:
        # A person's expert decision does not replace what they said as a volunteer, nor the other way round.
        said = by_superpixel[vote.superpixel]
        key = (vote.voter, vote.expert)
        if key not in said or said[key].order < vote.order:
            said[key] = vote
    return {number: _outcome(list(said.values())) for number, said in sorted(by_superpixel.items())}


def _outcome(said: list[Vote]) -> Outcome:
    decisions = [vote for vote in said if vote.expert and vote.verdict != UNSURE]
    if decisions:
        latest = max(decisions, key=lambda vote: vote.order)
        verdict, look_alike = latest.verdict, latest.look_alike
    else:
        counts = Counter(vote.verdict for vote in said)
        if counts[MINING] == counts[NOT_MINING]:
            verdict = UNSURE
        else:
            verdict = MINING if counts[MINING] > counts[NOT_MINING] else NOT_MINING
        look_alike = _most_named(vote.look_alike for vote in said if vote.verdict == verdict)
    return Outcome(
        verdict=verdict,
        votes=len({vote.voter for vote in said}),
        agreeing=len({vote.voter for vote in said if vote.verdict == verdict}),
        look_alike=look_alike if verdict == NOT_MINING else "",
        by_expert=bool(decisions),
    )


def _most_named(names: Iterable[str]) -> str:
    counts = Counter(name for name in names if name)
    return min(counts, key=lambda name: (-counts[name], name)) if counts else ""
