"""One invented tile: the picture, and where in it the ground is dug."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Date

import numpy as np

from detection.scenes.acquisition import acquisition_of, second_is_later
from detection.scenes.canvas import Canvas, ramp
from detection.scenes.digging import TRUTH_FROM, paint_diggings
from detection.scenes.ground import hedges, is_bog, paint_ground, paint_lines, paint_snow
from detection.scenes.land import ARABLE, BOG, KINDS, TILE, Land, ScenePlace, Village
from detection.scenes.light import develop
from detection.scenes.trees import cut_share, paint_cuts, paint_trees
from detection.scenes.village import GARDEN, paint_villages, village_axes

# Diggings at the second date, when it is the later one, are this much wider.
GROWTH = 1.28
# What lies in a tile is told from every eighth pixel.
GLANCE = 8
# A tile is one of mining when this part of it is dug; less is not drawn.
ENOUGH = 0.008
WORLD_TILES = 256


@dataclass(frozen=True)
class Scene:
    """`image`: uint8 (size, size, 3), sRGB. `truth`: bool (size, size), True where the ground is dug for amber.

    `kind`: one of KINDS, what the tile mainly shows; "mining" when a whole tile's `truth` holds anything. `season`: spring,
    summer, autumn or snow. `capture_date`: the invented day of the photograph.
    """

    image: np.ndarray
    truth: np.ndarray
    kind: str
    season: str
    capture_date: Date


def place_of(seed: int, forced: str | None = None) -> ScenePlace:
    """The tile that a seed stands for: its low byte is the column, the next the row, the rest the world.

    Seeds that follow each other are neighbours to the east, and their pictures join. Raises ValueError for a
    negative seed.
    """
    if seed < 0:
        raise ValueError(f"a seed is not negative, not {seed}")
    return ScenePlace(seed // WORLD_TILES**2, seed % WORLD_TILES, seed // WORLD_TILES % WORLD_TILES, forced)


def seed_of(world: int, column: int, row: int) -> int:
    """The seed of a tile; undoes `place_of`."""
    return (world * WORLD_TILES + row % WORLD_TILES) * WORLD_TILES + column % WORLD_TILES


def growth_at(place: ScenePlace, date: int) -> float:
    """How wide the diggings of a tile are at one of its dates: 0 before they began."""
    if date == 0:
        return 1.0
    return GROWTH if second_is_later(place.world, place.column, place.row) else 0.0


def natural_kind(seed: int, date: int = 0) -> str:
    """What the tile of a seed mainly shows if nothing is forced on it. Takes a few milliseconds."""
    place = place_of(seed)
    land = Land(place, place.window(TILE, GLANCE))
    if _is_mined(land, growth_at(place, date)):
        return "mining"
    shot = acquisition_of(place.world, place.column, place.row, date)
    if any(_village_share(land, village) > 0.12 for village in land.villages):
        return "village"
    if shot.snow > 0.3:
        return "snow"
    wood = land.wood
    if cut_share(land, wood) > 0.12:
        return "clear_cut"
    if (wood > 0.5).mean() > 0.5:
        return "forest"
    kinds = land.blocks.kind[land.block][wood < 0.5]
    if kinds.size == 0:
        return "forest"
    if (kinds == BOG).mean() > 0.45:
        return "bog"
    return "field" if (kinds == ARABLE).mean() > 0.45 else "meadow"


def is_mined(seed: int, date: int = 0) -> bool:
    """Whether `natural_kind` says "mining", at a fraction of its time."""
    place = place_of(seed)
    return _is_mined(Land(place, place.window(TILE, GLANCE)), growth_at(place, date))


def _is_mined(land: Land, growth: float) -> bool:
    if growth == 0:
        return False
    return any((land.digging(site, growth) > TRUTH_FROM).mean() > ENOUGH for site in land.sites)


def _village_share(land: Land, village: Village) -> float:
    along, across = village_axes(land, village)
    return float(((np.abs(along) < village.half_length) & (np.abs(across) < GARDEN)).mean())


def render_scene(seed: int, *, size: int = TILE, kind: str | None = None, date: int = 0) -> Scene:
    """Draw the tile of a seed: `size` pixels around its centre, at 0.37 m a pixel.

    `kind` is what it is to show; None leaves the land as it is. `date` 0 or 1 shows the same ground in another
    season and light; at date 1 diggings have grown, or have not begun. The same arguments always give the same
    scene. Raises ValueError for a kind, date, size or seed that does not exist.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}, not {kind}")
    if size < 16:
        raise ValueError(f"a scene has at least 16 pixels a side, not {size}")
    found = natural_kind(seed, date)
    place = place_of(seed, None if kind in {None, found} else kind)
    shot = acquisition_of(
        place.world, place.column, place.row, date, "snow" if place.forced == "snow" else None
    )
    land = Land(place, place.window(size))
    canvas = Canvas(size)

    ground = paint_ground(canvas, land, shot)
    cleared = paint_lines(canvas, land)
    wood = land.wood
    built, garden_trees = paint_villages(canvas, land, shot)
    if built.any():
        cleared = np.where(built, 1, cleared)
    density = paint_cuts(canvas, land, shot, wood * (1 - cleared))
    snow = paint_snow(canvas, land, shot, ground)
    truth = np.zeros((size, size), bool)
    if (kind or found) == "mining":
        truth, gone = paint_diggings(canvas, land, shot, growth_at(place, date) or 1.0)
        density *= 1 - gone
        cleared = np.maximum(cleared, gone)
    scrub = land.window.noise("scrub", 240, 3, 0.6)
    bushes = hedges(land) + ramp(scrub, 1.1, 2.4) * 0.35 + is_bog(land) * ramp(scrub, 0.2, 1.5) * 0.3
    bushes = np.where(wood > 0.5, 0, bushes) * (1 - cleared)
    paint_trees(canvas, land, shot, density, np.maximum(bushes, garden_trees), snow)
    image = develop(canvas, land, shot)
    return Scene(image, truth, kind or found, shot.season, shot.day)
