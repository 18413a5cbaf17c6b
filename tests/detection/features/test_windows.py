"""Windows of 64 pixels: where they lie, what is kept of them, and in which light."""

import numpy as np
import pytest

from detection.features import get_extractor
from detection.features.lite0.weights import read_weights, weights_file
from detection.features.windows import get_windows
from detection.features.windows.cues import CUES, describe_cues
from detection.features.windows.grid import superpixel_means, window_grid, windows_within
from detection.features.windows.light import REFERENCE, SHARES, matched_lab
from detection.features.windows.packing import BYTES, NUMBERS, Packer, unpack
from detection.scenes import render_scene


@pytest.mark.parametrize(
    ("height", "width", "windows"),
    [(1000, 1000, (31, 31)), (64, 96, (1, 2)), (20, 70, (1, 2)), (1, 1, (1, 1))],
)
def test_windows_cover_an_image_of_any_size(height, width, windows):
    grid = window_grid(height, width)
    assert grid.windows == windows
    rows = grid.window_rows(np.ones((grid.blocks[0] * grid.blocks[1], 3), np.float32))
    assert rows.shape == (windows[0] * windows[1], 6)
    assert (rows[:, :3] == 1).all() and (rows[:, 3:] == 0).all()
    labels = np.ones((height, width), np.int32)
    assert superpixel_means(labels, grid, np.full(len(rows), 0.25, np.float32)) == pytest.approx([0.25])


def test_a_superpixel_has_the_mean_of_the_windows_under_it():
    grid = window_grid(256, 256)
    labels = np.ones((256, 256), np.int32)
    labels[:, 128:] = 2
    labels[:10] = 0
    chances = np.tile((np.arange(7) >= 4).astype(np.float32), 7)
    west, east = superpixel_means(labels, grid, chances)
    assert west == 0 and 0.8 < east < 1
    within = windows_within(labels, grid, 2, 0.7).reshape(7, 7)
    assert within[1:, 4:].all() and not within[:, :3].any()


def test_what_is_kept_of_a_tile_is_forty_kilobytes_and_comes_out_as_it_went_in():
    packer = Packer(read_weights(weights_file()))
    blocks = np.random.default_rng(2).normal(size=(1024, 464 + CUES)).astype(np.float32) * 30
    packed = packer.pack(blocks)
    assert packed.shape == (1024, BYTES) and packed.nbytes <= 40_000
    codes = unpack(packed)
    assert codes.shape == (1024, NUMBERS) and set(np.unique(codes)) == {-1.5, -0.5, 0.5, 1.5}
    assert np.array_equal(packer.pack(blocks), packed)
    network = np.clip((blocks[:, :464] - packer.middle) / packer.spread, -4, 4) @ packer.directions
    assert ((codes[:, :128] > 0) == (network >= 0)).all()


def test_a_retouched_tile_comes_back_to_the_light_of_the_reference():
    image = render_scene(1077, kind="mining").image[:512, :512]
    retouched = np.clip((image.astype(float) - 90) * 1.3 + 100, 0, 255).astype(np.uint8)
    lab = matched_lab(retouched, None)
    # L* has levels enough to be brought anywhere; a* and b* have few, and whole shares of the pixels stand on one.
    found = np.quantile(lab[..., 0], SHARES[6:-2])
    assert np.abs(found - np.array(REFERENCE[0])[6:-2]).max() < 12
    assert all(abs(float(np.median(lab[..., channel])) - REFERENCE[channel][7]) < 6 for channel in (1, 2))
    nothing = np.zeros(image.shape[:2], bool)
    assert matched_lab(image, nothing).shape == image.shape
    assert describe_cues(lab).shape == (32, 32, CUES)


def test_features_without_a_network_have_no_windows():
    assert get_windows("texture") is None
    assert get_extractor("texture").dimension == 416
