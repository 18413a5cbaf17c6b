"""The admin's pages of classifiers, on a desk and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from amberapp.models import Job, WorkState
from detection.models import Classifier
from labeling.training.retrain import COMPARE_CLASSIFIERS_JOB
from tests.findings import make_classifier
from tests.labeling.training.test_classifier_pages import full, measured

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def compared(region: Any) -> dict[str, Any]:
    """The result of a comparison in which the SVM is the best by too little."""
    return {
        "dataset": 1,
        "extractor": "texture",
        "n": 200,
        "positives": 80,
        "algorithms": {
            name: {"by_tile": full(0.88), "by_block": full(f1), "by_date": None}
            for name, f1 in (("svm", 0.72), ("xgboost", 0.66), ("random_forest", 0.6), ("mean", 0.7))
        },
        "reasons": {
            "by_date": "Too few places labelled “mining” to evaluate on: 1, and at least 3 are needed."
        },
        "proposal": {
            "algorithm": "xgboost",
            "best": "svm",
            "tie": True,
            "grouping": "by_block",
            "differences": {
                "svm": [0.04, -0.02, 0.11],
                "random_forest": [-0.06, -0.1, 0.01],
                "mean": [0.02, -0.01, 0.06],
            },
        },
        "warnings": [],
    }


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_of_classifiers_can_be_used_by_everybody(
    page: Page,
    live_server: Any,
    carol: Any,
    region: Any,
    log_in: Callable[[Any], None],
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
    width: int,
) -> None:
    classifier: Classifier = make_classifier(region, metrics=measured())
    Job.objects.create(
        kind=COMPARE_CLASSIFIERS_JOB,
        state=WorkState.DONE,
        finished_at=timezone.now(),
        parameters={"region": region.pk, "extractor": "texture"},
        result=compared(region),
    )
    page.set_viewport_size({"width": width, "height": 800})
    log_in(carol)
    for path in (f"/manage/classifiers/{classifier.pk}/", f"/manage/regions/{region.slug}/classifiers/"):
        answer = page.goto(live_server.url + path, wait_until="networkidle")
        assert answer is not None and answer.status == 200, path
        assert serious_violations() == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert console_errors == [], path


def test_carol_asks_for_a_comparison_and_stops_it(
    page: Page, live_server: Any, carol: Any, region: Any, log_in: Callable[[Any], None]
) -> None:
    log_in(carol)
    page.goto(f"{live_server.url}/manage/")
    page.locator(f'a[href="/manage/regions/{region.slug}/classifiers/"]').click()
    page.get_by_role("button", name="Compare classifiers").click()
    expect(page.locator(".notice--success")).to_contain_text("are being compared")
    page.get_by_role("button", name="Stop the comparison").click()
    expect(page.locator(".notice--success")).to_contain_text("being stopped")
    assert Job.objects.get(kind=COMPARE_CLASSIFIERS_JOB).state == WorkState.CANCELLED
