"""Painting trees: pines and broadleaved woods, single trees and bushes, their shadows, clear-cuts and rides."""

from __future__ import annotations

import numpy as np

from detection.scenes import palette
from detection.scenes.acquisition import Acquisition
from detection.scenes.canvas import Canvas, ramp, shifted
from detection.scenes.land import CUT_LENGTH, RIDE_PERIOD, Cut, Land
from detection.scenes.noise import combed
from detection.scenes.stamps import Sheet, sheet_in

PINE_HEIGHT, BROADLEAF_HEIGHT, BUSH_HEIGHT = 24.0, 26.0, 8.0


def paint_cuts(canvas: Canvas, land: Land, shot: Acquisition, wood: np.ndarray) -> np.ndarray:
    """Draw clear-cuts and rides on the forest floor; returns the density of trees that is left (float32, 0…1)."""
    left = wood.copy()
    along, across = land.forest_axes
    for cut in land.cuts:
        _paint_cut(canvas, land, shot, cut, wood, left)
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
    canvas: Canvas, land: Land, shot: Acquisition, cut: Cut, wood: np.ndarray, left: np.ndarray
) -> None:
    window = land.window
    along, across = land.forest_axes
    du, dv = along - np.float32(cut.along), across - np.float32(cut.across)
    rough = window.noise("cut edge", 60, 2) * np.float32(3)
    depth = np.minimum(cut.half_length - np.abs(du), cut.half_width - np.abs(dv)) + rough
    inside = ramp(depth, -1, 1.5)
    if not inside.any():
        return
    inside *= ramp(wood, 0.15, 0.5)
    patches = window.noise("slash", 70, 4, 0.65)
    rows = combed(land.place.world, "slash rows", du / np.float32(34), dv / np.float32(3.4))
    tone = 1 + 0.07 * patches + 0.05 * rows
    if cut.age == "planted":
        canvas.blend(inside * 0.9, (108, 110, 72), tone)
        planted = ramp(np.abs(np.mod(dv, np.float32(8.5)) - 4.25), 2.6, 1.2)
        planted *= ramp(combed(land.place.world, "saplings", du / np.float32(5), dv / np.float32(8.5)), -1.2, 0.2)
        canvas.blend(inside * planted * 0.7, (52, 74, 44))
        left *= 1 - 0.985 * inside
        return
    colour = palette.CLEARED[shot.season] if cut.age == "fresh" else (112, 112, 74)
    canvas.blend(inside * 0.95, colour, tone)
    # Windrows of slash, pale bare patches, the loader's road and a stack of logs at its end.
    windrow = ramp(np.abs(np.mod(dv + rough, np.float32(46)) - 23), 4.5, 2) * ramp(patches, -0.6, 0.3)
    canvas.blend(inside * windrow * 0.55, (84, 72, 58), tone)
    canvas.blend(inside * ramp(patches, 1.0, 1.8) * 0.6, (196, 178, 142))
    road = ramp(np.abs(dv - 0.2 * cut.half_width + rough), 4.5, 3)
    canvas.blend(inside * road * 0.75, palette.TRACK_SAND)
    stumps = sheet_in(window, "stumps", 9, (0.14, 0.24), 0.0)
    standing = (stumps.out < 1) & (stumps.rank < 0.75)
    canvas.blend(inside * shifted(standing, -shot.sun[0] * 2, -shot.sun[1] * 2) * 0.4, (52, 44, 36))
    if cut.age == "fresh":
        canvas.blend(inside * standing * 0.6, (206, 178, 134))
        pile = (np.abs(du + 0.7 * cut.half_length) < 16) & (np.abs(dv - 0.2 * cut.half_width - 14) < 6)
        canvas.blend(inside * pile, (190, 158, 112), 1 + 0.2 * np.sin(dv * 2.2))
    # Seed trees are left standing.
    left *= 1 - (0.988 if cut.age == "fresh" else 0.93) * inside


def paint_trees(
    canvas: Canvas, land: Land, shot: Acquisition, density: np.ndarray, bushes: np.ndarray, snow: np.ndarray
) -> None:
    """Draw trees where `density` (float32, 0…1) lets them stand and bushes where `bushes` does."""
    window = land.window
    kind = land.broadleaf
    if density.max() > 0:
        leafy = kind > 0
        pines = np.where(leafy, 0, density)
        if pines.max() > 0:
            sheet = sheet_in(window, "pine", 11, (0.42, 0.68), 0.10)
            _stand(canvas, window_noise(land), shot, sheet, pines, palette.PINE[shot.season], PINE_HEIGHT, 0.9)
        broad = np.where(leafy, density, 0)
        if broad.max() > 0:
            sheet = sheet_in(window, "broadleaf", 19, (0.46, 0.74), 0.14)
            solid = 0.45 if shot.season in {"spring", "snow"} else 0.95
            _stand(
                canvas, window_noise(land), shot, sheet, broad, palette.BROADLEAF[shot.season], BROADLEAF_HEIGHT, solid
            )
    if bushes.max() > 0:
        sheet = sheet_in(window, "bush", 14, (0.22, 0.46), 0.16)
        green = tuple(0.5 * (a + b) for a, b in zip(palette.PINE[shot.season], palette.BROADLEAF[shot.season]))
        _stand(canvas, window_noise(land), shot, sheet, bushes, green, BUSH_HEIGHT, 0.9)


def window_noise(land: Land) -> np.ndarray:
    return land.window.noise("canopy", 210, 3, 0.6)


def _stand(
    canvas: Canvas,
    patches: np.ndarray,
    shot: Acquisition,
    sheet: Sheet,
    density: np.ndarray,
    colour: tuple[float, ...],
    height: float,
    solid: float,
) -> None:
    present = sheet.rank < density
    crown = ramp(sheet.out, 1.08, 0.9) * present
    # Shadows on open ground: the crown seen along the sun, at half and at full height.
    reach = min(height * shot.shadow, 46)
    shadow = crown
    for part in (0.3, 0.6, 0.9):
        moved = shifted(crown, -shot.sun[0] * reach * part, -shot.sun[1] * reach * part)
        shadow = np.maximum(shadow, moved)
    canvas.shade(1 - (0.32 + 0.3 * solid) * shadow)
    # Under a closed canopy the gaps are dark.
    closed = ramp(density, 0.55, 0.95)
    canvas.blend(closed * (0.55 + 0.4 * solid), (34, 42, 30) if solid > 0.5 else (66, 60, 50))
    light = sheet.across * np.float32(shot.sun[0]) + sheet.down * np.float32(shot.sun[1])
    tone = 0.80 + 0.30 * sheet.tone + 0.09 * patches
    tone += 0.34 * np.clip(light, -1, 1) - 0.12 * sheet.out
    np.clip(tone, 0.25, 1.7, out=tone)
    canvas.blend(crown * (0.5 + 0.5 * solid), (colour[0], colour[1], colour[2]), tone)


def cut_share(land: Land, wood: np.ndarray) -> float:
    """Part of the window that clear-cuts cover."""
    along, across = land.forest_axes
    covered = np.zeros(wood.shape, bool)
    for cut in land.cuts:
        covered |= (np.abs(along - cut.along) < cut.half_length) & (np.abs(across - cut.across) < cut.half_width)
    return float((covered & (wood > 0.4)).mean())


__all__ = ["CUT_LENGTH", "cut_share", "paint_cuts", "paint_trees"]
