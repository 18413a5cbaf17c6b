"""Mined area, and how far the map can be trusted, from sampled tiles in strata that need not be the map's classes.

Olofsson et al. 2014 count sample units; here a unit is a tile of which some hectares
are mined, so their stratified estimator is used for a quantity (Cochran 1977: total N ȳ, section 5.3; finite
population correction, section 2.6; ratios, section 6.11). Where strata are not the map's classes the same is done
for indicators (Stehman 2014, International Journal of Remote Sensing 35, 4923–4939).

The usual interval (t) fails where finds are rare: without any find it has no width. There the gamma interval of Fay
and Feuer stands, and the intervals of the strata are put together by MOVER (docs/adr/0016). Pure: no Django.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labeling.area.estimators.intervals import (
    Interval,
    clopper_pearson,
    enough,
    gamma_of_sum,
    of_share,
    of_sum,
    student,
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stratum:
    """The judged tiles of one stratum; arrays of shape (judged,), hectares, ≥ 0.

    mined: what experts say; mapped: what the map shows; both: ground on which they agree. `tiles` is how many tiles
    the stratum has in all, `ground` how many hectares they cover together, `on_the_map` whether its tiles are on
    the map (then all of them are).
    """

    name: str
    tiles: int
    ground: float
    on_the_map: bool
    mined: Floats
    mapped: Floats
    both: Floats

    @property
    def judged(self) -> int:
        return len(self.mined)

    @property
    def finds(self) -> int:
        return int((self.mined > 0).sum())


@dataclass(frozen=True)
class Figure:
    """An estimate with its interval; `method` says which: census, t, gamma, bound (no find at all), exact, mover."""

    value: float
    low: float
    high: float
    method: str
    error: float = math.nan

    @property
    def interval(self) -> Interval:
        return self.low, self.high


@dataclass(frozen=True)
class TileEstimate:
    """Hectares mined, by stratum and in all, and the map's precision and recall, by tiles and by area.

    Precision and recall are None where the sample says nothing of them (no tile on the map, nothing mined).
    """

    hectares: Figure
    tiles_mined: Figure
    strata: dict[str, Figure]
    precision_by_tiles: Figure | None
    precision_by_area: Figure | None
    recall_by_tiles: Figure | None
    recall_by_area: Figure | None


def check(strata: list[Stratum]) -> None:
    """Raises ValueError when nothing can be estimated: a stratum with tiles of which fewer than two were judged.

    A stratum of one tile, judged, is a census and welcome.
    """
    for stratum in strata:
        values = (stratum.mined, stratum.mapped, stratum.both)
        if any(len(value) != stratum.judged or (value < 0).any() for value in values):
            raise ValueError(f"stratum {stratum.name}: hectares are ≥ 0, one value a judged tile")
        if stratum.judged > stratum.tiles:
            raise ValueError(f"stratum {stratum.name} has {stratum.tiles} tiles, {stratum.judged} judged")
        if stratum.judged < min(2, stratum.tiles):
            raise ValueError(f"stratum {stratum.name} needs at least two judged tiles")


def estimate_tiles(strata: list[Stratum]) -> TileEstimate:
    """Everything that the sample says. Raises ValueError as `check` does.

    Unbiased: Σ N_h ȳ_h, whatever the map or the strata are like, as long as tiles were drawn at random within them.
    """
    check(strata)
    used = [stratum for stratum in strata if stratum.tiles]
    finds = np.concatenate([stratum.mined[stratum.mined > 0] for stratum in used] or [np.empty(0)])
    # What a find that the sample missed might cover: as much as those seen do on average; when none was seen, a tile.
    typical = float(finds.mean()) if len(finds) else _tile_ground(used)
    hectares = {
        stratum.name: quantity(stratum.mined, stratum.tiles, typical, stratum.ground) for stratum in used
    }
    mined = {
        stratum.name: quantity(
            _is(stratum.mined), stratum.tiles, 1.0, stratum.tiles - (stratum.judged - stratum.finds)
        )
        for stratum in used
    }
    on_map = [stratum for stratum in used if stratum.on_the_map]
    off_map = [stratum for stratum in used if not stratum.on_the_map]
    missed_in_map = [
        quantity(stratum.mined - stratum.both, stratum.tiles, 0.0, stratum.ground) for stratum in on_map
    ]
    return TileEstimate(
        hectares=total(list(hectares.values())),
        tiles_mined=total(list(mined.values())),
        strata=hectares,
        precision_by_tiles=_precision_by_tiles(on_map),
        precision_by_area=_precision_by_area(on_map),
        recall_by_tiles=_recall(
            [mined[stratum.name] for stratum in on_map], [mined[stratum.name] for stratum in off_map]
        ),
        recall_by_area=_recall(
            [quantity(stratum.both, stratum.tiles, typical, stratum.ground) for stratum in on_map],
            missed_in_map + [hectares[stratum.name] for stratum in off_map],
        ),
    )


def quantity(values: Floats, tiles: int, typical: float, most: float) -> Figure:
    """The total over a stratum of `tiles` of which a random sample has these values, with its 95% interval.

    `typical` is what one find more might add on its tile; `most` the largest total there can be, given what was seen.
    The interval never leaves what was seen in the sample (below) or `most` (above).
    """
    judged = len(values)
    if judged == tiles:
        whole = float(values.sum())
        return Figure(whole, whole, whole, "census", 0.0)
    value = tiles * float(values.mean())
    correction = 1 - judged / tiles
    error = tiles * math.sqrt(correction * float(values.var(ddof=1)) / judged) if judged > 1 else math.nan
    finds = values[values > 0]
    if enough(len(finds), judged):
        low, high = student(value, error, judged - 1)
        method = "t"
    else:
        weight = tiles / judged
        low, high = gamma_of_sum(weight * finds, weight * typical)
        # Poisson's finds have no finite population; a sample of half the tiles knows half of them for certain.
        low, high = (
            value - (value - low) * math.sqrt(correction),
            value + (high - value) * math.sqrt(correction),
        )
        method = "gamma" if len(finds) else "bound"
    seen = float(values.sum())
    return Figure(value, max(low, seen), max(min(high, most), value), method, error)


def total(figures: list[Figure]) -> Figure:
    """The sum over strata, by MOVER from the strata's intervals; its standard error by Cochran's eq. 5.6."""
    value = sum(figure.value for figure in figures)
    low, high = of_sum([figure.value for figure in figures], [figure.interval for figure in figures])
    error = math.sqrt(sum(figure.error**2 for figure in figures))
    return Figure(value, max(low, 0.0), high, "mover", error)


def _precision_by_tiles(on_map: list[Stratum]) -> Figure | None:
    """Of the tiles on the map, the share with any mining. Exact for one stratum, which the map is."""
    judged = sum(stratum.judged for stratum in on_map)
    if len(on_map) != 1 or not judged:
        return None
    stratum = on_map[0]
    share = stratum.finds / judged
    if judged == stratum.tiles:
        return Figure(share, share, share, "census", 0.0)
    low, high = clopper_pearson(stratum.finds, judged)
    return Figure(share, low, high, "exact")


def _precision_by_area(on_map: list[Stratum]) -> Figure | None:
    """Of the ground on the map, the share that is mined: Σ agreed / Σ mapped.

    The ratio's variance by linearisation (Cochran 1977, eq. 6.13), its interval on the logit scale so that it stays
    within 0 and 1. All or nothing right: the variance is 0, so the exact interval by tiles stands in.
    """
    if len(on_map) != 1 or not on_map[0].judged or on_map[0].mapped.sum() <= 0:
        return None
    stratum = on_map[0]
    judged = stratum.judged
    share = float(stratum.both.sum() / stratum.mapped.sum())
    if judged == stratum.tiles:
        return Figure(share, share, share, "census", 0.0)
    left = stratum.both - share * stratum.mapped
    variance = (1 - judged / stratum.tiles) * float((left**2).sum()) / (judged - 1) / judged
    error = math.sqrt(variance) / float(stratum.mapped.mean())
    if share in (0.0, 1.0) or error == 0:
        low, high = clopper_pearson(round(share * judged), judged)
        return Figure(share, min(low, share), max(high, share), "exact", error)
    logit = math.log(share / (1 - share))
    low, high = (
        1 / (1 + math.exp(-end)) for end in student(logit, error / (share * (1 - share)), judged - 1)
    )
    return Figure(share, low, high, "t", error)


def _recall(parts: list[Figure], missed: list[Figure]) -> Figure | None:
    """found / (found + missed), each a sum over strata."""
    if not parts and not missed:
        return None
    part, rest = total(parts), total(missed)
    if part.value + rest.value <= 0:
        return None
    low, high = of_share(part.value, part.interval, rest.value, rest.interval)
    return Figure(part.value / (part.value + rest.value), low, high, "mover")


def _is(values: Floats) -> Floats:
    return (values > 0).astype(np.float64)


def _tile_ground(strata: list[Stratum]) -> float:
    tiles = sum(stratum.tiles for stratum in strata)
    return sum(stratum.ground for stratum in strata) / tiles if tiles else 0.0
