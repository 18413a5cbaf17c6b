"""The village or town nearest to a published place, from the names that its release carries for the search. No database."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import shapely

from amberapp import storage
from labeling.releases.catalogue import PublishedRelease
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.files.writers import NAMES

# What lies farther off says nothing of a place.
FARTHEST_KM = 30.0
KM_A_DEGREE = 111.2


@dataclass(frozen=True)
class NearestName:
    """`names`: by language; `km`: from the place, as the crow flies, to a hundred metres or so."""

    name: str
    names: dict[str, str]
    km: float


@dataclass(frozen=True)
class _Names:
    """The names and a tree of their points; degrees of longitude are as long as those of latitude in it."""

    rows: list[tuple[str, dict[str, str]]]
    tree: shapely.STRtree
    narrower: float


def nearest_names(release: PublishedRelease, places: Iterable[PublishedPlace]) -> dict[str, NearestName]:
    """Place → the nearest name. Places without one nearby are left out, all of them where the release has no names."""
    file = release.file(NAMES)
    known = _read(file.key) if file else None
    if known is None:
        return {}
    wanted = list(places)
    points = shapely.points([[place.longitude * known.narrower, place.latitude] for place in wanted])
    found, distances = known.tree.query_nearest(
        points, max_distance=FARTHEST_KM / KM_A_DEGREE, return_distance=True, all_matches=False
    )
    return {
        wanted[mine].place: NearestName(known.rows[name][0], known.rows[name][1], degrees * KM_A_DEGREE)
        for mine, name, degrees in zip(*found.tolist(), distances.tolist(), strict=True)
    }


@lru_cache(maxsize=4)
def _read(key: str) -> _Names | None:
    rows = json.loads(storage.get(key))["names"]
    if not rows:
        return None
    latitudes = [row[2] for row in rows]
    narrower = math.cos(math.radians((min(latitudes) + max(latitudes)) / 2))
    points = shapely.points([[row[3] * narrower, row[2]] for row in rows])
    return _Names([(row[0], row[1]) for row in rows], shapely.STRtree(points), narrower)
