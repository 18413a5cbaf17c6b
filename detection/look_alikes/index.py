"""A region's index of look-alikes: built by a worker beside the feature store, kept up to date, asked by pages.

A manifest in the site's storage names immutable files under their hashes. A build writes files first and then the
manifest, so a killed one goes on where the manifest stands; a rebuild works on a manifest of its own, and the old index
answers until it is done. In a site with a bucket the files lie there and the folder holds copies.
Tiles without features (never searched) are in no index.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from amberapp import jobs, storage
from amberapp.errors import NotThere, UserError
from amberapp.models import Job, User
from amberapp.models.work import OPEN_STATES
from detection.description import feature_store
from detection.description.chunks import chunk_store
from detection.description.segment import default_segmentation
from detection.look_alikes import vectors
from detection.look_alikes.vectors import compression as compressions
from detection.models import Region, TileFeatures

BUILD_JOB = "detection.build_look_alikes"

ROWS_IN_PART = 1_000_000
# A last part smaller than this grows with what comes; a larger one is left alone.
SMALL_PART = 250_000
ROWS_AT_ONCE = 16_384
SAMPLE_ROWS = 20_000
# The compression is fitted anew when the region has so many times the tiles it was fitted on, as long as those were few.
OUTGROWN = 4
ENOUGH_TILES = 4_000
# Also when so large a share of the index's tiles are no longer there.
GONE = 0.2
# How long a page goes by a count of the described tiles that were there.
COUNTED_SECONDS = 10

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class PartFile:
    name: str
    tiles: int
    rows: int


@dataclass(frozen=True)
class Manifest:
    """What an index consists of. `fitted_on`: tiles there were when the compression was made; `newest`: the highest
    TileFeatures number taken in."""

    extractor_key: str
    compression: str
    fitted_on: int
    newest: int = 0
    parts: list[PartFile] = field(default_factory=list)

    @property
    def tiles(self) -> int:
        return sum(part.tiles for part in self.parts)

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def files(self) -> set[str]:
        return {self.compression, *(part.name for part in self.parts)}

    def as_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()


@dataclass(frozen=True)
class Index:
    """`name`: of its content, for caches."""

    name: str
    compression: vectors.Compression
    parts: tuple[vectors.Part, ...]


@dataclass(frozen=True)
class IndexState:
    """What a page tells: how much is searched, how many tiles are described and not in it yet, whether a worker is
    at it, what the last one stumbled over."""

    superpixels: int
    tiles: int
    waiting: int
    job: Job | None
    error: str

    @property
    def is_there(self) -> bool:
        return self.tiles > 0


def described(region: Region, extractor_key: str) -> QuerySet[TileFeatures]:
    """Where the features lie that belong into the region's index: tiles and crops, as they are cut today."""
    return TileFeatures.objects.filter(
        extractor_key=extractor_key,
        segmented_tile__tile__region=region,
        segmented_tile__segmentation=default_segmentation(),
        segmented_tile__superpixels__gt=0,  # one without any would wait for ever
    )


def extractor_key_of(region: Region) -> str:
    """The features by which the region is searched: those of its active classifier. Raises UserError without one."""
    if region.active_classifier is None:
        raise UserError(_("“%(region)s” has no classifier yet: train one first.") % {"region": region})
    return region.active_classifier.extractor_key


def state_of(region: Region, extractor_key: str) -> IndexState:
    """What stands in the index and what waits. Tiles described since are seen at once, others that went within seconds."""
    manifest = _manifest(region, extractor_key)
    # An index that cannot be opened (files lost or cut) is none: everything waits, so that somebody asks for it anew.
    if manifest is not None and open_index(region, extractor_key) is None:
        manifest = None
    rows = described(region, extractor_key)
    there = _count(rows, region, extractor_key)
    tiles = manifest.tiles if manifest is not None else 0
    waiting = max(there - tiles, 0)
    if manifest is not None and not waiting and rows.filter(pk__gt=manifest.newest).exists():
        waiting = rows.filter(pk__gt=manifest.newest).count()
    jobs_of_region = _jobs(region, extractor_key)
    latest = jobs_of_region.first()
    return IndexState(
        superpixels=manifest.rows if manifest is not None else 0,
        tiles=tiles,
        waiting=waiting,
        job=latest if latest is not None and latest.is_open else None,
        error=latest.error if latest is not None and waiting and not latest.is_open else "",
    )


