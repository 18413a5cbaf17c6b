"""A finished run of an active classifier with scores, as the desk needs it to suggest anything."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.findings import make_classifier, make_run

MINING = (1, 2, 3)  # superpixels that are suggested to be mining; all others are not


def suggest(region: Any, segmented: Sequence[Any], *, blind: bool = False) -> Any:
    """Score these tiles and let everybody (or nobody: blind) be shown the suggestions."""
    from detection.models import TileScore
    from labeling.models import DeskRules

    classifier = make_classifier(region)
    run = make_run(classifier, [one.tile for one in segmented])
    for one in segmented:
        scores = np.full(one.superpixels, 0.08, "<f4")
        scores[[number - 1 for number in MINING]] = 0.93
        TileScore.objects.create(run=run, segmented_tile=one, scores=scores.tobytes(), positives=len(MINING))
    DeskRules.objects.update_or_create(
        region=region, defaults={"blind_share": float(blind), "random_share": 0, "known_share": 0}
    )
    return run
