"""What teaches most comes first: doubt at the threshold, and not ten of a kind."""

import subprocess
import sys

import numpy as np
import pytest

from detection.learning import ranking


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.812])
def test_doubt_is_greatest_on_the_threshold_and_falls_on_both_sides(threshold):
    scores = np.linspace(0, 1, 1001)
    doubt = ranking.uncertainty(scores, threshold)
    assert doubt.dtype == np.float32 and doubt.min() >= 0 and doubt.max() <= 1
    top = int(np.argmax(doubt))
    assert abs(scores[top] - threshold) < 0.002
    assert (np.diff(doubt[: top + 1]) >= 0).all() and (np.diff(doubt[top:]) <= 0).all()
    assert doubt[0] == doubt[-1] == 0


def test_equal_odds_above_and_below_the_threshold_are_equally_doubtful():
    odds = 0.7 / 0.3
    above, below = odds * 3 / (1 + odds * 3), odds / 3 / (1 + odds / 3)
    first, second = ranking.uncertainty([above, below], 0.7)
    assert first == pytest.approx(second, abs=1e-6) and first == pytest.approx(0.75, abs=1e-6)


@pytest.mark.parametrize(("scores", "threshold"), [([0.5], 0), ([0.5], 1), ([1.1], 0.5), ([np.nan], 0.5)])
def test_impossible_numbers_are_refused(scores, threshold):
    with pytest.raises(ValueError):
        ranking.uncertainty(scores, threshold)


def test_a_tile_is_judged_by_its_three_most_doubtful_pieces():
    few = [0.5, 0.5, 0.5, 0.001]
    many = [0.5, 0.5, 0.5] + [0.001] * 40
    one = [0.5] + [0.001] * 24
    lukewarm = [0.2] * 60
    doubt = ranking.tile_uncertainty([few, many, one, lukewarm, []], 0.5)
    assert doubt[0] == doubt[1] == 1, "neither few nor many pieces are rewarded"
    assert doubt[2] < 0.4, "one odd piece makes no tile"
    assert doubt[3] == pytest.approx(0.64, abs=1e-5), "many lukewarm pieces do not add up"
    assert doubt[4] == 0


def kinds(*counts: int) -> np.ndarray:
    """Rows of as many clearly different kinds as there are counts."""
    random = np.random.default_rng(0)
    rows = [random.normal(0, 0.1, (count, 40)) + random.normal(0, 2, 40) for count in counts]
    return np.concatenate(rows).astype(np.float32)


def test_clusters_keep_clearly_different_kinds_apart_and_are_the_same_each_time():
    features = kinds(30, 30, 30)
    reduced = ranking.Projection.fit(features).apply(features)
    assert reduced.shape == (90, ranking.AXES)
    found = ranking.clusters(reduced, seed=3)
    kind = np.repeat([0, 1, 2], 30)
    for cluster in np.unique(found):
        assert len(np.unique(kind[found == cluster])) == 1
    assert (ranking.clusters(reduced, seed=3) == found).all()


def test_the_second_of_a_cluster_stands_behind_its_first_and_behind_another_cluster():
    cluster = np.array([0, 0, 0, 1])
    undecided = np.array([0.9, 0.88, 0.86, 0.85], np.float32)
    value = undecided * ranking.diversity(cluster, undecided, np.zeros(4, bool))
    assert np.argsort(-value).tolist() == [0, 3, 1, 2]


def test_much_greater_doubt_beats_diversity():
    cluster = np.array([0, 0, 1])
    undecided = np.array([0.95, 0.9, 0.3], np.float32)
    value = undecided * ranking.diversity(cluster, undecided, np.zeros(3, bool))
    assert np.argsort(-value).tolist() == [0, 1, 2]


def test_a_cluster_that_is_labelled_stands_behind():
    cluster = np.repeat([0, 1], 10)
    undecided = np.full(20, 0.5, np.float32)
    labelled = np.zeros(20, bool)
    labelled[:5] = True
    factor = ranking.diversity(cluster, undecided, labelled)
    assert factor.dtype == np.float32 and factor.min() > 0 and factor.max() == 1
    assert factor[5:10].max() < factor[10:].max()


def test_rows_without_features_are_neither_first_nor_last():
    features = kinds(12, 12)
    reduced = ranking.Projection.fit(features).apply(features)
    reduced[5] = np.nan
    found = ranking.priorities(np.full(24, 0.8, np.float32), reduced, np.zeros(24, bool), seed=0)
    assert np.isfinite(found).all() and found.min() < found[5] < found.max()
    alone = ranking.priorities(np.full(3, 0.8, np.float32), None, np.zeros(3, bool), seed=0)
    assert alone.tolist() == pytest.approx([0.8] * 3)


def test_the_web_process_can_import_it_without_any_learning_library():
    code = (
        "import sys, detection.learning.ranking; "
        "sys.exit(any(name in sys.modules for name in ('sklearn', 'xgboost', 'scipy', 'django')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
