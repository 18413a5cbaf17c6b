"""A run of an earlier version whose screen passed over tiles: after the migration it opens and counts truly."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from benchmarks import made_region

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

BEFORE = [("detection", "0008_dataset_without_description")]


def migrated(to: list[tuple[str, str]] | None = None) -> Any:
    """The models as they are there; without `to`, of today."""
    executor = MigrationExecutor(connection)
    targets = to or executor.loader.graph.leaf_nodes()
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


@pytest.fixture
def screened() -> Any:
    """The number of an ended run over eight tiles in two shards: three passed over, one damaged, four scored."""
    region = made_region.make_region(8, dimension=8, share_mined=0, side=200)
    classifier = made_region.make_classifier(region, "xgboost", dimension=8, rows=120)
    apps = migrated(BEFORE)
    try:
        model = {
            name: apps.get_model("detection", name) for name in ("Run", "Shard", "PassedTile", "TileScore")
        }
        cut = list(apps.get_model("detection", "SegmentedTile").objects.order_by("tile"))
        now = timezone.now()
        run = model["Run"].objects.create(
            region_id=region.pk,
            classifier_id=classifier.pk,
            segmentation_id=cut[0].segmentation_id,
            positive_superpixels=2,
            threshold=0.5,
            state="done",
            screened=True,
            tiles=8,
            finished_at=now,
        )
        for number, failed in enumerate((1, 0)):
            part = cut[4 * number : 4 * number + 4]
            model["Shard"].objects.create(
                run=run,
                number=number,
                first_tile=part[0].tile_id,
                last_tile=part[-1].tile_id,
                tiles=4,
                tiles_done=4 - failed,
                tiles_failed=failed,
                state="done",
                started_at=now,
                finished_at=now,
            )
        apps.get_model("detection", "TileFailure").objects.create(run=run, tile=cut[0].tile, reason="damaged")
        for place in (1, 4, 5):
            model["PassedTile"].objects.create(run=run, tile=cut[place].tile)
        for place in (2, 3, 6, 7):
            model["TileScore"].objects.create(
                run=run, segmented_tile=cut[place], scores=b"\0" * 100, positives=0
            )
        yield run.pk
    finally:
        migrated()


def test_what_the_screen_passed_over_is_named_among_the_tiles_that_failed(
    screened: int, carol: Any, client_of: Any
) -> None:
    migrated()
    client = client_of(carol)
    told = client.get(f"/api/runs/{screened}/").json()
    assert (told["tiles"], told["tiles_done"], told["tiles_failed"]) == (8, 4, 4)
    page = client.get(f"/manage/runs/{screened}/").content.decode()
    assert page.count("Passed over by the screen of an earlier version of Amber") == 3
    assert page.count("damaged") == 1


def test_a_site_that_goes_back_has_its_screened_run_as_it_was(screened: int) -> None:
    migrated()
    apps = migrated(BEFORE)
    assert apps.get_model("detection", "Run").objects.get().screened
    assert apps.get_model("detection", "PassedTile").objects.filter(run=screened).count() == 3
    assert apps.get_model("detection", "TileFailure").objects.get().reason == "damaged"
    shards = apps.get_model("detection", "Shard").objects.order_by("number")
    assert list(shards.values_list("tiles_done", "tiles_failed")) == [(3, 1), (4, 0)]
