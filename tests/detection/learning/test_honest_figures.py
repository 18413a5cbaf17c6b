"""Intervals by place, probabilities that can be checked, classifiers compared, rows in other light."""

import io
import json
import zipfile

import numpy as np
import pytest

from detection.features.augmentation import AugmentedExtractor
from detection.imagery.light import LIGHTS, augmented
from detection.learning import algorithms, model_files
from detection.learning.calibration import reliability
from detection.learning.classifiers import fit
from detection.learning.comparison import propose
from detection.learning.evaluation import HeldOut, evaluate_grouped, hold_out
from detection.learning.intervals import Draws, interval
from detection.learning.ranked_svm import SvmFitter, block_factors
from detection.learning.ranks import Ranks
from detection.learning.thresholds import average_precision
from tests.detection.learning.test_learning import rows


@pytest.fixture(autouse=True)
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algorithms, "FOREST_TREES", 20)
    monkeypatch.setattr(algorithms, "FOREST_THREADS", 1)
    monkeypatch.setattr(algorithms, "BOOSTING_ROUNDS", 50)


def test_an_interval_by_place_is_wider_than_one_by_row() -> None:
    """Twenty places of ten like rows each know far less than two hundred rows."""
    random = np.random.default_rng(3)
    places = np.repeat(np.arange(20), 10)
    mining = (np.arange(20) % 2 == 0)[places]
    found = mining ^ (random.random(20) < 0.3)[places]
    by_place = interval([Draws(places).precision_recall_f1(mining, found)[2]])
    by_row = interval([Draws(np.arange(200)).precision_recall_f1(mining, found)[2]])
    assert by_place[1] - by_place[0] > 1.5 * (by_row[1] - by_row[0])


