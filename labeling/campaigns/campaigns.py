"""Campaigns against one class of errors: begun from one wrong place, decided once over all that look like it.

Deciding labels the ticked superpixels as not mining (an expert's decision, like a review's) or leaves them out of
training. Taking a campaign back makes its labels and exclusions count no more; nothing is deleted. What comes after the
decision (training, reprocessing, the effect) is in `campaign_round`, what the gallery shows in `campaign_gallery`.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import NAMESPACE_OID, uuid5

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import Role, User
from amberapp.text import plain_text
from detection.description.segment import load_labels
from detection.geometry import degrees_to_pixels
from detection.look_alikes.index import extractor_key_of, request_index
from detection.look_alikes.search import SuperpixelRef, distances_to
from detection.models import Detection, Region, SegmentedTile
from labeling.campaigns.contradictions import CampaignContradicts, contradicting
from labeling.desk.labels import expert_labels, lock_tiles, withdraw_decisions
from labeling.models import (
    Campaign,
    CampaignDecision,
    CampaignMember,
    LabelVerdict,
    LookAlike,
    Origin,
    Report,
    ReportState,
    Submission,
)
from labeling.reports.decision import tiles_at

# One decision takes so many at most: what a person can look at in an afternoon, and one transaction can hold.
MOST_TICKED = 400
NAME_LENGTH = 120


def begin_from_report(*, report: Report, acting_user: User) -> Campaign:
    """From an accepted report: its detection's superpixels, or the one under its point where it has none.

    Raises UserError where the report is not accepted or no tile shows the place; otherwise as `begin`.
    """
    if report.state != ReportState.ACCEPTED:
        raise _not_accepted()
    # Names of campaigns stand in releases, beside exact places: there a report told only roughly must not be named.
    name = _("Campaign of %(day)s") % {"day": date_format(timezone.localdate(), "SHORT_DATE_FORMAT")}
    if not report.blurred:
        name = _("After report %(number)s") % {"number": report.pk}
    if report.detection is not None:
        return begin(
            segmented_tile=report.detection.segmented_tile,
            superpixels=report.detection.superpixels,
            name=name,
            acting_user=acting_user,
            report=report,
        )
    for segmented in tiles_at(report):
        number = superpixel_at(segmented, report.longitude, report.latitude)
        if number:
            return begin(
                segmented_tile=segmented,
                superpixels=[number],
                name=name,
                acting_user=acting_user,
                report=report,
            )
    raise UserError(_("No tile of this site shows the reported place: there is nothing to compare with."))


def begin_from_detection(*, detection: Detection, acting_user: User) -> Campaign:
    """From a detection, judged or not. Raises as `begin`."""
    return begin(
        segmented_tile=detection.segmented_tile,
        superpixels=detection.superpixels,
        name=_("Like detection %(number)s") % {"number": detection.pk},
        acting_user=acting_user,
    )


def begin_from_superpixel(*, segmented_tile: SegmentedTile, superpixel: int, acting_user: User) -> Campaign:
    """From any superpixel of any tile or crop. Raises as `begin`.

    The name is published with what the campaign did: the tile's is that of its place, for a file's name may tell more.
    """
    return begin(
        segmented_tile=segmented_tile,
        superpixels=[superpixel],
        name=_("Like superpixel %(number)s of %(tile)s")
        % {"number": superpixel, "tile": segmented_tile.tile.place_id[:8]},
        acting_user=acting_user,
    )


def begin(
    *,
    segmented_tile: SegmentedTile,
    superpixels: Sequence[int],
    name: str,
    acting_user: User,
    report: Report | None = None,
) -> Campaign:
    """Begin a campaign from these superpixels; the undecided one from the very same, if there is one, is continued.

    A worker is asked to bring the region's index up to date. Raises NotAllowed for anybody but an expert, UserError for
    superpixels that are not there, a region without a classifier or a report that is not accepted (any more).
    """
    _check_expert(acting_user)
    region = segmented_tile.tile.region
    wanted = sorted(set(superpixels))
    if not wanted or wanted[0] < 1 or wanted[-1] > segmented_tile.superpixels:
        raise UserError(
            _("This tile has superpixels 1 to %(last)s: choose one of them.")
            % {"last": segmented_tile.superpixels}
        )
    extractor_key = extractor_key_of(region)
    with transaction.atomic():
        # Held, so that nobody takes the decision about the report back meanwhile.
        accepted = Report.objects.select_for_update(of=("self",), no_key=True).filter(
            state=ReportState.ACCEPTED
        )
        if report is not None and not list(accepted.filter(pk=report.pk)):
            raise _not_accepted()
        # Two clicks at once follow one another.
        SegmentedTile.objects.select_for_update(of=("self",), no_key=True).get(pk=segmented_tile.pk)
        begun = Campaign.objects.filter(
            segmented_tile=segmented_tile,
            decision=CampaignDecision.UNDECIDED,
            withdrawn_at=None,
            report=report,
        )
        campaign = next((one for one in begun if one.superpixels == wanted), None)
        if campaign is None:
            campaign = Campaign.objects.create(
                region=region,
                name=plain_text(name)[:NAME_LENGTH],
                report=report,
                segmented_tile=segmented_tile,
                superpixels=wanted,
                look_alike=_named_before(report),
                created_by=acting_user,
            )
            details = {"report": report.pk} if report is not None else {}
            record(acting_user, "campaign.begun", campaign, tile=segmented_tile.pk, **details)
    request_index(region, extractor_key, acting_user)
    return campaign


def _named_before(report: Report | None) -> str:
    """The look-alike that the expert gave when accepting the report: proposed for the campaign too."""
    review = report.reviews.order_by("-id").first() if report is not None else None
    return review.look_alike if review is not None else ""


def superpixel_at(segmented: SegmentedTile, longitude: float, latitude: float) -> int:
    """The superpixel of a tile under a point in degrees; 0 where there is none."""
    tile = segmented.tile
    if tile.bounds is None:
        return 0
    x, y = degrees_to_pixels(longitude, latitude, tile.bounds, tile.width, tile.height)
    column, row = int(x), int(y)
    if not (0 <= column < tile.width and 0 <= row < tile.height):
        return 0
    return int(load_labels(segmented)[row, column])


def decide(
    *,
    campaign: Campaign,
    ticked: Collection[SuperpixelRef],
    decision: str,
    look_alike: str = "",
    name: str = "",
    confirmed: Collection[SuperpixelRef] = (),
    acting_user: User,
) -> Campaign:
    """Label all ticked superpixels as not mining (with a look-alike) or as mining, or leave them out of training. Once only.

    The same decision again from the same person, as a double click sends it, changes nothing. All or nothing: one
    transaction. Raises CampaignContradicts for ticked ones that contradict others and are not `confirmed`, UserError where something is missing or does not fit, Conflict when a colleague has decided
    meanwhile or the campaign has been taken back, NotAllowed for anybody but an expert.
    """
    _check_expert(acting_user)
    places = sorted(set(ticked))
    look_alike = look_alike if decision == CampaignDecision.LABEL else ""
    _check_decision(decision, look_alike, places)
    tiles = _tiles_of(campaign.region, places)
    against = [place for place in contradicting(places, decision) if place not in set(confirmed)]
    if against and campaign.decision == CampaignDecision.UNDECIDED:
        raise CampaignContradicts(against, len(places))
    name = plain_text(name)[:NAME_LENGTH] or campaign.name
    origin = [(campaign.segmented_tile_id, number) for number in campaign.superpixels]
    distances = distances_to(campaign.region, extractor_key_of(campaign.region), origin, places)
    with transaction.atomic():
        decided = Campaign.objects.filter(
            pk=campaign.pk, decision=CampaignDecision.UNDECIDED, withdrawn_at=None
        ).update(
            decision=decision,
            look_alike=look_alike,
            name=name,
            decided_by=acting_user,
            decided_at=timezone.now(),
        )
        if not decided:
            return _decided_already(campaign, places, decision, look_alike, acting_user)
        by_tile: dict[int, list[int]] = defaultdict(list)
        for tile, number in places:
            by_tile[tile].append(number)
        submissions: dict[int, Submission] = {}
        if decision != CampaignDecision.EXCLUDE:
            is_mining = decision == CampaignDecision.MINING
            verdict = LabelVerdict.MINING if is_mining else LabelVerdict.NOT_MINING
            lock_tiles(by_tile)
            for tile in sorted(by_tile):
                submissions[tile] = expert_labels(
                    segmented_tile=tiles[tile],
                    labels=[
                        {"superpixel": number, "verdict": verdict, "look_alike": look_alike}
                        for number in by_tile[tile]
                    ],
                    acting_user=acting_user,
                    origin=Origin.CAMPAIGN,
                    submission_id=uuid5(NAMESPACE_OID, f"amber campaign {campaign.pk} tile {tile}"),
                )
        CampaignMember.objects.bulk_create(
            [
                CampaignMember(
                    campaign=campaign,
                    segmented_tile_id=tile,
                    superpixel=number,
                    distance=distance,
                    submission=submissions.get(tile),
                )
                for (tile, number), distance in zip(places, distances, strict=True)
            ],
            batch_size=200,
        )
        details = {"look_alike": look_alike} if look_alike else {}
        record(
            acting_user,
            "campaign.decided",
            campaign,
            decision=decision,
            superpixels=len(places),
            tiles=len(by_tile),
            **details,
        )
    campaign.refresh_from_db()
    return campaign


def _decided_already(
    campaign: Campaign, places: list[SuperpixelRef], decision: str, look_alike: str, acting_user: User
) -> Campaign:
    campaign.refresh_from_db()
    if campaign.withdrawn_at is not None:
        raise Conflict(_("This campaign has been taken back: begin a new one."))
    members = set(campaign.members.values_list("segmented_tile_id", "superpixel"))
    existing = (campaign.decision, campaign.look_alike, campaign.decided_by_id)
    if existing == (decision, look_alike, acting_user.pk) and members == set(places):
        return campaign
    raise Conflict(
        _("%(who)s has decided about this campaign meanwhile: %(decision)s. Nothing was changed.")
        % {
            "who": campaign.decided_by.username if campaign.decided_by else _("Somebody"),
            "decision": campaign.get_decision_display(),
        }
    )


def _check_decision(decision: str, look_alike: str, places: list[SuperpixelRef]) -> None:
    if decision not in (CampaignDecision.LABEL, CampaignDecision.MINING, CampaignDecision.EXCLUDE):
        raise _wrong("decision", _("Choose: label as not mining, label as mining, or leave out of training."))
    if not places:
        raise _wrong("tick", _("Nothing is ticked: tick what you decide about."))
    if len(places) > MOST_TICKED:
        raise _wrong("tick", _("At most %(count)s superpixels at once.") % {"count": MOST_TICKED})
    if decision == CampaignDecision.LABEL and look_alike not in LookAlike.objects.slugs():
        raise _wrong("look_alike", _("Say what it is instead: choose one of the look-alikes."))


def _tiles_of(region: Region, places: Sequence[SuperpixelRef]) -> dict[int, SegmentedTile]:
    """The tiles of all places. Raises UserError for one that is not of the region or has no such superpixel."""
    wanted = {tile for tile, _number in places}
    tiles = {
        row.pk: row
        for row in SegmentedTile.objects.filter(pk__in=wanted, tile__region=region).select_related("tile")
    }
    for tile, number in places:
        if tile not in tiles or not 1 <= number <= tiles[tile].superpixels:
            raise _wrong("tick", _("A ticked superpixel is no longer there: look at the gallery again."))
    return tiles


def withdraw(*, campaign: Campaign, acting_user: User) -> int:
    """Take a campaign back: its labels count no more, its exclusions are lifted. Twice changes nothing.

    Returns how many superpixels are free again. What was trained, searched and published stays what it is: train again
    to undo its effect. Raises NotAllowed for anybody but an expert.
    """
    _check_expert(acting_user)
    with transaction.atomic():
        withdrawn = Campaign.objects.filter(pk=campaign.pk, withdrawn_at=None).update(
            withdrawn_at=timezone.now()
        )
        campaign.refresh_from_db()
        if not withdrawn:
            return 0
        members = list(campaign.members.select_related("segmented_tile", "submission"))
        labelled = {one.segmented_tile_id: one for one in members if one.submission_id is not None}
        lock_tiles(labelled)
        for _tile, member in sorted(labelled.items()):
            assert member.submission_id is not None
            withdraw_decisions(segmented_tile=member.segmented_tile, submissions=[member.submission_id])
        record(acting_user, "campaign.withdrawn", campaign, superpixels=len(members))
    return len(members)


def _check_expert(acting_user: User) -> None:
    if not acting_user.has_role(Role.EXPERT):
        raise NotAllowed(_("Only experts run campaigns against errors."))


def _not_accepted() -> UserError:
    return UserError(_("Accept the report first: a campaign is about an error that is one."))


def _wrong(name: str, sentence: str) -> UserError:
    return UserError(sentence, fields={name: [sentence]})
