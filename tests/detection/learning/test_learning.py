"""Classifiers, their files, and figures that hold on places never seen."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from detection.learning import model_files
from detection.learning.calibration import logistic_line, probability
from detection.learning.classifiers import ALGORITHMS, fit, folds
from detection.learning.evaluation import block_group, evaluate_grouped, tile_group
from detection.learning.ranks import Ranks
from detection.learning.thresholds import average_precision, choose_threshold, confusion


def rows(n: int = 80, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features that tell mining quite well, verdicts, and 20 places."""
    random = np.random.default_rng(seed)
    mining = np.arange(n) % 2 == 0
    features = random.normal(0, 1, (n, 6)).astype(np.float32)
    features[:, 0] += mining * 3
    return features, mining, np.array([f"place {number // 4}" for number in range(n)])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_fitted_classifier_comes_back_from_its_file_as_it_was(algorithm):
    features, mining, _places = rows()
    fitted = fit(algorithm, features, mining, seed=0)
    again = model_files.load(model_files.save(fitted))
    probabilities = fitted.predict_proba(features)
    assert np.allclose(again.predict_proba(features), probabilities, atol=1e-6)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert probabilities[mining].mean() > 0.8 > 0.2 > probabilities[~mining].mean()


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", pickle.dumps(Bomb()), b"PK\x05\x06" + bytes(18)],
    ids=["empty", "text", "pickle", "zip"],
)
def test_a_foreign_file_is_refused_and_never_run(data):
    with pytest.raises(ValueError):
        model_files.load(data)


def test_a_file_whose_model_was_exchanged_is_refused():
    features, mining, _places = rows()
    good = zipfile.ZipFile(io.BytesIO(model_files.save(fit("svm", features, mining, seed=0))))
    forged = io.BytesIO()
    with zipfile.ZipFile(forged, "w") as archive:
        archive.writestr("header.json", good.read("header.json"))
        archive.writestr("model.npz", pickle.dumps(Bomb()))
    with pytest.raises(ValueError):
        model_files.load(forged.getvalue())


def test_rows_of_another_length_are_refused():
    features, mining, _places = rows()
    with pytest.raises(ValueError, match="6 features a row, not 5"):
        fit("svm", features, mining, seed=0).predict_proba(features[:, :5])


def test_no_place_is_ever_on_both_sides():
    _features, mining, places = rows()
    seen = []
    for train, test in folds(mining, places, 5, seed=1):
        assert not set(places[train]) & set(places[test])
        seen += list(test)
    assert sorted(seen) == list(range(len(mining)))


def test_all_dates_of_a_place_are_one_group_and_blocks_are_a_quarter_degree():
    assert tile_group(51.49550430000055, 26.65693) == tile_group(51.4955043, 26.656930000000212)
    assert block_group(51.26, 26.01) == block_group(51.49, 26.24)
    assert block_group(51.24, 26.01) != block_group(51.26, 26.01)


def test_features_that_say_nothing_score_no_better_than_chance():
    random = np.random.default_rng(5)
    mining = np.arange(200) % 4 == 0
    features = random.normal(0, 1, (200, 8)).astype(np.float32)
    outcome = evaluate_grouped("svm", features, mining, np.arange(200))
    assert outcome.average_precision < 0.45
    assert outcome.n == 200


def test_a_leak_between_places_shows_as_a_lower_figure_when_places_are_kept_apart():
    """Features that only name the place: perfect row by row, worthless on places never seen."""
    random = np.random.default_rng(2)
    places = np.repeat(np.arange(30), 6)
    mining = random.random(30)[places] < 0.4
    features = random.normal(0, 1, (30, 5))[places].astype(np.float32)
    apart = evaluate_grouped("svm", features, mining, places).average_precision
    mixed = evaluate_grouped("svm", features, mining, np.arange(180)).average_precision
    assert mixed > 0.95
    assert apart < 0.8


def test_the_threshold_reaches_its_precision_or_says_that_it_cannot():
    scores = np.linspace(0, 1, 100).astype(np.float32)
    mining = scores > 0.6
    good = choose_threshold(scores, mining, 0.95)
    assert good.reached and good.precision >= 0.95 and good.recall > 0.9
    hopeless = choose_threshold(scores, np.arange(100) % 2 == 0, 0.95)
    assert not hopeless.reached


def test_figures_agree_with_counting_by_hand():
    mining = np.array([True, True, False, False, True])
    assert confusion(mining, np.array([True, False, True, False, True])) == [[1, 1], [1, 2]]
    assert average_precision(mining, np.array([0.9, 0.8, 0.7, 0.1, 0.6])) == pytest.approx(
        (1 + 1 + 3 / 4) / 3
    )


def test_too_few_places_are_named():
    features, mining, _places = rows(8)
    with pytest.raises(ValueError, match="Too few places"):
        evaluate_grouped("svm", features, mining, np.array(["here"] * 8))


@pytest.mark.parametrize("shape", [(1, 5), (4, 1), (4097, 2)])
def test_bringing_rows_to_ranks_leaves_the_rows_as_they_are(shape):
    rows = np.random.default_rng(0).uniform(5, 9, shape).astype(np.float32)
    before = rows.copy()
    ranks = Ranks.fit(rows)
    assert np.array_equal(ranks.apply(rows), ranks.apply(rows))
    assert np.array_equal(rows, before)


def test_scores_worse_than_chance_or_all_alike_become_probabilities_near_the_share_of_mining():
    mining = np.arange(40) % 4 == 0
    for raw in (np.where(mining, 3.0, 9.0), np.full(40, -2.5), np.where(mining, -8e5, 9e5)):
        said = probability(raw, *logistic_line(raw.astype(np.float32), mining))
        assert np.abs(said - 0.25).max() < 0.03


def test_a_model_file_with_packed_arrays_is_refused():
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("values", "places", "vectors", "weights", "gamma", "offset"):
            archive.writestr(f"{name}.npy", b"0" * 10_000)
    with pytest.raises(ValueError, match="packed in a way"):
        model_files._read_svm(whole.getvalue())
