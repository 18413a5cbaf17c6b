"""From a sample of tiles to area and accuracy, against the worked example and against made truths."""

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import MultiPolygon, Point, Polygon, box

from detection.geometry import geodesic_area_hectares
from labeling.area.estimators.allocation import LEAST, Expected, allocate, expected_half_width
from labeling.area.estimators.ground import block_hectares, box_hectares, own_ground
from labeling.area.estimators.intervals import clopper_pearson, gamma_of_sum, of_share, of_sum
from labeling.area.estimators.tiles import Stratum, estimate_tiles, quantity
from tests.labeling.area.estimators.error_matrix import estimate_from_matrix, interval_95

# Olofsson et al. 2014, table 8: deforestation, forest gain, stable forest, stable non-forest.
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])
HECTARES_A_PIXEL = 0.09


class TestTheWorkedExample:
    def test_areas_come_out_as_printed(self):
        found = estimate_from_matrix(COUNTS, PIXELS * HECTARES_A_PIXEL)
        assert np.round(found.area[0]) == 21_158
        half = 1.96 * found.area_error
        assert half == pytest.approx([6158, 3756, 15510, 16282], abs=1)
        assert found.area == pytest.approx([21_158, 11_686, 285_770, 581_386], abs=1)

    def test_in_pixels_too(self):
        found = estimate_from_matrix(COUNTS, PIXELS)
        assert found.area[0] == pytest.approx(235_086, abs=1)
        low, high = interval_95(found.area, found.area_error)
        assert (high[0] - low[0]) / 2 == pytest.approx(68_418, abs=1)

    def test_accuracies_come_out_as_printed(self):
        found = estimate_from_matrix(COUNTS, PIXELS)
        assert np.round(found.users, 2) == pytest.approx([0.88, 0.73, 0.93, 0.96])
        assert np.round(1.96 * found.users_error, 2) == pytest.approx([0.07, 0.10, 0.04, 0.02])
        assert np.round(found.producers, 2) == pytest.approx([0.75, 0.85, 0.93, 0.96])
        assert np.round(1.96 * found.producers_error[[0, 2]], 2) == pytest.approx([0.21, 0.03])
        assert round(found.overall, 2) == 0.95
        assert round(1.96 * found.overall_error, 2) == 0.02

    def test_the_variance_of_producers_accuracy_is_that_of_many_samples(self):
        rng = np.random.default_rng(5)
        shares = COUNTS / COUNTS.sum(axis=1, keepdims=True)
        expected = estimate_from_matrix(COUNTS, PIXELS).producers_error
        drawn = [
            estimate_from_matrix(
                np.array([rng.multinomial(n, p) for n, p in zip(COUNTS.sum(axis=1), shares, strict=True)]),
                PIXELS,
            ).producers
            for _ in range(2000)
        ]
        assert np.std(drawn, axis=0) == pytest.approx(expected, rel=0.15)

    def test_tiles_of_equal_size_are_estimated_as_the_paper_does(self):
        """Strata that are the map's classes, whole tiles mined: the general estimator gives the paper's figures."""
        counts, tiles = np.array([[88, 12], [9, 291]]), np.array([4000, 996_000])
        paper = estimate_from_matrix(counts, tiles)
        found = estimate_tiles(
            [
                stratum(name, size, [1.0] * hits + [0.0] * others, on_the_map=name == "map")
                for name, size, (hits, others) in zip(
                    ("map", "rest"), tiles.tolist(), counts.tolist(), strict=True
                )
            ]
        )
        assert found.tiles_mined.value == pytest.approx(paper.area[0])
        # But for the correction for a finite population, which the paper leaves out.
        assert found.tiles_mined.error == pytest.approx(paper.area_error[0], rel=0.001)
        assert found.precision_by_tiles.value == pytest.approx(paper.users[0])
        assert found.recall_by_tiles.value == pytest.approx(paper.producers[0])

    @pytest.mark.parametrize(
        ("counts", "areas"),
        [
            (np.ones((2, 3)), np.ones(2)),
            (np.array([[1, 2], [0, 0]]), np.ones(2)),
            (np.array([[1, -2], [3, 1]]), np.ones(2)),
            (np.ones((2, 2)), np.array([1.0, 0.0])),
            (np.array([[1, np.nan], [3, 1]]), np.ones(2)),
        ],
    )
    def test_what_is_no_error_matrix_is_refused(self, counts, areas):
        with pytest.raises(ValueError):
            estimate_from_matrix(counts, areas)


