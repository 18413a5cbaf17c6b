"""A run's life on stored features: batched, paused, resumed, cancelled."""

import io
import json
import re
import zipfile
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amberapp import storage
from amberapp.errors import Conflict, UserError
from amberapp.models import AuditEntry, WorkState
from benchmarks import made_region, odd_tiles
from detection.models import Detection, SegmentedTile, Shard, TileFeatures, TileScore
from detection.runs import runs, shards
from detection.runs.shards import score_shard, write_shard
from tests.pages import squeezed

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.slow]

DIMENSION = 24


def old_mean() -> bytes:
    """What an earlier version wrote of the mean of three, but for the model."""
    buffer = io.BytesIO()
    header = {"format": "amber-classifier", "format_version": 2, "algorithm": "mean", "model": "model.zip"}
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("header.json", json.dumps(header))
        archive.writestr("model.zip", b"")
    return buffer.getvalue()


@pytest.fixture
def made(db: None, settings: Any) -> Any:
    """Twelve tiles with features in the store, three of them mined, and a classifier; four tiles a shard."""
    # A long lease: the thread that renews it would wait for the test's own transaction.
    settings.AMBER = {**settings.AMBER, "AMBER_SHARD_TILES": 4, "AMBER_LEASE_SECONDS": 3600}
    region = made_region.make_region(12, dimension=DIMENSION, share_mined=0.25, chunk_tiles=5, side=200)
    made_region.make_classifier(region, "xgboost", dimension=DIMENSION, rows=120)
    return region


@pytest.fixture
def begun(made: Any, carol: Any) -> Any:
    """A run of which one shard of three is done."""
    run = runs.start_run(region=made, acting_user=carol)
    assert runs.work_on(run.pk)
    run.refresh_from_db()
    return run


def test_scores_are_packed_one_row_a_tile_and_the_mined_tiles_are_marked(made):
    run = runs.start_run(region=made, acting_user=None)
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.DONE
    scores = TileScore.objects.filter(run=run)
    assert scores.count() == 12
    assert {len(score.scores) for score in scores} == {4 * made_region.SUPERPIXELS}
    marked = run.detections.order_by("segmented_tile__tile_id")
    assert [found.segmented_tile.tile.file_name for found in marked] == [
        "made-000003.jpg",
        "made-000007.jpg",
        "made-000011.jpg",
    ]
    assert all(set(found.superpixels) >= {6, 7, 8, 9, 10} for found in marked)


def test_a_run_on_stored_features_opens_no_image_and_loads_no_extractor(made, monkeypatch):
    def refuse(*_arguments: Any, **_named: Any) -> None:
        raise AssertionError("pixels were wanted")

    monkeypatch.setattr("detection.description.first_pass.read_image", refuse)
    monkeypatch.setattr("detection.description.segment.read_image", refuse)
    monkeypatch.setattr("detection.runs.shards.usable_extractor", refuse)
    for algorithm in ("xgboost", "random_forest"):
        made_region.make_classifier(made, algorithm, dimension=DIMENSION, rows=120)
        run = runs.start_run(region=made, acting_user=None)
        runs.execute_here(run)
        run.refresh_from_db()
        assert (run.state, run.progress()["tiles_done"]) == (WorkState.DONE, 12)


def test_rasters_are_read_for_marked_tiles_only(made, monkeypatch):

    read = []
    draw_outline = shards.draw_outline
    monkeypatch.setattr(
        shards, "draw_outline", lambda item, pieces: read.append(item.pk) or draw_outline(item, pieces)
    )
    run = runs.start_run(region=made, acting_user=None)
    runs.execute_here(run)
    assert sorted(read) == sorted(run.detections.values_list("segmented_tile_id", flat=True))


