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
from amberapp.web.parameters import BIGGEST_ID, row_number, signed_in
from amberapp.web.permissions import role_required
from detection.description.segment import default_segmentation
from detection.description.thumbnails import thumbnail, thumbnail_name
from detection.ground.find_tiles import read_point
from detection.imagery.decode import UnreadableImage
from detection.look_alikes.index import IndexState, extractor_key_of, request_index, state_of
from detection.look_alikes.search import MOST_WANTED, SuperpixelRef
from detection.models import Detection, SegmentedTile
from labeling.campaigns import campaigns
from labeling.campaigns import round as rounds
from labeling.campaigns.contradictions import CampaignContradicts
from labeling.campaigns.gallery import SHOWN, Gallery, gallery
from labeling.campaigns.page import campaign_page
from labeling.campaigns.steps import progress_now
from labeling.campaigns.tile_choice import superpixel_outlines
from labeling.models import Campaign, CampaignDecision, LookAlike, Report

CAMPAIGNS_PER_PAGE = 50
MONTH = 30 * 24 * 3600


@never_cache
@require_safe
@role_required(Role.EXPERT)
def campaign_list(request: HttpRequest) -> HttpResponse:
    """All campaigns, the latest first."""
    every = Campaign.objects.select_related(
        "region", "created_by", "decided_by", "classifier_after", "run_after"
    ).prefetch_related("run_after__releases")
    page = Paginator(every, CAMPAIGNS_PER_PAGE).get_page(request.GET.get("page"))
    names = {one.pk: LookAlike.objects.name_of(one.look_alike) if one.look_alike else "–" for one in page}
    rows = [(one, names[one.pk], *_stage(one)) for one in page]
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
    if request.method == "POST":
        return redirect("campaign-look-alikes", campaign_id=_begun(request, signed_in(request)).pk)
    if image := request.GET.get("image", ""):
        segmented = _segmented(tile=row_number(image) or 0, segmentation=default_segmentation())
    else:
        segmented = _segmented(pk=row_number(request.GET.get("tile")) or 0)
    chosen = row_number(request.GET.get("superpixel")) or None
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
        report = Report.objects.filter(pk=row_number(number) or 0).first()
        if report is None:
            raise NotThere(_("There is no report %(number)s.") % {"number": number[:20]})
        return campaigns.begin_from_report(report=report, acting_user=person)
    if number := request.POST.get("detection", ""):
        detection = Detection.objects.with_ground().filter(pk=row_number(number) or 0).first()
        if detection is None:
            raise NotThere(_("There is no detection %(number)s.") % {"number": number[:20]})
        return campaigns.begin_from_detection(detection=detection, acting_user=person)
    return campaigns.begin_from_superpixel(
        segmented_tile=_segmented(pk=row_number(request.POST.get("tile")) or 0),
        superpixel=row_number(request.POST.get("superpixel")) or 0,
        acting_user=person,
    )


@never_cache
@require_safe
@role_required(Role.EXPERT)
def campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Each step done, by whom and when, and what came of it."""
    page = campaign_page(_campaign(campaign_id), signed_in(request))
    context = {"page": page, "campaign": page.campaign, "course": page.course, "ready": page.ready}
    return render(request, "labeling/campaigns/campaign.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.EXPERT)
def campaign_look_alikes(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The gallery. POST: `do` looks again with what is ticked (show, like, more) or decides (label, exclude)."""
    campaign = _campaign(campaign_id)
    if campaign.decision != CampaignDecision.UNDECIDED or campaign.withdrawn_at is not None:
        return redirect("campaign", campaign_id=campaign.pk)
    ticked = _places(request.POST.getlist("tick")) if request.method == "POST" else None
    refused: UserError | None = None
    confirmed: list[SuperpixelRef] = []
    if ticked is not None and request.POST.get("do") in CampaignDecision.values[1:]:
        try:
            return _decide(request, signed_in(request), campaign, ticked)
        except CampaignContradicts as error:
            # Shown unticked; what is ticked again is confirmed by the next press.
            refused, confirmed = error, list(error.against)
            ticked = [place for place in ticked if place not in set(error.against)]
        except UserError as error:
            if error.status != 400:
                raise
            refused = error
    return _gallery_page(request, signed_in(request), campaign, ticked, refused, confirmed)


def _decide(
    request: HttpRequest, person: User, campaign: Campaign, ticked: list[SuperpixelRef]
) -> HttpResponse:
    decided = campaigns.decide(
        campaign=campaign,
        ticked=ticked,
        decision=request.POST["do"],
        look_alike=request.POST.get("look_alike", ""),
        name=request.POST.get("name", ""),
        confirmed=_places(request.POST.getlist("confirmed")),
        acting_user=person,
    )
    sentence = ngettext(
        "%(count)s superpixel is left out of training.",
        "%(count)s superpixels are left out of training.",
        len(ticked),
    )
    if decided.decision == CampaignDecision.LABEL:
        sentence = ngettext(
            "%(count)s superpixel is labelled as not mining.",
            "%(count)s superpixels are labelled as not mining.",
            len(ticked),
        )
    elif decided.decision == CampaignDecision.MINING:
        sentence = ngettext(
            "%(count)s superpixel is labelled as mining.",
            "%(count)s superpixels are labelled as mining.",
            len(ticked),
        )
    messages.success(request, sentence % {"count": len(set(ticked))})
    return redirect("campaign", campaign_id=decided.pk)


