"""The index finds what full features would find, keeps its numbers small, and notices broken files."""

from pathlib import Path

import numpy as np
import pytest

from detection.look_alikes.vectors import Part, fit, nearest, pack_part, rank_again, read_part
from detection.look_alikes.vectors.compression import from_bytes

DIMENSION = 120


def made(rows: int, seed: int = 0) -> np.ndarray:
    """float32 (rows, 120): ten hidden causes, unequal scales, some noise, one feature that never varies."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(10, DIMENSION))
    features = random.normal(size=(rows, 10)) @ mixing + 0.3 * random.normal(size=(rows, DIMENSION))
    features *= np.geomspace(0.01, 100, DIMENSION)
    features[:, 7] = 3.0
    return features.astype(np.float32)


def exact(features: np.ndarray, asked: np.ndarray, wanted: int) -> np.ndarray:
    """Row numbers by plain standardised distance, to the nearest of what is asked."""
    spread = features.std(axis=0)
    spread[spread < 1e-6] = np.inf
    rows, points = features / spread, asked / spread
    return np.argsort(np.min([np.linalg.norm(rows - one, axis=1) for one in points], axis=0))[:wanted]


def store(
    folder: Path, compression: object, blocks: list[tuple[list[int], list[int], np.ndarray]]
) -> list[Part]:
    parts = []
    for number, (tiles, counts, features) in enumerate(blocks):
        codes = compression.encode(features)  # type: ignore[attr-defined]
        path = folder / f"{number}.part"
        path.write_bytes(pack_part(tiles, counts, [compression.squares(codes)], [codes]))  # type: ignore[attr-defined]
        parts.append(read_part(path))
    return parts


def test_the_nearest_are_those_that_full_features_would_give(tmp_path: Path) -> None:
    features = made(6_000)
    compression = fit(features[:2_000], components=32)
    parts = store(
        tmp_path,
        compression,
        [([11, 12], [1_000, 2_000], features[:3_000]), ([13], [3_000], features[3_000:])],
    )
    asked = features[[5, 4_000]]
    found = nearest(parts, compression, asked, 50)
    assert found.places()[:2] == [(11, 6), (13, 1_001)]
    begins = {11: 0, 12: 1_000, 13: 3_000}
    rows = [begins[tile] + number - 1 for tile, number in found.places()]
    assert len(set(rows) & set(exact(features, asked, 50))) >= 45
    assert (np.diff(found.distance) >= 0).all()
    more = nearest(parts, compression, asked, 200)
    wider = [begins[tile] + number - 1 for tile, number in more.places()]
    again = rank_again(compression, more, features[wider], asked, 50)
    rows = [begins[tile] + number - 1 for tile, number in again.places()]
    assert set(rows) == set(exact(features, asked, 50))
    assert again.distance[0] == 0


def test_the_number_of_threads_changes_nothing_and_more_can_be_wanted_than_there_are(tmp_path: Path) -> None:
    features = made(40_000, seed=3)
    compression = fit(features[:1_000], components=16)
    parts = store(tmp_path, compression, [([1], [40_000], features)])
    asked = features[[17]]
    one, two = (nearest(parts, compression, asked, 60, threads) for threads in (1, 2))
    assert one.places() == two.places()
    assert len(nearest(store(tmp_path, compression, [([1], [5], features[:5])]), compression, asked, 50)) == 5
    assert len(nearest([], compression, asked, 50)) == 0


def test_typical_superpixels_lie_one_apart(tmp_path: Path) -> None:
    features = made(3_000)
    compression = fit(features)
    parts = store(tmp_path, compression, [([1], [3_000], features)])
    found = nearest(parts, compression, features[[0]], 3_000)
    assert 0.7 < float(np.median(found.distance)) < 1.4


def test_a_compression_comes_back_from_its_bytes_and_the_same_sample_gives_the_same() -> None:
    features = made(500)
    one, other = fit(features), fit(features.copy())
    assert one.as_bytes() == other.as_bytes()
    assert np.array_equal(from_bytes(one.as_bytes()).encode(features), one.encode(features))
    assert one.components == 48
    assert fit(features[:, :10]).components == 10


def test_wild_and_silent_features_do_no_harm() -> None:
    features = made(500)
    compression = fit(features)
    wild = features[:2].copy()
    wild[0, 3] = 60_000.0
    codes = compression.encode(wild)
    assert codes.dtype == np.int8
    assert np.abs(codes.astype(int)).max() <= 127
    assert np.isfinite(compression.project(wild)).all()


def test_wrong_lengths_are_refused_with_a_sentence(tmp_path: Path) -> None:
    compression = fit(made(50))
    with pytest.raises(ValueError, match="120 numbers"):
        compression.encode(np.zeros((2, 7), np.float32))
    with pytest.raises(ValueError, match="at least 2 rows"):
        fit(made(1))
    codes = compression.encode(made(3))
    with pytest.raises(ValueError, match="as many rows"):
        pack_part([1], [4], [compression.squares(codes)], [codes])


def test_a_file_that_is_cut_short_is_no_part(tmp_path: Path) -> None:
    compression = fit(made(50))
    codes = compression.encode(made(50))
    data = pack_part([1], [50], [compression.squares(codes)], [codes])
    path = tmp_path / "short.part"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError):
        read_part(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError):
        read_part(path)
