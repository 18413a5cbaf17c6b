"""Superpixels: cutting a tile, keeping the cut in a PNG, tracing its outlines."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from shapely.geometry import MultiPolygon, Polygon, box
from skimage.measure import label as label_components

from detection.segmentation.outlines import to_geographic, trace_outlines, union_outline
from detection.segmentation.raster import decode_raster, encode_raster
from detection.segmentation.slic import SlicParameters, segment


def patchwork(seed: int = 3, size: int = 1000) -> np.ndarray:
    """Blobs of colour with some noise: uint8 (size, size, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (9, 9, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC), np.int16)
    return np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


def assert_pieces_are_whole(labels: np.ndarray) -> None:
    """Numbers run 1…n without gaps and every piece is one part."""
    numbers = np.unique(labels[labels > 0])
    assert numbers.tolist() == list(range(1, numbers.size + 1))
    assert label_components(labels, background=0, connectivity=1).max() == numbers.size


small_labels = arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3))


class TestParameters:
    def test_the_key_names_the_parameters(self):
        assert SlicParameters().key == "slic-n30-c35-s1-d4"
        assert SlicParameters(n_segments=50, sigma=0.5).key == "slic-n50-c35-s0.5-d4"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"n_segments": 0},
            {"n_segments": 70_000},
            {"compactness": 0},
            {"compactness": float("nan")},
            {"sigma": -1},
            {"sigma": float("inf")},
            {"downscale": 0},
        ],
    )
    def test_parameters_that_cut_nothing_are_refused(self, wrong):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SlicParameters(**wrong)


class TestCutting:
    def test_a_tile_gives_twenty_to_thirty_whole_pieces_every_time_the_same(self):
        image = patchwork()
        labels = segment(image)
        assert labels.shape == (1000, 1000) and labels.dtype == np.int32
        assert 20 <= labels.max() <= 30
        assert labels.min() == 1
        assert_pieces_are_whole(labels)
        assert np.array_equal(labels, segment(image))

    def test_pieces_follow_the_colours(self):
        image = np.full((400, 400, 3), 40, np.uint8)
        image[:, 212:] = 210
        labels = segment(image)
        left, right = np.unique(labels[:, :208]), np.unique(labels[:, 216:])
        assert not set(left) & set(right)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 3), (5, 2), (9, 13), (37, 41), (4, 250)])
    def test_a_tiny_image_has_at_least_one_piece(self, shape):
        labels = segment(patchwork(size=250)[: shape[0], : shape[1]])
        assert labels.shape == shape
        assert labels.min() == 1
        assert_pieces_are_whole(labels)

    def test_ground_without_data_has_no_piece(self):
        valid = np.ones((400, 400), bool)
        valid[:, :100] = False
        valid[200:240, 200:240] = False
        labels = segment(patchwork(size=400), valid=valid)
        assert np.array_equal(labels == 0, ~valid)
        assert_pieces_are_whole(labels)

    @given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.98))
    @settings(max_examples=25, deadline=None)
    def test_a_ragged_mask_still_gives_whole_pieces(self, seed, share):
        rng = np.random.default_rng(seed)
        valid = np.repeat(np.repeat(rng.random((15, 20)) < share, 4, axis=0), 4, axis=1)
        labels = segment(patchwork(size=100)[:60, :80], SlicParameters(n_segments=8), valid)
        assert np.array_equal(labels > 0, valid)
        assert_pieces_are_whole(labels)

    def test_no_data_at_all_is_no_piece_at_all(self):
        assert not segment(patchwork(size=64), valid=np.zeros((64, 64), bool)).any()

    def test_what_is_not_an_image_is_refused(self):
        with pytest.raises(ValueError, match="uint8"):
            segment(np.zeros((10, 10, 3)))
        with pytest.raises(ValueError, match="uint8"):
            segment(np.zeros((10, 10), np.uint8))
        with pytest.raises(ValueError, match="empty"):
            segment(np.zeros((0, 10, 3), np.uint8))
        with pytest.raises(ValueError, match="valid"):
            segment(np.zeros((8, 8, 3), np.uint8), valid=np.ones((8, 9), bool))


