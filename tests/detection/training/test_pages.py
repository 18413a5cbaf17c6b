"""What a classifier's page decides before it is drawn."""

from typing import Any

import pytest

from detection.training.pages import activate_question, classifier_page
from tests.findings import figures, make_classifier

pytestmark = pytest.mark.django_db


def with_f1(region: Any, f1: float | None, **options: Any) -> Any:
    classifier = make_classifier(region, **options)
    classifier.metrics = {"by_tile": figures(f1)} if f1 is not None else {}
    classifier.save()
    return classifier


def test_carol_is_asked_before_a_worse_classifier_becomes_the_active_one(region: Any) -> None:
    good, worse, unmeasured = (with_f1(region, f1, activate=False) for f1 in (0.9, 0.7, None))
    assert "0.70" in activate_question(worse, good)
    assert activate_question(good, worse) == ""
    assert activate_question(unmeasured, good) == ""
    assert activate_question(good, None) == ""


def test_a_way_of_holding_out_that_could_not_be_measured_says_why(region: Any) -> None:
    classifier = with_f1(region, 0.8)
    classifier.metrics |= {"by_block": None, "warnings": ["by_block: Only one block.", "Few labels."]}
    page = classifier_page(classifier)
    by_tile, by_block = page.evaluations
    assert len(by_tile.table) == 4
    assert (by_block.table, by_block.reason) == ([], "Only one block.")
    assert page.warnings == ["Few labels."]


def test_the_other_classifiers_of_the_region_are_listed_with_their_figures(region: Any) -> None:
    active = with_f1(region, 0.8)
    new = with_f1(region, None, activate=False)
    new.region.refresh_from_db()
    (row,) = classifier_page(new).others
    assert (row.classifier, row.is_active) == (active, True)
    assert row.by_tile is not None
    assert (row.by_tile.value, row.by_block) == (0.8, None)
