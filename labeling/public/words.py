"""What the public pages say of releases and places, in the reader's language: names, counts, days, sizes."""

import datetime as dt

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import floatformat
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeling.models import ReleaseKind
from labeling.releases.catalogue import PublishedRelease
from labeling.releases.files.published_place import PublishedPlace


def map_title(release: PublishedRelease) -> str:
    return _("Amber mining sites") if release.region.mineral == "amber" else _("Mining sites")


def release_name(release: PublishedRelease) -> str:
    """As sentences name it: its number, or an imported map's own title."""
    if release.kind == ReleaseKind.HISTORICAL:
        return release.title or _("an imported map")
    return _("release %(number)s") % {"number": release.number}


def hectares(value: float) -> str:
    return _("%(hectares)s ha") % {"hectares": floatformat(value, "1g")}


def day_of(day: dt.date | None) -> str:
    """The day of an image."""
    return date_format(day, "DATE_FORMAT") if day else _("unknown date")


def reviewed_on(place: PublishedPlace) -> str:
    """Empty where no expert has reviewed it: on an imported map."""
    return date_format(place.reviewed_day, "DATE_FORMAT") if place.reviewed_day else ""


def position(place: PublishedPlace, digits: int) -> str:
    """Latitude and longitude, as machines read them too."""
    return f"{place.latitude:.{digits}f}, {place.longitude:.{digits}f}"


def places_counted(count: int) -> str:
    return ngettext("%(shown)s place", "%(shown)s places", count) % {"shown": intcomma(count)}


def images_searched(count: int) -> str:
    return ngettext("%(shown)s image searched", "%(shown)s images searched", count) % {
        "shown": intcomma(count)
    }
