"""An admin goes over to better features by one press: what it costs, how far it is, and what happens when something goes wrong.

The better features are `texture`; the old ones, made for these tests, see little more than noise.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amberapp import jobs
from amberapp.errors import Conflict, UserError
from amberapp.models import AuditEntry, Job, User
from detection.description.feature_store import pack
from detection.description.features import usable_extractor
from detection.features import DIMENSIONS, get_extractor
from detection.features.resnet50 import ResNet50Crops, ResNet50Dense
from detection.features.texture_lite0 import TextureLite0Extractor
from detection.learning import before_after
from detection.look_alikes.index import BUILD_JOB, build_index, extractor_key_of, state_of
from detection.models import Classifier, Region, Run, TileFeatures
from detection.runs.runs import cancel_run, execute_here, pause_run, start_run
from detection.training.compare_extractors import Verdict, verdict_on
from detection.training.train import activate
from labeling.desk.queue_state import open_tile
from labeling.models import Claim, Consensus
from labeling.training import upgrade
from labeling.training.retrain import request_retrain, training_rows
from labeling.training.upgrade import UPGRADE_JOB, upgrades
from labeling.training.upgrade_card import BYTES_A_NUMBER
from tests.kept import keep
from tests.labeling.campaigns.rounds import silent
from tests.pits import store_tiles, told

pytestmark = [pytest.mark.django_db, pytest.mark.database]

ADDRESS = "/manage/regions/testshire/classifiers/"


class Coarse:
    """Brightness drowned in noise that hangs on the picture alone."""

    name, version, weights_hash, dimension, warnings = "coarse", "1", "", 3, ()
    key = "coarse-1-plain"
    blocks = ((3, 1.0),)

    def extract(self, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
        rows = []
        for number in range(1, int(labels.max()) + 1):
            pixels = image[labels == number]
            seed = int.from_bytes(hashlib.sha256(pixels.tobytes()).digest()[:4], "big")
            rows.append(pixels.mean() / 40 + np.random.default_rng(seed).normal(0, 1, 3))
        return np.array(rows, np.float32).reshape(-1, 3)


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """The site knows the coarse features too, and trains on `texture`, as every site of these tests."""

    def extractor_named(name: str, key: str = "") -> Any:
        return Coarse() if name == "coarse" else usable_extractor(name, key)

    for module in ("detection.training.training_data", "detection.runs.shards", "labeling.training.upgrade"):
        monkeypatch.setattr(f"{module}.usable_extractor", extractor_named)


@pytest.fixture
def old(region: Region, crops: Path, coarse: None, home: Path) -> Classifier:
    """Testshire's active classifier, which reads the coarse features; it has searched four tiles, one of them lost."""

    def train_and_search() -> None:
        told("import_crops", str(crops), "--region", region.name)
        jobs.execute(request_retrain(region=region, algorithm="svm", acting_user=None, extractor="coarse").pk)
        store_tiles(region)
        execute_here(start_run(region=Region.objects.get(pk=region.pk), acting_user=None))

    keep("old features", home, train_and_search)
    return Classifier.objects.get()


def active() -> Classifier:
    return Region.objects.select_related("active_classifier").get(slug="testshire").active_classifier


def newest() -> Job:
    return Job.objects.filter(kind=UPGRADE_JOB).first()


