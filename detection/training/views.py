"""The admin's page of a classifier, and the button that activates it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from amberapp.models import Role, User
from amberapp.web.permissions import role_required
from detection.runs.watch import classifier_numbered
from detection.training.charts import CHART
from detection.training.expectations import expectations
from detection.training.figures import _evaluation, campaigns_told, groupings
from detection.training.train import activate


@require_safe
@role_required(Role.ADMIN)
def classifier(request: HttpRequest, classifier_id: int) -> HttpResponse:
    """How good a classifier is on held-out places, and what it is made of."""
    found = classifier_numbered(classifier_id)
    metrics = found.metrics
    campaigns, lost = campaigns_told(found.dataset)
    evaluations = [
        _evaluation(metrics, name, title, explanation)
        for name, title, explanation in groupings()
        if name in metrics
    ]
    context = {
        "classifier": found,
        "evaluations": evaluations,
        "expectations": expectations(metrics),
        "warnings": [
            warning
            for warning in metrics.get("warnings", [])
            if not warning.startswith(tuple(f"{name}:" for name, _title, _explanation in groupings()))
        ],
        "others": found.region.classifiers.exclude(pk=found.pk).order_by("-id")[:10],
        "runs": found.runs.order_by("-id")[:10],
        "campaigns": campaigns,
        "dataset_lost": lost,
        "chart": CHART,
    }
    return render(request, "detection/training/classifier.html", context)


@require_POST
@role_required(Role.ADMIN)
def classifier_activate(request: HttpRequest, classifier_id: int) -> HttpResponse:
    assert isinstance(request.user, User)
    found = classifier_numbered(classifier_id)
    activate(classifier=found, acting_user=request.user)
    messages.success(
        request,
        _("Classifier %(id)s is now the active one of %(region)s. Reprocess to see what it finds.")
        % {"id": found.pk, "region": found.region},
    )
    return redirect("manage")
