"""Pages on which admins make regions and sources and bring tiles in."""

import json
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from amberapp.errors import NotThere, UserError
from amberapp.models import Job, Role, User
from amberapp.web.forms import show
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required
from detection.ground import staging
from detection.ground.find_region import region_at
from detection.ground.forms import RegionForm, SourceForm
from detection.ground.polygons import parse_polygon
from detection.ground.regions import create_region, create_source, update_region, update_source
from detection.imagery.decode import MAX_BYTES
from detection.models import ImagerySource, Region, TileKind

REGIONS_A_PAGE = 50
TILES_A_PAGE = 24
# Boxes of tiles drawn under the outline that somebody edits: for orientation, so not all of them.
TILES_ON_MAP = 1500
IMPORTS_SHOWN = 5


@require_safe
@role_required(Role.ADMIN)
def regions(request: HttpRequest) -> HttpResponse:
    whole = Q(tiles__kind=TileKind.TILE)
    rows = Region.objects.select_related("source").annotate(
        tile_count=Count("tiles", filter=whole),
        placeless=Count("tiles", filter=whole & Q(tiles__west__isnull=True)),
        crop_count=Count("tiles", filter=Q(tiles__kind=TileKind.CROP)),
    )
    page = Paginator(rows.order_by("name"), REGIONS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "detection/ground/regions.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def region_new(request: HttpRequest) -> HttpResponse:
    if not ImagerySource.objects.exists():
        messages.info(
            request, _("A region is watched on images of somebody: say first where they come from.")
        )
        return redirect("source-new")
    return _region_form(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def region_edit(request: HttpRequest, slug: str) -> HttpResponse:
    return _region_form(request, region_at(slug))


def _region_form(request: HttpRequest, region: Region | None) -> HttpResponse:
    initial = _region_values(region) if region else None
    if request.method == "POST":
        form = RegionForm(request.POST, request.FILES)
        if form.is_valid():
            try:
                saved = _save_region(form, region, signed_in(request))
            except UserError as error:
                show(error, form)
            else:
                messages.success(request, _("Region “%(name)s” is saved.") % {"name": saved.name})
                return redirect("region-tiles", slug=saved.slug)
    else:
        form = RegionForm(initial=initial)
    context = {"form": form, "region": region, "tile_boxes": _tile_boxes(region) if region else []}
    return render(request, "detection/ground/region_form.html", context, status=400 if form.errors else 200)


def _region_values(region: Region) -> dict[str, Any]:
    return {
        "name": region.name,
        "mineral": region.mineral,
        "source": region.source,
        "zoom": region.zoom,
        "positive_superpixels": region.positive_superpixels,
        "polygon": json.dumps(region.polygon) if region.polygon else "",
    }


def _save_region(form: RegionForm, region: Region | None, acting_user: User) -> Region:
    values = {
        name: form.cleaned_data[name]
        for name in ("name", "mineral", "source", "zoom", "positive_superpixels")
    }
    values["polygon"] = parse_polygon(form.outline())
    if region is None:
        return create_region(**values, acting_user=acting_user)
    return update_region(region=region, **values, acting_user=acting_user)


def _tile_boxes(region: Region) -> list[list[float]]:
    """[west, south, east, north] of some tiles, rounded to a metre."""
    boxes = region.tiles.on_the_map().values_list("west", "south", "east", "north")[:TILES_ON_MAP]
    return [[round(value, 5) for value in box if value is not None] for box in boxes]


@require_safe
@role_required(Role.ADMIN)
def region_tiles(request: HttpRequest, slug: str) -> HttpResponse:
    region = region_at(slug)
    kinds = {
        "": (_("All"), Q(kind=TileKind.TILE)),
        "placeless": (_("Without a place"), Q(kind=TileKind.TILE, west__isnull=True)),
        "doubtful": (_("With a problem"), Q(kind=TileKind.TILE) & ~Q(place_problem="")),
        "crops": (_("Crops"), Q(kind=TileKind.CROP)),
    }
    chosen = request.GET.get("show", "")
    if chosen not in kinds:
        chosen = ""
    page = Paginator(region.tiles.filter(kinds[chosen][1]), TILES_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "region": region,
        "page": page,
        "chosen": chosen,
        "kinds": [
            (label, f"show={key}" if key else "", key == chosen) for key, (label, _condition) in kinds.items()
        ],
        "query": f"show={chosen}&" if chosen else "",
    }
    return render(request, "detection/ground/region_tiles.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose images; without scripts they come with the form itself, with scripts one after another before."""
    region = region_at(slug)
    if request.method == "POST":
        batch = request.POST.get("batch", "")
        for file in request.FILES.getlist("files"):
            staging.stage(batch=batch, file=file, acting_user=signed_in(request))
        staging.import_later(region=region, batch=batch, acting_user=signed_in(request))
        return redirect("region-upload", slug=region.slug)
    jobs = list(
        Job.objects.filter(kind=staging.IMPORT_JOB, parameters__region=region.pk).select_related(
            "created_by"
        )[:IMPORTS_SHOWN]
    )
    context = {
        "region": region,
        "batch": staging.new_batch(),
        "jobs": jobs,
        "accept": ",".join((*staging.IMAGE_SUFFIXES, *staging.COMPANION_SUFFIXES)),
        "most_files": staging.MAX_FILES,
        "most_megabytes": MAX_BYTES // 2**20,
        "upload": {
            "url": reverse("region-upload-file", args=[region.slug]),
            "mostFiles": staging.MAX_FILES,
            "mostBytes": MAX_BYTES,
        },
    }
    return render(request, "detection/ground/upload.html", context)


@require_POST
@role_required(Role.ADMIN)
def upload_file(request: HttpRequest, slug: str) -> JsonResponse:
    """One file of a batch, sent by the page's script."""
    region_at(slug)
    file = request.FILES.get("file")
    if file is None:
        raise UserError(_("No file was uploaded: choose some images first."))
    staging.stage(batch=request.POST.get("batch", ""), file=file, acting_user=signed_in(request))
    return JsonResponse({"staged": file.name}, status=201)


@require_safe
@role_required(Role.ADMIN)
def sources(request: HttpRequest) -> HttpResponse:
    rows = ImagerySource.objects.annotate(region_count=Count("regions"))
    page = Paginator(rows.order_by("name"), REGIONS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "detection/ground/sources.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def source_new(request: HttpRequest) -> HttpResponse:
    return _source_form(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def source_edit(request: HttpRequest, source_id: int) -> HttpResponse:
    source = ImagerySource.objects.filter(pk=source_id).first()
    if source is None:
        raise NotThere(_("There is no imagery source %(number)s.") % {"number": source_id})
    return _source_form(request, source)


def _source_form(request: HttpRequest, source: ImagerySource | None) -> HttpResponse:
    if request.method == "POST":
        form = SourceForm(request.POST)
        if form.is_valid():
            try:
                if source is None:
                    saved = create_source(**form.cleaned_data, acting_user=signed_in(request))
                else:
                    saved = update_source(source=source, **form.cleaned_data, acting_user=signed_in(request))
            except UserError as error:
                show(error, form)
            else:
                messages.success(request, _("Imagery source “%(name)s” is saved.") % {"name": saved.name})
                return redirect("sources")
    else:
        fields = SourceForm.base_fields
        form = SourceForm(initial={name: getattr(source, name) for name in fields} if source else None)
    return render(
        request,
        "detection/ground/source_form.html",
        {"form": form, "source": source},
        status=400 if form.errors else 200,
    )
