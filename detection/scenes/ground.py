"""Painting open ground: parcels and furrows, meadow and bog, roads, ditches, rivers and snow."""

from __future__ import annotations

import numpy as np

from detection.scenes import palette
from detection.scenes.acquisition import Acquisition
from detection.scenes.canvas import Canvas, ramp
from detection.scenes.land import ARABLE, BOG, DITCH, HEDGE, TRACK, Land
from detection.scenes.noise import channel, combed, hashed
from detection.scenes.stamps import grain_in

PARCELS = 4096


def paint_ground(canvas: Canvas, land: Land, shot: Acquisition) -> np.ndarray:
    """Fill the picture with parcels; returns which ground each pixel shows (uint8, the palette's numbers)."""
    window, blocks = land.window, land.blocks
    along, across = land.strip_axes
    block = land.block
    width, length = blocks.width.astype(np.float32)[block], blocks.length.astype(np.float32)[block]
    wobble = window.noise("strip", 150) * np.float32(1.6)
    strip = np.floor((across + wobble) / width)
    part = np.floor(along / length + strip * np.float32(0.37)).astype(np.int32)
    salt = (hashed(land.place.world, channel("parcel"), blocks.number) * PARCELS).astype(np.int32)
    parcel = strip.astype(np.int32)
    parcel *= 37
    part *= 1013
    parcel += part
    parcel += salt[block]
    parcel &= PARCELS - 1
    parcel += (blocks.kind * PARCELS).astype(np.int32)[block]

    # Per parcel of arable land, meadow and bog: what it shows and how light it is.
    rng = np.random.default_rng([land.place.world & 0xFFFFFFFF, shot.strip & 0xFFFF, shot.day.toordinal()])
    draw = rng.integers(0, 16, PARCELS)
    kinds_shown = np.concatenate(
        [
            np.repeat(list(mix), list(mix.values())).astype(np.uint8)[draw]
            for mix in palette.MIXES[shot.season]
        ]
    )
    lightness = np.tile(rng.standard_normal(PARCELS) * 0.075, 3).astype(np.float32)
    ground = kinds_shown.take(parcel, mode="clip")
    furrowed = palette.FURROWS[kinds_shown].take(parcel, mode="clip")
    mottled = palette.MOTTLE[kinds_shown].take(parcel, mode="clip")

    mottle = window.noise("mottle", 300, 5, 0.62)
    tone = window.noise("fine", 22, 3, 0.8)
    tone *= np.float32(0.55)
    tone += np.float32(0.62) * mottle
    tone *= mottled

    # Furrows fade in and out; combed noise breaks them up; sprayers leave a pair of wheel marks every so often.
    bent = across + wobble
    furrow = np.sin(bent * np.float32(2 * np.pi / 6.3))
    furrow *= ramp(mottle, -1.4, 0.9)
    furrow += np.float32(1.1) * combed(
        land.place.world, "furrow", along / np.float32(140), across / np.float32(3.2)
    )
    furrow *= furrowed
    tone += furrow
    lane = np.abs(np.mod(across, np.float32(52)) - np.float32(26))
    tone -= np.float32(0.06) * ((lane > 3.5) & (lane < 5.5) & (furrowed > 0.045))
    # A dark furrow or a grass balk between neighbours.
    balk = (blocks.kind == ARABLE).astype(np.float32) * np.float32(0.13)
    tone -= (bent - strip * width < 1.7) * balk[block]
    tone += 1
    # Drier and lusher places differ in colour, not only in brightness.
    dryness = np.clip(window.noise("lush", 520, 3, 0.5) * mottled * np.float32(0.7), -0.09, 0.09)
    tints = (1 + dryness, None, 1 - np.float32(0.6) * dryness)
    for index, tint in enumerate(tints):
        plane = canvas.planes[index]
        table = palette.GROUND[shot.season][:, index][kinds_shown] * (1 + lightness)
        np.multiply(table.take(parcel, mode="clip"), tone, out=plane)
        if tint is not None:
            plane *= tint

    _paint_bog(canvas, land, shot, ground, mottle)
    return ground