class TestIntervals:
    def test_no_find_in_three_hundred_leaves_about_a_hundredth(self):
        assert clopper_pearson(0, 300) == (0.0, pytest.approx(0.0122, abs=1e-4))
        # The rule of three is the one-sided sister.
        assert clopper_pearson(0, 300, confidence=0.90)[1] == pytest.approx(3 / 300, rel=0.01)
        assert clopper_pearson(7, 7)[1] == 1.0
        with pytest.raises(ValueError):
            clopper_pearson(8, 7)

    def test_finds_of_one_weight_give_the_interval_of_poisson(self):
        # The exact interval of a Poisson mean with 10 seen: 4.795 … 18.390.
        assert gamma_of_sum(np.full(10, 2.0), 2.0) == pytest.approx((2 * 4.795, 2 * 18.390), abs=0.01)
        assert gamma_of_sum(np.empty(0), 5.0) == (0.0, pytest.approx(5 * 3.689, abs=0.01))
        assert gamma_of_sum(np.empty(0), 0.0) == (0.0, 0.0)

    def test_widths_of_independent_parts_add_in_quadrature(self):
        assert of_sum([10, 20], [(7, 14), (16, 23)]) == pytest.approx((25, 35))

    def test_a_share_stays_between_nothing_and_all(self):
        low, high = of_share(90, (80, 99), 10, (2, 30))
        assert 0.7 < low < 0.9 < high < 0.99
        assert of_share(90, (80, 99), 0, (0, 0)) == (1.0, 1.0)
        assert of_share(0, (0, 4), 10, (2, 30)) == (0.0, 1.0)
        low, high = of_share(3, (0.5, 9), 1, (0.1, 5))  # the part's upper end beyond twice the part
        assert 0 < low < 0.75 < high < 1


def stratum(name, tiles, mined, mapped=None, *, on_the_map=False, ground=None):
    mined = np.asarray(mined, dtype=float)
    mapped = np.zeros_like(mined) if mapped is None else np.asarray(mapped, dtype=float)
    return Stratum(
        name,
        tiles,
        14.0 * tiles if ground is None else ground,
        on_the_map,
        mined,
        mapped,
        np.minimum(mined, mapped),
    )


class TestTiles:
    def test_the_total_is_the_sum_of_means_times_tiles(self):
        found = estimate_tiles(
            [
                stratum("map", 50, [4, 2, 3, 0, 1], [4, 2, 2, 1, 1], on_the_map=True),
                stratum("rest", 1000, [0] * 99 + [5]),
            ]
        )
        assert found.hectares.value == pytest.approx(50 * 2 + 1000 * 0.05)
        assert found.tiles_mined.value == pytest.approx(50 * 0.8 + 10)
        assert found.precision_by_tiles.value == pytest.approx(0.8)
        assert found.precision_by_area.value == pytest.approx(9 / 10)
        assert found.recall_by_tiles.value == pytest.approx(40 / 50)
        assert found.recall_by_area.value == pytest.approx(50 * 9 / 5 / 150)
        assert found.hectares.low < 150 < found.hectares.high

    def test_all_tiles_judged_leaves_no_doubt(self):
        found = estimate_tiles(
            [stratum("map", 3, [1, 0, 2], [1, 1, 1], on_the_map=True), stratum("rest", 1, [0])]
        )
        assert found.hectares.interval == (3.0, 3.0)
        assert found.hectares.error == 0
        assert found.precision_by_tiles.interval == (pytest.approx(2 / 3), pytest.approx(2 / 3))

    def test_nothing_found_in_a_large_stratum_is_no_proof_of_nothing(self):
        found = estimate_tiles(
            [stratum("map", 40, [2] * 40, [2] * 40, on_the_map=True), stratum("rest", 9000, [0] * 90)]
        )
        rest = found.strata["rest"]
        assert (rest.value, rest.low, rest.method) == (0, 0, "bound")
        # 3.7 tiles' worth of weight 100, two hectares each.
        assert rest.high == pytest.approx(3.689 * 100 * 2, rel=0.02)
        assert found.hectares.high > 700
        assert found.recall_by_area.value == 1
        assert found.recall_by_area.low < 0.2

    def test_an_empty_map_has_no_precision(self):
        found = estimate_tiles([stratum("rest", 500, [0] * 50)])
        assert found.precision_by_tiles is None
        assert found.recall_by_tiles is None
        # Not one find: each that was missed might be a whole tile.
        assert found.hectares.high == pytest.approx(3.689 * 10 * 14 * 0.9**0.5, rel=0.01)

    def test_a_stratum_with_one_judged_tile_of_many_is_refused(self):
        with pytest.raises(ValueError, match="at least two"):
            estimate_tiles([stratum("rest", 500, [0])])
        with pytest.raises(ValueError, match="judged"):
            estimate_tiles([stratum("rest", 1, [0, 0])])

    def test_no_interval_is_narrower_than_what_was_seen(self):
        few = quantity(np.array([5.0, 0, 0, 0]), 5, 5.0, 70.0)
        assert few.low >= 5.0
        assert few.high <= 70.0
        # Four of five with mining, one without: of ten no more than nine can have any.
        assert estimate_tiles([stratum("rest", 10, [1, 1, 1, 1, 0])]).tiles_mined.high <= 9


