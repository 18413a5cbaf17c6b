"""A sample of tiles is drawn, judged blind by experts, and closed: area, precision and recall with their intervals."""

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.utils import timezone
from shapely.geometry import box

from amberapp.errors import Conflict, NotThere, UserError
from amberapp.models import AuditEntry
from detection.geometry import geodesic_area_hectares
from labeling.area import answers
from labeling.area.answers import answer_tile, next_tile, progress_of, tile_again
from labeling.area.frame import frame_of
from labeling.area.sample import abandon_sample, close_sample, draw_sample, plan_sample
from labeling.models import AreaSample, SampleTile
from tests.labeling.area.sampling import PIECES, Tiles, judge_all

pytestmark = [pytest.mark.django_db, pytest.mark.database]


# Drawing ------------------------------------------------------------------------------------------------


def test_tiles_fall_into_four_strata_by_what_the_map_and_the_machine_say(run: Any) -> None:
    frame = frame_of(run)
    assert {name: len(tiles) for name, tiles in frame.tiles.items()} == {
        "map": 2,
        "found": 1,
        "near": 2,
        "rest": 3,
    }
    assert set(frame.mapped.values() and [tuple(one) for one in frame.mapped.values()]) == {PIECES}


def test_ground_that_a_newer_image_shows_is_sampled_there_only(
    run: Any, region: Any, make_tile: Tiles
) -> None:
    from detection.models import Tile, TileScore

    old = run.scores.order_by("id").last().segmented_tile.tile
    again = make_tile(99)
    Tile.objects.filter(pk=again.pk).update(
        west=old.west, south=old.south, east=old.east, north=old.north, capture_date="2021-06-01"
    )
    Tile.objects.filter(pk=old.pk).update(capture_date="2014-06-01")
    TileScore.objects.create(run=run, segmented_tile=again.segmented.get(), scores=b"", positives=0)
    before = frame_of(run).mapped_hectares
    shown = run.detections.order_by("id").first().segmented_tile.tile
    half = make_tile(98)
    Tile.objects.filter(pk=half.pk).update(
        west=(shown.west + shown.east) / 2,
        south=shown.south,
        east=shown.east + (shown.east - shown.west) / 2,
        north=shown.north,
        capture_date="2030-06-01",
    )
    TileScore.objects.create(run=run, segmented_tile=half.segmented.get(), scores=b"", positives=0)
    frame = frame_of(run)
    assert frame.covered == 1
    assert frame.searched == 9
    assert 0 < frame.mapped_hectares < before, "half of a place on the map is the newer image's ground"
    assert old.segmented.get().pk not in np.concatenate(list(frame.tiles.values()))


def test_the_ground_of_a_grid_whose_edges_overlap_is_sampled_once(run: Any, ground: list[Any]) -> None:
    """Every tile overlaps the next by a hundredth, as tiles of real imagery do."""
    from detection.models import Tile

    boxes = []
    for number, tile in enumerate(ground):
        west = 26.5 + number * 0.00099
        Tile.objects.filter(pk=tile.pk).update(west=west, east=west + 0.001)
        boxes.append(box(west, tile.south, west + 0.001, tile.north))
    frame = frame_of(run)
    assert frame.searched == 8
    assert sum(frame.ground.values()) == pytest.approx(
        geodesic_area_hectares(shapely.union_all(boxes)), rel=1e-4
    )
    assert frame.mapped_hectares > 0


def test_the_same_seed_draws_the_same_tiles_in_the_same_order(run: Any, small: None) -> None:
    first = draw_sample(run=run, size=8, seed=3, acting_user=None)
    one = list(first.tiles.values_list("segmented_tile", "stratum"))
    abandon_sample(sample=first, acting_user=None)
    assert one == list(
        draw_sample(run=run, size=8, seed=3, acting_user=None).tiles.values_list("segmented_tile", "stratum")
    )
    AreaSample.objects.filter(closed_at__isnull=True).update(closed_at=first.closed_at)
    other = draw_sample(run=run, size=8, seed=4, acting_user=None)
    assert one != list(other.tiles.values_list("segmented_tile", "stratum"))
    assert sorted(one) == sorted(other.tiles.values_list("segmented_tile", "stratum"))


