"""Superpixels are divided into finer pieces: connected, inside their superpixel and the same every time."""

import numpy as np
import pytest
from scipy import ndimage

from detection.segmentation.slic import segment
from detection.segmentation.split import count_fragments, split_superpixels


def ground(seed: int = 0, size: int = 400) -> np.ndarray:
    """Two grounds with a wavy border and grain: uint8 (size, size, 3)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    bright = x + 30 * np.sin(y / 25) > size / 2
    base = np.where(bright[..., None], [205, 190, 160], [60, 85, 55])
    return np.clip(base + random.normal(0, 12, (size, size, 3)), 0, 255).astype(np.uint8)


def divided(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    image = ground(seed)
    labels = segment(image)
    return image, labels, split_superpixels(image, labels, 4)


def test_every_superpixel_falls_into_some_connected_pieces_numbered_from_one() -> None:
    _image, labels, pieces = divided()
    counts = count_fragments(labels, pieces)
    assert len(counts) == labels.max()
    assert min(counts) >= 2
    assert 4 <= float(np.mean(counts)) <= 9
    for superpixel, count in enumerate(counts, start=1):
        inside = np.where(labels == superpixel, pieces, 0)
        assert set(np.unique(inside)) - {0} == set(range(1, count + 1))
        for piece in range(1, count + 1):
            assert ndimage.label(inside == piece)[1] == 1, (superpixel, piece)


def test_pieces_keep_the_blocks_of_the_raster() -> None:
    _image, labels, pieces = divided()
    assert pieces.shape == labels.shape and pieces.dtype == np.int32
    assert np.array_equal(np.repeat(np.repeat(pieces[::4, ::4], 4, 0), 4, 1), pieces)


def test_the_same_tile_is_always_divided_the_same_way() -> None:
    assert np.array_equal(divided()[2], divided()[2])


def test_pieces_follow_a_border_that_runs_through_a_superpixel() -> None:
    """One superpixel over two grounds: nearly every pixel lies in a piece that is mostly of its own ground."""
    image = ground(3)
    labels = np.ones(image.shape[:2], np.int32)
    pieces = split_superpixels(image, labels, 4)
    bright = ndimage.uniform_filter(image.mean(axis=2), 5) > 130
    right = 0
    for piece in range(1, int(pieces.max()) + 1):
        share = bright[pieces == piece]
        right += max(share.sum(), (~share).sum())
    assert right / labels.size >= 0.93


def test_ground_without_data_has_no_piece() -> None:
    image = ground()
    labels = segment(image, valid=np.arange(400)[None, :].repeat(400, 0) >= 120)
    pieces = split_superpixels(image, labels, 4)
    assert np.array_equal(pieces == 0, labels == 0)
    assert min(count_fragments(labels, pieces)) >= 2


@pytest.mark.parametrize("shape", [(1, 2), (1, 40), (2, 2), (3, 3), (40, 3)])
def test_small_and_narrow_superpixels_have_two_pieces_at_least(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 90, np.uint8)
    labels = np.ones(shape, np.int32)
    pieces = split_superpixels(image, labels, 1)
    (count,) = count_fragments(labels, pieces)
    assert count >= 2
    for piece in range(1, count + 1):
        assert ndimage.label(pieces == piece)[1] == 1


def test_a_single_block_stays_one_piece() -> None:
    pieces = split_superpixels(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), np.int32), 4)
    assert (pieces == 1).all()


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        split_superpixels(np.zeros((4, 4, 3), np.uint8), np.ones((3, 4), np.int32), 1)
    with pytest.raises(ValueError, match="uint8"):
        split_superpixels(np.zeros((4, 4), np.uint8), np.ones((4, 4), np.int32), 1)
