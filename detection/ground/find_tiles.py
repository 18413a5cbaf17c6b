"""Which tiles somebody means by what they type: coordinates, a place's name as in permalinks, or a file's name. Reads only."""

import re

from django.db.models import Q, QuerySet

from detection.models import Region, Segmentation, SegmentedTile, Tile, TileKind

# “51,3”, “-26.9°”, “26.9 E”, as on the public map (static/js/labeling/public/names.js).
_DEGREES = re.compile(r"([+-]?\d{1,3}(?:[.,]\d+)?)\s*°?\s*([NSEW]?)", re.IGNORECASE | re.ASCII)
_SEPARATORS = (r"\s*;\s*", r",\s+", r"\s+", r",")
# A place is named by the first 16 digits of its image's SHA-256; a part of it or the whole sum will do as well.
_PLACE = re.compile(r"(?:.*/place/)?([0-9a-f]{6,64})/?", re.IGNORECASE | re.ASCII)

Point = tuple[float, float]  # latitude, longitude


def read_point(text: str) -> Point | None:
    """Latitude and longitude of "51.3, 26.9", "51,3 26,9", "26.9°E 51.3°N"; None for what is none.

    Without letters the latitude comes first. Left out: minutes and seconds.
    """
    for separator in _SEPARATORS:
        parts = re.split(separator, text.strip())
        if len(parts) != 2:
            continue
        matches = [_DEGREES.fullmatch(part.strip()) for part in parts]
        if matches[0] is None or matches[1] is None:
            return None
        (first, first_is_east), (second, second_is_east) = (
            _degrees(match) for match in matches if match is not None
        )
        point = (second, first) if first_is_east and not second_is_east else (first, second)
        return point if abs(point[0]) <= 85 and abs(point[1]) <= 180 else None
    return None


def find_tiles(
    *, region: Region, segmentation: Segmentation, kind: str = TileKind.TILE, text: str = ""
) -> QuerySet[SegmentedTile]:
    """The region's tiles (or crops) that are cut, with their tile: all of them, or those that `text` means.

    A point means the tiles that show it, the newest image first.
    """
    tiles = SegmentedTile.objects.filter(
        segmentation=segmentation, tile__region=region, tile__kind=kind
    ).select_related("tile")
    point = read_point(text)
    if point is not None:
        return tiles.filter(tile__in=Tile.objects.showing(*point)).order_by("-tile__capture_date", "tile_id")
    if text:
        names = Q(tile__file_name__icontains=text)
        place = _PLACE.fullmatch(text)
        if place is not None:
            names |= Q(tile__sha256__startswith=place[1].lower())
        tiles = tiles.filter(names)
    return tiles.order_by("tile_id")


def _degrees(match: re.Match[str]) -> tuple[float, bool]:
    """The number, and whether its letter says that it is a longitude."""
    letter = match[2].upper()
    return float(match[1].replace(",", ".")) * (-1 if letter in ("S", "W") else 1), letter in ("E", "W")
