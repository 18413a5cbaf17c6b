"""Admins edit what volunteers learn from: look-alikes and tiles with known answers."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from amberapp.errors import NotThere, UserError
from amberapp.models import Role
from amberapp.web.forms import show
from amberapp.web.parameters import row_number, signed_in
from amberapp.web.permissions import role_required
from detection.models import Region, SegmentedTile
from labeling.crowd import gold_standard, look_alike_classes
from labeling.crowd.forms import LookAlikeForm, languages
from labeling.models import GoldStandardTile, GoldStandardUse, LookAlike

TILES_PER_PAGE = 24


# Look-alikes ---------------------------------------------------------------------------------------------------------


@never_cache
@require_safe
@role_required(Role.ADMIN)
def look_alikes(request: HttpRequest) -> HttpResponse:
    rows = list(LookAlike.objects.all())
    names = {
        row.slug: [
            (code, language, row.names.get(code, "")) for code, language in languages() if code != "en"
        ]
        for row in rows
    }
    context = {
        "offered": [(row, names[row.slug]) for row in rows if not row.retired],
        "retired": [row for row in rows if row.retired],
        "most": look_alike_classes.MOST_OFFERED,
    }
    return render(request, "labeling/crowd/look_alikes.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def look_alike_new(request: HttpRequest) -> HttpResponse:
    return _look_alike_form(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def look_alike(request: HttpRequest, slug: str) -> HttpResponse:
    return _look_alike_form(request, look_alike_classes.look_alike_named(slug))


def _look_alike_form(request: HttpRequest, row: LookAlike | None) -> HttpResponse:
    if request.method == "POST":
        form = LookAlikeForm(request.POST)
        if form.is_valid():
            texts: dict[str, Any] = {"names": form.texts("name"), "hints": form.texts("hint")}
            try:
                if row is None:
                    saved = look_alike_classes.add_look_alike(**texts, acting_user=signed_in(request))
                else:
                    saved = look_alike_classes.change_look_alike(
                        slug=row.slug, **texts, acting_user=signed_in(request)
                    )
            except UserError as error:
                show(error, form)
            else:
                messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
                return redirect("look-alikes")
    else:
        form = LookAlikeForm(initial=LookAlikeForm.from_row(row) if row else None)
    return render(
        request,
        "labeling/crowd/look_alike.html",
        {"form": form, "row": row},
        status=400 if form.errors else 200,
    )


@require_POST
@role_required(Role.ADMIN)
def look_alike_move(request: HttpRequest, slug: str) -> HttpResponse:
    up = request.POST.get("to") == "up"
    look_alike_classes.move_look_alike(slug=slug, up=up, acting_user=signed_in(request))
    return redirect(f"{reverse('look-alikes')}#{slug}")


@require_POST
@role_required(Role.ADMIN)
def look_alike_retire(request: HttpRequest, slug: str) -> HttpResponse:
    row = look_alike_classes.retire_look_alike(slug=slug, acting_user=signed_in(request))
    messages.success(request, _("“%(name)s” is offered no more.") % {"name": row.name})
    return redirect("look-alikes")


@require_POST
@role_required(Role.ADMIN)
def look_alike_back(request: HttpRequest, slug: str) -> HttpResponse:
    row = look_alike_classes.bring_back_look_alike(slug=slug, acting_user=signed_in(request))
    messages.success(request, _("“%(name)s” is offered again.") % {"name": row.name})
    return redirect("look-alikes")


# Gold-standard tiles -------------------------------------------------------------------------------------------------


@never_cache
@require_safe
@role_required(Role.ADMIN)
def gold_standard_tiles(request: HttpRequest) -> HttpResponse:
    """The gold-standard tiles of one region, by use, with how volunteers do on them."""
    regions = list(Region.objects.all())
    region = _chosen(request, regions)
    use = request.GET.get("use", "")
    use = use if use in GoldStandardUse.values else ""
    rows = GoldStandardTile.objects.select_related("segmented_tile__tile").order_by("-use", "position", "id")
    rows = rows.filter(region=region) if region else rows.none()
    page = Paginator(rows.filter(use=use) if use else rows, TILES_PER_PAGE).get_page(request.GET.get("page"))
    marks = gold_standard.gold_standard_results(list(page)) if page.object_list else {}
    context = {
        "regions": regions,
        "region": region,
        "use": use,
        "uses": GoldStandardUse.choices,
        "page": page,
        "rows": [
            {
                "known": gold,
                "marks": marks[gold.pk],
                "percent": _percent(marks[gold.pk].share),
                "verdicts": _verdicts(gold),
            }
            for gold in page
        ],
        "query": f"region={region.slug}&{f'use={use}&' if use else ''}" if region else "",
    }
    return render(request, "labeling/crowd/gold_standard.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def gold_standard_tile_new(request: HttpRequest) -> HttpResponse:
    """Tiles of which something is sure, and the button that makes one known."""
    if request.method == "POST":
        number = request.POST.get("tile", "")
        tile = SegmentedTile.objects.select_related("tile").filter(pk=row_number(number) or 0).first()
        if tile is None:
            raise NotThere(_("There is no segmented tile %(number)s.") % {"number": number})
        gold = gold_standard.make_gold_standard(
            segmented_tile=tile, use=request.POST.get("use", ""), acting_user=signed_in(request)
        )
        messages.success(request, _("%(tile)s is a gold-standard tile now.") % {"tile": tile.tile.file_name})
        return redirect("known-tile", known_id=gold.pk)
    regions = list(Region.objects.all())
    region = _chosen(request, regions)
    context = {
        "regions": regions,
        "region": region,
        "candidates": gold_standard.candidates(region=region) if region else [],
        "sure": round(100 * gold_standard.SURE),
    }
    return render(request, "labeling/crowd/gold_standard_new.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def gold_standard_tile(request: HttpRequest, known_id: int) -> HttpResponse:
    """One gold-standard tile: its answers on the picture, and the reasons that a learner is told. A POST is the reasons."""
    gold = gold_standard.gold_standard_tile(known_id)
    groups = gold_standard.groups_of(gold)
    errors: list[str] = []
    if request.method == "POST":
        texts = {
            number: {
                code: request.POST.get(f"why_{group.superpixels[0]}_{code}", "")
                for code, _name in languages()
            }
            for group in groups
            for number in group.superpixels
            if f"why_{group.superpixels[0]}_en" in request.POST
        }
        try:
            gold_standard.explain(known=gold, texts=texts, acting_user=signed_in(request))
        except UserError as error:
            errors = [str(error.message)]
        else:
            messages.success(request, _("The reasons are saved."))
            return redirect("known-tile", known_id=gold.pk)
    marks = gold_standard.gold_standard_results([gold])[gold.pk]
    look_alike_names = {row.slug: row for row in LookAlike.objects.listed()}
    context = {
        "known": gold,
        "tile": gold.segmented_tile.tile,
        "superpixels": gold_standard.pictured(gold),
        "groups": [
            {
                "group": group,
                "first": group.superpixels[0],
                "numbers": ", ".join(map(str, group.superpixels)),
                "look_alike": look_alike_names.get(group.look_alike),
                "texts": [
                    (
                        code,
                        language,
                        request.POST.get(f"why_{group.superpixels[0]}_{code}", group.why.get(code, "")),
                    )
                    for code, language in languages()
                ],
            }
            for group in groups
        ],
        "errors": errors,
        "marks": marks,
        "percent": _percent(marks.share),
        "uses": GoldStandardUse.choices,
        "why_length": gold_standard.WHY_LENGTH,
    }
    return render(request, "labeling/crowd/gold_standard_tile.html", context, status=400 if errors else 200)


@require_POST
@role_required(Role.ADMIN)
def gold_standard_tile_use(request: HttpRequest, known_id: int) -> HttpResponse:
    gold = gold_standard.set_use(
        known=gold_standard.gold_standard_tile(known_id),
        use=request.POST.get("use", ""),
        acting_user=signed_in(request),
    )
    if gold.use == GoldStandardUse.LESSON:
        messages.success(request, _("It is a lesson of the tutorial now, the last one."))
    else:
        messages.success(request, _("It is mixed in as a check now."))
    return redirect("known-tile", known_id=gold.pk)


@require_POST
@role_required(Role.ADMIN)
def gold_standard_tile_move(request: HttpRequest, known_id: int) -> HttpResponse:
    gold = gold_standard.move(
        known=gold_standard.gold_standard_tile(known_id),
        up=request.POST.get("to") == "up",
        acting_user=signed_in(request),
    )
    return redirect(f"{reverse('known-tiles')}?region={gold.region.slug}#known-{gold.pk}")


@require_POST
@role_required(Role.ADMIN)
def gold_standard_tile_off(request: HttpRequest, known_id: int) -> HttpResponse:
    gold = gold_standard.gold_standard_tile(known_id)
    slug = gold.region.slug
    tile = gold_standard.take_off(known=gold, acting_user=signed_in(request))
    messages.success(request, _("%(tile)s is back in the queue.") % {"tile": tile.tile.file_name})
    return redirect(f"{reverse('known-tiles')}?region={slug}")


def _chosen(request: HttpRequest, regions: list[Region]) -> Region | None:
    wanted = request.GET.get("region", "")
    return next((region for region in regions if region.slug == wanted), regions[0] if regions else None)


def _percent(share: float | None) -> int | None:
    return None if share is None else round(100 * share)


def _verdicts(gold: GoldStandardTile) -> dict[str, int]:
    verdicts = [answer["verdict"] for answer in gold.answers.values()]
    return {verdict: verdicts.count(verdict) for verdict in gold_standard.ANSWERS}
