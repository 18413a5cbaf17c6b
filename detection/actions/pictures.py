"""Pictures of tiles for browsers: smaller, re-encoded, made once.

The original stays as it came; what leaves the site is always a picture that Amber encoded itself.
"""

import io

from PIL import Image

from amberapp import storage
from amberapp.errors import NotThere
from detection.imagery.decode import read_image
from detection.models import Tile

SIZES = (256, 512, 1000)
MOST_BYTES = 150_000
_QUALITIES = (75, 50, 32, 20)
# A change of what follows makes new pictures under new names.
_VERSION = 1


def picture_name(tile: Tile, size: int) -> str:
    """Names the content of a picture: the same name, the same bytes. Fit for an ETag."""
    return f"{tile.sha256}-{size}-v{_VERSION}"


def picture(tile: Tile, size: int) -> bytes:
    """A WebP of at most `size` pixels a side, never enlarged, read from storage or made and kept there.

    The quality is the best of a few at which it stays under 150 kB. Raises UnreadableImage, NotThere.
    """
    key = f"pictures/{tile.sha256[:2]}/{picture_name(tile, size)}.webp"
    try:
        return storage.get(key)
    except NotThere:
        pass
    image = Image.fromarray(read_image(storage.get(tile.image_key)).pixels)
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=3)
    data = b""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, format="WEBP", quality=quality, method=4)
        data = buffer.getvalue()
        if len(data) <= MOST_BYTES:
            break
    storage.put(key, data)
    return data
