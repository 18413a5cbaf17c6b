"""The last step: clouds, grain, and the light in which a camera and its maker show the ground."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from detection.scenes.acquisition import Acquisition
from detection.scenes.canvas import Canvas, ramp, shifted
from detection.scenes.land import Land
from detection.scenes.stamps import grain_in

HAZE = (176.0, 190.0, 206.0)
CLOUD = (244.0, 246.0, 248.0)
MIDDLE = 96.0


def develop(canvas: Canvas, land: Land, shot: Acquisition) -> np.ndarray:
    """Turn the painted planes into the picture: uint8 (rows, cols, 3), sRGB."""
    window = land.window
    if shot.cloudy > 0:
        field = window.noise(f"cloud {shot.strip}", 900, 5, 0.55)
        cover = ramp(field, 1.9 - shot.cloudy, 2.9 - shot.cloudy)
        canvas.shade(1 - 0.5 * shifted(cover, -shot.sun[0] * 240, -shot.sun[1] * 240))
        canvas.blend(np.sqrt(cover) * 0.96, CLOUD)
    planes = canvas.planes
    # Grain before the blur: the ground has texture, the lens has not.
    texture = grain_in(window) * np.float32(0.045) + 1
    planes *= texture
    for plane in planes:
        ndimage.gaussian_filter(plane, 0.62, output=plane, mode="nearest", truncate=2.5)
    grey = planes[0] * np.float32(0.3) + planes[1] * np.float32(0.59) + planes[2] * np.float32(0.11)
    picture = np.empty((window.count, window.count, 3), np.uint8)
    noise = grain_in(window, 1) * np.float32(1.3)
    for index in range(3):
        plane = planes[index]
        plane -= grey
        plane *= np.float32(shot.saturation)
        plane += grey
        plane -= np.float32(MIDDLE)
        plane *= np.float32(shot.contrast * shot.gain * shot.white[index])
        plane += np.float32(MIDDLE * shot.gain * shot.white[index])
        plane += (np.float32(HAZE[index]) - plane) * np.float32(shot.haze)
        plane += noise
        picture[..., index] = np.clip(plane, 0, 255)
    return picture