class TestRaster:
    @given(
        arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 65_535)),
        st.integers(1, 5),
        st.integers(0, 4),
        st.integers(0, 4),
    )
    @settings(deadline=None)
    def test_what_goes_in_comes_out(self, blocks, scale, less_rows, less_cols):
        full = np.repeat(np.repeat(blocks, scale, axis=0), scale, axis=1)
        full = full[: full.shape[0] - less_rows % scale, : full.shape[1] - less_cols % scale]
        labels, found = decode_raster(encode_raster(full, scale))
        assert found == scale
        assert labels.dtype == np.int32
        assert np.array_equal(labels, full)

    @pytest.mark.parametrize("highest", [0, 1, 255, 256, 65_535])
    def test_a_browser_reads_the_numbers_from_red_green_blue(self, highest):
        labels = np.array([[0, highest], [highest // 2, highest]], np.int32)
        with Image.open(io.BytesIO(encode_raster(labels, 1))) as picture:
            assert picture.mode in {"L", "RGB"}
            assert not {"gamma", "icc_profile", "srgb"} & set(picture.info)
            red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"), np.int64), -1, 0)
        assert np.array_equal(np.where(blue > 0, red, red + 256 * green), labels)

    def test_a_real_cut_is_a_few_kilobytes(self):
        labels = segment(patchwork())
        assert len(encode_raster(labels, 4)) < 8_000

    def test_losing_numbers_is_refused(self):
        with pytest.raises(ValueError, match="constant"):
            encode_raster(np.arange(16, dtype=np.int32).reshape(4, 4), 2)
        with pytest.raises(ValueError, match="65535"):
            encode_raster(np.array([[65_536]], np.int32))
        with pytest.raises(ValueError, match="65535"):
            encode_raster(np.array([[-1]], np.int32))
        with pytest.raises(ValueError, match="integers"):
            encode_raster(np.array([[1.0]]))

    def test_other_files_are_refused(self):
        plain = io.BytesIO()
        Image.new("L", (4, 4)).save(plain, "PNG")
        for data in (b"", b"not a picture", plain.getvalue(), encode_raster(np.ones((9, 9), np.int32))[:60]):
            with pytest.raises(ValueError, match="not a label raster"):
                decode_raster(data)


class TestOutlines:
    @given(small_labels)
    @settings(max_examples=200, deadline=None)
    def test_outlines_cover_every_pixel_exactly_once(self, numbers):
        labels = label_components(numbers, background=0, connectivity=1).astype(np.int32)
        outlines = trace_outlines(labels)
        assert len(outlines) == labels.max()
        polygons = [Polygon(rings[0], rings[1:]) for rings in outlines]
        assert all(polygon.is_valid for polygon in polygons)
        for row in range(labels.shape[0]):
            for col in range(labels.shape[1]):
                pixel = box(col, row, col + 1, row + 1)
                covered = [k + 1 for k, polygon in enumerate(polygons) if polygon.covers(pixel)]
                assert covered == ([int(labels[row, col])] if labels[row, col] else [])
        assert sum(polygon.area for polygon in polygons) == np.count_nonzero(labels)

    @given(small_labels)
    @settings(max_examples=100, deadline=None)
    def test_rings_are_closed_and_keep_only_corners(self, numbers):
        labels = label_components(numbers, background=0, connectivity=1).astype(np.int32)
        for rings in trace_outlines(labels):
            for ring in rings:
                assert ring[0] == ring[-1] and len(ring) >= 5
                steps = np.diff(np.array(ring), axis=0)
                assert ((steps == 0).sum(axis=1) == 1).all()
                horizontal = steps[:, 0] != 0
                assert (horizontal != np.roll(horizontal, 1)).all()

    @given(small_labels, st.integers(1, 4), st.integers(0, 3), st.integers(0, 3))
    @settings(max_examples=100, deadline=None)
    def test_outlines_from_one_number_a_block_are_those_of_all_pixels(self, numbers, scale, down, right):
        blocks = label_components(numbers, background=0, connectivity=1).astype(np.int32)
        shape = (
            blocks.shape[0] * scale - min(down, scale - 1),
            blocks.shape[1] * scale - min(right, scale - 1),
        )
        labels = blocks.repeat(scale, axis=0).repeat(scale, axis=1)[: shape[0], : shape[1]]
        assert trace_outlines(blocks, scale, shape) == trace_outlines(labels)
        chosen = range(1, int(blocks.max()) + 1, 2)
        assert union_outline(blocks, chosen, scale, shape) == union_outline(labels, chosen)

    def test_the_outlines_of_a_tile_sum_to_the_image(self):
        labels = segment(patchwork())
        areas = [Polygon(rings[0], rings[1:]).area for rings in trace_outlines(labels)]
        assert areas == np.bincount(labels.ravel())[1:].tolist()
        assert sum(areas) == labels.size

    def test_a_piece_inside_a_piece_is_its_hole(self):
        labels = np.ones((6, 6), np.int32)
        labels[2:4, 2:4] = 2
        ring, inner = trace_outlines(labels)
        assert ring[0] == [[6, 0], [6, 6], [0, 6], [0, 0], [6, 0]]
        assert len(ring) == 2
        assert {tuple(point) for point in ring[1]} == {tuple(point) for point in inner[0]}

    def test_a_piece_in_two_parts_is_refused(self):
        with pytest.raises(ValueError, match="2 parts"):
            trace_outlines(np.array([[1, 2, 1]], np.int32))
        with pytest.raises(ValueError, match="superpixel 1 has 0 parts"):
            trace_outlines(np.array([[2, 2]], np.int32))

    @given(small_labels, st.sets(st.integers(1, 3)))
    @settings(max_examples=100, deadline=None)
    def test_a_union_covers_the_pixels_of_its_pieces(self, labels, pieces):
        highest = int(labels.max())
        if any(piece > highest for piece in pieces):
            with pytest.raises(ValueError, match="superpixels 1…"):
                union_outline(labels, pieces)
            return
        union = union_outline(labels, pieces)
        assert isinstance(union, MultiPolygon)
        assert union.is_valid
        assert union.area == np.isin(labels, list(pieces)).sum()

    def test_neighbouring_pieces_melt_into_one_outline(self):
        labels = np.array([[1, 2, 0, 3]], np.int32)
        union = union_outline(labels, [1, 2, 3])
        assert [part.bounds for part in union.geoms] == [(0, 0, 2, 1), (3, 0, 4, 1)]


class TestDegrees:
    BOUNDS = (26.5, 51.5, 26.51, 51.504)

    def test_the_corners_of_the_image_are_its_bounds(self):
        placed = to_geographic(box(0, 0, 1000, 800), self.BOUNDS, (800, 1000))
        assert placed.bounds == self.BOUNDS

    def test_north_is_up_and_the_outside_runs_counter_clockwise(self):
        labels = np.array([[1, 0], [0, 0]], np.int32)
        placed = to_geographic(union_outline(labels, [1]), self.BOUNDS, (2, 2))
        assert placed.bounds == pytest.approx((26.5, 51.502, 26.505, 51.504))
        assert placed.geoms[0].exterior.is_ccw

    def test_an_image_without_pixels_is_refused(self):
        with pytest.raises(ValueError, match="rows and columns"):
            to_geographic(box(0, 0, 1, 1), self.BOUNDS, (0, 5))