def _count(rows: QuerySet[TileFeatures], region: Region, extractor_key: str) -> int:
    """How many rows there are: two joins over all tiles, so the answer is kept until something more is described."""
    newest = TileFeatures.objects.order_by("-pk").values_list("pk", flat=True).first()
    name = f"described-{_prefix(region, extractor_key).replace('/', '-')}-{newest}"
    kept: int | None = cache.get(name)
    if kept is None:
        kept = rows.count()
        cache.set(name, kept, COUNTED_SECONDS)
    return kept


def job_under_way(region: Region, extractor_key: str) -> Job | None:
    """The build that is asked for or running; nothing is counted, for pages ask every second."""
    return _jobs(region, extractor_key).filter(state__in=OPEN_STATES).first()


def request_index(region: Region, extractor_key: str, acting_user: User | None) -> Job | None:
    """Ask a worker to build the index or to bring it up to date; the job under way, None where nothing is to do."""
    if not state_of(region, extractor_key).waiting:
        return job_under_way(region, extractor_key)
    with transaction.atomic():
        # The region's row is held, so that two who look at the same moment get one build.
        Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        under_way = job_under_way(region, extractor_key)
        if under_way is not None:
            return under_way
        return jobs.enqueue(BUILD_JOB, acting_user=acting_user, region=region.pk, extractor_key=extractor_key)


def _jobs(region: Region, extractor_key: str) -> QuerySet[Job]:
    return Job.objects.filter(
        kind=BUILD_JOB, parameters__region=region.pk, parameters__extractor_key=extractor_key
    ).order_by("-id")


def open_index(region: Region, extractor_key: str) -> Index | None:
    """The index as it stands, mapped into memory; None where there is none that can be read."""
    for _attempt in range(2):  # a build may have replaced files between the look and the opening
        manifest = _manifest(region, extractor_key)
        if manifest is None or not manifest.parts:
            return None
        with suppress(FileNotFoundError, NotThere, ValueError, EOFError):
            return _opened(
                _folder(region, extractor_key), _prefix(region, extractor_key), manifest.as_bytes()
            )
    return None


@lru_cache(maxsize=4)
def _opened(folder: Path, prefix: str, manifest: bytes) -> Index:
    held = _from_bytes(manifest)
    data = _local(folder, prefix, held.compression).read_bytes()
    return Index(
        storage.sha256_of(manifest),
        compressions.from_bytes(data),
        tuple(vectors.read_part(_local(folder, prefix, part.name)) for part in held.parts),
    )


# Building ------------------------------------------------------------------------------------------------------------


def build_index(*, region: Region, extractor_key: str, progress: Progress) -> Manifest:
    """Take in every described tile that the index lacks. Doing it again changes nothing; a killed build goes on.

    Memory: a part of at most `ROWS_IN_PART` rows and a block of features. Raises UserError where features that the
    database names are gone from the store or nothing is described yet.
    """
    rows = described(region, extractor_key)
    total = rows.count()
    if not total:
        raise UserError(
            _("No tile of “%(region)s” has been described yet: reprocess it first.") % {"region": region}
        )
    current = _manifest(region, extractor_key)
    rebuild = current is None or _outgrown(current, total) or not _is_whole(region, current)
    key = _key(region, extractor_key, rebuild)
    working = _manifest(region, extractor_key, rebuild) if rebuild else current
    if working is None or (rebuild and (_outgrown(working, total) or not _is_whole(region, working))):
        progress(0, total, _("Learning what varies in this region"))
        compression = vectors.fit(_sample(rows))
        name = _keep(region, extractor_key, compression.as_bytes(), ".axes")
        working = Manifest(extractor_key, name, fitted_on=total)
        storage.put(key, working.as_bytes())
    working = _take_in(region, rows, total, working, key, progress)
    if rebuild:
        storage.put(_key(region, extractor_key), working.as_bytes())
        with suppress(FileNotFoundError):
            default_storage.delete(key)
    _clear_away(region, extractor_key, working, current)
    return working


def _outgrown(manifest: Manifest, total: int) -> bool:
    few = manifest.fitted_on < ENOUGH_TILES
    return (few and total > OUTGROWN * manifest.fitted_on) or total < (1 - GONE) * manifest.tiles


def _is_whole(region: Region, manifest: Manifest) -> bool:
    """Whether all files of the manifest can be had and read; a lost one is no loss, as all can be made again."""
    folder, prefix = _folder(region, manifest.extractor_key), _prefix(region, manifest.extractor_key)
    try:
        _local(folder, prefix, manifest.compression)
        for part in manifest.parts:
            vectors.read_part(_local(folder, prefix, part.name))
    except (FileNotFoundError, NotThere, ValueError, EOFError):
        return False
    return True


