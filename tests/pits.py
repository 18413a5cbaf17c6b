"""Ground that a classifier learns at once: sandy pits and meadows, drawn by numbers; and the commands that learn it."""

import datetime as dt
import functools
import io
import json
from typing import Any

import numpy as np
from django.core.management import call_command
from PIL import Image


def pits(random: np.random.Generator, size: int = 96) -> np.ndarray:
    """Bright sandy rings with dark middles on green."""
    rows, columns = np.mgrid[:size, :size]
    pixels = np.full((size, size, 3), (70, 90, 50), dtype=float)
    for _pit in range(size * size // 900):
        row, column = random.uniform(0, size, 2)
        away = np.hypot(rows - row, columns - column)
        pixels[away < 7] = (225, 210, 180)
        pixels[away < 3] = (40, 45, 45)
    return pixels


def meadow(random: np.random.Generator, size: int = 96) -> np.ndarray:
    return np.full((size, size, 3), (70, 90, 50), dtype=float) + random.uniform(-15, 15, 3)


def as_png(pixels: np.ndarray, random: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    noisy = np.clip(pixels + random.normal(0, 5, pixels.shape), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(buffer, format="PNG")
    return buffer.getvalue()


@functools.cache
def drawn_crops() -> dict[str, bytes]:
    """Path → file: twelve crops with pits and twelve without, each at a place of its own."""
    random = np.random.default_rng(7)
    drawn = {}
    for kind, draw in (("positive", pits), ("negative", meadow)):
        for number in range(12):
            latitude = 51 + number * 0.3
            name = f"{latitude:.4f}_{26 if draw is pits else 27}.5_09_Mar_2015_GMT_super_{number}.png"
            drawn[f"{kind}/{name}"] = as_png(draw(random), random)
    return drawn


def told(command: str, *arguments: str) -> dict[str, Any]:
    """What a command prints with --json."""
    out = io.StringIO()
    call_command(command, *arguments, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


@functools.cache
def drawn_tiles() -> list[tuple[str, bytes]]:
    random = np.random.default_rng(3)
    return [
        (f"{draw.__name__}-{number}.png", as_png(draw(random, 240), random))
        for number, draw in enumerate((pits, meadow, pits, meadow))
    ]


def store_tiles(region: Any) -> None:
    """Two tiles full of pits, one meadow, one whose stored image has been lost."""
    from amberapp import storage
    from detection.models import Tile

    tiles = []
    for number, (name, data) in enumerate(drawn_tiles()):
        longitude = 26.5 + number * 0.01
        tiles.append(
            Tile.objects.create(
                region=region,
                source=region.source,
                file_name=name,
                sha256=storage.sha256_of(data),
                image_key=storage.put(storage.content_key("images", data, ".png"), data),
                width=240,
                height=240,
                west=longitude - 0.0006,
                east=longitude + 0.0006,
                south=51.4996,
                north=51.5004,
                latitude=51.5,
                longitude=longitude,
                capture_date=dt.date(2015, 3, 9),
            )
        )
    Tile.objects.filter(pk=tiles[3].pk).update(image_key="images/lost.png", file_name="lost.png")
