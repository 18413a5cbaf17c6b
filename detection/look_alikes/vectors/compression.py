"""Features of hundreds of numbers in a few dozen bytes, such that near stays near.

Every feature is brought to mean 0 and deviation 1, cut off at ±`CUT`, and turned onto the directions in which a sample
of the region varies most (principal components: Jolliffe 2002, 2.1 and 3.5, by the eigenvectors of the correlation
matrix). Each component is then rounded to one of 255 steps of its own. Distances stay those of the standardised
features, less what the left-out components would have added. Left out: choosing what to compress.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int8]

COMPONENTS = 48
# Beyond so many deviations a feature says “far out” and no more; one wild number must not rule a distance.
CUT = 6.0
STEPS = 127
# A component is cut off where all but so many of the sample's rows end.
KEPT = 0.999
PAIRS = 4_096


@dataclass(frozen=True)
class Compression:
    """`mean`, `scale`: float32 (d,), of the raw features; `axes`: float32 (d, k), orthonormal columns; `step`: float32
    (k,), the width of a component's steps; `typical`: the median distance of two superpixels drawn by chance, by which
    all distances are divided."""

    mean: Floats
    scale: Floats
    axes: Floats
    step: Floats
    typical: float

    @property
    def dimension(self) -> int:
        return self.axes.shape[0]

    @property
    def components(self) -> int:
        return self.axes.shape[1]

    def standardise(self, features: Floats) -> Floats:
        """float32 (n, d) raw → float32 (n, d) of mean 0 and deviation 1, within ±CUT.

        Raises ValueError for rows of another length.
        """
        rows = np.asarray(features, np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.dimension:
            raise ValueError(f"Features of this index have {self.dimension} numbers, not {rows.shape[1:]}.")
        rows = (rows - self.mean) * self._inverse_scale
        np.clip(rows, -CUT, CUT, out=rows)
        return rows

    def encode(self, features: Floats) -> Codes:
        """float32 (n, d) raw → int8 (n, k), −127…127, a step of each component being 1."""
        turned = self.standardise(features) @ self._axes_in_steps
        np.rint(turned, out=turned)
        np.clip(turned, -STEPS, STEPS, out=turned)
        return turned.astype(np.int8)

    def project(self, features: Floats) -> Floats:
        """float32 (n, d) raw → float32 (n, k), components at full precision: for what is asked, not for what is kept."""
        return self.standardise(features) @ self.axes

    def squares(self, codes: Codes) -> Floats:
        """float32 (n,): the squared length of each row of `codes`."""
        rows = codes.astype(np.float32) * self.step
        return np.einsum("ij,ij->i", rows, rows)

    def as_bytes(self) -> bytes:
        buffer = io.BytesIO()
        for array in (self.mean, self.scale, self.axes, self.step, np.float64(self.typical)):
            np.save(buffer, array, allow_pickle=False)
        return buffer.getvalue()

    @cached_property
    def _inverse_scale(self) -> Floats:
        return (1 / self.scale).astype(np.float32)

    @cached_property
    def _axes_in_steps(self) -> Floats:
        return np.ascontiguousarray(self.axes / self.step)


def from_bytes(data: bytes) -> Compression:
    """What `Compression.as_bytes` wrote. Raises ValueError or EOFError for anything else."""
    file = io.BytesIO(data)
    mean, scale, axes, step, typical = (np.load(file, allow_pickle=False) for _number in range(5))
    if axes.ndim != 2 or mean.shape != (axes.shape[0],) or step.shape != (axes.shape[1],):
        raise ValueError("This is no compression of features.")
    return Compression(mean, scale, axes, step, float(typical))


def fit(sample: Floats, components: int = COMPONENTS, seed: int = 0) -> Compression:
    """The compression that suits `sample`, float32 (n, d), rows drawn by chance from what is to be compressed.

    Memory: the sample twice and d² doubles. Features that never vary take no part. Raises ValueError for a sample of
    fewer than two rows.
    """
    if sample.ndim != 2 or len(sample) < 2:
        raise ValueError(f"A compression is fitted on at least 2 rows of features, not on {sample.shape}.")
    mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = sample.std(axis=0, dtype=np.float64).astype(np.float32)
    # A feature that is the same everywhere becomes 0 everywhere, not a division by nought.
    scale = np.where(spread > 1e-6 * np.maximum(np.abs(mean), 1e-6), spread, np.float32(np.inf))
    dimension = sample.shape[1]
    kept = min(components, dimension)
    plain = Compression(mean, scale, np.eye(dimension, 1, dtype=np.float32), np.ones(1, np.float32), 1.0)
    rows = plain.standardise(sample)
    _values, vectors = np.linalg.eigh((rows.T @ rows).astype(np.float64) / len(rows))
    axes = np.ascontiguousarray(vectors[:, ::-1][:, :kept].astype(np.float32))
    # An eigenvector's sign is free; a fixed one makes the same sample give the same bytes.
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(kept)] < 0, -1, 1).astype(np.float32)
    turned = rows @ axes
    reach = np.quantile(np.abs(turned), KEPT, axis=0).astype(np.float32)
    step = np.maximum(reach, 1e-6) / STEPS
    return Compression(mean, scale, axes, step.astype(np.float32), _typical(rows, seed))


def _typical(rows: Floats, seed: int) -> float:
    random = np.random.default_rng(seed)
    one, other = random.integers(0, len(rows), (2, PAIRS))
    apart = one != other
    distances = np.linalg.norm(rows[one[apart]] - rows[other[apart]], axis=1)
    return float(np.median(distances)) or 1.0
