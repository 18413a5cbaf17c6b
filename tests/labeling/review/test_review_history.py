"""Bob asks for the map as it was at a moment, takes it along as GeoJSON, and nobody rewrites what experts have said."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from amberapp.models import User
from detection.models import Detection
from labeling.models import Review
from labeling.models.review import AppendOnlyError
from labeling.review.review_detection import review_detection

pytestmark = [pytest.mark.django_db, pytest.mark.database]

HISTORY = "/review/history/"


def approve_at(detection: Detection, expert: User, moment: dt.datetime) -> Review:
    review = review_detection(detection=detection, verdict="approved", acting_user=expert)
    Review._base_manager.filter(pk=review.pk).update(created_at=moment)
    return review


@pytest.fixture
def story(run: Any, bob: User) -> tuple[Detection, Detection]:
    """Two approvals on one morning, at 9:15:20 and at 11:40 of the newsroom's clock."""
    type(run).objects.filter(pk=run.pk).update(finished_at=timezone.make_aware(dt.datetime(2026, 3, 1)))
    first, second, _third = run.detections.all()
    approve_at(first, bob, timezone.make_aware(dt.datetime(2026, 3, 5, 9, 15, 20)))
    approve_at(second, bob, timezone.make_aware(dt.datetime(2026, 3, 5, 11, 40)))
    return first, second


# The moment -------------------------------------------------------------------------------------


def test_bob_chooses_a_day_and_a_time(
    bob: User, story: tuple[Detection, Detection], client_of: Callable
) -> None:
    client = client_of(bob)
    form = client.get(HISTORY).content.decode()
    assert 'type="date"' in form
    assert 'type="time"' in form
    first, second = story
    for asked, shown in (
        ({"at": "2026-03-05", "time": "09:14"}, []),
        ({"at": "2026-03-05", "time": "09:15"}, [first.pk]),  # a minute ends at its last instant
        ({"at": "2026-03-05", "time": "09:15:19"}, []),
        ({"at": "2026-03-05", "time": "09:15:20"}, [first.pk]),
        ({"at": "2026-03-05", "time": "11:40"}, [first.pk, second.pk]),
        ({"at": "2026-03-05", "time": ""}, [first.pk, second.pk]),
        ({"at": "2026-03-04"}, []),
    ):
        assert client.get(HISTORY, asked).context["map"].approved == shown, asked
    page = client.get(HISTORY, {"at": "2026-03-05", "time": "09:15"}).content.decode()
    assert 'value="2026-03-05"' in page
    assert 'value="09:15"' in page
    whole = client.get(HISTORY, {"at": "2026-03-05T09:15:20+02:00"}).content.decode()
    assert 'value="09:15"' in whole, "a moment in the address fills the fields too"


@pytest.mark.parametrize("time", ["soon", "25:00", "9:15", "09", "09:15+02:00", "\0", "٠٩:١٥"])
def test_a_time_that_is_none_gets_a_sentence(bob: User, run: Any, client_of: Callable, time: str) -> None:
    for address in (HISTORY, f"{HISTORY}map.geojson"):
        answer = client_of(bob).get(address, {"at": "2026-03-05", "time": time})
        assert answer.status_code == 400
        assert "is no time: write it as 14:30" in answer.content.decode()


# The file ---------------------------------------------------------------------------------------


def test_bob_downloads_the_map_of_that_moment(
    bob: User, story: tuple[Detection, Detection], client_of: Callable
) -> None:
    first, _second = story
    client = client_of(bob)
    page = client.get(HISTORY, {"at": "2026-03-05", "time": "09:15"}).content.decode()
    link = "/review/history/map.geojson?at=2026-03-05&amp;time=09%3A15&amp;region=testshire"
    assert f'href="{link}"' in page
    answer = client.get(link.replace("&amp;", "&"))
    assert answer["Content-Type"] == "application/geo+json"
    assert 'filename="amber-testshire-2026-03-05-0915.geojson"' in answer["Content-Disposition"]
    told = answer.json()
    assert told["run"] == first.run_id
    assert told["release"] is None
    (feature,) = told["features"]
    assert feature["geometry"] == first.outline
    assert feature["properties"]["expert"] == "bob"
    assert feature["properties"]["place"] == first.segmented_tile.tile.place_id
    assert feature["properties"]["approved_at"].startswith("2026-03-05T07:15:20")


