"""Bytes under keys, on local files or an S3-compatible store. Keys are made by Amber, never by a client.

A key is written once: content-addressed keys name the SHA-256 of what they hold, so writing twice changes
nothing. Local writes go to a temporary name and are renamed, so a reader never sees half a file.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage

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


def get(key: str) -> bytes:
    """The bytes under `key`. Raises NotThere with the key's name when they are gone."""
    try:
        with default_storage.open(key, "rb") as file:
            return bytes(file.read())
    except FileNotFoundError:
        raise NotThere(
            f"The file {key} is missing from the site's storage: restore it from a backup."
        ) from None


def exists(key: str) -> bool:
    return default_storage.exists(key)


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside `path`, flush to disk, rename over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
