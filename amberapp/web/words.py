"""Figures and moments as pages say them, in the reader's language and time; what templates do by filters, for Python."""

import datetime as dt

from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _


def moment_text(moment: dt.datetime, form: str) -> str:
    """In the reader's time; `form` is one of Django's: DATE_FORMAT, SHORT_DATE_FORMAT, "j M" …"""
    return date_format(timezone.localtime(moment), form)


def hectares_text(hectares: float) -> str:
    return _("%(hectares)s ha") % {"hectares": floatformat(hectares, "1g")}
