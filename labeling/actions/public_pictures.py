"""Pictures of published ground, where their source's rights allow showing them to everybody."""

import io

from django.utils.translation import gettext as _
from PIL import Image

from amberapp import storage
from amberapp.errors import NotThere
from detection.imagery.decode import UnreadableImage, read_image
from detection.models import Tile
from labeling.actions.releases import PublishedPlace, tile_of
from labeling.models import Release

# Longest side in pixels: the popup's picture, the ground under outlines.
SIZES = (640, 1000)


def published_picture(release: Release, place: PublishedPlace, size: int) -> tuple[bytes, str]:
    """(WebP bytes, ETag) of the place's image. Pixels only: no EXIF, no GPS, no file name.

    Made on the first request and kept. Raises NotThere when the source may not be published (the right is looked
    up each time, not remembered from the day of the release) or the image is gone.
    """
    tile = tile_of(release, place)
    if tile is None:
        raise NotThere(_("The image of this place is no longer kept here."))
    if not tile.source.may_publish:
        raise NotThere(
            _("The terms of “%(source)s” do not allow showing its images publicly.") % {"source": tile.source}
        )
    key = f"pictures/public/{tile.sha256[:2]}/{tile.sha256}-{size}.webp"
    if not storage.exists(key):
        storage.put(key, _webp(tile, size))
    return storage.get(key), f'"{tile.sha256[:32]}-{size}"'


def _webp(tile: Tile, size: int) -> bytes:
    try:
        decoded = read_image(storage.get(tile.image_key))
    except UnreadableImage as error:
        raise NotThere(_("The image of this place cannot be read: %(reason)s") % {"reason": error}) from error
    picture = Image.fromarray(decoded.pixels)
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, format="WEBP", quality=78, method=4)
    return out.getvalue()