def test_what_has_no_place_or_may_not_leave_the_site_is_counted_and_left_out(
    bob: User, story: tuple[Detection, Detection], source: Any, client_of: Callable
) -> None:
    first, _second = story
    address = f"{HISTORY}map.geojson?at=2026-03-06"
    Detection.objects.filter(pk=first.pk).update(outline=None)
    told = client_of(bob).get(address).json()
    assert (len(told["features"]), told["left_out"]) == (1, {"place_not_known": 1, "rights": 0})
    type(source).objects.update(may_derive=False)
    told = client_of(bob).get(address).json()
    assert (told["features"], told["left_out"]) == ([], {"place_not_known": 0, "rights": 2})


def test_the_file_is_for_experts_and_asks_no_more_for_more(
    bob: User,
    alice: User,
    run: Any,
    story: tuple[Detection, Detection],
    client_of: Callable,
    django_assert_num_queries: Any,
) -> None:
    address = f"{HISTORY}map.geojson?at=2026-03-06"
    assert client_of(alice).get(address).status_code == 403
    assert client_of(alice).get(f"{HISTORY}?at=2026-03-06").status_code == 403
    client = client_of(bob)
    for _turn in range(2):
        with django_assert_num_queries(10):
            assert client.get(address).status_code == 200
        third = run.detections.last()
        approve_at(third, bob, timezone.make_aware(dt.datetime(2026, 3, 5, 12)))
    assert client.get(f"{HISTORY}map.geojson?at=2026-03-06&region=nowhere").status_code == 404
    assert client.get(f"{HISTORY}map.geojson").status_code == 400
    empty = client.get(f"{HISTORY}map.geojson?at=2001-01-01").json()
    assert (empty["run"], empty["features"]) == (None, [])


# Nothing is rewritten ---------------------------------------------------------------------------


def test_a_review_cannot_be_changed_or_deleted(run: Any, bob: User) -> None:
    detection = run.detections.first()
    review = review_detection(detection=detection, verdict="approved", note="sure", acting_user=bob)
    again = Review.objects.get(pk=review.pk)
    again.note = "not so sure"
    copy = Review(
        pk=review.pk,
        detection=detection,
        segmented_tile=detection.segmented_tile,
        superpixels=[],
        expert=bob,
        verdict="rejected",
    )
    attempts: list[Callable[[], Any]] = [
        again.save,
        lambda: again.save(update_fields=["note"]),
        review.save,
        review.delete,
        lambda: Review.objects.update(note=""),
        lambda: Review.objects.filter(pk=review.pk).update(note=""),
        lambda: Review.objects.all().delete(),
        lambda: Review.objects.bulk_update([again], ["note"]),
        lambda: Review.objects.bulk_create([copy], update_conflicts=True),
        lambda: Review.objects.update_or_create(pk=review.pk, defaults={"note": ""}),
        lambda: detection.reviews.update(note=""),
        lambda: detection.reviews.all().delete(),
        lambda: bob.reviews.filter(pk=review.pk).delete(),
    ]
    for attempt in attempts:
        with pytest.raises(AppendOnlyError):
            attempt()
    kept = Review.objects.get()
    assert (kept.pk, kept.note, kept.verdict) == (review.pk, "sure", "approved")


def test_a_row_under_a_number_that_is_taken_overwrites_nothing(run: Any, bob: User) -> None:
    from django.db import IntegrityError, transaction

    detection = run.detections.first()
    review = review_detection(detection=detection, verdict="approved", acting_user=bob)
    values = {"segmented_tile": detection.segmented_tile, "superpixels": [], "expert": bob}
    with pytest.raises(IntegrityError), transaction.atomic():
        Review(pk=review.pk, detection=detection, verdict="rejected", **values).save()
    assert Review.objects.get().verdict == "approved"


def test_what_reviews_stand_on_cannot_be_deleted_under_them(run: Any, region: Any, bob: User) -> None:
    """No cascade reaches a review: the region, its run, its tiles and the expert are held by it."""
    from django.db.models import ProtectedError

    detection = run.detections.first()
    review_detection(detection=detection, verdict="approved", acting_user=bob)
    region.active_classifier = None
    region.save()
    for held in (detection, run, detection.segmented_tile, detection.segmented_tile.tile, bob):
        with pytest.raises(ProtectedError):
            held.delete()
    assert Review.objects.count() == 1
