"""What a campaign's gallery shows: the superpixels that look like those asked about, and what is known of each."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.template.defaultfilters import floatformat
from django.utils.translation import gettext as _

from detection.look_alikes.index import extractor_key_of
from detection.look_alikes.search import MOST_WANTED, SuperpixelRef, look_alikes_of
from detection.models import Run, SegmentedTile, TileKind, TileScore
from labeling.campaigns.contradictions import approved_superpixels
from labeling.models import (
    Campaign,
    CampaignDecision,
    CampaignMember,
    Consensus,
    LabelVerdict,
)
from labeling.review.card import run_to_review

SHOWN = 60
# As css names what speaks against calling it not mining.
WARNING = "look__warn"


@dataclass(frozen=True)
class CampaignCandidate:
    """A superpixel in the gallery. `score`: the latest run's probability (None: not searched), `called`: whether that
    run called it mining; `verdict` and `by_expert`: what people say of it ("" nobody); `approved`: an expert approved a
    detection that holds it; `is_crop`: a superpixel whose tile is not here, imported with its label; `asked`: the
    campaign began with it; `campaign` and `campaign_name`: the latest other campaign that has decided on it."""

    segmented_tile: int
    superpixel: int
    distance: float
    score: float | None
    called: bool
    verdict: str
    by_expert: bool
    is_crop: bool
    approved: bool
    asked: bool
    campaign: int | None
    campaign_name: str
    ticked: bool

    @property
    def name(self) -> str:
        """As a form sends it back."""
        return f"{self.segmented_tile}-{self.superpixel}"

    @property
    def words(self) -> list[tuple[str, str]]:
        """(css class, words): what the machine and what people say of it; warnings where it may be mining."""
        lines = [self._call()]
        if self.approved:
            lines.append((WARNING, _("approved by an expert")))
        if self.verdict:
            lines.append(self._opinion())
        return lines

    def _call(self) -> tuple[str, str]:
        if self.score is None:
            return "", _("a labelled crop") if self.is_crop else _("not searched")
        values = {"score": floatformat(self.score, 2)}
        if self.called:
            return "look__called", _("called mining · %(score)s") % values
        return "", _("not called · %(score)s") % values

    def _opinion(self) -> tuple[str, str]:
        if self.verdict == LabelVerdict.MINING:
            if self.by_expert:
                return WARNING, _("an expert: mining")
            return WARNING, _("imported as mining") if self.is_crop else _("volunteers: mining")
        if self.verdict == LabelVerdict.NOT_MINING:
            if self.by_expert:
                return "", _("an expert: not mining")
            return "", _("imported as not mining") if self.is_crop else _("volunteers: not mining")
        return "", _("volunteers disagree")


@dataclass(frozen=True)
class CandidateGroup:
    """The candidates of one tile, nearest first."""

    segmented: SegmentedTile
    candidates: list[CampaignCandidate]

    @property
    def is_many(self) -> bool:
        return len(self.candidates) > 1


@dataclass(frozen=True)
class Gallery:
    """`hidden`: places that are ticked and not among those shown; `run`: whose verdicts are told; `more`: whether
    wanting more would show more; `called`: how many of those shown are now called mining; `is_mining`: what the campaign began
    with is, as experts or the crowd say."""

    groups: list[CandidateGroup]
    hidden: list[SuperpixelRef]
    run: Run | None
    shown: int
    called: int
    is_mining: bool
    more: bool


def gallery(
    campaign: Campaign,
    *,
    ticked: Collection[SuperpixelRef] | None,
    like: Sequence[SuperpixelRef] = (),
    only_called: bool = False,
    wanted: int = SHOWN,
) -> Gallery:
    """The candidates, those now called mining first, then by distance; those of one tile together.

    `ticked` None: nothing has been ticked yet, so what the campaign began with is, unless it is called mining. `like`: the mean of these places is
    asked about instead. Raises UserError where there is no index yet. Six queries, whatever is shown.
    """
    region = campaign.region
    origin = [(campaign.segmented_tile_id, number) for number in campaign.superpixels]
    # With a filter everything near is looked at, and the nearest of what passes is shown.
    near = look_alikes_of(
        region=region,
        extractor_key=extractor_key_of(region),
        places=like or origin,
        wanted=MOST_WANTED if only_called else min(wanted, MOST_WANTED),
        as_one=bool(like),
    )
    run = run_to_review(region)
    places = [place for place, _distance in near]
    known = _known(campaign, places, run)
    chosen = set(ticked or ()) if ticked is not None or known.is_mining(origin) else set(origin)
    candidates = [
        CampaignCandidate(
            segmented_tile=tile,
            superpixel=number,
            distance=distance,
            asked=(tile, number) in origin,
            ticked=(tile, number) in chosen,
            **known.about((tile, number)),
        )
        for (tile, number), distance in near
    ]
    if only_called:
        candidates = [one for one in candidates if one.called][:wanted]
    candidates.sort(key=lambda one: not one.called)
    shown = {(one.segmented_tile, one.superpixel) for one in candidates}
    return Gallery(
        groups=_grouped(candidates),
        hidden=sorted(chosen - shown),
        run=run,
        shown=len(candidates),
        called=sum(one.called for one in candidates),
        is_mining=known.is_mining(origin),
        more=wanted < MOST_WANTED and len(candidates) >= wanted,
    )


def _grouped(candidates: Sequence[CampaignCandidate]) -> list[CandidateGroup]:
    """By tile, in the order of each tile's first."""
    by_tile: dict[int, list[CampaignCandidate]] = defaultdict(list)
    for one in candidates:
        by_tile[one.segmented_tile].append(one)
    tiles = SegmentedTile.objects.select_related("tile").in_bulk(list(by_tile))
    return [CandidateGroup(tiles[tile], one) for tile, one in by_tile.items() if tile in tiles]


