"""What the active classifier thinks of a tile, for the desk to show and to compare with afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detection.models import Run, SegmentedTile, TileScore
from labeling.models import Claim, LabelVerdict


@dataclass(frozen=True)
class Suggestion:
    """Calibrated probabilities of mining, superpixel 1 first, two decimals, and what counts as positive.

    Where the classifier's outline head has looked at the tile they are its own, and so is the threshold.
    """

    run: int
    threshold: float
    probabilities: list[float]


def suggestion_for(claim: Claim) -> Suggestion | None:
    """What may be shown with this claim: nothing where the tile is served blind or has not been searched yet."""
    if claim.run is None or claim.blind:
        return None
    found = _scores(claim.run, claim.segmented_tile_id)
    if found is None:
        return None
    scores, threshold = found
    return Suggestion(
        run=claim.run.pk,
        threshold=threshold,
        probabilities=[round(float(score), 2) for score in scores],
    )


def agreement_with(run: Run, tile: SegmentedTile, whole: Mapping[int, str]) -> tuple[int, int]:
    """How many decided labels (superpixel → verdict) can be compared with a run, and how many agree with it."""
    decided = {
        number: verdict
        for number, verdict in whole.items()
        if verdict in (LabelVerdict.MINING, LabelVerdict.NOT_MINING)
    }
    found = _scores(run, tile.pk) if decided else None
    if found is None:
        return (0, 0)
    scores, threshold = found
    agreeing = sum(
        (scores[number - 1] >= threshold) == (verdict == LabelVerdict.MINING)
        for number, verdict in decided.items()
        if number <= len(scores)
    )
    return (len(decided), int(agreeing))


def _scores(run: Run, segmented_tile_id: int) -> "tuple[np.ndarray, float] | None":
    """float32 (superpixels,), 0…1, and what counts as positive; None where the run has no score of the tile."""
    kept = (
        TileScore.objects.filter(run=run, segmented_tile=segmented_tile_id)
        .values_list("scores", "ground")
        .first()
    )
    if kept is None:
        return None
    scores, ground = kept
    if ground is not None:
        shares, figures = np.frombuffer(bytes(ground), "<f4"), run.classifier.metrics["outline"]
        highest = float(shares.max(initial=0))
        # Where none reaches the threshold, the likeliest one is the outline.
        likeliest = figures["least"] <= highest < figures["threshold"]
        return shares, highest if likeliest else float(figures["threshold"])
    return np.frombuffer(bytes(scores), "<f4"), run.threshold