def done(job: Job) -> dict[str, Any]:
    assert jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    return job.result


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.slow
def test_one_press_goes_over_to_better_features_and_one_goes_back(
    old: Classifier,
    carol: User,
    alice: User,
    client_of: Callable,
    django_capture_on_commit_callbacks: Any,
) -> None:
    build_index(region=old.region, extractor_key=old.extractor_key, progress=silent)
    client = client_of(carol)
    page = text(client.get(ADDRESS))
    assert "4 tiles of the region have to be read again" in page
    assert "How long it takes is known after the first tiles." in page
    assert "of disk;" in page
    assert "New features can be had." in text(client.get("/manage/"))
    # Twice, and by two admins at once: one upgrade.
    assert client.post(ADDRESS + "upgrade/").status_code == 302
    client.post(ADDRESS + "upgrade/")
    job = Job.objects.get(kind=UPGRADE_JOB)
    assert "api/regions/testshire/upgrade/labelled/" in text(client.get(ADDRESS))
    overview = text(client.get("/manage/"))
    assert "The upgrade to the new features is under way." in overview
    assert "being tried" in overview
    result = done(job)
    assert result["verdict"] == "passed"
    assert result["seconds_a_tile"] > 0
    after = Classifier.objects.get(pk=result["classifier"])
    assert (after.dataset, after.algorithm, after.extractor) == (old.dataset, old.algorithm, "texture")
    for figures in result["figures"].values():
        assert figures["n"] == 24
        difference = figures["difference"]["average_precision"]
        assert difference[1] <= difference[0] <= difference[2]
        assert difference[0] > 0
    # The region is being read: everybody goes on with the old features.
    run = Run.objects.get(pk=result["run"])
    assert (run.classifier, active()) == (after, old)
    assert extractor_key_of(old.region) == old.extractor_key
    open_tile(old.region.tiles.whole().order_by("id").first().segmented.get())
    assert client_of(alice).post("/api/desk/next/", {}, content_type="application/json").json()["tile"]
    assert Claim.objects.get().run.classifier == old
    page = text(client.get(ADDRESS))
    assert "api/regions/testshire/upgrade/run/" in page
    assert page.count("step is-done") == 3
    watched = client.get("/api/regions/testshire/upgrade/run/").json()
    assert (watched["state"], watched["progress_total"]) == ("running", 4)
    assert client.get("/api/regions/testshire/upgrade/verdict/").json()["state"] == "done"
    client.post(ADDRESS + "upgrade/")
    assert Job.objects.filter(kind=UPGRADE_JOB).count() == 1
    with django_capture_on_commit_callbacks(execute=True):
        execute_here(run)
    # It has been read: the new ones take over, and what hangs on them follows.
    assert active() == after
    assert Job.objects.filter(kind="labeling.rank_tiles", state="queued").exists()
    asked = Job.objects.get(kind=BUILD_JOB)
    assert asked.parameters["extractor_key"] == after.extractor_key
    assert jobs.execute(asked.pk)
    assert state_of(old.region, after.extractor_key).tiles == 27
    page = text(client.get(ADDRESS))
    assert "The new features are in use." in page
    assert "New features can be had." not in text(client.get("/manage/"))
    client.post(f"/manage/classifiers/{old.pk}/activate/")
    assert active() == old
    page = text(client.get(ADDRESS))
    assert "Use the new features again" in page
    client.post(f"/manage/classifiers/{after.pk}/activate/")
    assert active() == after
    assert Classifier.objects.count() == 2


def figures_that(average_precision: list[float], f1: list[float] | None = None) -> dict[str, Any]:
    """Figures of both groupings with these differences [figure, low, high]."""
    same = [0.8, 0.7, 0.9]
    one = {
        "before": {"average_precision": same, "f1": same},
        "after": {"average_precision": same, "f1": same},
        "difference": {"average_precision": average_precision, "f1": f1 or [0.0, -0.1, 0.1]},
    }
    return {"by_block": one, "by_tile": one}


BETTER = figures_that([0.1, 0.02, 0.2])
WORSE = figures_that([-0.2, -0.3, -0.1])


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (BETTER, Verdict.PASSED),
        (figures_that([0.1, -0.02, 0.2]), Verdict.PASSED),
        (WORSE, Verdict.WORSE),
        (figures_that([0.1, 0.02, 0.2], [-0.1, -0.2, -0.01]), Verdict.WORSE),
        (figures_that([0.0, 0.0, 0.0]), Verdict.NO_BETTER),
        (figures_that([-0.01, -0.1, 0.1]), Verdict.NO_BETTER),
        ({"by_block": None, "by_tile": BETTER["by_tile"]}, Verdict.PASSED),
        ({"by_block": BETTER["by_block"], "by_tile": WORSE["by_tile"]}, Verdict.WORSE),
        ({"by_block": None, "by_tile": None}, Verdict.NOT_MEASURED),
    ],
)
def test_the_new_features_pass_only_where_they_are_better_and_nowhere_surely_worse(
    figures: dict[str, Any], verdict: Verdict
) -> None:
    assert verdict_on(figures) == verdict


