"""Texture features: the same numbers everywhere, told apart by what is on the ground, not by the provider's taste."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.features import EXTRACTOR_NAMES, get_extractor
from detection.features.texture_maps import compute_maps, local_binary_patterns


def ground(seed: int = 0, size: int = 160) -> np.ndarray:
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    pixels = random.normal(100, 12, (size, size, 3)) + np.array([-20, 10, -30])
    for _pit in range(12):
        row, column = random.uniform(0, size, 2)
        away = np.hypot(rows - row, columns - column)
        pixels[away < 8] += 90
        pixels[away < 3] -= 120
    return np.clip(pixels, 0, 255).astype(np.uint8)


def quarters(size: int = 160) -> np.ndarray:
    labels = np.ones((size, size), dtype=np.int32)
    labels[:, size // 2 :] += 1
    labels[size // 2 :] += 2
    return labels


def test_each_piece_gets_one_row_of_finite_numbers_that_float16_can_hold():
    features = get_extractor("texture").extract(ground(), quarters())
    assert features.shape == (4, get_extractor("texture").dimension)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert np.abs(features).max() <= 1000


def test_the_same_image_gives_the_same_numbers():
    extractor = get_extractor("texture")
    assert np.array_equal(extractor.extract(ground(), quarters()), extractor.extract(ground(), quarters()))


def test_a_retouched_tile_is_brought_back_to_the_reference():
    """Half the contrast, darker, paler colours: nothing that clips."""
    plain = ground().astype(float)
    retouched = (plain * 0.5 + plain.mean(axis=2, keepdims=True) * 0.1 + 10).astype(np.uint8)
    apart = {}
    for matched in (True, False):
        first = compute_maps(ground(), to_reference=matched).coarse["L"]
        second = compute_maps(retouched, to_reference=matched).coarse["L"]
        apart[matched] = np.abs(first - second).mean()
    assert apart[True] < 2 < 8 < apart[False]


def test_a_crop_keeps_its_own_colour():
    dark = (ground() * 0.5).astype(np.uint8)
    whole = np.ones(dark.shape[:2], dtype=np.int32)
    extractor = get_extractor("texture")
    assert not np.allclose(extractor.extract(dark, whole), extractor.extract(ground(), whole), atol=0.5)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 255))
def test_tiny_and_flat_pieces_are_described_too(rows, columns, value):
    image = np.full((rows, columns, 3), value, dtype=np.uint8)
    features = get_extractor("texture").extract(image, np.ones((rows, columns), dtype=np.int32))
    assert np.isfinite(features).all()


def test_a_tile_without_data_has_no_rows():
    assert get_extractor("texture").extract(ground(), np.zeros((160, 160), dtype=np.int32)).shape[0] == 0


def test_an_image_and_labels_that_do_not_fit_are_refused():
    extractor = get_extractor("texture")
    with pytest.raises(ValueError, match="labels are int32"):
        extractor.extract(ground(), quarters(100))
    with pytest.raises(ValueError, match="piece 2 has no pixel"):
        extractor.extract(ground(), quarters() * 2 - 1)


def test_binary_patterns_do_not_change_when_the_picture_is_turned_or_brightened():
    plane = np.random.default_rng(1).integers(0, 400, (40, 40)).astype(np.int16)
    patterns = local_binary_patterns(plane, 2)
    assert np.array_equal(patterns[4:-4, 4:-4], local_binary_patterns(plane * 2 + 7, 2)[4:-4, 4:-4])
    turned = local_binary_patterns(np.rot90(plane).copy(), 2)
    assert np.array_equal(np.rot90(patterns)[4:-4, 4:-4], turned[4:-4, 4:-4])


def test_an_unknown_extractor_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=", ".join(EXTRACTOR_NAMES)):
        get_extractor("magic")


def test_a_border_without_data_changes_nothing_for_the_ground_away_from_it():
    labels = np.zeros((160, 260), dtype=np.int32)
    labels[:, :160] = quarters()
    bordered = np.zeros((160, 260, 3), dtype=np.uint8)
    bordered[:, :160] = ground()
    extractor = get_extractor("texture")
    alone, beside = extractor.extract(ground(), quarters()), extractor.extract(bordered, labels)
    # Pieces 1 and 3 lie 80 pixels from the border, farther than any filter sees.
    assert np.allclose(alone[[0, 2]], beside[[0, 2]], atol=1e-2)
