"""Campaigns against classes of errors: the list, the gallery of look-alikes, and the page that tells what came of it.

Everything works as plain forms; static/js/labeling/campaigns/gallery.js adds keys and ranges to the gallery.
"""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from amberapp.errors import NotThere, UserError
from amberapp.models import Role, User, WorkState
from amberapp.web.permissions import role_required
from detection.description.segment import default_segmentation
from detection.description.thumbnails import thumbnail, thumbnail_name
from detection.ground.find_tiles import read_point
from detection.imagery.decode import UnreadableImage
from detection.learning.before_after import FEWEST_PLACES
from detection.look_alikes.index import IndexState, extractor_key_of, request_index, state_of
from detection.look_alikes.search import MOST_WANTED
from detection.models import Detection, SegmentedTile
from labeling.campaigns import campaigns
from labeling.campaigns import held_out as campaign_held_out
from labeling.campaigns import round as rounds
from labeling.campaigns.change_kinds import MINING, NOT_JUDGED, WAITING, kinds_of_change
from labeling.campaigns.gallery import SHOWN, Gallery, gallery
from labeling.campaigns.steps import campaign_progress_of, figure_names, progress_now
from labeling.campaigns.tile_choice import superpixel_outlines
from labeling.models import AreaSample, Campaign, CampaignDecision, LookAlike, Report

CAMPAIGNS_PER_PAGE = 50
LARGEST = 2**63
MONTH = 30 * 24 * 3600


@never_cache
@require_safe
@role_required(Role.EXPERT)
def campaign_list(request: HttpRequest) -> HttpResponse:
    """All campaigns, the latest first."""
    found = Campaign.objects.select_related(
        "region", "created_by", "decided_by", "classifier_after", "run_after"
    ).prefetch_related("run_after__releases")
    page = Paginator(found, CAMPAIGNS_PER_PAGE).get_page(request.GET.get("page"))
    names = {one.pk: LookAlike.objects.name_of(one.look_alike) if one.look_alike else "" for one in page}
    rows = [(one, names[one.pk], _stage(one)) for one in page]
    return render(request, "labeling/campaigns/list.html", {"page": page, "rows": rows})


