"""Who is how often right, and what is true, from answers alone: Dawid and Skene's estimator. NumPy only.

A. P. Dawid and A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm",
Applied Statistics 28 (1979) 20-28. With p_j the share of class j, π(k)_jl the probability that rater k answers l
where j is true and n(k)_il how often k answered l on item i, two steps alternate:

    E   T_ij ∝ p_j · Π_k Π_l π(k)_jl ^ n(k)_il                       (their 2.5)
    M   π(k)_jl = Σ_i T_ij n(k)_il / Σ_l Σ_i T_ij n(k)_il            (2.3)
        p_j     = Σ_i T_ij / I                                       (2.4)

starting from T_ij = the share of j among the answers on item i (3.1). What is added to the paper, each of it
off by default so that the estimator is exactly theirs:

- `prior`: pseudo-counts in (2.3), a Dirichlet prior. Without them somebody's first two answers make a
  probability of 0 or 1. `newcomer_prior` says what is assumed of people of whom nothing is known.
- `class_prior`: pseudo-counts in (2.4).
- `truth`: items of which the answer is known (an expert decided, a known-answer tile). Their T is fixed and
  teaches the matrices.
- `weight`: how much a rater's answers say in the E step; 0 for somebody in quarantine. Their matrix is still
  estimated, so that one can see what they do.
- `population`: which items make the class shares. Known-answer tiles are chosen, not met, and would bend them.

Left out: how hard a superpixel is, what neighbours say, and any other correlation between answers. The
posteriors are therefore too sure where all err together (Dawid and Skene's fourth remark, page 25).
"Unsure" is an abstention: it is no class and never enters.

`update` does the same for the items of one submission only, in the manner of R. M. Neal and G. E. Hinton,
"A View of the EM Algorithm that Justifies Incremental, Sparse, and Other Variants" (1998): an item's old share
of the expected counts is taken out, its posterior is computed anew, and the new share put back.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]

CLASSES = ("mining", "not_mining", "mixed")
"""What an answer's number means in Amber: 0, 1, 2."""

NEWCOMER_ACCURACY = 0.75
NEWCOMER_STRENGTH = 8.0
"""A newcomer counts as somebody seen to be right in 75% of eight answers for every true class."""

CLASS_PRIOR = (2.0, 7.0, 1.0)
"""Shares of the classes before anything is known, worth ten items."""

SWEEPS = 2
"""How often `update` goes over the touched items."""

_SMALLEST = 1e-300
# A probability of 0 is a legal estimate without a prior; its logarithm must stay finite or 0 · ∞ makes NaN.


@dataclass(frozen=True)
class DawidSkeneFit:
    """What the full estimation found.

    - posteriors: float64 (items, classes), rows sum to 1; NaN for an item with neither answer nor truth, of which
      nothing is known and which is in no count
    - counts: float64 (raters, classes, classes), expected number of answers [rater, true class, answer] without
      the prior; `probabilities` makes error rates of them
    - class_counts: float64 (classes,), expected number of items of each class without the prior
    - classes: float64 (classes,), the classes' shares, sum to 1
    - log_likelihood: natural logarithm of the paper's (2.7), without the prior; of an item with a known truth
      only its true term counts
    - iterations, converged: EM rounds made, and whether the tolerance was reached within them
    """

    posteriors: Floats
    counts: Floats
    class_counts: Floats
    classes: Floats
    log_likelihood: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class Answers:
    """Answers as flat arrays of one length: `item`, `rater`, `answer` integers from 0, `count` how often the rater
    said just that of the item (None: once). The pair of an item and a rater may come several times."""

    item: Integers
    rater: Integers
    answer: Integers
    count: Floats | None = None


@dataclass(frozen=True)
class Update:
    """What one submission changed.

    - posteriors: float64 (items, classes) of the touched items
    - counts: float64 (raters, classes, classes), the new expected counts of the raters given
    - class_counts: float64 (classes,), the new expected counts of the classes
    """

    posteriors: Floats
    counts: Floats
    class_counts: Floats


def newcomer_prior(
    n_classes: int = len(CLASSES), accuracy: float = NEWCOMER_ACCURACY, strength: float = NEWCOMER_STRENGTH
) -> Floats:
    """Pseudo-counts (classes, classes) of a rater of whom nothing is known: right with probability `accuracy`,
    wrong answers spread evenly, all of it worth `strength` answers for each true class.

    The diagonal is favoured because people who try are right more often than not; without that the estimator
    cannot tell the crowd from its mirror image (the paper's remark on identifiability).
    """
    prior = np.full((n_classes, n_classes), (1 - accuracy) / (n_classes - 1))
    np.fill_diagonal(prior, accuracy)
    return prior * strength


