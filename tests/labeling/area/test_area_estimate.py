"""A sample is closed: what its answers come to, what a release publishes of it, and the admin's pages."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from amberapp import storage
from amberapp.errors import Conflict
from amberapp.models import AuditEntry
from detection.geometry import geodesic_area_hectares
from labeling.area.answers import answer_tile, next_tile
from labeling.area.estimate import estimate_of
from labeling.area.sample import close_sample, draw_sample, published_estimate
from labeling.models import AreaSample
from labeling.releases.publish import publish_release
from tests.labeling.area.sampling import PIECES, Tiles, judge_all
from tests.published import found_on, judge

pytestmark = [pytest.mark.django_db, pytest.mark.database]


# Closing -------------------------------------------------------------------------------------------------


def test_all_tiles_judged_give_the_area_exactly(sample: Any, ground: list[Any], bob: Any) -> None:
    from detection.description.segment import outline_of
    from detection.segmentation.outlines import to_geographic

    judge_all(sample, bob, {"map": [1, 2], "rest": [4]})
    estimate = close_sample(sample=sample, acting_user=bob).estimate
    expected = {}
    for stratum, pieces in (("map", [1, 2]), ("rest", [4])):
        expected[stratum] = sum(
            geodesic_area_hectares(
                to_geographic(
                    outline_of(one.segmented_tile, pieces),
                    one.segmented_tile.tile.bounds,
                    (one.segmented_tile.tile.height, one.segmented_tile.tile.width),
                )
            )
            for one in sample.tiles.filter(stratum=stratum)
        )
    whole = sum(expected.values())
    assert estimate["hectares"] == pytest.approx(whole, rel=0.002, abs=0.01)
    assert (estimate["low"], estimate["high"]) == (estimate["hectares"], estimate["hectares"])
    # Every tile was looked at, one of the strata has a single one: no doubt is left, and no error.
    assert estimate["tiles_mined"] == {"value": 5.0, "low": 5.0, "high": 5.0, "standard_error": 0.0}
    assert estimate["precision"]["tiles"]["value"] == 1
    assert estimate["recall"]["tiles"]["value"] == pytest.approx(2 / 5)
    assert estimate["recall"]["area"]["value"] == pytest.approx(expected["map"] / whole, rel=0.01)
    assert estimate["tiles"] == {"searched": 8, "sampled": 8, "judged": 8, "unusable": 0}
    json.dumps(estimate, allow_nan=False)


def test_unusable_tiles_are_left_out_and_counted(sample: Any, bob: Any) -> None:
    spoilt = sample.tiles.filter(stratum="rest").first()
    answer_tile(sample=sample, expert=bob, sample_tile_id=spoilt.pk, superpixels=[], unusable=True)
    judge_all(sample, bob, {"map": [1]})
    estimate = close_sample(sample=sample, acting_user=None).estimate
    assert estimate["tiles"]["unusable"] == 1
    assert estimate["tiles"]["judged"] == 7
    rest = estimate["strata"][3]
    assert (rest["hectares"], rest["method"]) == (0, "bound")
    assert rest["high"] > 0
    assert set(estimate["notes"]) == {"nothing_seen", "many_unusable"}


def test_a_cloud_over_a_part_of_one_tile_does_not_void_the_others(sample: Any, bob: Any) -> None:
    only = sample.tiles.get(stratum="found")
    answer_tile(sample=sample, expert=bob, sample_tile_id=only.pk, superpixels=[], unusable=True)
    judge_all(sample, bob, {"map": [1]})
    estimate = close_sample(sample=sample, acting_user=None).estimate
    found = next(one for one in estimate["strata"] if one["name"] == "found")
    assert (found["tiles"], found["judged"], found["unusable"]) == (0, 0, 1)
    assert estimate["tiles"] == {"searched": 7, "sampled": 8, "judged": 7, "unusable": 1}
    assert estimate["low"] == estimate["hectares"] == estimate["high"]


def test_a_sample_drawn_after_midnight_in_kyiv_bears_the_new_day(sample: Any, bob: Any) -> None:
    judge_all(sample, bob, {"map": [1, 2]})
    sample.created_at = dt.datetime(2026, 3, 5, 22, 30, tzinfo=dt.UTC)
    assert estimate_of(sample, closed=dt.date(2026, 3, 6))["drawn"] == "2026-03-06"


def test_an_answer_that_comes_while_the_others_are_measured_is_measured_too(
    sample: Any, bob: Any, dora: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_all(sample, bob, {"map": [1, 2]})
    late = sample.tiles.filter(stratum="rest").first()

    def slow(of: Any, **more: Any) -> Any:
        found = estimate_of(of, **more)
        answer_tile(sample=sample, expert=dora, sample_tile_id=late.pk, superpixels=[1])
        monkeypatch.undo()
        return found

    monkeypatch.setattr("labeling.area.sample.estimate_of", slow)
    closed = close_sample(sample=sample, acting_user=None)
    assert closed.estimate == estimate_of(closed, closed=timezone.localdate(closed.closed_at))
    assert closed.estimate["twice"]["tiles"] == 1


def test_a_sample_hardly_begun_cannot_be_closed(sample: Any, bob: Any) -> None:
    tile = next_tile(sample=sample, expert=bob)
    assert tile is not None
    answer_tile(sample=sample, expert=bob, sample_tile_id=tile.pk, superpixels=[])
    with pytest.raises(Conflict, match="Too few"):
        close_sample(sample=sample, acting_user=None)
    sample.refresh_from_db()
    assert sample.closed_at is None


def test_a_closed_sample_takes_no_answer_and_is_what_a_release_publishes(
    sample: Any, run: Any, bob: Any
) -> None:
    judge_all(sample, bob, {"map": [1]})
    assert published_estimate(run) is None
    first = sample.tiles.first()
    close_sample(sample=sample, acting_user=bob)
    with pytest.raises(Conflict):
        answer_tile(sample=sample, expert=bob, sample_tile_id=first.pk, superpixels=[1])
    with pytest.raises(Conflict):
        close_sample(sample=AreaSample.objects.get(pk=sample.pk), acting_user=bob)
    assert published_estimate(run) == sample
    assert AuditEntry.objects.filter(verb="sample.closed").count() == 1


def test_a_release_publishes_the_estimate_in_its_files_and_on_its_map(
    sample: Any, run: Any, bob: Any
) -> None:
    judge_all(sample, bob, {"map": [1, 2]})
    close_sample(sample=sample, acting_user=bob)
    release = publish_release(run=run, acting_user=None)
    assert release.sample == sample
    figures = json.loads(storage.get(release.files.get(name="statistics.json").storage_key))
    assert figures["estimate"] == AreaSample.objects.get().estimate
    readme = storage.get(release.files.get(name="README.txt").storage_key).decode()
    assert "Area with its confidence interval" in readme
    assert "95% confidence interval" in Client().get("/map/testshire/1/").content.decode()
    assert "95% confidence interval" in Client().get("/releases/").content.decode()


def test_a_release_of_a_map_that_has_changed_since_the_draw_says_so(
    sample: Any, run: Any, bob: Any, dora: Any
) -> None:
    judge_all(sample, bob, {"map": [1, 2]})
    estimate = close_sample(sample=sample, acting_user=bob).estimate
    same = publish_release(run=run, acting_user=None)
    assert "of the area on the map is mining" in Client().get("/map/testshire/1/").content.decode()
    gone, new = run.detections.order_by("id")[1:3]
    judge(gone, bob, "rejected")
    judge(new, bob)
    release = publish_release(run=run, acting_user=None)
    assert release.sample == same.sample == sample
    figures = json.loads(storage.get(release.files.get(name="statistics.json").storage_key))
    assert figures["estimate"] == estimate | {"map_changed": 2}
    readme = storage.get(release.files.get(name="README.txt").storage_key).decode()
    assert "The map has changed since the tiles were drawn" in readme
    page = Client().get("/map/testshire/2/").content.decode()
    assert "95% confidence interval" in page
    assert "of the area on the map is mining" not in page, "that was another map"


def searched_again(run: Any, ground: list[Any], pieces: Any = PIECES) -> Any:
    """A later run over the same tiles that finds what the first one had on the map, drawn as `pieces`."""
    later = found_on(run.region, ground, pieces=pieces)
    kept = run.detections.order_by("id").values_list("segmented_tile", flat=True)[:2]
    later.detections.exclude(segmented_tile__in=list(kept)).delete()
    return later


def published_figures(release: Any) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(storage.get(release.files.get(name="statistics.json").storage_key))
    return figures


def test_a_later_run_over_the_same_tiles_publishes_the_area_too_and_says_of_which_run_it_is(
    sample: Any, run: Any, ground: list[Any], bob: Any
) -> None:
    judge_all(sample, bob, {"map": [1, 2]})
    estimate = close_sample(sample=sample, acting_user=bob).estimate
    alike = searched_again(run, ground)
    release = publish_release(run=alike, acting_user=None)
    assert release.sample == sample
    assert published_figures(release)["estimate"] == estimate | {"of_run": run.pk}
    assert "of the area on the map is mining" in Client().get("/map/testshire/1/").content.decode()
    # Another classifier draws the places differently: the hectares stand, what follows of the map does not.
    otherwise = searched_again(run, ground, pieces=(1, 2, 3, 4))
    for detection in otherwise.detections.all():
        judge(detection, bob)
    release = publish_release(run=otherwise, acting_user=None)
    assert published_figures(release)["estimate"] == estimate | {"of_run": run.pk, "map_changed": 2}
    readme = storage.get(release.files.get(name="README.txt").storage_key).decode()
    assert f"They were drawn from run {run.pk}, which searched the very same tiles." in readme
    page = Client().get("/map/testshire/2/").content.decode()
    assert "95% confidence interval" in page
    assert "of the area on the map is mining" not in page


def test_a_later_run_over_other_tiles_publishes_no_area_of_the_earlier_one(
    sample: Any, run: Any, ground: list[Any], bob: Any, make_tile: Tiles
) -> None:
    judge_all(sample, bob, {"map": [1, 2]})
    close_sample(sample=sample, acting_user=bob)
    more = found_on(run.region, [*ground, make_tile(50)], pieces=PIECES)
    assert published_estimate(more) is None
    other = found_on(run.region, [*ground[1:], make_tile(51)], pieces=PIECES)
    assert other.tiles == run.tiles
    assert published_estimate(other) is None
    # One of its own counts before that of an earlier run.
    alike = found_on(run.region, ground, pieces=PIECES)
    assert published_estimate(alike) == sample
    own = draw_sample(run=alike, size=8, seed=8, acting_user=None)
    judge_all(own, bob, {})
    close_sample(sample=own, acting_user=None)
    assert published_estimate(alike) == own


# Pages ---------------------------------------------------------------------------------------------------


def test_an_admin_previews_draws_follows_and_closes(
    run: Any, carol: Any, bob: Any, small: None, client_of: Callable[[Any], Client]
) -> None:
    admin = client_of(carol)
    assert "No run is done" not in admin.get("/manage/samples/").content.decode()
    preview = admin.get(f"/manage/samples/?run={run.pk}&size=8")
    assert "Draw the sample" in preview.content.decode()
    drawn = admin.post("/manage/samples/", {"run": run.pk, "size": "8", "seed": "5"})
    sample = AreaSample.objects.get()
    assert drawn["Location"] == f"/manage/samples/{sample.pk}/"
    assert "of 8 tiles judged" in admin.get(drawn["Location"]).content.decode()
    expert = client_of(bob)
    assert expert.get("/review/sample/")["Location"] == f"/review/sample/{sample.pk}/"
    judge_all(sample, bob, {"map": [1]})
    admin.post(f"/manage/samples/{sample.pk}/close/")
    page = admin.get(f"/manage/samples/{sample.pk}/").content.decode()
    assert "95% confidence interval" in page
    assert "No sample waits" in expert.get("/review/sample/").content.decode()
    for query in ("run=x", f"run={run.pk}&size=abc", f"run={run.pk}&size=99999999999"):
        assert admin.get(f"/manage/samples/?{query}").status_code in {200, 400}
    assert admin.post("/manage/samples/", {"run": run.pk, "size": "8", "seed": "-1"}).status_code == 400
    assert admin.get("/manage/samples/999/").status_code == 404


def test_the_pages_of_samples_ask_no_more_for_more_of_them(
    run: Any, carol: Any, bob: Any, small: None, client_of: Callable[[Any], Client]
) -> None:
    def asked(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client_of(carol).get(path).status_code == 200
        return len(queries)

    first = draw_sample(run=run, size=7, seed=1, acting_user=None)
    pages = ["/manage/samples/", f"/manage/samples/{first.pk}/"]
    few = [asked(path) for path in pages]
    judge_all(first, bob, {})
    for seed in range(2, 5):
        AreaSample.objects.filter(closed_at__isnull=True).update(closed_at="2026-11-01T00:00Z")
        judge_all(draw_sample(run=run, size=8, seed=seed, acting_user=None), bob, {})
    assert [asked(path) for path in pages] == few


def test_a_sample_ended_without_an_estimate_stays_on_record(
    sample: Any, carol: Any, client_of: Callable[[Any], Client]
) -> None:
    admin = client_of(carol)
    assert admin.post(f"/manage/samples/{sample.pk}/abandon/").status_code == 302
    assert "without an estimate" in admin.get(f"/manage/samples/{sample.pk}/").content.decode()
    assert AreaSample.objects.get().estimate is None
