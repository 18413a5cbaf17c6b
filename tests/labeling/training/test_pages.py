"""What the page of a region's classifiers decides before it is drawn."""

from typing import Any

import pytest

from amberapp.models import Job, User
from labeling.training.pages import classifiers_page
from labeling.training.retrain import request_comparison
from tests.findings import figures, make_classifier

pytestmark = pytest.mark.django_db


def ask(region: Any, carol: User, **state: Any) -> None:
    job = request_comparison(region=region, acting_user=carol)
    Job.objects.filter(pk=job.pk).update(**state)


def result(proposed: str = "svm") -> dict[str, Any]:
    return {
        "n": 200,
        "positives": 40,
        "extractor": "texture",
        "warnings": [],
        "reasons": {"by_date": "Too few dates."},
        "algorithms": {"svm": {"by_tile": figures(0.9)}, "xgboost": {"by_tile": figures(0.8)}},
        "proposal": {
            "algorithm": proposed,
            "best": "svm",
            "tie": False,
            "grouping": "by_tile",
            "differences": {"svm": [0.1, 0.05, 0.15]},
        },
    }


def test_carol_sees_nothing_to_compare_before_the_first_comparison(region: Any) -> None:
    page = classifiers_page(region)
    assert (page.open_job, page.failure, page.comparison, page.trained) == (None, "", None, [])


def test_carol_sees_the_comparison_under_way_beside_the_last_one(region: Any, carol: User) -> None:
    ask(region, carol, state="done", result=result())
    ask(region, carol)
    page = classifiers_page(region)
    assert page.open_job is not None
    assert page.comparison is not None
    rows = {row.value: row for row in page.comparison.rows}
    assert [value for value, row in rows.items() if row.is_proposed] == ["svm"]
    assert rows["xgboost"].difference is None
    assert rows["svm"].cells[1].f1 is None, "blocks were not measured"
    assert page.comparison.notices == ["Held-out dates: Too few dates."]


def test_carol_is_told_why_the_last_comparison_failed(region: Any, carol: User) -> None:
    ask(region, carol, state="failed", error="No labels.")
    page = classifiers_page(region)
    assert (page.open_job, page.failure) == (None, "No labels.")


def test_the_active_classifier_is_marked_in_the_list(region: Any) -> None:
    make_classifier(region)
    make_classifier(region, activate=False)
    region.refresh_from_db()
    assert [row.is_active for row in classifiers_page(region).trained] == [False, True]
