"""From experts' answers on sampled tiles to the figures that are published."""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from amberapp import storage
from amberapp.errors import Conflict
from detection.models import Run, SegmentedTile
from detection.segmentation.raster import decode_blocks
from labeling.area.estimators.ground import block_hectares, own_ground
from labeling.area.estimators.intervals import CONFIDENCE
from labeling.area.estimators.tiles import Figure, Stratum, estimate_tiles
from labeling.area.frame import MAP, STRATA, searched_by
from labeling.models import AreaSample, ReviewVerdict, SampleAnswer, SampleTile
from labeling.review.verdicts import EffectiveReview, verdicts_at

# More unusable tiles than this share may hide something: cloud does not fall by chance everywhere.
MANY_UNUSABLE = 0.1


@dataclass(frozen=True)
class MinedAndMapped:
    """A sampled tile: hectares mined (mean over experts), mapped, and both."""

    mined: float
    mapped: float
    both: float


def as_published(sample: AreaSample, run: Run, verdicts: dict[int, EffectiveReview]) -> dict[str, Any]:
    """The estimate of a closed sample for a release that shows what these verdicts of `run` approve.

    The hectares stand whatever the map shows. Precision and recall are of the map as it was when the tiles were drawn;
    `map_changed`, where it is not zero, says on how many tiles it shows something else since. `of_run` names the run
    that was drawn from, where it is an earlier one. Four queries at most.
    """
    estimate: dict[str, Any] = dict(sample.estimate or {})
    then, now = _approved(verdicts_at(sample.run, sample.created_at)), _approved(verdicts)
    changed = 0
    if sample.run_id != run.pk:
        estimate["of_run"] = sample.run_id
    if sample.run_id != run.pk or then != now:
        differing = _shown(sample.run, then) ^ _shown(run, now)
        changed = len({tile for tile, _superpixels in differing})
    return estimate | ({"map_changed": changed} if changed else {})


def _approved(verdicts: dict[int, EffectiveReview]) -> dict[int, list[int] | None]:
    """Detection → its superpixels as an expert has corrected them; None: as the machine drew it."""
    return {
        pk: None if verdict.review.correction is None else verdict.review.correction["superpixels"]
        for pk, verdict in verdicts.items()
        if verdict.verdict == ReviewVerdict.APPROVED
    }


def _shown(run: Run, approved: dict[int, list[int] | None]) -> set[tuple[int, tuple[int, ...]]]:
    """(segmented tile, superpixels) of what the map shows. What has no place, or what may not be published, it does not."""
    rows = run.detections.filter(
        outline__isnull=False,
        segmented_tile__tile__west__isnull=False,
        segmented_tile__tile__source__may_derive=True,
    )
    values = rows.order_by().values_list("pk", "segmented_tile", "superpixels")
    return {
        (tile, tuple(sorted(superpixels if (drawn := approved[pk]) is None else drawn)))
        for pk, tile, superpixels in values.iterator(chunk_size=2000)
        if pk in approved
    }


def answers_of(sample: AreaSample) -> list[tuple[int, int, list[int], bool]]:
    """All that experts have said, (sample tile, expert, superpixels, unusable): what the estimate follows from."""
    answers = SampleAnswer.objects.filter(sample_tile__sample=sample).order_by("id")
    return list(answers.values_list("sample_tile", "expert", "superpixels", "unusable"))


def estimate_of(sample: AreaSample, *, closed: dt.date) -> dict[str, Any]:
    """The estimate as plain JSON values; the same answers give the same figures.

    Unusable tiles are left out, as if they had not been drawn; of a stratum of which every tile was looked at and
    hardly one could be seen, as if they were not in it. Raises Conflict when a stratum has fewer than two judged
    tiles while there are others to judge.
    """
    answers: dict[int, list[SampleAnswer]] = defaultdict(list)
    for answer in SampleAnswer.objects.filter(sample_tile__sample=sample).order_by("id"):
        answers[answer.sample_tile_id].append(answer)
    judged, unusable = _measured(sample, answers)
    strata = [_stratum(row, judged[row["name"]], unusable[row["name"]]) for row in sample.strata]
    try:
        area = estimate_tiles(strata)
    except ValueError as error:
        raise Conflict(
            _("Too few tiles are judged: every part of the sample needs at least two that can be seen.")
        ) from error
    twice = [
        [answer.superpixels for answer in some if not answer.unusable]
        for some in answers.values()
        if sum(not answer.unusable for answer in some) > 1
    ]
    sampled = sample.tiles.count()
    judged_tiles = sum(stratum.judged for stratum in strata)
    return {
        "format": "amber-area-estimate/1",
        "hectares": round(area.hectares.value, 2),
        "low": round(area.hectares.low, 2),
        "high": round(area.hectares.high, 2),
        "standard_error": _number(area.hectares.error, 2),
        "confidence": CONFIDENCE,
        "mapped_hectares": next(row["mapped_hectares"] for row in sample.strata if row["name"] == MAP),
        "tiles": {
            "searched": sum(stratum.tiles for stratum in strata),
            "sampled": sampled,
            "judged": judged_tiles,
            "unusable": sum(unusable.values()),
        },
        "tiles_mined": _figure(area.tiles_mined, 1) | {"standard_error": _number(area.tiles_mined.error, 1)},
        "precision": {
            "tiles": _share(area.precision_by_tiles),
            "area": _share(area.precision_by_area),
        },
        "recall": {"tiles": _share(area.recall_by_tiles), "area": _share(area.recall_by_area)},
        "strata": [
            {
                "name": stratum.name,
                "tiles": stratum.tiles,
                "judged": stratum.judged,
                "unusable": unusable[stratum.name],
                "mined": stratum.finds,
                **_stratum_figure(area.strata.get(stratum.name)),
            }
            for stratum in strata
        ],
        "twice": {
            "tiles": len(twice),
            "agreed": sum(bool(first) == bool(second) for first, second, *_more in twice),
        },
        "notes": _notes(area.strata, judged_tiles, sum(unusable.values()), sampled),
        "sample": sample.pk,
        "seed": sample.seed,
        "drawn": timezone.localdate(sample.created_at).isoformat(),
        "closed": closed.isoformat(),
    }


