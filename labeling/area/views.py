"""Pages of area samples: the experts' blind judging, and the admin's drawing and following of them."""

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from amberapp import storage
from amberapp.errors import NotThere, UserError
from amberapp.models import Role, WorkState
from amberapp.web.parameters import BIGGEST_ID, row_number, signed_in
from amberapp.web.permissions import role_required
from detection.ground.pictures import YEAR, asked_size, picture
from detection.imagery.decode import UnreadableImage
from detection.models import Run, SegmentedTile
from detection.runs.watch import run_numbered
from labeling.area.answers import progress_of_all, samples_to_judge
from labeling.area.pages import sample_page
from labeling.area.sample import (
    BIGGEST_SEED,
    DEFAULT_SIZE,
    LEAST_SIZE,
    MOST_SIZE,
    abandon_sample,
    close_sample,
    draw_sample,
    plan_sample,
    sample_numbered,
)
from labeling.models import AreaSample, SampleTile

RUNS_OFFERED = 30


@never_cache
@require_safe
@role_required(Role.EXPERT)
def sample_choice(request: HttpRequest) -> HttpResponse:
    """The samples that wait for experts; straight to it where there is only one."""
    waiting = samples_to_judge(signed_in(request))
    if len(waiting) == 1:
        return redirect("sample-judge", sample_id=waiting[0][0].pk)
    return render(request, "labeling/area/choice.html", {"waiting": waiting})


@never_cache
@require_safe
@role_required(Role.EXPERT)
def sample_judge(request: HttpRequest, sample_id: int) -> HttpResponse:
    """The stage; the script fetches the tiles. Nothing on it tells what the map says."""
    sample = sample_numbered(sample_id)
    page = {
        "next": reverse("api-sample-next", args=[sample.pk]),
        "tile": reverse("api-sample-tile", args=[sample.pk, 0]),
        "review": reverse("review"),
    }
    return render(request, "labeling/area/judge.html", {"sample": sample, "page": page})


@require_safe
@role_required(Role.EXPERT)
def sample_tile_image(request: HttpRequest, sample_id: int, sample_tile_id: int) -> HttpResponse:
    """The picture of a sampled tile, under a name that is found nowhere else."""
    size = asked_size(request.GET.get("size"))
    try:
        return _blind(picture(_sampled(sample_id, sample_tile_id).tile, size), "image/webp")
    except UnreadableImage as error:
        raise UserError(str(error), code="unreadable_image", status=500) from None


@require_safe
@role_required(Role.EXPERT)
def sample_tile_raster(request: HttpRequest, sample_id: int, sample_tile_id: int) -> HttpResponse:
    return _blind(storage.get(_sampled(sample_id, sample_tile_id).raster_key), "image/png")


def _sampled(sample_id: int, sample_tile_id: int) -> SegmentedTile:
    """Raises NotThere."""
    tile = (
        SampleTile.objects.select_related("segmented_tile__tile")
        .filter(pk=sample_tile_id, sample=sample_id)
        .first()
        if max(sample_id, sample_tile_id) <= BIGGEST_ID
        else None
    )
    if tile is None:
        raise NotThere(_("This tile is not in the sample."))
    return tile.segmented_tile


def _blind(data: bytes, media_type: str) -> HttpResponse:
    """Without an ETag: that of a tile's picture begins with its name on the public map."""
    response = HttpResponse(data, content_type=media_type)
    response["Cache-Control"] = f"private, max-age={YEAR}, immutable"
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def samples(request: HttpRequest) -> HttpResponse:
    """All samples, and the form that previews (GET ?run=&size=) and draws (POST) a new one."""
    sent = request.POST if request.method == "POST" else request.GET
    run = _run(sent.get("run", ""))
    problem, plan = "", None
    size = sent.get("size", "") or str(DEFAULT_SIZE)
    seed = sent.get("seed", "") or str(secrets.randbelow(10**9))
    if run is not None:
        try:
            number = _number(size, MOST_SIZE, _("The size is a whole number of tiles."))
            if request.method == "POST":
                new = draw_sample(
                    run=run,
                    size=number,
                    seed=_number(seed, BIGGEST_SEED, _("A seed is a whole number of at most 16 digits.")),
                    acting_user=signed_in(request),
                )
                messages.success(request, _("The sample is drawn. Experts find it under Review."))
                return redirect("sample", sample_id=new.pk)
            plan = plan_sample(run, number)
        except UserError as error:
            problem = str(error.message)
    elif request.method == "POST":
        problem = _("Choose a run that is done.")
    rows = list(AreaSample.objects.select_related("region", "run")[:RUNS_OFFERED])
    progress = progress_of_all(rows)
    context: dict[str, Any] = {
        "rows": [{"sample": one, "progress": progress[one.pk]} for one in rows],
        "runs": Run.objects.filter(state=WorkState.DONE).select_related("region")[:RUNS_OFFERED],
        "run": run,
        "size": size[:8],
        "seed": seed[:20],
        "least": LEAST_SIZE,
        "most": MOST_SIZE,
        "plan": plan,
        "problem": problem,
    }
    return render(request, "labeling/area/samples.html", context, status=400 if problem else 200)


@never_cache
@require_safe
@role_required(Role.ADMIN)
def sample(request: HttpRequest, sample_id: int) -> HttpResponse:
    """One sample: how far it is, and what came of it."""
    page = sample_page(sample_numbered(sample_id))
    return render(request, "labeling/area/sample.html", {"page": page})


@require_POST
@role_required(Role.ADMIN)
def sample_close(request: HttpRequest, sample_id: int) -> HttpResponse:
    closed = close_sample(sample=sample_numbered(sample_id), acting_user=signed_in(request))
    messages.success(
        request,
        _(
            "The area is estimated; the next release of this run publishes it, and one of a later run over the same tiles."
        ),
    )
    return redirect("sample", sample_id=closed.pk)


@require_POST
@role_required(Role.ADMIN)
def sample_abandon(request: HttpRequest, sample_id: int) -> HttpResponse:
    ended = abandon_sample(sample=sample_numbered(sample_id), acting_user=signed_in(request))
    messages.success(request, _("The sample is ended without an estimate."))
    return redirect("sample", sample_id=ended.pk)


def _run(text: str) -> Run | None:
    number = row_number(text)
    return None if number is None else run_numbered(number)


def _number(text: str, most: int, refusal: str) -> int:
    if not (text.isdecimal() and text.isascii()) or len(text) > len(str(most)):
        raise UserError(refusal)
    return int(text)