def probabilities(counts: Floats, prior: Floats | None = None) -> Floats:
    """Error rates [..., true class, answer] from expected counts of that shape; every last row sums to 1.

    A true class of which a rater saw nothing has, without a prior, evenly spread answers: it says nothing.
    """
    smoothed = counts if prior is None else counts + prior
    total = smoothed.sum(axis=-1, keepdims=True)
    return np.where(total > 0, smoothed / np.where(total > 0, total, 1.0), 1.0 / counts.shape[-1])


def shares(class_counts: Floats, class_prior: Floats | None = None) -> Floats:
    """The classes' shares (classes,) from their expected counts; even where there is nothing to go by."""
    return probabilities(class_counts, class_prior)


def fit(
    answers: Answers,
    *,
    n_items: int,
    n_raters: int,
    n_classes: int = len(CLASSES),
    truth: Integers | None = None,
    weight: Floats | None = None,
    population: NDArray[np.bool_] | None = None,
    prior: Floats | None = None,
    class_prior: Floats | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 300,
) -> DawidSkeneFit:
    """The full estimation from all answers; the same input gives the same output.

    - truth: (items,), the class that is known to be right, -1 where none is
    - weight: (raters,) in 0..1, None: all 1
    - population: (items,) bool, None: all
    - prior: (classes, classes) or (raters, classes, classes); class_prior: (classes,)
    - tolerance: ends when no posterior moved by more than this in a round

    Raises ValueError where an index is outside its range or lengths differ.
    """
    flat = _checked(answers, n_items, n_raters, n_classes)
    one_hot = _known(truth, n_items, n_classes)
    heard = np.bincount(flat.item, minlength=n_items) > 0
    if one_hot is not None:
        heard |= one_hot.any(axis=1)
    counted = heard if population is None else heard & population
    posteriors = _answer_shares(flat, n_items, n_classes, weight)
    if one_hot is not None:
        _settle(posteriors, one_hot)
    log_likelihood, iterations, converged = -np.inf, 0, False
    while True:
        counts = _counts(flat, posteriors, n_raters)
        class_counts = counted @ posteriors
        if converged or iterations >= max_iterations:
            break
        iterations += 1
        joint = _log_joint(
            flat, n_items, probabilities(counts, prior), shares(class_counts, class_prior), weight
        )
        log_likelihood = _normalise(joint, one_hot, counted)
        converged = _largest_difference(joint, posteriors) <= tolerance
        posteriors = joint
    posteriors[~heard] = np.nan
    return DawidSkeneFit(
        posteriors=posteriors,
        counts=counts,
        class_counts=class_counts,
        classes=shares(class_counts, class_prior),
        log_likelihood=log_likelihood,
        iterations=iterations,
        converged=converged,
    )


def update(
    *,
    before: Answers,
    after: Answers,
    old_posteriors: Floats,
    counts: Floats,
    class_counts: Floats,
    truth: Integers | None = None,
    weight: Floats | None = None,
    population: NDArray[np.bool_] | None = None,
    prior: Floats | None = None,
    class_prior: Floats | None = None,
    sweeps: int = SWEEPS,
) -> Update:
    """What changes when the answers on a few items change: a new submission, one taken back, a decision.

    Items and raters are numbered from 0 among those involved only.

    - before: the answers on these items that are in the counts already; after: all of them now
    - old_posteriors: (items, classes), NaN rows for items that are in no count yet
    - counts: (raters, classes, classes) and class_counts: (classes,), as `fit` or the last `update` left them
    - truth, weight, population, prior, class_prior: as for `fit`
    - sweeps: rounds of E and M over these items; what raters said elsewhere is taken as it stands

    Of an item with a known truth it is enough to give the new answers as `after`, nothing as `before` and no old
    posterior where it is outside the population: its truth does not move, so the old answers' share does not.
    An item that is left with neither answer nor truth has a NaN row afterwards: it is in no count any more.
    Raises ValueError where an index is outside its range or lengths differ.
    """
    n_items, n_classes = old_posteriors.shape
    n_raters = counts.shape[0]
    was, now = _checked(before, n_items, n_raters, n_classes), _checked(after, n_items, n_raters, n_classes)
    one_hot = _known(truth, n_items, n_classes)
    heard = np.bincount(now.item, minlength=n_items) > 0
    if one_hot is not None:
        heard |= one_hot.any(axis=1)
    counted = heard if population is None else heard & population
    in_counts = ~np.isnan(old_posteriors[:, 0])
    old = np.where(in_counts[:, None], old_posteriors, 0.0)
    old_class_share = old.sum(axis=0) if population is None else population @ old
    # Rounding may leave a share a hair below zero, whose logarithm there is not.
    rest = np.maximum(counts - _counts(was, old, n_raters), 0.0)
    class_rest = np.maximum(class_counts - old_class_share, 0.0)
    new_counts, new_class_counts = counts, class_counts
    posteriors = old
    for _ in range(sweeps):
        posteriors = _log_joint(
            now, n_items, probabilities(new_counts, prior), shares(new_class_counts, class_prior), weight
        )
        _normalise(posteriors, one_hot, counted)
        new_counts = rest + _counts(now, posteriors, n_raters)
        new_class_counts = class_rest + counted @ posteriors
    posteriors[~heard] = np.nan
    return Update(posteriors=posteriors, counts=new_counts, class_counts=new_class_counts)


