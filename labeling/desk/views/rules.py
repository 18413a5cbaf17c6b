"""The admin's pages of how each region's desk is run."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from amberapp.errors import NotThere, UserError
from amberapp.models import Role, User
from amberapp.web.forms import show
from amberapp.web.permissions import role_required
from detection.models import Region
from labeling.desk.crowd_figures import CrowdFigures, crowd_figures
from labeling.desk.desk_rules import set_rules
from labeling.desk.forms import RulesForm
from labeling.models import DeskRules


@never_cache
@require_safe
@role_required(Role.ADMIN)
def desks(request: HttpRequest) -> HttpResponse:
    """What waits at each region's desk."""
    figures = crowd_figures()
    rules = {row.region_id: row for row in DeskRules.objects.all()}
    rows = [
        (region, figures.get(region.pk), rules.get(region.pk) or DeskRules(region=region))
        for region in Region.objects.all()
    ]
    return render(request, "labeling/desk/desks.html", {"rows": rows})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def desk_rules(request: HttpRequest, slug: str) -> HttpResponse:
    """How one region's desk is run."""
    assert isinstance(request.user, User)
    region = Region.objects.filter(slug=slug).first()
    if region is None:
        raise NotThere(_("There is no region “%(name)s”.") % {"name": slug})
    if request.method == "POST":
        form = RulesForm(request.POST)
        if form.is_valid():
            try:
                set_rules(region=region, acting_user=request.user, **form.rules())
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
    }
    return render(request, "labeling/desk/rules.html", context, status=400 if form.errors else 200)
