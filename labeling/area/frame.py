"""The tiles that a sample is drawn from: every tile of a run whose place is known, in four strata, ground counted once."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from detection.geometry import geodesic_area_hectares, polygons_of
from detection.models import Detection, Run, TileScore
from labeling.area.estimators.ground import LEAST_SHARE, box_hectares, own_ground
from labeling.models import ReviewVerdict
from labeling.review.corrections import shown
from labeling.review.verdicts import EffectiveReview, current_verdicts, verdicts_at

# So many outlines are read at once.
AT_ONCE = 500
# On the map; found by the machine and not on the map; a high score below the rule; all the others.
MAP, FOUND, NEAR, REST = "map", "found", "near", "rest"
STRATA = (MAP, FOUND, NEAR, REST)


@dataclass
class Frame:
    """By stratum: segmented tiles (ascending ids) and the hectares that they cover together.

    `mapped`: what the map shows, superpixels by segmented tile, and `mapped_hectares` of it, ground counted once;
    `placeless` tiles have no place, `covered` ones no ground that a newer tile does not show: neither is in a stratum.
    """

    tiles: dict[str, npt.NDArray[np.int64]]
    ground: dict[str, float]
    mapped: dict[int, list[int]] = field(default_factory=dict)
    mapped_hectares: float = 0.0
    placeless: int = 0
    covered: int = 0

    @property
    def searched(self) -> int:
        return sum(len(tiles) for tiles in self.tiles.values())


@dataclass(frozen=True)
class Searched:
    """The placed tiles of a run, those with the first claim on their ground first; arrays of one length.

    segmented: int64 ids; boxes: float64 (n, 4), west, south, east, north in degrees; positives: how many superpixels
    reach the threshold; publishable: whether derived data of the source may be published.
    """

    segmented: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.float64]
    positives: npt.NDArray[np.int64]
    publishable: npt.NDArray[np.bool_]
    placeless: int


def frame_of(run: Run, moment: dt.datetime | None = None) -> Frame:
    """The frame of a finished run as the experts' verdicts stood at `moment`; None: as they stand now. Five queries, whatever the size, and one more for
    every AT_ONCE places on the map whose ground a newer image shows in part."""
    searched = searched_by(run)
    ground = own_ground(searched.boxes)
    whole = ground.shares >= LEAST_SHARE
    hectares = box_hectares(searched.boxes) * ground.shares
    verdicts = current_verdicts(run) if moment is None else verdicts_at(run, moment)
    approved = {pk for pk, verdict in verdicts.items() if verdict.verdict == ReviewVerdict.APPROVED}
    marked: set[int] = set()
    mapped: dict[int, list[int]] = {}
    mapped_hectares = 0.0
    number_of = {segmented: index for index, segmented in enumerate(searched.segmented.tolist())}
    shared: dict[int, BaseGeometry] = {}
    corrected: dict[int, BaseGeometry | None] = {}
    may_publish = dict(zip(searched.segmented.tolist(), searched.publishable.tolist(), strict=True))
    detections = run.detections.order_by().values_list("pk", "segmented_tile", "superpixels", "hectares")
    for pk, segmented, superpixels, area in detections.iterator(chunk_size=2000):
        marked.add(segmented)
        if pk in approved and may_publish.get(segmented):
            correction = verdicts[pk].review.correction
            mapped[segmented] = sorted(superpixels if correction is None else correction["superpixels"])
            left = ground.left(number_of[segmented])
            if correction is not None:
                corrected[pk] = left
            elif left is None:
                mapped_hectares += area or 0.0
            else:
                shared[pk] = left
    mapped_hectares += _hectares_within(shared) + _hectares_corrected(corrected, verdicts)
    is_mapped = np.isin(searched.segmented, list(mapped))
    is_found = np.isin(searched.segmented, list(marked)) & ~is_mapped
    is_near = (searched.positives > 0) & ~is_mapped & ~is_found
    masks = {MAP: is_mapped, FOUND: is_found, NEAR: is_near, REST: ~(is_mapped | is_found | is_near)}
    return Frame(
        tiles={name: np.sort(searched.segmented[mask & whole]) for name, mask in masks.items()},
        ground={name: float(hectares[mask & whole].sum()) for name, mask in masks.items()},
        mapped=mapped,
        mapped_hectares=mapped_hectares,
        placeless=searched.placeless,
        covered=int((~whole).sum()),
    )


def _hectares_within(shared: dict[int, BaseGeometry]) -> float:
    """What detections, by number, cover of the ground that is their tiles' own."""
    hectares = 0.0
    numbers = sorted(shared)
    for start in range(0, len(numbers), AT_ONCE):
        rows = Detection.objects.filter(pk__in=numbers[start : start + AT_ONCE], outline__isnull=False)
        for pk, outline, area in rows.order_by().values_list("pk", "outline", "hectares"):
            drawn = shape(outline)
            if shapely.covers(shared[pk], drawn):  # most: what was taken is a strip along the tile's edge
                hectares += area or 0.0
                continue
            ground = shapely.intersection(shapely.make_valid(drawn), shared[pk])
            hectares += geodesic_area_hectares(polygons_of(ground))
    return hectares


