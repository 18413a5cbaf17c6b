"""A region for the demo: which tiles lie where, when they were photographed and what they show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date as Date
from functools import cache

from detection.geometry import from_world_pixels, to_world_pixels
from detection.scenes.acquisition import acquisition_of
from detection.scenes.land import TILE
from detection.scenes.noise import channel, hashed
from detection.scenes.scene import Scene, is_mined, natural_kind, place_of, render_scene, seed_of

NORTH_WEST = (51.5, 26.5)
ZOOM = 18
WANTED_MINING = 1 / 3
TRIES = 24
# The demo's region.
SEED = 20181122
ROWS, COLUMNS = 4, 9


@dataclass(frozen=True)
class ScenePlan:
    """One tile of a planned region. `latitude`, `longitude`: its centre in degrees. `date`: 0 or 1, which overflight."""

    row: int
    column: int
    latitude: float
    longitude: float
    capture_date: Date
    seed: int
    kind: str
    date: int

    def render(self, size: int = TILE) -> Scene:
        """Draw the tile."""
        return render_scene(self.seed, size=size, kind=self.kind, date=self.date)


def demo_grid(rows: int, columns: int, seed: int) -> list[ScenePlan]:
    """Plan rows × columns neighbouring tiles near 51.5° N 26.5° E, west to east and north to south.

    About a third show mining, in clusters; about one in eight has a second plan with the other date, right after
    the first. Raises ValueError for an empty grid.
    """
    if rows < 1 or columns < 1:
        raise ValueError(f"a grid has rows and columns, not {rows}×{columns}")
    first_row, first_column = _corner(rows, columns, seed)
    x, y = to_world_pixels(*NORTH_WEST, ZOOM)
    plans = []
    for row in range(rows):
        for column in range(columns):
            latitude, longitude = from_world_pixels(x + column * TILE, y + row * TILE, ZOOM)
            tile = seed_of(seed, first_column + column, first_row + row)
            twice = hashed(seed, channel("two dates"), column, row) < 0.125
            for date in (0, 1) if twice else (0,):
                place = place_of(tile)
                shot = acquisition_of(place.world, place.column, place.row, date)
                plans.append(
                    ScenePlan(
                        row, column, latitude, longitude, shot.day, tile, natural_kind(tile, date), date
                    )
                )
    return plans


@cache
def demo_tiles() -> dict[str, ScenePlan]:
    """The tiles of the demo's region by their file names, in their order. The first call takes a second."""
    plans = with_clear_cuts(demo_grid(ROWS, COLUMNS, SEED))
    return {
        f"synthetic-{number:02d}-{plan.capture_date}.jpg": plan for number, plan in enumerate(plans, start=1)
    }


def with_clear_cuts(plans: list[ScenePlan]) -> list[ScenePlan]:
    """The same plans, but every second place that shows nothing but forest shows a fresh clear-cut in it.

    Such cuts lie within their tile, so that pictures of neighbours still join.
    """
    kinds: dict[tuple[int, int], set[str]] = {}
    for plan in plans:
        kinds.setdefault((plan.row, plan.column), set()).add(plan.kind)
    forest = [place for place, shown in kinds.items() if shown == {"forest"}]
    cut = set(forest[::2])
    return [replace(plan, kind="clear_cut") if (plan.row, plan.column) in cut else plan for plan in plans]


def _corner(rows: int, columns: int, seed: int) -> tuple[int, int]:
    """Where in the world the region is cut out: the first of a few places whose mining comes nearest to a third."""
    best, corner = 2.0, (0, 0)
    for attempt in range(TRIES):
        row = int(hashed(seed, channel("corner row"), attempt) * 256)
        column = int(hashed(seed, channel("corner column"), attempt) * 256)
        mined = sum(
            is_mined(seed_of(seed, column + across, row + down))
            for down in range(rows)
            for across in range(columns)
        )
        miss = abs(mined / (rows * columns) - WANTED_MINING)
        if miss < best:
            best, corner = miss, (row, column)
        if miss < 0.04:
            break
    return corner
