"""Fitting a classifier on a frozen Dataset and saying honestly how good it is."""

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.audit import record
from amberapp.errors import UserError
from amberapp.models import User
from detection.actions import dataset as datasets
from detection.actions.features import extract_missing, load_features, usable_extractor
from detection.features import EXTRACTOR_NAMES, FeatureExtractor
from detection.learning import classifiers, evaluation, model_files
from detection.models import Classifier, Dataset, Region, SegmentedTile
from detection.models.classifier import Algorithm
from detection.signals import classifier_activated

logger = logging.getLogger("amber.train")

PRECISION_TARGET = 0.95
FALLBACK = "texture"

Progress = Callable[[int, int, str], None]


def train(
    *,
    dataset: Dataset,
    region: Region,
    algorithm: str,
    extractor_name: str,
    acting_user: User | None,
    progress: Progress,
) -> Classifier:
    """Extract what is missing, evaluate on places never seen, fit on everything, keep the model.

    The region's first classifier becomes the active one; a later one waits for an admin.
    Raises UserError for an unknown algorithm, an extractor that cannot be had, or too few rows.
    """
    if algorithm not in Algorithm.values:
        raise UserError(
            _("There is no classifier “%(name)s”: choose one of %(known)s.")
            % {"name": algorithm[:40], "known": ", ".join(Algorithm.values)}
        )
    started = time.monotonic()
    extractor, warnings = _extractor(extractor_name)
    rows = datasets.read(dataset)
    features, mining, rows = _training_arrays(rows, region, extractor, progress)
    progress(0, 3, _("Evaluating on places never seen"))
    metrics, threshold = _evaluate(algorithm, features, mining, rows, progress)
    metrics["warnings"] = [*warnings, *metrics["warnings"]]
    progress(2, 3, _("Fitting on all labels"))
    model = model_files.save(_fit(algorithm, features, mining, rows))
    key = storage.put(storage.content_key("models", model, ".amber"), model)
    with transaction.atomic():
        # The last look at the lease, in the transaction of the writing: who lost it, or was cancelled, writes nothing.
        progress(3, 3, _("Done"))
        classifier = Classifier.objects.create(
            region=region,
            dataset=dataset,
            algorithm=algorithm,
            extractor=extractor.name,
            extractor_key=extractor.key,
            model_key=key,
            model_sha256=storage.sha256_of(model),
            threshold=threshold,
            precision_target=PRECISION_TARGET,
            metrics=metrics,
            seconds=round(time.monotonic() - started, 1),
            created_by=acting_user,
        )
        record(acting_user, "classifier.trained", classifier, dataset=dataset.content_hash)
        if Region.objects.filter(pk=region.pk, active_classifier=None).update(active_classifier=classifier):
            record(acting_user, "classifier.activated", classifier, region=region.pk)
            classifier_activated.send(Classifier, classifier=classifier)
    return classifier


@transaction.atomic
def activate(*, classifier: Classifier, acting_user: User | None) -> None:
    """Make this classifier the one that the region's next runs use."""
    changed = (
        Region.objects.filter(pk=classifier.region_id)
        .exclude(active_classifier=classifier)
        .update(active_classifier=classifier)
    )
    if changed:
        record(acting_user, "classifier.activated", classifier, region=classifier.region_id)
        classifier_activated.send(Classifier, classifier=classifier)


def _extractor(name: str) -> tuple[FeatureExtractor, list[str]]:
    """The extractor asked for; where its weights cannot be had, `texture` and a sentence that says so."""
    try:
        return usable_extractor(name), []
    except UserError as error:
        if name == FALLBACK or name not in EXTRACTOR_NAMES:
            raise
        logger.warning("%s", error.message)
        return usable_extractor(FALLBACK), [str(error.message), _("Trained on “texture” instead.")]


def _training_arrays(
    rows: list[datasets.FrozenRow], region: Region, extractor: FeatureExtractor, progress: Progress
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], list[datasets.FrozenRow]]:
    """Features float32 (n, d), mining bool (n,) and the rows they belong to, in the same order."""
    tiles = {
        (segmented.tile.sha256, segmented.segmentation.key): segmented
        for segmented in SegmentedTile.objects.filter(
            tile__region=region, tile__sha256__in={row.image for row in rows}
        ).select_related("tile", "segmentation")
    }
    needed = [tiles[key] for key in sorted({(row.image, row.segmentation) for row in rows} & set(tiles))]
    unread = extract_missing(
        needed, extractor, lambda done, total: progress(done, total, _("Reading pixels"))
    )
    stored = load_features(needed, extractor.key)
    kept = [
        row
        for row in rows
        if (segmented := tiles.get((row.image, row.segmentation))) is not None
        and segmented.pk not in unread
        and row.superpixel <= len(stored.get(segmented.pk, ()))
    ]
    if not kept:
        raise UserError(_("None of the labelled superpixels could be read: import their images again."))
    features = np.stack([stored[tiles[(row.image, row.segmentation)].pk][row.superpixel - 1] for row in kept])
    return features, np.array([row.mining for row in kept]), kept


def _place(row: datasets.FrozenRow) -> str:
    """All dates of one place are one group; an image without a place is a group of its own."""
    if row.latitude is None or row.longitude is None:
        return row.image
    return evaluation.tile_group(row.latitude, row.longitude)


def _block(row: datasets.FrozenRow) -> str:
    if row.latitude is None or row.longitude is None:
        return row.image
    return evaluation.block_group(row.latitude, row.longitude)


def _fit(
    algorithm: str,
    features: npt.NDArray[np.float32],
    mining: npt.NDArray[np.bool_],
    rows: list[datasets.FrozenRow],
) -> classifiers.FittedClassifier:
    """The classifier on all rows, its probabilities calibrated as those were that the threshold was chosen on.

    That is on places held out whole; only where there are too few places for it, on rows held out one by one.
    """
    places = np.array([_place(row) for row in rows])
    try:
        return classifiers.fit(algorithm, features, mining, seed=0, groups=places)
    except ValueError:
        return classifiers.fit(algorithm, features, mining, seed=0)


def _evaluate(
    algorithm: str,
    features: npt.NDArray[np.float32],
    mining: npt.NDArray[np.bool_],
    rows: list[datasets.FrozenRow],
    progress: Progress,
) -> tuple[dict[str, Any], float]:
    """Metrics by tile and by 0.25° block, and the threshold for the precision target.

    The threshold comes from out-of-fold scores of the training rows: each was scored by a model that
    never saw its place.
    """
    metrics: dict[str, Any] = {"n": len(rows), "warnings": [], "by_tile": None, "by_block": None}
    threshold = 0.5
    for done, (name, group) in enumerate((("by_tile", _place), ("by_block", _block))):
        try:
            outcome = evaluation.evaluate_grouped(
                algorithm,
                features,
                mining,
                np.array([group(row) for row in rows]),
                precision_target=PRECISION_TARGET,
            )
        except ValueError as error:
            metrics["warnings"].append(f"{name}: {error}")
        else:
            metrics[name] = outcome.as_dict()
            if name == "by_tile":
                threshold = outcome.threshold
        progress(done + 1, 3, _("Evaluating on places never seen"))
    if metrics["by_tile"] is None:
        metrics["warnings"].append(
            _("Too few places to choose a threshold from: 0.5 is used. Label more tiles.")
        )
    return metrics, threshold