def _measured(
    sample: AreaSample, answers: Mapping[int, Sequence[SampleAnswer]]
) -> tuple[dict[str, list[MinedAndMapped]], dict[str, int]]:
    """By stratum: what was seen on each tile that could be judged, and how many could not. `answers`: by sample tile."""
    own = _own_ground(sample)
    judged: dict[str, list[MinedAndMapped]] = {name: [] for name in STRATA}
    unusable: dict[str, int] = dict.fromkeys(STRATA, 0)
    tiles = sample.tiles.select_related("segmented_tile__tile", "segmented_tile__segmentation")
    for tile in tiles.order_by("position"):
        some = answers.get(tile.pk, ())
        usable = [answer for answer in some if not answer.unusable]
        if usable:
            judged[tile.stratum].append(_measure(tile, usable, own.get(tile.segmented_tile_id)))
        elif some:
            unusable[tile.stratum] += 1
    return judged, unusable


def _own_ground(sample: AreaSample) -> dict[int, BaseGeometry]:
    """Of the sample's tiles that newer ones cover in part, what is left of their ground, by segmented tile."""
    searched = searched_by(sample.run)
    ground = own_ground(searched.boxes)
    sampled = list(sample.tiles.values_list("segmented_tile", flat=True))
    by_tile = {}
    for index in np.flatnonzero(np.isin(searched.segmented, sampled)).tolist():
        left = ground.left(index)
        if left is not None:
            by_tile[int(searched.segmented[index])] = left
    return by_tile


def _measure(tile: SampleTile, answers: list[SampleAnswer], left: BaseGeometry | None) -> MinedAndMapped:
    if not tile.mapped and not any(answer.superpixels for answer in answers):
        return MinedAndMapped(0.0, 0.0, 0.0)
    numbers, areas = _areas(tile.segmented_tile, left)
    mapped = np.isin(numbers, tile.mapped)
    masks = [np.isin(numbers, answer.superpixels) for answer in answers]
    return MinedAndMapped(
        mined=float(np.mean([areas[mined].sum() for mined in masks])),
        mapped=float(areas[mapped].sum()),
        both=float(np.mean([areas[mined & mapped].sum() for mined in masks])),
    )


def _areas(segmented: SegmentedTile, left: BaseGeometry | None) -> tuple[np.ndarray, np.ndarray]:
    """The superpixel's number of every block of the tile, and the hectares of its own ground in it."""
    numbers, scale, shape = decode_blocks(storage.get(segmented.raster_key))
    bounds = segmented.tile.bounds
    assert bounds is not None  # tiles without a place are not in the frame
    return numbers, block_hectares(shape, scale, bounds, left)


def _stratum(row: dict[str, Any], judged: list[MinedAndMapped], unusable: int) -> Stratum:
    values = np.array([(one.mined, one.mapped, one.both) for one in judged], dtype=np.float64).reshape(-1, 3)
    tiles, ground = row["tiles"], row["ground_hectares"]
    if len(judged) < min(2, tiles) and len(judged) + unusable == tiles:
        # Nothing more can be learnt here. One cloud over a stratum of two tiles must not void all the others.
        tiles, ground = len(judged), ground * len(judged) / tiles
    return Stratum(row["name"], tiles, ground, row["name"] == MAP, *values.T)


def _notes(strata: dict[str, Figure], seen: int, unusable: int, sampled: int) -> list[str]:
    """Codes of what a reader should know; the pages and the README put them into words."""
    notes = []
    if any(figure.method == "bound" for figure in strata.values()):
        notes.append("nothing_seen")
    if unusable > MANY_UNUSABLE * (seen + unusable):
        notes.append("many_unusable")
    if seen + unusable < sampled:
        notes.append("closed_early")
    return notes


def _figure(figure: Figure, digits: int) -> dict[str, float]:
    return {
        "value": round(figure.value, digits),
        "low": round(figure.low, digits),
        "high": round(figure.high, digits),
    }


def _share(figure: Figure | None) -> dict[str, float] | None:
    return _figure(figure, 4) if figure is not None else None


def _stratum_figure(figure: Figure | None) -> dict[str, Any]:
    if figure is None:
        return {"hectares": 0.0, "low": 0.0, "high": 0.0, "method": "census"}
    return {
        "hectares": round(figure.value, 2),
        "low": round(figure.low, 2),
        "high": round(figure.high, 2),
        "method": figure.method,
    }


def _number(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
