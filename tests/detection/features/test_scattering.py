"""What the scattering numbers say of a piece of ground, and what they leave alone."""

import numpy as np
import pytest

from detection.features.scattering import ANGLES, DIMENSION, FIRST_ORDER, scatter

WHOLE = np.array([[0, 0, 128, 128]])
FLAT = np.zeros((128, 128), np.float32)


def grain(seed: int = 0, side: int = 128) -> np.ndarray:
    return np.random.default_rng(seed).normal(50, 10, (side, side)).astype(np.float32)


def described(lightness: np.ndarray, boxes: np.ndarray = WHOLE) -> np.ndarray:
    return scatter(lightness, FLAT, FLAT, boxes)


def test_every_box_gets_finite_numbers_even_of_a_flat_image() -> None:
    numbers = described(FLAT, np.array([[0, 0, 128, 128], [0, 0, 1, 1], [127, 100, 128, 128]]))
    assert numbers.shape == (3, DIMENSION)
    assert numbers.dtype == np.float32
    assert np.isfinite(numbers).all()


def test_a_picture_turned_by_a_right_angle_has_the_same_numbers() -> None:
    drawn_out = grain() + 3 * np.cumsum(grain(1) - 50, axis=1) / 10
    turned = np.ascontiguousarray(np.rot90(drawn_out))
    # Halving a plane starts at its first pixel, so that coarse octaves of a turned picture differ a little.
    assert described(turned)[0] == pytest.approx(described(drawn_out)[0], abs=0.2)


def test_brightness_changes_nothing_and_contrast_only_the_energies() -> None:
    plain = described(grain())[0]
    assert described(grain() + 30)[0] == pytest.approx(plain, abs=2e-3)
    stronger = described(grain() * 2)[0]
    assert stronger[0] - plain[0] == pytest.approx(np.log(2), abs=1e-3)
    second = slice(FIRST_ORDER, FIRST_ORDER + 3 * ANGLES)
    assert stronger[second] == pytest.approx(plain[second], abs=1e-3)


def test_grain_in_patches_differs_in_the_second_order_from_the_same_grain_spread_evenly() -> None:
    even, gathered = grain() - 50, grain() - 50
    rows, columns = np.indices(even.shape) // 16 % 2
    gathered = gathered * np.where(rows == columns, 1.4, 0.2).astype(np.float32)
    second = slice(FIRST_ORDER, FIRST_ORDER + 3 * ANGLES)
    assert (described(gathered)[0][second] - described(even)[0][second]).max() > 0.3


def test_a_box_is_described_by_what_lies_in_it() -> None:
    half = grain()
    half[:, 64:] = 50
    left, right = described(half, np.array([[0, 0, 128, 56], [0, 72, 128, 128]]))
    assert left[0] > 0.5 > right[0]
    assert scatter(FLAT, FLAT, FLAT, np.zeros((0, 4), np.intp)).shape == (0, DIMENSION)


def test_stripes_are_told_from_grain_by_their_direction() -> None:
    stripes = np.tile(50 + 20 * np.sin(np.arange(128) * 1.96), (128, 1)).astype(np.float32)
    assert described(stripes)[0][2] > 2 * described(grain())[0][2]
