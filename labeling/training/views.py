"""The admin's doors to a region's classifiers: the page, comparing all kinds, training and stopping either."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from amberapp import jobs
from amberapp.errors import NotThere, UserError
from amberapp.models import Job, Role
from amberapp.web.parameters import BIGGEST_ID, signed_in
from amberapp.web.permissions import role_required
from detection.ground.find_region import region_at, region_numbered
from detection.models.classifier import Algorithm
from labeling.training.pages import classifiers_page
from labeling.training.retrain import RETRAIN_JOB, comparisons, request_comparison, request_retrain
from labeling.training.upgrade import cancel_upgrade, request_upgrade
from labeling.training.upgrade_card import progress_now


@never_cache
@require_safe
@role_required(Role.ADMIN)
def classifiers(request: HttpRequest, slug: str) -> HttpResponse:
    """The region's classifiers, and its last comparison or the one under way."""
    page = classifiers_page(region_at(slug))
    return render(request, "labeling/training/classifiers.html", {"page": page})


@require_POST
@role_required(Role.ADMIN)
def classifiers_compare(request: HttpRequest, slug: str) -> HttpResponse:
    region = region_at(slug)
    request_comparison(region=region, acting_user=signed_in(request))
    messages.success(
        request,
        _("The classifiers are being compared. It takes some minutes, and changes nothing that is in use."),
    )
    return redirect("classifiers", slug=region.slug)


@require_POST
@role_required(Role.ADMIN)
def classifiers_compare_cancel(request: HttpRequest, slug: str) -> HttpResponse:
    region = region_at(slug)
    job = comparisons(region).first()
    if job is not None and job.is_open:
        jobs.cancel(job, acting_user=signed_in(request))
        messages.success(request, _("The comparison is being stopped."))
    return redirect("classifiers", slug=region.slug)


@require_POST
@role_required(Role.ADMIN)
def upgrade(request: HttpRequest, slug: str) -> HttpResponse:
    """Go over to the site's features; with `go_on` also against the comparison."""
    region = region_at(slug)
    request_upgrade(region=region, acting_user=signed_in(request), go_on="go_on" in request.POST)
    return redirect("classifiers", slug=region.slug)


@require_POST
@role_required(Role.ADMIN)
def upgrade_cancel(request: HttpRequest, slug: str) -> HttpResponse:
    region = region_at(slug)
    cancel_upgrade(region=region, acting_user=signed_in(request))
    messages.success(request, _("The upgrade is being stopped. What has been read is kept."))
    return redirect("classifiers", slug=region.slug)


@never_cache
@require_safe
@role_required(Role.ADMIN)
def upgrade_progress(request: HttpRequest, slug: str, step: str) -> JsonResponse:
    """How far that step of the upgrade is, in the shape of a job; “done” where it is over."""
    return JsonResponse(progress_now(region_at(slug), step))


@require_POST
@role_required(Role.ADMIN)
def retrain(request: HttpRequest) -> HttpResponse:
    region = region_numbered(request.POST.get("region", ""))
    algorithm = request.POST.get("algorithm", "")
    if algorithm not in Algorithm.values:
        raise UserError(_("Choose a kind of classifier."))
    request_retrain(region=region, algorithm=algorithm, acting_user=signed_in(request))
    messages.success(
        request, _("A new classifier for %(region)s is being trained.") % {"region": region.name}
    )
    return redirect("manage")


@require_POST
@role_required(Role.ADMIN)
def retrain_cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    """For pages without scripts too; a job of another kind is not this door's."""
    job = Job.objects.filter(pk=job_id, kind=RETRAIN_JOB).first() if job_id <= BIGGEST_ID else None
    if job is None:
        raise NotThere(_("There is no job %(number)s.") % {"number": job_id})
    jobs.cancel(job, acting_user=signed_in(request))
    messages.success(request, _("The training is being stopped."))
    return redirect("manage")
