"""The invented land of the demo."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy import ndimage

from detection.geometry import tile_bounds_from_centre, to_world_pixels
from detection.scenes import KINDS, SEASONS, demo_grid, render_scene, with_clear_cuts
from detection.scenes.noise import Window, combed, noise_at
from detection.scenes.scene import is_mined, natural_kind, place_of, seed_of
from detection.segmentation.slic import segment

pytestmark = pytest.mark.slow


def named(kind: str, size: int = 320, date: int = 0):
    """A small scene of a kind, each kind in a world of its own."""
    return render_scene(seed_of(KINDS.index(kind) + 3, 11, 5), size=size, kind=kind, date=date)


class TestScene:
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_is_drawn_as_asked(self, kind):
        scene = named(kind)
        assert scene.image.shape == (320, 320, 3) and scene.image.dtype == np.uint8
        assert scene.truth.shape == (320, 320) and scene.truth.dtype == np.bool_
        assert scene.kind == kind
        assert scene.season in SEASONS
        assert scene.image.std() > 5

    @pytest.mark.parametrize("kind", KINDS)
    def test_only_mining_has_dug_ground(self, kind):
        assert named(kind).truth.any() == (kind == "mining")

    def test_the_same_seed_gives_the_same_scene(self):
        one, other = render_scene(70_000, size=200), render_scene(70_000, size=200)
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.truth, other.truth)
        assert (one.kind, one.season, one.capture_date) == (other.kind, other.season, other.capture_date)

    def test_other_seeds_give_other_scenes(self):
        images = [render_scene(seed, size=64).image.astype(int) for seed in (5, 6, 70_000, 140_000)]
        for index, image in enumerate(images):
            assert all(np.abs(image - other).mean() > 3 for other in images[:index])

    def test_a_smaller_scene_is_the_middle_of_the_larger(self):
        large, small = named("mining", 400), named("mining", 200)
        assert np.array_equal(large.truth[100:300, 100:300], small.truth)
        gap = np.abs(large.image[140:260, 140:260].astype(int) - small.image[40:160, 40:160])
        assert np.median(gap) <= 2

    def test_dug_ground_is_brighter_and_rougher_than_the_land_around_it(self):
        scene = render_scene(seed_of(3, 11, 5), size=800, kind="mining")
        grey = scene.image.mean(axis=2)
        rough = ndimage.gaussian_gradient_magnitude(grey, 1.5)
        assert grey[scene.truth].mean() > grey[~scene.truth].mean() + 15
        assert rough[scene.truth].mean() > 1.3 * rough[~scene.truth].mean()

    def test_a_whole_tile_is_cut_into_twenty_to_thirty_pieces(self):
        scene = render_scene(seed_of(3, 11, 5), kind="mining")
        assert scene.image.shape == (1000, 1000, 3)
        assert 20 <= segment(scene.image).max() <= 30

    @pytest.mark.parametrize("wrong", [{"kind": "moon"}, {"date": 2}, {"size": 4}, {"seed": -1}])
    def test_what_does_not_exist_is_refused(self, wrong):
        with pytest.raises(ValueError, match="kind|date|size|pixels|seed"):
            render_scene(**{"seed": 1, "size": 64} | wrong)


class TestTwoDates:
    def mined_tiles(self) -> list[int]:
        tiles = (seed_of(1, column, row) for row in range(0, 60, 3) for column in range(0, 60, 3))
        return [tile for tile in tiles if is_mined(tile)][:14]

    def test_at_the_second_date_digging_has_grown_or_not_begun(self):
        grown = absent = 0
        for tile in self.mined_tiles():
            first, second = render_scene(tile, size=96), render_scene(tile, size=96, date=1)
            if first.capture_date < second.capture_date:
                assert is_mined(tile, date=1)
                assert not (first.truth & ~second.truth).any()
                grown += 1
            else:
                assert not is_mined(tile, date=1)
                assert not second.truth.any()
                absent += 1
        assert grown >= 2 and absent >= 2

    def test_the_second_date_shows_another_season(self):
        for seed in range(0, 256 * 40, 1400):
            first, second = render_scene(seed, size=32), render_scene(seed, size=32, date=1)
            assert first.season != second.season


class TestLand:
    def test_neighbouring_tiles_meet(self):
        """Across a shared edge the picture changes no more than inside a tile, where one overflight saw both."""
        steps, inner = [], []
        for column in range(40, 44):
            west, east = render_scene(seed_of(2, column, 9)), render_scene(seed_of(2, column + 1, 9))
            if west.capture_date != east.capture_date or "mining" in {west.kind, east.kind}:
                continue
            left, right = west.image.astype(int), east.image.astype(int)
            steps.append(np.abs(left[:, -1] - right[:, 0]).mean())
            inner.append(np.abs(np.diff(left, axis=1)).mean())
        assert steps
        assert np.mean(steps) < 3 * np.mean(inner)

    def test_noise_belongs_to_the_place_and_not_to_the_window(self):
        wide, part = Window(4, 1000, 2000, 300), Window(4, 1100, 2050, 80)
        for octaves in (1, 2, 5):
            here = wide.noise("some", 90, octaves)[50:130, 100:180]
            assert np.allclose(here, part.noise("some", 90, octaves), atol=1e-4)
        points = noise_at(4, "some", 90, part.x[0, :5], np.full(5, part.y[7, 0]))
        assert np.allclose(points, part.noise("some", 90)[7, :5], atol=1e-4)

    def test_noise_has_mean_zero_and_deviation_one(self):
        noise = Window(9, 0, 0, 900).noise("level", 12, 2)
        assert abs(noise.mean()) < 0.05
        assert noise.std() == pytest.approx(1, abs=0.05)
        u, v = np.meshgrid(np.arange(-200, 200, 0.5, np.float32), np.arange(-200, 200, dtype=np.float32))
        assert abs(combed(9, "level", u, v).mean()) < 0.05

    def test_a_seed_is_a_place(self):
        assert seed_of(5, 17, 200) == (5 * 256 + 200) * 256 + 17
        place = place_of(seed_of(5, 17, 200))
        assert (place.world, place.column, place.row) == (5, 17, 200)


class TestPlan:
    @pytest.fixture(scope="class")
    def plans(self):
        return demo_grid(6, 7, seed=1)

    def test_every_tile_of_the_grid_is_planned_and_some_have_two_dates(self, plans):
        first = [plan for plan in plans if plan.date == 0]
        assert [(plan.row, plan.column) for plan in first] == [(r, c) for r in range(6) for c in range(7)]
        second = [plan for plan in plans if plan.date == 1]
        assert 1 <= len(second) <= 14
        for plan in second:
            partner = next(other for other in first if (other.row, other.column) == (plan.row, plan.column))
            assert partner.capture_date != plan.capture_date
            assert (partner.latitude, partner.longitude) == (plan.latitude, plan.longitude)

    def test_about_a_third_is_mined_in_clusters(self, plans):
        mined = {(plan.row, plan.column) for plan in plans if plan.date == 0 and plan.kind == "mining"}
        assert 0.2 <= len(mined) / 42 <= 0.5
        beside = [
            any((row + down, col + right) in mined for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)))
            for row, col in mined
        ]
        assert sum(beside) >= len(beside) / 2

    def test_tiles_lie_edge_to_edge_near_51_5_north_26_5_east(self, plans):
        by_place = {(plan.row, plan.column): plan for plan in plans}
        assert abs(by_place[0, 0].latitude - 51.5) < 0.1 and abs(by_place[0, 0].longitude - 26.5) < 0.1
        here = tile_bounds_from_centre(by_place[0, 0].latitude, by_place[0, 0].longitude, 1000, 1000)
        east = tile_bounds_from_centre(by_place[0, 1].latitude, by_place[0, 1].longitude, 1000, 1000)
        south = tile_bounds_from_centre(by_place[1, 0].latitude, by_place[1, 0].longitude, 1000, 1000)
        assert here[2] == pytest.approx(east[0], abs=1e-9)
        assert here[1] == pytest.approx(south[3], abs=1e-9)
        x, _ = to_world_pixels(by_place[0, 0].latitude, by_place[0, 0].longitude, 18)
        far, _ = to_world_pixels(by_place[0, 6].latitude, by_place[0, 6].longitude, 18)
        assert far - x == pytest.approx(6000)

    def test_what_is_planned_is_drawn(self, plans):
        for plan in plans[:6]:
            scene = plan.render(size=128)
            assert scene.kind == plan.kind == natural_kind(plan.seed, plan.date)
            assert scene.capture_date == plan.capture_date
            assert date(2010, 1, 1) < plan.capture_date < date(2020, 1, 1)

    def test_every_second_place_of_forest_shows_a_clear_cut_at_all_its_dates(self, plans):
        cut = with_clear_cuts(plans)
        assert [replace(plan, kind="") for plan in cut] == [replace(plan, kind="") for plan in plans]
        shown: dict[tuple[int, int], set[str]] = {}
        for plan in plans:
            shown.setdefault((plan.row, plan.column), set()).add(plan.kind)
        forest = [place for place, kinds in shown.items() if kinds == {"forest"}]
        changed = {(new.row, new.column) for old, new in zip(plans, cut, strict=True) if new.kind != old.kind}
        assert changed == set(forest[::2])
        assert {plan.kind for plan in cut if (plan.row, plan.column) in changed} == {"clear_cut"}
        assert changed, "the grid of this test has forest"

    def test_an_empty_grid_is_refused(self):
        with pytest.raises(ValueError, match="rows and columns"):
            demo_grid(0, 3, 1)
