"""Where tiles lie and how much ground an outline covers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Polygon, box

from detection.geometry import (
    from_world_pixels,
    geodesic_area_hectares,
    ground_sample_distance,
    tile_bounds_from_centre,
    to_world_pixels,
)

latitudes = st.floats(-80, 80)
longitudes = st.floats(-179, 179)


class TestBounds:
    def test_a_tile_of_a_thousand_pixels_spans_its_share_of_the_world(self):
        west, south, east, north = tile_bounds_from_centre(51.3, 26.5, 1000, 1000)
        assert east - west == pytest.approx(1000 * 360 / (256 * 2**18))
        assert north - south == pytest.approx((east - west) * math.cos(math.radians(51.3)), rel=1e-4)
        assert (west + east) / 2 == pytest.approx(26.5)

    @given(latitudes, longitudes, st.integers(12, 20))
    def test_a_place_survives_the_way_to_pixels_and_back(self, latitude, longitude, zoom):
        x, y = to_world_pixels(latitude, longitude, zoom)
        assert from_world_pixels(x, y, zoom) == pytest.approx((latitude, longitude), abs=1e-9)

    @given(latitudes, longitudes, st.integers(1, 4000), st.integers(1, 4000))
    def test_bounds_hold_the_asked_number_of_pixels(self, latitude, longitude, width, height):
        west, south, east, north = tile_bounds_from_centre(latitude, longitude, width, height)
        left, top = to_world_pixels(north, west, 18)
        right, bottom = to_world_pixels(south, east, 18)
        assert right - left == pytest.approx(width, abs=1e-3)
        assert bottom - top == pytest.approx(height, abs=1e-3)

    def test_tiles_beside_each_other_share_an_edge(self):
        x, y = to_world_pixels(51.5, 26.5, 18)
        here = tile_bounds_from_centre(51.5, 26.5, 1000, 1000)
        beside = tile_bounds_from_centre(*from_world_pixels(x + 1000, y, 18), 1000, 1000)
        below = tile_bounds_from_centre(*from_world_pixels(x, y + 1000, 18), 1000, 1000)
        assert beside[0] == pytest.approx(here[2], abs=1e-11)
        assert below[3] == pytest.approx(here[1], abs=1e-11)

    def test_what_is_no_tile_is_refused(self):
        with pytest.raises(ValueError, match="pixels"):
            tile_bounds_from_centre(51, 26, 0, 10)
        with pytest.raises(ValueError, match="latitude"):
            tile_bounds_from_centre(89, 26, 10, 10)
        with pytest.raises(ValueError, match="zoom"):
            ground_sample_distance(51, 31)
        with pytest.raises(ValueError, match="latitude"):
            ground_sample_distance(math.nan, 18)


class TestGroundSampleDistance:
    def test_zoom_18_in_rivne_is_37_centimetres(self):
        assert ground_sample_distance(51.5, 18) == pytest.approx(0.3717, abs=1e-4)

    def test_a_zoom_less_doubles_it(self):
        assert ground_sample_distance(0, 17) == pytest.approx(2 * ground_sample_distance(0, 18))


class TestArea:
    def test_a_tile_covers_what_its_pixels_say(self):
        bounds = tile_bounds_from_centre(51.5, 26.5, 1000, 1000)
        by_pixels = (1000 * ground_sample_distance(51.5, 18)) ** 2 / 10_000
        # The sphere of Web Mercator and the ellipsoid differ by less than half a percent here.
        assert geodesic_area_hectares(box(*bounds)) == pytest.approx(by_pixels, rel=0.005)

    def test_a_degree_square_on_the_equator(self):
        # 6377 km × π/180 by the meridian's 110.574 km: 12 309 km².
        assert geodesic_area_hectares(box(0, 0, 1, 1)) == pytest.approx(1_230_878, rel=1e-4)

    def test_holes_are_taken_off_whichever_way_their_rings_run(self):
        outside = [(26, 51), (26.1, 51), (26.1, 51.1), (26, 51.1)]
        hole = [(26.02, 51.02), (26.04, 51.02), (26.04, 51.04), (26.02, 51.04)]
        expected = geodesic_area_hectares(Polygon(outside)) - geodesic_area_hectares(Polygon(hole))
        for shell in (outside, outside[::-1]):
            for inner in (hole, hole[::-1]):
                assert geodesic_area_hectares(Polygon(shell, [inner])) == pytest.approx(expected)

    def test_parts_add_up(self):
        one, other = box(26, 51, 26.01, 51.01), box(26.02, 51, 26.03, 51.01)
        assert geodesic_area_hectares(MultiPolygon([one, other])) == pytest.approx(
            geodesic_area_hectares(one) + geodesic_area_hectares(other)
        )
        assert geodesic_area_hectares(MultiPolygon()) == 0

    def test_a_line_has_no_area(self):
        with pytest.raises(ValueError, match="LineString"):
            geodesic_area_hectares(LineString([(0, 0), (1, 1)]))
