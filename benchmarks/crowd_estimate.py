"""How long the full estimation of a crowd's consensus takes, and in how much memory."""

import resource
import time

import numpy as np

from labeling.desk.aggregation.dawid_skene import (
    CLASS_PRIOR,
    CLASSES,
    Answers,
    fit,
    newcomer_prior,
)


def estimate(labels: int) -> str:
    """How long, and in how much memory, the full estimation takes of so many labels: 0.35 superpixels and 0.0025
    people for each, as 2 million labels of 700,000 superpixels by 5,000 people."""
    draw = np.random.default_rng(0)
    items, people = round(0.35 * labels), max(3, round(0.0025 * labels))
    item = np.concatenate([np.arange(items), draw.integers(0, items, labels - items)])
    rater = draw.integers(0, people, labels)
    truth = draw.choice(len(CLASSES), items, p=[0.2, 0.77, 0.03])
    right = draw.random(labels) < draw.uniform(0.6, 0.95, people)[rater]
    answer = np.where(
        right, truth[item], (truth[item] + draw.integers(1, len(CLASSES), labels)) % len(CLASSES)
    )
    started = time.perf_counter()
    found = fit(
        Answers(item, rater, answer),
        n_items=items,
        n_raters=people,
        prior=newcomer_prior(),
        class_prior=np.array(CLASS_PRIOR),
    )
    seconds = time.perf_counter() - started
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{labels:,} labels, {items:,} superpixels, {people:,} people: {found.iterations} rounds in {seconds:.1f} s, "
        f"{most:.0f} MB at most with the answers"
    )
