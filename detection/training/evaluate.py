"""Scoring a folder of labelled crops that a classifier has never seen."""

from pathlib import Path
from typing import Any

import numpy as np

from amberapp.errors import UserError
from detection.description.features import usable_extractor
from detection.imagery.decode import UnreadableImage, read_image
from detection.learning.thresholds import average_precision, confusion
from detection.models import Classifier
from detection.runs.shards import load_model

VERDICT_FOLDERS = {"positive": True, "negative": False}


def crop_files(folder: Path) -> list[tuple[Path, bool]]:
    """(file, mining) for `positive/` and `negative/` under `folder`, in a stable order.

    Raises UserError when the folder or both of its parts are missing or empty.
    """
    files = [
        (file, mining)
        for name, mining in VERDICT_FOLDERS.items()
        for file in sorted((folder / name).glob("*"))
        if file.is_file() and not file.name.startswith(".")
    ]
    if not files:
        raise UserError(f"{folder} has no crops: expected image files in positive/ and negative/ under it.")
    return files


def evaluate_crops(*, classifier: Classifier, folder: Path) -> dict[str, Any]:
    """Precision, recall, F1 at the classifier's threshold, average precision, and what could not be read."""
    extractor = usable_extractor(classifier.extractor, classifier.extractor_key)
    if extractor.key != classifier.extractor_key:
        raise UserError(
            f"Classifier {classifier.pk} was trained on features {classifier.extractor_key}, "
            f"and this machine makes {extractor.key}: retrain it here."
        )
    fitted = load_model(classifier.model_key, classifier.model_sha256)
    scores: list[float] = []
    truth: list[bool] = []
    failed: list[dict[str, str]] = []
    for file, mining in crop_files(folder):
        try:
            image = read_image(file.read_bytes())
        except (UnreadableImage, OSError) as error:
            failed.append({"file": file.name, "reason": str(error)})
            continue
        labels = np.ones(image.pixels.shape[:2], dtype=np.int32)
        features = extractor.extract(image.pixels, labels)
        # Through float16 as in the store, so that both roads give the same score.
        stored = features.astype(np.float16).astype(np.float32)
        scores.append(float(fitted.predict_proba(stored)[0]))
        truth.append(mining)
    y, p = np.array(truth, dtype=bool), np.array(scores, dtype=np.float32)
    if not y.any() or y.all():
        raise UserError(f"{folder} must hold readable crops of both kinds, positive/ and negative/.")
    (tn, fp), (fn, tp) = confusion(y, p >= classifier.threshold)
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn)
    return {
        "classifier": classifier.pk,
        "threshold": classifier.threshold,
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "average_precision": average_precision(y, p),
        "n": len(y),
        "positives": int(y.sum()),
        "confusion": [[tn, fp], [fn, tp]],
        "failed": failed,
    }