def test_a_sample_of_an_unfinished_run_or_beside_an_open_one_is_refused(run: Any, sample: Any) -> None:
    with pytest.raises(Conflict):
        draw_sample(run=run, size=8, seed=8, acting_user=None)
    run.state = "running"
    with pytest.raises(UserError, match="not done"):
        plan_sample(run, 8)
    run.state = "done"
    with pytest.raises(UserError, match="tiles"):
        plan_sample(run, 10**9)


def test_a_plan_says_how_wide_the_interval_may_be(run: Any, small: None) -> None:
    few, all_of_them = plan_sample(run, 7), plan_sample(run, 8)
    assert all_of_them.half_width == 0
    assert few.half_width >= 0
    assert sum(stratum.drawn for stratum in few.strata) == 7


# Judging blind -------------------------------------------------------------------------------------------


def test_nothing_that_an_expert_is_sent_tells_what_the_map_says(
    sample: Any, bob: Any, client_of: Callable[[Any], Client]
) -> None:
    client = client_of(bob)
    page = client.get(f"/review/sample/{sample.pk}/").content.decode()
    assert "stratum" not in page
    shapes = set()
    for _tile in range(8):
        told = client.post(f"/api/samples/{sample.pk}/next/", {"held": []}, "application/json").json()
        tile = told["tile"]
        shapes.add(tuple(sorted(tile)))
        for name, kind in (("image", "image/webp"), ("raster", "image/png")):
            address = tile[name].partition("?")[0]
            assert address.startswith(f"/review/sample/{sample.pk}/tiles/{tile['id']}/"), (
                "no number of the tile's"
            )
            picture = client.get(tile[name])
            assert (picture.status_code, picture["Content-Type"]) == (200, kind)
            shown = SampleTile.objects.get(pk=tile["id"]).segmented_tile.tile
            assert shown.place_id not in str(picture.headers), "its name on the public map"
        assert set(tile) == {
            "id",
            "image",
            "raster",
            "scale",
            "width",
            "height",
            "superpixels",
            "capture_date",
            "source",
        }
        sent = client.put(
            f"/api/samples/{sample.pk}/tiles/{tile['id']}/", {"superpixels": []}, "application/json"
        )
        assert sent.status_code == 200
    assert len(shapes) == 1
    assert client.post(f"/api/samples/{sample.pk}/next/", {}, "application/json").json()["tile"] is None


def test_pictures_of_a_sample_are_there_for_experts_and_of_that_sample_only(
    sample: Any, bob: Any, alice: Any, client_of: Callable[[Any], Client]
) -> None:
    tile = sample.tiles.first()
    address = f"/review/sample/{sample.pk}/tiles/{tile.pk}/image.webp"
    expert = client_of(bob)
    assert expert.get(f"{address}?size=640").status_code == 200
    assert expert.get(f"{address}?size=641").status_code == 400
    assert expert.get(f"/review/sample/{sample.pk + 1}/tiles/{tile.pk}/image.webp").status_code == 404
    assert expert.get(f"/review/sample/{10**30}/tiles/{tile.pk}/raster.png").status_code == 404
    assert client_of(alice).get(address).status_code == 403


def test_two_experts_do_not_get_the_same_tile(sample: Any, bob: Any, dora: Any) -> None:
    one, other = next_tile(sample=sample, expert=bob), next_tile(sample=sample, expert=dora)
    assert one and other and one.pk != other.pk
    again = next_tile(sample=sample, expert=bob)
    assert again and again.pk == one.pk, "a reload brings the same tile"
    ahead = next_tile(sample=sample, expert=bob, held=[one.pk])
    assert ahead and ahead.pk not in {one.pk, other.pk}


