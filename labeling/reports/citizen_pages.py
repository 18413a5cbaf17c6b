"""What a report's sender is shown: above the form, and on the private page of the report. Decided here, drawn by templates.

What a blurred report's page leaves out is left out here: its number, its release, the place's own page, the day of the
decision. Each of them would lead to the exact place.
"""

from dataclasses import dataclass

from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils.translation import gettext as _

from amberapp.web.words import moment_text
from labeling.models import Release, Report, ReportState
from labeling.releases.files.published_place import PublishedPlace
from labeling.reports.consequences import GONE, REDRAWN, SHOWN, Consequences, consequences_of
from labeling.reports.decision import tiles_at
from labeling.reports.photos import KEPT_DAYS
from labeling.reports.places import public_position
from labeling.reports.reopening import was_reopened

# Colours of the notice, as css names them.
SUCCESS, WARNING = "notice--success", "notice--warning"


@dataclass(frozen=True)
class FormPage:
    """The form's frame: what the report is about, what the form sends back of it, and the way back to the map.

    place_id: "" where the report is about no place of the map; place_url likewise.
    """

    region_slug: str
    release_number: int
    place_id: str
    lead: str
    place_url: str
    map_url: str


def form_page(release: Release, place: PublishedPlace | None) -> FormPage:
    region, number = release.region, release.number
    map_url = reverse("release-map", args=[region.slug, number])
    if place is None:
        lead = _("%(region)s, release %(number)s. Give the place in degrees, as maps show them.") % {
            "region": region,
            "number": number,
        }
        return FormPage(region.slug, number, "", lead, "", map_url)
    place_url = reverse("place", args=[region.slug, number, place.place])
    if place.hectares is None:
        lead = _("A square of the imported map") + "."
    else:
        lead = _("About the place of %(hectares)s ha in release %(number)s.") % {
            "hectares": floatformat(place.hectares, "1g"),
            "number": number,
        }
    return FormPage(region.slug, number, place.place, lead, place_url, place_url)


@dataclass(frozen=True)
class StatusPage:
    """What became of a report, as its sender reads it; what is "" or None is not shown.

    sentences: what stands in the notice, whose colour is `tone`; changes: (address, title) of what a release changed;
    map: (address, title) of the map or the place on it.
    """

    sentences: list[str]
    tone: str
    answer: str
    number: int | None
    sent: str
    category: str
    comment: str
    position: str
    is_rough: bool
    photo: str
    decided: str
    changes: tuple[str, str] | None
    map: tuple[str, str] | None


def status_page(report: Report) -> StatusPage:
    consequences = consequences_of(report)
    latitude, longitude = public_position(report)
    sentences, tone = _verdict(report, consequences)
    decided = ""
    if report.decided_at is not None:
        decided = moment_text(report.decided_at, "F Y" if report.blurred else "DATE_FORMAT")
    return StatusPage(
        sentences=sentences,
        tone=tone,
        answer=report.answer,
        # The changes between two releases name a report by its number beside the exact place.
        number=None if report.blurred else report.pk,
        sent=moment_text(report.created_at, "DATE_FORMAT"),
        category=report.get_category_display(),
        comment=report.comment,
        position=f"{latitude:.2f}, {longitude:.2f}" if report.blurred else f"{latitude:.5f}, {longitude:.5f}",
        is_rough=report.blurred,
        photo=_("sent; only experts see it, and it is deleted %(days)s days after the decision")
        % {"days": KEPT_DAYS}
        if report.photo_key
        else "",
        decided=decided,
        changes=_changes(report, consequences),
        map=_map(report),
    )


def _verdict(report: Report, consequences: Consequences | None) -> tuple[list[str], str]:
    if report.state == ReportState.OPEN:
        return _waiting(report), ""
    if report.state == ReportState.ACCEPTED:
        return [_accepted(report, consequences)], SUCCESS
    if report.state == ReportState.JUNK:
        return [
            _(
                "It was set aside as one of many of a kind. If you mean it, send it once more with a few words "
                "of your own or a photo."
            )
        ], WARNING
    return [_("An expert has looked at it and leaves the map as it is.")], WARNING


def _waiting(report: Report) -> list[str]:
    sentences = [
        _("An expert has taken the first decision back: your report is looked at again.")
        if was_reopened(report)
        else _("It waits for an expert."),
        _("Come back to this page to see what they say."),
    ]
    if report.sealed_email:
        sentences.append(_("You also get an e-mail when there is an answer; then your address is deleted."))
    return sentences


def _accepted(report: Report, consequences: Consequences | None) -> str:
    """What the map did, or will do, about a report that is right."""
    if consequences is not None and consequences.release is not None and consequences.became:
        if report.blurred:
            return _("An expert agrees with you. Thank you: the map has been corrected since.")
        sentences = {
            GONE: _("An expert agrees with you. Thank you: the map was corrected with release %(number)s."),
            SHOWN: _(
                "An expert agrees with you. Thank you: the place is on the map since release %(number)s."
            ),
            REDRAWN: _(
                "An expert agrees with you. Thank you: the place is drawn anew since release %(number)s."
            ),
        }
        return sentences[consequences.became] % {"number": consequences.release.number}
    if consequences is not None and consequences.rejection is not None:
        return _("An expert agrees with you. Thank you: the map is corrected with the next release.")
    if tiles_at(report):
        return _(
            "An expert agrees with you. Thank you: volunteers and experts look at the place once more. "
            "What they find comes with a later release."
        )
    return _(
        "An expert agrees with you. Thank you: this site has no satellite image of the place yet. "
        "It is looked at as soon as there is one."
    )


def _changes(report: Report, consequences: Consequences | None) -> tuple[str, str] | None:
    since = consequences.release if consequences is not None else None
    # A blurred report is told of no release: what changed with it names exact places, of which few lie nearby.
    if since is None or report.release is None or report.blurred:
        return None
    numbers = [report.region.slug, report.release.number, since.number]
    title = _("What changed with release %(number)s") % {"number": since.number}
    return reverse("release-compare", args=numbers), title


def _map(report: Report) -> tuple[str, str] | None:
    if report.release is None:
        return None
    address = [report.region.slug, report.release.number]
    # A blurred report leads to the map and not to the place: the place's page would tell where it is.
    if report.detection is not None and not report.blurred:
        place_id = report.detection.segmented_tile.tile.place_id
        return reverse("place", args=[*address, place_id]), _("See the place on the map")
    return reverse("release-map", args=address), _("See the map")
