"""The dear step: pixels are read and decoded once a tile, whatever is wanted of them; the store is read in slices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amberapp import storage
from detection.description import feature_store, first_pass
from detection.description.features import extract_missing, load_superpixels, usable_extractor
from detection.description.segment import default_segmentation, segment_tile
from detection.models import SegmentedTile, Tile, TileFeatures
from tests.conftest import picture


@pytest.fixture
def uncut(region: Any) -> list[Tile]:
    """Four tiles that are neither cut nor described; the file of the third is no image."""
    tiles = []
    for number in range(4):
        data = b"no image" if number == 2 else picture(number)
        tiles.append(
            Tile.objects.create(
                region=region,
                source=region.source,
                file_name=f"{number}.jpg",
                sha256=storage.sha256_of(data),
                image_key=storage.put(storage.content_key("images", data, ".jpg"), data),
                width=200,
                height=200,
            )
        )
    return tiles


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every image that is decoded, in turn."""
    seen: list[bytes] = []
    read_image = first_pass.read_image

    def note(data: bytes) -> Any:
        seen.append(data)
        return read_image(data)

    for module in ("first_pass", "segment", "features"):
        monkeypatch.setattr(f"detection.description.{module}.read_image", note)
    return seen


@pytest.mark.django_db
@pytest.mark.database
@pytest.mark.parametrize("threads", [1, 2])
def test_a_tile_is_decoded_once_for_pieces_and_features(
    uncut: list[Tile], decoded: list[bytes], threads: int
) -> None:
    extractor = usable_extractor("texture")
    read = first_pass.read_tiles(uncut, default_segmentation(), extractor, threads=threads)
    assert len(decoded) == len(set(decoded)) == 4
    assert [segmented.tile for segmented in read.segmented] == [uncut[0], uncut[1], uncut[3]]
    assert list(read.failures) == [uncut[2].pk]
    assert set(read.seconds) == {"read", "decode", "segment", "extract", "store"}
    assert TileFeatures.objects.count() == SegmentedTile.objects.count() == 3
    decoded.clear()
    again = first_pass.read_tiles(uncut, default_segmentation(), extractor)
    assert [len(decoded), len(again.segmented), len(again.failures)] == [1, 3, 1]


@pytest.mark.django_db
@pytest.mark.database
def test_what_is_cut_already_keeps_its_pieces_and_both_ways_give_the_same_numbers(
    uncut: list[Tile], decoded: list[bytes]
) -> None:
    extractor = usable_extractor("texture")
    segmented = segment_tile(uncut[0], default_segmentation())
    decoded.clear()
    read = first_pass.read_tiles([uncut[0]], default_segmentation(), extractor)
    assert (read.segmented, len(decoded)) == ([segmented], 1)
    places = [(segmented.pk, number) for number in range(segmented.superpixels, 0, -1)]
    together = load_superpixels(places, extractor.key)
    TileFeatures.objects.all().delete()
    assert extract_missing([segmented], extractor) == {}
    np.testing.assert_array_equal(load_superpixels(places, extractor.key), together)
    np.testing.assert_array_equal(load_superpixels(places[2:3], extractor.key), together[2:3])
    with pytest.raises(KeyError, match="has no features"):
        load_superpixels(places, "another")
    np.testing.assert_array_equal(load_superpixels(places, "another", otherwise=together), together)
    assert together.shape == (segmented.superpixels, extractor.dimension)


@pytest.mark.django_db
def test_a_store_that_cannot_be_written_stops_the_work_and_leaves_no_row(
    uncut: list[Tile], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(feature_store, "write_chunk", full)
    with pytest.raises(OSError, match="No space left"):
        first_pass.read_tiles(uncut, default_segmentation(), usable_extractor("texture"))
    assert not TileFeatures.objects.exists()


@pytest.fixture
def chunk(tmp_path: Path) -> Callable[[int, int], str]:
    """Writes a chunk of `rows` rows that count on from `first`; gives its path below tmp_path."""

    def write(rows: int, first: int = 0) -> str:
        numbers = np.arange(first, first + rows, dtype=np.float16)
        return feature_store.write_chunk(tmp_path, "k", np.stack([numbers, -numbers], axis=1))[0]

    return write


def test_rows_are_read_in_the_order_asked_and_blocks_hold_no_more_than_asked(
    tmp_path: Path, chunk: Callable[..., str]
) -> None:
    one, other = chunk(10), chunk(6, 100)
    ranges = [(one, 2, 3), (one, 5, 2), (one, 9, 1), (other, 0, 6), (one, 0, 0)]
    blocks = list(feature_store.read_blocks(tmp_path, ranges, 4))
    assert [len(block) for block in blocks] == [4, 4, 4]
    assert all(block.dtype == np.float32 for block in blocks)
    joined = np.concatenate(blocks)
    assert joined[:, 0].tolist() == [2, 3, 4, 5, 6, 9, 100, 101, 102, 103, 104, 105]
    assert (joined[:, 1] == -joined[:, 0]).all()
    assert list(feature_store.read_blocks(tmp_path, [], 4)) == []


def test_a_chunk_that_is_gone_or_too_short_is_named(tmp_path: Path, chunk: Callable[..., str]) -> None:
    path = chunk(3)
    with pytest.raises(ValueError, match="has 3 rows, not 5"):
        list(feature_store.read_blocks(tmp_path, [(path, 2, 3)], 10))
    with pytest.raises(FileNotFoundError):
        list(feature_store.read_blocks(tmp_path, [("k/00/gone.npy", 0, 1)], 10))
