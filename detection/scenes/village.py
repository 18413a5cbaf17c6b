"""Painting villages: a street, houses with gabled roofs and shadows, sheds, long narrow gardens."""

from __future__ import annotations

import numpy as np

from detection.scenes import palette
from detection.scenes.acquisition import Acquisition
from detection.scenes.canvas import Canvas, Colour, box_of, ramp
from detection.scenes.land import Land, Village
from detection.scenes.noise import channel, combed, hashed

PLOT = 46.0
GARDEN = 230.0


def paint_villages(canvas: Canvas, land: Land, shot: Acquisition) -> tuple[np.ndarray, np.ndarray]:
    """Draw every village that reaches into the window.

    Returns where neither woods nor diggings are (bool) and the density of garden trees (float32, 0…1).
    """
    shape = (land.window.count, land.window.count)
    built, trees = np.zeros(shape, bool), np.zeros(shape, np.float32)
    for village in land.villages:
        _paint_village(canvas, land, shot, village, built, trees)
    return built, trees


def village_axes(land: Land, village: Village) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along the street and across it, float32, pixels from its middle; the street bends a little."""
    window = land.window
    cos, sin = np.float32(np.cos(village.angle)), np.float32(np.sin(village.angle))
    dx = window.local_x - np.float32(village.x - window.left - window.size / 2)
    dy = window.local_y - np.float32(village.y - window.top - window.size / 2)
    along, across = dx * cos + dy * sin, dy * cos - dx * sin
    return along, across + 22 * np.sin(along / np.float32(260))


def _paint_village(
    canvas: Canvas, land: Land, shot: Acquisition, village: Village, built: np.ndarray, trees: np.ndarray
) -> None:
    along, across = village_axes(land, village)
    box = box_of((np.abs(along) < village.half_length + 60) & (np.abs(across) < GARDEN))
    if box is None:
        return
    along, across = along[box], across[box]
    inside = (np.abs(along) < village.half_length) & (np.abs(across) < GARDEN)
    part = canvas.part(box)
    world = land.place.world
    side = np.where(across > 0, 1, 0)
    plot = np.floor(along / np.float32(PLOT)).astype(np.int32)
    draw = np.random.default_rng([village.number & 0xFFFFFFFF, 3]).random((2, 256))
    # Gardens end unevenly, and each is cut across into beds.
    deep = (120 + 100 * draw[side, plot & 255]).astype(np.float32)
    garden = inside & (np.abs(across) < deep)
    bed = np.floor(np.abs(across) / np.float32(38)).astype(np.int32)
    grown = draw[side, (plot * 7 + bed * 29) & 255]
    ground = palette.GROUND[shot.season]
    kinds = np.array(
        [palette.PLOUGHED, palette.GREEN_CROP, palette.HAY, palette.PASTURE, palette.PLOUGHED, palette.FALLOW]
    )
    shown = kinds[(grown * kinds.size).astype(np.intp)]
    tone = (
        0.92
        + 0.22 * ((grown * 17) % 1)
        + 0.05 * combed(world, "beds", across / np.float32(60), along / np.float32(2.7))
    )
    tone = tone.astype(np.float32)
    for index in range(3):
        np.copyto(part.planes[index], ground[:, index][shown] * tone, where=garden)
    fence = np.abs(np.mod(along, np.float32(PLOT)) - PLOT / 2) > PLOT / 2 - 1.2
    part.blend((garden & fence) * 0.35, (70, 72, 48))
    yard = ramp(np.abs(across), 66, 52) * inside
    part.blend(yard * 0.5, (134, 126, 92))
    part.blend(ramp(np.abs(across), 12, 9) * inside * 0.5, (128, 126, 86))
    street = ramp(np.abs(across), 7.5, 6) * (np.abs(along) < village.half_length + 60)
    part.blend(street, (168, 160, 146))
    orchard = garden * ramp(np.abs(np.abs(across) - 62), 34, 8) * np.float32(0.34)
    trees[box] = np.maximum(trees[box], orchard)
    built[box] |= inside
    _paint_houses(canvas, land, shot, village)
    # None grows out of a house.
    trees[box] *= np.where(inside, ramp(np.abs(np.abs(across) - 28), 10, 24), 1)


def _paint_houses(canvas: Canvas, land: Land, shot: Acquisition, village: Village) -> None:
    window = land.window
    plots = int(village.half_length // PLOT)
    numbers = np.arange(-plots, plots)
    draws = hashed(
        village.number,
        channel("house"),
        numbers[:, None, None],
        np.array([-1, 1])[None, :, None],
        np.arange(12),
    )
    for plot, both in zip(numbers.tolist(), draws.tolist(), strict=True):
        for side, draw in zip((-1, 1), both, strict=True):
            if draw[0] < 0.14:
                continue
            along = (plot + 0.5) * PLOT + 8 * (draw[1] - 0.5)
            bend = 22 * np.sin(along / 260)
            buildings = [(along, side * (27 + 7 * draw[2]), 8 + 3.5 * draw[3], 11 + 5 * draw[4], draw[5])]
            if draw[6] < 0.75:
                buildings.append(
                    (
                        along + 9 * (draw[7] - 0.5),
                        side * (56 + 14 * draw[8]),
                        5 + 3 * draw[9],
                        8 + 8 * draw[10],
                        draw[11],
                    )
                )
            for u, v, half_u, half_v, colour in buildings:
                cos, sin = np.cos(village.angle), np.sin(village.angle)
                x = village.x + u * cos - (v - bend) * sin - window.left
                y = village.y + u * sin + (v - bend) * cos - window.top
                roof = palette.ROOFS[int(colour * len(palette.ROOFS))]
                _paint_house(canvas, shot, x, y, village.angle, half_u, half_v, roof)


def _paint_house(
    canvas: Canvas,
    shot: Acquisition,
    x: float,
    y: float,
    angle: float,
    half_u: float,
    half_v: float,
    roof: Colour,
) -> None:
    """One gabled house; its ridge runs away from the street (along v)."""
    height = 13.0
    reach = int(half_u + half_v + height * shot.shadow) + 4
    top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
    bottom, right = min(int(y) + reach, canvas.size), min(int(x) + reach, canvas.size)
    if top >= bottom or left >= right:
        return
    patch = canvas.part((slice(top, bottom), slice(left, right)))
    dx = np.arange(left, right, dtype=np.float32)[None, :] + 0.5 - np.float32(x)
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5 - np.float32(y)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))

    def within(shift: float) -> np.ndarray:
        moved_x = dx + np.float32(shot.sun[0] * shift)
        moved_y = dy + np.float32(shot.sun[1] * shift)
        u, v = moved_x * cos + moved_y * sin, moved_y * cos - moved_x * sin
        return ramp(np.maximum(np.abs(u) - np.float32(half_u), np.abs(v) - np.float32(half_v)), 0.6, -0.6)

    length = height * shot.shadow
    shadow = np.maximum(np.maximum(within(length * 0.5), within(length * 0.25)), within(length * 0.75))
    patch.shade(1 - 0.55 * shadow)
    slope = np.sign(dx * cos + dy * sin) * (cos * shot.sun[0] + sin * shot.sun[1])
    patch.blend(within(0), roof, (1.0 + 0.22 * slope).astype(np.float32))
