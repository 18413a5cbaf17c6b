"""The citizen's side of reports: a form that works without scripts, and the private page of each report."""

import re
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from amberapp.errors import NotThere, UserError
from amberapp.web.rate_limit import sender_of
from labeling.models import Release, Report, ReportCategory, ReportState
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.reader import detection_of, latest_release, place_of, release_numbered
from labeling.reports.consequences import consequences_of
from labeling.reports.decision import tiles_at
from labeling.reports.filing import COMMENT_LENGTH, EMAIL_LENGTH, file_report, public_position
from labeling.reports.mail import can_be_sent
from labeling.reports.photos import KEPT_DAYS
from labeling.reports.reopening import was_reopened


class ReportForm(forms.Form):
    category = forms.ChoiceField(
        label=gettext_lazy("What is wrong?"), choices=ReportCategory.choices, widget=forms.RadioSelect
    )
    latitude = forms.FloatField(label=gettext_lazy("Latitude"), min_value=-90, max_value=90)
    longitude = forms.FloatField(label=gettext_lazy("Longitude"), min_value=-180, max_value=180)
    comment = forms.CharField(
        label=gettext_lazy("What do you know about it?"),
        required=False,
        max_length=COMMENT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Nobody but the experts reads this."),
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        required=False,
        max_length=EMAIL_LENGTH,
        help_text=gettext_lazy(
            "Kept encrypted and deleted when the report is closed. We note no other trace of you."
        ),
    )
    photo = forms.FileField(
        label=gettext_lazy("Photo"),
        required=False,
        allow_empty_file=True,
        max_length=None,
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        help_text=gettext_lazy(
            "Only experts see it. Its place, time and camera are removed; it is deleted 30 days after the decision."
        ),
    )
    blurred = forms.BooleanField(
        label=gettext_lazy("Show my place only roughly"),
        required=False,
        help_text=gettext_lazy("Experts see where it is; your report's page tells it to a kilometre only."),
    )
    # Hidden from people by the template; programs fill in whatever they find.
    website = forms.CharField(required=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not can_be_sent():
            del self.fields["email"]


@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """File a report. The address says about what: ?region=slug&number=1&place=… or latitude and longitude."""
    asked = request.POST if request.method == "POST" else request.GET
    release = _release(asked.get("region", ""), asked.get("number", ""))
    if release is None:
        return render(request, "labeling/public/empty.html")
    place = place_of(release, asked["place"]) if asked.get("place") else None
    if request.method == "POST":
        form = ReportForm(request.POST, request.FILES)
        if form.is_valid():
            filed = _file(request, form, release, place)
            if filed is not None:
                return redirect("report-status", token=filed.token)
    else:
        form = ReportForm(
            initial={
                "latitude": place.latitude if place else asked.get("latitude"),
                "longitude": place.longitude if place else asked.get("longitude"),
                "category": ReportCategory.NOT_MINING if place else ReportCategory.MISSED,
            }
        )
    status = 400 if form.errors else 200
    context: dict[str, Any] = {"form": form, "release": release, "place": place}
    return render(request, "labeling/reports/report.html", context, status=status)


def _file(
    request: HttpRequest, form: ReportForm, release: Release, place: PublishedPlace | None
) -> Report | None:
    said = form.cleaned_data
    try:
        return file_report(
            release=release,
            detection=detection_of(release, place) if place else None,
            latitude=said["latitude"],
            longitude=said["longitude"],
            category=said["category"],
            comment=said["comment"],
            email=said.get("email", ""),
            photo=said["photo"],
            blurred=said["blurred"],
            trap=said["website"],
            sender=sender_of(request),
        )
    except UserError as error:
        if error.status != 400:
            raise
        for name, sentences in error.fields.items():
            form.add_error(None if name == "website" else name, sentences)
        if not error.fields:
            form.add_error(None, str(error.message))
        return None


def _release(slug: str, number: str) -> Release | None:
    """The release that the address names; the latest one when it names none."""
    if not slug and not number:
        return latest_release()
    if not re.fullmatch(r"[-a-zA-Z0-9_]{1,120}", slug) or not re.fullmatch(r"[0-9]{1,9}", number):
        raise NotThere(_("There is no such release."))
    return release_numbered(slug, int(number))


@never_cache
@require_safe
def report_status(request: HttpRequest, token: str) -> HttpResponse:
    """What became of a report. Whoever has the link may read it, so it is kept from search and from referrers."""
    filed = (
        Report.objects.select_related("region", "release__region", "detection__segmented_tile__tile")
        .filter(token=token)
        .first()
    )
    if filed is None:
        raise NotThere(_("There is no report under this link. Check that it was copied to its end."))
    place_id = filed.detection.segmented_tile.tile.place_id if filed.detection else ""
    since = consequences_of(filed)
    latitude, longitude = public_position(filed)
    context = {
        "report": filed,
        # A blurred report leads to the map and not to the place: the place's page would tell where it is.
        "place_id": "" if filed.blurred else place_id,
        # A blurred report is told of no release: what changed with it names exact places, of which few lie nearby.
        "since": since.release if since and not filed.blurred else None,
        "became": ("corrected" if filed.blurred else since.became) if since and since.became else "",
        # Accepted, and the place leaves the map; or volunteers look at it again, where there is an image of it.
        "taken_off": since is not None and since.rejection is not None,
        "covered": filed.state == ReportState.ACCEPTED and bool(tiles_at(filed)),
        "again": filed.state == ReportState.OPEN and was_reopened(filed),
        "place": f"{latitude:.2f}, {longitude:.2f}" if filed.blurred else f"{latitude:.5f}, {longitude:.5f}",
        "photo_days": KEPT_DAYS,
    }
    response = render(request, "labeling/reports/status.html", context)
    # Not "no-referrer": browsers then hide from the site itself where a form comes from, and its forms are refused.
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
