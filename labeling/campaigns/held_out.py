"""Before and after a campaign, judged on places that neither classifier has seen, and whether an admin has to be asked.

Rows that came since the old classifier was trained are there because it called them mining, or looked unsure of them:
an expert rejected what it had found, a citizen objected to it, a campaign ticked what looks like it. Figures over such
rows flatter the new classifier whoever labelled them. So the rows that stand in both datasets with the same verdict
count: nobody chose them by what the old classifier said. Left out: precision and recall of the whole map, which only a
random sample of tiles can tell, and rows that a campaign leaves out of training, which neither is judged on.
"""

import logging
from collections.abc import Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from detection.learning import before_after
from detection.learning.evaluation import FOLDS
from detection.models import Classifier
from detection.models.classifier import Algorithm
from detection.training import dataset as datasets
from detection.training.dataset import FrozenRow
from detection.training.training_data import Progress, TrainingData, read_training_data
from labeling.models import Campaign

logger = logging.getLogger(__name__)

Name = tuple[str, str, int]
# Kept by name and told in the reader's language.
NOT_MEASURED = {
    "no earlier": gettext_lazy("There is no earlier classifier to compare with."),
    "other features": gettext_lazy(
        "The two classifiers read different features: there is nothing to compare."
    ),
    "other kind": gettext_lazy(
        "The earlier classifier is of a kind that is taught no more: there is nothing to compare."
    ),
    "few places": gettext_lazy(
        "Too few places are labelled as mining and as not mining to hold some of them out."
    ),
    "few known": gettext_lazy(
        "Mining that stood in both datasets lies at too few places: nothing can be said of what other places would have given."
    ),
}
# An admin is asked where one of these has fallen by more than other places could have made it fall.
GATED = ("average_precision", "recall", "f1")
# How a row came among those that are judged; every row is one of them.
ORIGINS = KNOWN, OWN, SINCE = "known", "own", "since"


def measure_held_out(campaign: Campaign, progress: Progress) -> dict[str, Any]:
    """Figures before and after on the same held-out places: see `detection.learning.before_after`.

    {"labels": as `_labels_between`; "rows": {"known": rows that stand in both datasets with the same verdict, "own": the
    campaign's own among the others, "since": the rest}; "known", "all": figures as `before_after.compare`, None without
    mining; "own": figures as `compare_kinds` tells of one kind, None without rows; "kinds": {look-alike: {"known",
    "own", "since": the same, where there are rows}}}. "reason": why nothing could be measured, by its name among
    `NOT_MEASURED`; then figures may be missing, and without an earlier classifier the labels too.
    """
    before, after = campaign.classifier_before, campaign.classifier_after
    if before is None or after is None or before.pk == after.pk:
        return {"reason": "no earlier"}
    members = _members(campaign)
    labels = _labels_between(before, after, campaign, members)
    if before.algorithm not in Algorithm.values:
        return {"labels": labels, "reason": "other kind"}
    old, new = (
        read_training_data(
            dataset=classifier.dataset,
            region=campaign.region,
            extractor_name=classifier.extractor,
            progress=progress,
        )
        for classifier in (before, after)
    )
    if old.extractor.key != new.extractor.key:
        return {"labels": labels, "reason": "other features"}
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        progress(done, 2 * FOLDS + 1, _("Comparing before and after on held-out places"))

    try:
        sides = before_after.hold_out_both(_rows(before, old), _rows(after, new), progress=one_more)
    except ValueError as error:  # the features are alike and finite: it is the places that do not do
        logger.info("campaign %s: %s", campaign.pk, error)
        return {"labels": labels, "reason": "few places"}
    places = new.groups("by_tile")
    origins = origins_of(old.rows, new.rows, members)
    own = {"own": origins == OWN} if (origins == OWN).any() else {}
    known = before_after.compare(*sides, new.mining, places, origins == KNOWN)
    measurement: dict[str, Any] = {
        "labels": labels,
        "rows": {origin: int((origins == origin).sum()) for origin in ORIGINS},
        "known": known,
        "all": before_after.compare(*sides, new.mining, places, np.ones(len(new.rows), bool)),
        "own": before_after.compare_kinds(*sides, own, places).get("own"),
        "kinds": {
            look_alike: before_after.compare_kinds(*sides, parts, places)
            for look_alike, parts in _kinds(new.rows, origins).items()
        },
    }
    if known is None or known["mining_places"] < before_after.FEWEST_PLACES:
        measurement["reason"] = "few known"
    return measurement


