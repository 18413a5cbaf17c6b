"""Crops: images of single superpixels of tiles whose whole is not here."""

from pathlib import Path

from django.db import transaction

from amberapp import storage
from detection.description.segment import default_segmentation
from detection.imagery.decode import UnreadableImage, read_image
from detection.imagery.placement import parse_crop_name
from detection.models import Region, SegmentedTile, Tile, TileKind


def ingest_crop(*, region: Region, file: Path) -> tuple[SegmentedTile, bool]:
    """Keep a crop as a tile of one superpixel; returns (segmented tile, whether it is new).

    Raises UnreadableImage when the file is no usable image. A name that tells no place is accepted: the
    crop is then a place of its own.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"cannot be opened: {error.strerror}") from None
    image = read_image(data)
    name = parse_crop_name(file.name)
    digest = storage.sha256_of(data)
    tile = Tile.objects.filter(region=region, sha256=digest).first()
    created = tile is None
    if tile is None:
        key = storage.put(storage.content_key("images", data, ""), data)
        with transaction.atomic():
            tile, created = Tile.objects.get_or_create(
                region=region,
                sha256=digest,
                defaults={
                    "source": region.source,
                    "kind": TileKind.CROP,
                    "file_name": file.name[:255],
                    "image_key": key,
                    "width": image.pixels.shape[1],
                    "height": image.pixels.shape[0],
                    "latitude": name.latitude if name else None,
                    "longitude": name.longitude if name else None,
                    "capture_date": name.capture_date if name else None,
                },
            )
    segmented, _new = SegmentedTile.objects.get_or_create(
        tile=tile, segmentation=default_segmentation(), defaults={"superpixels": 1}
    )
    return segmented, created
