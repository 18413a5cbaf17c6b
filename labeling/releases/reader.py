"""Reading releases: which is the latest, what stands in one. Files never change, so what is read is remembered."""

import datetime as dt
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import shapely
from django.db.models import F
from django.utils.translation import gettext as _
from shapely.geometry import shape

from amberapp import storage
from amberapp.errors import NotThere
from detection.models import Detection, Tile
from labeling.models import Release, ReleaseKind
from labeling.releases.catalogue import PublishedRelease
from labeling.releases.files.writers import INDEX

FILE_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")


@dataclass(frozen=True)
class IndexedPlace:
    """One place of a release as its index tells it. Dates are ISO text, `tile` is (west, south, east, north).

    An imported map knows no hectares, no score and no review; `dates` are other images of the same ground, newest first.
    """

    place: str
    latitude: float
    longitude: float
    hectares: float | None
    score: float | None
    capture_date: str | None
    superpixels: tuple[int, ...]
    source: str
    reviewed: str | None
    tile: tuple[float, float, float, float]
    outline_sha256: str
    district: str = ""
    dates: tuple[dict[str, Any], ...] = ()

    @property
    def year(self) -> int | None:
        return int(self.capture_date[:4]) if self.capture_date else None

    @property
    def day(self) -> dt.date | None:
        return dt.date.fromisoformat(self.capture_date) if self.capture_date else None

    @property
    def reviewed_day(self) -> dt.date | None:
        return dt.date.fromisoformat(self.reviewed) if self.reviewed else None


def latest_release(slug: str | None = None) -> Release | None:
    """The newest release made here, of all or of one region."""
    releases = Release.objects.select_related("region", "run").order_by("-created_at", "-id")
    releases = releases.filter(kind=ReleaseKind.OWN)
    if slug is not None:
        releases = releases.filter(region__slug=slug)
    return releases.first()


def release_numbered(slug: str, number: int) -> Release:
    """Raises NotThere."""
    release = (
        Release.objects.select_related("region", "run").filter(region__slug=slug, number=number).first()
        if number < 2**31
        else None
    )
    if release is None:
        raise NotThere(_("There is no release %(number)s of this region.") % {"number": number})
    return release


def places_of(release: Release | PublishedRelease) -> tuple[IndexedPlace, ...]:
    """All places of the release, largest first. The file is read once a process; of a row one query."""
    if isinstance(release, PublishedRelease):
        file = release.file(INDEX)
        key = file.key if file else None
    else:
        key = release.files.filter(name=INDEX).values_list("storage_key", flat=True).first()
    if key is None:
        raise NotThere(_("This release has lost its list of places: restore it from a backup."))
    return _read_index(key)


@lru_cache(maxsize=8)
def _read_index(key: str) -> tuple[IndexedPlace, ...]:
    rows: list[dict[str, Any]] = json.loads(storage.get(key))["places"]
    return tuple(
        IndexedPlace(
            **{
                **row,
                "tile": tuple(row["tile"]),
                "superpixels": tuple(row["superpixels"]),
                "dates": tuple(row.get("dates", ())),
            }
        )
        for row in rows
    )


def place_of(release: Release | PublishedRelease, place_id: str) -> IndexedPlace:
    """Raises NotThere."""
    for place in places_of(release):
        if place.place == place_id:
            return place
    raise NotThere(_("Release %(number)s has no such place.") % {"number": release.number})


def detection_of(release: Release, place: IndexedPlace) -> Detection | None:
    """The detection that a published place shows, or None when its run has been deleted since."""
    found = Detection.objects.filter(run=release.run_id, segmented_tile__tile__sha256__startswith=place.place)
    return found.first()


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
    for found in beneath.order_by(newest, "pk"):
        place = found.segmented_tile.tile.place_id
        if shape(found.outline).covers(point) and any(one.place == place for one in places_of(release)):
            return found
    return None
