"""Who is better served which tile. Pure arithmetic; the queue asks it and does the choosing.

A tile comes back with fewer open superpixels than it had, so who is served tiles that nobody has begun gives most of
the answers. Where those are the people who are most often right, and everybody else continues what others have
begun, far fewer votes are needed, and what a newcomer says can be held against something from the first tile on:
`python -m benchmarks.crowd_simulation` with and without `--alike` tells how much.
"""

import numpy as np
from numpy.typing import NDArray

from labeling.desk.aggregation.dawid_skene import probabilities

RELIABLE = 0.8
"""From this reliability on somebody is served tiles that nobody has begun; others continue begun ones while
there are any that they have not seen. Above what is assumed of a newcomer: nobody starts out as reliable."""


def reliability(counts: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often right, 0..1, on the mean of the classes, from expected counts (..., classes, classes) and the prior.

    The mean of the classes and not the share of right answers: "not mining" everywhere is right most of the time.
    """
    return np.asarray(np.diagonal(probabilities(counts, prior), axis1=-2, axis2=-1).mean(axis=-1), np.float64)
