"""Why places come and go, in the reader's language (labeling.releases.files.changes.REASONS and those of imported maps)."""

from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from labeling.releases.files.changes import Reason

# The reasons in words, without their particulars.
CAUSES = {
    "report": gettext_noop("a citizen's report"),
    "review": gettext_noop("an expert's verdict"),
    "campaign": gettext_noop("a campaign against a class of errors"),
    "classifier": gettext_noop("a new classifier"),
    "imagery": gettext_noop("a newer image of this ground"),
    "another_image": gettext_noop("another image of this ground"),
    "taken_back": gettext_noop("a verdict was taken back"),
    "rights_given": gettext_noop("its imagery may be used again"),
    "placed": gettext_noop("where its image lies was not known before"),
    "new_ground": gettext_noop("the release before had not searched there"),
    "unjudged": gettext_noop("found again, but no expert has approved it in its new outline"),
    "disputed": gettext_noop("experts contradict each other about it: another one will decide"),
    "second_opinion": gettext_noop("an expert has asked a colleague for a second opinion"),
    "rights": gettext_noop("its imagery may not be used any more"),
    "not_searched": gettext_noop("the later map has not searched there"),
    "not_found": gettext_noop("searched for the later map, and not found there"),
    "rule": gettext_noop("searched again by another rule"),
    "corrected": gettext_noop("an expert has corrected its outline"),
    "outline": gettext_noop("its outline was corrected"),
    "not_shown": gettext_noop("the earlier map does not show it"),
    "not_shown_later": gettext_noop("the later map does not show it"),
    "roll_back": gettext_noop("an older release was published again"),
    "unknown": gettext_noop("the reason was not recorded"),
}


def in_words(reason: Reason) -> str:
    """A reason as a phrase in the reader's language."""
    kind = reason["kind"]
    if kind == "report":
        phrase = _("a citizen's report was accepted (no. %(number)s)") % {"number": reason["report"]}
        return _with_look_alike(phrase, reason)
    if kind == "review" and reason.get("verdict") == "approved":
        if reason.get("corrected"):
            return _("an expert has corrected its outline and approved it since")
        return _("an expert has approved it since")
    if kind == "review":
        return _with_look_alike(_("an expert has rejected it"), reason)
    if kind == "taken_back":
        return _taken_back(reason.get("verdict"))
    if kind == "campaign":
        return _with_look_alike(_campaign(reason), reason)
    if kind == "classifier":
        campaigns = [_campaign(one) for one in reason.get("campaigns", ())]
        phrase = _("a new classifier")
        return f"{phrase}: {', '.join(campaigns)}" if campaigns else phrase
    if kind == "roll_back":
        return _("release %(number)s was published again") % {"number": reason["release"]}
    return cause_in_words(kind)


def cause_in_words(cause: str) -> str:
    """A kind of reason without its particulars, as a reader chooses among them."""
    return _(CAUSES.get(cause, CAUSES["unknown"]))


def _taken_back(verdict: str | None) -> str:
    if verdict == "approved":
        return _("an expert has taken the approval back")
    if verdict == "rejected":
        return _("an expert has taken the rejection back")
    if verdict == "second":
        return _("an expert has taken back the question to a colleague")
    return _("a verdict was taken back")


def _campaign(reason: Reason) -> str:
    if "report" in reason:
        return _("campaign “%(name)s” after report no. %(number)s") % {
            "name": reason["campaign"],
            "number": reason["report"],
        }
    return _("campaign “%(name)s”") % {"name": reason["campaign"]}


def _with_look_alike(phrase: str, reason: Reason) -> str:
    look_alike = reason.get("look_alike")
    if not look_alike:
        return phrase
    names, language = look_alike["names"], (get_language() or "en").split("-")[0]
    return f"{phrase} ({names.get(language) or names.get('en') or look_alike['slug']})"