def test_a_shard_takes_as_many_queries_for_twelve_tiles_as_for_two(made, settings):
    counts = []
    for size in (2, 12):
        settings.AMBER = {**settings.AMBER, "AMBER_SHARD_TILES": size}
        run = runs.start_run(region=made, acting_user=None)
        shard = Shard.objects.select_related("run__classifier", "run__segmentation").get(run=run, number=0)
        Shard.objects.claim(shard.pk, owner="me", seconds=60)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            outcome = score_shard(shard)
            assert write_shard(shard, "me", outcome)
        assert len(outcome.scores) == size
        counts.append(len([query for query in queries if "SAVEPOINT" not in query["sql"]]))
        runs.cancel_run(run=run, acting_user=None)
    # The smaller shard has no marked tile: one INSERT less.
    assert counts[1] <= counts[0] + 1
    assert counts[1] <= 8


def test_a_paused_run_hands_out_no_shard_and_goes_on_where_it_stopped(begun, carol):
    assert runs.pause_run(run=begun, acting_user=carol)
    assert not runs.pause_run(run=begun, acting_user=carol)
    begun.refresh_from_db()
    assert (begun.state, begun.has_ended, begun.is_open) == (WorkState.PAUSED, False, False)
    assert not runs.work_on(begun.pk)
    assert runs.sweep_runs() == 0
    assert TileScore.objects.filter(run=begun).count() == 4
    assert runs.resume_run(run=begun, acting_user=carol)
    assert not runs.resume_run(run=begun, acting_user=carol)
    runs.execute_here(begun)
    begun.refresh_from_db()
    assert (begun.state, begun.paused_at) == (WorkState.DONE, None)
    assert TileScore.objects.filter(run=begun).count() == 12
    verbs = AuditEntry.objects.filter(verb__startswith="run.").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["run.started", "run.paused", "run.resumed", "run.done"]


def test_the_shard_in_hand_when_a_run_is_paused_is_finished_and_kept(made, carol):
    run = runs.start_run(region=made, acting_user=carol)
    shard = run.shards.first()
    Shard.objects.claim(shard.pk, owner="busy", seconds=60)
    runs.pause_run(run=run, acting_user=carol)
    assert write_shard(shard, "busy", score_shard(shard))
    assert TileScore.objects.filter(run=run).count() == 4
    run.refresh_from_db()
    assert run.state == WorkState.PAUSED


def test_a_run_whose_last_shard_ends_during_a_pause_is_done(made, carol, settings):
    settings.AMBER = {**settings.AMBER, "AMBER_SHARD_TILES": 12}
    run = runs.start_run(region=made, acting_user=carol)
    shard = run.shards.get()
    Shard.objects.claim(shard.pk, owner="busy", seconds=60)
    runs.pause_run(run=run, acting_user=carol)
    write_shard(shard, "busy", score_shard(shard))
    assert not runs.work_on(run.pk)
    run.refresh_from_db()
    assert run.state == WorkState.DONE


def test_the_machine_pauses_with_a_reason_and_the_reason_goes_with_the_pause(begun):
    runs.pause_run(run=begun, acting_user=None, reason="The disk is full.")
    runs.pause_run(run=begun, acting_user=None, reason="Once more.")
    begun.refresh_from_db()
    assert begun.pause_reason == "The disk is full."
    Shard.objects.filter(run=begun, state=WorkState.QUEUED).update(attempts=5, error="No space left")
    runs.resume_run(run=begun, acting_user=None)
    begun.refresh_from_db()
    assert (begun.pause_reason, begun.state) == ("", WorkState.RUNNING)
    assert set(begun.shards.filter(state=WorkState.QUEUED).values_list("attempts", "error")) == {(0, "")}


