"""What kills a worker, fills a disk or takes it away costs a run nothing but time.

`python -m benchmarks.join_and_leave` lets real workers come and go, in a minute of its own.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amberapp.models import AuditEntry, WorkState
from benchmarks import small_tiles
from detection.runs import runs
from tests.paths import ROOT

pytestmark = pytest.mark.slow

TILES = 12


def the_same_in_the_end(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "0 tiles lost, 0 twice, every byte the same" in done.stdout


def test_kills_at_random_moments_change_no_byte_of_a_run():
    """`python -m benchmarks.kill_nine` does two thousand tiles and twenty kills."""
    the_same_in_the_end("benchmarks.kill_nine", "--tiles", "240", "--kills", "3")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own that a test can make small, large and read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine does not let the tests mount a disk (they need root)")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


@pytest.fixture
def undisturbed(db: None, settings: Any) -> tuple[Any, dict[str, Any], int]:
    """A region, what its run comes to with nothing in the way, and the size of the features in bytes; forgotten again."""
    # A long lease: the thread that renews it would wait for the test's own transaction.
    settings.AMBER = {**settings.AMBER, "AMBER_SHARD_TILES": 4, "AMBER_LEASE_SECONDS": 3600}
    region = small_tiles.make_region(TILES)
    run = runs.start_run(region=region, acting_user=None)
    runs.execute_here(run)
    outcome = small_tiles.outcome_of(run)
    size = sum(path.stat().st_size for path in settings.FEATURE_STORE.rglob("*.npy"))
    small_tiles.forget_pixels(region)
    return region, outcome, size


def paused_by(region: Any, sentence: str) -> Any:
    """A run that is stopped by its disk in the middle, and says so."""
    run = runs.start_run(region=region, acting_user=None)
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.PAUSED
    assert sentence in run.pause_reason
    assert run.shards.filter(state=WorkState.RUNNING).count() == 0
    assert AuditEntry.objects.get(verb="run.paused").details["reason"] == run.pause_reason
    return run


def goes_on(run: Any, outcome: dict[str, Any], folder: Path) -> None:
    """Resumed, it comes to the same as the undisturbed one; nothing half-written is left."""
    runs.resume_run(run=run, acting_user=None)
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.DONE
    assert small_tiles.differences(outcome, small_tiles.outcome_of(run)) == []
    assert list(folder.rglob(".part-*")) == []


@pytest.mark.django_db
@pytest.mark.database
def test_a_full_disk_under_the_features_pauses_the_run_which_goes_on_when_there_is_room(
    undisturbed: Any, small_disk: Path, settings: Any
) -> None:
    region, outcome, size = undisturbed
    settings.FEATURE_STORE = small_disk / "features"
    remount(small_disk, f"size={size // 2}")
    run = paused_by(region, "is full")
    assert str(small_disk) in run.pause_reason
    assert list(small_disk.rglob(".part-*")) == []
    remount(small_disk, "size=64m")
    goes_on(run, outcome, small_disk)


@pytest.mark.django_db
@pytest.mark.database
def test_a_disk_turned_read_only_under_the_files_pauses_the_run_which_goes_on_when_it_is_writable(
    undisturbed: Any, small_disk: Path, settings: Any, tmp_path: Path
) -> None:
    region, outcome, _size = undisturbed
    folder = tmp_path / "storage" / "rasters"
    folder.mkdir()
    subprocess.run(["mount", "--bind", str(small_disk), str(folder)], check=True)
    try:
        run = runs.start_run(region=region, acting_user=None)
        assert runs.work_on(run.pk)
        runs.cancel_run(run=run, acting_user=None)
        remount(folder, "ro,bind")
        run = paused_by(region, "read-only")
        remount(folder, "rw,bind")
        goes_on(run, outcome, folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.django_db
@pytest.mark.database
def test_a_full_disk_under_the_database_is_told_and_is_no_fault_of_the_shard(
    undisturbed: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from django.db import OperationalError

    region, outcome, _size = undisturbed
    write = runs.write_shard

    def full(*_arguments: Any) -> bool:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(runs, "write_shard", full)
    run = paused_by(region, "is full")
    assert run.scores.count() == 0
    monkeypatch.setattr(runs, "write_shard", write)
    goes_on(run, outcome, tmp_path)


@pytest.mark.django_db
@pytest.mark.database
def test_two_workers_take_turns_and_one_that_leaves_is_not_missed(undisturbed: Any) -> None:
    """The second joins in the middle, the first leaves with a shard in hand."""
    from django.utils import timezone

    from detection.models import Shard

    region, outcome, _size = undisturbed
    run = runs.start_run(region=region, acting_user=None)
    left = run.shards.first()
    assert Shard.objects.claim(left.pk, owner="leaves", seconds=3600)
    assert runs.work_on(run.pk)
    Shard.objects.filter(pk=left.pk).update(lease_until=timezone.now())
    runs.execute_here(run)
    assert not runs.write_shard(left, "leaves", runs.score_shard(left)), "it came back too late"
    run.refresh_from_db()
    assert run.state == WorkState.DONE
    assert small_tiles.differences(outcome, small_tiles.outcome_of(run)) == []
