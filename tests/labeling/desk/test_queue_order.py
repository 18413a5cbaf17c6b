"""What the classifier is least sure of, and what is unlike the rest, comes to the volunteers first."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image

from amberapp import jobs
from amberapp.models import Job, WorkState
from detection.description import feature_store
from detection.models import (
    Classifier,
    Dataset,
    FeatureChunk,
    Region,
    Run,
    Tile,
    TileFailure,
    TileFeatures,
    TileScore,
)
from detection.training.train import activate
from labeling.desk.priority import RANK_JOB, rank_region
from labeling.desk.queue_state import prioritise
from labeling.models import DeskRules, Submission, TileProgress

pytestmark = [pytest.mark.django_db, pytest.mark.database]

KEY = "made-for-tests"


@pytest.fixture
def classifier(region: Region) -> Classifier:
    """An active classifier with the threshold 0.7; nothing in these tests opens its file."""
    return made_classifier(region, active=True)


def made_classifier(region: Region, *, active: bool) -> Classifier:
    dataset = Dataset.objects.create(
        region=region, content_hash=f"{Dataset.objects.count():064d}", file_key="none", rows=0, positives=0
    )
    made = Classifier.objects.create(
        region=region,
        dataset=dataset,
        algorithm="svm",
        extractor="texture",
        extractor_key=KEY,
        model_key="none",
        model_sha256="0" * 64,
        threshold=0.7,
        precision_target=0.95,
    )
    if active:
        region.active_classifier = made
        region.save()
    return made


@pytest.fixture
def scored(region: Region, make_tile: Callable[..., Any], classifier: Classifier) -> Callable[..., list[Any]]:
    """Tiles whose superpixels all have the given probability, in a finished run of the classifier."""

    def make(*probabilities: float, features: list[float] | None = None, by: Any = None) -> list[Any]:
        tiles = [make_tile(number + 1).segmented.get() for number in range(len(probabilities))]
        finished_run(by or classifier, tiles, probabilities)
        if features is not None:
            store(tiles, features)
        return tiles

    return make


def finished_run(classifier: Classifier, tiles: list[Any], probabilities: Any) -> Run:
    run = Run.objects.create(
        region=classifier.region,
        classifier=classifier,
        segmentation=tiles[0].segmentation,
        positive_superpixels=2,
        threshold=classifier.threshold,
        state=WorkState.DONE,
    )
    for tile, probability in zip(tiles, probabilities, strict=True):
        scores = np.full(tile.superpixels, probability, "<f4").tobytes()
        TileScore.objects.create(run=run, segmented_tile=tile, scores=scores, positives=0)
    return run


def store(tiles: list[Any], kinds: list[float]) -> None:
    """One chunk of features in which all superpixels of a tile lie at its kind."""
    from django.conf import settings

    parts = [
        np.full((tile.superpixels, 3), kind, np.float32) for tile, kind in zip(tiles, kinds, strict=True)
    ]
    rows = feature_store.pack(np.concatenate(parts))
    path, digest = feature_store.write_chunk(settings.FEATURE_STORE, KEY, rows)
    chunk = FeatureChunk.objects.create(
        extractor_key=KEY, path=path, rows=len(rows), dimension=3, sha256=digest
    )
    first = 0
    for tile, part in zip(tiles, parts, strict=True):
        TileFeatures.objects.create(segmented_tile=tile, extractor_key=KEY, chunk=chunk, first_row=first)
        first += len(part)


def order() -> list[int]:
    """Segmented tiles as the queue offers them."""
    return list(TileProgress.objects.order_by("-rank", "pk").values_list("segmented_tile_id", flat=True))


def priority(tile: Any) -> float:
    return TileProgress.objects.get(segmented_tile=tile).priority


def test_the_tile_that_the_classifier_is_least_sure_of_comes_first(region, scored):
    sure, doubtful, half, no = scored(0.99, 0.72, 0.4, 0.001)
    assert rank_region(region=region) == 4
    assert order() == [doubtful.pk, half.pk, sure.pk, no.pk]
    assert 0 <= priority(no) < priority(sure) < 0.5 < priority(doubtful) <= 1


def test_a_second_of_a_kind_stands_behind_another_kind_that_is_nearly_as_doubtful(region, scored):
    twins = [0.7] * 13
    tiles = scored(*twins, *([0.68] * 13), features=[0.0] * 13 + [9.0] * 13)
    rank_region(region=region)
    first_two = order()[:2]
    assert {tile.pk in first_two for tile in tiles[:13]} == {True, False}
    assert any(tile.pk in first_two for tile in tiles[13:]), "the second place goes to the other kind"


def test_a_kind_that_is_labelled_already_stands_behind(region, scored, alice):
    tiles = scored(*([0.7] * 26), features=[0.0] * 13 + [9.0] * 13)
    for tile in tiles[:6]:
        Submission.objects.create(volunteer=alice, segmented_tile=tile)
    rank_region(region=region)
    assert max(map(priority, tiles[6:13])) < max(map(priority, tiles[13:]))


def test_tiles_are_ranked_by_uncertainty_alone_where_the_feature_file_is_lost(region, scored, settings):
    tiles = scored(0.99, 0.72, features=[0.0, 9.0])
    for file in settings.FEATURE_STORE.rglob("*.npy"):
        file.unlink()
    rank_region(region=region)
    assert order() == [tiles[1].pk, tiles[0].pk]


def test_ranking_twice_changes_nothing(region, scored):
    scored(0.99, 0.72, 0.4, features=[1.0, 2.0, 3.0])
    assert rank_region(region=region) == 3
    before = list(TileProgress.objects.order_by("pk").values())
    assert rank_region(region=region) == 0
    assert list(TileProgress.objects.order_by("pk").values()) == before


def test_a_place_that_was_called_for_stays_first(region, scored):
    _doubtful, dull = scored(0.7, 0.001)
    prioritise(TileProgress.objects.filter(segmented_tile=dull))
    rank_region(region=region)
    assert order()[0] == dull.pk


def test_a_tile_that_could_not_be_read_comes_last(region, scored, make_tile):
    tiles = scored(0.99, 0.72)
    lost = make_tile(7).segmented.get()
    TileFailure.objects.create(run=Run.objects.get(), tile=lost.tile, reason="lost")
    rank_region(region=region)
    assert order() == [tiles[1].pk, tiles[0].pk, lost.pk]


def test_a_tile_that_a_run_could_not_read_loses_what_an_older_run_gave_it(region, scored, make_tile):
    tiles = scored(0.99, 0.72)
    lost = make_tile(7).segmented.get()
    TileProgress.objects.filter(segmented_tile=lost).update(priority=5.0)
    TileFailure.objects.create(run=Run.objects.get(), tile=lost.tile, reason="lost")
    rank_region(region=region)
    assert order() == [tiles[1].pk, tiles[0].pk, lost.pk]


def test_a_run_of_another_classifier_orders_nothing_until_its_classifier_is_active(
    region, scored, carol, classifier
):
    later = made_classifier(region, active=False)
    tiles = scored(0.99, 0.72, by=later)
    assert rank_region(region=region) == 0
    activate(classifier=later, acting_user=carol)
    assert jobs.execute(Job.objects.get(kind=RANK_JOB).pk)
    assert Job.objects.get(kind=RANK_JOB).result == {"changed": 2}
    assert order() == [tiles[1].pk, tiles[0].pk]


def test_activating_a_classifier_that_has_searched_nothing_asks_for_no_ranking(region, classifier, carol):
    activate(classifier=made_classifier(region, active=False), acting_user=carol)
    assert not Job.objects.filter(kind=RANK_JOB).exists()


def test_a_finished_search_puts_the_doubtful_tile_before_the_volunteer(
    region, make_tile, tmp_path, alice, client_of
):
    """From crops over the commands `train` and `detect` and the job to what the desk serves."""
    random = np.random.default_rng(5)
    for kind, level in (("positive", 200), ("negative", 80)):
        (tmp_path / "crops" / kind).mkdir(parents=True)
        for number in range(8):
            pixels = np.clip(random.normal(level, 25, (64, 64, 3)), 0, 255).astype(np.uint8)
            longitude = 26 if level == 200 else 27
            name = f"{51 + number * 0.3:.4f}_{longitude}.5_09_Mar_2015_GMT_super_{number}.png"
            Image.fromarray(pixels).save(tmp_path / "crops" / kind / name)
    tiles = [make_tile(number).segmented.get() for number in range(1, 7)]
    call_command("import_crops", str(tmp_path / "crops"), "--region", region.name, "--json")
    call_command("train", "--region", region.name, "--json")
    assert not Job.objects.filter(kind=RANK_JOB).exists()
    call_command("detect", "--region", region.name, "--json")
    assert jobs.execute(Job.objects.get(kind=RANK_JOB).pk)
    assert Job.objects.get(kind=RANK_JOB).state == WorkState.DONE
    values = [priority(tile) for tile in tiles]
    assert all(0 <= value < 1 for value in values) and len(set(values)) == len(values)
    DeskRules.objects.update_or_create(region=region, defaults={"random_share": 0, "known_share": 0})
    served = client_of(alice).post("/api/desk/next/", {}, content_type="application/json").json()["tile"]
    assert served["segmented_tile"] == tiles[int(np.argmax(values))].pk


# Dates that look like nothing seen ------------------------------------------------------------------------------------


def unlike(run: Run, day: dt.date, source: Any) -> None:
    """The run's images of that day look like nothing that its classifier was trained on."""
    row = {"source": source.pk, "source_name": source.name, "date": day.isoformat(), "tiles": 5}
    run.drift = [row | {"superpixels": 125, "beyond": 90, "detections": 0, "likeness": "unlike"}]
    run.save()


