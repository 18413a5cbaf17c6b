"""What browsers draw tiles from: pictures, label rasters and outlines. For volunteers and up.

Each address names content that never changes, so browsers may keep it; shared caches may not.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from amberapp import storage
from amberapp.errors import NotThere, UserError
from amberapp.models import Role
from amberapp.web.permissions import role_required
from detection.description.fragments import fragment_raster, fragment_raster_name
from detection.ground.pictures import YEAR, asked_size, picture, picture_name
from detection.imagery.decode import UnreadableImage
from detection.models import SegmentedTile, Tile


@require_safe
@role_required(Role.VOLUNTEER)
def tile_image(request: HttpRequest, tile_id: int) -> HttpResponse:
    size = asked_size(request.GET.get("size"))
    tile = Tile.objects.filter(pk=tile_id).only("sha256", "image_key").first()
    if tile is None:
        raise NotThere(_("There is no tile %(number)s.") % {"number": tile_id})
    try:
        return _cacheable(request, picture_name(tile, size), "image/webp", lambda: picture(tile, size))
    except UnreadableImage as error:
        raise UserError(str(error), code="unreadable_image", status=500) from None


@require_safe
@role_required(Role.VOLUNTEER)
def tile_raster(request: HttpRequest, segmented_tile_id: int) -> HttpResponse:
    key = _segmented(segmented_tile_id).raster_key
    return _stored(request, key, "image/png")


@require_safe
@role_required(Role.VOLUNTEER)
def tile_pieces(request: HttpRequest, segmented_tile_id: int) -> HttpResponse:
    """The finer raster, for superpixels that are mixed. The first who asks waits until it is made."""
    segmented = _segmented(segmented_tile_id, "tile", "segmentation")
    name = fragment_raster_name(segmented)
    if not name:
        raise NotThere(_("A crop is one superpixel: it has no raster and no outlines."))
    try:
        return _cacheable(request, name, "image/png", lambda: fragment_raster(segmented))
    except UnreadableImage as error:
        raise UserError(str(error), code="unreadable_image", status=500) from None


@require_safe
@role_required(Role.VOLUNTEER)
def tile_outlines(request: HttpRequest, segmented_tile_id: int) -> HttpResponse:
    key = _segmented(segmented_tile_id).outlines_key
    return _stored(request, key, "application/json")


def _segmented(segmented_tile_id: int, *related: str) -> SegmentedTile:
    """The segmented tile of that number, with what it refers to by these names. Raises NotThere."""
    tile = SegmentedTile.objects.select_related(*related).filter(pk=segmented_tile_id).first()
    if tile is None:
        raise NotThere(_("There is no segmented tile %(number)s.") % {"number": segmented_tile_id})
    return tile


def _stored(request: HttpRequest, key: str, media_type: str) -> HttpResponse:
    if not key:
        raise NotThere(_("A crop is one superpixel: it has no raster and no outlines."))
    return _cacheable(request, key.rsplit("/", 1)[-1], media_type, lambda: storage.get(key))


def _cacheable(request: HttpRequest, name: str, media_type: str, read: Callable[[], bytes]) -> HttpResponse:
    """The bytes that `name` names, or 304 without reading them where the browser has them."""
    etag = f'"{name}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = HttpResponse(read(), content_type=media_type)
    response["ETag"] = etag
    response["Cache-Control"] = f"private, max-age={YEAR}, immutable"
    return response
