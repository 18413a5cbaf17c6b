"""Asking a region's index: which superpixels look like these. Reads only; light enough for the web process."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from django.core.cache import cache
from django.utils.translation import gettext as _

from amberapp.errors import UserError
from detection.description.chunks import chunk_store
from detection.description.feature_store import BucketChunks
from detection.description.features import load_superpixels
from detection.look_alikes import vectors
from detection.look_alikes.index import Index, open_index
from detection.look_alikes.vectors import Neighbours
from detection.models import Region, SegmentedTile

SuperpixelRef = tuple[int, int]  # segmented tile, superpixel

# A detection of a hundred superpixels is asked about by those of them that differ most.
MOST_ASKED = 8
# So many candidates by codes are ranked again by all their features.
CANDIDATES = 400
MOST_WANTED = 400
KEPT_SECONDS = 1_800


def look_alikes_of(
    *, region: Region, extractor_key: str, places: Sequence[SuperpixelRef], wanted: int, as_one: bool = False
) -> list[tuple[SuperpixelRef, float]]:
    """The `wanted` superpixels of the region nearest to any of `places`, these included, the nearest first.

    `as_one`: nearest to the mean of `places` instead. Each with its distance: 1 is that of two superpixels drawn by
    chance. Tiles that are no longer there are left out. Raises UserError where there is no index or the places have
    no features.
    """
    index = open_index(region, extractor_key)
    if index is None:
        raise UserError(_("There is no index of look-alikes for “%(region)s” yet.") % {"region": region})
    wanted = min(wanted, MOST_WANTED)
    name = _name(index, places, wanted, as_one)
    kept: list[tuple[SuperpixelRef, float]] | None = cache.get(name)
    if kept is None:
        kept = _search(index, extractor_key, places, wanted, as_one)
        cache.set(name, kept, KEPT_SECONDS)
    return kept


def _search(
    index: Index, extractor_key: str, places: Sequence[SuperpixelRef], wanted: int, as_one: bool
) -> list[tuple[SuperpixelRef, float]]:
    queries = _asked(index, extractor_key, places, as_one)
    neighbours = vectors.nearest(index.parts, index.compression, queries, max(wanted, CANDIDATES))
    there = set(
        SegmentedTile.objects.filter(pk__in=np.unique(neighbours.tile).tolist()).values_list("pk", flat=True)
    )
    neighbours = _only(neighbours, np.array([tile in there for tile in neighbours.tile.tolist()], bool))
    # From a bucket every candidate could cost a chunk of 64 MB: there the codes must do.
    if len(neighbours) and not isinstance(chunk_store(), BucketChunks):
        neighbours = _ranked_again(index, extractor_key, neighbours, queries, wanted)
    pairs = zip(neighbours.places(), neighbours.distance.tolist(), strict=True)
    return [(place, round(distance, 4)) for place, distance in list(pairs)[:wanted]]


def _ranked_again(
    index: Index, extractor_key: str, neighbours: Neighbours, queries: npt.NDArray[np.float32], wanted: int
) -> Neighbours:
    try:
        features = load_superpixels(neighbours.places(), extractor_key)
    except (KeyError, ValueError, FileNotFoundError):  # features are being made anew: the codes still hold
        return neighbours
    return vectors.rank_again(index.compression, neighbours, features, queries, wanted)


def _asked(
    index: Index, extractor_key: str, places: Sequence[SuperpixelRef], as_one: bool
) -> npt.NDArray[np.float32]:
    features = _features(list(places), extractor_key)
    if as_one:
        return features.mean(axis=0, keepdims=True)
    if len(features) > MOST_ASKED:
        return features[vectors.spread_out(index.compression, features, MOST_ASKED)]
    return features


def _features(places: list[SuperpixelRef], extractor_key: str) -> npt.NDArray[np.float32]:
    try:
        return load_superpixels(places, extractor_key)
    except (KeyError, ValueError, IndexError, FileNotFoundError):
        raise UserError(
            _("A superpixel has no features of the active classifier: reprocess the region first.")
        ) from None


def _only(neighbours: Neighbours, chosen: npt.NDArray[np.bool_]) -> Neighbours:
    return Neighbours(neighbours.tile[chosen], neighbours.superpixel[chosen], neighbours.distance[chosen])


def _name(index: Index, places: Sequence[SuperpixelRef], wanted: int, as_one: bool) -> str:
    content = repr((index.name, sorted(places), wanted, as_one))
    return f"look-alikes-{hashlib.sha256(content.encode()).hexdigest()}"


def distances_to(
    region: Region, extractor_key: str, places: Sequence[SuperpixelRef], others: Sequence[SuperpixelRef]
) -> list[float]:
    """How far each of `others` lies from the nearest of `places`, by all their features.

    Raises UserError as `look_alikes_of`.
    """
    index = open_index(region, extractor_key)
    if index is None:
        raise UserError(_("There is no index of look-alikes for “%(region)s” yet.") % {"region": region})
    queries = _features(list(places), extractor_key)
    rows = np.arange(len(others))
    neighbours = Neighbours(rows, rows, np.zeros(len(rows), np.float32))
    ranked = vectors.rank_again(
        index.compression, neighbours, _features(list(others), extractor_key), queries, len(others)
    )
    distances = np.empty(len(others))
    distances[ranked.tile] = ranked.distance
    return [round(float(distance), 4) for distance in distances]
