"""The citizen's side of reports: a form that works without scripts, and the private page of each report."""

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from amberapp.errors import NotThere, UserError
from amberapp.web.forms import show
from amberapp.web.rate_limit import sender_of
from labeling.models import Release, Report, ReportCategory
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.reader import detection_of, latest_release, place_of, release_numbered
from labeling.reports.citizen_pages import form_page, status_page
from labeling.reports.filing import file_report
from labeling.reports.forms import ReportForm


@require_http_methods(["GET", "HEAD", "POST"])
def report_form(request: HttpRequest) -> HttpResponse:
    """File a report. The address says about what: ?region=slug&number=1&place=… or latitude and longitude."""
    address = request.POST if request.method == "POST" else request.GET
    release = _release(address.get("region", ""), address.get("number", ""))
    if release is None:
        return render(request, "labeling/public/empty.html")
    place = place_of(release, address["place"]) if address.get("place") else None
    form = ReportForm(
        initial={
            "latitude": place.latitude if place else address.get("latitude"),
            "longitude": place.longitude if place else address.get("longitude"),
            "category": ReportCategory.NOT_MINING if place else ReportCategory.MISSED,
        }
    )
    if request.method == "POST":
        form = ReportForm(request.POST, request.FILES)
        report = _filed(request, form, release, place) if form.is_valid() else None
        if report is not None:
            return redirect("report-status", token=report.token)
    context = {"form": form, "page": form_page(release, place)}
    return render(request, "labeling/reports/report.html", context, status=400 if form.errors else 200)


def _filed(
    request: HttpRequest, form: ReportForm, release: Release, place: PublishedPlace | None
) -> Report | None:
    """None where the report is refused; the form then says why."""
    try:
        return file_report(
            release=release,
            detection=detection_of(release, place) if place else None,
            trap=request.POST.get("website", ""),
            sender=sender_of(request),
            **form.cleaned_data,
        )
    except UserError as error:
        if error.status != 400:
            raise
        show(error, form)
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
    report = (
        Report.objects.select_related("region", "release__region", "detection__segmented_tile__tile")
        .filter(token=token)
        .first()
    )
    if report is None:
        raise NotThere(_("There is no report under this link. Check that it was copied to its end."))
    response = render(request, "labeling/reports/status.html", {"page": status_page(report)})
    # Not "no-referrer": browsers then hide from the site itself where a form comes from, and its forms are refused.
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
