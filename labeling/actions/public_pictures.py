"""Pictures of published ground, where their source's rights allow showing them to everybody."""

from django.utils.translation import gettext as _

from amberapp.errors import NotThere
from detection.actions.pictures import picture, picture_name
from detection.imagery.decode import UnreadableImage
from labeling.actions.releases import PublishedPlace, tile_of
from labeling.models import Release

# Longest side in pixels: the popup's picture, the ground under outlines.
SIZES = (512, 1000)


def published_picture(release: Release, place: PublishedPlace, size: int) -> tuple[bytes, str]:
    """(WebP bytes, ETag) of the place's image: pixels only, no EXIF, no GPS, no file name.

    Raises NotThere when the source may not be published (the right is looked up each time, not remembered from
    the day of the release) or the image is gone.
    """
    tile = tile_of(release, place)
    if tile is None:
        raise NotThere(_("The image of this place is no longer kept here."))
    if not tile.source.may_publish:
        raise NotThere(
            _("The terms of “%(source)s” do not allow showing its images publicly.") % {"source": tile.source}
        )
    try:
        data = picture(tile, size)
    except UnreadableImage as error:
        raise NotThere(_("The image of this place cannot be read: %(reason)s") % {"reason": error}) from error
    return data, f'"{picture_name(tile, size)}"'