def test_a_worker_that_lacks_what_the_run_needs_pauses_it_and_says_what(begun, carol, monkeypatch):
    """One machine with an older image that joins in the middle ends no run."""
    load = shards.load_model

    def lacking(*_arguments: Any) -> None:
        raise UserError("Start a worker with the same extractor.")

    monkeypatch.setattr(shards, "load_model", lacking)
    runs.work_on(begun.pk)
    begun.refresh_from_db()
    assert (begun.state, begun.pause_reason) == (WorkState.PAUSED, "Start a worker with the same extractor.")
    assert not begun.shards.filter(state=WorkState.FAILED).exists()
    monkeypatch.setattr(shards, "load_model", load)
    runs.resume_run(run=begun, acting_user=carol)
    runs.execute_here(begun)
    begun.refresh_from_db()
    assert begun.state == WorkState.DONE
    assert TileScore.objects.filter(run=begun).count() == 12


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_marked_tile_whose_raster_is_lost_is_named_and_the_run_ends(made, damage):
    lost = SegmentedTile.objects.get(tile__file_name="made-000007.jpg")
    lost.raster_key = f"rasters/{damage}.png"
    lost.save()
    if damage == "damaged":
        storage.put(lost.raster_key, b"no raster")
    run = runs.start_run(region=made, acting_user=None)
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.DONE
    assert list(run.failures.values_list("tile", flat=True)) == [lost.tile_id]
    assert not TileScore.objects.filter(run=run, segmented_tile=lost).exists()
    assert (run.progress()["tiles_done"], run.detections.count()) == (11, 2)


def test_a_paused_run_keeps_the_region_and_can_be_cancelled(begun, made, carol):
    runs.pause_run(run=begun, acting_user=carol)
    with pytest.raises(Conflict, match="paused"):
        runs.start_run(region=made, acting_user=carol)
    assert runs.cancel_run(run=begun, acting_user=carol)
    assert not runs.cancel_run(run=begun, acting_user=carol)
    with pytest.raises(Conflict, match="already ended"):
        runs.resume_run(run=begun, acting_user=carol)
    with pytest.raises(Conflict, match="already ended"):
        runs.pause_run(run=begun, acting_user=carol)
    assert Detection.objects.filter(run=begun).count() == 1
    runs.start_run(region=made, acting_user=carol)


