"""The finer raster of a tile: the fragments that its superpixels are divided into when they are mixed."""

import numpy as np
import numpy.typing as npt

from amberapp import storage
from amberapp.errors import NotThere
from detection.description.segment import load_labels
from detection.imagery.decode import read_image
from detection.models import SegmentedTile, TileKind
from detection.segmentation.raster import decode_raster, encode_raster
from detection.segmentation.split import count_fragments, split_superpixels

# Another way of dividing makes new fragments under new names; labels of fragments then need a migration.
_VERSION = 1


def fragment_raster_name(segmented: SegmentedTile) -> str:
    """Names the content of the finer raster: the same name, the same bytes. Fit for an ETag. Empty for a crop."""
    if not segmented.raster_key:
        return ""
    return storage.sha256_of(f"{segmented.tile.sha256} {segmented.raster_key} v{_VERSION}".encode())


def fragment_raster(segmented: SegmentedTile) -> bytes:
    """A grey PNG in the blocks of the tile's own raster: the number 1…m of the fragment within its superpixel.

    Made when it is first asked for and kept. Two who ask at once make the same bytes and one file replaces the other
    whole. Raises NotThere for a crop, UnreadableImage when the tile's image cannot be read.
    """
    name = fragment_raster_name(segmented)
    if not name:
        raise NotThere("A crop is one superpixel: it has no raster.")
    key = f"pieces/{name[:2]}/{name}.png"
    try:
        return storage.get(key)
    except NotThere:
        pass
    labels = load_labels(segmented)
    image = read_image(storage.get(segmented.tile.image_key)).pixels
    scale = segmented.segmentation.downscale
    data = encode_raster(split_superpixels(image, labels, scale), scale)
    storage.put(key, data)
    return data


def fragment_counts(segmented: SegmentedTile) -> list[int]:
    """How many fragments every superpixel has, superpixel 1 first; a crop is one superpixel without fragments."""
    if segmented.tile.kind == TileKind.CROP:
        return [0]
    return count_fragments(load_labels(segmented), load_fragments(segmented))


def load_fragments(segmented: SegmentedTile) -> npt.NDArray[np.int32]:
    """The finer raster at the tile's full size: int32 (height, width), 0 = no data. Raises as `fragment_raster`."""
    return decode_raster(fragment_raster(segmented))[0]
