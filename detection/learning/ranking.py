"""In which order tiles (or superpixels) teach a classifier most: uncertainty × diversity.

NumPy only, so that any process may import it, and as good as linear in the number of rows: 450,000 tiles are ranked in
seconds (`benchmarks.rank_scale`). What is ranked comes with the classifier's probabilities and, where there are any,
features; what comes out is a priority in 0…1. Left out: how many votes something still wants, which the queue
multiplies in, and the random share of an honest evaluation, which ranks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

# A tile is marked when more than two superpixels are positive: three of them decide.
DECIDING = 3
# Distances of reduced features are what k-means looks at; 32 axes keep 450,000 rows in 58 MB.
AXES = 32
SAMPLE_ROWS = 4096
# Rows a cluster on average, and bounds of how many clusters there are.
CLUSTER_ROWS = 12
CLUSTERS = 256
# How fast a cluster's rows lose, and what a labelled row counts of one that waits.
DECAY = 0.25
LABELLED_WEIGHT = 0.1
# One row in so many is asked for out of turn.
EVERY = 5
# More than priorities are rounded by.
JUST_ABOVE = np.float32(2e-6)
STEPS = 60
STEP_ROWS = 2048
CHUNK_ROWS = 8192


def uncertainty(scores: npt.ArrayLike, threshold: float) -> Floats:
    """How undecided the classifier is about each superpixel, float32 (n,) in 0…1; 1 on its threshold.

    `scores`: calibrated probabilities (n,) in 0…1; `threshold`: the probability from which the classifier says
    “mining”, strictly between 0 and 1. The log-odds are moved so that the threshold lies at 0 and turned back into
    a probability q; the answer is 4·q·(1 − q). After Platt's calibration log-odds are linear in the SVM's margin, so
    this is margin sampling (Tong & Koller 2001) on a scale that algorithms share, measured from the line on which a
    label changes the verdict rather than from one half.

    Raises ValueError for a threshold or scores out of range.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"A threshold lies between 0 and 1, not at {threshold}.")
    probability = np.asarray(scores, dtype=np.float64)
    if probability.size and not (probability.min() >= 0 and probability.max() <= 1):
        raise ValueError("Scores are probabilities in 0…1.")
    odds = probability * (1 - threshold)
    against = (1 - probability) * threshold
    q = odds / (odds + against)
    return (4 * q * (1 - q)).astype(np.float32)


def tile_uncertainty(scores: Sequence[npt.ArrayLike], threshold: float) -> Floats:
    """How undecided the classifier is about each tile, float32 (n,) in 0…1.

    `scores`: the superpixels' probabilities of each tile, arrays of any length (an empty one gives 0). The mean over
    the tile's three most undecided superpixels, as many as decide a tile: a sum would reward tiles cut into many
    superpixels, the maximum one odd superpixel, the mean over all would hide three doubtful superpixels in a clear meadow. A tile of
    fewer superpixels is divided by three all the same: it has less to teach.
    """
    longest = max((len(np.atleast_1d(row)) for row in scores), default=0)
    if not longest:
        return np.zeros(len(scores), np.float32)
    lengths = np.array([len(np.atleast_1d(row)) for row in scores])
    table = np.zeros((len(scores), max(longest, DECIDING)), np.float32)
    inside = np.arange(table.shape[1]) < lengths[:, None]
    table[inside] = uncertainty(np.concatenate([np.atleast_1d(row) for row in scores]), threshold)
    return np.partition(table, -DECIDING, axis=1)[:, -DECIDING:].mean(axis=1, dtype=np.float32)


@dataclass(frozen=True)
class Projection:
    """A way from features (n, d) to at most `AXES` numbers a row in which near means alike.

    `middle`, `scale`: float32 (d,); `axes`: float32 (d, k). Fitted on a sample of rows from all over the region, so
    that the rest can come in chunks.
    """

    middle: Floats
    scale: Floats
    axes: Floats

    @classmethod
    def fit(cls, sample: Floats, axes: int = AXES) -> Projection:
        """Standardised principal components of `sample`, float32 (n, d), finite, n ≥ 1; a few thousand rows do."""
        rows = np.asarray(sample, dtype=np.float32)
        if rows.ndim != 2 or not len(rows):
            raise ValueError(f"A projection is fitted on an array (rows, dimension), not {rows.shape}.")
        middle = rows.mean(axis=0)
        scale = np.maximum(rows.std(axis=0), 1e-6)
        standard = np.clip((rows - middle) / scale, -4, 4).astype(np.float64)
        _values, vectors = np.linalg.eigh(standard.T @ standard)
        kept = vectors[:, ::-1][:, : min(axes, rows.shape[1])]
        return cls(middle, scale.astype(np.float32), np.ascontiguousarray(kept, dtype=np.float32))

    def apply(self, features: Floats) -> Floats:
        """float32 (n, k) of features (n, d). Single odd values are cut off at four deviations."""
        standard = np.clip((np.asarray(features, dtype=np.float32) - self.middle) / self.scale, -4, 4)
        return standard @ self.axes


