"""A machine's findings made by hand: a classifier, a run that is done, detections on given tiles."""

import datetime as dt
import json
from typing import Any

from django.utils import timezone

SQUARE = [[[[20, 20], [120, 20], [120, 140], [20, 140], [20, 20]]]]


def figures(f1: float = 0.85, **others: Any) -> dict[str, Any]:
    """The figures of one evaluation, as training writes them."""
    return {
        "precision": 0.9,
        "recall": 0.81,
        "f1": f1,
        "average_precision": 0.92,
        "n": 200,
        "positives": 80,
        "folds": 5,
        "confusion": [[112, 8], [15, 65]],
        "pr_curve": [[0.0, 1.0], [0.5, 0.96], [0.8, 0.9], [1.0, 0.4]],
        "threshold_reached": True,
        "at_target": {
            "target": 0.95,
            "precision": 0.95,
            "recall": 0.7,
            "f1": 0.8,
            "confusion": [[116, 4], [24, 56]],
        },
        **others,
    }


def make_classifier(region: Any, *, activate: bool = True, **fields: Any) -> Any:
    from detection.models import Classifier, Dataset

    number = Dataset.objects.count() + 1
    dataset = Dataset.objects.create(
        region=region, content_hash=f"{number:064d}", file_key="datasets/x", rows=200, positives=80
    )
    values: dict[str, Any] = {
        "algorithm": "xgboost",
        "extractor": "texture",
        "extractor_key": "texture-1-plain",
        "model_key": "models/x",
        "model_sha256": "b" * 64,
        "threshold": 0.61,
        "precision_target": 0.95,
        "metrics": {"n": 200, "by_tile": figures(), "by_block": figures(0.61), "warnings": []},
        "seconds": 12.5,
    }
    classifier = Classifier.objects.create(region=region, dataset=dataset, **(values | fields))
    if activate:
        region.active_classifier = classifier
        region.save(update_fields=["active_classifier"])
    return classifier


def learned_from(classifier: Any, *campaigns: Any) -> None:
    """Put a dataset's file under the classifier that names the campaigns, as freezing a region writes it."""
    from amberapp import storage

    notes = [
        {
            "number": campaign.pk,
            "name": campaign.name,
            "decision": campaign.decision,
            "look_alike": campaign.look_alike,
            "superpixels": campaign.members.count(),
        }
        for campaign in campaigns
    ]
    data = (json.dumps({"campaigns": notes, "of": classifier.pk}) + "\n").encode()
    dataset = classifier.dataset
    dataset.content_hash = storage.sha256_of(data)
    dataset.file_key = storage.put(storage.content_key("datasets", data, ".jsonl"), data)
    dataset.save()


def make_run(classifier: Any, tiles: list[Any], *, state: str = "done", pieces: Any = (1, 2, 3)) -> Any:
    """A run in which every one of `tiles` is detected, the first with the highest score."""
    from detection.models import Detection, Run, Shard

    done = state == "done"
    now = timezone.now()
    run = Run.objects.create(
        region=classifier.region,
        classifier=classifier,
        segmentation=tiles[0].segmented.get().segmentation,
        positive_superpixels=2,
        threshold=classifier.threshold,
        state=state,
        tiles=len(tiles),
        finished_at=now if done else None,
    )
    Shard.objects.create(
        run=run,
        number=0,
        first_tile=tiles[0].pk,
        last_tile=tiles[-1].pk,
        tiles=len(tiles),
        tiles_done=len(tiles) if done else 0,
        state=state,
        started_at=now - dt.timedelta(seconds=10) if done else None,
        finished_at=now if done else None,
    )
    for place, tile in enumerate(tiles if done else []):
        ring = [
            [tile.west, tile.south],
            [tile.east, tile.south],
            [tile.east, tile.north],
            [tile.west, tile.south],
        ]
        Detection.objects.create(
            run=run,
            segmented_tile=tile.segmented.get(),
            superpixels=list(pieces),
            score=0.95 - place * 0.05,
            pixel_outline={"type": "MultiPolygon", "coordinates": SQUARE},
            outline={"type": "MultiPolygon", "coordinates": [[ring]]},
            hectares=1.5 + place,
        )
    return run
