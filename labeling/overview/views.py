"""The admin's overview of the loop and the page of a run: what the machine found and what people say of it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from amberapp.models import Role
from amberapp.web.permissions import role_required
from detection.description.engines import extractor_state
from detection.models.classifier import Algorithm
from labeling.desk.crowd_figures import in_quarantine
from labeling.overview.overview import overview


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
