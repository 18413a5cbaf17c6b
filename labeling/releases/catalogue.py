"""What has been published, readable without the database: anonymous readers of the map need nothing but the storage.

`published/catalogue.json` names every release and the rights of every imagery source; each release has a manifest with
its files and with the images that may be shown of its ground. Both are copies of rows: written after each publication
and whenever a source's rights change, and written again from the rows when they are missing or behind (`rebuild_if_stale`, the
command `rebuild_catalogue`). Files, manifests and pictures are named by what they hold and never change; only the
catalogue is replaced, whole, in one rename.
"""

import datetime as dt
import json
import logging
import os
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.core.files.storage import FileSystemStorage, default_storage
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.errors import NotThere, UserError
from detection.models import ImagerySource, Region, Tile
from labeling.models import Release, ReleaseKind
from labeling.releases.files.labels import pictured
from labeling.releases.files.published_place import INDEX, read_index
from labeling.releases.files.writers import COCO, STATISTICS, fingerprint_of

KEY = "published/catalogue.json"
FOLDER = "published"
FORMAT = "amber-catalogue/2"
# Where the storage cannot tell cheaply that a file has changed (a bucket), a process looks again after so many seconds.
LOOK_AGAIN = 5.0
MOST_ROUNDS = 20
logger = logging.getLogger(__name__)

# Place → (SHA-256 of the image, its storage key, id of its source).
Pictures = dict[str, tuple[str, str, int]]
# Id of a release → (storage key of its manifest, its fingerprint).
Manifests = dict[int, tuple[str, str]]


@dataclass(frozen=True)
class PublishedRegion:
    slug: str
    name: str
    mineral: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class PublishedFile:
    name: str
    media_type: str
    size: int
    sha256: str
    key: str


