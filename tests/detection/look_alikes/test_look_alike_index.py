"""The region's index of look-alikes: built by a job, kept up to date, safe when a worker dies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from amberapp import jobs
from amberapp.errors import UserError
from amberapp.models import Job
from benchmarks.made_region import KEY, add_tiles, make_region
from detection.look_alikes import index as look_alike_index
from detection.look_alikes import search
from detection.look_alikes.index import build_index, open_index, request_index, state_of
from detection.look_alikes.search import look_alikes_of
from detection.models import Region, SegmentedTile, TileFeatures
from tests.kept import keep
from tests.labeling.releases.test_publication import killed_while

pytestmark = [pytest.mark.django_db, pytest.mark.database]

MINED_TILE = 9  # of the made region: superpixels 6 to 10 of every tenth tile are mining


def quiet(done: int, total: int, message: str = "") -> None:
    """Progress that nobody watches."""


@pytest.fixture
def madeshire(db: None, home: Path) -> Region:
    keep("madeshire", home, lambda: make_region(40, dimension=24, share_mined=0.1))
    return Region.objects.get()


@pytest.fixture
def mined(madeshire: Region) -> int:
    return list(SegmentedTile.objects.order_by("id").values_list("id", flat=True))[MINED_TILE]


def build(region: Region) -> Any:
    return build_index(region=region, extractor_key=KEY, progress=quiet)


def find(region: Region, *places: tuple[int, int], wanted: int = 12, **more: Any) -> list[tuple[int, int]]:
    found = look_alikes_of(region=region, extractor_key=KEY, places=places, wanted=wanted, **more)
    return [place for place, _distance in found]


def test_mining_finds_mining(madeshire: Region, mined: int) -> None:
    build(madeshire)
    state = state_of(madeshire, KEY)
    assert (state.superpixels, state.tiles, state.waiting) == (1000, 40, 0)
    found = find(madeshire, *((mined, number) for number in range(6, 11)), wanted=20, as_one=True)
    mining = set(list(SegmentedTile.objects.order_by("id").values_list("id", flat=True))[MINED_TILE::10])
    right = [tile in mining and 6 <= number <= 10 for tile, number in found]
    assert sum(right) >= 18, found
    assert find(madeshire, (mined, 7))[0] == (mined, 7)


def test_new_tiles_are_taken_in_and_what_is_there_is_not_done_again(madeshire: Region, mined: int) -> None:
    first = build(madeshire)
    assert build(madeshire) == first
    add_tiles(madeshire, 10, dimension=24)
    assert state_of(madeshire, KEY).waiting == 10
    second = build(madeshire)
    assert (second.rows, len(second.parts)) == (1250, 1), "a small part grows"
    assert second.compression == first.compression
    assert state_of(madeshire, KEY).waiting == 0
    newest = SegmentedTile.objects.order_by("-id").first()
    assert find(madeshire, (newest.pk, 3))[0] == (newest.pk, 3)
    folder = look_alike_index._folder(madeshire, KEY)
    assert {path.name for path in folder.iterdir()} == second.files, "what nobody names is cleared away"


def test_a_region_that_has_grown_is_learned_anew(madeshire: Region) -> None:
    first = build(madeshire)
    add_tiles(madeshire, 140, dimension=24)
    second = build(madeshire)
    assert second.compression != first.compression
    assert second.rows == 180 * 25


def test_a_build_that_dies_goes_on_where_it_stood(
    madeshire: Region, mined: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_alike_index, "ROWS_IN_PART", 250)
    monkeypatch.setattr(look_alike_index, "ROWS_AT_ONCE", 125)
    monkeypatch.setattr(look_alike_index, "SMALL_PART", 0)
    encoded: list[int] = []
    real = look_alike_index._GrowingPart.add

    def counting(self: Any, tiles: Any, blocks: Any) -> None:
        if len(encoded) == 5:
            raise KeyboardInterrupt
        encoded.append(len(tiles))
        real(self, tiles, blocks)

    monkeypatch.setattr(look_alike_index._GrowingPart, "add", counting)
    with pytest.raises(KeyboardInterrupt):
        build(madeshire)
    assert open_index(madeshire, KEY) is None, "half an index answers nothing"
    monkeypatch.setattr(look_alike_index._GrowingPart, "add", real)
    done: list[int] = []
    build_index(region=madeshire, extractor_key=KEY, progress=lambda now, total, message: done.append(now))
    assert done[0] > 20, "two parts of ten tiles were there already"
    index = open_index(madeshire, KEY)
    assert index is not None
    tiles = np.concatenate([part.tiles for part in index.parts])
    assert sorted(tiles.tolist()) == sorted(SegmentedTile.objects.values_list("id", flat=True))
    assert find(madeshire, (mined, 7))[0] == (mined, 7)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "call"), [("_keep", 1), ("_keep", 3), ("_clear_away", 1), ("_read", 3)])
def test_a_worker_killed_at_any_moment_leaves_what_the_next_one_finishes(
    madeshire: Region, carol: Any, monkeypatch: pytest.MonkeyPatch, name: str, call: int
) -> None:
    monkeypatch.setattr(look_alike_index, "ROWS_IN_PART", 250)
    monkeypatch.setattr(look_alike_index, "ROWS_AT_ONCE", 125)
    monkeypatch.setattr(look_alike_index, "SMALL_PART", 0)
    job = request_index(madeshire, KEY, carol)
    assert job is not None
    killed_while(lambda: jobs.execute(job.pk), look_alike_index, name, call)
    assert not jobs.execute(job.pk), "its lease still runs"
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now())
    assert jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 2)
    assert state_of(madeshire, KEY).waiting == 0
    index = open_index(madeshire, KEY)
    assert index is not None
    tiles = np.concatenate([part.tiles for part in index.parts])
    assert sorted(tiles.tolist()) == sorted(SegmentedTile.objects.values_list("id", flat=True))
    every = SegmentedTile.objects.values_list("id", flat=True)[::13]
    assert [find(madeshire, (tile, 7))[0] for tile in every] == [(tile, 7) for tile in every]


@pytest.mark.parametrize("cut", [None, 300])
def test_lost_and_cut_files_are_asked_for_and_made_again(
    madeshire: Region, mined: int, carol: Any, cut: int | None
) -> None:
    build(madeshire)
    assert request_index(madeshire, KEY, carol) is None
    for path in look_alike_index._folder(madeshire, KEY).glob("*.part"):
        data = path.read_bytes()
        path.unlink()
        if cut:
            path.write_bytes(data[:cut])
    look_alike_index._opened.cache_clear()
    assert open_index(madeshire, KEY) is None
    assert state_of(madeshire, KEY).waiting == 40
    job = request_index(madeshire, KEY, carol)
    assert job is not None
    assert jobs.execute(job.pk)
    assert find(madeshire, (mined, 7))[0] == (mined, 7)
    assert state_of(madeshire, KEY).waiting == 0


def test_a_file_whose_bytes_have_changed_is_made_again_and_never_searched(
    madeshire: Region, mined: int, carol: Any
) -> None:
    build(madeshire)
    (path,) = look_alike_index._folder(madeshire, KEY).glob("*.part")
    data = bytearray(path.read_bytes())
    data[-len(data) // 2 :] = bytes(byte ^ 255 for byte in data[-len(data) // 2 :])
    path.write_bytes(data)
    look_alike_index._opened.cache_clear()
    with pytest.raises(UserError, match="no index"):
        find(madeshire, (mined, 7))
    job = request_index(madeshire, KEY, carol)
    assert job is not None
    assert jobs.execute(job.pk)
    assert find(madeshire, (mined, 7))[0] == (mined, 7)


def test_who_looks_again_and_whoever_watches_the_build_has_no_tiles_counted(
    madeshire: Region, carol: Any
) -> None:
    build(madeshire)
    state_of(madeshire, KEY)

    def counts(look: Callable[..., Any], *asked: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            look(*asked)
        return sum("COUNT(" in query["sql"] for query in queries)

    assert counts(state_of, madeshire, KEY) == 0
    add_tiles(madeshire, 10, dimension=24)
    assert state_of(madeshire, KEY).waiting == 10, "what was described since is seen at once"
    assert request_index(madeshire, KEY, carol) == look_alike_index.job_under_way(madeshire, KEY)
    assert counts(look_alike_index.job_under_way, madeshire, KEY) == 0


def test_a_slow_worker_that_lost_its_job_takes_nothing_from_the_one_that_has_it(
    madeshire: Region, mined: int, carol: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both start from the same manifest; the second ends while the first stands between its file and its manifest."""
    build(madeshire)
    add_tiles(madeshire, 1, dimension=24)
    keep, begun = look_alike_index._keep, []

    def kept(region: Region, key: str, data: bytes, suffix: str) -> str:
        name = keep(region, key, data, suffix)
        if suffix == ".part" and not begun:
            begun.append(name)
            add_tiles(madeshire, 1, dimension=24)
            build(madeshire)
        return name

    monkeypatch.setattr(look_alike_index, "_keep", kept)
    build(madeshire)
    monkeypatch.undo()
    look_alike_index._opened.cache_clear()
    job = request_index(madeshire, KEY, carol)
    assert job is not None, "what the two left is seen to be wanting"
    assert jobs.execute(job.pk)
    assert state_of(madeshire, KEY).waiting == 0
    for tile in (mined, SegmentedTile.objects.order_by("-id")[0].pk):
        assert find(madeshire, (tile, 7))[0] == (tile, 7)


