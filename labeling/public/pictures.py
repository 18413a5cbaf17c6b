"""Pictures of published ground, where their source's rights allow showing them to everybody. Asks no database."""

from django.utils.translation import gettext as _

from amberapp.errors import NotThere
from detection.ground.pictures import picture, picture_name
from detection.imagery.decode import UnreadableImage
from detection.models import Tile
from labeling.releases.catalogue import PublishedRelease, catalogue
from labeling.releases.files.labels import PICTURE_SIDE

# Longest side in pixels: the popup's picture, the ground under outlines (and under the labels that a release offers).
SIZES = (512, PICTURE_SIDE)


def published_picture(release: PublishedRelease, place: str, size: int) -> tuple[bytes, str]:
    """(WebP bytes, ETag) of the ground's image: pixels only, no EXIF, no GPS, no file name.

    Raises NotThere when the release shows no such ground, the source may not be published (the right is looked up each
    time, not remembered from the day of the release) or the image is gone.
    """
    known = release.pictures.get(place)
    if known is None:
        raise NotThere(_("The image of this place is no longer kept here."))
    sha256, image_key, source_id = known
    source = catalogue().sources.get(source_id, {"name": "", "may_publish": False})
    if not source["may_publish"]:
        raise NotThere(
            _("The terms of “%(source)s” do not allow showing its images publicly.")
            % {"source": source["name"]}
        )
    tile = Tile(sha256=sha256, image_key=image_key)
    try:
        data = picture(tile, size)
    except UnreadableImage as error:
        raise NotThere(_("The image of this place cannot be read: %(reason)s") % {"reason": error}) from error
    return data, f'"{picture_name(tile, size)}"'
