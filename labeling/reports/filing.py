"""A citizen's objection to the public map: checked here, once for every door, and written.

The form and the API read shapes alone. What experts make of a report is decided elsewhere.
"""

import math
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import NotThere, UserError
from amberapp.text import plain_text
from amberapp.web.rate_limit import may_send
from detection.models import Detection
from labeling.models import Release, Report, ReportCategory
from labeling.releases.reader import detection_at
from labeling.reports import photos
from labeling.reports.email_encryption import encrypt
from labeling.reports.mail import can_be_sent
from labeling.reports.places import reported_place
from labeling.reports.text_similarity import text_key

COMMENT_LENGTH = 2000
EMAIL_LENGTH = 254
# Who says so with a mark on an outline means that place of the map, whether or not it was pressed.
ABOUT_WHAT_IS_SHOWN = (ReportCategory.NOT_MINING, ReportCategory.WRONG_OUTLINE)
# How far outside the searched ground a place may lie, in degrees: about 110 km north to south.
MARGIN = 1.0


@dataclass(frozen=True)
class Words:
    """What a sender has written, as it is kept."""

    comment: str
    email: str


def file_report(
    *,
    release: Release,
    detection: Detection | None = None,
    latitude: float,
    longitude: float,
    category: str,
    comment: str = "",
    email: str = "",
    photo: Any = None,
    blurred: bool = False,
    trap: str = "",
    sender: str = "",
) -> Report:
    """Take a report about a place on (or missing from) a release; it waits for an expert.

    `sender` is the daily name that `amberapp.web.rate_limit.sender_of` gives (empty: not limited; for commands). `trap`
    is the field that people do not see. Without a `detection`, an objection to what the map shows is about the outline
    under the point, if there is one. `photo` is an open file or None; what is kept of it is written anew.
    The e-mail address is sealed before it is written, and is not written where the site sends no letters; nothing
    else about the sender is. A report of the same
    category within 150 m of an open one (or about the same detection) becomes its duplicate and shares its fate.
    Raises UserError: 400 with the fields that are wrong, 429 when the sender has sent too many.
    """
    words = _checked(release, latitude, longitude, category, comment, email, trap)
    if detection is not None and detection.run_id != release.run_id:
        raise NotThere(_("Release %(number)s has no such place.") % {"number": release.number})
    _check_rate(sender)
    if detection is None and category in ABOUT_WHAT_IS_SHOWN:
        detection = detection_at(release, latitude, longitude)
    # Pictures cost the most, so they come last, and whoever sends too many never gets that far.
    picture = photos.cleaned(photo) if photo is not None else None
    photo_key = ""
    try:
        with transaction.atomic():
            latitude, longitude = round(latitude, 6), round(longitude, 6)
            place = reported_place(release, detection, latitude, longitude, category)
            report = Report.objects.create(
                region_id=release.region_id,
                release=release,
                detection=detection,
                latitude=latitude,
                longitude=longitude,
                category=category,
                comment=words.comment,
                blurred=blurred,
                place_key=place.key,
                ground=place.ground,
                text_key=text_key(words.comment),
                duplicate_of=place.first,
                sealed_email=encrypt(words.email) if can_be_sent() else "",
            )
            record(None, "report.filed", report, category=category, release=release.pk)
            if picture is not None:
                photo_key = photos.keep(picture)
                Report.objects.filter(pk=report.pk).update(photo_key=photo_key)
                report.photo_key = photo_key
    except BaseException:
        if photo_key:
            photos.forget(photo_key)
        raise
    return report


def _checked(
    release: Release, latitude: Any, longitude: Any, category: str, comment: str, email: str, trap: str
) -> Words:
    """What may be kept of the words. Raises UserError with every field that is wrong."""
    wrong: dict[str, list[str]] = {}
    if trap.strip():
        wrong["website"] = [_("This field is a trap for programs: leave it empty.")]
    if category not in ReportCategory.values:
        wrong["category"] = [_("Choose what is wrong.")]
    if not _is_degrees(latitude, 90) or not _is_degrees(longitude, 180):
        name = "latitude" if not _is_degrees(latitude, 90) else "longitude"
        wrong[name] = [_("Give a place: latitude −90…90, longitude −180…180.")]
    elif not _near(release, latitude, longitude):
        wrong["latitude"] = [_("This place lies far outside the region of this map.")]
    words = Words(plain_text(comment), plain_text(email))
    if len(words.comment) > COMMENT_LENGTH:
        wrong["comment"] = [_("At most %(count)s characters.") % {"count": COMMENT_LENGTH}]
    if words.email and not _is_email(words.email):
        wrong["email"] = [_("This is not an e-mail address. You can also leave it empty.")]
    if wrong:
        raise UserError(next(iter(wrong.values()))[0], fields=wrong)
    return words


def _check_rate(sender: str) -> None:
    """Raises UserError (429) when this sender has sent as many as one may within an hour."""
    most = settings.AMBER["AMBER_REPORTS_PER_HOUR"]
    if sender and not may_send(sender, most=most):
        raise UserError(
            _("That was %(count)s reports within an hour. Thank you; send the next one in an hour.")
            % {"count": most},
            code="too_many",
            status=429,
        )


def _is_degrees(value: Any, limit: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) <= limit


def _near(release: Release, latitude: float, longitude: float) -> bool:
    names = ("searched_bounds", "bounds")
    boxes = [release.statistics[name] for name in names if release.statistics.get(name)]
    return not boxes or any(
        west - MARGIN <= longitude <= east + MARGIN and south - MARGIN <= latitude <= north + MARGIN
        for west, south, east, north in boxes
    )


def _is_email(text: str) -> bool:
    if len(text) > EMAIL_LENGTH:
        return False
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True
