"""Files that are there whole or not at all, for code that knows no Django (`amberapp.storage` has the site's own)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Beside `path`, flushed, renamed over it. Raises OSError with the name of the file; nothing is left half-written."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        # A full disk tells no name by itself.
        raise OSError(error.errno, error.strerror, error.filename or str(path)) from error
