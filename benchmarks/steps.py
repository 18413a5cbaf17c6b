"""What single steps cost that somebody waits for: dividing a tile into fragments, taking a vote into the consensus.

    python -m benchmarks.steps

Medians and 95th percentiles of one core's time; no database, no files.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from detection.scenes import demo_grid
from detection.segmentation.slic import segment
from detection.segmentation.split import split_superpixels
from labeling.desk.aggregation.dawid_skene import CLASS_PRIOR, Answers, newcomer_prior, update

PIECES, VOTERS = 25, 7


def milliseconds(step: Callable[[], object], times: int) -> str:
    step()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        step()
        taken.append(1000 * (time.perf_counter() - began))
    return f"median {statistics.median(taken):.2f} ms, p95 {statistics.quantiles(taken, n=20)[-1]:.2f} ms (n = {times})"


def main() -> None:
    image = demo_grid(1, 1, 1)[0].render().image
    labels = segment(image)
    print("fragments of a tile:", milliseconds(lambda: split_superpixels(image, labels, 4), 30))
    draw = np.random.default_rng(0)
    answers = Answers(
        np.repeat(np.arange(PIECES), VOTERS),
        np.tile(np.arange(VOTERS), PIECES),
        draw.integers(0, 3, PIECES * VOTERS),
    )

    def take_in() -> object:
        return update(
            before=answers,
            after=answers,
            old_posteriors=np.full((PIECES, 3), 1 / 3),
            counts=np.full((VOTERS, 3, 3), 50.0),
            class_counts=np.full(3, 100.0),
            prior=newcomer_prior(),
            class_prior=np.asarray(CLASS_PRIOR),
        )

    print(f"a vote on {PIECES} superpixels with {VOTERS} voters:", milliseconds(take_in, 300))


if __name__ == "__main__":
    main()