def _gallery_page(
    request: HttpRequest,
    person: User,
    campaign: Campaign,
    ticked: list[SuperpixelRef] | None,
    refused: UserError | None,
    confirmed: list[SuperpixelRef],
) -> HttpResponse:
    state, trouble = _index(campaign, person)
    fields = request.POST
    do = fields.get("do", "")
    like = list(ticked or []) if do == "like" else _places(fields.getlist("like"))
    if do == "begin":
        like = []
    wanted = row_number(fields.get("wanted")) or SHOWN
    wanted = min(max(2 * wanted if do == "more" else wanted, SHOWN), MOST_WANTED)
    only_called = fields.get("called") == "1"
    looks: Gallery | None = None
    if state is not None and state.is_there:
        try:
            looks = gallery(campaign, ticked=ticked, like=like, only_called=only_called, wanted=wanted)
        except UserError as error:
            trouble = str(error.message)
    look_alike = fields.get("look_alike", campaign.look_alike)
    context = {
        "campaign": campaign,
        "state": state,
        "gallery": looks,
        "like": [f"{tile}-{number}" for tile, number in like],
        "hidden": [f"{tile}-{number}" for tile, number in looks.hidden] if looks else [],
        "confirmed": [f"{tile}-{number}" for tile, number in confirmed],
        "only_called": only_called,
        "wanted": wanted,
        "look_alikes": [(value, name, value == look_alike) for value, name in LookAlike.objects.choices()],
        "look_alike_is_wrong": refused is not None and "look_alike" in refused.fields,
        "name": fields.get("name", campaign.name),
        "errors": [str(refused.message) if refused is not None else "", trouble],
    }
    status = refused.status if refused is not None else 200
    return render(request, "labeling/campaigns/gallery.html", context, status=status)


def _index(campaign: Campaign, person: User) -> tuple[IndexState | None, str]:
    """The state of the region's index, which a worker is asked to bring up to date; or a sentence why there is none."""
    try:
        key = extractor_key_of(campaign.region)
    except UserError as error:
        return None, str(error.message)
    state = state_of(campaign.region, key)
    if state.waiting and state.job is None and not state.error:
        request_index(campaign.region, key, person)
        state = state_of(campaign.region, key)
    if not state.is_there and state.error:
        return state, state.error
    if not state.is_there and not state.waiting:
        return state, _("No tile of this region has been searched yet: reprocess it first.")
    return state, ""


@require_POST
@role_required(Role.ADMIN)
def campaign_round(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Train and search again; with `go_on` also against the measurement."""
    campaign = _campaign(campaign_id)
    rounds.request_round(campaign=campaign, acting_user=signed_in(request), go_on="go_on" in request.POST)
    return redirect("campaign", campaign_id=campaign.pk)


@require_POST
@role_required(Role.EXPERT)
def campaign_withdraw(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = _campaign(campaign_id)
    campaigns.withdraw(campaign=campaign, acting_user=signed_in(request))
    messages.success(request, _("The campaign is taken back: its labels and exclusions count no more."))
    return redirect("campaign", campaign_id=campaign.pk)


@never_cache
@require_safe
@role_required(Role.EXPERT)
def campaign_progress(request: HttpRequest, campaign_id: int) -> JsonResponse:
    """What a machine does for the campaign now, in the shape of a job; “done” when nothing is under way."""
    progress = progress_now(_campaign(campaign_id))
    return JsonResponse(
        progress or {"state": WorkState.DONE, "progress_done": 1, "progress_total": 1, "message": ""}
    )


@require_safe
@role_required(Role.EXPERT)
def superpixel_picture(request: HttpRequest, segmented_tile_id: int, superpixel: int) -> HttpResponse:
    """One superpixel with its outline and some ground around it."""
    segmented = _segmented(pk=min(segmented_tile_id, BIGGEST_ID))
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
    """With all that its pages tell of. Raises NotThere."""
    campaign = (
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
        .filter(pk=min(campaign_id, BIGGEST_ID))
        .first()
    )
    if campaign is None:
        raise NotThere(_("There is no campaign %(number)s.") % {"number": campaign_id})
    return campaign


def _segmented(**which: Any) -> SegmentedTile:
    """Raises NotThere."""
    tiles = SegmentedTile.objects.select_related("tile__region__active_classifier", "segmentation")
    segmented = tiles.filter(**which).first()
    if segmented is None:
        raise NotThere(_("There is no such tile."))
    return segmented


def _places(names: list[str]) -> list[SuperpixelRef]:
    """(segmented tile, superpixel) of names such as “12-3”. Raises UserError for anything else."""
    places = set()
    for name in names[: 2 * campaigns.MOST_TICKED]:
        tile, superpixel = (row_number(part) for part in name.partition("-")[::2])
        if not tile or not superpixel:
            raise UserError(_("A tick of this form is not understood: open the gallery again."))
        places.add((tile, superpixel))
    return sorted(places)
