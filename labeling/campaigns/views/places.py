"""Any tile of a region to begin a campaign from: found by what somebody types, or by looking. Nothing can be changed here.

The superpixel is then chosen on the tile's picture (`campaigns.campaign_begin`). For experts: the admin's list of tiles
is a page of its own (detection.ground.views.regions).
"""

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from amberapp.errors import NotThere
from amberapp.models import Role
from amberapp.web.permissions import role_required
from detection.description.segment import default_segmentation
from detection.ground.find_tiles import find_tiles, read_point
from detection.models import Region, TileKind

# Whole rows in 2, 3, 4 and 6 columns.
TILES_PER_PAGE = 48
LONGEST_TEXT = 300


@never_cache
@require_safe
@role_required(Role.EXPERT)
def campaign_places(request: HttpRequest) -> HttpResponse:
    """?region=slug (one that can be searched; the first without it), ?q= what is looked for, ?kind=crop for labelled crops."""
    regions = list(Region.objects.exclude(active_classifier=None).order_by("name"))
    slug = request.GET.get("region", "")
    region = next((one for one in regions if one.slug == slug), None)
    if slug and region is None:
        raise NotThere(_("There is no region “%(slug)s”.") % {"slug": slug[:60]})
    if region is None and regions:
        region = regions[0]
    text = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_TEXT]
    kind = TileKind.CROP if request.GET.get("kind") == TileKind.CROP else TileKind.TILE
    context: dict[str, Any] = {
        "regions": regions,
        "region": region,
        "text": text,
        "kind": kind,
        "kinds": _kinds(),
    }
    if region is not None:
        point = read_point(text)
        tiles = find_tiles(region=region, segmentation=default_segmentation(), kind=kind, text=text)
        parameters = {"region": region.slug} | ({"kind": str(kind)} if kind == TileKind.CROP else {})
        context |= {
            "page": Paginator(tiles, TILES_PER_PAGE).get_page(request.GET.get("page")),
            "query": urlencode(parameters | ({"q": text} if text else {})) + "&",
            "point": f"{point[0]:.6f},{point[1]:.6f}" if point is not None else "",
            "all": urlencode(parameters),
        }
    return render(request, "labeling/campaigns/places.html", context)


def _kinds() -> list[tuple[str, str]]:
    return [(str(TileKind.TILE), _("Tiles")), (str(TileKind.CROP), _("Crops"))]