def _sample(rows: QuerySet[TileFeatures]) -> npt.NDArray[np.float32]:
    """float32 (≤ about SAMPLE_ROWS, d): all superpixels of tiles drawn by chance, the same for the same tiles."""
    ids = np.fromiter(rows.order_by("pk").values_list("pk", flat=True).iterator(), np.int64)
    random = np.random.default_rng(len(ids))
    drawn: list[tuple[str, int, int]] = []
    count = 0
    for start in range(0, len(order := random.permutation(ids)), 500):
        part = rows.filter(pk__in=order[start : start + 500].tolist()).order_by("chunk_id", "first_row")
        for path, first, superpixels in part.values_list(
            "chunk__path", "first_row", "segmented_tile__superpixels"
        ):
            if count < SAMPLE_ROWS:
                drawn.append((path, first, superpixels))
                count += superpixels
        if count >= SAMPLE_ROWS:
            break
    blocks = list(_read(sorted(drawn)))
    sample = np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)
    if len(sample) < 2:
        raise UserError(_("There are too few superpixels to compare: import more tiles."))
    return sample


def _read(ranges: list[tuple[str, int, int]]) -> Iterator[npt.NDArray[np.float32]]:
    try:
        yield from feature_store.read_blocks(chunk_store(), ranges, ROWS_AT_ONCE)
    except (FileNotFoundError, ValueError) as error:
        raise UserError(
            _(
                "The feature store lacks what the database says it holds (%(reason)s): restore it from a backup."
            )
            % {"reason": str(error)[:200]}
        ) from None


def _take_in(
    region: Region,
    rows: QuerySet[TileFeatures],
    total: int,
    manifest: Manifest,
    key: str,
    progress: Progress,
) -> Manifest:
    """Add every tile that is not in the manifest's parts; the manifest under `key` is written after every part."""
    folder, prefix = _folder(region, manifest.extractor_key), _prefix(region, manifest.extractor_key)
    compression = compressions.from_bytes(_local(folder, prefix, manifest.compression).read_bytes())
    parts = [vectors.read_part(_local(folder, prefix, part.name)) for part in manifest.parts]
    tiles_there = np.sort(np.concatenate([np.zeros(0, np.int64), *(part.tiles for part in parts)]))
    done, newest = len(tiles_there), manifest.newest
    part = _GrowingPart(compression)
    kept = list(manifest.parts)
    pending: list[tuple[int, str, int, int]] = []
    superpixels = 0  # of what is pending

    def describe() -> None:
        nonlocal superpixels
        part.add(
            [(tile, count) for tile, _path, _first, count in pending], _read([row[1:] for row in pending])
        )
        pending.clear()
        superpixels = 0

    def write() -> None:
        nonlocal kept, manifest
        if kept and kept[-1].rows < SMALL_PART and kept[-1].rows + part.rows <= ROWS_IN_PART:
            part.grow_from(vectors.read_part(_local(folder, prefix, kept.pop().name)))
        name = _keep(region, manifest.extractor_key, part.as_bytes(), ".part")
        kept.append(PartFile(name, len(part.tiles), part.rows))
        manifest = replace(manifest, parts=list(kept), newest=newest)
        storage.put(key, manifest.as_bytes())
        part.clear()

    fields = ("pk", "segmented_tile_id", "chunk__path", "first_row", "segmented_tile__superpixels")
    for number, tile, path, first, count in (
        rows.order_by("chunk_id", "first_row").values_list(*fields).iterator(chunk_size=5_000)
    ):
        newest = max(newest, number)
        place = np.searchsorted(tiles_there, tile)
        if (place < len(tiles_there) and tiles_there[place] == tile) or not count:
            continue
        pending.append((tile, path, first, count))
        superpixels += count
        done += 1
        if superpixels >= ROWS_AT_ONCE:
            describe()
            progress(min(done, total), total + 1, _("Indexing superpixels"))
        if part.rows >= ROWS_IN_PART:
            write()
    if pending:
        describe()
    if part.rows:
        progress(total, total + 1, _("Indexing superpixels"))
        write()
    elif newest != manifest.newest:
        manifest = replace(manifest, newest=newest)
        storage.put(key, manifest.as_bytes())
    return manifest


