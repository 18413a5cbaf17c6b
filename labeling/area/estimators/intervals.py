"""Confidence intervals for what a stratified sample estimates, those for few or no finds included. Pure: no Django.

All are two-sided at 95% unless a parameter says otherwise. Left out: intervals by bootstrapping, which have no answer
where a stratum had no finds.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy import special

CONFIDENCE = 0.95
# With at least so many finds in at least so large a share of the tiles the t interval is good enough.
ENOUGH_FINDS, ENOUGH_SHARE = 10, 0.4
Interval = tuple[float, float]


def enough(finds: int, judged: int) -> bool:
    """Whether the finds are so many and so common that Student's t describes their total."""
    return finds >= ENOUGH_FINDS and finds >= ENOUGH_SHARE * judged


def clopper_pearson(successes: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Exact interval of a proportion (Clopper and Pearson 1934). (0, 1) without trials.

    With no success its upper end is 1 − (α/2)^(1/n): about 3.7/n, the two-sided sister of the rule of three.
    Raises ValueError for more successes than trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no proportion")
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(special.betaincinv(successes, trials - successes + 1, tail))
    high = (
        1.0 if successes == trials else float(special.betaincinv(successes + 1, trials - successes, 1 - tail))
    )
    return low, high


def student(value: float, error: float, freedom: float, confidence: float = CONFIDENCE) -> Interval:
    """value ± t·error with `freedom` degrees of freedom (Cochran 1977, section 5.4)."""
    if error == 0:
        return value, value
    half = float(special.stdtrit(freedom, 1 - (1 - confidence) / 2)) * error
    return value - half, value + half


def gamma_of_sum(
    weights: npt.NDArray[np.float64], largest: float, confidence: float = CONFIDENCE
) -> Interval:
    """Interval of a sum of rare finds, each of which counts with its own weight (Fay and Feuer 1997).

    weights: (finds,), what every find adds to the estimate; `largest`: what one more find might add. Their number is
    taken as Poisson's: wider than needed where finds are not rare. Without any find the upper end is 3.7 · `largest`.
    Fay and Feuer: Confidence intervals for directly standardized rates, Statistics in Medicine 16 (1997) 791–801.
    """
    tail = (1 - confidence) / 2
    total = float(weights.sum())
    variance = float((weights**2).sum())
    low = 0.0
    if total > 0:
        low = variance / total * float(special.gammaincinv(total**2 / variance, tail))
    more, spread = total + largest, variance + largest**2
    if more == 0:
        return 0.0, 0.0
    high = spread / more * float(special.gammaincinv(more**2 / spread, 1 - tail))
    return low, high


def of_sum(values: list[float], intervals: list[Interval]) -> Interval:
    """Interval of the sum of independent estimates from the interval of each: their own widths added in quadrature.

    Lopsided where they are (MOVER; Zou and Donner 2008, Statistics in Medicine 27, 1693–1702).
    """
    below = math.sqrt(sum((value - low) ** 2 for value, (low, _high) in zip(values, intervals, strict=True)))
    above = math.sqrt(sum((high - value) ** 2 for value, (_low, high) in zip(values, intervals, strict=True)))
    return sum(values) - below, sum(values) + above


def of_share(part: float, part_interval: Interval, rest: float, rest_interval: Interval) -> Interval:
    """Interval of part / (part + rest), both at least 0 and independent.

    By the interval of the ratio rest / part (MOVER-R; Donner and Zou 2012, Statistical Methods in Medical Research
    21, 347–359). (0, 1) where the part may be nothing.
    """
    low_part, high_part = max(part_interval[0], 0.0), part_interval[1]
    low_rest, high_rest = max(rest_interval[0], 0.0), rest_interval[1]
    if part <= 0:
        return (0.0, 1.0) if high_part > 0 else (0.0, 0.0)
    product = rest * part
    low_square, high_square = low_rest * (2 * rest - low_rest), high_rest * (2 * rest - high_rest)
    divisor = high_part * (2 * part - high_part)
    if abs(divisor) > 1e-12 * part**2:
        ratio_low = (product - math.sqrt(max(product**2 - low_square * divisor, 0.0))) / divisor
    else:
        ratio_low = low_square / (2 * product) if product else 0.0
    divisor = low_part * (2 * part - low_part)
    ratio_high = math.inf
    if divisor > 0:
        ratio_high = (product + math.sqrt(max(product**2 - high_square * divisor, 0.0))) / divisor
    return 1 / (1 + ratio_high), 1 / (1 + max(ratio_low, 0.0))
