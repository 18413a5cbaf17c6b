"""Uploaded files on their way in: kept aside until a worker imports them, then removed.

The web process only writes them down; nothing is decoded here. Files lie under AMBER_HOME/staging, in a folder
for each person and batch, so nobody can add to another's batch.
"""

import re
import shutil
import time
import uuid
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amberapp import jobs
from amberapp.errors import UserError
from amberapp.models import Job, User
from amberapp.storage import write_atomically
from detection.imagery.decode import MAX_BYTES
from detection.models import Region

IMPORT_JOB = "detection.import"
MAX_FILES = 1000
MAX_BATCH_BYTES = 4 * 1024**3
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".gif", ".bmp")
COMPANION_SUFFIXES = (".jgw", ".pgw", ".tfw", ".wld", ".prj", ".csv", ".json")
_FORGOTTEN_AFTER = 24 * 3600
_BATCH = re.compile(r"[0-9a-f]{32}")
_LONGEST_NAME = 200


def new_batch() -> str:
    """A name for the files of one visit to the upload page."""
    return uuid.uuid4().hex


def folder_of(user_id: int | None, batch: str) -> Path:
    """Where a batch lies. Raises UserError for a name that `new_batch` does not make."""
    if not _BATCH.fullmatch(batch):
        raise UserError(_("This upload has no valid name: reload the page and try again."))
    return Path(settings.HOME) / "staging" / f"{user_id or 0}-{batch}"


def stage(*, batch: str, file: "UploadedFile[bytes]", acting_user: User) -> None:
    """Write one uploaded file aside. Raises UserError that names the file."""
    folder = folder_of(acting_user.pk, batch)
    name = _checked_name(file.name or "")
    size = file.size or 0
    if size > MAX_BYTES:
        raise UserError(
            _("%(name)s has %(size)s MB; at most %(limit)s MB can be imported.")
            % {"name": name, "size": size // 2**20, "limit": MAX_BYTES // 2**20}
        )
    there = _sizes(folder)
    if len(there) >= MAX_FILES or sum(there.values()) + size > MAX_BATCH_BYTES:
        raise UserError(
            _(
                "%(name)s is too much for one upload (at most %(files)s files and %(size)s GB): send it in a second."
            )
            % {"name": name, "files": MAX_FILES, "size": MAX_BATCH_BYTES // 1024**3}
        )
    data = file.read()
    target = folder / name
    if name in there and target.read_bytes() != data:
        raise UserError(
            _("There are two different files called %(name)s in this upload: rename one.") % {"name": name}
        )
    write_atomically(target, data)


def _sizes(folder: Path) -> dict[str, int]:
    """{name: bytes} of what was staged; a file that another request is just writing has no name yet."""
    if not folder.is_dir():
        return {}
    return {path.name: path.stat().st_size for path in folder.iterdir() if not path.name.startswith(".")}


def import_later(*, region: Region, batch: str, acting_user: User) -> Job:
    """Ask a worker to import what was staged. Raises UserError when that is nothing."""
    folder = folder_of(acting_user.pk, batch)
    if not folder.is_dir() or not any(folder.iterdir()):
        raise UserError(_("No file was uploaded: choose some images first."))
    return jobs.enqueue(
        IMPORT_JOB,
        acting_user=acting_user,
        region=region.pk,
        batch=batch,
        language=get_language() or "en",
    )


def clear(folder: Path) -> None:
    """Remove a batch that has been imported, and those that nobody came back for."""
    shutil.rmtree(folder, ignore_errors=True)
    limit = time.time() - _FORGOTTEN_AFTER
    if folder.parent.is_dir():
        for other in folder.parent.iterdir():
            try:
                forgotten = other.stat().st_mtime < limit
            except FileNotFoundError:  # another worker has just removed it
                continue
            if forgotten:
                shutil.rmtree(other, ignore_errors=True)


def _checked_name(name: str) -> str:
    """The name as the file is kept: Django has cut folders off already, this refuses what is still odd."""
    if not name or len(name) > _LONGEST_NAME or name.startswith(".") or not name.isprintable() or "/" in name:
        raise UserError(_("A file has a name that cannot be kept: rename it and try again."))
    if not name.lower().endswith(IMAGE_SUFFIXES + COMPANION_SUFFIXES):
        raise UserError(
            _("%(name)s is not the kind of file that is imported (%(kinds)s).")
            % {"name": name, "kinds": ", ".join((*IMAGE_SUFFIXES, *COMPANION_SUFFIXES))}
        )
    return name
