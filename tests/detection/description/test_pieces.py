"""The finer raster of a tile: made when it is first asked for, the same for everybody, kept."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.urls import reverse

from amberapp.errors import NotThere
from detection.description import fragments as actions
from detection.description.fragments import fragment_counts, fragment_raster, load_fragments
from detection.description.segment import load_labels
from detection.models import SegmentedTile, TileKind
from detection.segmentation.raster import decode_raster

pytestmark = pytest.mark.django_db


def test_the_raster_has_the_blocks_of_the_tile_and_the_counts_agree_with_it(segmented_tile: Any) -> None:
    labels, pieces = load_labels(segmented_tile), load_fragments(segmented_tile)
    assert pieces.shape == labels.shape
    assert decode_raster(fragment_raster(segmented_tile))[1] == segmented_tile.segmentation.downscale
    counts = fragment_counts(segmented_tile)
    assert len(counts) == segmented_tile.superpixels
    for superpixel, count in enumerate(counts, start=1):
        assert set(np.unique(pieces[labels == superpixel])) == set(range(1, count + 1))
        assert count >= 2


def test_it_is_made_once(segmented_tile: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fragment_raster(segmented_tile)
    monkeypatch.setattr(actions, "split_superpixels", None)
    assert fragment_raster(segmented_tile) == first


def test_who_ask_at_once_get_the_same(segmented_tile: Any, home: Path) -> None:
    # The row is read before: threads of a test have no part in its transaction.
    tile = SegmentedTile.objects.select_related("tile", "segmentation").get(pk=segmented_tile.pk)
    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(lambda _: fragment_raster(tile), range(8)))
    assert len(answers) == 1
    assert len(list((home / "storage" / "pieces").rglob("*.png"))) == 1
    assert not list(home.rglob(".part-*"))


def test_alice_gets_it_once_and_keeps_it(alice: Any, client_of: Any, segmented_tile: Any) -> None:
    address = reverse("tile-pieces", args=[segmented_tile.pk])
    client = client_of(alice)
    answer = client.get(address)
    assert answer.status_code == 200 and answer["Content-Type"] == "image/png"
    assert "immutable" in answer["Cache-Control"] and "private" in answer["Cache-Control"]
    assert client.get(address, headers={"if-none-match": answer["ETag"]}).status_code == 304


def test_strangers_and_wrong_numbers_get_nothing(
    client: Any, alice: Any, client_of: Any, segmented_tile: Any
) -> None:
    assert client.get(reverse("tile-pieces", args=[segmented_tile.pk])).status_code == 302
    assert client_of(alice).get(reverse("tile-pieces", args=[10**9])).status_code == 404


def test_a_crop_has_no_pieces(alice: Any, client_of: Any, segmented_tile: Any) -> None:
    segmented_tile.tile.kind = TileKind.CROP
    segmented_tile.tile.save()
    segmented_tile.raster_key = ""
    segmented_tile.save()
    assert fragment_counts(segmented_tile) == [0]
    with pytest.raises(NotThere):
        fragment_raster(segmented_tile)
    assert client_of(alice).get(reverse("tile-pieces", args=[segmented_tile.pk])).status_code == 404
