"""A run of which a sample is drawn, and the sample."""

from typing import Any

import pytest

from labeling.area.sample import draw_sample
from tests.labeling.area.sampling import PIECES, Tiles
from tests.published import found_on, judge


@pytest.fixture
def ground(region: Any, make_tile: Tiles) -> list[Any]:
    return [make_tile(seed) for seed in range(8)]


@pytest.fixture
def run(region: Any, ground: list[Any], bob: Any) -> Any:
    """Eight tiles searched: two on the map, one rejected, two with high scores, three others."""
    from detection.models import Detection, TileScore

    found = found_on(region, ground, pieces=PIECES)
    TileScore.objects.filter(run=found).update(positives=0)
    kept = list(Detection.objects.filter(run=found).order_by("id")[:3])
    Detection.objects.filter(run=found).exclude(pk__in=[one.pk for one in kept]).delete()
    judge(kept[0], bob)
    judge(kept[1], bob)
    judge(kept[2], bob, "rejected")
    for tile in ground[3:5]:
        TileScore.objects.filter(run=found, segmented_tile__tile=tile).update(positives=2)
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labeling.area.sample.LEAST_SIZE", 2)


@pytest.fixture
def sample(run: Any, carol: Any, small: None) -> Any:
    return draw_sample(run=run, size=8, seed=7, acting_user=carol)
