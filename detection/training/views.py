"""The admin's page of a classifier, and the button that activates it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from amberapp.models import Role
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required
from detection.runs.watch import classifier_numbered
from detection.training.card import as_text, model_card
from detection.training.pages import classifier_page
from detection.training.train import activate


@require_safe
@role_required(Role.ADMIN)
def classifier(request: HttpRequest, classifier_id: int) -> HttpResponse:
    """How good a classifier is on held-out places, and what it is made of."""
    page = classifier_page(classifier_numbered(classifier_id))
    return render(request, "detection/training/classifier.html", {"page": page})


@require_safe
@role_required(Role.ADMIN)
def classifier_card(request: HttpRequest, classifier_id: int, form: str) -> HttpResponse:
    """The model card as a file: `form` is md or json."""
    card = model_card(classifier_numbered(classifier_id))
    name = {"Content-Disposition": f'attachment; filename="model-card-{classifier_id}.{form}"'}
    if form == "json":
        return JsonResponse(card, json_dumps_params={"indent": 1, "ensure_ascii": False}, headers=name)
    return HttpResponse(as_text(card), content_type="text/markdown; charset=utf-8", headers=name)


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