def _rows(classifier: Classifier, data: TrainingData) -> before_after.Rows:
    return before_after.Rows(
        classifier.algorithm,
        data.features,
        data.mining,
        data.groups("by_tile"),
        data.copies,
        data.extractor.blocks,
    )


def origins_of(
    old: Sequence[FrozenRow], new: Sequence[FrozenRow], members: Set[Name]
) -> npt.NDArray[np.str_]:
    """(n,) one of ORIGINS for each row of `new`: how it came among them."""
    verdicts = {_name(row): row.mining for row in old}
    return np.array(
        [
            KNOWN if verdicts.get(_name(row)) == row.mining else OWN if _name(row) in members else SINCE
            for row in new
        ]
    )


def _kinds(
    rows: Sequence[FrozenRow], origins: npt.NDArray[np.str_]
) -> dict[str, dict[str, npt.NDArray[np.bool_]]]:
    """{look-alike: {origin: bool (n,)}} of the rows that are not mining; only what has rows."""
    kinds: dict[str, dict[str, npt.NDArray[np.bool_]]] = {}
    for look_alike in sorted({row.look_alike for row in rows if not row.mining}):
        of_kind = np.array([row.look_alike == look_alike and not row.mining for row in rows])
        parts = {origin: of_kind & (origins == origin) for origin in ORIGINS}
        kinds[look_alike] = {origin: chosen for origin, chosen in parts.items() if chosen.any()}
    return kinds


def _labels_between(
    before: Classifier, after: Classifier, campaign: Campaign, members: Set[Name]
) -> dict[str, Any]:
    """What differs between the two datasets beside this campaign's own superpixels.

    {"learned": whether the old one names this campaign already, "campaigns": [{"number", "name"}] of the others that the
    new one names and the old one does not, "added", "removed", "changed" (the verdict): rows, those of the other
    campaigns among them}.
    """
    then, now = (
        {_name(row): row.mining for row in datasets.read(classifier.dataset)}
        for classifier in (before, after)
    )
    named = {note.number for note in datasets.campaigns_of(before.dataset)}
    return {
        "learned": campaign.pk in named,
        "campaigns": [
            {"number": note.number, "name": note.name}
            for note in datasets.campaigns_of(after.dataset)
            if note.number not in named | {campaign.pk}
        ],
        "added": len(now.keys() - then.keys() - members),
        "removed": len(then.keys() - now.keys() - members),
        "changed": sum(then[name] != now[name] for name in (then.keys() & now.keys()) - members),
    }


def _name(row: FrozenRow) -> Name:
    return row.image, row.segmentation, row.superpixel


def _members(campaign: Campaign) -> set[Name]:
    return set(
        campaign.members.values_list(
            "segmented_tile__tile__sha256", "segmented_tile__segmentation__key", "superpixel"
        )
    )


# The gate ------------------------------------------------------------------------------------------------------------


def is_measured(campaign: Campaign) -> bool:
    """Whether the figures can say that the new classifier is no worse."""
    measurement = campaign.effect.get("held_out", {})
    return "reason" not in measurement and measurement.get("known") is not None


def worse_in(campaign: Campaign) -> list[str]:
    """The names, among GATED, of the figures that fell on rows known before, beyond what other places could have given."""
    figures = campaign.effect.get("held_out", {}).get("known")
    return [name for name in GATED if figures["difference"][name][2] < 0] if figures else []


def has_to_ask(campaign: Campaign) -> bool:
    """Whether an admin has to say if the new classifier becomes the active one: it is worse, or nothing says that it is
    not. False as long as nothing has been compared."""
    return "held_out" in campaign.effect and (not is_measured(campaign) or bool(worse_in(campaign)))