def test_alice_is_soon_asked_about_a_date_that_looks_like_nothing_seen(region, scored, alice, client_of):
    tiles = scored(*np.linspace(0.5, 0.65, 8), *([0.001] * 4))
    winter = dt.date(2021, 2, 3)
    of_winter = [tile.pk for tile in tiles[8:]]
    Tile.objects.filter(segmented__in=of_winter).update(capture_date=winter)
    rank_region(region=region)
    assert set(order()[:8]).isdisjoint(of_winter), "the classifier is sure of them"
    unlike(Run.objects.get(), winter, region.source)
    rank_region(region=region)
    asked = client_of(alice).post("/api/desk/next/", {"region": "testshire"}, content_type="application/json")
    assert asked.json()["tile"]["segmented_tile"] in of_winter
    places = [place for place, tile in enumerate(order()) if tile in of_winter]
    assert places[0] == 0
    assert places[1] in range(3, 6), "in between, the others go on"


def test_a_date_with_labels_enough_is_asked_about_no_more(region, scored, alice, monkeypatch):
    monkeypatch.setattr("labeling.desk.priority.ASKED_OF_A_DATE", 2)
    tiles = scored(*([0.6] * 4), *([0.001] * 4))
    winter = dt.date(2021, 2, 3)
    Tile.objects.filter(segmented__in=[tile.pk for tile in tiles[4:]]).update(capture_date=winter)
    unlike(Run.objects.get(), winter, region.source)
    for tile in tiles[4:6]:
        Submission.objects.create(volunteer=alice, segmented_tile=tile)
    rank_region(region=region)
    assert set(order()[:4]) == {tile.pk for tile in tiles[:4]}


def test_without_such_a_date_the_order_is_as_it_was(region, scored):
    scored(0.99, 0.72, 0.4, 0.001)
    rank_region(region=region)
    before = list(TileProgress.objects.order_by("pk").values_list("priority", flat=True))
    run = Run.objects.get()
    unlike(run, dt.date(1999, 1, 1), region.source)
    run.drift[0]["likeness"] = "like"
    run.save()
    assert rank_region(region=region) == 0
    assert list(TileProgress.objects.order_by("pk").values_list("priority", flat=True)) == before
