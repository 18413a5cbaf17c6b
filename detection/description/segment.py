"""Cutting tiles into superpixels, once for each set of parameters."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from shapely.geometry import MultiPolygon

from amberapp import storage
from detection.imagery.decode import DecodedImage, UnreadableImage, read_image
from detection.imagery.sentences import gettext_noop
from detection.models import Segmentation, SegmentedTile, Tile, TileKind
from detection.segmentation.outlines import trace_outlines, union_outline
from detection.segmentation.raster import LARGEST_NUMBER, decode_blocks, decode_raster, encode_raster
from detection.segmentation.slic import SlicParameters, segment


def default_segmentation() -> Segmentation:
    """The segmentation that new work uses: the 2018 parameters at a quarter of the resolution."""
    return segmentation_with(SlicParameters())


def segmentation_with(parameters: SlicParameters) -> Segmentation:
    """The row of these parameters, made where there is none."""
    return Segmentation.objects.get_or_create(
        key=parameters.key,
        defaults={
            "n_segments": parameters.n_segments,
            "compactness": parameters.compactness,
            "sigma": parameters.sigma,
            "downscale": parameters.downscale,
        },
    )[0]


def parameters_of(segmentation: Segmentation) -> SlicParameters:
    return SlicParameters(
        n_segments=segmentation.n_segments,
        compactness=segmentation.compactness,
        sigma=segmentation.sigma,
        downscale=segmentation.downscale,
    )


@dataclass(frozen=True)
class SegmentedImage:
    """A tile cut into superpixels: `labels` int32 (height, width), 1…n, 0 = no data; the two files made of them."""

    labels: npt.NDArray[np.int32]
    raster: bytes
    outlines: bytes

    @property
    def superpixels(self) -> int:
        return int(self.labels.max(initial=0))


def cut(image: DecodedImage, parameters: SlicParameters) -> SegmentedImage:
    """Divide a decoded tile. Neither database nor storage is touched, so it may run in a thread.

    Raises UnreadableImage where there are more superpixels than the label raster can tell apart.
    """
    labels = segment(image.pixels, parameters, image.valid)
    if labels.max(initial=0) > LARGEST_NUMBER:
        raise UnreadableImage(
            gettext_noop(
                "The image falls into %(count)s separate superpixels, and %(limit)s is the most: look at "
                "its transparent parts."
            ),
            count=int(labels.max()),
            limit=LARGEST_NUMBER,
        )
    scale = parameters.downscale
    raster = encode_raster(labels, scale)
    # `segment` numbers blocks of that side.
    rings = trace_outlines(labels[::scale, ::scale], scale, (image.height, image.width))
    return SegmentedImage(labels, raster, json.dumps({"pieces": rings}, separators=(",", ":")).encode())


def put_files(segmented_image: SegmentedImage) -> dict[str, str | int]:
    """Store raster and outlines; returns the fields of the SegmentedTile that points at them."""
    return {
        "superpixels": segmented_image.superpixels,
        "raster_key": storage.put(
            storage.content_key("rasters", segmented_image.raster, ".png"), segmented_image.raster
        ),
        "outlines_key": storage.put(
            storage.content_key("outlines", segmented_image.outlines, ".json"), segmented_image.outlines
        ),
    }


def segment_tile(tile: Tile, segmentation: Segmentation, image: DecodedImage | None = None) -> SegmentedTile:
    """Cut `tile`; a tile that is already cut is returned as it is. A crop is one superpixel.

    `image`: the tile's pixels where they have been decoded already. Raises
    detection.imagery.decode.UnreadableImage when the stored image cannot be read or falls into too many superpixels.
    """
    there = SegmentedTile.objects.filter(tile=tile, segmentation=segmentation).first()
    if there is not None:
        return there
    if tile.kind == TileKind.CROP:
        return SegmentedTile.objects.get_or_create(
            tile=tile, segmentation=segmentation, defaults={"superpixels": 1}
        )[0]
    if image is None:
        image = read_image(storage.get(tile.image_key))
    segmented_image = cut(image, parameters_of(segmentation))
    return SegmentedTile.objects.get_or_create(
        tile=tile, segmentation=segmentation, defaults=put_files(segmented_image)
    )[0]


def outline_of(segmented: SegmentedTile, superpixels: Iterable[int]) -> MultiPolygon:
    """The ground that some superpixels of a whole tile cover together, in pixel corners (y down)."""
    blocks, scale, shape = decode_blocks(storage.get(segmented.raster_key))
    return union_outline(blocks, superpixels, scale, shape)


def load_labels(segmented: SegmentedTile) -> npt.NDArray[np.int32]:
    """The stored raster at the tile's full size: int32 (height, width), superpixels 1…n, 0 = no data."""
    tile = segmented.tile
    if tile.kind == TileKind.CROP:
        return np.ones((tile.height, tile.width), dtype=np.int32)
    labels, _scale = decode_raster(storage.get(segmented.raster_key))
    return labels