def lapse(tile: SampleTile) -> None:
    SampleTile.objects.filter(pk=tile.pk).update(kept_until=timezone.now() - dt.timedelta(seconds=1))


def test_a_tile_is_kept_whatever_becomes_of_the_cache(sample: Any, bob: Any, dora: Any) -> None:
    """Several processes without Redis have a cache each."""
    one = next_tile(sample=sample, expert=bob)
    cache.clear()
    other = next_tile(sample=sample, expert=dora)
    assert one and other and one.pk != other.pk


def test_a_tile_is_given_to_another_when_the_quarter_of_an_hour_is_over(
    sample: Any, bob: Any, dora: Any
) -> None:
    left = next_tile(sample=sample, expert=bob)
    assert left is not None
    kept = SampleTile.objects.get(pk=left.pk)
    assert kept.kept_by == bob
    assert kept.kept_until is not None
    assert dt.timedelta(minutes=14) < kept.kept_until - timezone.now() <= dt.timedelta(minutes=15)
    lapse(left)
    taken = next_tile(sample=sample, expert=dora)
    assert taken and taken.pk == left.pk
    instead = next_tile(sample=sample, expert=bob)
    assert instead and instead.pk != left.pk, "it is Dora's now"
    # Bob had it on the screen all the time. What he says counts, and does not take it from her.
    answer_tile(sample=sample, expert=bob, sample_tile_id=left.pk, superpixels=[])
    assert SampleTile.objects.get(pk=left.pk).kept_by == dora


def test_who_comes_back_gets_the_tile_they_held_also_where_an_earlier_one_is_free_again(
    sample: Any, bob: Any, dora: Any
) -> None:
    first, second = next_tile(sample=sample, expert=dora), next_tile(sample=sample, expert=bob)
    assert first and second and first.position < second.position
    lapse(first)
    again = next_tile(sample=sample, expert=bob)
    assert again and again.pk == second.pk
    lapse(second)
    late = next_tile(sample=sample, expert=bob)
    assert late and late.pk == second.pk, "late, but nobody took it"


def test_an_answer_frees_the_tile(sample: Any, bob: Any, dora: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "SECOND_EVERY", 1)
    tile = next_tile(sample=sample, expert=bob)
    assert tile is not None
    answer_tile(sample=sample, expert=bob, sample_tile_id=tile.pk, superpixels=[])
    freed = SampleTile.objects.get(pk=tile.pk)
    assert (freed.kept_by, freed.kept_until) == (None, None)
    second = next_tile(sample=sample, expert=dora)
    assert second and second.pk == tile.pk, "two are asked of it, one after the other"


