"""The outline head: taught by bags, honest about places, kept in a file that nobody can abuse."""

import io

import numpy as np
import pytest

from detection.learning.ground import head as heads
from detection.learning.ground.fit import Bags, drawn_windows, fit_ground

BLOCKS = ((8, 1.0), (4, 1.0))


def bags(places: int = 30, seed: int = 0) -> Bags:
    """Bags of nine windows; in those of mining a third of the windows shows pits."""
    random = np.random.default_rng(seed)
    mining = np.arange(places * 2) % 2 == 0
    windows = random.normal(size=(places * 2 * 9, 12)).astype(np.float32)
    bag = np.repeat(np.arange(places * 2), 9)
    pits = mining[bag] & (np.arange(len(bag)) % 3 == 0)
    windows[pits, :3] += 4
    return Bags(windows, bag, mining, np.array([f"place {number // 2}" for number in range(places * 2)]))


def test_windows_with_pits_are_told_from_those_that_only_share_a_bag_with_them() -> None:
    taught = fit_ground("windows-1", bags(), BLOCKS)
    other = bags(seed=9)
    chances = taught.head.window_probabilities(other.windows)
    pits = other.mining[other.bag] & (np.arange(len(other.bag)) % 3 == 0)
    beside = other.mining[other.bag] & ~pits
    assert chances[pits].mean() > 0.7 and chances[beside].mean() < 0.5
    assert taught.figures["average_precision"] > 0.95
    assert taught.figures["n"] == 60 and taught.figures["windows"] == 540


def test_labels_without_meaning_promise_nothing() -> None:
    shuffled = bags()
    lost = Bags(
        shuffled.windows, shuffled.bag, np.random.default_rng(4).permutation(shuffled.mining), shuffled.places
    )
    assert fit_ground("windows-1", lost, BLOCKS).figures["average_precision"] < 0.75


def test_too_few_places_are_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="Too few places"):
        fit_ground("windows-1", bags(places=1), BLOCKS)


def test_the_same_labels_give_the_same_bytes_and_the_file_gives_the_head_back() -> None:
    one, two = (heads.write(fit_ground("windows-1", bags(), BLOCKS).head) for _again in range(2))
    assert one == two
    head = heads.read(one)
    assert head.key == "windows-1" and heads.write(head) == one


def test_a_file_that_is_no_head_is_refused_and_runs_nothing() -> None:
    good = heads.write(fit_ground("windows-1", bags(), BLOCKS).head)
    evil = io.BytesIO()
    np.save(evil, np.array([print], dtype=object), allow_pickle=True)
    for data in (b"", b"nothing", evil.getvalue(), good[: len(good) // 2]):
        with pytest.raises(ValueError, match="cannot be read"):
            heads.read(data)
    arrays = io.BytesIO(good)
    parts = [np.lib.format.read_array(arrays) for _array in range(6)]
    parts[4] = parts[4].copy()
    parts[4][0] = -1.0
    changed = io.BytesIO()
    for part in parts:
        np.lib.format.write_array(changed, part)
    with pytest.raises(ValueError, match="do not fit together"):
        heads.read(changed.getvalue())


def test_many_labels_share_the_memory_and_few_lose_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = np.arange(40, dtype=np.float32).reshape(20, 2)
    assert np.array_equal(drawn_windows(windows, 100, 1), windows)
    monkeypatch.setattr("detection.learning.ground.fit.MOST_WINDOWS", 500)
    few = drawn_windows(windows, 100, 1)
    assert few.shape == (5, 2) and (np.diff(few[:, 0]) > 0).all()
    assert np.array_equal(few, drawn_windows(windows, 100, 1))
    assert len(drawn_windows(windows, 10_000, 1)) == 1