@dataclass(frozen=True)
class _Flat:
    """Answers ready for counting: `cell` is rater · classes + answer."""

    item: NDArray[np.intp]
    cell: NDArray[np.intp]
    count: Floats | None


def _checked(answers: Answers, n_items: int, n_raters: int, n_classes: int) -> _Flat:
    item = np.asarray(answers.item, dtype=np.intp)
    rater = np.asarray(answers.rater, dtype=np.intp)
    answer = np.asarray(answers.answer, dtype=np.intp)
    count = None if answers.count is None else np.asarray(answers.count, dtype=np.float64)
    if not item.shape == rater.shape == answer.shape or (count is not None and count.shape != item.shape):
        raise ValueError("Items, raters, answers and their counts must be of one length.")
    for name, part, limit in (
        ("item", item, n_items),
        ("rater", rater, n_raters),
        ("answer", answer, n_classes),
    ):
        if part.size and (part.min() < 0 or part.max() >= limit):
            raise ValueError(f"A number of {name} is outside 0..{limit - 1}.")
    return _Flat(item=item, cell=rater * n_classes + answer, count=count)


def _known(truth: Integers | None, n_items: int, n_classes: int) -> Floats | None:
    """One-hot rows of the items whose truth is known, zero rows of the others; None where none is known."""
    if truth is None:
        return None
    settled = np.asarray(truth, dtype=np.intp)
    if settled.shape != (n_items,) or (settled.size and (settled.min() < -1 or settled.max() >= n_classes)):
        raise ValueError("The truth must be a class or -1 for every item.")
    one_hot = np.zeros((n_items, n_classes))
    rows = np.flatnonzero(settled >= 0)
    one_hot[rows, settled[rows]] = 1.0
    return one_hot if rows.size else None


def _settle(posteriors: Floats, one_hot: Floats) -> None:
    rows = one_hot.any(axis=1)
    posteriors[rows] = one_hot[rows]


def _answer_shares(flat: _Flat, n_items: int, n_classes: int, weight: Floats | None) -> Floats:
    """(items, classes), the paper's (3.1); even for an item nobody of any weight spoke about."""
    weights = flat.count
    if weight is not None:
        weights = weight[flat.cell // n_classes] * (1.0 if weights is None else weights)
    spoken = np.bincount(
        flat.item * n_classes + flat.cell % n_classes, weights=weights, minlength=n_items * n_classes
    )
    return probabilities(spoken.reshape(n_items, n_classes).astype(np.float64))


def _counts(flat: _Flat, posteriors: Floats, n_raters: int) -> Floats:
    """(raters, classes, classes), the numerators of (2.3)."""
    n_classes = posteriors.shape[1]
    counts = np.empty((n_raters, n_classes, n_classes))
    for true in range(n_classes):
        share = posteriors[:, true][flat.item]
        if flat.count is not None:
            share *= flat.count
        counts[:, true] = np.bincount(flat.cell, weights=share, minlength=n_raters * n_classes).reshape(
            n_raters, n_classes
        )
    return counts


def _log_joint(flat: _Flat, n_items: int, rates: Floats, classes: Floats, weight: Floats | None) -> Floats:
    """(items, classes), the logarithm of what (2.5) is proportional to."""
    log_rates = np.log(np.maximum(rates, _SMALLEST))
    if weight is not None:
        log_rates *= weight[:, None, None]
    joint = np.empty((n_items, len(classes)))
    for true in range(len(classes)):
        logs = np.ascontiguousarray(log_rates[:, true]).ravel()[flat.cell]
        if flat.count is not None:
            logs *= flat.count
        joint[:, true] = np.bincount(flat.item, weights=logs, minlength=n_items)
    joint += np.log(np.maximum(classes, _SMALLEST))
    return joint


def _normalise(joint: Floats, one_hot: Floats | None, counted: NDArray[np.bool_]) -> float:
    """Turns logarithms into posteriors, in place; the log likelihood of the counted items."""
    highest = joint.max(axis=1, keepdims=True)
    joint -= highest
    if one_hot is None:
        settled = 0.0
    else:
        rows = one_hot.any(axis=1) & counted
        settled = float((joint[rows] * one_hot[rows]).sum())
    np.exp(joint, out=joint)
    total = joint.sum(axis=1, keepdims=True)
    joint /= total
    evidence = (highest + np.log(total))[:, 0]
    if one_hot is not None:
        evidence = np.where(one_hot.any(axis=1), highest[:, 0], evidence)
        _settle(joint, one_hot)
    return float(evidence @ counted) + settled


def _largest_difference(one: Floats, other: Floats) -> float:
    return max(float(np.abs(one[:, true] - other[:, true]).max(initial=0.0)) for true in range(one.shape[1]))
