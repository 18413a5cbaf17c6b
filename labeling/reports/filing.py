"""A citizen's objection to the public map. What experts make of it is decided elsewhere."""

import math
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import NotThere, UserError
from amberapp.text import plain_text
from amberapp.web.rate_limit import may_send
from detection.models import Detection, Tile
from labeling.models import Release, Report, ReportCategory, ReportState
from labeling.releases.reader import detection_at
from labeling.reports import photos
from labeling.reports.email_encryption import encrypt
from labeling.reports.mail import can_be_sent
from labeling.reports.text_similarity import text_key

COMMENT_LENGTH = 2000
EMAIL_LENGTH = 254
# Who says so with a mark on an outline means that place of the map, whether or not it was pressed.
ABOUT_WHAT_IS_SHOWN = (ReportCategory.NOT_MINING, ReportCategory.WRONG_OUTLINE)
# How far outside the searched ground a place may lie, in degrees: about 110 km north to south.
MARGIN = 1.0
# Reports of one category so near to each other are about the same.
SAME_PLACE_METRES = 150.0
METRES_A_DEGREE = 111_320.0
# The grid of blurred places, in degrees: 1.1 km north to south, 1.4 km east to west in Polissia.
ROUGH_LATITUDE, ROUGH_LONGITUDE = 0.01, 0.02


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
    if detection is None and category in ABOUT_WHAT_IS_SHOWN:
        detection = detection_at(release, latitude, longitude)
    # Pictures cost the most, so they come last, and whoever sends too many never gets that far.
    picture = photos.cleaned(photo) if photo is not None else None
    photo_key = ""
    try:
        with transaction.atomic():
            latitude, longitude = round(latitude, 6), round(longitude, 6)
            place_key, first = _same_place(release, detection, latitude, longitude, category)
            report = Report.objects.create(
                region_id=release.region_id,
                release=release,
                detection=detection,
                latitude=latitude,
                longitude=longitude,
                category=category,
                comment=comment,
                blurred=blurred,
                place_key=place_key,
                text_key=text_key(comment),
                duplicate_of=first,
                sealed_email=encrypt(email) if can_be_sent() else "",
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


def public_position(report: Report) -> tuple[float, float]:
    """(latitude, longitude) as anybody but an expert may see it: a blurred place is rounded to about a kilometre."""
    if not report.blurred:
        return report.latitude, report.longitude
    return (
        round(round(report.latitude / ROUGH_LATITUDE) * ROUGH_LATITUDE, 6),
        round(round(report.longitude / ROUGH_LONGITUDE) * ROUGH_LONGITUDE, 6),
    )


def _same_place(
    release: Release, detection: Detection | None, latitude: float, longitude: float, category: str
) -> tuple[str, Report | None]:
    """The name of the place for grouping, and the open report of the same category there that came first.

    The name is that of the nearest open report within 150 m. A place without one is "d" and its detection, or else
    its cell in a grid of 150 m, with "s" before it where a tile shows that ground and "g" where none does: the
    report desk ranks by it. Two detections are two places, however near, and a report about one is no duplicate of one about none:
    accepting that one takes nothing off the map. A report that is decided in the very moment
    in which its duplicate comes leaves that one open, and the desk shows it by itself.
    """
    away = SAME_PLACE_METRES / METRES_A_DEGREE
    narrow = max(math.cos(math.radians(latitude)), 0.01)
    nearby = Q(
        latitude__range=(latitude - away, latitude + away),
        longitude__range=(longitude - away / narrow, longitude + away / narrow),
    )
    if detection is not None:
        # What is said of the ground beside it decides nothing about a place on the map.
        nearby = Q(detection=detection)
    firsts = Report.objects.filter(region=release.region_id, state=ReportState.OPEN, duplicate_of=None)
    near: list[tuple[float, Report]] = []
    for found in firsts.filter(nearby).order_by("pk")[:100]:
        distance = math.hypot(found.latitude - latitude, (found.longitude - longitude) * narrow)
        about_it = detection is not None and found.detection_id == detection.pk
        if about_it or distance <= away:
            near.append((-1.0 if about_it else distance, found))
    near.sort(key=lambda pair: (pair[0], pair[1].pk))
    same = next((found for _distance, found in near if found.category == category), None)
    if detection is not None:
        return f"d{detection.pk}", same
    if near:
        return (same or near[0][1]).place_key, same
    row = math.floor(latitude / away)
    # One width a row, so that cells of a row do not overlap.
    width = away / max(math.cos(math.radians(row * away)), 0.01)
    cell = f"{row}:{math.floor(longitude / width)}"
    return ("s" if _is_searched(release.region_id, latitude, longitude) else "g") + cell, None


def _is_searched(region_id: int, latitude: float, longitude: float) -> bool:
    """Whether a tile of the region shows that ground."""
    return Tile.objects.on_the_map().filter(region=region_id).showing(latitude, longitude).exists()


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
