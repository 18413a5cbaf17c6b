"""The page on which admins bring in the districts and place names of a region."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from shapely.geometry import mapping, shape

from amberapp.errors import UserError
from amberapp.models import Role
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required
from detection.ground.district_shapes import parts_of, thinned
from detection.ground.districts import import_named_ground, remove_district, remove_place_names
from detection.ground.find_region import region_at
from detection.ground.forms import DistrictsForm
from detection.models import Region

REPORT = "named_ground"
DISTRICTS_A_PAGE = 50
# Outlines drawn on the page's map; their points bound what the page weighs.
DISTRICTS_ON_MAP = 200
NAMES_ON_MAP = 500
NAMES_LISTED = 12


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def districts(request: HttpRequest, slug: str) -> HttpResponse:
    region = region_at(slug)
    form = DistrictsForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            report = import_named_ground(
                region=region,
                data=form.cleaned_data["file"].read(),
                file_name=form.cleaned_data["file"].name,
                replace=form.cleaned_data["how"] == "replace",
                acting_user=signed_in(request),
            )
        except UserError as error:
            form.add_error("file", str(error.message))
        else:
            request.session[REPORT] = {"region": region.pk, **report.as_dict()}
            return redirect("districts", slug=region.slug)
    last_report = request.session.pop(REPORT, None) if request.method == "GET" else None
    if last_report and last_report["region"] != region.pk:
        last_report = None
    return render(
        request,
        "detection/ground/districts.html",
        {"form": form, "report": last_report, **_listed(region, request.GET.get("page"))},
        status=400 if form.errors else 200,
    )


def _listed(region: Region, page: str | None) -> dict[str, Any]:
    rows = region.districts.defer("polygon")
    names = region.place_names.all()
    count = names.count()
    largest = list(region.districts.all()[:DISTRICTS_ON_MAP])
    light = thinned([shape(row.polygon) for row in largest])
    return {
        "region": region,
        "page": Paginator(rows, DISTRICTS_A_PAGE).get_page(page),
        "name_count": count,
        "some_names": ", ".join(name.name for name in names[:NAMES_LISTED])
        + (" …" if count > NAMES_LISTED else ""),
        "on_map": {
            "region": region.polygon,
            "districts": [
                {"name": row.name, "coordinates": [mapping(part)["coordinates"] for part in parts_of(area)]}
                for row, area in zip(largest, light, strict=True)
            ],
            "names": [[row.name, row.latitude, row.longitude] for row in names[:NAMES_ON_MAP]],
        },
    }


@require_POST
@role_required(Role.ADMIN)
def district_remove(request: HttpRequest, slug: str, district_id: int) -> HttpResponse:
    region = region_at(slug)
    name = remove_district(region=region, district_id=district_id, acting_user=signed_in(request))
    messages.success(request, _("District “%(name)s” is removed.") % {"name": name})
    return redirect("districts", slug=region.slug)


@require_POST
@role_required(Role.ADMIN)
def place_names_remove(request: HttpRequest, slug: str) -> HttpResponse:
    region = region_at(slug)
    count = remove_place_names(region=region, acting_user=signed_in(request))
    messages.success(
        request,
        ngettext("%(count)s place name is removed.", "%(count)s place names are removed.", count)
        % {"count": count},
    )
    return redirect("districts", slug=region.slug)
