"""Images of every kind that people have, made by the tests; nothing is read from anywhere."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin

ORIENTATION = 0x0112


def pixels(width: int = 60, height: int = 40, seed: int = 0) -> npt.NDArray[np.uint8]:
    """uint8 (height, width, 3) of smooth colour, so that JPEG keeps it nearly as it is."""
    random = np.random.default_rng(seed)
    corners = random.integers(30, 220, (2, 2, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR))


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def jpeg(width: int = 60, height: int = 40, seed: int = 0, **options: Any) -> bytes:
    return encode(Image.fromarray(pixels(width, height, seed)), "JPEG", quality=95, **options)


def png(width: int = 60, height: int = 40, seed: int = 0) -> bytes:
    return encode(Image.fromarray(pixels(width, height, seed)), "PNG")


def turned_jpeg(orientation: int) -> bytes:
    """60×40 as stored; the upper left quarter is red as stored."""
    array = np.full((40, 60, 3), 200, dtype=np.uint8)
    array[:20, :30] = (220, 20, 20)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(Image.fromarray(array), "JPEG", quality=95, exif=exif)


def bomb() -> bytes:
    """30,000×30,000 pixels in some hundred kilobytes."""
    return encode(Image.new("1", (30_000, 30_000)), "PNG")


def animation() -> bytes:
    frames = [Image.fromarray(pixels(seed=seed)) for seed in range(3)]
    return encode(frames[0], "GIF", save_all=True, append_images=frames[1:])


def geotiff(
    *,
    left: float,
    top: float,
    step: float,
    epsg: int | None = 4326,
    width: int = 60,
    height: int = 40,
    transformation: bool = False,
    point: bool = False,
) -> bytes:
    """A TIFF with the tags of OGC GeoTIFF: by scale and tie point, or by a whole transformation."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    if transformation:
        tags[34264] = (step, 0.0, 0.0, left, 0.0, -step, 0.0, top, *[0.0] * 7, 1.0)
        tags.tagtype[34264] = 12
    else:
        tags[33550] = (step, step, 0.0)
        tags[33922] = (0.0, 0.0, 0.0, left, top, 0.0)
        tags.tagtype[33550] = tags.tagtype[33922] = 12
    keys = [(1025, 0, 1, 2 if point else 1)]
    if epsg is not None:
        keys.append((2048 if epsg == 4326 else 3072, 0, 1, epsg))
    tags[34735] = (1, 1, 0, len(keys), *(value for key in keys for value in key))
    tags.tagtype[34735] = 3
    return encode(Image.fromarray(pixels(width, height)), "TIFF", tiffinfo=tags)
