"""The admin's pages of classifiers: what to expect of one, and all kinds compared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from amberapp import jobs
from amberapp.models import Job, User
from detection.learning import algorithms
from detection.learning.classifiers import ALGORITHMS
from detection.models import Classifier, Dataset
from detection.training.dataset import CampaignNote, TrainingRow, freeze
from detection.training.expectations import expectations
from labeling.training.retrain import COMPARE_CLASSIFIERS_JOB, comparisons
from tests.findings import figures, make_classifier
from tests.pits import told

pytestmark = [pytest.mark.django_db, pytest.mark.database]

BOUNDS = {name: [0.4, 0.9] for name in ("precision", "recall", "f1", "average_precision")}
TRUST = {
    "bins": [[0.05, 0.1, 120], [0.9, 0.7, 80]],
    "expected_error": 0.15,
    "brier": 0.09,
    "brier_of_the_share": 0.24,
}


def full(f1: float, **others: Any) -> dict[str, Any]:
    """Figures as training writes them today."""
    return figures(f1, intervals=BOUNDS, reliability=TRUST, groups=40, positive_groups=7, **others)


def careless(precision: float) -> dict[str, Any]:
    return {"at_target": {"target": 0.95, "precision": precision, "recall": 0.5, "f1": 0.6}}


def measured() -> dict[str, Any]:
    return {
        "n": 200,
        "lights": 1,
        "threshold_reached": True,
        "by_tile": full(0.88),
        "by_block": full(0.68, **careless(0.8)),
        "by_date": full(0.45, **careless(0.61)),
        "warnings": [],
    }


def test_what_to_expect_is_said_in_plain_words() -> None:
    said = " ".join(expectations(measured()))
    assert "On held-out blocks expect about 2 of 10 marked superpixels to be no mining" in said
    assert "On held-out dates expect about 4 of 10" in said
    assert "an F1 near 0.45 instead of 0.88" in said
    assert "Mining is labelled on only 7 blocks" in said
    assert "off by 0.15" in said


def test_nothing_is_said_where_all_is_as_promised_and_of_figures_that_are_not_there() -> None:
    assert expectations({"by_tile": figures(), "by_block": None, "n": 10}) == []


def test_the_page_shows_every_way_of_holding_out_with_intervals_and_both_curves(
    carol: User, region: Any, client_of: Callable
) -> None:
    classifier = make_classifier(region, metrics=measured())
    page = client_of(carol).get(f"/manage/classifiers/{classifier.pk}/").content.decode()
    for text in ("Held-out dates", "0.40–0.90", "Brier score 0.090", "40 groups, 7 of them with mining"):
        assert text in page, text
    assert page.count("<polyline") == 3
    assert page.count("<circle") == 6
    assert 'cx="10.0" cy="180.0"' in page
    assert "style=" not in page


def shaped_by(region: Any, tile: Any, campaigns: list[CampaignNote]) -> Dataset:
    rows = [
        TrainingRow(tile.segmented.get().pk, superpixel, superpixel == 1, "" if superpixel == 1 else "field")
        for superpixel in (1, 2)
    ]
    return freeze(region=region, rows=rows, acting_user=None, campaigns=campaigns)


def test_the_pages_name_the_campaigns_that_a_classifier_has_learned_from(
    carol: User,
    region: Any,
    make_tile: Callable,
    client_of: Callable,
    django_assert_num_queries: Any,
) -> None:
    notes = [
        CampaignNote(3, "Clear-cuts", "label", "deforestation", 12),
        CampaignNote(5, "Snow", "exclude", "", 1),
        CampaignNote(8, "Fields", "label", "field", 7),
    ]
    tile = make_tile(1)
    classifiers = [make_classifier(region) for _number in range(2)]
    for classifier, named in zip(classifiers, (notes, []), strict=True):
        classifier.dataset = shaped_by(region, tile, named)
        classifier.save()
    client = client_of(carol)
    page = client.get(f"/manage/classifiers/{classifiers[0].pk}/").content.decode()
    for number, name, said in (
        (3, "Clear-cuts", "12 superpixels labelled as not mining"),
        (5, "Snow", "1 superpixel left out of training"),
        (8, "Fields", "7 superpixels labelled as not mining"),
    ):
        link = f'<a href="/review/campaigns/{number}/">{name}</a> <span class="quiet small">{said}</span>'
        assert link in page
    address = f"/manage/regions/{region.slug}/classifiers/"
    listed = client.get(address).content.decode()
    assert '<a href="/review/campaigns/8/">Fields</a>' in listed
    assert '<a href="/review/campaigns/5/">Snow</a> <span class="quiet small">left out</span>' in listed
    assert f'href="/manage/classifiers/{classifiers[0].pk}/#made-of">and 1 more</a>' in listed
    assert "/review/campaigns/3/" not in listed
    assert (
        "/review/campaigns/"
        not in client.get(f"/manage/classifiers/{classifiers[1].pk}/")
        .content.decode("utf-8")
        .partition("<main")[2]
    )
    with django_assert_num_queries(8):
        client.get(address)
    for _number in range(3):
        make_classifier(region)
    with django_assert_num_queries(8):
        client.get(address)


def test_a_dataset_whose_file_is_lost_is_told_and_the_pages_still_open(
    carol: User, region: Any, client_of: Callable
) -> None:
    classifier = make_classifier(region)
    assert classifier.dataset.file_key == "datasets/x", "there is no such file"
    for address in (f"/manage/classifiers/{classifier.pk}/", f"/manage/regions/{region.slug}/classifiers/"):
        answer = client_of(carol).get(address)
        assert answer.status_code == 200
        assert "datasets/x" in answer.content.decode()


@pytest.mark.slow
def test_an_admin_compares_the_classifiers_and_trains_the_one_proposed(
    carol: User, region: Any, crops: Path, client_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is compared is not the point here: small forests do.
    monkeypatch.setattr(algorithms, "FOREST_TREES", 10)
    monkeypatch.setattr(algorithms, "FOREST_THREADS", 1)
    monkeypatch.setattr(algorithms, "BOOSTING_ROUNDS", 20)
    told("import_crops", str(crops), "--region", region.name)
    client = client_of(carol)
    address = f"/manage/regions/{region.slug}/classifiers/"
    assert "Compare classifiers" in client.get(address).content.decode()
    client.post(address + "compare/")
    client.post(address + "compare/")
    job = Job.objects.get(kind=COMPARE_CLASSIFIERS_JOB)
    assert "Stop the comparison" in client.get(address).content.decode()
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    assert set(job.result["algorithms"]) == set(ALGORITHMS)
    assert job.result["reasons"]["by_date"].startswith("Too few")
    proposed = job.result["proposal"]["algorithm"]
    page = client.get(address).content.decode()
    assert "proposed" in page and "Held-out dates: Too few" in page
    assert f'name="algorithm" value="{proposed}"' in page
    assert Classifier.objects.count() == 0


def test_a_comparison_and_a_classifier_of_a_kind_that_is_taught_no_more_are_still_told(
    carol: User, region: Any, client_of: Callable
) -> None:
    old = make_classifier(region, algorithm="mean")
    Job.objects.create(
        kind=COMPARE_CLASSIFIERS_JOB,
        state="done",
        finished_at=timezone.now(),
        parameters={"region": region.pk, "extractor": "texture"},
        result={
            "dataset": 1,
            "extractor": "texture",
            "n": 200,
            "positives": 80,
            "algorithms": {
                name: {"by_tile": full(0.88), "by_block": full(0.7), "by_date": full(0.6)}
                for name in ("svm", "mean")
            },
            "reasons": {},
            "proposal": {
                "algorithm": "mean",
                "best": "mean",
                "tie": False,
                "grouping": "by_block",
                "differences": {"svm": [0.04, -0.02, 0.11], "mean": [0.05, 0.01, 0.11]},
            },
            "warnings": [],
        },
    )
    client = client_of(carol)
    page = client.get(f"/manage/regions/{region.slug}/classifiers/").content.decode()
    assert "Proposed: mean." in page
    assert f'href="/manage/classifiers/{old.pk}/">mean {old.pk}<' in page
    assert 'value="mean"' not in page
    assert client.get(f"/manage/classifiers/{old.pk}/").status_code == 200


def test_a_comparison_is_stopped_and_other_roles_have_no_business_here(
    carol: User, alice: User, region: Any, client_of: Callable
) -> None:
    address = f"/manage/regions/{region.slug}/classifiers/"
    assert client_of(alice).get(address).status_code == 403
    assert client_of(alice).post(address + "compare/").status_code == 403
    client = client_of(carol)
    client.post(address + "compare/")
    client.post(address + "compare/cancel/")
    assert comparisons(region).get().state == "cancelled"
    assert client.get("/manage/regions/nowhere/classifiers/").status_code == 404


def test_nothing_to_compare_is_told_and_no_error_of_the_program(
    carol: User, region: Any, client_of: Callable
) -> None:
    client = client_of(carol)
    address = f"/manage/regions/{region.slug}/classifiers/"
    client.post(address + "compare/")
    job = comparisons(region).get()
    jobs.execute(job.pk)
    page = client.get(address).content.decode()
    assert "The last comparison failed:" in page
    assert "a classifier needs both" in page
