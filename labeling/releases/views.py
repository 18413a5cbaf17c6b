"""The admin's list of releases: who published what, and publishing an older one again."""

from collections import Counter

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from amberapp.errors import NotThere
from amberapp.models import Job, Role, WorkState
from amberapp.web.parameters import BIGGEST_ID, row_number, signed_in
from amberapp.web.permissions import role_required
from detection.models import Run
from detection.runs.watch import run_numbered
from labeling.models import Release, ReleaseKind
from labeling.releases.comparison import compare_releases
from labeling.releases.manage_pages import managed, run_page
from labeling.releases.publish import publish_again
from labeling.releases.publish_job import publications, publish_or_request

PER_PAGE = 30


@never_cache
@require_safe
@role_required(Role.ADMIN)
def releases(request: HttpRequest) -> HttpResponse:
    everything = Release.objects.select_related("region", "created_by", "restores")
    page = Paginator(everything.order_by("-created_at", "-id"), PER_PAGE).get_page(request.GET.get("page"))
    own = Release.objects.filter(kind=ReleaseKind.OWN).order_by("region_id", "number")
    latest: dict[int, int] = dict(own.values_list("region_id", "number"))
    rows = [managed(release, latest.get(release.region_id)) for release in page]
    return render(request, "labeling/releases/manage.html", {"page": page, "rows": rows})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def release_again(request: HttpRequest, release_id: int) -> HttpResponse:
    """Roll back to this release: first what that would do to the map, then the press."""
    release = Release.objects.select_related("region").filter(pk=min(release_id, BIGGEST_ID)).first()
    if release is None:
        raise NotThere(_("There is no such release."))
    if request.method != "POST":
        return _asked(request, release)
    again = publish_again(release=release, acting_user=signed_in(request), note=request.POST.get("note", ""))
    messages.success(
        request,
        _("Release %(old)s of %(region)s is published again as release %(number)s.")
        % {"old": release.number, "region": release.region, "number": again.number},
    )
    return redirect("manage-releases")


def _asked(request: HttpRequest, release: Release) -> HttpResponse:
    latest = (
        Release.objects.filter(region=release.region_id, kind=ReleaseKind.OWN).order_by("-number").first()
    )
    if release.kind != ReleaseKind.OWN or latest is None or latest.pk == release.pk:
        return redirect("manage-releases")
    comparison = compare_releases(release, latest)
    causes = Counter(change.cause for change in comparison.vanished)
    context = {
        "release": release,
        "latest": latest,
        "heading": _("Publish release %(number)s of %(region)s again")
        % {"number": release.number, "region": release.region},
        "back": len(comparison.vanished),
        "go": len(comparison.appeared),
        "changed": len(comparison.changed),
        "reported": causes["report"],
        "rejected": causes["review"] + causes["campaign"],
    }
    return render(request, "labeling/releases/again.html", context)


@never_cache
@require_safe
@role_required(Role.ADMIN)
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: how far it is, what failed, what it found, what experts say of it, and the button to publish."""
    run = run_numbered(run_id)
    release = _just_published(run, request.GET.get("publication", ""))
    if release is not None:
        return _to_the_map(request, release)
    page = run_page(run, request.GET.get("page"))
    return render(request, "labeling/releases/run.html", {"run": run, "page": page, "ready": page.ready})


@require_POST
@role_required(Role.ADMIN)
def run_publish(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_numbered(run_id)
    release = publish_or_request(run=run, acting_user=signed_in(request), note=request.POST.get("note", ""))
    if isinstance(release, Job):
        messages.success(
            request, _("The release is being written. Until it is done the previous one stands.")
        )
        # The page watches the job and is read anew when it ends: then it leads on to the map, as a small run's does
        # (a fragment here would stay behind the map's address).
        return redirect(f"{reverse('run', args=[run.pk])}?publication={release.pk}")
    return _to_the_map(request, release)


def _just_published(run: Run, job_id: str) -> Release | None:
    """What the publication that the page waited for has made, if it is done."""
    job = publications(run).filter(pk=row_number(job_id) or 0, state=WorkState.DONE).first()
    return run.releases.filter(pk=job.result["release"]).first() if job is not None and job.result else None


def _to_the_map(request: HttpRequest, release: Release) -> HttpResponse:
    messages.success(
        request,
        _("Release %(number)s of %(region)s is published.")
        % {"number": release.number, "region": release.region},
    )
    return redirect("release-map", slug=release.region.slug, number=release.number)
