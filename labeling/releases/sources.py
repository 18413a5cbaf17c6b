"""Everything a release says, gathered from the rows in few queries, for labeling.releases.files.writers to write down."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import shapely
from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from shapely.geometry import MultiPolygon, shape

from amberapp import storage
from amberapp.errors import NotThere, UserError
from detection.ground.district_shapes import parts_of, polygons_of
from detection.ground.pictures import picture_size
from detection.models import (
    Dataset,
    Detection,
    District,
    ImagerySource,
    PlaceName,
    Run,
    SegmentedTile,
    Tile,
    TileFailure,
    TileScore,
)
from detection.models.ground import TileKind
from detection.training.card import as_text, model_card
from detection.training.dataset import campaigns_of
from labeling.area.estimate import as_published
from labeling.area.estimators.words import readme_lines
from labeling.area.sample import published_estimate
from labeling.models import AreaSample, Consensus, ReviewVerdict
from labeling.releases.catalogue import Pictures
from labeling.releases.files.content import (
    Content,
    Labelled,
    Name,
    OutlinedPlace,
    Searched,
    Source,
    make_place,
)
from labeling.releases.files.content import District as DistrictContent
from labeling.releases.files.labels import PICTURE_SIDE, VERDICTS
from labeling.releases.files.published_place import Bounds, OtherDate
from labeling.review.corrections import shown
from labeling.review.verdicts import EffectiveReview

# Another image shows the same ground when it covers so much of the tile; so many are named, the newest.
SAME_GROUND = 0.6
MOST_DATES = 6
CHUNK = 5000
LABELLED_CHUNK = 50
# Of a consensus: more than one volunteer's vote.
JOINT = Q(votes__gt=1) | Q(votes=1, by_expert=True)


@dataclass(frozen=True)
class ReleaseSources:
    """content; the images that may be asked for; the sample whose estimate stands in it."""

    content: Content
    pictures: Pictures
    sample: AreaSample | None


def gather(run: Run, verdicts: dict[int, EffectiveReview]) -> ReleaseSources:
    """Raises UserError for an outline that cannot be published."""
    sources: dict[int, Source] = {}
    pictures: Pictures = {}
    places: list[OutlinedPlace] = []
    withheld = placeless = 0
    approved = {pk for pk, verdict in verdicts.items() if verdict.verdict == ReviewVerdict.APPROVED}
    for detection in _approved_detections(run, approved):
        tile = detection.segmented_tile.tile
        source = sources.setdefault(tile.source_id, _source(tile.source))
        if detection.outline is None or tile.bounds is None:
            placeless += 1
        elif not tile.source.may_derive:
            withheld += 1
        else:
            # At once, so that no more than a few outlines are held as lists of numbers.
            places.append(_place(detection, source, verdicts[detection.pk]))
            pictures[tile.place_id] = (tile.sha256, tile.image_key, tile.source_id)
    places = _with_dates(run, places, pictures)
    searched, unplaced, taken = _searched(run)
    for row in ImagerySource.objects.filter(pk__in=taken).order_by("id"):
        sources.setdefault(row.pk, _source(row))
    names = {pk: source.name for pk, source in sources.items()}
    said = Counter(verdict.verdict for verdict in verdicts.values())
    judged = said[ReviewVerdict.APPROVED] + said[ReviewVerdict.REJECTED]
    sample = published_estimate(run)
    estimate = as_published(sample, run, verdicts) if sample else None
    content = Content(
        region={"name": run.region.name, "slug": run.region.slug, "mineral": run.region.mineral},
        method=method_of(run),
        places=places,
        searched=searched,
        sources=list(sources.values()),
        apart={
            "rejected": said[ReviewVerdict.REJECTED],
            "waiting": run.detections.count() - judged,
            "approved_without_place": placeless,
            "withheld": withheld,
            "tiles_without_place": unplaced,
            "tiles_failed": TileFailure.objects.filter(run=run).count(),
        },
        taken={names[pk]: told for pk, told in taken.items()},
        districts=[
            DistrictContent(row.name, row.names, MultiPolygon([*parts_of(polygons_of(shape(row.polygon)))]))
            for row in District.objects.filter(region=run.region_id).order_by("name")
        ],
        names=[
            Name(row.name, row.names, row.latitude, row.longitude)
            for row in PlaceName.objects.filter(region=run.region_id).order_by("id")
        ],
        licence=settings.AMBER["AMBER_DATA_LICENCE"],
        publisher=settings.AMBER["AMBER_PUBLISHER"],
        site=settings.AMBER["AMBER_SITE_URL"],
        estimate=estimate,
        estimate_lines=readme_lines(estimate),
        labels=lambda: _labelled(run, pictures),
        card=_card(run),
    )
    return ReleaseSources(content, pictures, sample)


def _card(run: Run) -> tuple[dict[str, Any], str]:
    card = model_card(run.classifier)
    return card, as_text(card)


def method_of(run: Run) -> dict[str, Any]:
    classifier = run.classifier
    return {
        "run": run.pk,
        "threshold": run.threshold,
        "positive_superpixels": run.positive_superpixels,
        "segmentation": {"key": run.segmentation.key, "n_segments": run.segmentation.n_segments},
        "classifier": {
            "id": classifier.pk,
            "algorithm": classifier.algorithm,
            "extractor": classifier.extractor_key,
            "dataset": classifier.dataset.content_hash,
            "campaigns": _campaigns(classifier.dataset),
            "model_sha256": classifier.model_sha256,
            "precision_target": classifier.precision_target,
            **({"outline": True} if classifier.metrics.get("outline") else {}),
        },
    }


def _campaigns(dataset: Dataset) -> list[dict[str, Any]] | None:
    """The error campaigns that the dataset's file names; None where the file is lost or is not what it was.

    Then the release says so: the map does not stand or fall with it.
    """
    try:
        return [asdict(note) for note in campaigns_of(dataset)]
    except UserError:
        return None


def _place(detection: Detection, source: Source, verdict: EffectiveReview) -> OutlinedPlace:
    tile, drawn = detection.segmented_tile.tile, shown(detection, verdict)
    assert drawn.outline is not None  # those without have been counted and left out
    assert tile.bounds is not None
    try:
        return make_place(
            place=tile.place_id,
            outline=drawn.outline,
            bounds=tile.bounds,
            score=detection.score,
            capture_date=tile.capture_date,
            superpixels=drawn.superpixels,
            source=source,
            reviewed=timezone.localdate(verdict.review.created_at),
            corrected=drawn.corrected,
        )
    except ValueError as error:
        raise UserError(
            _("Detection %(id)s (%(tile)s) cannot be published: %(reason)s.")
            % {"id": detection.pk, "tile": tile, "reason": error}
        ) from error


def _approved_detections(run: Run, approved: set[int]) -> Iterator[Detection]:
    """One query for all: a list of ten thousand ids would not fit into one statement."""
    everything = (
        Detection.objects.filter(run=run)
        .select_related("segmented_tile__tile__source")
        .defer("pixel_outline")
        .order_by("id")
    )
    return (detection for detection in everything.iterator(chunk_size=100) if detection.pk in approved)


def _with_dates(run: Run, places: list[OutlinedPlace], pictures: Pictures) -> list[OutlinedPlace]:
    """The places with the other images of their ground that may be shown; the tiles pass by in chunks."""
    if not places:
        return places
    tree = shapely.STRtree(shapely.box(*np.array([place.tile for place in places]).T))
    others: list[list[tuple[str, OtherDate]]] = [[] for _place in places]
    fields = ("sha256", "image_key", "source_id", "capture_date", "west", "south", "east", "north")
    tiles = Tile.objects.filter(
        region=run.region_id,
        kind=TileKind.TILE,
        west__isnull=False,
        capture_date__isnull=False,
        source__may_publish=True,
    )
    chunk: list[tuple[Any, ...]] = []

    def look(rows: list[tuple[Any, ...]]) -> None:
        boxes = shapely.box(*np.array([row[4:] for row in rows], dtype=np.float64).T)
        for number, at in zip(*tree.query(boxes), strict=True):
            sha256, image_key, source_id, day = rows[number][:4]
            place = places[at]
            if day.isoformat() == place.capture_date or _share(place.tile, rows[number][4:]) < SAME_GROUND:
                continue
            others[at].append((sha256, OtherDate(sha256[:16], day, rows[number][4:])))
            pictures[sha256[:16]] = (sha256, image_key, source_id)

    for row in tiles.order_by("id").values_list(*fields).iterator(chunk_size=CHUNK):
        chunk.append(row)
        if len(chunk) == CHUNK:
            look(chunk)
            chunk = []
    if chunk:
        look(chunk)
    for number, seen in enumerate(others):
        newest = sorted(seen, key=lambda pair: (-pair[1].capture_date.toordinal(), pair[0]))
        if newest:
            dates = tuple(other for _sha256, other in newest[:MOST_DATES])
            places[number] = replace(places[number], dates=dates)
    return places


def _share(own: Bounds, other: Bounds) -> float:
    """How much of the first box the second covers, 0…1."""
    west, south = max(own[0], other[0]), max(own[1], other[1])
    east, north = min(own[2], other[2]), min(own[3], other[3])
    whole = (own[2] - own[0]) * (own[3] - own[1])
    return max(0.0, east - west) * max(0.0, north - south) / whole if whole > 0 else 0.0


def _searched(run: Run) -> tuple[list[Searched], int, dict[int, dict[str, Any]]]:
    """The tiles that the run scored: those on the map, how many have no place, and by source when they were taken."""
    wanted = [
        f"segmented_tile__tile__{name}"
        for name in ("west", "south", "east", "north", "capture_date", "source_id")
    ]
    searched: list[Searched] = []
    unplaced = 0
    taken: dict[int, dict[str, Any]] = {}
    rows = TileScore.objects.filter(run=run).order_by("id").values_list(*wanted)
    for west, south, east, north, date, source in rows.iterator(chunk_size=CHUNK):
        told = taken.setdefault(source, {"first_date": None, "last_date": None, "tiles": 0, "undated": 0})
        told["tiles"] += 1
        if date is None:
            told["undated"] += 1
        else:
            told["first_date"] = min(told["first_date"] or date, date)
            told["last_date"] = max(told["last_date"] or date, date)
        if None in (west, south, east, north):
            unplaced += 1
        else:
            searched.append(Searched((west, south, east, north), date.year if date else None))
    for told in taken.values():
        for name in ("first_date", "last_date"):
            told[name] = told[name].isoformat() if told[name] else None
    return searched, unplaced, taken


def _source(row: ImagerySource) -> Source:
    return Source(row.name, row.attribution, row.licence, row.may_publish, row.synthetic)


def _labelled(run: Run, pictures: Pictures) -> Iterator[Labelled]:
    """The region's labelled tiles, sorted by place, a few at a time; those of sources that allow nothing derived from
    them are left out. Names of people are not read at all.

    Left out too: what a single volunteer says (that would be a person's vote), and gold-standard tiles, whose answers would tell
    the checks that volunteers are given unseen."""
    labelled = Consensus.objects.filter(JOINT, segmented_tile=OuterRef("pk"), piece=0)
    rows = (
        SegmentedTile.objects.filter(
            tile__region=run.region_id,
            tile__kind=TileKind.TILE,
            tile__source__may_derive=True,
            segmentation=run.segmentation_id,
            known__isnull=True,
        )
        .exclude(outlines_key="")
        .filter(Exists(labelled))
    )
    ordered = sorted(rows.order_by().values_list("tile__sha256", "pk"))
    for start in range(0, len(ordered), LABELLED_CHUNK):
        wanted = [pk for _sha256, pk in ordered[start : start + LABELLED_CHUNK]]
        tiles = SegmentedTile.objects.select_related("tile__source").in_bulk(wanted)
        verdicts: dict[int, list[dict[str, Any]]] = {pk: [] for pk in wanted}
        told = Consensus.objects.filter(
            JOINT, segmented_tile__in=wanted, piece=0, verdict__in=VERDICTS
        ).order_by("segmented_tile_id", "superpixel")
        for row in told:
            verdicts[row.segmented_tile_id].append(
                {
                    "superpixel": row.superpixel,
                    "verdict": str(row.verdict),
                    "posterior": round(row.posterior, 4),
                    "votes": row.votes,
                    "agreeing": row.agreeing,
                    "by_expert": row.by_expert,
                    "look_alike": row.look_alike,
                }
            )
        for pk in wanted:
            one = _one_labelled(tiles[pk], verdicts[pk], pictures)
            if one is not None:
                yield one


def _one_labelled(
    segmented: SegmentedTile, verdicts: list[dict[str, Any]], pictures: Pictures
) -> Labelled | None:
    tile = segmented.tile
    try:
        outlines = _rings(segmented, {row["superpixel"] for row in verdicts})
    except NotThere:
        # A tile whose outlines are lost cannot say where its labels lie; the map does not stand or fall with them.
        return None
    rows = [row for row in verdicts if row["superpixel"] in outlines]
    if not rows:
        return None
    if tile.source.may_publish:
        pictures.setdefault(tile.place_id, (tile.sha256, tile.image_key, tile.source_id))
    return Labelled(
        place=tile.place_id,
        width=tile.width,
        height=tile.height,
        bounds=tile.bounds,
        capture_date=tile.capture_date,
        source=tile.source.name,
        picture=picture_size(tile.width, tile.height, PICTURE_SIDE) if tile.source.may_publish else None,
        outlines=outlines,
        verdicts=rows,
    )


def _rings(segmented: SegmentedTile, wanted: set[int]) -> dict[int, list[list[list[int]]]]:
    """Superpixel → its rings in pixel corners, of those that the tile has. Raises NotThere."""
    superpixels = json.loads(storage.get(segmented.outlines_key))["pieces"]
    return {number: superpixels[number - 1] for number in sorted(wanted) if 1 <= number <= len(superpixels)}
