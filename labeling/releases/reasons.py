"""Why places come and go between the latest release and the one that is being published, from the rows of that moment.

Asked once, when a release is published; what is found is kept in its changes.json. Left out: differences between
releases that are not neighbours (labeling.releases.files.changes puts them together).
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import shapely
from django.conf import settings
from django.db.models import Q
from django.utils import translation

from amberapp.errors import UserError
from detection.models import Dataset, Detection, Run, Tile, TileScore
from detection.training.dataset import CampaignNote, campaigns_of
from labeling.models import (
    WITHDRAWN,
    Campaign,
    CampaignMember,
    LookAlike,
    OtherReason,
    Release,
    Report,
    Review,
    ReviewVerdict,
)
from labeling.releases.files.changes import APPEARED, VANISHED, Difference, Reason
from labeling.review.verdicts import DISPUTED, Ground, by_ground, ground_of, still_standing, weigh

# SQLite takes so many values in one statement at the least.
AT_ONCE = 500
# Tiles of a run that pass by at once.
CHUNK = 5000
# Of images; None stands for one without a date.
Days = set[dt.date | None]


@dataclass
class _Known:
    """What the rows say of the places in question; keys are places (the first 16 digits of a tile's checksum).

    moment: when the release before was made; of one that published an older one again, when that was. `before` and
    `now`: the ground that the run of the release before and this one found there.
    """

    moment: dt.datetime
    tiles: dict[str, Tile] = field(default_factory=dict)
    before: dict[str, Ground] = field(default_factory=dict)
    now: dict[str, Ground] = field(default_factory=dict)
    # Found by the run of the release before on images whose place was not known then.
    placeless: set[str] = field(default_factory=set)
    looked_before: set[str] = field(default_factory=set)
    looked_now: set[str] = field(default_factory=set)
    # All reviews of each ground of the tiles, oldest first.
    reviews: dict[Ground, list[Review]] = field(default_factory=dict)
    # The latest review that decides something, of any ground of the tile.
    decided: dict[str, Review] = field(default_factory=dict)
    # Number of each campaign that the run's classifier has learned from and the one before had not → what is said of it.
    learned: dict[int, Reason] = field(default_factory=dict)
    # What is said of a place where nothing but the classifier has changed: one object for all, for the list is long.
    machine: Reason | None = None
    # The latest of these campaigns that ticked something of the place.
    members: dict[str, int] = field(default_factory=dict)
    # Places of whose ground the release before searched other images, and the one now being made does: of what days.
    images_before: dict[str, Days] = field(default_factory=dict)
    images_now: dict[str, Days] = field(default_factory=dict)

    def then(self, ground: Ground) -> list[Review]:
        """The reviews of the ground that there were when the release before was made."""
        return [review for review in self.reviews.get(ground, ()) if review.created_at <= self.moment]

    def undone(self, ground: Ground) -> list[Review]:
        """Those that stood then and have been taken back since."""
        return _undone(self.then(ground), self.reviews.get(ground, ()))


def reasons_between(previous: Release, run: Run | None, changes: Difference) -> dict[str, Reason]:
    """Place → why it differs from `previous` in the release that is being made of `run`."""
    kinds = changes.kinds()
    known = _known(previous, run, kinds)
    look_alikes = {row.slug: row.names for row in LookAlike.objects.all()}
    for reason in OtherReason:
        look_alikes[reason] = _in_all_languages(reason)
    return {
        place: _with_names(_why(place, kind, known, previous), look_alikes) for place, kind in kinds.items()
    }


def _why(place: str, kind: str, known: _Known, previous: Release) -> Reason:
    if kind == APPEARED:
        return _why_new(place, known, previous)
    if kind == VANISHED:
        return _why_gone(place, known)
    return _why_changed(place, known)


def _why_changed(place: str, known: _Known) -> Reason:
    now = known.now.get(place)
    review = weigh(known.reviews.get(now, [])).review if now is not None else None
    if review is not None and review.correction is not None and review.created_at > known.moment:
        return {"kind": "corrected"}
    if now is not None and any(one.correction is not None for one in known.undone(now)):
        return {"kind": "taken_back", "verdict": str(ReviewVerdict.APPROVED)}
    return known.machine or {"kind": "outline"}


def _why_new(place: str, known: _Known, previous: Release) -> Reason:
    before, now = known.before.get(place), known.now.get(place)
    if before is None or now is None:
        if place not in known.looked_before:
            if place not in known.images_before:
                return {"kind": "new_ground"}
            day = known.tiles[place].capture_date
            newer = day is not None and all(one and one < day for one in known.images_before[place])
            return {"kind": "imagery" if newer else "another_image"}
        return known.machine or {"kind": "rule"}
    if before == now and weigh(known.then(now)).verdict == ReviewVerdict.APPROVED:
        # Experts had approved it already: something else kept it off the map.
        if place in known.placeless:
            return {"kind": "placed"}
        if previous.statistics.get("not_on_the_map", {}).get("withheld"):
            return {"kind": "rights_given"}
    reviews = known.reviews.get(now, [])
    approvals = [one for one in still_standing(reviews) if one.verdict == ReviewVerdict.APPROVED]
    if any(one.created_at > known.moment for one in approvals):
        corrected = {"corrected": True} if weigh(reviews).correction is not None else {}
        return {"kind": "review", "verdict": str(ReviewVerdict.APPROVED), **corrected}
    if before != now:
        # Approved long ago in the outline in which it is found again.
        return known.machine or {"kind": "rule"}
    undone = known.undone(now)
    if not undone and reviews and reviews[-1].verdict == WITHDRAWN:
        # Taken back while the release before was being written.
        undone = _undone(reviews[:-1], reviews)
    if undone:
        return {"kind": "taken_back", "verdict": str(undone[-1].verdict)}
    return {"kind": "review", "verdict": str(ReviewVerdict.APPROVED)}


def _why_gone(place: str, known: _Known) -> Reason:
    before, now = known.before.get(place), known.now.get(place)
    if now is not None:
        said = weigh(known.reviews.get(now, []))
        if said.verdict in (DISPUTED, ReviewVerdict.SECOND):
            # Nobody has decided: neither the latest rejection nor the latest approval is why it went.
            return {"kind": "disputed" if said.verdict == DISPUTED else "second_opinion"}
        if said.verdict == ReviewVerdict.APPROVED:
            tile = known.tiles.get(place)
            withheld = tile is not None and not tile.source.may_derive
            return {"kind": "rights" if withheld else "unknown"}
        if said.verdict == ReviewVerdict.REJECTED and said.review is not None:
            older = said.review.created_at <= known.moment
            if not (older and now == before and known.undone(now)):
                return _rejection(said.review)
        if now == before:
            # It was on the map, so an expert had approved it.
            return {"kind": "taken_back", "verdict": str(ReviewVerdict.APPROVED)}
    rejected = _rejected_since(place, known)
    if rejected is not None:
        return _rejection(rejected)
    if now is not None:
        return {"kind": "unjudged"}
    if place in known.members:
        return known.learned[known.members[place]] | {"kind": "campaign"}
    if place in known.images_now:
        day = known.tiles[place].capture_date
        newer = day is not None and any(one and one > day for one in known.images_now[place])
        return {"kind": "imagery" if newer else "another_image"}
    if place not in known.looked_now:
        return {"kind": "not_searched"}
    return known.machine or {"kind": "rule"}


def _rejected_since(place: str, known: _Known) -> Review | None:
    """The rejection by which ground of the place was decided last, where that is why the place went."""
    review = known.decided.get(place)
    if review is None or review.verdict != ReviewVerdict.REJECTED:
        return None
    if review.created_at > known.moment:
        return review
    # Made while the release before was being written; or overruled then, by an approval that has been taken back.
    ground = ground_of(review.segmented_tile_id, review.superpixels)
    return review if ground == known.before.get(place) and not known.undone(ground) else None


def _rejection(review: Review) -> Reason:
    if _may_be_named(review.report):
        return {"kind": "report", "report": review.report_id, "look_alike": review.look_alike}
    return {"kind": "review", "verdict": str(ReviewVerdict.REJECTED), "look_alike": review.look_alike}


def _undone(earlier: Sequence[Review], later: Sequence[Review]) -> list[Review]:
    """What stood among the earlier reviews of a ground and stands no more among the later ones."""
    stands = {review.pk for review in still_standing(later)}
    return [review for review in still_standing(earlier) if review.pk not in stands]


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
        "campaigns": [
            {key: value for key, value in one.items() if key != "look_alike"}
            for one in known.learned.values()
        ],
    }


def _with_names(reason: Reason, look_alikes: dict[str, dict[str, str]]) -> Reason:
    """The look-alike with its names in all languages: the file is read where there is no list of look-alikes."""
    slug = reason.get("look_alike")
    if slug is None:
        return reason
    rest = {key: value for key, value in reason.items() if key != "look_alike"}
    return rest | {"look_alike": {"slug": slug, "names": look_alikes.get(slug, {})}} if slug else rest


def _in_all_languages(reason: OtherReason) -> dict[str, str]:
    names = {}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            names[code] = str(reason.label)
    return names


def _known(previous: Release, run: Run | None, kinds: dict[str, str]) -> _Known:
    shown = previous.restores or previous
    known = _Known(shown.created_at, learned=_learned(previous.run, run))
    known.machine = _by_machine(known, previous, run)
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
        reviews = _reviews(part)
        known.reviews |= reviews
        known.decided |= _deciding(reviews, places)
        if previous.run_id is not None:
            for place, ground, placed in _grounds(previous.run_id, places):
                known.before[place] = ground
                if not placed:
                    known.placeless.add(place)
            known.looked_before |= _looked(previous.run_id, places)
        if run is not None:
            known.now |= {place: ground for place, ground, _placed in _grounds(run.pk, places)}
            known.looked_now |= _looked(run.pk, places)
        if known.learned:
            members = CampaignMember.objects.filter(segmented_tile__tile__in=part).order_by("campaign")
            for tile_id, number in members.values_list("segmented_tile__tile", "campaign").distinct():
                if number in known.learned:
                    known.members[places[tile_id]] = number
    if run is not None:
        unsearched = known.tiles.keys() - known.looked_now
        known.images_now = _other_images([known.tiles[place] for place in unsearched], run.pk)
    if previous.run_id is not None:
        unsearched = known.tiles.keys() - known.looked_before
        known.images_before = _other_images([known.tiles[place] for place in unsearched], previous.run_id)
    return known


def _reviews(tiles: Collection[int]) -> dict[Ground, list[Review]]:
    """All reviews of each ground of the tiles, oldest first."""
    reviews = Review.objects.filter(segmented_tile__tile__in=tiles).select_related("segmented_tile", "report")
    return by_ground(reviews.order_by("id"))


def _deciding(reviews: dict[Ground, list[Review]], places: dict[int, str]) -> dict[str, Review]:
    """Place → the latest review by which one of its grounds is decided; a dispute or a question decides nothing."""
    weighed = [weigh(rows) for rows in reviews.values()]
    decided = [one.review for one in weighed if one.review is not None and not one.waits]
    # Ascending, so that what stays is the latest.
    return {
        places[review.segmented_tile.tile_id]: review for review in sorted(decided, key=lambda one: one.pk)
    }


def _grounds(run_id: int, places: dict[int, str]) -> list[tuple[str, Ground, bool]]:
    """(place, ground, whether its outline is known in degrees) of each detection of the run on the tiles."""
    rows = Detection.objects.filter(run=run_id, segmented_tile__tile__in=places).order_by()
    rows = rows.annotate(placed=Q(outline__isnull=False))
    told = rows.values_list("segmented_tile__tile", "segmented_tile", "superpixels", "placed")
    return [
        (places[tile], ground_of(segmented, superpixels), placed)
        for tile, segmented, superpixels, placed in told
    ]


def _looked(run_id: int, places: dict[int, str]) -> set[str]:
    rows = TileScore.objects.filter(run=run_id, segmented_tile__tile__in=places).order_by()
    return {places[pk] for pk in rows.values_list("segmented_tile__tile", flat=True)}


def _learned(before: Run | None, run: Run | None) -> dict[int, Reason]:
    """What is said of each campaign that the run's classifier has learned from and that of `before` had not.

    The datasets name them: a campaign that was decided while the classifier was in training is none of them. Nothing is
    said where the file of a dataset is lost.
    """
    if run is None or before is None or run.classifier_id == before.classifier_id:
        return {}
    notes, known = _notes(run.classifier.dataset), _notes(before.classifier.dataset)
    if notes is None or known is None:
        return {}
    older = {note.number for note in known}
    new = {note.number: note for note in notes if note.number not in older}
    campaigns = Campaign.objects.filter(pk__in=new, report__isnull=False).select_related("report")
    reports = {one.pk: one.report_id for one in campaigns if _may_be_named(one.report)}
    return {
        number: {"campaign": note.name, "look_alike": note.look_alike}
        | ({"report": reports[number]} if number in reports else {})
        for number, note in sorted(new.items())
    }


def _notes(dataset: Dataset) -> list[CampaignNote] | None:
    try:
        return campaigns_of(dataset)
    except UserError:
        return None


def _other_images(tiles: list[Tile], run_id: int) -> dict[str, Days]:
    """Of the places, which the run did not search: the days of the other images of their middle that it searched.

    The run's tiles pass by once: a question for each place would be ten thousand of them after a new flight.
    """
    wanted = [(tile, tile.bounds) for tile in tiles if tile.bounds is not None]
    if not wanted:
        return {}
    boxes = np.array([bounds for _tile, bounds in wanted])
    tree = shapely.STRtree(shapely.points((boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2))
    names = ("pk", "capture_date", "west", "south", "east", "north")
    scored = TileScore.objects.filter(run=run_id, segmented_tile__tile__west__isnull=False).order_by()
    rows = scored.values_list(*(f"segmented_tile__tile__{name}" for name in names)).iterator(chunk_size=CHUNK)
    found: dict[str, Days] = {}
    while chunk := list(islice(rows, CHUNK)):
        images = shapely.box(*np.array([row[2:] for row in chunk], dtype=np.float64).T)
        for image, place in zip(*tree.query(images, predicate="intersects"), strict=True):
            tile = wanted[place][0]
            if tile.pk != chunk[image][0]:
                found.setdefault(tile.place_id, set()).add(chunk[image][1])
    return found


def _parts(ids: Collection[int]) -> list[list[int]]:
    everything = sorted(ids)
    return [everything[start : start + AT_ONCE] for start in range(0, len(everything), AT_ONCE)]