def clusters(reduced: Floats, seed: int, wanted: int | None = None) -> Integers:
    """The cluster of each row, int64 (n,): mini-batch k-means (Sculley 2010).

    `reduced`: float32 (n, k), finite. `wanted`: about how many clusters; a twelfth of the rows, at most 256, where
    nothing is said. Clusters can be empty. The same seed gives the same clusters.
    """
    count = len(reduced)
    wanted = min(max(1, wanted or min(count // CLUSTER_ROWS, CLUSTERS)), max(1, count))
    random = np.random.default_rng(seed)
    centres = _spread_start(reduced, wanted, random)
    seen = np.ones(len(centres))
    for _step in range(STEPS):
        batch = reduced[random.integers(0, count, min(STEP_ROWS, count))] if count else reduced
        nearest = _nearest(batch, centres)
        hits = np.bincount(nearest, minlength=len(centres))
        sums = np.zeros(centres.shape)
        np.add.at(sums, nearest, batch)
        seen += hits
        moved = hits > 0
        centres[moved] += (sums[moved] - hits[moved, None] * centres[moved]) / seen[moved, None]
    numbers = np.empty(count, np.int64)
    for start in range(0, count, CHUNK_ROWS):
        numbers[start : start + CHUNK_ROWS] = _nearest(reduced[start : start + CHUNK_ROWS], centres)
    return numbers


def diversity(cluster: Integers, undecided: Floats, labelled: Booleans) -> Floats:
    """How unlike each row is to what is labelled and to what stands before it, float32 (n,) in (0, 1].

    `cluster`: int (n,), from `clusters`; `undecided`: float (n,), larger stands earlier; `labelled`: bool (n,). With
    m unlabelled rows of its cluster before it and l labelled ones in it, a row gets (1 + m + l/10)^(−1/4). So a
    second of a kind waits for another kind that is nearly as doubtful. What is labelled weighs little: the
    classifier has learnt from it, which its uncertainty says already. Both numbers were chosen on the seeds 100–109
    of `benchmarks.active_learning`, whose figures come from others. One sort: n·log n.
    """
    labelled = np.asarray(labelled, dtype=bool)
    if not len(cluster):
        return np.zeros(0, np.float32)
    order = np.lexsort((-np.asarray(undecided), cluster))
    ordered, waiting = np.asarray(cluster)[order], ~labelled[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(ordered)])
    passed: Integers = np.cumsum(waiting) - waiting
    before: Integers = passed - np.repeat(passed[starts], sizes)
    learnt = np.repeat(np.add.reduceat(~waiting, starts, dtype=np.int64), sizes)
    factor = np.empty(len(ordered), np.float32)
    factor[order] = (1 + before + LABELLED_WEIGHT * learnt) ** -DECAY
    return factor


def priorities(undecided: Floats, reduced: Floats | None, labelled: Booleans, seed: int) -> Floats:
    """uncertainty × diversity, float32 (n,) in 0…1.

    `undecided`: float (n,) in 0…1; `reduced`: float32 (n, k) from a Projection, a row of NaN where there are no
    features, or None where there are none at all; `labelled`: bool (n,). Without features a row gets the middle factor
    of the others, or 1 when no row has any.
    """
    undecided = np.asarray(undecided, dtype=np.float32)
    described = np.zeros(len(undecided), bool) if reduced is None else np.isfinite(reduced).all(axis=1)
    factor = np.ones(len(undecided), np.float32)
    if reduced is not None and described.any():
        rows = reduced if described.all() else reduced[described]
        factor[described] = diversity(
            clusters(rows, seed), undecided[described], np.asarray(labelled)[described]
        )
        factor[~described] = np.median(factor[described])
    return undecided * factor


def raised(ordinary: Floats, asked: Integers) -> Floats:
    """Priorities with which every `EVERY`th row of the order is one of `asked`, the others as they were, float32 (n,) in 0…1.

    `ordinary`: float32 (n,) in 0…1; `asked`: int (m,), the numbers of rows that are wanted soon, the first one first. None
    of them falls; where priorities are equal, they stand before the equal ones.
    """
    priority = np.array(ordinary, np.float32)
    others = np.ones(len(priority), bool)
    others[asked] = False
    waiting = np.sort(priority[others])[::-1]
    if len(waiting):
        places = np.minimum(np.arange(len(asked)) * (EVERY - 1), len(waiting) - 1)
        priority[asked] = np.maximum(priority[asked], np.minimum(waiting[places] + JUST_ABOVE, 1))
    return priority


def _spread_start(reduced: Floats, wanted: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Start centres (wanted, k) by k-means++ on a sample (Arthur & Vassilvitskii 2007)."""
    sample = reduced[np.sort(random.permutation(len(reduced))[:SAMPLE_ROWS])].astype(np.float64)
    if not len(sample):
        return np.zeros((1, reduced.shape[1]))
    chosen = [int(random.integers(len(sample)))]
    away = ((sample - sample[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < wanted and away.sum() > 0:
        chosen.append(int(random.choice(len(sample), p=away / away.sum())))
        away = np.minimum(away, ((sample - sample[chosen[-1]]) ** 2).sum(axis=1))
    return sample[chosen]


def _nearest(rows: npt.NDArray[np.floating], centres: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The number of the nearest centre of each row, by |c|² − 2·row·c."""
    kind = centres.astype(np.float32)
    return np.argmin((kind * kind).sum(axis=1) - 2 * (np.asarray(rows, np.float32) @ kind.T), axis=1)
