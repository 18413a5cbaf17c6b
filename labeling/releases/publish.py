"""Publishing a run's approved detections as a numbered release that never changes.

Files go to storage first, under their checksums; the rows that point at them come after, in one transaction.
Killed in between, the files lie unused and the previous release stays the latest.
"""

import datetime as dt
import gzip
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.audit import record
from amberapp.errors import Conflict, NotThere, UserError
from amberapp.models import User
from detection.models import ImagerySource, Region, Run
from labeling.models import Release, ReleaseFile, ReleaseKind
from labeling.releases.catalogue import Pictures, catalogue, write_catalogue
from labeling.releases.comparison import changes_of
from labeling.releases.files.changes import CHANGES
from labeling.releases.files.labels import sources_in, temporary
from labeling.releases.files.published_place import INDEX
from labeling.releases.files.writers import COCO, JSON, Built, BuiltFile, Progress, build
from labeling.releases.reader import places_at, places_of
from labeling.releases.sources import gather
from labeling.review.readiness import readiness
from labeling.review.verdicts import current_verdicts

FOLDER = "releases"
ATTEMPTS = 5
NOTE_LENGTH = 2000
# Nothing is gained by packing these again: they are packed in parts, or only ever downloaded whole by programs.
PACKED_ALREADY = (".pmtiles", ".png", ".gpkg")
# Told {"release": id, "number": number} in the transaction of the writing.
Settle = Callable[[dict[str, Any]], None]
logger = logging.getLogger(__name__)


class AlreadyPublished(Conflict):
    """The latest release shows exactly this."""

    def __init__(self, release: Release) -> None:
        super().__init__(
            _("Release %(number)s already shows exactly this: nothing has changed since.")
            % {"number": release.number}
        )
        self.release = release


@contextmanager
def _disk_told() -> Iterator[None]:
    """A full disk is told as such (503), to whoever presses the button too: nothing of the release is visible then."""
    try:
        yield
    except (OSError, DatabaseError) as error:
        trouble = storage.trouble_with(error)
        if not trouble:
            raise
        raise UserError(trouble, code="unavailable", status=503) from error


class _Overtaken(Exception):
    """Another release came between what was gathered, or told of the changes, and the writing of it."""


@_disk_told()
def publish_release(
    *,
    run: Run,
    acting_user: User | None,
    note: str = "",
    progress: Progress | None = None,
    settle: Settle | None = None,
) -> Release:
    """Publish the run's approved detections as the region's next release, with what the publisher says of it.

    `settle` is called in the transaction that writes the release, and may end it by raising. Raises Conflict when the
    run is not finished, not reviewed, or shows exactly what the latest release shows (AlreadyPublished), or when
    others publish again and again meanwhile; UserError when an outline of it cannot be published or the note is too long.
    """
    note = checked_note(note)
    run = Run.objects.select_related("region", "classifier__dataset", "segmentation").get(pk=run.pk)
    for _attempt in range(ATTEMPTS):
        before = _latest_own(run.region)
        verdicts = current_verdicts(run)
        ready = readiness(run, verdicts)
        if ready.problem:
            raise Conflict(ready.problem)
        gathered = gather(run, verdicts)
        built = build(gathered.content, progress)
        rows = [_store(file) for file in built.files]
        try:
            return _enter(
                run.region,
                rows,
                built.statistics,
                acting_user,
                before=before,
                pictures=gathered.pictures,
                settle=settle,
                kind=ReleaseKind.OWN,
                run=run,
                note=note,
                sample=gathered.sample,
            )
        except (IntegrityError, _Overtaken):
            # Another process published meanwhile. What was gathered before that would put older verdicts over its map.
            continue
    raise Conflict(_("Somebody else is publishing in this region right now: try again in a minute."))


def checked_note(note: str) -> str:
    """Raises UserError for one that is too long."""
    note = note.replace("\x00", "").strip()
    if len(note) > NOTE_LENGTH:
        raise UserError(
            _("A note has at most %(limit)s characters.") % {"limit": NOTE_LENGTH},
            fields={"note": [_("Too long.")]},
        )
    return note


