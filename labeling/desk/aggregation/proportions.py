"""Shares of counts, and how sure they are. Plain Python, no Django.

One share: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the
American Statistical Association 22 (1927) 209-212. Difference of two independent shares: R. G. Newcombe, "Interval
Estimation for the Difference Between Independent Proportions: Comparison of Eleven Methods", Statistics in Medicine
17 (1998) 873-890, method 10 (Wilson's intervals of the two, without continuity correction).

Both treat every answer as drawn on its own. Superpixels of one tile are alike, so the truth is less sure than the
interval says; `spread` widens it for answers that come in bunches (the design effect of cluster sampling).
"""

from math import sqrt

CONFIDENT = 1.959964
"""Standard deviations on both sides that hold 95% of a normal distribution."""


def wilson(hits: float, tries: float, z: float = CONFIDENT) -> tuple[float, float]:
    """The interval (low, high), 0…1, in which a share lies that showed `hits` of `tries`.

    Nothing is known without tries: (0, 1). Raises ValueError for more hits than tries or fewer than none.
    """
    if not 0 <= hits <= tries:
        raise ValueError(f"{hits} hits of {tries} tries is no share")
    if tries == 0:
        return (0.0, 1.0)
    share = hits / tries
    middle = share + z * z / (2 * tries)
    half = z * sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries))
    below, above = (middle - half) / (1 + z * z / tries), (middle + half) / (1 + z * z / tries)
    return (max(0.0, below), min(1.0, above))


def newcombe(
    first: tuple[float, float], second: tuple[float, float], z: float = CONFIDENT
) -> tuple[float, float]:
    """The interval (low, high), -1…1, of the first share less the second, each given as (hits, tries).

    Without tries on either side nothing is known: (-1, 1). Raises ValueError as `wilson` does.
    """
    low_1, high_1 = wilson(*first, z)
    low_2, high_2 = wilson(*second, z)
    if first[1] == 0 or second[1] == 0:
        return (-1.0, 1.0)
    share_1, share_2 = first[0] / first[1], second[0] / second[1]
    difference = share_1 - share_2
    return (
        difference - sqrt((share_1 - low_1) ** 2 + (high_2 - share_2) ** 2),
        difference + sqrt((high_1 - share_1) ** 2 + (share_2 - low_2) ** 2),
    )


def spread(hits: float, tries: float, bunches: int, squares: float) -> tuple[float, float]:
    """(hits, tries) shrunk to as many independent answers as `bunches` of alike ones are worth, the share kept.

    `squares`: the sum over the bunches of (hits of the bunch - share · tries of the bunch)², which is how much the
    bunches differ from each other. The worth is the share's binomial variance over the variance that the bunches
    show (L. Kish, "Survey Sampling", 1965, section 5.4); never more than `tries`. With a single bunch nothing is
    known of how they differ: it counts as one answer.
    """
    if tries == 0:
        return (0.0, 0.0)
    share = hits / tries
    if bunches < 2:
        return (share, 1.0)
    variance = bunches / (bunches - 1) * squares / (tries * tries)
    binomial = share * (1 - share) / tries
    worth = tries if variance <= binomial else max(1.0, tries * binomial / variance)
    # All alike, all agreeing: no spread was seen, and the bunches are what was drawn.
    if binomial == 0:
        worth = float(bunches)
    return (share * worth, worth)
