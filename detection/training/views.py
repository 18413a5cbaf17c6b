"""The admin's page of a classifier, and the button that activates it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from amberapp.models import Role
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required
from detection.runs.watch import classifier_numbered
from detection.training.pages import classifier_page
from detection.training.train import activate


@require_safe
@role_required(Role.ADMIN)
def classifier(request: HttpRequest, classifier_id: int) -> HttpResponse:
    """How good a classifier is on held-out places, and what it is made of."""
    page = classifier_page(classifier_numbered(classifier_id))
    return render(request, "detection/training/classifier.html", {"page": page})


@require_POST
@role_required(Role.ADMIN)
def classifier_activate(request: HttpRequest, classifier_id: int) -> HttpResponse:
    chosen = classifier_numbered(classifier_id)
    activate(classifier=chosen, acting_user=signed_in(request))
    messages.success(
        request,
        _("Classifier %(id)s is now the active one of %(region)s. Reprocess to see what it finds.")
        % {"id": chosen.pk, "region": chosen.region},
    )
    return redirect("manage")
