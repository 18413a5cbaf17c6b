"""From labelled crops to detections, through the commands: train, evaluate, detect."""

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from amberapp.errors import Conflict, UserError
from amberapp.models import AuditEntry, WorkState
from detection.models import (
    Classifier,
    Dataset,
    Detection,
    FeatureChunk,
    Run,
    Shard,
    Tile,
    TileFeatures,
    TileScore,
)
from detection.runs import runs
from detection.runs.shards import score_shard, write_shard
from detection.training.train import activate
from tests.paths import ROOT
from tests.pits import told
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_importing_crops_twice_changes_nothing_and_names_what_cannot_be_read(region, crops):
    (crops / "positive" / "notes.png").write_text("not an image")
    first = told("import_crops", str(crops), "--region", region.name)
    assert (first["imported"], first["unchanged"]) == (24, 0)
    assert [row["file"] for row in first["rejected"]] == ["positive/notes.png"]
    again = told("import_crops", str(crops), "--region", region.name)
    assert (again["imported"], again["unchanged"]) == (0, 24)


def test_training_tells_how_good_it_is_and_makes_the_first_classifier_active(region, crops):
    told("import_crops", str(crops), "--region", region.name)
    result = told("train", "--region", region.name)
    for grouping in ("by_tile", "by_block"):
        assert {"precision", "recall", "f1", "average_precision", "n"} <= set(result[grouping])
        assert result[grouping]["n"] == 24
    assert result["by_tile"]["f1"] > 0.9
    region.refresh_from_db()
    assert region.active_classifier_id == result["classifier"]
    assert AuditEntry.objects.filter(verb="classifier.trained").exists()


def test_a_later_classifier_waits_for_an_admin(region, trained, carol):
    later = told("train", "--region", region.name, "--classifier", "svm")
    region.refresh_from_db()
    assert region.active_classifier_id == trained.pk
    activate(classifier=Classifier.objects.get(pk=later["classifier"]), acting_user=carol)
    region.refresh_from_db()
    assert region.active_classifier_id == later["classifier"]


def test_the_same_labels_are_the_same_dataset_and_its_features_are_read_once(region, trained):
    chunks, described = FeatureChunk.objects.count(), TileFeatures.objects.count()
    told("train", "--region", region.name)
    assert Dataset.objects.count() == 1
    assert FeatureChunk.objects.count() == chunks
    assert TileFeatures.objects.count() == described
    assert TileFeatures.objects.filter(extractor_key=trained.extractor_key).count() == 24


def test_training_on_one_kind_of_label_is_refused_with_the_way_out(region, crops):
    for file in (crops / "positive").iterdir():
        file.unlink()
    told("import_crops", str(crops), "--region", region.name)
    with pytest.raises(CommandError, match="needs both"):
        told("train", "--region", region.name)


def test_a_changed_dataset_file_is_noticed(region, trained, home):
    from detection.training import dataset as datasets

    dataset = trained.dataset
    (home / "storage" / dataset.file_key).write_bytes(b"{}\n")
    with pytest.raises(UserError, match="has been changed"):
        datasets.read(dataset)


def test_a_classifier_is_evaluated_on_crops_it_has_never_seen(trained, crops):
    result = told("evaluate", "--crops", str(crops))
    assert result["classifier"] == trained.pk
    assert result["n"] == 24
    assert result["average_precision"] > 0.9
    with pytest.raises(CommandError, match="positive/ and negative/"):
        told("evaluate", "--crops", str(crops / "positive"))


def test_detection_marks_the_dug_tiles_and_names_the_one_it_cannot_read(region, trained, dug_tiles):
    result = told("detect", "--region", region.name)
    assert result["tiles"] == 4
    assert result["positive_tiles"] == ["pits-0.png", "pits-2.png"]
    assert [row["file"] for row in result["failed"]] == ["lost.png"]
    run = Run.objects.get()
    assert (run.state, run.positive_superpixels) == (WorkState.DONE, 2)
    detection = run.detections.first()
    assert detection.outline["type"] == "MultiPolygon"
    assert 0 < detection.hectares < 1.2
    assert len(detection.superpixels) > 2


