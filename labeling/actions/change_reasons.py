"""Why places come and go between the latest release and the one that is being published, from the rows of that moment.

Asked once, when a release is published; what is found is kept in its changes.json. Left out: differences between
releases that are not neighbours (labeling.release_changes puts them together).
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
import shapely

from detection.models import Detection, PassedTile, Run, Tile, TileScore
from labeling.actions.verdicts import DISPUTED, Ground, Standing, ground_of, weigh
from labeling.models import Campaign, CampaignMember, LookAlike, Release, Report, Review, ReviewVerdict
from labeling.release_changes import APPEARED, VANISHED, Difference, Reason

# SQLite takes so many values in one statement at the least.
AT_ONCE = 500
# Tiles of a run that pass by at once.
CHUNK = 5000


@dataclass
class _Known:
    """What the rows say of the places in question; keys are places (the first 16 digits of a tile's checksum)."""

    tiles: dict[str, Tile] = field(default_factory=dict)
    found_before: set[str] = field(default_factory=set)
    found_now: set[str] = field(default_factory=set)
    looked_before: set[str] = field(default_factory=set)
    looked_now: set[str] = field(default_factory=set)
    # The latest review that decides something, of any ground of the tile.
    reviews: dict[str, Review] = field(default_factory=dict)
    # DISPUTED or SECOND, of what the run found there now.
    waiting: dict[str, str] = field(default_factory=dict)
    members: dict[str, Campaign] = field(default_factory=dict)
    campaigns: list[Campaign] = field(default_factory=list)
    # Places of whose ground the release before searched another image, and the one now being made does.
    older: set[str] = field(default_factory=set)
    newer: set[str] = field(default_factory=set)


def reasons_between(previous: Release, run: Run | None, changes: Difference) -> dict[str, Reason]:
    """Place → why it differs from `previous` in the release that is being made of `run`."""
    kinds = changes.kinds()
    known = _known(previous, run, kinds)
    look_alikes = {row.slug: row.names for row in LookAlike.objects.all()}
    return {
        place: _with_names(_why(place, kind, known, previous, run), look_alikes)
        for place, kind in kinds.items()
    }


def _why(place: str, kind: str, known: _Known, previous: Release, run: Run | None) -> Reason:
    if kind == APPEARED:
        return _why_new(place, known, previous, run)
    if kind == VANISHED:
        return _why_gone(place, known, previous, run)
    return _by_machine(known, previous, run) or {"kind": "outline"}


def _why_new(place: str, known: _Known, previous: Release, run: Run | None) -> Reason:
    review = known.reviews.get(place)
    if place in known.found_before:
        if review is not None and _may_be_named(review.report):
            return {"kind": "report", "report": review.report_id}
        return {"kind": "review", "verdict": str(ReviewVerdict.APPROVED)}
    if place not in known.looked_before:
        return {"kind": "imagery" if place in known.older else "new_ground"}
    return _by_machine(known, previous, run) or {"kind": "rule"}


def _why_gone(place: str, known: _Known, previous: Release, run: Run | None) -> Reason:
    if place in known.waiting:
        # Nobody has decided: neither the latest rejection nor the latest approval is why it went.
        return {"kind": "disputed" if known.waiting[place] == DISPUTED else "second_opinion"}
    review = known.reviews.get(place)
    if review is not None and review.verdict == ReviewVerdict.REJECTED:
        if _may_be_named(review.report):
            return {"kind": "report", "report": review.report_id, "look_alike": review.look_alike}
        return {"kind": "review", "verdict": str(ReviewVerdict.REJECTED), "look_alike": review.look_alike}
    if place in known.found_now:
        tile = known.tiles.get(place)
        if tile is not None and not tile.source.may_derive:
            return {"kind": "rights"}
        return {"kind": "unjudged"}
    campaign = known.members.get(place)
    if campaign is not None:
        return _named(campaign) | {"kind": "campaign", "look_alike": campaign.look_alike}
    if place in known.newer:
        return {"kind": "imagery"}
    if place not in known.looked_now:
        return {"kind": "not_searched"}
    return _by_machine(known, previous, run) or {"kind": "rule"}


def _may_be_named(report: Report | None) -> bool:
    """A report whose place is told only roughly stands beside no exact place: the expert's verdict is the reason then."""
    return report is not None and not report.blurred


def _by_machine(known: _Known, previous: Release, run: Run | None) -> Reason | None:
    """Another classifier than before, with the campaigns that it has learned from since."""
    if run is None or previous.run is None or run.classifier_id == previous.run.classifier_id:
        return None
    return {
        "kind": "classifier",
        "classifier": run.classifier_id,
        "campaigns": [_named(campaign) for campaign in known.campaigns],
    }


def _named(campaign: Campaign) -> Reason:
    named: Reason = {"campaign": campaign.name}
    if campaign.report_id is not None:
        named["report"] = campaign.report_id
    return named


def _with_names(reason: Reason, look_alikes: dict[str, dict[str, str]]) -> Reason:
    """The look-alike with its names in all languages: the file is read where there is no list of look-alikes."""
    slug = reason.get("look_alike")
    if slug is None:
        return reason
    rest = {key: value for key, value in reason.items() if key != "look_alike"}
    return rest | {"look_alike": {"slug": slug, "names": look_alikes.get(slug, {})}} if slug else rest


def _known(previous: Release, run: Run | None, kinds: dict[str, str]) -> _Known:
    known = _Known()
    tiles = Tile.objects.whole().filter(region=previous.region_id).order_by()
    by_id = {
        pk: sha256[:16]
        for pk, sha256 in tiles.values_list("pk", "sha256").iterator(chunk_size=5000)
        if sha256[:16] in kinds
    }
    for part in _parts(by_id):
        places = {pk: by_id[pk] for pk in part}
        for tile in Tile.objects.filter(pk__in=part).select_related("source"):
            known.tiles[tile.place_id] = tile
        if previous.run_id is not None:
            known.found_before |= _found(previous.run_id, places)
            known.looked_before |= _looked(previous.run_id, places)
        weighed = _weighed(places)
        known.reviews |= _deciding(weighed, places)
        if run is not None:
            found = _grounds(run.pk, places)
            known.found_now |= {places[pk] for pk in found.values()}
            known.looked_now |= _looked(run.pk, places)
            known.waiting |= {
                places[pk]: weighed[ground].verdict
                for ground, pk in found.items()
                if ground in weighed and weighed[ground].verdict in (DISPUTED, ReviewVerdict.SECOND)
            }
        members = CampaignMember.objects.filter(
            segmented_tile__tile__in=part,
            campaign__decided_at__isnull=False,
            campaign__withdrawn_at__isnull=True,
        )
        for member in members.select_related("campaign", "segmented_tile").order_by("id"):
            known.members[places[member.segmented_tile.tile_id]] = member.campaign
    if run is not None:
        known.campaigns = _learned(previous, run)
        unsearched = known.tiles.keys() - known.looked_now
        known.newer = _with_another_image([known.tiles[place] for place in unsearched], run.pk)
    if previous.run_id is not None:
        unsearched = known.tiles.keys() - known.looked_before
        known.older = _with_another_image([known.tiles[place] for place in unsearched], previous.run_id)
    return known


def _weighed(places: dict[int, str]) -> dict[Ground, Standing]:
    """What all reviews of each ground of the tiles jointly say."""
    grounds: dict[Ground, list[Review]] = defaultdict(list)
    reviews = Review.objects.filter(segmented_tile__tile__in=places).select_related(
        "segmented_tile", "report"
    )
    for review in reviews.order_by("id"):
        grounds[ground_of(review.segmented_tile_id, review.superpixels)].append(review)
    return {ground: weigh(rows) for ground, rows in grounds.items()}


def _deciding(weighed: dict[Ground, Standing], places: dict[int, str]) -> dict[str, Review]:
    """Place → the latest review by which one of its grounds is decided; a dispute or a question decides nothing."""
    decided = [one.review for one in weighed.values() if one.review is not None and not one.waits]
    # Ascending, so that what stays is the latest.
    return {
        places[review.segmented_tile.tile_id]: review for review in sorted(decided, key=lambda one: one.pk)
    }


def _found(run_id: int, places: dict[int, str]) -> set[str]:
    return {places[pk] for pk in _grounds(run_id, places).values()}


def _grounds(run_id: int, places: dict[int, str]) -> dict[Ground, int]:
    """Ground of each detection of the run on the tiles → the tile."""
    rows = Detection.objects.filter(run=run_id, segmented_tile__tile__in=places).order_by()
    told = rows.values_list("segmented_tile", "superpixels", "segmented_tile__tile")
    return {ground_of(segmented, pieces): tile for segmented, pieces, tile in told}


def _looked(run_id: int, places: dict[int, str]) -> set[str]:
    rows = TileScore.objects.filter(run=run_id, segmented_tile__tile__in=places).order_by()
    looked = {places[pk] for pk in rows.values_list("segmented_tile__tile", flat=True)}
    passed = Tile.objects.filter(pk__in=places, passed_in__run=run_id).order_by()
    return looked | {places[pk] for pk in passed.values_list("pk", flat=True)}


def _learned(previous: Release, run: Run) -> list[Campaign]:
    """The campaigns that the run's classifier has learned from and that of the release before had not."""
    campaigns = Campaign.objects.filter(
        region=run.region_id,
        decided_at__lte=run.classifier.created_at,
        withdrawn_at__isnull=True,
    ).order_by("id")
    if previous.run is not None:
        campaigns = campaigns.filter(decided_at__gt=previous.run.classifier.created_at)
    return list(campaigns)


def _with_another_image(tiles: list[Tile], run_id: int) -> set[str]:
    """Those of the places, which the run did not search, of whose middle it searched another image.

    The run's tiles pass by once: a question for each place would be ten thousand of them after a new flight.
    """
    wanted = [(tile, tile.bounds) for tile in tiles if tile.bounds is not None]
    if not wanted:
        return set()
    boxes = np.array([bounds for _tile, bounds in wanted])
    tree = shapely.STRtree(shapely.points((boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2))
    names = ("pk", "west", "south", "east", "north")
    scored = TileScore.objects.filter(run=run_id, segmented_tile__tile__west__isnull=False).order_by()
    passed = PassedTile.objects.filter(run=run_id, tile__west__isnull=False).order_by()
    rows = chain(
        scored.values_list(*(f"segmented_tile__tile__{name}" for name in names)).iterator(chunk_size=CHUNK),
        passed.values_list(*(f"tile__{name}" for name in names)).iterator(chunk_size=CHUNK),
    )
    found: set[str] = set()
    while chunk := list(islice(rows, CHUNK)):
        images = shapely.box(*np.array([row[1:] for row in chunk], dtype=np.float64).T)
        for image, place in zip(*tree.query(images, predicate="intersects"), strict=True):
            tile = wanted[place][0]
            if tile.pk != chunk[image][0]:
                found.add(tile.place_id)
    return found


def _parts(ids: Collection[int]) -> list[list[int]]:
    everything = sorted(ids)
    return [everything[start : start + AT_ONCE] for start in range(0, len(everything), AT_ONCE)]
