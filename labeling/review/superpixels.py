"""The superpixels of a detection's tile, to correct its outline by: where each lies and what the classifier gave it. Reads
only."""

import json
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.errors import NotThere
from detection.description.fragments import load_fragments
from detection.description.segment import load_labels
from detection.models import Detection, TileScore
from detection.segmentation.outlines import union_outline
from detection.segmentation.svg import svg_path


@dataclass(frozen=True)
class PathInTile:
    """A superpixel, or a fragment of one: its number, its outline as the d of an SVG path in pixels of the tile, and the
    classifier's probability of mining (None where it has given none)."""

    number: int
    path: str
    probability: float | None = None


def superpixels_in(detection: Detection) -> list[PathInTile]:
    """All of the tile, by rising number. Raises NotThere where its outlines are lost."""
    segmented = detection.segmented_tile
    score = TileScore.objects.filter(run=detection.run_id, segmented_tile=segmented).only("scores").first()
    chances = np.frombuffer(score.scores, "<f4").tolist() if score is not None else []
    outlines = json.loads(storage.get(segmented.outlines_key))["pieces"]
    return [
        PathInTile(number, svg_path(rings), round(chances[number - 1], 4) if number <= len(chances) else None)
        for number, rings in enumerate(outlines, 1)
    ]


def fragments_in(detection: Detection, superpixel: int) -> list[PathInTile]:
    """What a mixed superpixel is cut into. Raises NotThere for a number that the tile does not have."""
    segmented = detection.segmented_tile
    if not 1 <= superpixel <= segmented.superpixels:
        raise NotThere(_("This tile has no superpixel %(number)s.") % {"number": superpixel})
    labels = load_labels(segmented)
    finer = np.where(labels == superpixel, load_fragments(segmented), 0).astype(np.int32)
    return [
        PathInTile(number, svg_path(_rings(finer, number)))
        for number in range(1, int(finer.max(initial=0)) + 1)
    ]


def _rings(labels: np.ndarray, number: int) -> list[list[list[float]]]:
    polygons = union_outline(labels, [number]).geoms
    return [
        [list(point) for point in ring.coords]
        for polygon in polygons
        for ring in (polygon.exterior, *polygon.interiors)
    ]
