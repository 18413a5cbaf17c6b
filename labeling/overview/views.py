"""The admin's overview of the loop and the page of a run: what the machine found and what people say of it."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from amberapp import jobs
from amberapp.errors import NotThere, UserError
from amberapp.models import Job, Role, User, WorkState
from amberapp.web.permissions import role_required
from detection.description.engines import extractor_state
from detection.ground.find_region import region_numbered
from detection.models import Run
from detection.models.classifier import Algorithm
from detection.runs.watch import duration, progress_of, run_numbered
from labeling.desk.crowd_figures import in_quarantine
from labeling.models import Release
from labeling.overview.overview import overview
from labeling.releases.publish import readiness
from labeling.releases.publish_job import publications, publish_or_request
from labeling.training.retrain import RETRAIN_JOB, request_retrain

FAILURES_PER_PAGE = 50
UNUSUAL_SHOWN = 50


@never_cache
@require_safe
@role_required(Role.ADMIN)
def manage(request: HttpRequest) -> HttpResponse:
    """Where each region stands and what to do next."""
    context = {
        "regions": overview(),
        "quarantined": in_quarantine(),
        "algorithms": Algorithm.choices,
        "extractor": extractor_state(settings.AMBER["AMBER_EXTRACTOR"]),
    }
    return render(request, "labeling/overview/overview.html", context)


@require_POST
@role_required(Role.ADMIN)
def retrain(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    region = region_numbered(request.POST.get("region", ""))
    algorithm = request.POST.get("algorithm", "")
    if algorithm not in Algorithm.values:
        raise UserError(_("Choose a kind of classifier."))
    request_retrain(region=region, algorithm=algorithm, acting_user=request.user)
    messages.success(
        request, _("A new classifier for %(region)s is being trained.") % {"region": region.name}
    )
    return redirect("manage")


@require_POST
@role_required(Role.ADMIN)
def retrain_cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    """For pages without scripts too; a job of another kind is not this door's."""
    assert isinstance(request.user, User)
    job = Job.objects.filter(pk=job_id, kind=RETRAIN_JOB).first() if job_id < 2**63 else None
    if job is None:
        raise NotThere(_("There is no job %(number)s.") % {"number": job_id})
    jobs.cancel(job, acting_user=request.user)
    messages.success(request, _("The training is being stopped."))
    return redirect("manage")


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
        "passed": found.passed_tiles.count() if found.screened else 0,
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
