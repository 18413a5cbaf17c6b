"""How many tiles to sample in each stratum, and how narrow an interval to expect of it. Pure: no Django.

Neyman's allocation (Cochran 1977, section 5.5): in proportion to N_h S_h, with enough in every stratum that its own
figure means something (Olofsson et al. 2014, section 5.1.1, advise the same for rare classes).
"""

import math
from dataclasses import dataclass

import numpy as np

from labeling.area.estimators.intervals import enough, gamma_of_sum, student

# Fewer cannot tell a stratum's own rate from nothing.
LEAST = 20


@dataclass(frozen=True)
class Expected:
    """A stratum before it is sampled: how many tiles, the share expected to be mined, hectares on a mined tile."""

    name: str
    tiles: int
    share: float
    hectares: float

    @property
    def spread(self) -> float:
        """Expected standard deviation of a tile's hectares, sizes of finds varying as much as their mean."""
        return self.hectares * math.sqrt(self.share * (2 - self.share))


def allocate(strata: list[Expected], size: int) -> dict[str, int]:
    """Tiles to draw by stratum, `size` in all or every tile there is. At least LEAST a stratum as far as it reaches.

    Raises ValueError when the size does not give every stratum with tiles at least two.
    """
    filled = [stratum for stratum in strata if stratum.tiles]
    if size < sum(min(2, stratum.tiles) for stratum in filled):
        raise ValueError("every stratum needs at least two tiles")
    size = min(size, sum(stratum.tiles for stratum in filled))
    least = min(LEAST, size // max(len(filled), 1))
    drawn = {stratum.name: min(least, stratum.tiles) for stratum in filled}
    while (left := size - sum(drawn.values())) > 0:
        open_strata = [stratum for stratum in filled if drawn[stratum.name] < stratum.tiles]
        weights = {stratum.name: stratum.tiles * stratum.spread for stratum in open_strata}
        whole = sum(weights.values())
        shares = {
            stratum.name: left * (weights[stratum.name] / whole if whole else 1 / len(open_strata))
            for stratum in open_strata
        }
        added = 0
        for stratum in open_strata:
            more = min(int(shares[stratum.name]), stratum.tiles - drawn[stratum.name])
            drawn[stratum.name] += more
            added += more
        if not added:
            # What is left is less than one a stratum: to those with the largest shares.
            by_share = sorted(open_strata, key=lambda stratum: (-shares[stratum.name], stratum.name))
            for stratum in by_share[:left]:
                drawn[stratum.name] += 1
    return {stratum.name: drawn.get(stratum.name, 0) for stratum in strata}


def expected_half_width(strata: list[Expected], drawn: dict[str, int]) -> float:
    """Half of the 95% interval of the hectares that such a sample should give, if things are as expected.

    Counts the finds to expect and asks the same intervals as `labeling.area.estimators.tiles` will, so that a stratum in which
    none is to be expected promises what "none seen" will leave open.
    """
    squares = 0.0
    for stratum in strata:
        number = drawn[stratum.name]
        if not number or number >= stratum.tiles:
            continue
        finds = round(number * stratum.share)
        weight = stratum.tiles / number
        correction = 1 - number / stratum.tiles
        if enough(finds, number):
            error = stratum.tiles * stratum.spread * math.sqrt(correction / number)
            _low, half = student(0.0, error, number - 1)
        else:
            each = weight * stratum.hectares
            low, high = gamma_of_sum(np.full(finds, each), each)
            half = (high - low) / 2 * math.sqrt(correction)
        squares += half**2
    return math.sqrt(squares)