class _Known:
    """What the database says of some places."""

    def __init__(self) -> None:
        self.scores: dict[SuperpixelRef, float] = {}
        self.threshold = 1.0
        self.verdicts: dict[SuperpixelRef, tuple[str, bool]] = {}
        self.crops: set[int] = set()
        self.approved: set[SuperpixelRef] = set()
        self.campaigns: dict[SuperpixelRef, tuple[int, str]] = {}

    def is_mining(self, places: Collection[SuperpixelRef]) -> bool:
        """Whether experts or the crowd say so of one of them."""
        return any(
            place in self.approved or self.verdicts.get(place, ("", False))[0] == LabelVerdict.MINING
            for place in places
        )

    def about(self, place: SuperpixelRef) -> dict[str, Any]:
        score = self.scores.get(place)
        verdict, by_expert = self.verdicts.get(place, ("", False))
        campaign, name = self.campaigns.get(place, (None, ""))
        return {
            "score": score,
            "called": score is not None and score >= self.threshold,
            "verdict": verdict,
            "by_expert": by_expert,
            "is_crop": place[0] in self.crops,
            "approved": place in self.approved,
            "campaign": campaign,
            "campaign_name": name,
        }


def _known(campaign: Campaign, places: Sequence[SuperpixelRef], run: Run | None) -> _Known:
    known = _Known()
    tiles = {tile for tile, _number in places}
    if run is not None:
        known.threshold = run.threshold
        known.scores = scores_of(run, places)
    known.verdicts = {
        (tile, number): (verdict, by_expert)
        for tile, number, verdict, by_expert in Consensus.objects.filter(
            segmented_tile__in=tiles, piece=0
        ).values_list("segmented_tile_id", "superpixel", "verdict", "by_expert")
    }
    known.crops = set(
        SegmentedTile.objects.filter(pk__in=tiles, tile__kind=TileKind.CROP).values_list("pk", flat=True)
    )
    # An older run's outline says as much of a superpixel as today's.
    known.approved = approved_superpixels(tiles)
    members = (
        CampaignMember.objects.filter(segmented_tile__in=tiles, campaign__withdrawn_at=None)
        .exclude(campaign=campaign)
        .exclude(campaign__decision=CampaignDecision.UNDECIDED)
        .order_by("campaign_id")
    )
    for tile, number, other, name in members.values_list(
        "segmented_tile_id", "superpixel", "campaign_id", "campaign__name"
    ):
        known.campaigns[tile, number] = (other, name)
    return known


def scores_of(run: Run, places: Collection[SuperpixelRef]) -> dict[SuperpixelRef, float]:
    """{place: the run's probability of mining} for those of `places` that it scored. One query."""
    wanted: dict[int, list[int]] = defaultdict(list)
    for tile, number in places:
        wanted[tile].append(number)
    of_place = {}
    for tile, packed in TileScore.objects.filter(run=run, segmented_tile__in=list(wanted)).values_list(
        "segmented_tile_id", "scores"
    ):
        scores = np.frombuffer(bytes(packed), "<f4")
        for number in wanted[tile]:
            if number <= len(scores):
                of_place[tile, number] = float(scores[number - 1])
    return of_place
