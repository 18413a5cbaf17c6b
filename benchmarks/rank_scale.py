"""How long ranking a whole region takes, and how much memory.

    python -m benchmarks.rank_scale [--tiles 450000] [--dimension 351]

Made tiles of 20 to 30 superpixels in 300 kinds of ground, a tenth of them labelled. Scores and mean features come in
chunks, as `labeling.desk.priority` gets them, and are made while it runs; the seconds told are the ranking's own.
Left out: reading and writing the database.
"""

import argparse
import resource
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from detection.learning import ranking

CHUNK = 4096
KINDS = 300
SAMPLED = 8

Floats = npt.NDArray[np.float32]


def chunks(tiles: int, dimension: int, seed: int) -> Iterator[tuple[list[Floats], Floats]]:
    """(the superpixels' scores of each tile, mean features float32 (m, dimension))."""
    random = np.random.default_rng(seed)
    kinds = random.normal(size=(KINDS, dimension)).astype(np.float32)
    for start in range(0, tiles, CHUNK):
        count = min(CHUNK, tiles - start)
        kind = random.integers(KINDS, size=count)
        features = kinds[kind] + 0.3 * random.standard_normal((count, dimension), dtype=np.float32)
        lengths = random.integers(20, 31, size=count)
        scores = random.beta(0.3, 3.0, size=int(lengths.sum())).astype(np.float32)
        yield np.split(scores, np.cumsum(lengths)[:-1]), features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=450_000)
    parser.add_argument("--dimension", type=int, default=351)
    options = parser.parse_args()
    sample = [
        features for _scores, features in chunks(min(options.tiles, SAMPLED * CHUNK), options.dimension, 0)
    ]
    began = time.perf_counter()
    projection = ranking.Projection.fit(np.concatenate(sample)[:: len(sample)])
    spent = time.perf_counter() - began
    undecided, reduced = [], []
    for scores, features in chunks(options.tiles, options.dimension, 0):
        began = time.perf_counter()
        undecided.append(ranking.tile_uncertainty(scores, 0.812))
        reduced.append(projection.apply(features))
        spent += time.perf_counter() - began
    labelled = np.random.default_rng(1).random(options.tiles) < 0.1
    began = time.perf_counter()
    found = ranking.priorities(np.concatenate(undecided), np.concatenate(reduced), labelled, seed=0)
    spent += time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.tiles} tiles ranked in {spent:.1f} s, peak memory {memory:.0f} MB, "
        f"priorities {found.min():.3f} to {found.max():.3f}"
    )


if __name__ == "__main__":
    main()
