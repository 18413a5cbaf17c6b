"""All classifiers side by side on the same folds of the same labels, and which one to propose."""

from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from amberapp.errors import UserError
from detection.learning.classifiers import ALGORITHMS
from detection.learning.comparison import propose
from detection.learning.evaluation import FOLDS, HeldOut, hold_out, summarise
from detection.learning.intervals import Draws
from detection.models import Dataset, Region
from detection.training.training_data import GROUPINGS, Progress, TrainingData, read_training_data

# More divisions would narrow nothing that the interval shows: it is wide because there are few places.
SEED = 0
# The grouping that decides; where it cannot be measured, the next.
DECIDING = ("by_block", "by_tile")


def compare_classifiers(
    *, dataset: Dataset, region: Region, extractor_name: str, progress: Progress
) -> dict[str, Any]:
    """Evaluate every algorithm by tile, by 0.25° block and by capture date. Writes nothing but features.

    Returns plain values: `algorithms` {name: {grouping: figures or None}}, `reasons` {grouping: why there are none},
    `proposal` (see `learning.comparison`) with the `grouping` that decided, and what was compared on.
    Raises UserError for an extractor that cannot be had, or where no grouping can be measured.
    """
    data = read_training_data(
        dataset=dataset, region=region, extractor_name=extractor_name, progress=progress
    )
    figures: dict[str, dict[str, Any]] = {name: {} for name in ALGORITHMS}
    held: dict[str, dict[str, HeldOut]] = {}
    reasons: dict[str, str] = {}
    for place, grouping in enumerate(GROUPINGS):
        try:
            held[grouping] = _hold_out(data, grouping, place, progress)
        except ValueError as error:
            reasons[grouping] = str(error)
        for name in ALGORITHMS:
            figures[name][grouping] = None
            if grouping in held:
                outcome = summarise([held[grouping][name]], data.mining, data.groups(grouping))
                figures[name][grouping] = outcome.as_dict()
    deciding = next((grouping for grouping in DECIDING if grouping in held), None)
    if deciding is None:
        raise UserError(
            _("There is nothing to compare on yet. %(reason)s") % {"reason": reasons[DECIDING[-1]]}
        )
    proposal = propose(
        {name: [one] for name, one in held[deciding].items()}, data.mining, Draws(data.groups(deciding))
    )
    return {
        "dataset": dataset.pk,
        "extractor": data.extractor.name,
        "n": len(data.rows),
        "positives": int(np.count_nonzero(data.mining)),
        "algorithms": figures,
        "reasons": reasons,
        "proposal": {**proposal.as_dict(), "grouping": deciding},
        "warnings": data.warnings,
    }


def _hold_out(data: TrainingData, grouping: str, place: int, progress: Progress) -> dict[str, HeldOut]:
    steps = FOLDS * len(ALGORITHMS)
    done = place * steps

    def one_more() -> None:
        nonlocal done
        done += 1
        progress(min(done, total - 1), total, _("Comparing classifiers on held-out places"))

    total = len(GROUPINGS) * steps + 1
    return hold_out(
        ALGORITHMS,
        data.features,
        data.mining,
        data.groups(grouping),
        FOLDS,
        SEED,
        copies=data.copies,
        progress=one_more,
        blocks=data.extractor.blocks,
    )
