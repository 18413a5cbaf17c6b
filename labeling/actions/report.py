"""A citizen's objection to the public map. What experts make of it is decided elsewhere."""

import math
import unicodedata
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import NotThere, UserError
from detection.models import Detection
from labeling.models import Release, Report, ReportCategory
from labeling.sealing import seal
from labeling.sender import may_send

COMMENT_LENGTH = 2000
EMAIL_LENGTH = 254
# How far outside the searched ground a place may lie, in degrees: about 110 km north to south.
MARGIN = 1.0


def file_report(
    *,
    release: Release,
    detection: Detection | None = None,
    latitude: float,
    longitude: float,
    category: str,
    comment: str = "",
    email: str = "",
    trap: str = "",
    sender: str = "",
) -> Report:
    """Take a report about a place on (or missing from) a release; it waits for an expert.

    `sender` is the daily name that `labeling.sender.sender_of` gives (empty: not limited; for commands). `trap`
    is the field that people do not see. The e-mail address is sealed before it is written; nothing else about
    the sender is. Raises UserError: 400 with the fields that are wrong, 429 when the sender has sent too many.
    """
    wrong: dict[str, list[str]] = {}
    if trap:
        wrong["website"] = [_("This field is a trap for programs: leave it empty.")]
    if category not in ReportCategory.values:
        wrong["category"] = [_("Choose what is wrong.")]
    if not _is_place(latitude, longitude):
        wrong["latitude"] = [_("Give a place: latitude −90…90, longitude −180…180.")]
    elif not _near(release, latitude, longitude):
        wrong["latitude"] = [_("This place lies far outside the region of this map.")]
    comment = plain_text(comment)
    if len(comment) > COMMENT_LENGTH:
        wrong["comment"] = [_("At most %(count)s characters.") % {"count": COMMENT_LENGTH}]
    email = plain_text(email)
    if email and not _is_email(email):
        wrong["email"] = [_("This is not an e-mail address. You can also leave it empty.")]
    if wrong:
        raise UserError(next(iter(wrong.values()))[0], fields=wrong)
    if detection is not None and detection.run_id != release.run_id:
        raise NotThere(_("Release %(number)s has no such place.") % {"number": release.number})
    most = settings.AMBER["AMBER_REPORTS_PER_HOUR"]
    if sender and not may_send(sender, most=most):
        raise UserError(
            _("That was %(count)s reports within an hour. Thank you; send the next one in an hour.")
            % {"count": most},
            code="too_many",
            status=429,
        )
    with transaction.atomic():
        report = Report.objects.create(
            region_id=release.region_id,
            release=release,
            detection=detection,
            latitude=round(latitude, 6),
            longitude=round(longitude, 6),
            category=category,
            comment=comment,
            sealed_email=seal(email),
        )
        record(None, "report.filed", report, category=category, release=release.pk)
    return report


def plain_text(text: Any) -> str:
    """The text without control and formatting characters (line breaks stay), in one Unicode form, trimmed.

    Formatting characters are those that turn the direction of writing or hide: a reader would see other words
    than the sender's.
    """
    lines = unicodedata.normalize("NFC", str(text)).replace("\r\n", "\n").replace("\r", "\n")
    kept = (
        character
        for character in lines
        if character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co")
    )
    return "".join(kept).strip()


def _is_place(latitude: Any, longitude: Any) -> bool:
    for value, limit in ((latitude, 90), (longitude, 180)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not math.isfinite(value) or abs(value) > limit:
            return False
    return True


def _near(release: Release, latitude: float, longitude: float) -> bool:
    boxes = [release.statistics.get("searched_bounds"), release.statistics.get("bounds")]
    known = [box for box in boxes if box]
    if not known:
        return True
    return any(
        west - MARGIN <= longitude <= east + MARGIN and south - MARGIN <= latitude <= north + MARGIN
        for west, south, east, north in known
    )


def _is_email(text: str) -> bool:
    if len(text) > EMAIL_LENGTH:
        return False
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True
