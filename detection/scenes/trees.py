"""Painting trees: pines and broadleaved woods, single trees and bushes, their shadows, clear-cuts and rides."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detection.scenes import palette
from detection.scenes.acquisition import Acquisition
from detection.scenes.canvas import Canvas, Colour, box_of, ramp, shifted, smeared
from detection.scenes.land import RIDE_PERIOD, ClearCut, Land
from detection.scenes.noise import Window, combed
from detection.scenes.stamps import Sheet, sheet_in


@dataclass(frozen=True)
class TreeKind:
    """A kind of tree: its sheet of crowns (name, spacing, radii, raggedness), its height and longest shadow in
    pixels, and how strongly the sun models a crown."""

    sheet: tuple[str, int, tuple[float, float], float]
    height: float
    longest: float
    relief: float

    def sheet_in(self, window: Window) -> Sheet:
        name, spacing, radii, ragged = self.sheet
        return sheet_in(window, name, spacing, radii, ragged)


PINE = TreeKind(("pine", 9, (0.34, 0.66), 0.05), 17.0, 24.0, 0.34)
BROADLEAF = TreeKind(("broadleaf", 15, (0.36, 0.72), 0.07), 16.0, 22.0, 0.26)
BUSH = TreeKind(("bush", 13, (0.18, 0.42), 0.08), 6.0, 10.0, 0.28)


def paint_cuts(canvas: Canvas, land: Land, shot: Acquisition, wood: np.ndarray) -> np.ndarray:
    """Draw clear-cuts and rides on the forest floor; returns the density of trees that is left (float32, 0…1)."""
    left = wood.copy()
    if wood.max() <= 0.15:
        return left
    along, across = land.forest_axes
    rough = land.window.noise("cut edge", 60, 2)
    patches = land.window.noise("slash", 90, 4, 0.7)
    for cut in land.cuts:
        _paint_cut(canvas, land, shot, cut, wood, left, rough, patches)
    ride = np.minimum(
        np.abs(np.mod(along, np.float32(RIDE_PERIOD)) - RIDE_PERIOD / 2),
        np.abs(np.mod(across, np.float32(RIDE_PERIOD)) - RIDE_PERIOD / 2),
    )
    inside = ramp(wood, 0.3, 0.8)
    canvas.blend(ramp(ride, 9, 6) * inside * 0.7, (120, 112, 78))
    canvas.blend(ramp(np.abs(ride - 2.4), 1.8, 0.8) * inside * 0.8, palette.TRACK_SAND)
    left *= ramp(ride, 6, 10)
    return left


def _paint_cut(
    canvas: Canvas,
    land: Land,
    shot: Acquisition,
    cut: ClearCut,
    wood: np.ndarray,
    left: np.ndarray,
    rough: np.ndarray,
    patches: np.ndarray,
) -> None:
    along, across = land.forest_axes
    du, dv = along - np.float32(cut.along), across - np.float32(cut.across)
    depth = np.minimum(cut.half_length - np.abs(du), cut.half_width - np.abs(dv)) + 3 * rough
    box = box_of(depth > -1)
    if box is None:
        return
    du, dv, patches, rough = du[box], dv[box], patches[box], rough[box]
    inside = ramp(depth[box], -1, 1.5) * ramp(wood[box], 0.15, 0.5)
    if not inside.any():
        return
    part = canvas.part(box)
    rows = combed(land.place.world, "slash rows", du / np.float32(34), dv / np.float32(3.4))
    tone = 1 + 0.08 * patches + 0.05 * rows
    if cut.age == "planted":
        part.blend(inside * 0.9, palette.PLANTED[shot.season], tone)
        planted = ramp(np.abs(np.mod(dv, np.float32(8.5)) - 4.25), 2.6, 1.2)
        planted *= ramp(
            combed(land.place.world, "saplings", du / np.float32(5), dv / np.float32(8.5)), -1.2, 0.2
        )
        part.blend(inside * planted * 0.7, palette.PINE[shot.season])
        left[box] *= 1 - 0.985 * inside
        return
    part.blend(
        inside * 0.95,
        palette.CLEARED[shot.season] if cut.age == "fresh" else palette.PLANTED[shot.season],
        tone,
    )
    # Windrows of slash, pale bare patches, the loader's road and a stack of logs beside it.
    windrow = ramp(np.abs(np.mod(dv + 3 * rough, np.float32(46)) - 23), 5, 1.5) * ramp(patches, -0.8, 0.5)
    part.blend(inside * windrow * 0.5, (88, 76, 62), tone)
    part.blend(inside * ramp(patches, 0.9, 1.9) * 0.55, (192, 176, 144))
    weeds = ramp(-patches, 0.7, 1.8) * (0.4 if cut.age == "fresh" else 0.8)
    part.blend(inside * weeds, (96, 104, 64), tone)
    road = ramp(np.abs(dv - 0.2 * cut.half_width + 4 * rough), 4.5, 3)
    part.blend(inside * road * 0.75, palette.TRACK_SAND)
    stumps = sheet_in(land.window, "stumps", 9, (0.12, 0.24), 0.0, box)
    standing = ((stumps.out < 1) & (stumps.rank < 0.7)).astype(np.float32)
    cast = shifted(standing, -shot.sun[0] * 2, -shot.sun[1] * 2)
    part.blend(inside * cast * 0.45, (52, 44, 36))
    if cut.age == "fresh":
        part.blend(inside * standing * 0.55, (206, 180, 138))
        pile = (np.abs(du + 0.7 * cut.half_length) < 16) & (np.abs(dv - 0.2 * cut.half_width - 14) < 6)
        part.blend(inside * pile, (186, 158, 116), 1 + 0.2 * np.sin(dv * np.float32(2.2)))
    # Seed trees are left standing, here and there a group of them.
    groups = ramp(patches, 1.2, 1.8) * np.float32(0.10)
    left[box] *= 1 - (0.99 if cut.age == "fresh" else 0.93) * inside + inside * groups


def paint_trees(
    canvas: Canvas, land: Land, shot: Acquisition, density: np.ndarray, bushes: np.ndarray, snow: np.ndarray
) -> None:
    """Draw trees where `density` (float32, 0…1) lets them stand and bushes where `bushes` does.

    `snow`: float32 0…1, how deep it lies; it shows through the gaps of bare woods.
    """
    window = land.window
    patches = window.noise("canopy", 170, 4, 0.7) * np.float32(0.12)
    leaves = window.noise("leaves", 4.5) * np.float32(0.085)
    bare = shot.season in {"spring", "snow"}
    if bushes.max() > 0:
        pine, leaf = palette.PINE[shot.season], palette.BROADLEAF[shot.season]
        green = (pine[0] + leaf[0]) / 2, (pine[1] + leaf[1]) / 2, (pine[2] + leaf[2]) / 2
        _stand(canvas, shot, BUSH, BUSH.sheet_in(window), bushes, green, leaves, 0.9)
    if density.max() <= 0:
        return
    # Under a closed canopy the ground is dark; bare broadleaved woods let it through.
    mixed = ramp(land.broadleaf, -0.35, 0.35)
    closed = ramp(density, 0.45, 0.95)
    floor = palette.UNDERSTOREY[shot.season]
    canvas.blend(
        closed * (0.9 - (0.45 if bare else 0.1) * mixed) * (1 - 0.5 * snow * mixed), floor, 1 + patches
    )
    tone = patches + leaves
    # Broad crowns show their branches, bare ones little else.
    broad_tone = patches + leaves * np.float32(2.6 if bare else 1.7)
    pines, broad = density * (1 - mixed), density * mixed
    if pines.max() > 0.02:
        _stand(canvas, shot, PINE, PINE.sheet_in(window), pines, palette.PINE[shot.season], tone, 1.0)
    if broad.max() > 0.02:
        _stand(
            canvas,
            shot,
            BROADLEAF,
            BROADLEAF.sheet_in(window),
            broad,
            palette.BROADLEAF[shot.season],
            broad_tone,
            0.45 if bare else 1.0,
            palette.TURNED if shot.season == "autumn" else None,
        )


def _stand(
    canvas: Canvas,
    shot: Acquisition,
    kind: TreeKind,
    sheet: Sheet,
    density: np.ndarray,
    colour: Colour,
    tone: np.ndarray,
    solid: float,
    other: Colour | None = None,
) -> None:
    """Draw the crowns of one kind with their shadows; `solid` is how much of the ground a crown hides.

    `other`: the colour of some of them.
    """
    crown = ramp(sheet.out, 1.1, 0.86)
    crown *= sheet.rank < density
    # Shadows on the ground: the crown seen along the sun at several heights.
    reach = min(kind.height * shot.shadow, kind.longest)
    shadow = smeared(crown, -shot.sun[0] * reach, -shot.sun[1] * reach, math.ceil(reach / 3.2))
    shadow *= np.float32(-0.2 - 0.42 * solid)
    shadow += 1
    canvas.shade(shadow)
    light = sheet.across * np.float32(shot.sun[0]) + sheet.down * np.float32(shot.sun[1])
    np.clip(light, -1, 1, out=light)
    lit = np.float32(kind.relief) * light
    lit += np.float32(0.36) * sheet.tone
    lit += tone
    lit += np.float32(0.78)
    np.clip(lit, 0.25, 1.7, out=lit)
    crown *= np.float32(0.45 + 0.5 * solid)
    canvas.blend(crown, colour, lit)
    if other is not None:
        canvas.blend(crown * ramp(sheet.tone, 0.35, 0.75), other, lit)


def cut_share(land: Land, wood: np.ndarray) -> float:
    """Part of the window that clear-cuts cover."""
    along, across = land.forest_axes
    covered = np.zeros(wood.shape, bool)
    for cut in land.cuts:
        covered |= (np.abs(along - cut.along) < cut.half_length) & (
            np.abs(across - cut.across) < cut.half_width
        )
    return float((covered & (wood > 0.4)).mean())
