"""Labels read into one array, and the rows of the consensus made of what was estimated from it.

Used by the update after every vote (labeling.desk.consensus) and by the computation from scratch
(labeling.desk.recompute_consensus), which is how both read and write the same.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from labeling.desk.aggregation.label_array import (
    DESK,
    EXPERT,
    IMPORTED,
    LABEL,
    Booleans,
    Integers,
    LabelArray,
    part_number,
    part_of,
)
from labeling.desk.aggregation.tally import UNSURE, Tally
from labeling.models import Consensus, ConsensusState, GoldStandardTile, Label, LabelVerdict, Origin

# By the number that arrays use for them.
CLASSES = (LabelVerdict.MINING, LabelVerdict.NOT_MINING, LabelVerdict.MIXED)
ANSWERS = (*CLASSES, LabelVerdict.UNSURE)
CODE = {str(verdict): code for code, verdict in enumerate(ANSWERS)}
STATES = (ConsensusState.OPEN, ConsensusState.RETIRED, ConsensusState.ESCALATED)
SOURCE = {
    str(Origin.DESK): DESK,
    str(Origin.IMPORT): IMPORTED,
    str(Origin.REVIEW): EXPERT,
    str(Origin.REPORT): EXPERT,
    str(Origin.CAMPAIGN): EXPERT,
}
WRITTEN = (
    "verdict",
    "posterior",
    "probabilities",
    "majority",
    "look_alike",
    "votes",
    "agreeing",
    "by_expert",
    "state",
)
# Digits that are stored of probabilities and of expected counts.
DIGITS = 4


def read_labels(
    labels: QuerySet[Label], *, new: Collection[UUID] = (), at_once: int | None = None
) -> LabelArray:
    """All of `labels`, in the order in which they were written. `new`: the submissions that are being taken in.

    With `at_once` the rows come from the database in portions of so many: for more than memory should hold twice.
    """
    columns = ["segmented_tile_id", "superpixel", "piece", "submission__volunteer_id", "verdict"]
    columns += ["submission__origin", "look_alike"]
    rows = labels.order_by("pk").values_list(*columns, *(["submission_id"] if new else []))
    numbers = {"": 0}

    def tuples() -> Iterator[tuple[Any, ...]]:
        for tile, superpixel, fragment, person, verdict, origin, look_alike, *submission in (
            rows.iterator(chunk_size=at_once) if at_once else rows
        ):
            yield (
                part_number(tile, superpixel, fragment),
                person,
                CODE[verdict],
                SOURCE[origin],
                numbers.setdefault(look_alike, len(numbers)),
                bool(new) and submission[0] in new,
            )

    array = np.fromiter(tuples(), LABEL)
    return LabelArray(array, list(numbers))


def gold_answers(tile: GoldStandardTile) -> dict[int, int]:
    """Part → class of everything that is known of a tile for certain."""
    return {
        part_number(tile.segmented_tile_id, int(superpixel), 0): CODE[answer["verdict"]]
        for superpixel, answer in tile.answers.items()
        if CODE[answer["verdict"]] != UNSURE
    }


@dataclass(frozen=True)
class Estimate:
    """What the labels come to: arrays (parts,); posteriors (parts, classes), rounded, NaN where nobody spoke.

    `truth`: the class that is decided or known, -1 where none is. `states`: places in STATES. `look_alikes`: by the
    part's place.
    """

    parts: Integers
    truth: Integers
    by_expert: Booleans
    posteriors: NDArray[np.float64]
    counted: Tally
    states: Integers
    look_alikes: dict[int, str]

    def values(self, index: int) -> tuple[Any, ...]:
        """A consensus row's values in the order of WRITTEN."""
        posterior = self.posteriors[index]
        nothing = bool(np.isnan(posterior[0]))
        return (
            str(ANSWERS[self.counted.verdict[index]]),
            0.0 if nothing else float(posterior.max()),
            [] if nothing else posterior.tolist(),
            str(ANSWERS[self.counted.majority[index]]),
            self.look_alikes.get(index, ""),
            int(self.counted.votes[index]),
            int(self.counted.agreeing[index]),
            bool(self.by_expert[index]),
            str(ConsensusState.DECIDED if self.truth[index] >= 0 else STATES[self.states[index]]),
        )

    def row(self, index: int) -> Consensus:
        tile, superpixel, fragment = part_of(int(self.parts[index]))
        return Consensus(
            segmented_tile_id=tile,
            superpixel=superpixel,
            piece=fragment,
            **dict(zip(WRITTEN, self.values(index), strict=True)),
        )


def write_rows(rows: list[Consensus]) -> None:
    """Insert the rows, or overwrite what stands in their place."""
    Consensus.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["segmented_tile", "superpixel", "piece"],
        update_fields=list(WRITTEN),
    )