def _hectares_corrected(
    corrected: dict[int, BaseGeometry | None], verdicts: dict[int, EffectiveReview]
) -> float:
    """What experts' outlines of these detections cover of the ground that is their tiles' own; None: all of the tile."""
    hectares = 0.0
    numbers = sorted(corrected)
    for start in range(0, len(numbers), AT_ONCE):
        for one in Detection.objects.with_ground().filter(pk__in=numbers[start : start + AT_ONCE]):
            drawn, left = shown(one, verdicts[one.pk]), corrected[one.pk]
            if drawn.outline is None:
                continue
            ground = shapely.make_valid(shape(drawn.outline))
            if left is not None:
                ground = shapely.intersection(ground, left)
            hectares += geodesic_area_hectares(polygons_of(ground))
    return hectares


def searched_by(run: Run) -> Searched:
    """The tiles that the run scored. The newest image has the first claim on its ground, undated ones the last."""
    rows = sorted(
        _rows(run), key=lambda row: (row[0] is None, -(row[0].toordinal() if row[0] else 0), -row[1])
    )
    placed = [row for row in rows if None not in row[2]]
    return Searched(
        segmented=np.array([row[1] for row in placed], dtype=np.int64),
        boxes=np.array([row[2] for row in placed], dtype=np.float64).reshape(-1, 4),
        positives=np.array([row[3] for row in placed], dtype=np.int64),
        publishable=np.array([row[4] for row in placed], dtype=bool),
        placeless=len(rows) - len(placed),
    )


def searched_the_same(run: Run, other: Run) -> bool:
    """Whether both runs looked at the very same tiles, cut alike: then a sample of one is a sample of the other."""
    if run.region_id != other.region_id or run.segmentation_id != other.segmentation_id:
        return False
    return run.tiles == other.tiles and bool(np.array_equal(_looked_at(run), _looked_at(other)))


def _looked_at(run: Run) -> npt.NDArray[np.int64]:
    scored = TileScore.objects.filter(run=run).order_by().values_list("segmented_tile", flat=True)
    return np.unique(np.fromiter(scored.iterator(chunk_size=5000), dtype=np.int64))


def _rows(run: Run) -> Iterator[tuple[Any, ...]]:
    tile = "segmented_tile__tile__"
    rows = TileScore.objects.filter(run=run).order_by("id")
    fields = [f"{tile}{name}" for name in ("west", "south", "east", "north")]
    for date, segmented, positives, may_derive, *box in rows.values_list(
        f"{tile}capture_date", "segmented_tile", "positives", f"{tile}source__may_derive", *fields
    ).iterator(chunk_size=5000):
        yield date, segmented, tuple(box), positives, may_derive
