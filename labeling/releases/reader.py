"""What stands in the files of a release, whether its row or the catalogue names them; and the rows behind what is shown.

Files never change, so what is read is remembered. Which releases there are is the catalogue's to say
(labeling.releases.catalogue).
"""

import json
import re
from functools import lru_cache

import shapely
from django.db.models import F
from django.utils.translation import gettext as _
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from amberapp import storage
from amberapp.errors import NotThere
from detection.models import Detection, Tile
from labeling.models import Release, ReleaseKind
from labeling.releases.catalogue import PublishedRelease, latest_published, published_numbered
from labeling.releases.files.changes import CHANGES, Reason, from_file
from labeling.releases.files.grid import Cell
from labeling.releases.files.published_place import INDEX, Bounds, PublishedPlace, read_index
from labeling.releases.files.writers import OUTLINES

FILE_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")
# Both name their files by `key_of`.
AnyRelease = Release | PublishedRelease
# Place → (kind of change, reason).
Changes = dict[str, tuple[str, Reason]]


def places_of(release: AnyRelease) -> tuple[PublishedPlace, ...]:
    """All places of the release, largest first. Raises NotThere."""
    return places_at(_key(release, INDEX))


@lru_cache(maxsize=8)
def places_at(key: str) -> tuple[PublishedPlace, ...]:
    """Those of the list under that storage key; read once a process."""
    return read_index(storage.get(key))


def place_of(release: AnyRelease, place_id: str) -> PublishedPlace:
    """Raises NotThere."""
    for place in places_of(release):
        if place.place == place_id:
            return place
    raise NotThere(_("Release %(number)s has no such place.") % {"number": release.number})


def outlines_of(release: AnyRelease) -> dict[str, BaseGeometry]:
    """Place → its outline in degrees. Raises NotThere."""
    return _outlines_at(_key(release, OUTLINES))


@lru_cache(maxsize=4)
def _outlines_at(key: str) -> dict[str, BaseGeometry]:
    features = json.loads(storage.get(key))["features"]
    return {feature["properties"]["place"]: shape(feature["geometry"]) for feature in features}


def changes_in(release: AnyRelease) -> Changes:
    """What the release keeps of why it differs from the one before; nothing where it keeps none, or it is lost."""
    key = release.key_of(CHANGES)
    try:
        return _changes_at(key) if key else {}
    except (NotThere, ValueError):
        return {}


# What comes of them is kept by whoever asks again; ten thousand reasons take some megabytes.
@lru_cache(maxsize=4)
def _changes_at(key: str) -> Changes:
    return from_file(storage.get(key))


def searched_in(release: AnyRelease, cell: Cell) -> list[Bounds]:
    """The bounds of the tiles that the release searched in a cell of OUTLINE_LEVEL."""
    column, row = cell
    key = release.key_of(f"ground-{column}-{row}.json")
    if key is None:
        return []
    # Its end, after outlines of some megabytes (labeling.releases.files.grid.ground).
    boxes: list[Bounds] = json.loads(storage.get(key).rpartition(b'"searched":')[2][:-1])
    return boxes


def _key(release: AnyRelease, name: str) -> str:
    key = release.key_of(name)
    if key is None:
        raise NotThere(_("This release has lost its list of places: restore it from a backup."))
    return key


# Rows behind what is shown ---------------------------------------------------------------------


def latest_release(slug: str | None = None) -> Release | None:
    """The row of the newest release made here, of all or of one region."""
    published = latest_published(slug)
    return _row_of(published) if published is not None and published.kind == ReleaseKind.OWN else None


def release_numbered(slug: str, number: int) -> Release:
    """The row of a published release. Raises NotThere."""
    return _row_of(published_numbered(slug, number))


def _row_of(published: PublishedRelease) -> Release:
    release = Release.objects.select_related("region", "run").filter(pk=published.pk).first()
    if release is None:
        raise NotThere(_("There is no such release."))
    return release


def detection_of(release: Release, place: PublishedPlace) -> Detection | None:
    """The detection that a published place shows, or None when its run has been deleted since."""
    tiles = Detection.objects.filter(run=release.run_id, segmented_tile__tile__sha256__startswith=place.place)
    return tiles.first()


def detection_at(release: Release, latitude: float, longitude: float) -> Detection | None:
    """The detection whose outline on the release covers the point, of several that of the newest image."""
    if release.run_id is None:
        return None
    tiles = Tile.objects.filter(region=release.region_id).showing(latitude, longitude)
    beneath = Detection.objects.filter(
        run=release.run_id, outline__isnull=False, segmented_tile__tile__in=tiles
    ).select_related("segmented_tile__tile")
    point = shapely.Point(longitude, latitude)
    newest = F("segmented_tile__tile__capture_date").desc(nulls_last=True)
    for detection in beneath.order_by(newest, "pk"):
        place = detection.segmented_tile.tile.place_id
        if shape(detection.outline).covers(point) and any(one.place == place for one in places_of(release)):
            return detection
    return None
