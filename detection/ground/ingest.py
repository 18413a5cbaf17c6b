"""Taking images in: each file is imported whole, or reported by name with the reason; the rest goes on.

Left out: uploads (they are staged first, see `detection.ground.staging`) and crops, which come with labels.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.audit import record
from amberapp.errors import UserError
from amberapp.models import User
from detection.description.segment import default_segmentation, segment_tile
from detection.imagery.decode import MAX_BYTES, DecodedImage, UnreadableImage, read_image
from detection.imagery.georeference import WORLD_FILE_SUFFIXES
from detection.imagery.names import parse_tile_name
from detection.imagery.placement import Placement, placement
from detection.imagery.sentences import Sentence, gettext_noop
from detection.imagery.sidecar import (
    MAX_SIDECAR_BYTES,
    SIDECAR_NAMES,
    SidecarRow,
    UnreadableSidecar,
    read_sidecar,
)
from detection.models import ImagerySource, Region, Segmentation, Tile

Progress = Callable[[int, int], None]

# Files that lie beside images and are none; whatever else a folder holds is tried and told of.
_COMPANIONS = {
    *WORLD_FILE_SUFFIXES,
    *(".prj", ".xml", ".ovr", ".csv", ".json", ".geojson", ".txt", ".md", ".html", ".pdf"),
}
_SUFFIXES = {
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "PNG": ".png",
    "TIFF": ".tif",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
}
_MAX_COMPANION_BYTES = 64 * 1024


@dataclass
class ImportReport:
    """What became of the files of a folder. Lists are (file name, sentence)."""

    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    without_place: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_dict(self, most: int | None = None) -> dict[str, Any]:
        """JSON values; at most `most` entries of each list."""
        return {
            "imported": self.imported,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "duplicates": len(self.duplicates),
            "rejected": [{"file": name, "reason": reason} for name, reason in self.rejected[:most]],
            "duplicate_files": [{"file": name, "same_as": same} for name, same in self.duplicates[:most]],
            "without_place": [{"file": name, "reason": reason} for name, reason in self.without_place[:most]],
            "notes": self.notes[:most],
            "seconds": round(self.seconds, 3),
        }


def in_words(sentence: Sentence) -> str:
    """A sentence of the pure code in the language that is active."""
    return _(sentence.template) % sentence.values if sentence.values else _(sentence.template)


def check_rights(source: ImagerySource) -> None:
    """Raise UserError where the source does not let Amber do what importing means."""
    if not source.may_store:
        raise UserError(
            _("The rights of “%(source)s” do not allow its images to be stored, so they cannot be imported.")
            % {"source": source}
        )
    if not source.may_derive:
        raise UserError(
            _(
                "The rights of “%(source)s” do not allow anything to be derived from its images: no superpixels."
            )
            % {"source": source}
        )


def ingest_tile(
    *,
    region: Region,
    file_name: str,
    data: bytes,
    placement: Placement,
    acting_user: User | None,
    source: ImagerySource | None = None,
) -> tuple[Tile, bool]:
    """Keep one image as a tile of `region`, cut into superpixels; (tile, whether it is new).

    An image that the region has already, under whatever name, is returned as it is. Raises
    detection.imagery.decode.UnreadableImage, and UserError where the source's rights forbid it.
    """
    source = source or region.source
    check_rights(source)
    there = Tile.objects.filter(region=region, sha256=storage.sha256_of(data)).first()
    if there is None:
        new = NewImage(
            region=region,
            source=source,
            file_name=file_name,
            data=data,
            image=read_image(data),
            placement=placement,
        )
        return _keep(new, segmentation=default_segmentation(), acting_user=acting_user)
    segment_tile(there, default_segmentation())
    return there, False


@dataclass(frozen=True, kw_only=True)
class NewImage:
    """An image that the region has not, read and placed. `data`: the file's bytes; `image`: what they decode to."""

    region: Region
    source: ImagerySource
    file_name: str
    data: bytes
    image: DecodedImage
    placement: Placement


