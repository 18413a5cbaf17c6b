"""Painting diggings: washed sand, pits with bright rims, trenches, and the tracks between them.

Four manners of digging are drawn, as the land shows them: "sand" (washed over, nothing grows), "pits" (holes side by
side in a meadow), "burnt" (trees gone grey, branching pale paths) and "trenches" (long cuts with a wall of sand).
"""

from __future__ import annotations

import numpy as np

from detection.scenes import palette
from detection.scenes.acquisition import Acquisition
from detection.scenes.canvas import Canvas, box_of, ramp
from detection.scenes.land import Land, Site
from detection.scenes.noise import combed
from detection.scenes.stamps import Sheet, sheet_in

# Sand covers the middle of a site from here on, outwards in `digging` units; pits go a little further.
SAND_FROM: dict[str, tuple[float, float]] = {
    "sand": (0.0, 0.30),
    "pits": (0.30, 0.75),
    "burnt": (0.12, 0.70),
    "trenches": (0.10, 0.50),
}
PITS_FROM: dict[str, tuple[float, float, float]] = {
    # Density rises from 0 at the first depth to the third number at the second.
    "sand": (-0.16, 0.45, 0.62),
    "pits": (-0.22, 0.50, 0.95),
    "burnt": (-0.10, 0.60, 0.55),
    "trenches": (-0.20, 0.70, 0.34),
}
# Pixels between pits, and their smallest and largest radius in parts of that.
PIT_SIZES: dict[str, tuple[int, tuple[float, float]]] = {
    "sand": (17, (0.15, 0.40)),
    "pits": (21, (0.20, 0.46)),
    "burnt": (15, (0.14, 0.38)),
    "trenches": (19, (0.16, 0.42)),
}
TRUTH_FROM = -0.06

Box = tuple[slice, slice]


