"""The same ground as another sensor or provider would show it: for teaching, never for judging.

A classifier that has seen each of its augmented rows too holds better on held-out blocks and on retouched tiles
(docs/adr/0008 has the figures, and what did not help). Left out: haze, shadows of clouds, snow, other resolution.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def augmented(image: Pixels, light: str, seed: int) -> Pixels:
    """uint8 (H, W, 3) of `image`, uint8 (H, W, 3) sRGB; `light` is one of `LIGHTS`; equal seeds give equal light.

    Raises KeyError for another light.
    """
    change = _CHANGES[light]
    changed = change(image.astype(np.float32) / np.float32(255), np.random.default_rng(seed))
    return (np.clip(changed, 0, 1) * 255).round().astype(np.uint8)


def _retouched(pixels: Floats, random: np.random.Generator) -> Floats:
    """What providers do to a mosaic: more or less contrast, less colour, another gamma."""
    contrast, colour = random.uniform(0.7, 1.6), random.uniform(0.3, 1.1)
    gamma, pivot = np.exp(random.uniform(-0.35, 0.35)), random.uniform(0.3, 0.5)
    stretched = (pixels - np.float32(pivot)) * np.float32(contrast) + np.float32(pivot)
    grey = (stretched @ LUMA)[..., None]
    return np.asarray(np.clip(grey + (stretched - grey) * np.float32(colour), 0, 1) ** np.float32(gamma))


_CHANGES: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "retouched": _retouched,
}
LIGHTS = tuple(_CHANGES)