def _paint_bog(canvas: Canvas, land: Land, shot: Acquisition, ground: np.ndarray, mottle: np.ndarray) -> None:
    wet = ground == palette.WET
    if not wet.any():
        return
    tussocks = land.window.noise("tussock", 34, 3, 0.7)
    canvas.blend(ramp(tussocks, 0.5, 1.4) * wet * 0.55, (134, 122, 84))
    pools = ramp(0.8 * mottle + 0.5 * tussocks, -1.35, -1.6) * wet
    canvas.blend(pools * 0.85, (210, 218, 220) if shot.season == "snow" else palette.WATER)


def paint_lines(canvas: Canvas, land: Land) -> np.ndarray:
    """Draw tracks, ditches, roads and rivers; returns where no tree stands because of them (float32, 0…1)."""
    window, border, style = land.window, land.border, land.border_style
    rough = window.noise("verge", 26, 2)
    edge = border + rough * np.float32(0.7)
    cleared = np.zeros(border.shape, np.float32)

    track = style == TRACK
    if track.any():
        on_track = ramp(edge, 6.5, 4.0) * track
        canvas.blend(on_track * 0.62, palette.TRACK_SAND, 1 + 0.06 * rough)
        canvas.blend(ramp(np.abs(border - 0.2), 1.6, 0.6) * track * 0.5, (120, 118, 82))
        np.maximum(cleared, ramp(border, 11, 8) * track, out=cleared)
    ditch = style == DITCH
    if ditch.any():
        canvas.blend(ramp(edge, 13, 8) * ditch * 0.5, (96, 108, 62))
        canvas.blend(ramp(np.abs(edge - 7), 2.5, 1) * ditch * 0.35, (170, 158, 128))
        canvas.blend(ramp(edge, 4.6, 3.2) * ditch, palette.WATER)
        np.maximum(cleared, ramp(border, 8, 6) * ditch, out=cleared)
    road = land.road
    if road.min() < 30:
        canvas.blend(ramp(road, 17, 12) * 0.6, (128, 122, 88), 1 + 0.1 * rough)
        canvas.blend(ramp(road, 8.5, 7.2), palette.ASPHALT, 1 + 0.03 * rough)
        np.maximum(cleared, ramp(road, 22, 16), out=cleared)
    river = land.river
    if river.min() < 60:
        bank = river + 6 * window.noise("bank", 90, 2)
        canvas.blend(ramp(bank, 42, 24) * 0.6, (104, 116, 66), 1 + 0.08 * rough)
        canvas.blend(ramp(bank, 18, 16), palette.WATER, 1 + 0.05 * rough)
        np.maximum(cleared, ramp(bank, 26, 20), out=cleared)
    return cleared


def hedges(land: Land) -> np.ndarray:
    """Density of bushes along borders, roads and water: float32, 0…1."""
    border, style = land.border, land.border_style
    density = ramp(border, 14, 6) * (style == HEDGE) * 0.9
    density += ramp(np.abs(border - 13), 7, 3) * (style == DITCH) * 0.35
    density += ramp(np.abs(land.road - 27), 9, 4) * 0.45
    density += ramp(np.abs(land.river - 34), 16, 8) * 0.4
    return density.astype(np.float32)


def paint_snow(canvas: Canvas, land: Land, shot: Acquisition, ground: np.ndarray) -> np.ndarray:
    """Lay snow: it fills furrows, lies in patches that the wind drew out, and goes from slopes last.

    Returns how deep it lies, float32, 0…1; zero in other seasons.
    """
    window = land.window
    if shot.snow <= 0:
        return np.zeros((window.count, window.count), np.float32)
    along, across = land.strip_axes
    field = window.noise("snow", 420, 6, 0.66)
    field += 0.28 * combed(land.place.world, "drift", along / np.float32(60), across / np.float32(4.5))
    field += 0.5 * np.sin(across * np.float32(2 * np.pi / 12.6)) * (palette.FURROWS[ground] > 0.05)
    field += 0.35 * ramp(land.border, 26, 4)
    threshold = 1.9 - 3.2 * shot.snow
    depth = ramp(field, threshold, threshold + 0.5)
    depth *= 1 - ramp(land.road, 9, 7) * 0.85
    canvas.blend(depth * 0.96, palette.SNOW, 1 - 0.05 * ramp(grain_in(window, 3), 0, 2))
    return depth


def is_bog(land: Land) -> np.ndarray:
    """Where the block is a bog, bool."""
    return (land.blocks.kind == BOG)[land.block]
