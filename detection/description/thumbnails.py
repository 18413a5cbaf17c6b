"""Small pictures of single superpixels with some ground around them and their outline. Made once, for experts' eyes."""

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from amberapp import storage
from amberapp.errors import NotThere
from detection.description.segment import load_labels
from detection.imagery.decode import read_image
from detection.models import SegmentedTile

SIDE = 240
# Ground around a superpixel, as a share of its longer side.
AROUND = 0.35
QUALITY = 70
# Tiles up to this size stay decoded for a while: 7 bytes a pixel, 14 MB each.
MOST_KEPT_PIXELS = 2_000_000
# A change of what follows makes new pictures under new names.
_VERSION = 1


def thumbnail_name(segmented: SegmentedTile, superpixel: int) -> str:
    """Names the content: the same name, the same bytes. Fit for an ETag."""
    content = f"{segmented.tile.sha256} {segmented.raster_key} {superpixel} v{_VERSION}"
    return storage.sha256_of(content.encode())


def thumbnail(segmented: SegmentedTile, superpixel: int) -> bytes:
    """A square WebP of SIDE pixels, read from storage or made and kept there.

    Raises NotThere for a superpixel that is not there, UnreadableImage where the tile's image cannot be read.
    """
    name = thumbnail_name(segmented, superpixel)
    key = f"thumbnails/{name[:2]}/{name}.webp"
    try:
        return storage.get(key)
    except NotThere:
        pass
    small = segmented.tile.width * segmented.tile.height <= MOST_KEPT_PIXELS
    pixels, labels = (_kept if small else _decoded)(segmented)
    inside = labels == superpixel
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        raise NotThere(f"Tile {segmented.tile.file_name} has no superpixel {superpixel}.")
    data = _drawn(pixels, inside, (rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1))
    storage.put(key, data)
    return data


def _decoded(segmented: SegmentedTile) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    return read_image(storage.get(segmented.tile.image_key)).pixels, load_labels(segmented)


# A gallery asks for many pictures of one tile in a row: it is decoded once for them.
_kept = lru_cache(maxsize=4)(_decoded)


def _drawn(
    pixels: npt.NDArray[np.uint8],
    inside: npt.NDArray[np.bool_],
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> bytes:
    """The square around (rows, columns) of the image, its edge repeated where it ends, with the outline of `inside`."""
    height, width = inside.shape
    side = max(int(max(rows[1] - rows[0], columns[1] - columns[0]) * (1 + 2 * AROUND)), 32)
    top, left = (rows[0] + rows[1] - side) // 2, (columns[0] + columns[1] - side) // 2
    # A square that reaches beyond the tile is moved inside as far as the tile allows.
    top = int(np.clip(top, min(0, height - side), max(0, height - side)))
    left = int(np.clip(left, min(0, width - side), max(0, width - side)))
    box = (left, top, left + side, top + side)
    picture = Image.fromarray(pixels).crop(box).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    mask = Image.fromarray(inside.astype(np.uint8) * 255).crop(box)
    shape = np.asarray(mask.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) > 127
    if not shape.all():  # a crop is all superpixel: there is nothing to tell apart
        wide, thin = _edge(shape, 2), _edge(shape, 1)
        draw = ImageDraw.Draw(picture)
        for edge, colour in ((wide, (22, 20, 18)), (thin, (255, 214, 140))):
            draw.bitmap((0, 0), Image.fromarray(edge.astype(np.uint8) * 255), fill=colour)
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=QUALITY, method=2)
    return buffer.getvalue()


def _edge(shape: npt.NDArray[np.bool_], reach: int) -> npt.NDArray[np.bool_]:
    """bool (SIDE, SIDE): within `reach` pixels of the border of `shape`."""
    grown, shrunk = shape.copy(), shape.copy()
    for _step in range(reach):
        padded, hollow = np.pad(grown, 1), np.pad(shrunk, 1, constant_values=True)
        grown = grown | padded[2:, 1:-1] | padded[:-2, 1:-1] | padded[1:-1, 2:] | padded[1:-1, :-2]
        shrunk = shrunk & hollow[2:, 1:-1] & hollow[:-2, 1:-1] & hollow[1:-1, 2:] & hollow[1:-1, :-2]
    return grown & ~shrunk
