"""What the active classifier thinks of a tile, for the desk to show and to compare with afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detection.models import Run, SegmentedTile, TileScore
from labeling.models import Claim, LabelVerdict


@dataclass(frozen=True)
class Suggestion:
    """Calibrated probabilities of mining, superpixel 1 first, two decimals, and what counts as positive."""

    run: int
    threshold: float
    probabilities: list[float]


def suggestion_for(claim: Claim) -> Suggestion | None:
    """What may be shown with this claim: nothing where the tile is served blind or has not been searched yet."""
    if claim.run is None or claim.blind:
        return None
    scores = _scores(claim.run, claim.segmented_tile_id)
    if scores is None:
        return None
    return Suggestion(
        run=claim.run.pk,
        threshold=claim.run.threshold,
        probabilities=[round(float(score), 2) for score in scores],
    )


def agreement_with(run: Run, tile: SegmentedTile, whole: Mapping[int, str]) -> tuple[int, int]:
    """How many decided labels (superpixel → verdict) can be compared with a run, and how many agree with it."""
    decided = {
        number: verdict
        for number, verdict in whole.items()
        if verdict in (LabelVerdict.MINING, LabelVerdict.NOT_MINING)
    }
    scores = _scores(run, tile.pk) if decided else None
    if scores is None:
        return (0, 0)
    agreeing = sum(
        (scores[number - 1] >= run.threshold) == (verdict == LabelVerdict.MINING)
        for number, verdict in decided.items()
        if number <= len(scores)
    )
    return (len(decided), int(agreeing))


def _scores(run: Run, segmented_tile_id: int) -> "np.ndarray | None":
    """float32 (superpixels,), probabilities 0…1, or None where the run has no score of the tile."""
    packed = (
        TileScore.objects.filter(run=run, segmented_tile=segmented_tile_id)
        .values_list("scores", flat=True)
        .first()
    )
    return None if packed is None else np.frombuffer(bytes(packed), "<f4")
