"""Labels as one structured array, the form in which consensus reads them, and what follows from it. NumPy only.

Left out: reading rows of the database into it (labeling.desk.consensus_rows).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeling.desk.aggregation.tally import UNSURE, most_named

Integers = NDArray[np.integer[Any]]
Booleans = NDArray[np.bool_]

NOT_MINING = 1
# Where a label comes from. What the last two say is taken as true.
DESK, IMPORTED, EXPERT = range(3)

LABEL = np.dtype(
    [
        ("part", np.int64),  # a superpixel or a fragment of it as one number, see `part_number`
        ("person", np.int64),  # the account
        ("answer", np.int8),  # 0 mining, 1 not mining, 2 mixed, 3 unsure
        ("source", np.int8),  # DESK, IMPORTED or EXPERT
        ("look_alike", np.int16),  # its place in the array's `look_alikes`; 0: none was named
        ("is_new", np.bool_),  # of a submission that is being taken in: not in the counts of its maker yet
    ]
)


def part_number(tile: int, superpixel: int, fragment: int) -> int:
    """Tile, superpixel and fragment (0: the whole) as one number; parts sort by tile, superpixel and fragment."""
    return (tile << 24) + (superpixel << 8) + fragment


def part_of(number: int) -> tuple[int, int, int]:
    """(tile, superpixel, piece) of a part's number; undoes `part_number`."""
    return number >> 24, (number >> 8) & 0xFFFF, number & 0xFF


@dataclass(frozen=True)
class LabelArray:
    """`rows`: LABEL (labels,), in the order in which they were written. `look_alikes`: the slugs, "" first."""

    rows: NDArray[np.void]
    look_alikes: list[str]

    @property
    def is_vote(self) -> Booleans:
        """bool (labels,): a volunteer said so and was sure."""
        return np.asarray((self.rows["source"] == DESK) & (self.rows["answer"] != UNSURE), np.bool_)

    @property
    def is_decision(self) -> Booleans:
        """bool (labels,): taken as true. An expert who is unsure settles nothing."""
        return np.asarray((self.rows["source"] != DESK) & (self.rows["answer"] != UNSURE), np.bool_)

    def of_parts(self, parts: Integers) -> "LabelArray":
        """Only the labels of these parts."""
        return LabelArray(self.rows[np.isin(self.rows["part"], parts)], self.look_alikes)

    def slugs(self, chosen: Booleans) -> Iterator[str]:
        """The look-alikes of the chosen labels, bool (labels,)."""
        return (self.look_alikes[number] for number in self.rows["look_alike"][chosen].tolist())


def with_decisions(labels: LabelArray, item: Integers, truth: Integers) -> tuple[Integers, Booleans]:
    """(class or -1, whether an expert said so), both (items,): `truth` with the decisions on the items put over it.

    item: (labels,), the item that each label speaks of. Of several decisions the latest counts.
    """
    truth, by_expert = truth.copy(), np.zeros(len(truth), np.bool_)
    decision = labels.is_decision
    # Assignment goes in the order in which the labels were written, so the latest decision stays.
    truth[item[decision]] = labels.rows["answer"][decision]
    by_expert[item[decision]] = labels.rows["source"][decision] == EXPERT
    return truth, by_expert


def look_alikes_of(
    labels: LabelArray, item: Integers, verdict: Integers, by_expert: Booleans
) -> dict[int, str]:
    """Item → look-alike of what is not mining: the expert's, else the one that most of the agreeing named.

    item: (labels,); verdict, by_expert: (items,).
    """
    agreeing = (labels.rows["answer"] == NOT_MINING) & (verdict[item] == NOT_MINING)
    named = agreeing & (labels.rows["look_alike"] > 0)
    slugs: dict[int, list[str]] = {}
    for number, slug in zip(item[named].tolist(), labels.slugs(named), strict=True):
        slugs.setdefault(number, []).append(slug)
    look_alikes = {number: most_named(some) for number, some in slugs.items()}
    decided = agreeing & (labels.rows["source"] == EXPERT) & by_expert[item]
    return look_alikes | dict(zip(item[decided].tolist(), labels.slugs(decided), strict=True))
