"""The label raster of a tile as a small lossless PNG that a browser canvas can read exactly.

The numbers of a segmentation are constant in square blocks, so one pixel per block is stored and the side of the
block goes along as a text chunk (`scale`), as does the full size (`size`, "rows cols").

What a reader of the pixels does, in any language: `number = blue ? red : red + 256 * green`. Up to 255 superpixels the
PNG is grey (red = green = blue = number); above, it is RGB with the low byte in red, the high byte in green and
blue left at 0. There is no alpha, no palette and no colour profile, so no canvas changes a value.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, PngImagePlugin

LARGEST_NUMBER = 65_535


def encode_raster(labels: np.ndarray, scale: int = 1) -> bytes:
    """Store label numbers, integers (rows, cols) in 0…65535, constant in blocks of `scale` pixels, as PNG bytes.

    The same labels give the same bytes. Raises ValueError when a number does not fit, the array is empty or a
    block holds more than one number (the raster would lose something).
    """
    if labels.ndim != 2 or labels.size == 0 or labels.dtype.kind not in "iu":
        raise ValueError(f"labels are integers (rows, cols), not {labels.dtype} {labels.shape}")
    if scale < 1:
        raise ValueError(f"scale is the side of a block in pixels, not {scale}")
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest > LARGEST_NUMBER:
        raise ValueError(f"label numbers lie in 0…{LARGEST_NUMBER}, not {lowest}…{highest}")
    reduced = np.ascontiguousarray(labels[::scale, ::scale])
    rows, cols = labels.shape
    if scale > 1 and not np.array_equal(_expand(reduced, scale, rows, cols), labels):
        raise ValueError(f"the labels are not constant in blocks of {scale}×{scale} pixels")

    if highest <= 255:
        picture = Image.fromarray(reduced.astype(np.uint8))
    else:
        rgb = np.zeros((*reduced.shape, 3), np.uint8)
        rgb[..., 0] = reduced & 255
        rgb[..., 1] = reduced >> 8
        picture = Image.fromarray(rgb)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("scale", str(scale))
    notes.add_text("size", f"{rows} {cols}")
    out = io.BytesIO()
    picture.save(out, format="PNG", optimize=True, pnginfo=notes)
    return out.getvalue()


def decode_raster(data: bytes) -> tuple[np.ndarray, int]:
    """The labels at full size, int32 (rows, cols), and the side of the blocks in which they are constant.

    Raises ValueError for bytes that `encode_raster` did not write.
    """
    reduced, scale, (rows, cols) = _read(data)
    return _expand(reduced, scale, rows, cols), scale


def decode_blocks(data: bytes) -> tuple[np.ndarray, int, tuple[int, int]]:
    """One number a block, int32 (blocks down, blocks right), the side of a block, the full size (rows, cols).

    Raises ValueError for bytes that `encode_raster` did not write.
    """
    return _read(data)


def _read(data: bytes) -> tuple[np.ndarray, int, tuple[int, int]]:
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            mode = picture.mode
            pixels = np.asarray(picture)
            # Read after the pixels: Pillow knows the text chunks only then.
            notes = dict(getattr(picture, "text", {}))
        scale = int(notes["scale"])
        rows, cols = (int(part) for part in notes["size"].split())
    except (OSError, SyntaxError, KeyError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError("not a label raster") from error
    if mode == "L":
        reduced = pixels.astype(np.int32)
    elif mode == "RGB":
        reduced = pixels[..., 0] + 256 * pixels[..., 1].astype(np.int32)
    else:
        raise ValueError(f"not a label raster: a PNG of mode {mode}")
    if scale < 1 or reduced.shape != (-(-rows // scale), -(-cols // scale)):
        raise ValueError(f"not a label raster: {reduced.shape} blocks of {scale} for {(rows, cols)} pixels")
    return reduced, scale, (rows, cols)


def _expand(reduced: np.ndarray, scale: int, rows: int, cols: int) -> np.ndarray:
    if scale == 1:
        return reduced
    expanded = np.repeat(np.repeat(reduced, scale, axis=0), scale, axis=1)
    return np.ascontiguousarray(expanded[:rows, :cols])
