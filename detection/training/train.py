"""Fitting a classifier on a frozen Dataset and saying honestly how good it is."""

import time
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.audit import record
from amberapp.errors import UserError
from amberapp.models import User
from detection.learning import classifiers, drift, evaluation, model_files
from detection.learning.thresholds import ChosenThreshold, choose_threshold
from detection.models import Classifier, Dataset, Region
from detection.models.classifier import Algorithm
from detection.signals import classifier_activated
from detection.training import card
from detection.training import dataset as datasets
from detection.training.outline import teach_outline
from detection.training.training_data import GROUPINGS, Progress, TrainingData, read_training_data

PRECISION_TARGET = evaluation.PRECISION_TARGET
# Where there are too few places to choose one.
UNKNOWN_THRESHOLD = 0.5
# Each grouping, and the fit on everything.
STEPS = len(GROUPINGS) + 1


def train(
    *,
    dataset: Dataset,
    region: Region,
    algorithm: str,
    extractor_name: str,
    acting_user: User | None,
    progress: Progress,
) -> Classifier:
    """Extract what is missing, evaluate on held-out places, fit on everything, keep the model.

    The region's first classifier becomes the active one; a later one waits for an admin.
    Raises UserError for an unknown algorithm, an extractor that cannot be had, or too few rows.
    """
    if algorithm not in Algorithm.values:
        raise UserError(
            _("There is no classifier “%(name)s”: choose one of %(known)s.")
            % {"name": algorithm[:40], "known": ", ".join(Algorithm.values)}
        )
    started = time.monotonic()
    # Before the features are read, and from all labels: no more than so many are drawn to teach.
    changed = card.changes(region, dataset, datasets.read(dataset))
    data = read_training_data(
        dataset=dataset, region=region, extractor_name=extractor_name, progress=progress
    )
    metrics, held = _evaluate(algorithm, data, progress)
    metrics["card"] = card.failures(held, data) | {"changes": changed}
    progress(STEPS - 1, STEPS, _("Fitting on all labels"))
    fitted, threshold = _fit(algorithm, data, metrics["warnings"])
    outline = teach_outline(
        data,
        lambda done, total: progress(STEPS - 1, STEPS, _("Looking closer at what is labelled")),
        metrics["warnings"],
    )
    if outline is not None:
        fitted = replace(fitted, outline=outline.head)
        metrics["outline"] = outline.figures
    try:
        reference = drift.fit(data.features, data.groups("by_date"), 0)
    except ValueError:
        metrics["warnings"].append(
            _("Labels of fewer than three dates: runs cannot say which dates look like nothing seen.")
        )
    else:
        fitted = replace(fitted, drift=reference)
        metrics["drift"] = {"limit": reference.limit, "most": reference.most}
    metrics["threshold_reached"] = threshold is not None and threshold.reached
    model = model_files.save(fitted)
    key = storage.put(storage.content_key("models", model, ".amber"), model)
    with transaction.atomic():
        # The last look at the lease, in the transaction of the writing: who lost it, or was cancelled, writes nothing.
        progress(STEPS, STEPS, _("Done"))
        classifier = Classifier.objects.create(
            region=region,
            dataset=dataset,
            algorithm=algorithm,
            extractor=data.extractor.name,
            extractor_key=data.extractor.key,
            model_key=key,
            model_sha256=storage.sha256_of(model),
            threshold=threshold.value if threshold is not None else UNKNOWN_THRESHOLD,
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


def _fit(
    algorithm: str, data: TrainingData, warnings: list[str]
) -> tuple[classifiers.FittedClassifier, ChosenThreshold | None]:
    """The classifier on all rows, and its threshold for the precision target.

    Both its calibration and its threshold come from out-of-fold scores on places held out whole. Where there are too
    few places for it, rows are held out one by one, which is good enough for a curve but not for a threshold: None,
    and a sentence in `warnings`. Raises UserError where there are too few rows even for that.
    """
    arguments = (algorithm, data.features, data.mining)
    try:
        fit = classifiers.fit_with_scores(
            *arguments, 0, data.groups("by_tile"), data.copies, data.extractor.blocks
        )
    except ValueError:
        warnings.append(_("Too few places to choose a threshold from: 0.5 is used. Label more tiles."))
    else:
        return fit.classifier, choose_threshold(fit.probabilities, data.mining, PRECISION_TARGET)
    try:
        return classifiers.fit(*arguments, 0, copies=data.copies, blocks=data.extractor.blocks), None
    except ValueError as error:
        raise UserError(str(error)) from None


def _evaluate(
    algorithm: str, data: TrainingData, progress: Progress
) -> tuple[dict[str, Any], dict[str, evaluation.HeldOut]]:
    """Metrics by tile, by 0.25° block and by capture date, in `warnings` why one of them is missing; and the held-out scores."""
    held: dict[str, evaluation.HeldOut] = {}
    metrics: dict[str, Any] = {"n": len(data.rows), "warnings": list(data.warnings)}
    metrics["lights"] = 0 if data.copies is None else len(data.copies)
    for done, name in enumerate(GROUPINGS):
        progress(done, STEPS, _("Evaluating on held-out places"))
        metrics[name] = None
        try:
            held[name] = evaluation.hold_out(
                [algorithm],
                data.features,
                data.mining,
                data.groups(name),
                evaluation.FOLDS,
                0,
                PRECISION_TARGET,
                data.copies,
                blocks=data.extractor.blocks,
            )[algorithm]
        except ValueError as error:
            metrics["warnings"].append(f"{name}: {error}")
        else:
            outcome = evaluation.summarise([held[name]], data.mining, data.groups(name), PRECISION_TARGET)
            metrics[name] = outcome.as_dict()
    return metrics, held