class _GrowingPart:
    """What is not written yet."""

    def __init__(self, compression: vectors.Compression) -> None:
        self.compression = compression
        self.clear()

    def clear(self) -> None:
        self.rows = 0
        self.tiles: list[int] = []
        self.counts: list[int] = []
        self.squares: list[npt.NDArray[np.float32]] = []
        self.codes: list[npt.NDArray[np.int8]] = []

    def add(self, tiles: list[tuple[int, int]], blocks: Iterator[npt.NDArray[np.float32]]) -> None:
        for block in blocks:
            self.codes.append(self.compression.encode(block))
            self.squares.append(self.compression.squares(self.codes[-1]))
        self.tiles += [tile for tile, _count in tiles]
        self.counts += [count for _tile, count in tiles]
        self.rows = sum(self.counts)

    def grow_from(self, earlier: vectors.Part) -> None:
        """Put the rows of an earlier, small part before these."""
        tiles, counts, squares, codes = vectors.merge_parts(earlier)
        self.tiles, self.counts = tiles + self.tiles, counts + self.counts
        self.squares, self.codes = squares + self.squares, codes + self.codes
        self.rows = sum(self.counts)

    def as_bytes(self) -> bytes:
        return vectors.pack_part(self.tiles, self.counts, self.squares, self.codes)


# Files ---------------------------------------------------------------------------------------------------------------


def _prefix(region: Region, extractor_key: str) -> str:
    name = hashlib.sha256(f"{extractor_key} {default_segmentation().key}".encode()).hexdigest()[:16]
    return f"look-alikes/{region.pk}/{name}"


def _folder(region: Region, extractor_key: str) -> Path:
    return Path(settings.FEATURE_STORE).parent / _prefix(region, extractor_key)


def _key(region: Region, extractor_key: str, rebuilt: bool = False) -> str:
    return f"{_prefix(region, extractor_key)}{'.next' if rebuilt else ''}.json"


def _manifest(region: Region, extractor_key: str, rebuilt: bool = False) -> Manifest | None:
    try:
        return _from_bytes(storage.get(_key(region, extractor_key, rebuilt)))
    except (NotThere, ValueError, TypeError, KeyError):  # absent, or no manifest of this version: made anew
        return None


def _from_bytes(data: bytes) -> Manifest:
    values: dict[str, Any] = json.loads(data)
    return Manifest(**{**values, "parts": [PartFile(**part) for part in values["parts"]]})


def _in_bucket() -> bool:
    return not isinstance(default_storage, FileSystemStorage)


def _keep(region: Region, extractor_key: str, data: bytes, suffix: str) -> str:
    """Write a file under its hash; returns its name. The bucket first: a copy here always stands for one there."""
    name = f"{storage.sha256_of(data)}{suffix}"
    if _in_bucket():
        storage.put(f"{_prefix(region, extractor_key)}/{name}", data)
    storage.write_atomically(_folder(region, extractor_key) / name, data)
    return name


def _local(folder: Path, prefix: str, name: str) -> Path:
    """The file in the folder, fetched from the bucket where it is only there or the copy here is broken.

    Raises NotThere, and FileNotFoundError for a broken file too: it is made again like a lost one.
    """
    path = folder / name
    if not path.is_file() or not _is_sound(path):
        if not _in_bucket():
            raise FileNotFoundError(name)
        data = storage.get(f"{prefix}/{name}")
        if storage.sha256_of(data) != Path(name).stem:
            raise FileNotFoundError(name)
        storage.write_atomically(path, data)
    return path


def _is_sound(path: Path) -> bool:
    """Whether the file holds what its name says; a process reads it for that once, and again when it was replaced."""
    stat = path.stat()
    return _sha256_of_file(path, stat.st_size, stat.st_mtime_ns) == path.stem


@lru_cache(maxsize=256)
def _sha256_of_file(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _clear_away(region: Region, extractor_key: str, now: Manifest, before: Manifest | None) -> None:
    """Remove files that no manifest names; whoever still reads one keeps it until it is closed.

    The manifests are read anew: a slow worker that has lost its job may be clearing beside the one that took it. What it
    still removes between the other's file and its manifest is missed when the index is opened next, and made again.
    """
    standing = (_manifest(region, extractor_key, rebuilt) for rebuilt in (False, True))
    named = now.files.union(*(manifest.files for manifest in standing if manifest is not None))
    for path in _folder(region, extractor_key).iterdir():
        if path.name not in named:
            path.unlink(missing_ok=True)
    if before is not None and _in_bucket():
        for name in before.files - named:
            with suppress(FileNotFoundError):
                default_storage.delete(f"{_prefix(region, extractor_key)}/{name}")
