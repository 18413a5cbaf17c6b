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
from amberapp.models import Job, Role, User, WorkState
from amberapp.web.permissions import role_required
from detection.models import Run
from detection.runs.watch import duration, progress_of, run_numbered
from labeling.models import Release, ReleaseKind
from labeling.releases.comparison import compare_releases
from labeling.releases.publish import publish_again
from labeling.releases.publish_job import publications, publish_or_request
from labeling.review.readiness import readiness

PER_PAGE = 30


@never_cache
@require_safe
@role_required(Role.ADMIN)
def releases(request: HttpRequest) -> HttpResponse:
    found = Release.objects.select_related("region", "created_by", "restores").order_by("-created_at", "-id")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    own = Release.objects.filter(kind=ReleaseKind.OWN).order_by("region_id", "number")
    latest: dict[int, int] = dict(own.values_list("region_id", "number"))
    rows = [
        {
            "release": release,
            "latest": latest.get(release.region_id) == release.number,
            # Numbers of a region follow one another without a gap: no release is ever taken away.
            "before": release.number - 1,
            "again": release.kind == ReleaseKind.OWN and latest.get(release.region_id) != release.number,
        }
        for release in page
    ]
    return render(request, "labeling/releases/manage.html", {"page": page, "rows": rows})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def release_again(request: HttpRequest, release_id: int) -> HttpResponse:
    """Roll back to this release: first what that would do to the map, then the press."""
    assert isinstance(request.user, User)
    found = (
        Release.objects.select_related("region").filter(pk=release_id).first() if release_id < 2**63 else None
    )
    if found is None:
        raise NotThere(_("There is no such release."))
    if request.method != "POST":
        return _asked(request, found)
    release = publish_again(release=found, acting_user=request.user, note=request.POST.get("note", ""))
    messages.success(
        request,
        _("Release %(old)s of %(region)s is published again as release %(number)s.")
        % {"old": found.number, "region": release.region, "number": release.number},
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
        "back": len(comparison.vanished),
        "go": len(comparison.appeared),
        "changed": len(comparison.changed),
        "reported": causes["report"],
        "rejected": causes["review"] + causes["campaign"],
    }
    return render(request, "labeling/releases/again.html", context)


FAILURES_PER_PAGE = 50


UNUSUAL_SHOWN = 50


@never_cache
@require_safe
@role_required(Role.ADMIN)
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: how far it is, what failed, what it found, what experts say of it, and the button to publish."""
    found = run_numbered(run_id)
    release = _just_published(found, request.GET.get("publication", ""))
    if release is not None:
        return _to_the_map(request, release)
    progress = progress_of(found)
    unusual = found.unusual_tiles.select_related("tile").order_by("tile_id")
    others = list(found.region.runs.exclude(pk=found.pk).order_by("-id")[:10])
    earlier = (one for one in others if one.pk < found.pk and one.has_ended)
    context = {
        "run": found,
        "progress": progress,
        "took": duration(progress.seconds) if progress.seconds else "",
        "time_left": duration(progress.seconds_left) if progress.seconds_left is not None else "",
        "failed_shards": found.shards.exclude(error="").order_by("number")[:20],
        "failures": Paginator(
            found.failures.select_related("tile").order_by("tile_id"), FAILURES_PER_PAGE
        ).get_page(request.GET.get("page")),
        "ready": readiness(found),
        "publication": publications(found).first(),
        "releases": found.releases.order_by("-number"),
        "unusual": unusual[:UNUSUAL_SHOWN],
        "unusual_count": unusual.count(),
        "others": others,
        "compared": next(earlier, None) if found.has_ended else None,
    }
    return render(request, "labeling/releases/run.html", context)


@require_POST
@role_required(Role.ADMIN)
def run_publish(request: HttpRequest, run_id: int) -> HttpResponse:
    assert isinstance(request.user, User)
    found = run_numbered(run_id)
    release = publish_or_request(run=found, acting_user=request.user, note=request.POST.get("note", ""))
    if isinstance(release, Job):
        messages.success(
            request, _("The release is being written. Until it is done the previous one stands.")
        )
        # The page watches the job and is read anew when it ends: then it leads on to the map, as a small run's does
        # (a fragment here would stay behind the map's address).
        return redirect(f"{reverse('run', args=[found.pk])}?publication={release.pk}")
    return _to_the_map(request, release)


def _just_published(run: Run, job_id: str) -> Release | None:
    """What the publication that the page waited for has made, if it is done."""
    if not (job_id.isascii() and job_id.isdigit() and len(job_id) < 19):
        return None
    job = publications(run).filter(pk=int(job_id), state=WorkState.DONE).first()
    return run.releases.filter(pk=job.result["release"]).first() if job is not None and job.result else None


def _to_the_map(request: HttpRequest, release: Release) -> HttpResponse:
    messages.success(
        request,
        _("Release %(number)s of %(region)s is published.")
        % {"number": release.number, "region": release.region},
    )
    return redirect("release-map", slug=release.region.slug, number=release.number)