# Ground as people draw it: a pit, a pit with a hole, two pits, a long thin one, a whole district.
PIT = Point(26.3, 51.3).buffer(0.004, quad_segs=20)
OUTLINES = [
    PIT,
    PIT.difference(Point(26.3, 51.3).buffer(0.001)),
    MultiPolygon([PIT, Point(26.35, 51.31).buffer(0.002)]),
    Polygon([(26.2, 51.2), (26.203, 51.2), (26.2031, 51.28), (26.2001, 51.2799)]),
    box(26.0, 51.0, 27.1, 51.8),
]


class TestGround:
    @pytest.mark.parametrize("outline", OUTLINES)
    def test_areas_are_those_of_an_equal_area_projection_within_a_thousandth(self, outline):
        """pyproj's Lambert azimuthal equal-area projection, a way that shares nothing with geodesics."""
        middle = outline.centroid
        to_metres = Transformer.from_crs(
            "EPSG:4326", f"+proj=laea +lat_0={middle.y} +lon_0={middle.x} +ellps=WGS84", always_xy=True
        )
        fine = shapely.segmentize(outline, 0.001)
        flat = shapely.transform(fine, lambda points: np.column_stack(to_metres.transform(*points.T)))
        assert geodesic_area_hectares(outline) == pytest.approx(flat.area / 10_000, rel=1e-3)

    def test_boxes_measure_as_outlines_do(self):
        boxes = np.array(
            [[26, 51, 26.0054, 51.0033], [-70, -33.01, -69.99, -33], [10, -0.001, 10.005, 0.002]]
        )
        expected = [geodesic_area_hectares(box(*bounds)) for bounds in boxes]
        assert box_hectares(boxes) == pytest.approx(expected, rel=1e-5)
        assert box_hectares(boxes[0]) == pytest.approx(expected[0], rel=1e-5)

    def test_the_blocks_of_a_raster_add_up_to_the_tile(self):
        bounds = (26.0, 51.0, 26.0054, 51.0033)
        areas = block_hectares((1001, 998), 4, bounds, None)
        assert areas.shape == (251, 250)
        assert areas.sum() == pytest.approx(float(box_hectares(np.array(bounds))))
        half = block_hectares((1000, 1000), 4, bounds, box(26.0, 51.0, 26.0027, 51.0033))
        assert half.sum() == pytest.approx(areas.sum() / 2, rel=0.01)

    def test_ground_shown_by_several_images_belongs_to_the_first(self):
        boxes = np.array(
            [[0, 0, 1, 1], [0.5, 0, 1.5, 1], [0, 0, 1, 1], [2, 0, 3, 1], [1, 1, 2, 2]], dtype=float
        )
        ground = own_ground(boxes)
        left = [ground.left(index) for index in range(len(boxes))]
        assert [one is None for one in left] == [True, False, False, True, True], (
            "neighbours that share an edge or a corner keep all of theirs"
        )
        assert ground.shares.tolist() == pytest.approx([1, 0.5, 0, 1, 1])
        whole = [shapely.box(*bounds) for bounds in boxes]
        own = [whole[index] if one is None else one for index, one in enumerate(left)]
        assert sum(one.area for one in own) == pytest.approx(shapely.union_all(whole).area)
        assert own_ground(boxes[[0, 3]]).shares.tolist() == [1, 1]
        assert not len(own_ground(np.empty((0, 4))).shares)

    @pytest.mark.parametrize("overlap", [0.002, 0.01, 0.019, 0.021, 0.1])
    def test_a_grid_whose_edges_overlap_by_a_little_is_counted_once(self, overlap):
        column, row = (one.ravel() for one in np.meshgrid(np.arange(20), np.arange(20)))
        west, south = 26 + column * 0.0054 * (1 - overlap), 51.5 + row * 0.0034 * (1 - overlap)
        boxes = np.column_stack([west, south, west + 0.0054, south + 0.0034])
        counted = (box_hectares(boxes) * own_ground(boxes).shares).sum()
        assert counted == pytest.approx(
            geodesic_area_hectares(shapely.union_all(shapely.box(*boxes.T))), rel=1e-4
        )

    def test_shares_are_those_of_the_shapes_however_boxes_lie(self):
        rng = np.random.default_rng(4)
        for size in (0.1, 0.4, 0.8):  # up to a dozen above one another, and far more
            corners = rng.random((80, 2))
            boxes = np.column_stack([corners, corners + rng.random((80, 2)) * size + 0.01])
            ground = own_ground(boxes)
            for index, share in enumerate(ground.shares.tolist()):
                left = ground.left(index)
                whole = shapely.box(*boxes[index]).area
                assert share == pytest.approx(1 if left is None else left.area / whole, abs=1e-9)

    def test_a_strip_narrower_than_a_block_is_cut_off_exactly(self):
        bounds = (26.0, 51.0, 26.0054, 51.0033)
        left = box(26.0, 51.0, 26.0054 * 1 - 0.0054 * 0.0013, 51.0033 - 0.0033 * 0.0021)
        areas = block_hectares((1000, 1000), 4, bounds, left)
        assert areas.shape == (250, 250)
        assert areas.sum() == pytest.approx(float(box_hectares(np.array(left.bounds))), rel=1e-9)


