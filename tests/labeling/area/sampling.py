"""A sample of Testshire, and how experts judge it."""

from collections.abc import Callable
from typing import Any

from labeling.area.answers import answer_tile, next_tile

Tiles = Callable[..., Any]


PIECES = (1, 2, 3)


def judge_all(sample: Any, expert: Any, seen: dict[str, list[int]]) -> None:
    """Every tile left, by what is seen in its stratum."""
    while (tile := next_tile(sample=sample, expert=expert)) is not None:
        answer_tile(
            sample=sample, expert=expert, sample_tile_id=tile.pk, superpixels=seen.get(tile.stratum, [])
        )