@_disk_told()
def publish_again(*, release: Release, acting_user: User | None, note: str = "") -> Release:
    """Roll back: publish an older release again, with the same files, under the next number.

    Raises Conflict when it is an imported map, when it is what the latest release shows already (AlreadyPublished), or
    when the terms of its imagery have since forbidden what was made from it.
    """
    note = checked_note(note)
    release = Release.objects.select_related("region", "run", "restores").get(pk=release.pk)
    if release.kind != ReleaseKind.OWN:
        raise Conflict(_("An imported map is not published again: it stays where it is."))
    known = next((one for one in catalogue().releases if one.pk == release.pk), None)
    closed = _closed_source(release, known.pictures if known else {})
    if closed is not None:
        raise Conflict(
            _(
                "Release %(number)s cannot be published again: the terms of “%(source)s” now forbid derived data."
            )
            % {"number": release.number, "source": closed.name}
        )
    for _attempt in range(ATTEMPTS):
        try:
            return _enter(
                release.region,
                list(release.files.exclude(name=CHANGES)),
                release.statistics,
                acting_user,
                before=_latest_own(release.region),
                pictures=known.pictures if known else None,
                kind=ReleaseKind.OWN,
                run=release.run,
                title=release.title,
                note=note,
                restores=release.restores or release,
                sample=release.sample,
            )
        except (IntegrityError, _Overtaken):
            # The files are what was chosen, whatever came between; what changed with them is looked at again.
            continue
    raise Conflict(_("Somebody else is publishing in this region right now: try again in a minute."))


def _closed_source(release: Release, pictures: Pictures) -> ImagerySource | None:
    """A source of the release's places or labels whose terms forbid what is made from it now."""
    closed = list(ImagerySource.objects.filter(may_derive=False).order_by("id"))
    if not closed:
        return None
    names = {place.source for place in places_of(release)}
    labels = release.key_of(COCO)
    if labels is not None:
        # Labels stand there whether or not their images may be shown.
        with suppress(NotThere, ValueError):
            names |= sources_in(storage.lines(labels))
    # By the images too: a source may have got another name since.
    images = {source for _sha256, _image, source in pictures.values()}
    return next((source for source in closed if source.name in names or source.pk in images), None)


def write_imported(
    *,
    region: Region,
    built: Built,
    title: str,
    note: str,
    created_at: dt.datetime,
    acting_user: User | None,
    refuse: Callable[[], None],
) -> Release:
    """A map that was made elsewhere, as a release of its own kind with the day on which it was published there.

    `refuse` looks at the region's releases when nobody else can add one, and raises what it has against this one. Raises
    Conflict when other publishers take the number again and again.
    """
    rows = [_store(file) for file in built.files]
    for _attempt in range(ATTEMPTS):
        try:
            return _enter(
                region,
                rows,
                built.statistics,
                acting_user,
                before=None,
                pictures={},
                refuse=refuse,
                kind=ReleaseKind.HISTORICAL,
                title=title,
                note=note,
                created_at=created_at,
            )
        except IntegrityError:
            continue
    raise Conflict(_("Somebody else is publishing in this region right now: try again in a minute."))


def _enter(
    region: Region,
    rows: list[ReleaseFile],
    statistics: dict[str, Any],
    acting_user: User | None,
    *,
    before: Release | None,
    pictures: Pictures | None,
    settle: Settle | None = None,
    refuse: Callable[[], None] | None = None,
    **fields: Any,
) -> Release:
    """Write the rows of stored files in one transaction, then the catalogue that readers go by.

    Killed before the transaction ends, nothing of the release is visible; killed after it, the release stands and the
    sweeper writes the catalogue. Beside the files of an own release comes what differs from the one `before` it, and why.
    Raises AlreadyPublished where the latest own release of the region has the same files; IntegrityError or _Overtaken
    when another publisher was quicker.
    """
    told = _changes(before, rows, fields)
    with transaction.atomic():
        release = _write(region, [*rows, *told], statistics, acting_user, before, refuse, **fields)
        if settle is not None:
            settle({"release": release.pk, "number": release.number})
    try:
        write_catalogue({release.pk: pictures} if pictures is not None else None)
    except Exception:
        # The release stands, whatever the disk, the bucket or the database says now; the sweeper writes the catalogue.
        logger.exception("release %s stands, the catalogue could not be written", release)
    return release


