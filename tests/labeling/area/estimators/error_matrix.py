"""An oracle: area and accuracy from an error matrix of counts and the areas that the map gives its classes.

Olofsson, Foody, Herold, Stehman, Woodcock and Wulder: Good practices for estimating area and assessing accuracy of
land change. Remote Sensing of Environment 148 (2014) 42–57. Numbers of equations are theirs. Left out: accuracies
where the strata are not the map's classes, and quantities that are not counts (`labeling.area.estimators.tiles` has both).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Of the normal distribution, for a confidence of 95%, as the paper rounds it.
Z_95 = 1.96


@dataclass(frozen=True)
class MatrixEstimate:
    """Estimates by class, float64 of shape (classes,), each with its standard error; areas in the unit put in.

    A class without any sample unit of its reference has no producer's accuracy: nan. A stratum with a single unit
    has no variance: the standard errors that need it are nan.
    """

    proportions: Floats
    area: Floats
    area_error: Floats
    users: Floats
    users_error: Floats
    producers: Floats
    producers_error: Floats
    overall: float
    overall_error: float


def class_shares(counts: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """The share of each reference class in the whole and its standard error; the strata may be anything.

    counts: (strata, classes), sample units; sizes: (strata,), how large each stratum is, in any unit, > 0.
    p_.j = Σ W_i n_ij / n_i. (eq. 9), S(p_.j) (eq. 10); nan errors where a stratum has a single unit. Raises ValueError
    for shapes that do not fit, values that are negative or not finite, and strata without any unit.
    """
    _sample, weights, shares, spread = _shares(counts, sizes)
    return weights @ shares, np.sqrt((weights[:, None] ** 2 * spread).sum(axis=0))


def _shares(counts: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> tuple[Floats, Floats, Floats, Floats]:
    """Units by stratum, weights W_i, shares n_ij / n_i., and their variances as eqs. 5 to 7 and 10 add them up."""
    sample = np.asarray(counts, dtype=np.float64)
    areas = np.asarray(sizes, dtype=np.float64)
    if sample.ndim != 2 or areas.shape != (len(sample),):
        raise ValueError(f"sizes {areas.shape} do not fit a matrix of {sample.shape}")
    if (
        not (np.isfinite(sample).all() and np.isfinite(areas).all())
        or (sample < 0).any()
        or (areas <= 0).any()
    ):
        raise ValueError("counts are finite and not negative, sizes are finite and positive")
    units = sample.sum(axis=1)
    if (units == 0).any():
        raise ValueError("every stratum needs sample units")
    shares = sample / units[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(units[:, None] > 1, shares * (1 - shares) / (units[:, None] - 1), np.nan)
    return units, areas / areas.sum(), shares, spread


def estimate_from_matrix(counts: npt.NDArray[Any], mapped_areas: npt.NDArray[Any]) -> MatrixEstimate:
    """Stratified estimates, the strata being the classes of the map.

    counts: (classes, classes), sample units by map class (rows) and reference class (columns); mapped_areas:
    (classes,), total area of each map class, in any unit, > 0. Raises ValueError for other shapes, negative values
    and map classes without any sample unit.

    p_ij = W_i n_ij / n_i. (eq. 4); overall accuracy Σ p_jj (eq. 1), user's p_ii / p_i. (eq. 2), producer's
    p_jj / p_.j (eq. 3), their variances (eqs. 5, 6, 7); area A_tot p_.j, with p_.j by eq. 9,
    and its standard error A_tot S(p_.j) (eqs. 10, 11).
    """
    areas = np.asarray(mapped_areas, dtype=np.float64)
    if np.shape(counts) != (len(areas), len(areas)):
        raise ValueError(f"{len(areas)} map classes need a square matrix, not one of {np.shape(counts)}")
    _units, weights, shares, spread = _shares(counts, areas)
    totals, totals_error = class_shares(counts, areas)
    hits = weights * np.diagonal(shares)
    users = np.diagonal(shares)
    users_variance = np.diagonal(spread)
    overall_variance = (weights**2 * users_variance).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        producers = np.where(totals > 0, hits / totals, np.nan)
        producers_variance = _producers_variance(areas, shares, spread, producers)
    whole = areas.sum()
    return MatrixEstimate(
        proportions=totals,
        area=whole * totals,
        area_error=whole * totals_error,
        users=users,
        users_error=np.sqrt(users_variance),
        producers=producers,
        producers_error=np.sqrt(producers_variance),
        overall=float(hits.sum()),
        overall_error=float(np.sqrt(overall_variance)),
    )


def _producers_variance(areas: Floats, shares: Floats, spread: Floats, producers: Floats) -> Floats:
    """Eq. 7: (N_j.² (1 − P_j)² U_j (1 − U_j)/(n_j. − 1) + P_j² Σ_{i≠j} N_i.² s_ij (1 − s_ij)/(n_i. − 1)) / N̂_.j²."""
    reference = (areas[:, None] * shares).sum(axis=0)
    squares = areas[:, None] ** 2 * spread
    own = np.diagonal(squares)
    others = squares.sum(axis=0) - own
    return (own * (1 - producers) ** 2 + producers**2 * others) / reference**2


def interval_95(value: Floats | float, error: Floats | float) -> tuple[Floats, Floats]:
    """(low, high): value ± 1.96 standard errors, as the paper gives its intervals; not cut at 0 or 1."""
    half = Z_95 * np.asarray(error, dtype=np.float64)
    return np.asarray(value) - half, np.asarray(value) + half