def test_a_second_run_reads_the_store_and_no_pixels(region, trained, dug_tiles, home):
    told("detect", "--region", region.name)
    first = list(Detection.objects.values_list("superpixels", "score"))
    for image in (home / "storage" / "images").rglob("*.png"):
        image.unlink()
    told("detect", "--region", region.name)
    second = list(
        Detection.objects.filter(run__pk=Run.objects.first().pk).values_list("superpixels", "score")
    )
    assert second == first


def test_a_region_without_classifier_or_tiles_says_what_to_do(region, trained, carol):
    with pytest.raises(CommandError, match="has no tiles yet"):
        told("detect", "--region", region.name)
    region.active_classifier = None
    region.save()
    with pytest.raises(CommandError, match="train one first"):
        told("detect", "--region", region.name)
    with pytest.raises(CommandError, match="Testshire"):
        told("detect", "--region", "Nowhere")


def test_two_runs_at_once_are_refused_and_a_cancelled_run_writes_nothing_more(
    region, trained, dug_tiles, carol
):
    run = runs.start_run(region=region, acting_user=carol, classifier=trained)
    with pytest.raises(Conflict, match="still under way"):
        runs.start_run(region=region, acting_user=carol, classifier=trained)
    runs.cancel_run(run=run, acting_user=carol)
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.CANCELLED
    assert not TileScore.objects.filter(run=run).exists()


def test_a_shard_whose_worker_lost_its_lease_writes_nothing(region, trained, dug_tiles, settings):
    settings.AMBER = {**settings.AMBER, "AMBER_SHARD_TILES": 2}
    run = runs.start_run(region=region, acting_user=None, classifier=trained)
    shard = run.shards.first()
    Shard.objects.claim(shard.pk, owner="slow", seconds=60)
    Shard.objects.filter(pk=shard.pk).update(lease_owner="quick")
    shard.refresh_from_db()
    outcome = score_shard(shard)
    assert not write_shard(shard, "slow", outcome)
    assert not TileScore.objects.filter(run=run).exists()
    assert write_shard(shard, "quick", outcome)
    assert TileScore.objects.filter(run=run).count() == 2


def test_an_abandoned_shard_is_finished_by_whoever_comes_next(region, trained, dug_tiles, settings):
    settings.AMBER = {**settings.AMBER, "AMBER_SHARD_TILES": 2}
    run = runs.start_run(region=region, acting_user=None, classifier=trained)
    shard = run.shards.first()
    Shard.objects.claim(shard.pk, owner="dead", seconds=60)
    Shard.objects.filter(pk=shard.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.DONE
    assert TileScore.objects.filter(run=run).count() == 3
    assert run.failures.count() == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_process_killed_in_the_middle_of_a_run_loses_nothing(
    region: Any, trained: Classifier, dug_tiles: list[Tile], settings: Any, home: Path
) -> None:
    """kill -9 of a real process that works on the run; another finishes it, each tile once."""
    from django.db import connection

    settings.AMBER = {**settings.AMBER, "AMBER_SHARD_TILES": 1}
    run = runs.start_run(region=region, acting_user=None, classifier=trained)
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        address = f"sqlite:///{name}"
    else:
        parts = connection.settings_dict
        address = f"postgres://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT']}/{name}"
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "AMBER_"))},
        "AMBER_DEMO": "1",
        "AMBER_HOME": str(home),
        "AMBER_DATABASE_URL": address,
        "AMBER_LEASE_SECONDS": "2",
    }
    script = f"from detection.runs import runs\nwhile runs.work_on({run.pk}): pass"
    worker = subprocess.Popen([sys.executable, "manage.py", "shell", "-c", script], cwd=ROOT, env=environment)
    assert eventually(Shard.objects.filter(run=run).exclude(state=WorkState.QUEUED).exists, 60)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    assert eventually(lambda: not Shard.objects.filter(run=run, lease_until__gt=timezone.now()).exists())
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.DONE
    assert TileScore.objects.filter(run=run).count() == 3
    assert run.failures.count() == 1
    assert run.detections.count() == 2


def test_where_resnet_weights_cannot_be_had_texture_is_used_and_said(region, crops, settings):
    told("import_crops", str(crops), "--region", region.name)
    settings.AMBER = {**settings.AMBER, "AMBER_RESNET50_WEIGHTS": "/nowhere/weights.h5"}
    result = told("train", "--region", region.name, "--extractor", "resnet50")
    assert result["extractor"] == "texture"
    assert "/nowhere/weights.h5" in result["warnings"][0]
    assert "texture" in result["warnings"][1]
