"""The letter to a citizen whose report has been decided.

It names neither the place nor the answer: informants can be at risk, and letters are read on the way. It says
that there is an answer and gives the private link to it, in every language of the site.
"""

import logging
import time

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import UserError
from labeling.models import Report, ReportState
from labeling.reports.email_encryption import decrypt

logger = logging.getLogger("amber.letters")

ATTEMPTS = 3
PAUSE_SECONDS = 5.0
# What stands in for a mail server where none is named: it writes the letter, its address too, into the worker's log.
INTO_THE_LOG = "django.core.mail.backends.console.EmailBackend"


def can_be_sent() -> bool:
    """Whether this site sends letters. Where it does not, nobody is asked for an address.

    In demo mode letters are shown in the log: its senders are the person who started it.
    """
    return settings.DEMO or settings.EMAIL_BACKEND != INTO_THE_LOG


def answer_reporter(report: Report, site_url: str, *, pause: float = PAUSE_SECONDS) -> bool:
    """Send the letter, then forget the address. True when it was sent.

    A mail server that refuses is asked three times. Then the address is forgotten all the same: the private link
    tells the answer without a letter, and an address must not outlive its report. Where the decision has been taken
    back meanwhile, no letter about it is tried again, and the address is kept for the next decision's letter.
    """
    if report.state == ReportState.OPEN or not report.sealed_email:
        return False
    try:
        address = decrypt(report.sealed_email)
    except UserError as error:
        logger.warning("report %s: %s", report.pk, error.message)
        sent = False
    else:
        sent = can_be_sent() and _send(report, address, site_url, pause)
    about = Report.objects.filter(pk=report.pk) if sent else _still_decided(report)
    forgotten = bool(about.update(sealed_email=""))
    if forgotten:
        report.sealed_email = ""
    kept = {} if forgotten else {"address_kept": True}
    record(None, "report.answered" if sent else "report.letter_not_sent", report, **kept)
    return sent


def _still_decided(report: Report) -> QuerySet[Report]:
    """The report's row while the decision that the letter tells of stands; none once it has been taken back."""
    decided = Report.objects.exclude(state=ReportState.OPEN)
    return decided.filter(pk=report.pk, decided_at=report.decided_at)


def _send(report: Report, address: str, site_url: str, pause: float) -> bool:
    link = site_url.rstrip("/") + reverse("report-status", args=[report.token])
    subjects, texts = [], []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            subjects.append(_("Amber: an answer to your report"))
            texts.append(
                _(
                    "An expert has looked at what you reported. The answer is here:\n\n%(link)s\n\n"
                    "Only whoever has this link can read it. Your e-mail address has now been deleted."
                )
                % {"link": link}
            )
    # Untranslated languages give the same words twice; each is said once.
    letter = EmailMessage(
        subject=" · ".join(dict.fromkeys(subjects)), body="\n\n—\n\n".join(dict.fromkeys(texts)), to=[address]
    )
    for attempt in range(1, ATTEMPTS + 1):
        try:
            letter.send()
        # Mail servers and odd addresses raise what they like; the text may hold the address, so only the kind is told.
        except Exception as error:
            logger.warning("report %s: no letter (attempt %s, %s)", report.pk, attempt, type(error).__name__)
            if attempt < ATTEMPTS:
                time.sleep(pause)
                if not _still_decided(report).exists():
                    return False
        else:
            return True
    return False
