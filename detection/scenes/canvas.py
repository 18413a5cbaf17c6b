"""The picture while it is painted: three planes of numbers, and the two strokes that every painter uses."""

from __future__ import annotations

import numpy as np

Colour = tuple[float, float, float]


class Canvas:
    """float32 (3, rows, cols), red, green, blue in 0…255 (not clipped while painting)."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.planes = np.zeros((3, size, size), np.float32)

    def blend(self, mask: np.ndarray, colour: Colour, tone: np.ndarray | None = None) -> None:
        """Lay a colour over the picture where `mask` (float32 or bool (rows, cols), 0…1) says so.

        `tone`: float32 (rows, cols), multiplies the colour.
        """
        box = box_of(mask)
        if box is None:
            return
        cover = mask[box].astype(np.float32, copy=False)
        shade = None if tone is None else tone[box]
        for plane, value in zip(self.planes, colour, strict=True):
            part = plane[box]
            target = np.float32(value) if shade is None else shade * np.float32(value)
            part += (target - part) * cover

    def part(self, box: tuple[slice, slice]) -> Canvas:
        """A cut-out that paints through to this picture."""
        cut = Canvas(0)
        cut.planes = self.planes[:, box[0], box[1]]
        return cut

    def shade(self, factor: np.ndarray) -> None:
        """Multiply the picture by `factor`, float32 (rows, cols)."""
        self.planes *= factor


def box_of(mask: np.ndarray) -> tuple[slice, slice] | None:
    """The smallest rows and columns that hold everything in a mask; None when it is empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    cols = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 at `low`, 1 at `high` (which may be the lower one), straight between, float32."""
    scaled = (values - np.float32(low)) * np.float32(1 / (high - low))
    return np.clip(scaled, 0, 1, out=scaled)


def shifted(field: np.ndarray, right: float, down: float) -> np.ndarray:
    """`field` moved by whole pixels; what is moved in repeats the edge."""
    rows = np.clip(np.arange(field.shape[0]) - round(down), 0, field.shape[0] - 1)
    cols = np.clip(np.arange(field.shape[1]) - round(right), 0, field.shape[1] - 1)
    return field[rows][:, cols]


def smeared(field: np.ndarray, right: float, down: float, steps: int) -> np.ndarray:
    """The most of `field` (float32, 0…1) on the way from each pixel back by (right, down) pixels: a cast shadow."""
    small = (field * np.float32(255)).astype(np.uint8)
    cast = small.copy()
    for step in range(1, steps + 1):
        dx, dy = round(right * step / steps), round(down * step / steps)
        to_rows, from_rows = _overlap(dy)
        to_cols, from_cols = _overlap(dx)
        target = cast[to_rows, to_cols]
        np.maximum(target, small[from_rows, from_cols], out=target)
    return cast * np.float32(1 / 255)


def _overlap(shift: int) -> tuple[slice, slice]:
    """Where what is moved by `shift` goes, and where it comes from."""
    if shift > 0:
        return slice(shift, None), slice(None, -shift)
    return (slice(None, shift), slice(-shift, None)) if shift < 0 else (slice(None), slice(None))
