"""What lies where: woods, parcels of land, roads, rivers, villages, clear-cuts and diggings of an endless land.

A world is 256×256 tiles of 1000 pixels. Everything follows from world coordinates, so woods, roads and diggings run
across the edges of tiles. `Land` describes one window; painting is done elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detection.scenes.noise import Window, channel, hashed, noise_at

KINDS = ("mining", "forest", "clear_cut", "field", "meadow", "bog", "village", "snow")
TILE = 1000

ARABLE, MEADOW, BOG = range(3)
NOTHING, TRACK, DITCH, HEDGE = range(4)

BLOCK_LENGTH, BLOCK_WIDTH = 1180.0, 800.0
SITE_PERIOD = 1750
VILLAGE_PERIOD = 5200
# Nobody digs this near to the middle of a village (pixels).
APART = 1400
CUT_LENGTH, CUT_WIDTH = 760.0, 430.0
RIDE_PERIOD = 1520.0


@dataclass(frozen=True)
class ScenePlace:
    """A tile of a world: which one it is and, where it is not what nature put there, what it is to show."""

    world: int
    column: int
    row: int
    forced: str | None = None

    @property
    def centre(self) -> tuple[float, float]:
        """World pixels (x, y)."""
        return self.column * TILE + TILE / 2, self.row * TILE + TILE / 2

    def window(self, size: int = TILE, step: int = 1) -> Window:
        """The square of `size` pixels around the tile's centre."""
        x, y = self.centre
        return Window(self.world, int(x) - size // 2, int(y) - size // 2, size, step)


@dataclass(frozen=True)
class Blocks:
    """Voronoi cells that share a way of farming; each array has one element per block.

    `kind`: ARABLE, MEADOW or BOG. `angle`: of its strips, radians. `width`, `length`: of a strip, pixels.
    `wooded`: added to the field that decides about forest. `number`: int64, identity in the world.
    """

    x: np.ndarray
    y: np.ndarray
    number: np.ndarray
    kind: np.ndarray
    angle: np.ndarray
    width: np.ndarray
    length: np.ndarray
    wooded: np.ndarray


@dataclass(frozen=True)
class Site:
    """A digging: blobs (x, y, radius) in world pixels, a style ("sand", "pits", "burnt", "trenches"), a direction."""

    blobs: tuple[tuple[float, float, float], ...]
    style: str
    angle: float
    number: int


@dataclass(frozen=True)
class Village:
    """A street: its middle in world pixels, its angle, half its length in pixels."""

    x: float
    y: float
    angle: float
    half_length: float
    number: int


@dataclass(frozen=True)
class ClearCut:
    """A clear-cut: a rectangle in forest coordinates (along, across), and how long ago ("fresh", "old", "planted")."""

    along: float
    across: float
    half_length: float
    half_width: float
    age: str


class Land:
    """The land in one window, as arrays (count, count) computed when asked for."""

    def __init__(self, place: ScenePlace, window: Window) -> None:
        self.place = place
        self.window = window
        self._textures: dict[tuple[str, float, int, float], np.ndarray] = {}

    def texture(self, name: str, period: float, octaves: int = 1, gain: float = 0.5) -> np.ndarray:
        """`Window.noise`, kept: for what is painted several times. Not to be written to."""
        key = (name, period, octaves, gain)
        if key not in self._textures:
            self._textures[key] = self.window.noise(name, period, octaves, gain)
        return self._textures[key]

    # Woods

    @cached_property
    def forest_angle(self) -> float:
        """Direction in which foresters laid their grid; one for the whole world."""
        return float(hashed(self.place.world, channel("forest grid")) - 0.5)

    @cached_property
    def forest_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates along and across the foresters' grid, float32, pixels."""
        cos, sin = np.cos(self.forest_angle), np.sin(self.forest_angle)
        along = self.window.x * cos + self.window.y * sin
        across = self.window.y * cos - self.window.x * sin
        return along.astype(np.float32), across.astype(np.float32)

    @cached_property
    def wood(self) -> np.ndarray:
        """Density of trees before clear-cuts, roads and diggings: float32, 0…1."""
        field = self.window.noise("wood", 2300) + 0.42 * self.window.noise("wood edge", 330, 3, 0.55)
        field += self.blocks.wooded.astype(np.float32)[self.block]
        field += {
            "forest": 2.6,
            "clear_cut": 2.6,
            "field": -3.0,
            "meadow": -2.2,
            "bog": -1.6,
            "village": -2.0,
        }.get(self.place.forced or "", 0.0)
        field += 0.28
        field *= 2.6
        return np.clip(field + 0.5, 0, 1, out=field)

    @cached_property
    def broadleaf(self) -> np.ndarray:
        """Where broadleaved trees stand instead of pines: float32, below 0 pines, above 0 broadleaved."""
        return self.window.noise("broadleaf", 900, 3, 0.6) - 0.55

    @cached_property
    def cuts(self) -> list[ClearCut]:
        """Clear-cuts that reach into the window."""
        along, across = self.forest_axes
        cuts = []
        i = np.arange(along.min() // CUT_LENGTH, along.max() // CUT_LENGTH + 1)[:, None, None]
        j = np.arange(across.min() // CUT_WIDTH, across.max() // CUT_WIDTH + 1)[None, :, None]
        draws = hashed(self.place.world, channel("cut"), i, j, np.arange(5))
        for at_i, at_j in np.argwhere(draws[..., 0] < 0.2):
            draw = draws[at_i, at_j]
            cuts.append(
                ClearCut(
                    along=float(i[at_i, 0, 0] + 0.5) * CUT_LENGTH,
                    across=float(j[0, at_j, 0] + 0.5) * CUT_WIDTH,
                    half_length=CUT_LENGTH * (0.25 + 0.22 * draw[1]),
                    half_width=CUT_WIDTH * (0.28 + 0.2 * draw[2]),
                    age=("fresh", "old", "planted")[int(draw[3] * 3)],
                )
            )
        if self.place.forced == "clear_cut":
            x, y = self.place.centre
            cos, sin = np.cos(self.forest_angle), np.sin(self.forest_angle)
            draw = hashed(
                self.place.world, channel("forced cut"), self.place.column, self.place.row, np.arange(4)
            )
            cuts.append(
                ClearCut(
                    x * cos + y * sin, y * cos - x * sin, 250 + 120 * draw[0], 130 + 90 * draw[1], "fresh"
                )
            )
        return cuts

    # Parcels

    @cached_property
    def blocks(self) -> Blocks:
        """The blocks of land that are first or second nearest to some part of the window."""
        window, world = self.window, self.place.world
        # A leaning lattice, little shaken: blocks come out nearly rectangular, as surveyors leave them.
        lean = float(hashed(world, channel("lean")) - 0.5) * 1.2
        cos, sin = np.cos(lean), np.sin(lean)
        middle_x, middle_y = window.left + window.size / 2, window.top + window.size / 2
        reach = window.size * 0.75 + 2 * BLOCK_LENGTH
        at_u, at_v = middle_x * cos + middle_y * sin, middle_y * cos - middle_x * sin
        columns = np.arange((at_u - reach) // BLOCK_LENGTH, (at_u + reach) // BLOCK_LENGTH + 1).astype(
            np.int64
        )
        rows = np.arange((at_v - reach) // BLOCK_WIDTH, (at_v + reach) // BLOCK_WIDTH + 1).astype(np.int64)
        i, j = (grid.ravel() for grid in np.meshgrid(columns, rows))
        shift = hashed(world, channel("row shift"), j)
        u = (i + shift + 0.5 + 0.5 * (hashed(world, channel("block x"), i, j) - 0.5)) * BLOCK_LENGTH
        v = (j + 0.5 + 0.42 * (hashed(world, channel("block y"), i, j) - 0.5)) * BLOCK_WIDTH
        x, y = u * cos - v * sin, u * sin + v * cos
        look_x = np.linspace(window.left, window.left + window.size, 25)[None, :, None]
        look_y = np.linspace(window.top, window.top + window.size, 25)[:, None, None]
        far = (look_x - x) ** 2 + (look_y - y) ** 2
        kept = np.unique(np.argpartition(far, 1, axis=2)[..., :2])
        i, j, x, y = i[kept], j[kept], x[kept], y[kept]

        draw = [hashed(world, channel("block"), i, j, k) for k in range(6)]
        farmed = noise_at(world, "farmed", 3000, x, y) + 0.8 * (draw[0] - 0.5)
        wet = noise_at(world, "wet", 2600, x, y) + 0.8 * (draw[1] - 0.5)
        kind = np.where(wet > 1.0, BOG, np.where(farmed > 0.25, ARABLE, MEADOW))
        kind = (
            np.full_like(
                kind,
                {"field": ARABLE, "village": ARABLE, "meadow": MEADOW, "bog": BOG}.get(
                    self.place.forced or "", 0
                ),
            )
            if self.place.forced in {"field", "village", "meadow", "bog"}
            else kind
        )
        turn = lean + noise_at(world, "parcel angle", 4000, x, y) * 0.12 + (draw[2] - 0.5) * 0.3
        angle = turn + np.where(draw[3] < 0.4, np.pi / 2, 0)
        narrow = draw[4] < 0.45
        width = np.where(narrow, 26 + 40 * draw[5], 80 + 190 * draw[5])
        length = np.where(narrow, 420 + 500 * draw[3], 500 + 900 * draw[2])
        wooded = np.select([draw[5] < 0.22, draw[5] > 0.8], [-0.95, 0.95], 0.0) - np.where(
            kind == ARABLE, 0.35, 0
        )
        return Blocks(x, y, i * 65_536 + j, kind, angle, width, length, wooded)

    @cached_property
    def _nearest(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Block of each pixel; that block × number of blocks + the next nearest one (intp); distance to their border."""
        window, blocks = self.window, self.blocks
        middle_x, middle_y = window.left + window.size / 2, window.top + window.size / 2
        shape = (window.count, window.count)
        best, second = np.full(shape, np.inf, np.float32), np.full(shape, np.inf, np.float32)
        first_of, second_of = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        # A bend, the same for every block: borders of land are not drawn with a ruler everywhere.
        bend = window.noise("border", 480) * np.float32(14)
        for index in range(blocks.x.size):
            dx = window.local_x - np.float32(blocks.x[index] - middle_x) + bend
            dy = window.local_y - np.float32(blocks.y[index] - middle_y) + bend
            far = dx * dx + dy * dy
            np.copyto(second_of, index, where=far < second)
            nearer = far < best
            np.copyto(second_of, first_of, where=nearer)
            np.copyto(first_of, index, where=nearer)
            # The second distance is the middle one of best, second and this one.
            np.minimum(second, np.maximum(best, far), out=second)
            np.minimum(best, far, out=best)
        apart = np.hypot(blocks.x[:, None] - blocks.x[None, :], blocks.y[:, None] - blocks.y[None, :])
        np.fill_diagonal(apart, 1)
        first, pair = first_of.astype(np.intp), second_of.astype(np.intp)
        pair += first * blocks.x.size
        edge = second
        edge -= best
        edge *= (0.5 / apart).astype(np.float32).ravel().take(pair)
        return first, pair, edge

    @property
    def block(self) -> np.ndarray:
        """Which of `blocks` each pixel belongs to."""
        return self._nearest[0]

    @property
    def border(self) -> np.ndarray:
        """Distance to the border of the block, float32, pixels."""
        return self._nearest[2]

    @cached_property
    def border_style(self) -> np.ndarray:
        """What runs along the nearest border: NOTHING, TRACK, DITCH or HEDGE (uint8)."""
        numbers = self.blocks.number
        low, high = np.minimum.outer(numbers, numbers), np.maximum.outer(numbers, numbers)
        draw = hashed(self.place.world, channel("border"), low, high)
        style = np.select([draw < 0.36, draw < 0.6, draw < 0.74], [TRACK, DITCH, HEDGE], NOTHING).astype(
            np.uint8
        )
        return style.ravel().take(self._nearest[1])

    @cached_property
    def strip_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates along and across the strips of each pixel's own block, float32, pixels from its middle."""
        window, blocks = self.window, self.blocks
        cos, sin = np.cos(blocks.angle), np.sin(blocks.angle)
        middle_x, middle_y = window.left + window.size / 2, window.top + window.size / 2
        shift_x, shift_y = middle_x - blocks.x, middle_y - blocks.y
        cos_of, sin_of = cos.astype(np.float32).take(self.block), sin.astype(np.float32).take(self.block)
        along = window.local_x * cos_of
        along += window.local_y * sin_of
        along += (shift_x * cos + shift_y * sin).astype(np.float32).take(self.block)
        across = np.multiply(window.local_y, cos_of, out=cos_of)
        across -= np.multiply(window.local_x, sin_of, out=sin_of)
        across += (shift_y * cos - shift_x * sin).astype(np.float32).take(self.block)
        return along, across

    # Lines

    @cached_property
    def road(self) -> np.ndarray:
        """Distance to the middle of the nearest made road, float32, pixels (right near it)."""
        value, slope = self.window.slope("road", 4300)
        return np.abs(value - 0.1) / np.maximum(slope, 1e-4)

    @cached_property
    def river(self) -> np.ndarray:
        """Distance to the middle of the nearest river, float32, pixels (right near it)."""
        value, slope = self.window.slope("river", 5200)
        return np.abs(value + 0.45 + 0.02 * self.window.noise("meander", 260, 2)) / np.maximum(slope, 1e-4)

    # Places of people

    @cached_property
    def villages(self) -> list[Village]:
        """Villages that may reach into the window."""
        window, world, stamps = self.window, self.place.world, []
        reach = 1100 + APART
        i = np.array(_cells(window.left, window.size, reach, VILLAGE_PERIOD))[:, None, None]
        j = np.array(_cells(window.top, window.size, reach, VILLAGE_PERIOD))[None, :, None]
        middle = self.place.centre
        draws = hashed(world, channel("village"), i, j, np.arange(5))
        for at_i, at_j in np.argwhere(draws[..., 0] < 0.55):
            draw = draws[at_i, at_j].tolist()
            x = (int(i[at_i, 0, 0]) + 0.2 + 0.6 * draw[1]) * VILLAGE_PERIOD
            y = (int(j[0, at_j, 0]) + 0.2 + 0.6 * draw[2]) * VILLAGE_PERIOD
            if self.place.forced == "mining" and np.hypot(x - middle[0], y - middle[1]) < APART:
                continue
            stamps.append(Village(x, y, (draw[3] - 0.5) * 3, 420 + 480 * draw[4], int(draw[0] * 2**40)))
        if self.place.forced == "village":
            x, y = self.place.centre
            draw = hashed(world, channel("forced village"), self.place.column, self.place.row, np.arange(4))
            stamps.append(
                Village(x + 120 * (draw[0] - 0.5), y + 120 * (draw[1] - 0.5), (draw[2] - 0.5) * 3, 620, 11)
            )
        return stamps

    @cached_property
    def sites(self) -> list[Site]:
        """Diggings that may reach into the window."""
        window, world, stamps = self.window, self.place.world, []
        reach = 950
        i = np.array(_cells(window.left, window.size, reach, SITE_PERIOD))[:, None]
        j = np.array(_cells(window.top, window.size, reach, SITE_PERIOD))[None, :]
        draw = [hashed(world, channel("site"), i, j, k) for k in range(4)]
        x, y = (i + 0.15 + 0.7 * draw[0]) * SITE_PERIOD, (j + 0.15 + 0.7 * draw[1]) * SITE_PERIOD
        # Amber lies in clusters, and is dug where woods begin: hidden, yet within reach of a road.
        rich = noise_at(world, "amber", 6000, x, y) + 1.1 * (draw[2] - 0.5)
        rich += 0.45 - 0.8 * np.abs(noise_at(world, "wood", 2300, x, y) + 0.1)
        for village in self.villages:
            rich[np.hypot(x - village.x, y - village.y) < APART] = -9
        for at in np.argwhere(rich > 0.42):
            cell = tuple(at)
            stamps.append(_site(world, float(x[cell]), float(y[cell]), int(draw[3][cell] * 2**31)))
        if self.place.forced == "mining":
            centre_x, centre_y = self.place.centre
            spot = hashed(world, channel("forced site"), self.place.column, self.place.row, np.arange(3))
            shift_x, shift_y = (240 * (spot[:2] - 0.5)).tolist()
            stamps.append(_site(world, centre_x + shift_x, centre_y + shift_y, int(spot[2] * 2**31)))
        return stamps

    def digging(self, site: Site, growth: float = 1.0) -> np.ndarray:
        """How deep inside a digging each pixel is: float32, above 0 inside, 1 in the middle, −1 far outside."""
        window = self.window
        middle_x, middle_y = window.left + window.size / 2, window.top + window.size / 2
        inside = np.full((window.count, window.count), -1, np.float32)
        for x, y, radius in site.blobs:
            dx = window.local_x - np.float32(x - middle_x)
            dy = window.local_y - np.float32(y - middle_y)
            np.maximum(inside, 1 - np.sqrt(dx * dx + dy * dy) / np.float32(radius * growth), out=inside)
        inside += np.float32(0.24) * self._ragged
        return np.clip(inside, -1, 1, out=inside)

    @cached_property
    def _ragged(self) -> np.ndarray:
        return self.window.noise("digging", 130, 3, 0.6)


def _cells(start: int, size: int, reach: float, period: float) -> range:
    """Lattice cells whose thing may reach into a stretch of the axis."""
    return range(int((start - reach) // period), int((start + size + reach) // period) + 1)


def _site(world: int, x: float, y: float, number: int) -> Site:
    rng = np.random.default_rng([world & 0xFFFFFFFF, number])
    angle = float(rng.uniform(0, np.pi))
    style = ("sand", "pits", "burnt", "trenches")[int(rng.integers(4))]
    blobs = []
    here_x, here_y = x, y
    for _ in range(int(rng.integers(4, 8))):
        blobs.append((here_x, here_y, float(rng.uniform(120, 260))))
        heading = angle + rng.normal(0, 0.7) + (np.pi if rng.random() < 0.35 else 0)
        step = rng.uniform(120, 230)
        here_x = float(np.clip(here_x + step * np.cos(heading), x - 470, x + 470))
        here_y = float(np.clip(here_y + step * np.sin(heading), y - 470, y + 470))
    return Site(tuple(blobs), style, angle, number)