def paint_diggings(
    canvas: Canvas, land: Land, shot: Acquisition, growth: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw every site that reaches into the window.

    Returns where ground is dug (bool) and how much of the trees is gone (float32, 0…1).
    """
    shape = (land.window.count, land.window.count)
    truth, cleared = np.zeros(shape, bool), np.zeros(shape, np.float32)
    for site in land.sites:
        depth = land.digging(site, growth)
        dug = depth > TRUTH_FROM
        if not dug.any():
            continue
        truth |= dug
        box = box_of(depth > PITS_FROM[site.style][0] - 0.15)
        if box is None:
            continue
        _paint_site(canvas.part(box), land, shot, site, depth[box], box)
        if site.style in {"trenches", "sand"}:
            _paint_trenches(canvas, land, shot, site)
        strength = 0.93 if site.style == "burnt" else 1.0
        np.maximum(cleared[box], ramp(depth[box], -0.16, 0.16) * strength, out=cleared[box])
    return truth, cleared


def _paint_site(
    canvas: Canvas, land: Land, shot: Acquisition, site: Site, depth: np.ndarray, box: Box
) -> None:
    """Paint one site; `canvas` and `depth` are cut to `box`."""
    window, world = land.window, land.place.world

    def noise(name: str, period: float, octaves: int, gain: float = 0.5) -> np.ndarray:
        return land.texture(name, period, octaves, gain)[box]

    cos, sin = np.float32(np.cos(site.angle)), np.float32(np.sin(site.angle))
    x, y = window.local_x[:, box[1]], window.local_y[box[0]]
    u = x * cos + y * sin + np.float32(site.number % 997)
    v = y * cos - x * sin + np.float32(site.number % 499)
    patches = noise("washed", 120, 5, 0.7)
    streaks = combed(world, "washed", u / np.float32(26), v / np.float32(2.6))

    # Trampled ground around, then bare sand with grey mud where the water stood.
    canvas.blend(ramp(depth + 0.10 * patches, -0.16, 0.12) * 0.62, palette.MUD, 1 + 0.10 * patches)
    low, high = SAND_FROM[site.style]
    bare = ramp(depth + 0.26 * patches + 0.04 * streaks, low, high)
    canvas.blend(bare * 0.94, palette.SAND, 0.97 + 0.05 * patches + 0.035 * streaks)
    beige = ramp(noise("beige", 210, 4, 0.6), 0.0, 1.6) * bare
    canvas.blend(beige * 0.6, palette.YELLOW_SAND, 1 + 0.05 * streaks)
    mud = ramp(0.4 * noise("mud", 46, 3) - patches, 0.7, 1.5) * ramp(depth, 0.0, 0.2)
    canvas.blend(mud * 0.65, palette.WET_SAND if site.style != "pits" else palette.MUD, 1 + 0.06 * streaks)
    weeds = ramp(noise("weeds", 62, 4, 0.7), 1.05, 1.5) * ramp(depth, -0.1, 0.1)
    canvas.blend(weeds * 0.8, (84, 92, 58), 1 + 0.08 * streaks)
    if site.style == "burnt":
        # Pale paths that branch like veins: the zero lines of two noises.
        veins = np.minimum(np.abs(noise("veins", 150, 2)), np.abs(noise("more veins", 95, 2)) * 1.4)
        canvas.blend(ramp(veins, 0.16, 0.05) * ramp(depth, -0.08, 0.1) * 0.85, palette.SAND)
    start, full, most = PITS_FROM[site.style]
    density = ramp(depth + 0.16 * noise("pit groups", 150, 2), start, full) * np.float32(most)
    # A few pits are dug apart from the rest.
    density = np.maximum(density, ramp(depth, start - 0.12, start + 0.05) * np.float32(0.08))
    spacing, radii = PIT_SIZES[site.style]
    _paint_pits(canvas, shot, sheet_in(window, f"pits of {site.style}", spacing, radii, 0.055, box), density)


def _paint_pits(canvas: Canvas, shot: Acquisition, sheet: Sheet, density: np.ndarray) -> None:
    """Splash, rim, wall, water; the wall towards the sun lies in its own shadow."""
    present = (sheet.rank < density).astype(np.float32)
    if not present.any():
        return
    towards_sun = sheet.across * np.float32(shot.sun[0]) + sheet.down * np.float32(shot.sun[1])
    splash = ramp(sheet.out, 2.1, 1.05) * present
    canvas.blend(splash * (0.42 + 0.30 * sheet.tone), palette.SAND, np.full_like(splash, 0.92))
    rim = ramp(np.abs(sheet.out - 0.92), 0.34, 0.16) * present
    canvas.blend(rim * (0.75 + 0.25 * sheet.tone), palette.SAND, 1.0 + 0.07 * towards_sun)
    wall = ramp(sheet.out, 0.78, 0.66) * present
    # Inside the hole: dark under the sunny rim, lit on the far wall.
    tone = np.clip(0.62 - 0.55 * towards_sun, 0.16, 1.15)
    canvas.blend(wall * 0.95, (132, 116, 92), tone)
    water = ramp(sheet.out, 0.52, 0.44) * present * (sheet.tone > 0.35)
    canvas.blend(
        water * 0.85, palette.PIT_WATER, np.clip(0.62 - 0.25 * towards_sun + 0.25 * sheet.tone, 0.3, 1.1)
    )


def _paint_trenches(canvas: Canvas, land: Land, shot: Acquisition, site: Site) -> None:
    """Long cuts filled with turquoise water, a wall of sand on both sides."""
    window = land.window
    rng = np.random.default_rng([site.number, 5])
    middle_x, middle_y = window.left + window.size / 2, window.top + window.size / 2
    wobble = land.texture("trench", 50, 2)
    for x, y, radius in site.blobs:
        for _ in range(2 if site.style == "trenches" else 1):
            if rng.random() > (0.7 if site.style == "trenches" else 0.35):
                continue
            angle = site.angle + rng.normal(0, 0.14) + (np.pi / 2 if rng.random() < 0.2 else 0)
            half, wide = rng.uniform(0.2, 0.6) * radius, rng.uniform(4, 9)
            offset = rng.uniform(-0.7, 0.7, 2) * radius
            dx = window.local_x - np.float32(x + offset[0] - middle_x)
            dy = window.local_y - np.float32(y + offset[1] - middle_y)
            reach = half + 40
            box = box_of((np.abs(dx) < reach) & (np.abs(dy) < reach))
            if box is None:
                continue
            _paint_trench(canvas, shot, box, dx, dy, angle, half, wide, wobble)


def _paint_trench(
    canvas: Canvas,
    shot: Acquisition,
    box: Box,
    dx: np.ndarray,
    dy: np.ndarray,
    angle: float,
    half: float,
    wide: float,
    wobble: np.ndarray,
) -> None:
    rows, cols = box
    across_x, down_y, bend = dx[:, cols], dy[rows], wobble[box]
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u = across_x * cos + down_y * sin
    v = down_y * cos - across_x * sin + 4.5 * bend
    away = np.hypot(np.maximum(np.abs(u) - np.float32(half), 0), v)
    facing = np.sign(v) * (shot.sun[1] * cos - shot.sun[0] * sin)
    patch = canvas.part(box)
    wall = ramp(np.abs(away - (wide + 6) + 2.5 * bend), 7, 3)
    patch.blend(wall * 0.95, palette.SAND, (1 + 0.10 * facing).astype(np.float32))
    patch.blend(ramp(away, wide + 3, wide + 1.5), (120, 104, 84), (0.8 - 0.4 * facing).astype(np.float32))
    patch.blend(ramp(away, wide - 0.5, wide - 2), palette.TRENCH_WATER, 1 + 0.08 * bend)