class TestAllocation:
    STRATA = [
        Expected("map", 100, 0.9, 3.0),
        Expected("found", 60, 0.3, 3.0),
        Expected("near", 900, 0.05, 3.0),
        Expected("rest", 9000, 0.003, 3.0),
    ]

    def test_every_stratum_gets_enough_and_all_add_up(self):
        drawn = allocate(self.STRATA, 300)
        assert sum(drawn.values()) == 300
        assert min(drawn.values()) >= LEAST
        assert drawn["rest"] > drawn["found"]

    def test_a_larger_sample_promises_a_narrower_interval(self):
        widths = [expected_half_width(self.STRATA, allocate(self.STRATA, size)) for size in (100, 300, 900)]
        assert widths[0] > widths[1] > widths[2] > 0

    def test_more_than_there_is_takes_everything(self):
        drawn = allocate(self.STRATA, 10**6)
        assert drawn == {stratum.name: stratum.tiles for stratum in self.STRATA}
        assert expected_half_width(self.STRATA, drawn) == 0

    def test_too_few_are_refused(self):
        with pytest.raises(ValueError):
            allocate(self.STRATA, 7)
        assert allocate([Expected("map", 0, 0.9, 3.0), Expected("rest", 1, 0.1, 1.0)], 1) == {
            "map": 0,
            "rest": 1,
        }


def test_on_made_truths_the_estimate_is_unbiased_and_its_interval_covers():
    """Fast sister of benchmarks.area_estimate: 400 samples of one made region."""
    from benchmarks.area_estimate import REGIONS, simulate

    told = simulate(REGIONS["2018-like"], size=300, samples=400, seed=11)
    assert told.coverage >= 0.93
    assert abs(told.bias) < 3 * told.bias_error
