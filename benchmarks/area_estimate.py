"""How often the 95% interval of a sampled area covers the truth, on made regions: python -m benchmarks.area_estimate

Every region is made once (which tiles are mined, how much, what the map shows); samples are drawn from it again and
again as `labeling.area.sample` draws them, and estimated as it does. Prints bias, coverage of the 95%
interval, how often the truth lies beyond either end, and the mean width; beside it the plain interval (estimate ±
1.96 standard errors), and how often the intervals of precision and recall by area cover.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labeling.area.estimators.allocation import Expected, allocate
from labeling.area.estimators.tiles import Stratum, estimate_tiles

TILE_HECTARES = 13.8


@dataclass(frozen=True)
class Made:
    """A made region's stratum: tiles, share mined, median hectares of a mined tile, map's share of what is mined."""

    name: str
    tiles: int
    share: float
    hectares: float
    found: float = 0.0


REGIONS = {
    "2018-like": [
        Made("map", 900, 0.92, 2.2, 0.85),
        Made("found", 300, 0.25, 1.2),
        Made("near", 4000, 0.03, 0.6),
        Made("rest", 60000, 0.0006, 0.4),
    ],
    "perfect map": [
        Made("map", 400, 1.0, 2.2, 1.0),
        Made("found", 100, 0.0, 1.0),
        Made("near", 2000, 0.0, 1.0),
        Made("rest", 30000, 0.0, 1.0),
    ],
    "poor map": [
        Made("map", 300, 0.55, 1.5, 0.6),
        Made("found", 200, 0.4, 1.5),
        Made("near", 2000, 0.12, 1.2),
        Made("rest", 10000, 0.02, 1.0),
    ],
    "small region": [
        Made("map", 30, 0.85, 2.0, 0.8),
        Made("found", 12, 0.3, 1.0),
        Made("near", 60, 0.08, 0.6),
        Made("rest", 700, 0.01, 0.5),
    ],
    "nothing mined": [
        Made("map", 40, 0.0, 1.0),
        Made("found", 40, 0.0, 1.0),
        Made("near", 400, 0.0, 1.0),
        Made("rest", 4000, 0.0, 1.0),
    ],
}


@dataclass(frozen=True)
class Estimate:
    """What many samples of one region say of the estimate of its hectares."""

    truth: float
    bias: float
    bias_error: float
    coverage: float
    below: float
    above: float
    half_width: float
    plain_coverage: float
    precision_coverage: float
    recall_coverage: float


def make(region: list[Made], rng: np.random.Generator) -> dict[str, npt.NDArray[np.float64]]:
    """(tiles, 3) by stratum: hectares mined, mapped, and both."""
    truth = {}
    for made in region:
        mined = rng.random(made.tiles) < made.share
        sizes = made.hectares * np.exp(rng.normal(0, 0.8, made.tiles))
        hectares = np.where(mined, np.minimum(sizes, TILE_HECTARES), 0.0)
        both = hectares * made.found
        false = rng.random(made.tiles) * 0.8 if made.name == "map" else np.zeros(made.tiles)
        truth[made.name] = np.stack([hectares, both + false, both], axis=1)
    return truth


def simulate(region: list[Made], *, size: int, samples: int, seed: int) -> Estimate:
    """Draw `samples` samples of `size` tiles from one made region and estimate its hectares from each."""
    rng = np.random.default_rng(seed)
    truth = make(region, rng)
    real = sum(float(values[:, 0].sum()) for values in truth.values())
    on_map = truth["map"].sum(axis=0)
    precision, recall = on_map[2] / on_map[1], on_map[2] / real if real else None
    right: dict[str, list[bool]] = {"precision": [], "recall": []}
    guesses = {"map": 0.9, "found": 0.3, "near": 0.05, "rest": 0.005}
    drawn = allocate([Expected(made.name, made.tiles, guesses[made.name], 2.0) for made in region], size)
    values, lows, highs, plain = [], [], [], []
    for _sample in range(samples):
        strata = []
        for made in region:
            chosen = truth[made.name][rng.choice(made.tiles, drawn[made.name], replace=False)]
            strata.append(
                Stratum(made.name, made.tiles, made.tiles * TILE_HECTARES, made.name == "map", *chosen.T)
            )
        estimate = estimate_tiles(strata)
        found = estimate.hectares
        for name, figure, known in (
            ("precision", estimate.precision_by_area, precision),
            ("recall", estimate.recall_by_area, recall),
        ):
            if figure is not None and known is not None:
                right[name].append(figure.low - 1e-9 <= known <= figure.high + 1e-9)
        values.append(found.value)
        lows.append(found.low)
        highs.append(found.high)
        plain.append(abs(found.value - real) <= 1.96 * found.error + 1e-9)
    low, high, got = np.array(lows), np.array(highs), np.array(values)
    within = (low <= real + 1e-9) & (real <= high + 1e-9)
    return Estimate(
        truth=real,
        bias=float(got.mean()) - real,
        bias_error=float(got.std(ddof=1)) / samples**0.5,
        coverage=float(within.mean()),
        below=float((high < real - 1e-9).mean()),
        above=float((low > real + 1e-9).mean()),
        half_width=float((high - low).mean()) / 2,
        plain_coverage=float(np.mean(plain)),
        precision_coverage=float(np.mean(right["precision"]) if right["precision"] else np.nan),
        recall_coverage=float(np.mean(right["recall"]) if right["recall"] else np.nan),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.process_time()
    print(f"{options.samples} samples of each region; seed {options.seed}")
    print(
        f"{'region':14} {'tiles':>6} {'size':>5} {'truth ha':>9} {'bias':>16} {'covers':>7} "
        f"{'below':>6} {'above':>6} {'± ha':>7} {'± 1.96 s':>9} {'precision':>10} {'recall':>7}"
    )
    for name, region in REGIONS.items():
        for size in (100, 300, 1000):
            if size > sum(made.tiles for made in region):
                continue
            told = simulate(region, size=size, samples=options.samples, seed=options.seed)
            print(
                f"{name:14} {sum(made.tiles for made in region):6} {size:5} {told.truth:9.1f} "
                f"{told.bias:+8.1f} ± {1.96 * told.bias_error:5.1f} {told.coverage:7.1%} {told.below:6.1%} "
                f"{told.above:6.1%} {told.half_width:7.0f} {told.plain_coverage:9.1%} {told.precision_coverage:10.1%} {told.recall_coverage:7.1%}"
            )
    print(f"{time.process_time() - begun:.1f} s of processor time")


if __name__ == "__main__":
    main()
