"""The admin's page of a region's classifiers: what there is, and all kinds compared on the labels of today."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from amberapp import jobs
from amberapp.errors import NotThere, UserError
from amberapp.models import Job, Role, User, WorkState
from amberapp.web.permissions import role_required
from detection.ground.find_region import region_numbered
from detection.models import Classifier, Region
from detection.models.classifier import Algorithm
from detection.training.dataset import CampaignNote
from detection.training.figures import campaigns_told, groupings
from labeling.training.retrain import RETRAIN_JOB, comparisons, request_comparison, request_retrain

CLASSIFIERS_SHOWN = 50
# Of the campaigns that a classifier has learned from, so many are named in the list; its own page names all.
CAMPAIGNS_NAMED = 2


@dataclass(frozen=True)
class ClassifierRow:
    """One kind of classifier in a comparison. `figures`: of each grouping (its title, its figures or None)."""

    value: str
    label: str
    figures: list[tuple[str, dict[str, Any] | None]]
    is_proposed: bool
    difference: list[float] | None


@dataclass(frozen=True)
class Trained:
    """A classifier of the list: the newest campaigns that its dataset names, how many more; `lost`: why none can be told."""

    classifier: Classifier
    campaigns: list[CampaignNote]
    more: int
    lost: str


@never_cache
@require_safe
@role_required(Role.ADMIN)
def classifiers(request: HttpRequest, slug: str) -> HttpResponse:
    """The region's classifiers, and its last comparison or the one under way."""
    region = _region(slug)
    asked = list(comparisons(region)[:20])
    done = next((job for job in asked if job.state == WorkState.DONE and job.result), None)
    newest = asked[0] if asked else None
    context = {
        "region": region,
        "trained": _trained(region),
        "open_job": newest if newest is not None and newest.is_open else None,
        "failed_job": newest if newest is not None and newest.state == WorkState.FAILED else None,
        "compared": done,
        "rows": _rows(done.result) if done is not None and done.result else [],
        "titles": [title for _name, title, _explanation in groupings()],
        "proposal": _proposal(done.result) if done is not None and done.result else "",
        "reasons": [
            (title, done.result["reasons"][name])
            for name, title, _explanation in groupings()
            if done is not None and done.result and name in done.result["reasons"]
        ],
    }
    return render(request, "labeling/training/classifiers.html", context)


def _trained(region: Region) -> list[Trained]:
    found = Classifier.objects.filter(region=region).select_related("dataset").order_by("-id")
    trained = []
    for classifier in found[:CLASSIFIERS_SHOWN]:
        campaigns, lost = campaigns_told(classifier.dataset)
        more = max(len(campaigns) - CAMPAIGNS_NAMED, 0)
        trained.append(Trained(classifier, campaigns[:CAMPAIGNS_NAMED], more, lost))
    return trained


def _rows(result: dict[str, Any]) -> list[ClassifierRow]:
    proposal = result["proposal"]
    return [
        ClassifierRow(
            value=value,
            label=str(label),
            figures=[
                (title, result["algorithms"][value].get(name)) for name, title, _explanation in groupings()
            ],
            is_proposed=value == proposal["algorithm"],
            difference=proposal["differences"].get(value),
        )
        for value, label in Algorithm.choices
        if value in result["algorithms"]
    ]


def _proposal(result: dict[str, Any]) -> str:
    """Which one is proposed and why, in one or two sentences."""
    proposal, labels = result["proposal"], dict(Algorithm.choices)
    name, best = (labels.get(proposal[key], proposal[key]) for key in ("algorithm", "best"))
    where = {name: title for name, title, _explanation in groupings()}[proposal["grouping"]]
    if proposal["tie"]:
        return _(
            "Proposed: %(name)s. “%(best)s” has the highest average precision (%(where)s), but so little more that "
            "other places could have turned it round; of equals the quickest is proposed."
        ) % {"name": name, "best": best, "where": where}
    return _("Proposed: %(name)s. It has the highest average precision (%(where)s).") % {
        "name": name,
        "where": where,
    }


@require_POST
@role_required(Role.ADMIN)
def classifiers_compare(request: HttpRequest, slug: str) -> HttpResponse:
    assert isinstance(request.user, User)
    region = _region(slug)
    request_comparison(region=region, acting_user=request.user)
    messages.success(
        request,
        _("The classifiers are being compared. It takes some minutes, and changes nothing that is in use."),
    )
    return redirect("classifiers", slug=region.slug)


@require_POST
@role_required(Role.ADMIN)
def classifiers_compare_cancel(request: HttpRequest, slug: str) -> HttpResponse:
    assert isinstance(request.user, User)
    region = _region(slug)
    job = _open_comparison(region)
    if job is not None:
        jobs.cancel(job, acting_user=request.user)
        messages.success(request, _("The comparison is being stopped."))
    return redirect("classifiers", slug=region.slug)


def _region(slug: str) -> Region:
    region = Region.objects.filter(slug=slug).first()
    if region is None:
        raise NotThere(_("There is no region “%(name)s”.") % {"name": slug})
    return region


def _open_comparison(region: Region) -> Job | None:
    newest = comparisons(region).first()
    return newest if newest is not None and newest.is_open else None


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
