"""Whose labels look like nobody is looking: rules on one volunteer's record. Plain Python, no Django.

Three rules, each a reason to put somebody in quarantine (votes kept, weight 0):

- `one_answer`: nearly all they decided is the same, although enough of those superpixels turned out to be
  something else. Somebody careful on tiles where nothing is mined gives one answer too; nothing turned out to be
  something else there, so there is nothing to hold against them.
- `too_fast`: tiles come back within a second of being served, again and again. Only the short end is looked at:
  prefetched and offline tiles come back late, never early. Labels a minute are no sign, "the rest is not mining"
  paints 25 at once.
- `fails_known`: on known-answer tiles they do worse than the poorest volunteer worth having would by bad luck.

Both rules about being right ask how likely such a record is for somebody honest and weak, by the binomial
distribution. They are asked after every submission, so the bounds are set low enough for hundreds of askings.
Left out: who shares an address, and what an admin knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, floor, lgamma, log, log1p

ONE_ANSWER = "one_answer"
TOO_FAST = "too_fast"
FAILS_KNOWN = "fails_known"

Table = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Record:
    """What is held about a volunteer.

    - settled: [class it is][their answer] -> superpixels of theirs that are settled: retired, decided by an expert
      or in a known-answer tile. Classes as in `dawid_skene.CLASSES`
    - known: the same, of known-answer tiles only
    - seconds: between a tile being served and its labels arriving, by the server's clock, of their latest tiles,
      the newest last; tiles of which one of the two is not known are left out
    """

    settled: Table = ((0, 0, 0), (0, 0, 0), (0, 0, 0))
    known: Table = ((0, 0, 0), (0, 0, 0), (0, 0, 0))
    seconds: Sequence[float] = ()


@dataclass(frozen=True)
class ConductRules:
    """Where the lines are drawn.

    - same_share: a one-answer record has at least this share of its commonest answer
    - weakest_recall: the least part of a class that somebody honest recognises, for `one_answer`
    - weakest_accuracy: the least mean recall of mining and not mining worth having, for `fails_known`
    - chance: how unlikely a record of somebody that weak must be
    - each_class: answers that must be known of each of the two classes before `fails_known` speaks
    - shortest_seconds: quicker than this nobody looks at a tile and labels it
    - quick_tiles of the latest `latest_tiles`: how often that is "again and again"
    """

    same_share: float = 0.95
    weakest_recall: float = 0.5
    weakest_accuracy: float = 0.6
    chance: float = 1e-4
    each_class: int = 5
    shortest_seconds: float = 1.0
    quick_tiles: int = 4
    latest_tiles: int = 10


RULES = ConductRules()


def suspicion(record: Record, rules: ConductRules = RULES) -> str | None:
    """The first reason to put them in quarantine, or None."""
    for reason, holds in ((TOO_FAST, too_fast), (FAILS_KNOWN, fails_known), (ONE_ANSWER, one_answer)):
        if holds(record, rules):
            return reason
    return None


def one_answer(record: Record, rules: ConductRules = RULES) -> bool:
    """Nearly one answer only, and too many superpixels it is wrong for to be bad luck."""
    answers = [sum(row[answer] for row in record.settled) for answer in range(len(record.settled))]
    total = sum(answers)
    if not total:
        return False
    usual = max(range(len(answers)), key=answers.__getitem__)
    if answers[usual] < rules.same_share * total:
        return False
    others = [row for true, row in enumerate(record.settled) if true != usual]
    missable = sum(sum(row) for row in others)
    recognised = sum(row[true] for true, row in enumerate(record.settled) if true != usual)
    return at_most(recognised, missable, rules.weakest_recall) < rules.chance


def too_fast(record: Record, rules: ConductRules = RULES) -> bool:
    """Quicker than anybody can look, again and again."""
    latest = record.seconds[-rules.latest_tiles :]
    return sum(seconds < rules.shortest_seconds for seconds in latest) >= rules.quick_tiles


def fails_known(record: Record, rules: ConductRules = RULES) -> bool:
    """Mean recall of mining and not mining so low that the weakest volunteer worth having would hardly get it.

    The mean of both recalls and not the share of right answers, because most known superpixels are of one class.
    """
    mining, not_mining = record.known[0], record.known[1]
    sizes = sum(mining), sum(not_mining)
    if min(sizes) < rules.each_class:
        return False
    recalls = mining[0] / sizes[0] + not_mining[1] / sizes[1]
    below, so_far = [0.0], 0.0
    for hits in range(sizes[1] + 1):
        so_far += _exactly(hits, sizes[1], rules.weakest_accuracy)
        below.append(so_far)
    as_bad = sum(
        _exactly(hits, sizes[0], rules.weakest_accuracy)
        * below[_most(recalls - hits / sizes[0], sizes[1]) + 1]
        for hits in range(sizes[0] + 1)
    )
    return as_bad < rules.chance


def at_most(hits: int, tries: int, chance: float) -> float:
    """The binomial probability of `hits` or fewer in `tries`, `chance` strictly between 0 and 1; 1 of no tries."""
    return min(1.0, sum(_exactly(number, tries, chance) for number in range(hits + 1)))


def _exactly(hits: int, tries: int, chance: float) -> float:
    # By logarithms: the binomial coefficient of a diligent volunteer's thousands is beyond any float.
    ways = lgamma(tries + 1) - lgamma(hits + 1) - lgamma(tries - hits + 1)
    return exp(ways + hits * log(chance) + (tries - hits) * log1p(-chance))


def _most(recall: float, size: int) -> int:
    """The most hits of `size` whose share is not above `recall`; -1 where even none is above it."""
    return max(-1, min(size, floor(recall * size + 1e-9)))