def test_a_described_tile_without_superpixels_does_not_wait_for_ever(madeshire: Region) -> None:
    last = SegmentedTile.objects.order_by("-id")[0]
    SegmentedTile.objects.filter(pk=last.pk).update(superpixels=0)
    build(madeshire)
    assert state_of(madeshire, KEY).waiting == 0


def test_two_builds_that_follow_one_another_keep_what_the_other_names(
    madeshire: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clearing of a build looks at the manifest as it stands then, not as it was when the build began."""
    first = build(madeshire)
    add_tiles(madeshire, 1, dimension=24)
    second = build(madeshire)
    look_alike_index._clear_away(madeshire, KEY, first, None)
    folder = look_alike_index._folder(madeshire, KEY)
    assert {path.name for path in folder.iterdir()} >= second.files


def test_a_tile_that_is_gone_is_no_answer(madeshire: Region, mined: int) -> None:
    build(madeshire)
    neighbour = next(tile for tile, _number in find(madeshire, (mined, 7)) if tile != mined)
    TileFeatures.objects.filter(segmented_tile=neighbour).delete()
    tile = SegmentedTile.objects.get(pk=neighbour).tile
    SegmentedTile.objects.filter(pk=neighbour).delete()
    tile.delete()
    assert neighbour not in {tile for tile, _number in find(madeshire, (mined, 7), wanted=13)}


def test_codes_alone_find_nearly_the_same(
    madeshire: Region, mined: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(madeshire)
    ranked = find(madeshire, (mined, 7), wanted=50)
    monkeypatch.setattr(search, "_ranked_again", lambda i, k, found, a, w: found)
    plain = find(madeshire, (mined, 7), wanted=51)[:50]
    assert len(set(ranked) & set(plain)) >= 45


def test_the_job_is_asked_for_once_and_only_where_something_is_new(
    madeshire: Region, carol: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = request_index(madeshire, KEY, carol)
    assert job is not None
    assert request_index(madeshire, KEY, carol) == job
    assert state_of(madeshire, KEY).job == job
    assert jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"tiles": 40, "superpixels": 1000}), job.error
    assert request_index(madeshire, KEY, carol) is None
    add_tiles(madeshire, 1, dimension=24)
    assert request_index(madeshire, KEY, carol) is not None
    assert Job.objects.count() == 2


def test_asking_without_an_index_or_without_features_says_so(madeshire: Region, mined: int) -> None:
    with pytest.raises(UserError, match="no index"):
        find(madeshire, (mined, 7))
    build(madeshire)
    with pytest.raises(UserError, match="no features"):
        find(madeshire, (10**9, 1))


def test_a_lost_feature_chunk_is_named(madeshire: Region, home: Path) -> None:
    for path in (home / "features").rglob("*.npy"):
        path.unlink()
    with pytest.raises(UserError, match="feature store lacks"):
        build(madeshire)


def test_an_empty_region_is_told(region: Region, make_tile: Callable) -> None:
    with pytest.raises(UserError, match="described"):
        build(region)