def test_a_tile_answered_while_it_was_being_taken_is_not_handed_out(
    sample: Any, bob: Any, dora: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading which tiles are free and taking one, somebody else judges it."""
    monkeypatch.setattr(answers, "SECOND_EVERY", 10**6)
    last = sample.tiles.last()
    for tile in sample.tiles.exclude(pk=last.pk):
        answer_tile(sample=sample, expert=bob, sample_tile_id=tile.pk, superpixels=[])
    keep = answers._keep

    def answered_first(*arguments: Any) -> bool:
        answer_tile(sample=sample, expert=bob, sample_tile_id=last.pk, superpixels=[])
        return keep(*arguments)

    monkeypatch.setattr(answers, "_keep", answered_first)
    # The tile at place 0 is asked of two whatever the share.
    answer_tile(sample=sample, expert=dora, sample_tile_id=sample.tiles.first().pk, superpixels=[])
    assert next_tile(sample=sample, expert=dora) is None
    assert SampleTile.objects.get(pk=last.pk).kept_by is None


@pytest.mark.django_db(transaction=True)
def test_experts_who_ask_at_the_same_moment_get_different_tiles(sample: Any, client_of: Any) -> None:
    from amberapp.models import User

    experts = [User.objects.create_user(f"expert{number}", role="expert") for number in range(12)]
    start = threading.Barrier(len(experts))
    handed: list[int | None] = []

    def ask(expert: Any) -> None:
        client = client_of(expert)
        start.wait()
        told = client.post(f"/api/samples/{sample.pk}/next/", {"held": []}, "application/json").json()
        handed.append(told["tile"] and told["tile"]["id"])
        connections.close_all()

    threads = [threading.Thread(target=ask, args=(expert,)) for expert in experts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [tile for tile in handed if tile is not None]
    assert len(handed) == 12
    assert sorted(given) == sorted(sample.tiles.values_list("pk", flat=True)), "each of the eight once"


def test_a_share_of_the_tiles_is_judged_by_two(
    sample: Any, bob: Any, dora: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "SECOND_EVERY", 4)
    judge_all(sample, bob, {"map": [1, 2]})
    second = next_tile(sample=sample, expert=dora)
    assert second is not None and second.position % 4 == 0
    judge_all(sample, dora, {"map": [1, 2, 3], "rest": [1], "near": [1], "found": [1]})
    progress = progress_of(sample, dora)
    assert (progress.judged, progress.twice, progress.mine) == (8, 2, 2)
    assert close_sample(sample=sample, acting_user=None).estimate["twice"]["tiles"] == 2


def test_an_answer_sent_again_replaces_the_one_before(sample: Any, bob: Any, dora: Any) -> None:
    tile = next_tile(sample=sample, expert=bob)
    assert tile is not None
    answer_tile(sample=sample, expert=bob, sample_tile_id=tile.pk, superpixels=[3, 1, 3])
    answer_tile(sample=sample, expert=bob, sample_tile_id=tile.pk, superpixels=[2])
    _tile, answer = tile_again(sample=sample, expert=bob, sample_tile_id=tile.pk)
    assert answer.superpixels == [2]
    with pytest.raises(NotThere):
        tile_again(sample=sample, expert=dora, sample_tile_id=tile.pk)
    assert AuditEntry.objects.filter(verb__startswith="sample.judged").count() == 2


def test_what_a_tile_does_not_have_is_refused(sample: Any, bob: Any) -> None:
    tile = next_tile(sample=sample, expert=bob)
    assert tile is not None
    most = tile.segmented_tile.superpixels
    with pytest.raises(UserError, match="superpixels"):
        answer_tile(sample=sample, expert=bob, sample_tile_id=tile.pk, superpixels=[most + 1])
    with pytest.raises(UserError):
        answer_tile(sample=sample, expert=bob, sample_tile_id=tile.pk, superpixels=[1], unusable=True)
    with pytest.raises(NotThere):
        answer_tile(sample=sample, expert=bob, sample_tile_id=10**6, superpixels=[])


def test_volunteers_and_strangers_are_kept_out(
    sample: Any, alice: Any, client: Client, client_of: Callable[[Any], Client]
) -> None:
    assert client.get(f"/review/sample/{sample.pk}/").status_code == 302
    volunteer = client_of(alice)
    assert volunteer.get(f"/review/sample/{sample.pk}/").status_code == 403
    assert volunteer.post(f"/api/samples/{sample.pk}/next/", {}, "application/json").status_code == 403
    assert not sample.tiles.filter(kept_by__isnull=False).exists(), "no tile is kept for them either"
    assert volunteer.get("/manage/samples/").status_code == 403
    assert volunteer.post(f"/manage/samples/{sample.pk}/close/").status_code == 403


@pytest.mark.parametrize(
    "body", ["[]", '{"superpixels": "x"}', '{"superpixels": [0]}', '{"superpixels": [1e99]}', "{"]
)
def test_nonsense_is_refused_with_a_sentence(
    sample: Any, bob: Any, client_of: Callable[[Any], Client], body: str
) -> None:
    tile = next_tile(sample=sample, expert=bob)
    assert tile is not None
    answer = client_of(bob).put(f"/api/samples/{sample.pk}/tiles/{tile.pk}/", body, "application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
    assert client_of(bob).get(f"/api/samples/{10**30}/tiles/1/").status_code == 404
