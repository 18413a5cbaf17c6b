"""A run names the dates that look like nothing its classifier was trained on."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amberapp import storage
from amberapp.models import WorkState
from benchmarks import made_region
from detection.learning import drift, model_files
from detection.models import Classifier, Run, Shard
from detection.runs import runs
from detection.runs.drift import groups_of, unlike_groups
from detection.runs.shards import score_shard, write_shard

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.slow]

DIMENSION = 24
SEEN, UNSEEN = dt.date(2015, 10, 5), dt.date(2021, 2, 3)


@pytest.fixture
def made(db: None, settings: Any) -> Any:
    """Six tiles of a day like those that taught, six of one on which a fifth of the ground is another; two shards of six."""
    settings.AMBER = {**settings.AMBER, "AMBER_SHARD_TILES": 4, "AMBER_LEASE_SECONDS": 3600}
    region = made_region.make_region(6, dimension=DIMENSION, share_mined=0, chunk_tiles=5, side=200)
    region.tiles.update(capture_date=SEEN)
    made_region.add_tiles(region, 6, dimension=DIMENSION, share_mined=1, chunk_tiles=5, side=200)
    region.tiles.filter(capture_date=None).update(capture_date=UNSEEN)
    made_region.make_classifier(region, "xgboost", dimension=DIMENSION, rows=120)
    return region


def remember_training(classifier: Classifier) -> None:
    """What training keeps of its rows, here of plain ground on six days."""
    rows = np.random.default_rng(3).normal(0, 1, (600, DIMENSION)).astype(np.float32)
    reference = drift.fit(rows, np.repeat(list("abcdef"), 100), 0)
    fitted = model_files.load(storage.get(classifier.model_key))
    data = model_files.save(replace(fitted, drift=reference))
    classifier.model_key = storage.put(storage.content_key("models", data, ".amber"), data)
    classifier.model_sha256 = storage.sha256_of(data)
    classifier.metrics = {"drift": {"limit": reference.limit, "most": reference.most}}
    classifier.save()


def executed(region: Any) -> Run:
    run = runs.start_run(region=region, acting_user=None)
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.DONE
    return run


def test_carol_sees_which_date_looks_like_nothing_seen(made, carol, client_of):
    remember_training(made.active_classifier)
    run = executed(made)
    unseen, seen = groups_of(run)
    assert (unseen.date, unseen.tiles, unseen.superpixels, unseen.likeness) == (
        "2021-02-03",
        6,
        150,
        "unlike",
    )
    assert (seen.date, seen.tiles, seen.superpixels, seen.likeness) == ("2015-10-05", 6, 150, "like")
    assert unseen.detections == run.detections.count() > 0 == seen.detections
    client = client_of(carol)
    page = client.get(f"/manage/runs/{run.pk}/").content.decode()
    assert "like nothing seen" in page
    assert "like the training set" in page
    assert page.index("2021") < page.index("like the training set")
    answer = client.get(f"/api/runs/{run.pk}/").json()["drift"]
    assert {(row["date"], row["likeness"]) for row in answer} == {
        ("2021-02-03", "unlike"),
        ("2015-10-05", "like"),
    }


def test_a_classifier_of_before_compares_nothing_and_the_page_says_so(made, carol, client_of):
    run = executed(made)
    assert (run.drift, unlike_groups(run)) == (None, [])
    assert "Nothing was compared" in client_of(carol).get(f"/manage/runs/{run.pk}/").content.decode()
    assert client_of(carol).get(f"/api/runs/{run.pk}/").json()["drift"] is None


def test_a_shard_whose_worker_was_killed_counts_once(made):
    remember_training(made.active_classifier)
    run = runs.start_run(region=made, acting_user=None)
    shard = Shard.objects.select_related("run__classifier", "run__segmentation").get(run=run, number=0)
    Shard.objects.claim(shard.pk, owner="killed", seconds=60)
    lost = score_shard(shard)
    Shard.objects.filter(pk=shard.pk).update(lease_until=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    runs.execute_here(run)
    assert not write_shard(shard, "killed", lost), "what comes back too late is not written"
    run.refresh_from_db()
    assert sum(group.tiles for group in groups_of(run)) == 12
    assert sum(group.superpixels for group in groups_of(run)) == 300


def test_comparing_costs_a_shard_no_query(made):
    counts = []
    for knows in (False, True):
        if knows:
            remember_training(made.active_classifier)
        run = runs.start_run(region=made, acting_user=None)
        shard = Shard.objects.select_related("run__classifier", "run__segmentation").get(run=run, number=0)
        Shard.objects.claim(shard.pk, owner="me", seconds=60)
        with CaptureQueriesContext(connection) as queries:
            assert write_shard(shard, "me", score_shard(shard))
        counts.append(len(queries))
        runs.cancel_run(run=run, acting_user=None)
    assert counts[0] == counts[1]
