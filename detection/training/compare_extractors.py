"""One way of training on two kinds of features: the same labels, the same places held out, and whether the new ones pass.

The rule: held out by tile and by 0.25° block, neither F1 nor average precision has surely fallen (the upper end of the paired
interval is not below 0), and average precision is higher by block, or by tile where blocks cannot be held out. F1 is taken
at each one's own threshold for the precision target, as a run would use it. Left out: capture dates, of which a site mostly
has too few to decide by.
"""

from typing import Any

import numpy as np
from django.db.models import TextChoices
from django.utils.translation import gettext as _

from detection.learning import before_after
from detection.learning.evaluation import FOLDS
from detection.models import Dataset, Region
from detection.training.training_data import Progress, TrainingData, read_training_data

# The harder way of holding out first: its average precision decides.
GROUPINGS = ("by_block", "by_tile")
GATED = ("average_precision", "f1")
# Both ways of training are fitted in each fold.
FITS = 2 * FOLDS


class Verdict(TextChoices):
    PASSED = "passed"
    WORSE = "worse"
    NO_BETTER = "no better"
    NOT_MEASURED = "not measured"


def compare_extractors(
    *, dataset: Dataset, region: Region, algorithm: str, old: str, new: str, progress: Progress
) -> dict[str, Any]:
    """{grouping: figures as `before_after.compare` tells them, or None where nothing can be said}, of GROUPINGS.

    What either extractor cannot read is left out for both; where one cannot be had any more, nothing can be said. Raises UserError as `read_training_data`.
    """
    sides = [
        read_training_data(dataset=dataset, region=region, extractor_name=name, progress=progress)
        for name in (old, new)
    ]
    if [side.extractor.name for side in sides] != [old, new]:
        return dict.fromkeys(GROUPINGS)
    chosen = _read_by_both(*sides)
    figures: dict[str, Any] = {}
    for number, grouping in enumerate(GROUPINGS):
        before, after = (
            _rows(algorithm, side, grouping, rows) for side, rows in zip(sides, chosen, strict=True)
        )
        try:
            held = before_after.hold_out_both(
                before, after, progress=_counted(progress, number), judged=before.features
            )
        except ValueError:  # too few places of one kind to hold any out
            figures[grouping] = None
            continue
        everything = np.ones(len(after.mining), bool)
        told = before_after.compare(*held, after.mining, after.places, everything)
        enough = told is not None and told["mining_places"] >= before_after.FEWEST_PLACES
        figures[grouping] = told if enough else None
    return figures


def verdict_on(figures: dict[str, Any]) -> Verdict:
    """Whether the new features pass, by the rule above; `figures` as `compare_extractors` tells them."""
    measured = [figures[grouping] for grouping in GROUPINGS if figures[grouping] is not None]
    if not measured:
        return Verdict.NOT_MEASURED
    if any(one["difference"][name][2] < 0 for one in measured for name in GATED):
        return Verdict.WORSE
    if measured[0]["difference"]["average_precision"][0] <= 0:
        return Verdict.NO_BETTER
    return Verdict.PASSED


def _read_by_both(old: TrainingData, new: TrainingData) -> tuple[list[int], list[int]]:
    """The numbers of the same rows in either one, in the order of `new`."""
    place_of = {row: place for place, row in enumerate(old.rows)}
    shared = [(place_of[row], place) for place, row in enumerate(new.rows) if row in place_of]
    return [before for before, _after in shared], [after for _before, after in shared]


def _rows(algorithm: str, data: TrainingData, grouping: str, chosen: list[int]) -> before_after.Rows:
    copies = None if data.copies is None else data.copies[:, chosen]
    return before_after.Rows(
        algorithm,
        data.features[chosen],
        data.mining[chosen],
        data.groups(grouping)[chosen],
        copies,
        data.extractor.blocks,
    )


def _counted(progress: Progress, number: int) -> Any:
    """Tells of every fit of the grouping of that number."""
    done = number * FITS

    def one_more() -> None:
        nonlocal done
        done += 1
        progress(done, len(GROUPINGS) * FITS + 1, _("Comparing old and new features on held-out places"))

    return one_more