def _keep(new: NewImage, *, segmentation: Segmentation, acting_user: User | None) -> tuple[Tile, bool]:
    """The tile that the image becomes, cut; False where another import was quicker."""
    # The file first, the row after: a kill between the two leaves a file that nothing points at, and the
    # next import writes the same bytes to the same key.
    suffix = _SUFFIXES.get(new.image.format, "")
    key = storage.put(storage.content_key("images", new.data, suffix), new.data)
    with transaction.atomic():
        tile, created = Tile.objects.get_or_create(
            region=new.region,
            sha256=storage.sha256_of(new.data),
            defaults={
                "source": new.source,
                "file_name": new.file_name[:255],
                "image_key": key,
                "width": new.image.width,
                "height": new.image.height,
                **_place_fields(new.placement),
            },
        )
        if created:
            origin = new.placement.source_of_place
            record(acting_user, "tile.imported", tile, region=new.region.pk, place=origin)
    segment_tile(tile, segmentation, new.image)
    return tile, created


def _place_fields(place: Placement) -> dict[str, Any]:
    west, south, east, north = place.bounds or (None, None, None, None)
    latitude, longitude = place.centre or (None, None)
    return {
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "latitude": latitude,
        "longitude": longitude,
        "ground_sample_distance": place.gsd,
        "capture_date": place.capture_date,
        "place_problem": " ".join(in_words(problem) for problem in place.problems)[:400],
    }


