"""Reports of before migration 0010 told by the first letter of their place's name what its ground is."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE, AFTER = ("labeling", "0009_gold_standard_words"), ("labeling", "0010_report_ground")
OLD_KEYS = ["d12", "s51:26", "g-51:26", ""]
NEW = [("d12", "detection"), ("51:26", "searched"), ("-51:26", "unsearched"), ("", "unsearched")]


def migrated_to(target: tuple[str, str]) -> Any:
    """The models of that migration, with the database at it."""
    executor = MigrationExecutor(connection)
    executor.migrate([target])
    return MigrationExecutor(connection).loader.project_state([target]).apps


@pytest.mark.django_db(transaction=True)
def test_old_reports_keep_their_place_and_ground_there_and_back(region: Any) -> None:
    try:
        old = migrated_to(BEFORE).get_model("labeling", "Report")
        for number, key in enumerate(OLD_KEYS):
            old.objects.create(
                token=f"old-{number}",
                region_id=region.pk,
                latitude=51.5,
                longitude=26.5,
                category="missed",
                place_key=key,
            )
        new = migrated_to(AFTER).get_model("labeling", "Report")
        assert list(new.objects.order_by("token").values_list("place_key", "ground")) == NEW
        old = migrated_to(BEFORE).get_model("labeling", "Report")
        assert list(old.objects.order_by("token").values_list("place_key", flat=True)) == OLD_KEYS
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.django_db
def test_a_new_report_joins_the_place_of_an_old_one(region: Any, release: Any) -> None:
    from labeling.models import Report
    from labeling.reports.places import reported_place

    first = Report.objects.create(
        region=region,
        release=release,
        latitude=51.5,
        longitude=26.7,
        category="missed",
        place_key="38224:9",
        ground="searched",
    )
    place = reported_place(release, None, 51.5005, 26.7, "missed")
    assert (place.key, place.ground, place.first) == ("38224:9", "searched", first)
