"""What the admin's overview decides for one region, asked without its page."""

from typing import Any

import pytest

from labeling.overview.region_loop import Overview
from labeling.review.readiness import readiness
from tests.findings import make_classifier, make_run

pytestmark = pytest.mark.database


@pytest.fixture
def searched(region: Any, make_tile: Any) -> Overview:
    """A region whose active classifier has searched its one tile."""
    tile = make_tile(1)
    classifier = make_classifier(region)
    region.active_classifier = classifier
    run = make_run(classifier, [tile])
    return Overview(
        region, tiles=1, mining=5, not_mining=5, classifiers=[classifier], run=run, ready=readiness(run)
    )


def test_a_region_without_images_leads_to_the_import(region: Any) -> None:
    step = Overview(region).next_step
    assert (step.kind, step.station) == ("import", "imagery")
    assert step.address == f"/manage/regions/{region.slug}/tiles/"


def test_what_waits_for_experts_leads_to_the_review(searched: Overview) -> None:
    step = searched.next_step
    assert (step.kind, step.station, step.address) == ("review", "review", "/review/?region=testshire")


def test_training_is_started_on_the_page_itself_and_has_no_address(region: Any) -> None:
    step = Overview(region, tiles=1, mining=5, not_mining=5).next_step
    assert (step.kind, step.station, step.address) == ("retrain", "classifier", "")


def test_a_region_is_searched_again_only_while_nothing_else_runs(searched: Overview) -> None:
    assert searched.may_search
    searched.open_run = searched.run
    assert not searched.may_search


def test_a_weaker_classifier_is_made_active_only_after_a_question(searched: Overview) -> None:
    (active,) = searched.classifiers
    weaker = make_classifier(searched.region)
    searched.region.active_classifier = active
    active.metrics = {"by_tile": {"f1": 0.9}}
    weaker.metrics = {"by_tile": {"f1": 0.8}}
    searched.classifiers = [weaker, active]
    (rival,) = searched.rivals
    assert rival.classifier == weaker and "0.80" in rival.question and "0.90" in rival.question
    weaker.metrics = {}
    assert searched.rivals[0].question == "", "what was never measured is not known to be weaker"