def import_folder(
    *,
    region: Region,
    folder: Path,
    acting_user: User | None,
    source: ImagerySource | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import every image under `folder` (or the one file that it is), in the order of the names.

    Hidden files are passed over, links that lead out of the folder are refused. One image is held in memory
    at a time. Raises UserError when the folder does not exist or the rights of the source forbid it.
    """
    if not folder.exists():
        raise UserError(_("There is no folder “%(path)s”.") % {"path": folder}, code="not_found")
    importer = _Importer(region, source or region.source, folder, acting_user)
    return importer.run(progress)


class _Importer:
    """One import under way: where it reads from, and what has become of the files so far."""

    def __init__(self, region: Region, source: ImagerySource, folder: Path, acting_user: User | None) -> None:
        check_rights(source)
        self.region = region
        self.source = source
        self.acting_user = acting_user
        self.only = folder.name if folder.is_file() else None
        self.root = (folder.parent if self.only else folder).resolve()
        self.segmentation = default_segmentation()
        self.report = ImportReport()
        self.directory: Path | None = None
        self.names: dict[str, str] = {}
        self.rows: dict[str, SidecarRow] = {}

    def run(self, progress: Progress | None) -> ImportReport:
        started = time.monotonic()
        files = list(self._files(self.root))
        for number, file in enumerate(files, start=1):
            shown = _shown(os.path.relpath(file, self.root))
            try:
                self._import(file, shown)
            except UnreadableImage as error:
                self.report.rejected.append((shown, in_words(error.reason)))
            except OSError as error:
                reason = _("It cannot be read: %(detail)s.") % {
                    "detail": error.strerror or type(error).__name__
                }
                self.report.rejected.append((shown, reason))
            if progress is not None:
                progress(number, len(files))
        report = self.report
        report.seconds = time.monotonic() - started
        if report.imported or report.updated:
            record(
                self.acting_user,
                "region.tiles_imported",
                self.region,
                imported=report.imported,
                updated=report.updated,
                rejected=len(report.rejected),
            )
        return report

    def _files(self, folder: Path) -> Iterator[Path]:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name.startswith(".") or (self.only is not None and entry.name != self.only):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._files(Path(entry.path))
            elif entry.is_symlink() and entry.is_dir():
                continue  # its files are met where they lie, if they lie in this folder
            elif not self._is_companion(entry.name):
                yield Path(entry.path)

    def _is_companion(self, name: str) -> bool:
        return self.only is None and Path(name).suffix.lower() in _COMPANIONS

    def _import(self, file: Path, shown: str) -> None:
        data = self._read(file, MAX_BYTES)
        name = _shown(file.name)
        there = Tile.objects.filter(region=self.region, sha256=storage.sha256_of(data)).first()
        if there is not None and (there.bounds is not None or there.file_name != name[:255]):
            self._known(there, name, shown)
            return
        parsed = parse_tile_name(name)
        if parsed is not None and parsed.superpixel is not None:
            reason = _("This is a crop of one superpixel by its name: import it with import_crops.")
            self.report.rejected.append((shown, reason))
            return
        image = read_image(data)
        place = self._place(file, name, data, image)
        if there is not None:
            self._known(there, name, shown, place)
            return
        new = NewImage(
            region=self.region, source=self.source, file_name=name, data=data, image=image, placement=place
        )
        tile, created = _keep(new, segmentation=self.segmentation, acting_user=self.acting_user)
        if not created:  # another import was quicker
            self._known(tile, name, shown)
            return
        self.report.imported += 1
        if place.bounds is None:
            reason = tile.place_problem or _("Nothing says where it lies: it can be labelled, not mapped.")
            self.report.without_place.append((shown, reason))
        elif tile.place_problem:
            self.report.notes.append(f"{shown}: {tile.place_problem}")

    def _known(self, tile: Tile, name: str, shown: str, place: Placement | None = None) -> None:
        """An image that the region has: nothing changes, unless its place has become known since."""
        segment_tile(tile, self.segmentation)  # a kill may have come before it
        if tile.file_name != name[:255]:
            self.report.duplicates.append((shown, tile.file_name))
        elif place is not None and place.bounds is not None:
            fields = _place_fields(place)
            with transaction.atomic():
                Tile.objects.filter(pk=tile.pk).update(**fields)
                record(self.acting_user, "tile.placed", tile, place=place.source_of_place)
            self.report.updated += 1
        else:
            self.report.unchanged += 1

    def _read(self, file: Path, most: int) -> bytes:
        """The bytes of a plain file inside the folder. Raises UnreadableImage, OSError."""
        resolved = file.resolve(strict=True)
        if not resolved.is_relative_to(self.root):
            raise UnreadableImage(gettext_noop("It is a link that leads out of the folder."))
        # Not blocking: a pipe without a writer would hold the import for ever.
        handle = os.open(resolved, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise UnreadableImage(gettext_noop("It is not a plain file."))
            return stream.read(most + 1)

    def _place(self, file: Path, name: str, data: bytes, image: DecodedImage) -> Placement:
        if file.parent != self.directory:
            self._enter(file.parent)
        world_file = self._companion(file, WORLD_FILE_SUFFIXES)
        return placement(
            file_name=name,
            data=data,
            size=(image.width, image.height),
            zoom=self.region.zoom,
            turned=image.turned,
            sidecar=self.rows.get(file.name),
            world_file=world_file,
            projection=self._companion(file, (".prj",)) if world_file is not None else None,
        )

    def _enter(self, directory: Path) -> None:
        """Read what lies beside the images of a directory: the names that are there, its table."""
        self.directory = directory
        self.names = {name.lower(): name for name in os.listdir(directory)}
        self.rows = {}
        tables = [self.names[name] for name in SIDECAR_NAMES if name in self.names]
        for table in tables[:1]:
            try:
                self.rows = read_sidecar(table, self._read(directory / table, MAX_SIDECAR_BYTES))
            except UnreadableSidecar as error:
                self.report.notes.append(in_words(error.reason))
            except (UnreadableImage, OSError) as error:
                self.report.notes.append(f"{table}: {error}")
        if len(tables) > 1:
            self.report.notes.append(
                _("%(one)s was read and %(other)s left aside: keep one table.")
                % {"one": tables[0], "other": tables[1]}
            )

    def _companion(self, file: Path, suffixes: tuple[str, ...]) -> str | None:
        for suffix in suffixes:
            name = self.names.get((file.stem + suffix).lower())
            if name is None:
                continue
            try:
                text = self._read(file.parent / name, _MAX_COMPANION_BYTES)
            except (UnreadableImage, OSError) as error:
                self.report.notes.append(f"{_shown(name)}: {error}")
                continue
            return text.decode("utf-8", errors="replace")
        return None


def _shown(name: str) -> str:
    """A file name that can be stored and printed, whatever bytes the file system holds."""
    text = os.fsencode(name).decode("utf-8", errors="replace")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