def compared_as(monkeypatch: pytest.MonkeyPatch, figures: dict[str, Any]) -> None:
    monkeypatch.setattr(upgrade, "compare_extractors", lambda **_: figures)


def trained_at_once(monkeypatch: pytest.MonkeyPatch, old: Classifier) -> None:
    """Training that takes no time: a row with the new features' key and the old one's model behind it."""

    def train(*, dataset: Any, region: Any, algorithm: str, extractor_name: str, **_: Any) -> Classifier:
        return Classifier.objects.create(
            region=region,
            dataset=dataset,
            algorithm=algorithm,
            extractor=extractor_name,
            extractor_key=get_extractor(extractor_name).key,
            model_key=old.model_key,
            model_sha256=old.model_sha256,
            threshold=old.threshold,
            precision_target=0.95,
        )

    monkeypatch.setattr(upgrade, "train", train)


def test_where_the_new_features_fail_the_old_ones_stay_until_an_admin_says_otherwise(
    old: Classifier, carol: User, client_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_at_once(monkeypatch, old)
    compared_as(monkeypatch, WORSE)
    client = client_of(carol)
    client.post(ADDRESS + "upgrade/")
    result = done(newest())
    assert (result["verdict"], "run" in result) == ("worse", False)
    assert active() == old
    page = text(client.get(ADDRESS))
    assert "The old features stay in use" in page
    assert "Held-out blocks, Average precision" in page
    assert "−0.20" in page
    assert 'name="go_on"' in page
    client.post(ADDRESS + "upgrade/", {"go_on": "1"})
    compared_as(monkeypatch, {})  # it is not compared again
    again = done(newest())
    assert again["classifier"] == result["classifier"]
    run = Run.objects.get(pk=again["run"])
    # Its scores are not the point here: a fitted model of other features cannot read these.
    Run.objects.filter(pk=run.pk).update(state="done")
    upgrade.finish_upgrade(run)
    assert active().pk == again["classifier"]


def test_an_upgrade_killed_in_the_middle_goes_on_where_it_was(
    old: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_at_once(monkeypatch, old)

    def die(**_: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(upgrade, "compare_extractors", die)
    job = upgrade.request_upgrade(region=old.region, acting_user=carol)
    with pytest.raises(KeyboardInterrupt):
        jobs.execute(job.pk)
    after = Classifier.objects.exclude(pk=old.pk).get()
    # As if it had died before it could note which classifier it had trained.
    job.refresh_from_db()
    noted = {name: value for name, value in job.result.items() if name != "classifier"}
    Job.objects.filter(pk=job.pk).update(state="queued", lease_owner="", lease_until=None, result=noted)
    compared_as(monkeypatch, BETTER)
    monkeypatch.setattr(upgrade, "read_training_data", die)  # nor is anything read again
    monkeypatch.setattr(upgrade, "read_tiles", die)
    result = done(job)
    assert result["classifier"] == after.pk
    assert Classifier.objects.count() == 2
    # Killed once more, after the run was begun and before the job could say that it is done: one run.
    Job.objects.filter(pk=job.pk).update(state="queued", lease_owner="", lease_until=None)
    assert done(job)["run"] == result["run"]
    assert Run.objects.count() == 2


def test_another_classifier_made_active_meanwhile_is_not_put_aside(
    old: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_at_once(monkeypatch, old)
    other = Classifier.objects.get(pk=old.pk)
    other.pk = None
    other.save()

    def meanwhile(**_: Any) -> dict[str, Any]:
        activate(classifier=other, acting_user=carol)
        return BETTER

    monkeypatch.setattr(upgrade, "compare_extractors", meanwhile)
    job = upgrade.request_upgrade(region=old.region, acting_user=carol)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "failed"
    assert "press again" in job.error
    assert active() == other
    compared_as(monkeypatch, BETTER)
    result = done(upgrade.request_upgrade(region=Region.objects.get(pk=old.region_id), acting_user=carol))
    assert result["before"] == other.pk, "it is compared with the one that is active now"
    # And once more, while the region is being read.
    activate(classifier=old, acting_user=carol)
    upgrade.finish_upgrade(Run.objects.get(pk=result["run"]))
    assert active() == old


def test_an_upgrade_is_stopped_and_gone_on_with(
    old: Classifier, carol: User, client_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_at_once(monkeypatch, old)
    client = client_of(carol)

    def stop(**_: Any) -> dict[str, Any]:
        client.post(ADDRESS + "upgrade/cancel/")
        return BETTER

    monkeypatch.setattr(upgrade, "compare_extractors", stop)
    client.post(ADDRESS + "upgrade/")
    job = newest()
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert Run.objects.count() == 1
    page = text(client.get(ADDRESS))
    assert "What has been read and trained is kept." in page
    assert "Go on with the upgrade" in page
    compared_as(monkeypatch, BETTER)
    client.post(ADDRESS + "upgrade/")
    run = Run.objects.get(pk=done(newest())["run"])
    pause_run(run=run, acting_user=carol)
    assert f"Run {run.pk} is paused" in text(client.get(ADDRESS))
    client.post(ADDRESS + "upgrade/cancel/")
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert active() == old
    page = text(client.get(ADDRESS))
    assert f"Run {run.pk} has failed or was cancelled." in page
    client.post(ADDRESS + "upgrade/")
    assert done(newest())["run"] != run.pk
    assert Classifier.objects.count() == 2


def test_labels_given_meanwhile_are_in_the_next_training(
    old: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_at_once(monkeypatch, old)
    tile = old.region.tiles.whole().order_by("id").first().segmented.get()

    def label(**_: Any) -> dict[str, Any]:
        Consensus.objects.create(
            segmented_tile=tile,
            superpixel=1,
            piece=0,
            verdict="mining",
            majority="mining",
            posterior=1.0,
            probabilities=[1.0, 0.0, 0.0, 0.0],
            votes=2,
            agreeing=2,
        )
        return BETTER

    monkeypatch.setattr(upgrade, "compare_extractors", label)
    result = done(upgrade.request_upgrade(region=old.region, acting_user=carol))
    assert Classifier.objects.get(pk=result["classifier"]).dataset == old.dataset
    assert (tile.pk, 1) in {(row.segmented_tile, row.superpixel) for row in training_rows(old.region)}


def test_a_region_without_tiles_uses_the_new_features_at_once(
    old: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_at_once(monkeypatch, old)
    compared_as(monkeypatch, BETTER)
    Run.objects.all().delete()
    old.region.tiles.whole().delete()
    job = upgrade.request_upgrade(region=old.region, acting_user=carol)
    result = done(job)
    assert active().pk == result["classifier"]
    assert AuditEntry.objects.filter(
        verb="classifier.activated", object_id=str(result["classifier"])
    ).exists()
    # A worker that was killed before it could say so does nothing twice.
    Job.objects.filter(pk=job.pk).update(state="queued", lease_owner="", lease_until=None)
    assert done(job) == result


def test_nothing_is_begun_where_there_is_nothing_to_go_over_to(
    old: Classifier, carol: User, alice: User, client_of: Callable, settings: Any
) -> None:
    run = start_run(region=old.region, acting_user=carol)
    with pytest.raises(Conflict, match="under way"):
        upgrade.request_upgrade(region=old.region, acting_user=carol)
    cancel_run(run=run, acting_user=carol)
    assert client_of(alice).post(ADDRESS + "upgrade/").status_code == 403
    settings.AMBER = {**settings.AMBER, "AMBER_EXTRACTOR": "coarse"}
    with pytest.raises(UserError, match="already"):
        upgrade.request_upgrade(region=old.region, acting_user=carol)
    assert "New features<" not in text(client_of(carol).get(ADDRESS))
    assert not upgrades(old.region).exists()


def test_the_cards_queries_do_not_grow_with_the_region(
    old: Classifier, carol: User, client_of: Callable, django_assert_num_queries: Any, make_tile: Callable
) -> None:
    client = client_of(carol)
    client.get(ADDRESS)
    with django_assert_num_queries(13):
        client.get(ADDRESS)
    for number in range(4):
        make_tile(number)
    with django_assert_num_queries(13):
        assert "8 tiles of the region have to be read again" in text(client.get(ADDRESS))


def test_the_command_does_the_same(old: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    trained_at_once(monkeypatch, old)
    compared_as(monkeypatch, WORSE)
    said = told("upgrade_features", "--region", "Testshire")
    assert (said["verdict"], said["active"]) == ("worse", False)
    assert TileFeatures.objects.filter(extractor_key=get_extractor("texture").key).count() == 24 + 3


@pytest.mark.slow
def test_a_site_with_texture_goes_over_to_what_a_network_has_learned(
    trained: Classifier, dug_tiles: list[Any], carol: User, client_of: Callable, settings: Any
) -> None:
    settings.AMBER = {**settings.AMBER, "AMBER_EXTRACTOR": "texture-lite0"}
    client = client_of(carol)
    assert "a network has learned from a million photographs" in text(client.get(ADDRESS))
    client.post(ADDRESS + "upgrade/")
    result = done(newest())
    # Drawn pits are told from drawn meadows by either: nothing to gain, so an admin is asked.
    assert result["verdict"] == "no better"
    assert "the new ones are no better" in text(client.get(ADDRESS))
    client.post(ADDRESS + "upgrade/", {"go_on": "1"})
    run = Run.objects.get(pk=done(newest())["run"])
    execute_here(run)
    assert active() == run.classifier != trained
    assert (active().extractor, run.detections.count()) == ("texture-lite0", 2)
    described = TileFeatures.objects.filter(extractor_key=active().extractor_key).select_related("chunk")
    assert {row.chunk.dimension for row in described} == {DIMENSIONS["texture-lite0"]}


def test_two_kinds_of_features_are_judged_on_the_same_rows_each_by_its_own() -> None:
    """Exchanged sides give exchanged figures; without the rows as the old side sees them nothing is compared."""
    random = np.random.default_rng(1)
    mining = np.tile([True, False], 20)
    places = np.array([f"{number // 2}" for number in range(40)])
    noise = random.normal(0, 1, (40, 3)).astype(np.float32)
    telling = np.column_stack([mining + random.normal(0, 0.1, 40), noise[:, :1]]).astype(np.float32)
    dull, sharp = (before_after.Rows("svm", features, mining, places) for features in (noise, telling))
    there = before_after.hold_out_both(dull, sharp, judged=noise)
    back = before_after.hold_out_both(sharp, dull, judged=telling)
    for one, other in zip(there, reversed(back), strict=True):
        np.testing.assert_array_equal(one.scores, other.scores)
    figures = before_after.compare(*there, mining, places, np.ones(40, bool))
    assert figures is not None
    assert figures["difference"]["average_precision"][1] > 0
    with pytest.raises(ValueError, match="different features"):
        before_after.hold_out_both(dull, sharp)


def test_what_features_take_on_disk_is_told_rightly() -> None:
    made = {
        "texture": get_extractor("texture"),
        "texture-lite0": TextureLite0Extractor,
        "resnet50": ResNet50Crops,
        "resnet50-dense": ResNet50Dense,
    }
    assert {name: extractor.dimension for name, extractor in made.items()} == DIMENSIONS
    assert pack(np.zeros((1, 1), np.float32)).itemsize == BYTES_A_NUMBER
