"""Texture features: the same numbers everywhere, told apart by what is on the ground, not by the provider's taste."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import small_tiles
from detection.features import EXTRACTOR_NAMES, get_extractor, texture_colour
from detection.features.texture_colour import Histograms
from detection.features.texture_planes import compute_planes
from detection.imagery.decode import read_image
from detection.segmentation.slic import SlicParameters, segment


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


def test_the_numbers_do_not_depend_on_where_in_memory_the_picture_lies_or_who_computes_them():
    """A tile that a killed worker had half done is done again by another: not one bit may differ."""
    extractor = get_extractor("texture")
    pictures = [read_image(small_tiles.picture(number, 160)).pixels for number in (0, 2, 3, 10)]
    tiles = [(pixels, segment(pixels, SlicParameters())) for pixels in pictures]
    first = [extractor.extract(*tile) for tile in tiles]
    elsewhere = []
    with ThreadPoolExecutor(2) as pool:
        for size in range(1_000, 97_000, 12_000):
            elsewhere.append(np.empty(size, np.uint8))  # what is made after it lies elsewhere
            for known, again in zip(
                first, pool.map(lambda tile: extractor.extract(*tile), tiles), strict=True
            ):
                assert np.array_equal(known, again)


def test_a_retouched_tile_is_brought_back_to_the_reference():
    """Half the contrast, darker, paler colours: nothing that clips."""
    plain = ground().astype(float)
    retouched = (plain * 0.5 + plain.mean(axis=2, keepdims=True) * 0.1 + 10).astype(np.uint8)
    apart = {}
    for matched in (True, False):
        first = compute_planes(ground(), to_reference=matched).lab[..., 0]
        second = compute_planes(retouched, to_reference=matched).lab[..., 0]
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
    with pytest.raises(ValueError, match="superpixel 2 has no pixel"):
        extractor.extract(ground(), quarters() * 2 - 1)


def test_quantiles_and_moments_of_a_box_are_those_of_its_pixels():
    plane = np.random.default_rng(1).normal(50, 15, (60, 80)).astype(np.float32)
    box = (slice(10, 50), slice(20, 70))
    histogram = Histograms(plane, [box], -20, 120)
    assert histogram.quantiles((0.1, 0.5, 0.98))[0] == pytest.approx(
        np.quantile(plane[box], (0.1, 0.5, 0.98)), abs=0.4
    )
    mean, deviation, skewness, _kurtosis = histogram.moments()[0]
    assert mean == pytest.approx(plane[box].mean(), abs=0.1)
    assert deviation == pytest.approx(plane[box].std(), abs=0.1)
    assert abs(skewness) < 0.3


def test_what_lies_beyond_the_range_counts_as_its_end():
    plane = np.full((8, 8), 500.0, np.float32)
    histogram = Histograms(plane, [(slice(0, 8), slice(0, 8))], -20, 120)
    assert histogram.moments()[0, 0] == 120
    assert histogram.binned(16, 0, 100)[0, -1] == 1


def test_pits_are_told_from_plain_ground_of_the_same_colour():
    """The second piece holds the same pixels as the first, in disorder."""
    pixels = ground(size=128)
    shuffled = np.random.default_rng(2).permutation(pixels.reshape(-1, 3)).reshape(pixels.shape)
    whole = np.ones(pixels.shape[:2], dtype=np.int32)
    extractor = get_extractor("texture")
    dug, mixed = extractor.extract(pixels, whole)[0], extractor.extract(shuffled, whole)[0]
    assert np.abs(dug - mixed).max() > 1


def test_a_tile_of_very_many_pieces_is_described_whole():
    labels = (np.arange(300 * 300, dtype=np.int32) // 45 + 1).reshape(300, 300)
    features = get_extractor("texture").extract(ground(size=300), labels)
    assert features.shape[0] == 2000
    assert np.isfinite(features).all()


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


def test_a_tile_of_very_many_pieces_is_described_alike_in_parts(monkeypatch):
    whole = get_extractor("texture").extract(ground(), quarters())
    monkeypatch.setattr(texture_colour, "BOXES_AT_ONCE", 3)
    assert np.allclose(get_extractor("texture").extract(ground(), quarters()), whole, rtol=1e-6, atol=1e-6)
