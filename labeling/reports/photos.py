"""Photos of reports: kept under random keys, shown to experts, deleted some time after the decision."""

import datetime as dt
import logging
import secrets
from typing import Any

from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.errors import NotThere, UserError
from labeling.models import Report, ReportState
from labeling.reports.photo_encoding import MAX_BYTES, SUFFIX, PhotoRefused, clean_photo

logger = logging.getLogger("amber.reports")

# How long a photo outlives the decision: until then an expert may look again at what was decided.
KEPT_DAYS = 30
FOLDER = "reports/photos"
AT_ONCE = 200
# A file that no report names after so many hours belongs to a process that was killed before it wrote the report, or
# to a report that has been deleted.
LOST_HOURS = 24


def cleaned(photo: Any) -> bytes:
    """The uploaded file's picture, written anew. Raises UserError (400, field "photo") with one sentence.

    The name and the media type that came with it are not looked at.
    """
    try:
        return clean_photo(photo.read(MAX_BYTES + 1))
    except PhotoRefused as error:
        sentence = _(error.reason.template) % error.reason.values
        raise UserError(sentence, fields={"photo": [sentence]}) from None


def keep(picture: bytes) -> str:
    """Store a cleaned picture; returns its key, which tells nothing about it."""
    name = secrets.token_hex(16)
    return storage.put(f"{FOLDER}/{name[:2]}/{name}{SUFFIX}", picture)


def photo_of(report: Report) -> bytes:
    """Raises NotThere when the report has none, or has none any more."""
    if not report.photo_key:
        raise NotThere(_("This report has no photo, or it has been deleted."))
    return storage.get(report.photo_key)


def forget(key: str) -> None:
    """Delete a photo's file. A file that is gone already is no mistake."""
    default_storage.delete(key)


def forget_old_photos() -> int:
    """Delete the photos of reports that were decided more than 30 days ago. Returns how many.

    The file goes first: killed in between, the next call finds the row again.
    """
    long_ago = timezone.now() - dt.timedelta(days=KEPT_DAYS)
    due = Report.objects.exclude(photo_key="").exclude(state=ReportState.OPEN).filter(decided_at__lt=long_ago)
    forgotten = 0
    for number, key in due.order_by("pk").values_list("pk", "photo_key")[:AT_ONCE]:
        try:
            forget(key)
        except OSError as error:
            logger.warning("the photo of report %s could not be deleted: %s", number, error.strerror)
            continue
        forgotten += Report.objects.filter(pk=number, photo_key=key).update(photo_key="")
    return forgotten


def forget_lost_photos() -> int:
    """Delete the files that no report names, left by a killed process or a deleted report. Returns how many.

    What is younger than a day stays: its report may just be on its way into the database. A database without any
    report is about to be restored from a backup: nothing goes. One folder of 256 at a time,
    so that memory does not grow with the photos.
    """
    if not Report.objects.exists():
        return 0
    long_ago = timezone.now() - dt.timedelta(hours=LOST_HOURS)
    forgotten = 0
    for folder in sorted(_listed(FOLDER)[0]):
        keys = {f"{FOLDER}/{folder}/{name}" for name in _listed(f"{FOLDER}/{folder}")[1]}
        named = Report.objects.filter(photo_key__startswith=f"{FOLDER}/{folder}/")
        for key in sorted(keys.difference(named.values_list("photo_key", flat=True))):
            try:
                if default_storage.get_modified_time(key) < long_ago:
                    forget(key)
                    forgotten += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                logger.warning("a photo without a report could not be deleted: %s", error.strerror)
    return forgotten


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """(folders, files) in a folder of the storage; nothing where no photo was ever kept."""
    try:
        return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