def _latest_own(region: Region) -> Release | None:
    own = Release.objects.filter(region=region, kind=ReleaseKind.OWN)
    return own.select_related("run__classifier__dataset", "restores").order_by("-number").first()


def _changes(before: Release | None, rows: list[ReleaseFile], fields: dict[str, Any]) -> list[ReleaseFile]:
    """The file that tells what differs from `before`; none for a region's first release and for an imported map."""
    if before is None or fields["kind"] != ReleaseKind.OWN:
        return []
    (index,) = (row for row in rows if row.name == INDEX)
    restores: Release | None = fields.get("restores")
    data = changes_of(
        previous=before,
        run=fields["run"],
        places=places_at(index.storage_key),
        restores=restores.number if restores else None,
    )
    return [_store(BuiltFile(CHANGES, JSON, data))]


def _write(
    region: Region,
    rows: list[ReleaseFile],
    statistics: dict[str, Any],
    acting_user: User | None,
    before: Release | None,
    refuse: Callable[[], None] | None,
    **fields: Any,
) -> Release:
    """`before`: the release from which the changes are told. Raises _Overtaken when it is the latest no more."""
    locked = Region.objects.select_for_update().get(pk=region.pk)
    if refuse is not None:
        refuse()
    if fields["kind"] == ReleaseKind.OWN:
        latest = _latest_own(locked)
        if latest is not None and _same_files(latest, rows):
            raise AlreadyPublished(latest)
        if latest != before:
            raise _Overtaken
        fields["created_at"] = _after(latest)
    highest = locked.releases.aggregate(highest=Max("number"))["highest"] or 0
    release = Release.objects.create(
        region=locked, number=highest + 1, statistics=statistics, created_by=acting_user, **fields
    )
    ReleaseFile.objects.bulk_create(
        [
            ReleaseFile(
                release=release,
                name=row.name,
                media_type=row.media_type,
                storage_key=row.storage_key,
                sha256=row.sha256,
                size=row.size,
            )
            for row in rows
        ],
        batch_size=200,
    )
    record(
        acting_user,
        "release.published",
        release,
        run=release.run_id,
        number=release.number,
        places=statistics["places"],
        hectares=statistics["hectares"],
        **({"restores": release.restores.number} if release.restores else {}),
    )
    return release


def _after(latest: Release | None) -> dt.datetime:
    """The moment of a new release, taken while the region is held and never before that of the latest: readers order by
    it, publishers by number, and a clock may be set back."""
    now = timezone.now()
    return now if latest is None else max(now, latest.created_at + dt.timedelta(microseconds=1))


def _same_files(latest: Release, rows: list[ReleaseFile]) -> bool:
    """What a release says of what came before it is no difference."""
    known = {row for row in latest.files.values_list("name", "sha256") if row[0] != CHANGES}
    return known == {(row.name, row.sha256) for row in rows if row.name != CHANGES}


def _store(file: BuiltFile) -> ReleaseFile:
    """Put the bytes, and beside them a gzip for readers that take it, under their checksum."""
    suffix = "." + file.name.rpartition(".")[2].lower()
    key = f"{FOLDER}/{file.sha256[:2]}/{file.sha256}{suffix}"
    packed = key + ".gz"
    if file.file is not None:
        with file.file as source:
            if not storage.exists(key):
                storage.put_file(key, source)
            if suffix not in PACKED_ALREADY and not storage.exists(packed):
                _pack_file(source, packed)
    else:
        if not storage.exists(key):
            storage.put(key, file.data)
        if suffix not in PACKED_ALREADY and not storage.exists(packed):
            storage.put(packed, gzip.compress(file.data, 6, mtime=0))
    return ReleaseFile(
        name=file.name, media_type=file.media_type, storage_key=key, sha256=file.sha256, size=file.size
    )


def _pack_file(source: IO[bytes], key: str) -> None:
    source.seek(0)
    with temporary() as packed:
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=4, mtime=0, filename="") as writer:
            shutil.copyfileobj(source, writer, 2**20)
        storage.put_file(key, packed)
