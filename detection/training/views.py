"""The admin's page of a classifier, and the button that activates it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from amberapp.errors import UserError
from amberapp.models import Role, User
from amberapp.web.permissions import role_required
from detection.models import Dataset
from detection.runs.watch import classifier_numbered
from detection.training.charts import CHART, Dot, curve_points, reliability_dots
from detection.training.dataset import CampaignNote, campaigns_of
from detection.training.expectations import expectations, screen_sentence
from detection.training.train import activate


@dataclass(frozen=True)
class Evaluation:
    """One way of holding places out: its figures, or in `reason` why there are none."""

    name: str
    title: str
    explanation: str
    metrics: dict[str, Any] | None
    curve: str
    dots: list[Dot]
    reason: str


@require_safe
@role_required(Role.ADMIN)
def classifier(request: HttpRequest, classifier_id: int) -> HttpResponse:
    """How good a classifier is on places never seen, and what it is made of."""
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
        "screen_usable": bool((metrics.get("screen") or {}).get("usable")),
        "screen": screen_sentence(metrics),
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


def campaigns_told(dataset: Dataset) -> tuple[list[CampaignNote], str]:
    """The campaigns that shaped what a classifier learned from, the newest first; or a sentence why nobody can tell."""
    try:
        return campaigns_of(dataset)[::-1], ""
    except UserError as error:
        return [], str(error.message)


def groupings() -> list[tuple[str, str, str]]:
    """(name in the metrics, title, explanation) of each way of holding places out, the easiest first."""
    return [
        ("by_tile", _("Places never seen"), _("Each tile, with all its dates, was held out in turn.")),
        (
            "by_block",
            _("Whole blocks never seen"),
            _("Each square of 0.25° was held out in turn: nothing near it was learned from. Harder."),
        ),
        (
            "by_date",
            _("Dates never seen"),
            _("Each capture date was held out in turn: another season, often another sensor. The hardest."),
        ),
    ]


def _evaluation(metrics: dict[str, Any], name: str, title: str, explanation: str) -> Evaluation:
    figures = metrics.get(name)
    told = [warning for warning in metrics.get("warnings", []) if warning.startswith(f"{name}:")]
    reason = told[0].partition(":")[2].strip() if told else _("It was not measured.")
    curve = curve_points(figures.get("pr_curve", [])) if figures else ""
    dots = reliability_dots(figures.get("reliability", {}).get("bins", [])) if figures else []
    return Evaluation(name, title, explanation, figures, curve, dots, reason)


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