def _stage(campaign: Campaign) -> tuple[str, str]:
    """(kind of tag, word) for where a campaign stands."""
    if campaign.withdrawn_at is not None:
        return "info", _("taken back")
    if campaign.decision == CampaignDecision.UNDECIDED:
        return "amber", _("to be decided")
    if campaign.classifier_after is None:
        return "amber", _("to be trained")
    run = campaign.run_after
    if run is None or run.state != WorkState.DONE:
        return "amber", _("being searched")
    return ("good", _("published")) if run.releases.all() else ("amber", _("to be reviewed and published"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.EXPERT)
def campaign_begin(request: HttpRequest) -> HttpResponse:
    """POST begins from a report, a detection, or a tile and its superpixel. GET ?tile= (a segmented tile) or ?image= (a
    tile) lets choose the superpixel; ?point=latitude,longitude has chosen the one that lies there."""
    assert isinstance(request.user, User)
    if request.method == "POST":
        return redirect("campaign-look-alikes", campaign_id=_begun(request, request.user).pk)
    if image := request.GET.get("image", ""):
        segmented = _segmented(tile=_number(image), segmentation=default_segmentation())
    else:
        segmented = _segmented(pk=_number(request.GET.get("tile", "")))
    chosen = _number(request.GET.get("superpixel", "")) or None
    point = read_point(request.GET.get("point", ""))
    if chosen is None and point is not None:
        chosen = campaigns.superpixel_at(segmented, point[1], point[0]) or None
    context = {
        "segmented": segmented,
        "tile": segmented.tile,
        "superpixels": superpixel_outlines(segmented),
        "chosen": chosen,
    }
    return render(request, "labeling/campaigns/begin.html", context)


def _begun(request: HttpRequest, person: User) -> Campaign:
    if number := request.POST.get("report", ""):
        report = Report.objects.filter(pk=_number(number)).first()
        if report is None:
            raise NotThere(_("There is no report %(number)s.") % {"number": number[:20]})
        return campaigns.begin_from_report(report=report, acting_user=person)
    if number := request.POST.get("detection", ""):
        detection = Detection.objects.with_ground().filter(pk=_number(number)).first()
        if detection is None:
            raise NotThere(_("There is no detection %(number)s.") % {"number": number[:20]})
        return campaigns.begin_from_detection(detection=detection, acting_user=person)
    return campaigns.begin_from_superpixel(
        segmented_tile=_segmented(pk=_number(request.POST.get("tile", ""))),
        superpixel=_number(request.POST.get("superpixel", "")),
        acting_user=person,
    )


@never_cache
@require_safe
@role_required(Role.EXPERT)
def campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Each step done, by whom and when, and what came of it."""
    assert isinstance(request.user, User)
    found = _campaign(campaign_id)
    course = campaign_progress_of(found)
    held_out = found.effect.get("held_out", {})
    context = {
        "campaign": found,
        "course": course,
        "look_alike": LookAlike.objects.name_of(found.look_alike) if found.look_alike else "",
        "progress": progress_now(found),
        "members": found.members.select_related("segmented_tile__tile").order_by("distance", "id")[:24],
        "held_out": held_out,
        "not_measured": campaign_held_out.NOT_MEASURED.get(held_out.get("reason", "")),
        "figures": _figures(held_out),
        "samples": request.user.is_admin and AreaSample.objects.filter(region=found.region).exists(),
        "kinds": _kinds(held_out),
        "run_effect": found.effect.get("run"),
        "changes": _changes(found) if found.effect.get("run") else [],
        "ready": course.ready,
    }
    return render(request, "labeling/campaigns/campaign.html", context)


def _figures(held_out: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the table: each figure on what was known before and on all rows, before, after, difference."""
    groups = {"known": _("On what was labelled before the campaign"), "all": _("On everything")}
    return [
        {
            "title": title,
            "told": held_out[group],
            "has_interval": held_out[group]["mining_places"] >= FEWEST_PLACES,
            "rows": [
                {
                    "name": name,
                    "before": held_out[group]["before"][key],
                    "after": held_out[group]["after"][key],
                    "difference": held_out[group]["difference"][key],
                }
                for key, name in figure_names().items()
            ],
        }
        for group, title in groups.items()
        if held_out.get(group)
    ]


def _kinds(held_out: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the table by class, the best known first, and within it by how its superpixels came: the difference and its
    interval in percentage points of those superpixels."""
    origins = {
        campaign_held_out.KNOWN: _("labelled before the campaign"),
        campaign_held_out.OWN: _("the campaign's own"),
        campaign_held_out.SINCE: _("others labelled since"),
    }
    return [
        {
            **parts[origin],
            "name": LookAlike.objects.name_of(slug) if slug else _("no reason given"),
            "origin": said,
            "difference": [100 * share for share in parts[origin]["difference"]],
            "has_interval": parts[origin]["places"] >= FEWEST_PLACES,
        }
        for slug, parts in sorted(
            held_out.get("kinds", {}).items(),
            # PostgreSQL keeps the keys of JSON in an order of its own.
            key=lambda row: (-sum(part["n"] for part in row[1].values()), row[0]),
        )
        for origin, said in origins.items()
        if origin in parts
    ]


def _changes(found: Campaign) -> list[dict[str, Any]]:
    """Rows of the table of what was removed and added."""
    others = {
        MINING: _("mining, as an expert has approved it"),
        WAITING: _("experts have not agreed yet"),
        NOT_JUDGED: _("not judged by an expert"),
    }
    return [
        {
            "name": others.get(one.kind) or LookAlike.objects.name_of(one.kind),
            "is_loss": one.kind == MINING and one.removed > 0,
            "removed": one.removed,
            "added": one.added,
        }
        for one in kinds_of_change(found)
    ]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.EXPERT)
def campaign_look_alikes(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The gallery. POST: `do` looks again with what is ticked (show, like, more) or decides (label, exclude)."""
    assert isinstance(request.user, User)
    found = _campaign(campaign_id)
    if found.decision != CampaignDecision.UNDECIDED or found.withdrawn_at is not None:
        return redirect("campaign", campaign_id=found.pk)
    posted = request.method == "POST"
    ticked = _ticked(request) if posted else None
    wrong: UserError | None = None
    if posted and request.POST.get("do") in CampaignDecision.values[1:]:
        try:
            return _decided(request, request.user, found, ticked or [])
        except UserError as error:
            if error.status != 400:
                raise
            wrong = error
    return _gallery_page(request, request.user, found, ticked, wrong)


def _decided(
    request: HttpRequest, person: User, found: Campaign, ticked: list[campaigns.SuperpixelRef]
) -> HttpResponse:
    decided = campaigns.decide(
        campaign=found,
        ticked=ticked,
        decision=request.POST["do"],
        look_alike=request.POST.get("look_alike", ""),
        name=request.POST.get("name", ""),
        acting_user=person,
    )
    said = (
        ngettext(
            "%(count)s superpixel is labelled as not mining.",
            "%(count)s superpixels are labelled as not mining.",
            len(ticked),
        )
        if decided.decision == CampaignDecision.LABEL
        else ngettext(
            "%(count)s superpixel is left out of training.",
            "%(count)s superpixels are left out of training.",
            len(ticked),
        )
    )
    messages.success(request, said % {"count": len(set(ticked))})
    return redirect("campaign", campaign_id=decided.pk)


def _gallery_page(
    request: HttpRequest,
    person: User,
    found: Campaign,
    ticked: list[campaigns.SuperpixelRef] | None,
    wrong: UserError | None,
) -> HttpResponse:
    state, sentence = _index(found, person)
    said = request.POST
    do = said.get("do", "")
    like = list(ticked or []) if do == "like" else _places(said.getlist("like"))
    if do == "begin":
        like = []
    wanted = _number(said.get("wanted", "")) or SHOWN
    if do == "more":
        wanted *= 2
    only_called = said.get("called") == "1"
    shown: Gallery | None = None
    if state is not None and state.is_there:
        try:
            shown = gallery(
                found,
                ticked=ticked,
                like=like,
                only_called=only_called,
                wanted=min(max(wanted, SHOWN), MOST_WANTED),
            )
        except UserError as error:
            sentence = str(error.message)
    context = {
        "campaign": found,
        "state": state,
        "gallery": shown,
        "like": [f"{tile}-{number}" for tile, number in like],
        "hidden": [f"{tile}-{number}" for tile, number in shown.hidden] if shown else [],
        "only_called": only_called,
        "wanted": min(max(wanted, SHOWN), MOST_WANTED),
        "look_alikes": LookAlike.objects.choices(),
        "look_alike": said.get("look_alike", found.look_alike),
        "name": said.get("name", found.name),
        "error": wrong,
        "trouble": sentence,
    }
    return render(request, "labeling/campaigns/gallery.html", context, status=400 if wrong else 200)


def _index(found: Campaign, person: User) -> tuple[IndexState | None, str]:
    """The state of the region's index, which a worker is asked to bring up to date; or a sentence why there is none."""
    try:
        key = extractor_key_of(found.region)
    except UserError as error:
        return None, str(error.message)
    state = state_of(found.region, key)
    if state.waiting and state.job is None and not state.error:
        request_index(found.region, key, person)
        state = state_of(found.region, key)
    if not state.is_there and state.error:
        return state, state.error
    if not state.is_there and not state.waiting:
        return state, _("No tile of this region has been searched yet: reprocess it first.")
    return state, ""


@require_POST
@role_required(Role.ADMIN)
def campaign_round(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Train and search again; with `go_on` also against the measurement."""
    assert isinstance(request.user, User)
    found = _campaign(campaign_id)
    rounds.request_round(campaign=found, acting_user=request.user, go_on="go_on" in request.POST)
    return redirect("campaign", campaign_id=found.pk)


@require_POST
@role_required(Role.EXPERT)
def campaign_withdraw(request: HttpRequest, campaign_id: int) -> HttpResponse:
    assert isinstance(request.user, User)
    found = _campaign(campaign_id)
    campaigns.withdraw(campaign=found, acting_user=request.user)
    messages.success(request, _("The campaign is taken back: its labels and exclusions count no more."))
    return redirect("campaign", campaign_id=found.pk)


@never_cache
@require_safe
@role_required(Role.EXPERT)
def campaign_progress(request: HttpRequest, campaign_id: int) -> JsonResponse:
    """What a machine does for the campaign now, in the shape of a job; “done” when nothing is under way."""
    told = progress_now(_campaign(campaign_id))
    return JsonResponse(
        told or {"state": WorkState.DONE, "progress_done": 1, "progress_total": 1, "message": ""}
    )


@require_safe
@role_required(Role.EXPERT)
def superpixel_picture(request: HttpRequest, segmented_tile_id: int, superpixel: int) -> HttpResponse:
    """One superpixel with its outline and some ground around it."""
    segmented = _segmented(pk=segmented_tile_id)
    etag = f'"{thumbnail_name(segmented, superpixel)}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            data = thumbnail(segmented, superpixel) if superpixel <= segmented.superpixels else None
        except UnreadableImage as error:
            raise UserError(str(error), code="unreadable_image", status=404) from None
        if data is None:
            raise NotThere(_("This tile has no superpixel %(number)s.") % {"number": superpixel})
        response = HttpResponse(data, content_type="image/webp")
    response["ETag"] = etag
    response["Cache-Control"] = f"private, max-age={MONTH}, immutable"
    return response


def _campaign(campaign_id: int) -> Campaign:
    found = (
        Campaign.objects.select_related(
            "region__active_classifier",
            "report",
            "segmented_tile__tile",
            "classifier_before",
            "classifier_after__dataset",
            "classifier_after__created_by",
            "run_before",
            "run_after__created_by",
            "created_by",
            "decided_by",
        )
        .filter(pk=campaign_id)
        .first()
        if campaign_id < LARGEST
        else None
    )
    if found is None:
        raise NotThere(_("There is no campaign %(number)s.") % {"number": campaign_id})
    return found


def _segmented(**which: Any) -> SegmentedTile:
    found = (
        SegmentedTile.objects.select_related("tile__region__active_classifier", "segmentation")
        .filter(**which)
        .first()
        if all(not isinstance(value, int) or value < LARGEST for value in which.values())
        else None
    )
    if found is None:
        raise NotThere(_("There is no such tile."))
    return found


def _number(text: str) -> int:
    """The number that a form or an address tells; 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _ticked(request: HttpRequest) -> list[campaigns.SuperpixelRef]:
    return _places(request.POST.getlist("tick"))


def _places(names: list[str]) -> list[campaigns.SuperpixelRef]:
    """(segmented tile, superpixel) of names such as “12-3”. Raises UserError for anything else."""
    found = []
    for name in names[: 2 * campaigns.MOST_TICKED]:
        tile, _dash, superpixel = name.partition("-")
        if not _number(tile) or not _number(superpixel):
            raise UserError(_("A tick of this form is not understood: open the gallery again."))
        found.append((_number(tile), _number(superpixel)))
    return sorted(set(found))