def test_drawing_every_place_once_gives_the_figure_itself() -> None:
    random = np.random.default_rng(4)
    mining = random.random(60) < 0.4
    scores = np.round(random.normal(mining * 1.0, 1), 1)
    draws = Draws(np.arange(60) // 3)
    draws.times[:] = 1
    assert draws.average_precision(mining, scores) == pytest.approx(average_precision(mining, scores))


def test_draws_without_any_mining_are_left_out() -> None:
    mining = np.array([True, False, False, False])
    draws = Draws(np.arange(4))
    assert np.isnan(draws.average_precision(mining, np.arange(4.0))).any()
    low, high = interval([draws.average_precision(mining, np.arange(4.0))])
    assert 0 <= low <= high <= 1


def test_probabilities_that_come_true_have_no_error_and_boasting_ones_do() -> None:
    random = np.random.default_rng(5)
    said = random.random(4000).astype(np.float32)
    mining = random.random(4000) < said
    honest = reliability(said, mining)
    boasting = reliability(np.where(said > 0.5, 0.99, 0.01).astype(np.float32), mining)
    assert honest.expected_error < 0.03 < 0.15 < boasting.expected_error
    assert honest.brier < boasting.brier
    assert honest.brier < honest.brier_of_the_share == pytest.approx(0.25, abs=0.01)
    assert sum(row[2] for row in honest.bins) == 4000


def test_a_fold_on_another_scale_does_not_spoil_the_pooled_ranking() -> None:
    """Features twice as large in one place change its model's margins, not which of its rows come first."""
    features, mining, places = rows(120, seed=1)
    outcome = evaluate_grouped("svm", features, mining, places, seeds=(0, 1))
    assert outcome.average_precision > 0.9
    low, high = outcome.intervals["average_precision"]
    assert low <= outcome.average_precision <= high
    assert outcome.at_target.intervals["precision"][1] <= 1
    assert outcome.positive_groups == outcome.groups == 30


def held(scores: np.ndarray) -> HeldOut:
    nothing = np.zeros(len(scores), bool)
    return HeldOut(scores.astype(np.float32), scores.astype(np.float32), nothing, nothing, 5, 1.0)


def test_xgboost_is_proposed_where_the_best_could_be_luck_and_the_best_where_it_could_not() -> None:
    random = np.random.default_rng(6)
    mining, places = np.arange(300) % 3 == 0, np.arange(300) // 5
    noise = random.normal(0, 1, 300)
    default = held(mining * 1.0 + noise)
    nearly = propose(
        {"xgboost": [default], "svm": [held(mining * 1.02 + noise + random.normal(0, 0.05, 300))]},
        mining,
        Draws(places),
    )
    clearly = propose({"xgboost": [default], "svm": [held(mining * 3.0 + noise)]}, mining, Draws(places))
    assert nearly.algorithm == "xgboost"
    assert (clearly.algorithm, clearly.best, clearly.tie) == ("svm", "svm", False)
    assert clearly.differences["svm"][1] > 0


def test_a_classifier_is_held_out_alike_alone_and_beside_another() -> None:
    features, mining, places = rows()
    both = hold_out(["svm", "xgboost"], features, mining, places, 4, 0)
    assert np.array_equal(both["svm"].scores, hold_out(["svm"], features, mining, places, 4, 0)["svm"].scores)


def packed(header: bytes, model: bytes, name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("header.json", header)
        archive.writestr(name, model)
    return buffer.getvalue()


def test_a_file_whose_model_was_exchanged_is_refused() -> None:
    features, mining, _places = rows()
    data = model_files.save(fit("svm", features, mining, seed=0))
    other = model_files.save(fit("svm", features, ~mining, seed=0))
    with zipfile.ZipFile(io.BytesIO(data)) as one, zipfile.ZipFile(io.BytesIO(other)) as two:
        header, model = one.read("header.json"), two.read("model.npz")
    with pytest.raises(ValueError, match="checksum"):
        model_files.load(packed(header, model, "model.npz"))


def test_a_file_of_a_kind_that_is_taught_no_more_is_refused_with_the_way_out() -> None:
    header = {"format": "amber-classifier", "format_version": 2, "algorithm": "mean", "model": "model.zip"}
    with pytest.raises(ValueError, match="no classifier “mean” any more: train another one"):
        model_files.load(packed(json.dumps(header).encode(), b"", "model.zip"))


def test_ranks_do_not_care_how_far_apart_values_lie() -> None:
    random = np.random.default_rng(7)
    plain = random.normal(0, 1, (300, 3)).astype(np.float32)
    plain[:, 2] = plain[:, 2] > 0  # many equal values
    ranks, stretched = Ranks.fit(plain), Ranks.fit(np.exp(plain))
    assert np.allclose(ranks.apply(plain), stretched.apply(np.exp(plain)), atol=0.02)
    assert np.abs(ranks.apply(plain)[:, 2]).max() < 2
    assert np.isfinite(ranks.apply(np.full((1, 3), 1e30, np.float32))).all()


def test_a_row_held_out_has_no_say_in_the_machine_that_scores_it() -> None:
    features, mining, _places = rows()
    train, test = np.arange(60), np.arange(60, 80)
    turned = mining.copy()
    turned[test] = ~turned[test]
    one = SvmFitter(features, mining, 0, None).held_out(train, test)
    other = SvmFitter(features, turned, 0, None).held_out(train, test)
    assert np.array_equal(one, other)


def test_copies_in_other_light_teach_and_are_drawn_from_the_image_alone() -> None:
    random = np.random.default_rng(8)
    image = random.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    for light in LIGHTS:
        once, again = augmented(image, light, 5), augmented(image, light, 5)
        assert once.dtype == np.uint8 and np.array_equal(once, again)
        assert not np.array_equal(once, image)

    class Mean:
        name, version, weights_hash, dimension, key, warnings = "mean", "1", "", 3, "mean-1-plain", ()
        blocks = ((3, 1.0),)

        def extract(self, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
            return image.reshape(-1, 3).mean(axis=0, dtype=np.float32)[None]

    lit = AugmentedExtractor(Mean(), LIGHTS[0])
    labels = np.ones(image.shape[:2], np.int32)
    assert lit.key == f"mean-1-plain-{LIGHTS[0]}"
    assert np.array_equal(lit.extract(image, labels), lit.extract(image.copy(), labels))
    features, mining, _places = rows()
    copies = features[None] + np.float32(0.5)
    taught = fit("svm", features, mining, 0, copies=copies).predict_proba(features)
    assert not np.allclose(taught, fit("svm", features, mining, 0).predict_proba(features))
    with pytest.raises(ValueError, match="Copies of rows"):
        fit("svm", features, mining, 0, copies=copies[:, :10])


def test_a_kind_of_features_counts_by_its_weight_and_not_by_how_many_numbers_it_has() -> None:
    """Three telling numbers beside three hundred of noise: with blocks of equal weight they are heard."""
    random = np.random.default_rng(3)
    mining = np.arange(240) % 3 == 0
    telling = random.normal(mining[:, None] * 1.5, 1.0, (240, 3))
    features = np.concatenate([telling, random.normal(size=(240, 300))], axis=1).astype(np.float32)
    groups = np.arange(240) // 4
    alike, heard = (
        evaluate_grouped("svm", features, mining, groups, blocks=blocks).average_precision
        for blocks in (None, ((3, 1.0), (300, 1.0)))
    )
    assert heard > alike + 0.1
    rows = Ranks.fit(features).apply(features)
    factors = block_factors(((3, 3.0), (300, 1.0)))
    squares = ((rows * factors) ** 2).mean(axis=0)
    assert squares[:3].sum() / squares[3:].sum() == pytest.approx(3, rel=0.05)
    assert (factors**2).sum() == pytest.approx(303)
    with pytest.raises(ValueError, match="weight above 0"):
        block_factors(((3, 0.0), (300, 1.0)))
    one = SvmFitter(features, mining, 0, None, ((303, 1.0),)).fit().margins(features)
    assert np.array_equal(one, SvmFitter(features, mining, 0, None).fit().margins(features))


def test_ranks_that_are_looked_up_are_those_of_the_line_also_of_odd_features() -> None:
    random = np.random.default_rng(4)
    rows = np.stack(
        [
            random.normal(50, 9, 900),
            random.lognormal(0, 2, 900),
            np.maximum(random.normal(size=900), 0),  # half of it exactly nothing
            np.round(random.normal(0, 2, 900)),
            np.zeros(900),
            -random.lognormal(3, 1, 900),
        ],
        axis=1,
    ).astype(np.float32)
    ranks = Ranks.fit(rows)
    asked = np.concatenate(
        [rows, rows * 1.7 - 3, np.full((1, 6), 1e6, np.float32), np.full((1, 6), -1e6, np.float32)]
    )
    searched = np.stack(
        [np.interp(asked[:, one], ranks.values[one], ranks.places[one]) for one in range(6)], axis=1
    )
    away = np.abs(ranks.apply(asked) - searched)
    assert away.mean() < 0.01 and np.quantile(away, 0.99) < 0.1
    # One row at a time or all together: the same number.
    alone = np.concatenate([ranks.apply(row[None]) for row in asked[:50]])
    assert np.array_equal(alone, ranks.apply(asked)[:50])
