"""What the admin's page of one volunteer shows beside the figures, decided: its door only draws it."""

from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amberapp.web.words import moment_text
from labeling.crowd.volunteer_list import Portrait, VolunteerStanding


@dataclass(frozen=True)
class VolunteerPage:
    """`alert`: why the votes do not count; `note`: that an admin has looked. `not_counting`: of tiles, by reason.

    `reversal` and `reversal_question`: what taking everything back does; empty where there is nothing to take back.
    """

    portrait: Portrait
    in_quarantine: bool
    alert: str
    note: str
    gold_score: str
    not_counting: str
    reversal: str
    reversal_question: str


def volunteer_page(portrait: Portrait) -> VolunteerPage:
    standing, record = portrait.standing, portrait.standing.record
    in_quarantine = standing.state == "quarantined"
    alert = note = ""
    if in_quarantine:
        alert = _("In quarantine since %(since)s: %(reason)s. The votes are kept and do not count.") % {
            "since": moment_text(record.quarantined_at, "DATETIME_FORMAT") if record.quarantined_at else "",
            "reason": record.get_quarantine_reason_display(),
        }
    elif record.trusted_at:
        note = _("An admin looked and let this person go on, on %(since)s.") % {
            "since": moment_text(record.trusted_at, "DATETIME_FORMAT")
        }
    return VolunteerPage(
        portrait=portrait,
        in_quarantine=in_quarantine,
        alert=alert,
        note=note,
        gold_score=_("%(right)s right, %(wrong)s wrong.")
        % {"right": standing.known_right, "wrong": standing.known_wrong},
        not_counting=_not_counting(portrait),
        reversal=_reversal(standing) if standing.tiles else "",
        reversal_question=_reversal_question(standing) if standing.tiles else "",
    )


def _not_counting(portrait: Portrait) -> str:
    """Tiles that do not count at the moment, each kind with its reason; "" where all count."""
    kinds = [
        ngettext("%(n)s tile (%(why)s)", "%(n)s tiles (%(why)s)", count) % {"n": count, "why": why}
        for why, count in portrait.spare.items()
    ]
    if portrait.withdrawn:
        sentence = ngettext("%(n)s tile taken back", "%(n)s tiles taken back", portrait.withdrawn)
        kinds.append(sentence % {"n": portrait.withdrawn})
    return "; ".join(kinds) + "." if kinds else ""


def _reversal(standing: VolunteerStanding) -> str:
    return ngettext(
        "%(tiles)s tile with %(labels)s labels stops counting for good, the account goes into quarantine, and the "
        "consensus follows, tile by tile. Nothing is deleted. Reviews and decisions of an expert stay.",
        "%(tiles)s tiles with %(labels)s labels stop counting for good, the account goes into quarantine, and the "
        "consensus follows, tile by tile. Nothing is deleted. Reviews and decisions of an expert stay.",
        standing.tiles,
    ) % {"tiles": intcomma(standing.tiles), "labels": intcomma(standing.labels)}


def _reversal_question(standing: VolunteerStanding) -> str:
    return ngettext(
        "Take back %(tiles)s tile with %(labels)s labels of %(name)s? This cannot be undone.",
        "Take back %(tiles)s tiles with %(labels)s labels of %(name)s? This cannot be undone.",
        standing.tiles,
    ) % {
        "tiles": intcomma(standing.tiles),
        "labels": intcomma(standing.labels),
        "name": standing.username,
    }