@dataclass(frozen=True)
class PublishedRelease:
    """One release as its readers see it. `figures` are the few numbers that lists show; `statistics` is the whole file.

    restores: the number of the release that it publishes again; previous: that of the own release before it.
    fingerprint: by which its own files name it (labeling.releases.files.writers.fingerprint_of); a roll back has that of the older one.
    """

    id: int
    region: PublishedRegion
    region_id: int
    number: int
    kind: str
    run_id: int | None
    created_at: dt.datetime
    title: str
    note: str
    restores: int | None
    previous: int | None
    figures: dict[str, Any]
    manifest: str
    fingerprint: str

    @property
    def pk(self) -> int:
        return self.id

    def __str__(self) -> str:
        return f"{self.region} {self.number}"

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        return tuple(_manifest(self.manifest)["files"].values())

    def file(self, name: str) -> PublishedFile | None:
        file: PublishedFile | None = _manifest(self.manifest)["files"].get(name)
        return file

    def key_of(self, name: str) -> str | None:
        """The storage key of one of its files; None where it has none of that name."""
        file = self.file(name)
        return file.key if file else None

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises NotThere."""
        file = self.file(name)
        if file is None:
            raise NotThere(_("There is no such file in this release."))
        return storage.get(file.key)

    @property
    def statistics(self) -> dict[str, Any]:
        file = self.file(STATISTICS)
        if file is None:
            raise NotThere(_("This release has lost its statistics: restore it from a backup."))
        return _json(file.key)

    @property
    def pictures(self) -> Pictures:
        """Read once a process: whoever gets them must not change them."""
        key = _manifest(self.manifest)["pictures"]
        return _pictures(key) if key else {}


@dataclass(frozen=True)
class Catalogue:
    """releases: newest first. sources: id → {"name", "may_publish", "synthetic"}, as of now."""

    releases: tuple[PublishedRelease, ...]
    sources: dict[int, dict[str, Any]]

    @property
    def synthetic(self) -> bool:
        return any(source["synthetic"] for source in self.sources.values())


# Reading ---------------------------------------------------------------------------------------

_held: tuple[Any, Catalogue] | None = None


def catalogue() -> Catalogue:
    """The catalogue as it is now. Only when it is missing or broken are the rows asked, and it is written again.

    Raises UserError (503) when it is missing and the database does not answer either.
    """
    global _held
    stamp = _stamp()
    if _held is not None and stamp is not None and _held[0] == stamp:
        return _held[1]
    try:
        found = _parse(storage.get(KEY))
    except (NotThere, ValueError, KeyError, TypeError):
        try:
            write_catalogue()
        except DatabaseError as error:
            raise UserError(
                _("The list of published maps cannot be read right now. Please come back in a few minutes."),
                code="unavailable",
                status=503,
            ) from error
        stamp, found = _stamp(), _parse(storage.get(KEY))
    _held = (stamp, found)
    return found


def published() -> tuple[PublishedRelease, ...]:
    """Every release, newest first."""
    return catalogue().releases


def latest_published(slug: str | None = None) -> PublishedRelease | None:
    """The newest release made here, of all or of one region; an imported one where there is no other."""
    found = [one for one in published() if slug is None or one.region.slug == slug]
    own = (one for one in found if one.kind == ReleaseKind.OWN)
    return next(own, found[0] if found else None)


def published_numbered(slug: str, number: int) -> PublishedRelease:
    """Raises NotThere."""
    for one in published():
        if one.number == number and one.region.slug == slug:
            return one
    raise NotThere(_("There is no release %(number)s of this region.") % {"number": number})


def published_as(slug: str, fingerprint: str) -> tuple[PublishedRelease, ...]:
    """The releases of a region with that fingerprint, oldest first. Raises NotThere where there is none."""
    found = [one for one in published() if one.fingerprint == fingerprint and one.region.slug == slug]
    if not found:
        raise NotThere(
            _("There is no release with the fingerprint %(fingerprint)s.") % {"fingerprint": fingerprint}
        )
    return tuple(reversed(found))


def may_show(release: PublishedRelease, place: str) -> bool:
    """Whether the image of that ground may be shown to everybody, as the rights of its source stand now."""
    picture = release.pictures.get(place)
    return picture is not None and bool(
        catalogue().sources.get(picture[2], {"may_publish": False})["may_publish"]
    )


def _stamp() -> Any:
    """What differs once the catalogue has been replaced; None when there is none."""
    if not isinstance(default_storage, FileSystemStorage):
        return int(time.monotonic() / LOOK_AGAIN)
    path = default_storage.path(KEY)
    try:
        told = os.stat(path)
    except OSError:
        return None
    return (path, told.st_mtime_ns, told.st_size, told.st_ino)


def _parse(data: bytes) -> Catalogue:
    told = json.loads(data)
    if told["format"] != FORMAT:
        raise ValueError("another format")
    releases = []
    for row in told["releases"]:
        region = PublishedRegion(row["region"], row["region_name"], row["mineral"])
        values = {name: row[name] for name in row if name not in {"region_name", "mineral"}}
        created = dt.datetime.fromisoformat(row["created_at"])
        releases.append(PublishedRelease(**(values | {"region": region, "created_at": created})))
    return Catalogue(tuple(releases), {int(key): row for key, row in told["sources"].items()})


@lru_cache(maxsize=64)
def _manifest(key: str) -> dict[str, Any]:
    told = json.loads(storage.get(key))
    files = [PublishedFile(*row) for row in told["files"]]
    return {"files": {file.name: file for file in files}, "pictures": told["pictures"]}


@lru_cache(maxsize=32)
def _json(key: str) -> dict[str, Any]:
    """A file that never changes; whoever reads it must not change what is handed out."""
    found: dict[str, Any] = json.loads(storage.get(key))
    return found


@lru_cache(maxsize=16)
def _pictures(key: str) -> Pictures:
    """Made once: a list of ten thousand places asks for it ten thousand times."""
    rows: dict[str, list[Any]] = json.loads(storage.get(key))
    return {place: (row[0], row[1], row[2]) for place, row in rows.items()}


# Writing ---------------------------------------------------------------------------------------


def write_catalogue(pictures: dict[int, Pictures] | None = None, *, fresh: bool = False) -> int:
    """Write the catalogue from the rows; returns the number of releases in it.

    pictures: by release id, where the caller knows them already; `fresh` makes every manifest anew. Two writers at
    once: each looks again after writing and goes on until what it wrote is what the rows say, so the last one wins.
    """
    known = {} if fresh else _known_manifests()
    for _round in range(MOST_ROUNDS):
        seen = _state()
        with transaction.atomic():
            data, known = _made(known, pictures or {})
        storage.put(KEY, data)
        if _state() == seen:
            break
    return len(known)


def rebuild_if_stale() -> bool:
    """Write the catalogue again when it is missing or behind the rows; whether that was needed."""
    try:
        told = json.loads(storage.get(KEY))
        state = (
            sorted(row["id"] for row in told["releases"]),
            sorted((int(key), *row.values()) for key, row in told["sources"].items()),
            sorted(
                {
                    (row["region_id"], row["region"], row["region_name"], row["mineral"])
                    for row in told["releases"]
                }
            ),
        )
    except (NotThere, ValueError, KeyError, TypeError, AttributeError):
        state = None
    if state == _state():
        return False
    write_catalogue()
    return True


def _state() -> tuple[list[Any], list[Any], list[Any]]:
    sources = ImagerySource.objects.order_by("id").values_list("id", "name", "may_publish", "synthetic")
    regions = Region.objects.filter(releases__isnull=False).distinct().order_by("id")
    return (
        sorted(Release.objects.values_list("id", flat=True)),
        sorted(sources),
        sorted(regions.values_list("id", "slug", "name", "mineral")),
    )


def _known_manifests() -> Manifests:
    """Those of a catalogue of an earlier format too, which knew no fingerprints."""
    try:
        told = json.loads(storage.get(KEY))
        rows = {row["id"]: (row["manifest"], row.get("fingerprint")) for row in told["releases"]}
    except (NotThere, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {
        release_id: (key, fingerprint or fingerprint_of(_sums(json.loads(storage.get(key))["files"])))
        for release_id, (key, fingerprint) in rows.items()
        if storage.exists(key)
    }


def _sums(files: list[list[Any]]) -> dict[str, str]:
    return {name: sha256 for name, _media_type, _size, sha256, _key in files}


def _made(known: Manifests, pictures: dict[int, Pictures]) -> tuple[bytes, Manifests]:
    rows: list[dict[str, Any]] = []
    manifests: Manifests = {}
    highest: dict[int, int] = {}
    releases = Release.objects.select_related("region", "restores").order_by("region_id", "number")
    for release in releases:
        manifest, fingerprint = known.get(release.pk) or _write_manifest(release, pictures.get(release.pk))
        manifests[release.pk] = (manifest, fingerprint)
        figures = release.statistics
        rows.append(
            {
                "id": release.pk,
                "region": release.region.slug,
                "region_id": release.region_id,
                "region_name": release.region.name,
                "mineral": release.region.mineral,
                "number": release.number,
                "kind": release.kind,
                "run_id": release.run_id,
                "created_at": release.created_at.isoformat(),
                "title": release.title,
                "note": release.note,
                "restores": release.restores.number if release.restores else None,
                "previous": highest.get(release.region_id),
                "figures": {name: figures.get(name) for name in ("hectares", "places", "tiles_searched")},
                "manifest": manifest,
                "fingerprint": fingerprint,
            }
        )
        if release.kind == ReleaseKind.OWN:
            highest[release.region_id] = release.number
    rows.sort(key=lambda row: (dt.datetime.fromisoformat(row["created_at"]), row["id"]), reverse=True)
    sources = {
        str(row["id"]): {name: row[name] for name in ("name", "may_publish", "synthetic")}
        for row in ImagerySource.objects.order_by("id").values("id", "name", "may_publish", "synthetic")
    }
    told = {"format": FORMAT, "releases": rows, "sources": sources}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode(), manifests


def _write_manifest(release: Release, pictures: Pictures | None) -> tuple[str, str]:
    files = [
        [file.name, file.media_type, file.size, file.sha256, file.storage_key]
        for file in release.files.order_by("name")
    ]
    if pictures is None:
        pictures = _pictures_of(release)
    told = {"files": files, "pictures": _put(dict(sorted(pictures.items()))) if pictures else None}
    return _put(told), fingerprint_of(_sums(files))


def _put(value: Any) -> str:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    key = storage.content_key(FOLDER, data, ".json")
    if not storage.exists(key):
        storage.put(key, data)
    return key


def _pictures_of(release: Release) -> Pictures:
    """The images that a release's files give addresses of, looked up from its lists of places and of labels."""
    index, coco = release.key_of(INDEX), release.key_of(COCO)
    try:
        places = read_index(storage.get(index)) if index else ()
    except NotThere:
        places = ()
    wanted = {place.place for place in places}
    wanted |= {other.place for place in places for other in place.dates}
    try:
        wanted |= set(pictured(storage.lines(coco))) if coco else set()
    except (NotThere, ValueError):
        # The places stay, at least.
        logger.exception("%s: the images of its labels are not shown", release)
    if not wanted:
        return {}
    tiles = Tile.objects.whole().filter(region=release.region_id).order_by("id")
    found = tiles.values_list("sha256", "image_key", "source_id").iterator(chunk_size=5000)
    return {sha256[:16]: (sha256, image, source) for sha256, image, source in found if sha256[:16] in wanted}
