"""Pictures of tiles for browsers: smaller, re-encoded, made once.

The original stays as it came; what leaves the site is always a picture that Amber encoded itself.
"""

import io
import logging
import math

from django.utils.translation import gettext as _
from PIL import Image

from amberapp import storage
from amberapp.errors import NotThere, UserError
from detection.imagery.decode import read_image
from detection.models import Tile

logger = logging.getLogger(__name__)

# 640 is the light picture that a slow network brings within a second, 1000 the sharp one that follows behind it; 4096 is
# the tile at its own size, for those who look closely. Light, sharp and raster together stay under MOST_BYTES.
LIGHT = 640
SIZES = (256, 512, LIGHT, 1000, 4096)
MOST_BYTES = 150_000
_ROOM = {LIGHT: 26_000, 1000: 98_000}
_QUALITIES = (75, 50, 32, 20, 10)
_LIGHT_QUALITIES = (45, 32, 20, 10)
_CLOSE_QUALITY = 85
# A change of what follows makes new pictures under new names.
_VERSION = 3


def picture_name(tile: Tile, size: int) -> str:
    """Names the content of a picture: the same name, the same bytes. Fit for an ETag."""
    return f"{tile.sha256}-{size}-v{_VERSION}"


def picture_size(width: int, height: int, size: int) -> tuple[int, int]:
    """(width, height) of the picture of an image: its longest side is `size`, or its own where that is less.

    The other side is rounded up or down, whichever leaves the proportions nearer to the image's.
    """
    longest, shortest = max(width, height), min(width, height)
    if longest <= size:
        return width, height
    exact = size * shortest / longest

    def sides(other: int) -> tuple[int, int]:
        return (size, other) if width > height else (other, size)

    def error(other: int) -> float:
        across, down = sides(other)
        return abs(width / height - across / down)

    return sides(min(max(1, math.floor(exact)), max(1, math.ceil(exact)), key=error))


def picture(tile: Tile, size: int) -> bytes:
    """A WebP of at most `size` pixels a side, never enlarged, read from storage or made and kept there.

    The quality is the best of a few at which it stays within its room (150 kB where nothing else is said); a tile at
    its own size is as large as it needs. Raises UnreadableImage, NotThere.
    """
    key = f"pictures/{tile.sha256[:2]}/{picture_name(tile, size)}.webp"
    try:
        return storage.get(key)
    except NotThere:
        pass
    image = Image.fromarray(read_image(storage.get(tile.image_key)).pixels)
    sides = picture_size(image.width, image.height, size)
    if sides != image.size:
        image = image.resize(sides, Image.Resampling.LANCZOS, reducing_gap=3)
    if size == SIZES[-1]:
        data = _encoded(image, _CLOSE_QUALITY)
    else:
        room = _ROOM.get(size, MOST_BYTES)
        for quality in _LIGHT_QUALITIES if size == LIGHT else _QUALITIES:
            data = _encoded(image, quality)
            if len(data) <= room:
                break
    try:
        storage.put(key, data)
    except OSError as error:
        # A full disk: it is shown all the same, and made anew the next time.
        logger.warning("picture %s could not be kept: %s", key, error)
    return data


def _encoded(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=quality, method=4)
    return buffer.getvalue()


DEFAULT_SIZE = 1000


def asked_size(text: str | None) -> int:
    """Pixels of the longest side, from ?size=; None: nobody asked. Raises UserError for one that is not made."""
    if text is None:
        return DEFAULT_SIZE
    if text not in {str(size) for size in SIZES}:
        raise UserError(
            _("Pictures come in the sizes %(sizes)s.") % {"sizes": ", ".join(map(str, SIZES))},
            code="invalid_size",
        )
    return int(text)


YEAR = 365 * 24 * 3600