class MeanColour:
    """An extractor that is quick on sixty thousand pieces: their mean colours, a dozen times."""

    name, version, weights_hash, dimension, key = "made", "1", "", DIMENSION, made_region.KEY

    def extract(self, image: Any, labels: Any) -> Any:
        counts = np.bincount(labels.ravel(), minlength=2)[1:]
        means = [np.bincount(labels.ravel(), image[..., band].ravel())[1:] / counts for band in range(3)]
        return np.tile(np.stack(means, axis=1) / 255, (1, DIMENSION // 3)).astype(np.float32)


def test_damaged_tiny_and_enormous_tiles_are_each_handled_and_named(made, carol, client_of, monkeypatch):
    """Every superpixel is positive, so that the sixty thousand have an outline too."""
    odd_tiles.add_odd_tiles(made)
    made.active_classifier.threshold = 0.0
    made.active_classifier.save()
    monkeypatch.setattr("detection.runs.shards.usable_extractor", lambda *_asked: MeanColour())
    run = runs.start_run(region=made, acting_user=None)
    runs.execute_here(run)
    run.refresh_from_db()
    assert odd_tiles.wrong_in(run) == []
    enormous = Detection.objects.get(run=run, segmented_tile__tile__file_name="sixty-thousand.png")
    assert len(enormous.superpixels) == len(enormous.outline["coordinates"]) == 60_205
    assert enormous.hectares > 0
    page = squeezed(client_of(carol).get(f"/manage/runs/{run.pk}/"))
    assert "Unusual tiles" in page
    for text in (
        "four.png",
        "sixty-thousand.png",
        "60,205",
        "damaged.jpg",
        "falls into 70313 separate superpixels",
    ):
        assert text in page


@pytest.fixture
def unread(db: None, settings: Any) -> Any:
    """Twelve tiles of which nothing is read yet; one of them is no picture."""
    from benchmarks import small_tiles

    settings.AMBER = {**settings.AMBER, "AMBER_SHARD_TILES": 4, "AMBER_LEASE_SECONDS": 3600}
    return small_tiles.make_region(12)


def test_a_classifier_that_was_trained_with_a_screen_goes_on_and_its_runs_read_every_tile(
    unread, carol, client_of
):
    classifier = unread.active_classifier
    classifier.metrics["screen"] = {"usable": True, "recall": 1.0, "screen": {"threshold": 0.1}}
    classifier.save()
    assert client_of(carol).get(f"/manage/classifiers/{classifier.pk}/").status_code == 200
    assert 'name="screen"' not in client_of(carol).get("/manage/").content.decode()
    run = runs.start_run(region=unread, acting_user=carol)
    runs.execute_here(run)
    assert run.scores.count() == 11, "and one picture is none"
    page = squeezed(client_of(carol).get(f"/manage/runs/{run.pk}/"))
    assert re.search(r'<dt>of 12 tiles done</dt>\s*<dd data-field="tiles_done">11<', page)


def test_an_extractor_that_can_describe_no_tile_pauses_the_run(unread, monkeypatch):
    from detection.features import texture

    def broken(*_arguments: Any) -> Any:
        raise ValueError("its filters do not fit")

    monkeypatch.setattr(texture.TextureExtractor, "extract", broken)
    run = runs.start_run(region=unread, acting_user=None)
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.PAUSED
    assert "its filters do not fit" in run.pause_reason
    assert run.failures.count() == 0


def test_a_few_tiles_that_cannot_be_described_among_others_are_named_and_the_run_goes_on(unread, monkeypatch):
    from detection.description.first_pass import FirstPass

    runs.execute_here(runs.start_run(region=unread, acting_user=None))
    segmented = list(SegmentedTile.objects.filter(tile__region=unread).order_by("tile_id")[:3])
    TileFeatures.objects.filter(segmented_tile__in=segmented).delete()

    def misfits(run: Any, tiles: Any, threads: int) -> FirstPass:
        return FirstPass(failures={tile.pk: "no fit" for tile in tiles}, misfits=len(tiles), misfit="no fit")

    monkeypatch.setattr(shards, "_read_pixels", misfits)
    run = runs.start_run(region=unread, acting_user=None)
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.DONE, "the first shard had a fourth tile, described before"
    assert {one.segmented_tile_id for one in run.scores.all()}.isdisjoint(one.pk for one in segmented)


def test_a_labelled_tile_whose_picture_is_gone_teaches_on(unread):
    from detection.training import dataset as datasets
    from detection.training.training_data import read_training_data

    classifier = unread.active_classifier
    runs.execute_here(runs.start_run(region=unread, acting_user=None))
    segmented = list(
        SegmentedTile.objects.filter(tile__region=unread).select_related("tile").order_by("id")[:4]
    )
    rows = [datasets.TrainingRow(one.pk, 1, place % 2 == 0) for place, one in enumerate(segmented)]
    frozen = datasets.freeze(region=unread, rows=rows, acting_user=None)
    lost = segmented[0].tile
    type(lost).objects.filter(pk=lost.pk).update(image_key="images/lost.png")

    data = read_training_data(
        dataset=frozen,
        region=unread,
        extractor_name=classifier.extractor,
        progress=lambda done, total, message: None,
    )
    assert len(data.rows) == 4


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no classifier", "it is damaged"),
        (old_mean(), "Amber has no classifier “mean” any more: train another one"),
    ],
)
def test_a_classifier_file_that_cannot_be_read_pauses_the_run(made, data, why):
    classifier = made.active_classifier
    classifier.model_key = storage.put(storage.content_key("models", data, ".amber"), data)
    classifier.model_sha256 = storage.sha256_of(data)
    classifier.save()
    run = runs.start_run(region=made, acting_user=None)
    runs.execute_here(run)
    run.refresh_from_db()
    assert run.state == WorkState.PAUSED
    assert "cannot be read" in run.pause_reason
    assert why in run.pause_reason
