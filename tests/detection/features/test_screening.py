"""The screen: what a glance sees, and when it may be trusted."""

import numpy as np
import pytest

from detection.features.glance import DIMENSION, GlanceExtractor
from detection.learning.screening import WANTED_RECALL, lowest_share, make_screen, screen_from


def rows(positives, apart, seed=0, blocks=12):
    """`glances`, `mining`, `blocks`: mining lies `apart` deviations from the rest; every block holds both."""
    random = np.random.default_rng(seed)
    mining = np.arange(2 * positives) % 2 == 0
    glances = random.normal(0, 1, (len(mining), DIMENSION)).astype(np.float32)
    glances[mining, :3] += apart
    return glances, mining, (np.arange(len(mining)) // 2 % blocks).astype(str)


def test_what_is_plain_at_a_glance_may_be_screened():
    report = make_screen(*rows(1200, apart=8))
    assert report.usable
    assert report.at_least >= WANTED_RECALL
    assert report.passed_over > 0.9
    screen = screen_from(report.as_dict())
    glances, mining, _blocks = rows(1200, apart=8, seed=1)
    assert screen.passes_over(glances[~mining][:20])
    assert not screen.passes_over(glances[:20]), "one mining superpixel is enough"
    assert not screen.passes_over(np.zeros((0, DIMENSION), np.float32))


def test_too_few_mining_superpixels_show_nothing_even_without_a_miss():
    report = make_screen(*rows(300, apart=8))
    assert report.recall == 1
    assert report.at_least < WANTED_RECALL
    assert not report.usable
    assert screen_from(report.as_dict()) is None


def test_a_block_that_fails_as_a_whole_keeps_the_screen_off():
    glances, mining, blocks = rows(1200, apart=8)
    glances[(blocks == "3") & mining] -= 8
    report = make_screen(glances, mining, blocks)
    assert report.recall < 0.95
    assert not report.usable


def test_a_screen_that_lets_nearly_nothing_go_is_not_worth_it():
    report = make_screen(*rows(1200, apart=0))
    assert report.passed_over < 0.05
    assert not report.usable


def test_one_block_shows_nothing_about_others():
    glances, mining, _blocks = rows(100, apart=8)
    with pytest.raises(ValueError, match="places"):
        make_screen(glances, mining, np.full(len(mining), "one"))


@pytest.mark.parametrize(
    ("successes", "trials", "expected"),
    # 0.05 ** (1 / n) without a miss; the others from tables of the binomial distribution.
    [(598, 598, 0.99500), (10, 10, 0.74113), (9, 10, 0.60584), (0, 10, 0.0)],
)
def test_the_exact_interval_is_that_of_the_tables(successes, trials, expected):
    assert lowest_share(successes, trials) == pytest.approx(expected, abs=2e-5)


def test_a_glance_tells_colour_and_grain_of_every_piece():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = np.random.default_rng(0).integers(100, 255, (64, 32, 1))
    labels = np.ones((64, 64), np.int32)
    labels[:, 32:] = 2
    seen = GlanceExtractor().extract(image, labels)
    assert seen.shape == (2, DIMENSION)
    assert np.isfinite(seen).all()
    assert seen[1, 0] > seen[0, 0] + 20, "brighter"
    assert seen[1, 4] > seen[0, 4], "grainier"


def test_a_piece_too_small_for_a_quarter_of_the_resolution_is_still_seen():
    labels = np.ones((64, 64), np.int32)
    labels[0, 0] = 2
    seen = GlanceExtractor().extract(np.full((64, 64, 3), 90, np.uint8), labels)
    assert seen.shape == (2, DIMENSION)
    assert seen[1, 0] == pytest.approx(seen[0, 0], abs=1)


def test_a_picture_of_one_piece_differs_from_itself_by_nothing():
    random = np.random.default_rng(0)
    for _crop in range(20):
        image = random.integers(0, 256, (*random.integers(20, 90, 2), 3), dtype=np.uint8)
        seen = GlanceExtractor().extract(image, np.ones(image.shape[:2], np.int32))
        # The screen divides by how much a feature varies, and takes a millionth for something.
        assert np.abs(seen[0, 9:]).max() < 1e-8
