"""The admin's pages of how each region's desk is run."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from amberapp.errors import UserError
from amberapp.models import Role
from amberapp.web.forms import show
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required
from detection.ground.find_region import region_at
from labeling.desk.crowd_figures import CrowdFigures, crowd_figures
from labeling.desk.desk_rules import set_rules
from labeling.desk.forms import RulesForm
from labeling.desk.pages import desk_rows, escalated_url
from labeling.models import DeskRules


@never_cache
@require_safe
@role_required(Role.ADMIN)
def desks(request: HttpRequest) -> HttpResponse:
    """What waits at each region's desk."""
    return render(request, "labeling/desk/desks.html", {"rows": desk_rows()})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def desk_rules(request: HttpRequest, slug: str) -> HttpResponse:
    """How one region's desk is run."""
    region = region_at(slug)
    if request.method == "POST":
        form = RulesForm(request.POST)
        if form.is_valid():
            try:
                set_rules(region=region, acting_user=signed_in(request), **form.rules())
            except UserError as error:
                show(error, form)
            else:
                messages.success(
                    request, _("The desk of %(region)s follows the new rules.") % {"region": region}
                )
                return redirect("desk-rules", slug=region.slug)
    else:
        form = RulesForm(initial=RulesForm.from_rules(DeskRules.objects.of_region(region.pk)))
    context = {
        "region": region,
        "form": form,
        "figures": crowd_figures().get(region.pk, CrowdFigures()),
        "escalated_url": escalated_url(region.slug),
    }
    return render(request, "labeling/desk/rules.html", context, status=400 if form.errors else 200)
