"""Cutting tiles into superpixels, once for each set of parameters."""

import json

import numpy as np
import numpy.typing as npt

from amberapp import storage
from detection.imagery.decode import read_image
from detection.models import Segmentation, SegmentedTile, Tile, TileKind
from detection.segmentation.outlines import trace_outlines
from detection.segmentation.raster import decode_raster, encode_raster
from detection.segmentation.slic import SlicParameters, segment


def default_segmentation() -> Segmentation:
    """The segmentation that new work uses: the 2018 parameters at a quarter of the resolution."""
    parameters = SlicParameters()
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


def segment_tile(tile: Tile, segmentation: Segmentation) -> SegmentedTile:
    """Cut `tile`; a tile that is already cut is returned as it is. A crop is one piece.

    Raises detection.imagery.decode.UnreadableImage when the stored image cannot be read.
    """
    known = SegmentedTile.objects.filter(tile=tile, segmentation=segmentation).first()
    if known is not None:
        return known
    if tile.kind == TileKind.CROP:
        return SegmentedTile.objects.get_or_create(
            tile=tile, segmentation=segmentation, defaults={"superpixels": 1}
        )[0]
    image = read_image(storage.get(tile.image_key))
    labels = segment(image.pixels, parameters_of(segmentation), image.valid)
    raster = encode_raster(labels, segmentation.downscale)
    outlines = json.dumps({"pieces": trace_outlines(labels)}, separators=(",", ":")).encode()
    raster_key = storage.put(storage.content_key("rasters", raster, ".png"), raster)
    outlines_key = storage.put(storage.content_key("outlines", outlines, ".json"), outlines)
    return SegmentedTile.objects.get_or_create(
        tile=tile,
        segmentation=segmentation,
        defaults={
            "superpixels": int(labels.max(initial=0)),
            "raster_key": raster_key,
            "outlines_key": outlines_key,
        },
    )[0]


def load_labels(segmented: SegmentedTile) -> npt.NDArray[np.int32]:
    """The stored raster at the tile's full size: int32 (height, width), pieces 1…n, 0 = no data."""
    tile = segmented.tile
    if tile.kind == TileKind.CROP:
        return np.ones((tile.height, tile.width), dtype=np.int32)
    labels, _scale = decode_raster(storage.get(segmented.raster_key))
    return labels
