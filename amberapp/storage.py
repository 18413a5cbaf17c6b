"""Bytes under keys, on local files or an S3-compatible store. Keys are made by Amber, never by a client.

A key is written once: content-addressed keys name the SHA-256 of what they hold, so writing twice changes
nothing. Local writes go to a temporary name and are renamed, so a reader never sees half a file.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils.translation import gettext as _

from amberapp.errors import NotThere


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def content_key(folder: str, data: bytes, suffix: str) -> str:
    """A key under `folder` that names the content, fanned out over 256 folders."""
    digest = sha256_of(data)
    return f"{folder}/{digest[:2]}/{digest}{suffix}"


def put(key: str, data: bytes) -> str:
    """Store `data` under `key`; returns the key. An existing file of the same key is replaced whole."""
    if isinstance(default_storage, FileSystemStorage):
        write_atomically(Path(default_storage.path(key)), data)
    else:
        default_storage.save(key, ContentFile(data))
    return key


def put_file(key: str, file: IO[bytes]) -> str:
    """As `put`, of an open file from its beginning: it may be larger than memory."""
    file.seek(0)
    if isinstance(default_storage, FileSystemStorage):
        write_atomically(Path(default_storage.path(key)), iter(partial(file.read, 2**20), b""))
    else:
        default_storage.save(key, File(file))
    return key


def get(key: str) -> bytes:
    """The bytes under `key`. Raises NotThere with the key's name when they are gone."""
    try:
        with default_storage.open(key, "rb") as file:
            return bytes(file.read())
    except FileNotFoundError:
        raise _missing(key) from None


def lines(key: str) -> Iterator[bytes]:
    """The lines under `key`, one after the other: the file may be larger than memory. Raises NotThere as `get`."""
    try:
        with default_storage.open(key, "rb") as file:
            yield from file
    except FileNotFoundError:
        raise _missing(key) from None


def _missing(key: str) -> NotThere:
    return NotThere(f"The file {key} is missing from the site's storage: restore it from a backup.")


def exists(key: str) -> bool:
    return default_storage.exists(key)


def write_atomically(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write (all at once, or part by part) beside `path`, flush to disk, rename over it. Raises OSError with the file's name."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        with os.fdopen(handle, "wb") as file:
            for part in (data,) if isinstance(data, bytes) else data:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and not error.filename:
            # A full disk tells no name by itself.
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise


def trouble_with(error: BaseException) -> str:
    """What is wrong with a disk, the database's disk or the bucket, and what to do; empty for any other error.

    Such an error is no fault of the work in hand: the work waits until somebody has seen to the disk. A file that
    is not there is no such trouble.
    """
    full = _("The disk with %(place)s is full: make room on it (%(free)s MB are free), then go on.")
    read_only = _("The disk with %(place)s is read-only: make it writable, then go on.")
    for cause in _causes(error):
        text = str(cause).lower()
        if isinstance(cause, OSError) and cause.errno in _OF_THE_DISK:
            place = str(cause.filename or settings.HOME)
            if cause.errno in (errno.ENOSPC, errno.EDQUOT):
                return full % {"place": place, "free": free_megabytes(place)}
            if cause.errno == errno.EROFS:
                return read_only % {"place": place}
            return _("%(place)s cannot be read or written (%(reason)s): see to it, then go on.") % {
                "place": place,
                "reason": cause.strerror,
            }
        if "database or disk is full" in text or type(cause).__name__ == "DiskFull":
            place = str(settings.DATABASES["default"]["NAME"])
            return full % {"place": place, "free": free_megabytes(place)}
        if "attempt to write a readonly database" in text:
            return read_only % {"place": str(settings.DATABASES["default"]["NAME"])}
        if type(cause).__module__.startswith(("botocore.", "boto3.")):
            return _(
                "The bucket %(bucket)s does not take or give files (%(reason)s): see to it, then go on."
            ) % {
                "bucket": settings.AMBER["AMBER_S3_BUCKET"],
                "reason": str(cause)[:200],
            }
    return ""


_OF_THE_DISK = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV),
}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def free_megabytes(place: str) -> int:
    """Of the disk on which `place` lies or would lie."""
    path = Path(place).absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free // 2**20
