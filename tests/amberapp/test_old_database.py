"""A site of version 0.1.0 is upgraded while work waits in its queue: nothing is lost, all of it is finished.

The database has the tables of that version when the rows are written; they hold the names that its code wrote.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from amberapp import jobs
from amberapp.celery import app as celery
from amberapp.models import Job, WorkState
from detection.models import Region, Tile
from labeling.models import Release, VolunteerRecord
from tests.conftest import picture
from tests.published import approve_all, found_on

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

# The last migrations of version 0.1.0 (29 November 2026).
VERSION_0_1_0 = [
    ("amberapp", "0003_paused"),
    ("detection", "0008_dataset_without_description"),
    ("labeling", "0007_kept_sample_tiles"),
]
# Every kind of job and every message that its code put into a queue.
KINDS = [
    "demo.content",
    "detection.build_look_alikes",
    "detection.compare_runs",
    "detection.import",
    "labeling.answer_reporter",
    "labeling.campaign_effect",
    "labeling.campaign_round",
    "labeling.compare_classifiers",
    "labeling.publish",
    "labeling.rank_tiles",
    "labeling.retrain",
    "labeling.reverse_account",
    "labeling.weigh_account",
]
MESSAGES = ["amberapp.run_job", "detection.work_on_run"]


def migrate(targets: list[tuple[str, str]]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


@pytest.fixture
def upgraded(make_tile: Callable[..., Any], alice: Any, bob: Any, carol: Any, home: Path) -> dict[str, Job]:
    """{kind: its job} of a site that was stopped with work waiting, and has been upgraded since."""
    tiles = [make_tile(seed) for seed in range(3)]
    run = found_on(tiles[0].region, tiles[:2])
    approve_all(run, bob)
    VolunteerRecord.objects.create(volunteer=alice)
    region = run.region
    staged = home / "staging" / f"{carol.pk}-{'a' * 32}"
    staged.mkdir(parents=True)
    (staged / "late.jpg").write_bytes(picture(9))
    waiting = {
        "detection.import": {"region": region.pk, "batch": "a" * 32, "language": "uk"},
        "labeling.publish": {"run": run.pk, "note": "queued before the upgrade"},
        "labeling.rank_tiles": {"region": region.pk},
        "labeling.weigh_account": {"volunteer": alice.pk},
        "labeling.reverse_account": {"volunteer": alice.pk},
        "labeling.retrain": {"region": region.pk, "algorithm": "svm", "extractor": "texture"},
    }
    try:
        old = migrate(VERSION_0_1_0).get_model("amberapp", "Job")
        rows = {
            kind: old.objects.create(kind=kind, parameters=parameters, created_by_id=carol.pk).pk
            for kind, parameters in waiting.items()
        }
    finally:
        call_command("migrate", verbosity=0)
    return {kind: Job.objects.get(pk=number) for kind, number in rows.items()}


def test_work_that_waited_before_the_upgrade_is_finished_after_it(
    upgraded: dict[str, Job], carol: Any
) -> None:
    for job in upgraded.values():
        assert jobs.execute(job.pk)
        job.refresh_from_db()
    ended = {kind: (job.state, job.error) for kind, job in upgraded.items()}
    retrained = ended.pop("labeling.retrain")
    assert ended == dict.fromkeys(ended, (WorkState.DONE, ""))
    # Nobody has labelled anything there: the job is understood, and refused with its own sentence.
    assert retrained[0] == WorkState.FAILED and "label" in retrained[1].lower()
    assert Tile.objects.filter(file_name="late.jpg").exists()
    release = Release.objects.get()
    assert release.note == "queued before the upgrade" and release.region == Region.objects.get()


def test_every_kind_of_work_that_version_0_1_0_queued_is_still_known() -> None:
    celery.loader.import_default_modules()
    assert [kind for kind in KINDS if jobs._handler(kind) is None] == []
    assert [name for name in MESSAGES if name not in celery.tasks] == []
    assert [kind for kind in settings.HEAVY_JOBS if jobs._handler(kind) is None] == []
