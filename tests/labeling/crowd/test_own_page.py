"""Alice looks at her own page: what she said, how it agrees, what became of it."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from amberapp.models import User
from labeling.crowd.my_changes import my_changes
from labeling.crowd.my_contributions import agreement_of, days_in_a_row, streak_of, tiles_on_map
from labeling.models import GoldStandardTile, Submission, VolunteerRecord
from labeling.releases.publish import publish_release
from tests.labeling.crowd.labelling import decide, label, questions
from tests.published import approve_all, found_on, judge

pytestmark = pytest.mark.django_db

TODAY = dt.date(2026, 11, 22)


@pytest.mark.parametrize(
    ("ago", "length"),
    [([], 0), ([0], 1), ([1], 1), ([2], 0), ([0, 1, 2], 3), ([1, 2, 3, 5], 3), ([0, 2, 3], 1)],
)
def test_a_streak_lasts_until_a_day_is_left_out(ago: list[int], length: int) -> None:
    assert days_in_a_row([TODAY - dt.timedelta(days=days) for days in ago], TODAY) == length


def test_a_day_ends_at_midnight_of_the_sites_time_zone(alice: User, make_tile: Callable) -> None:
    """Half past ten in the evening, UTC, is the next day in Kyiv."""
    today = timezone.localtime().replace(hour=0, minute=30, second=0, microsecond=0)
    for number, when in ((1, today), (2, today - dt.timedelta(days=1)), (3, today - dt.timedelta(days=2))):
        submission = label(make_tile(number).segmented.get(), alice, p1="mining")
        Submission.objects.filter(pk=submission.pk).update(created_at=when)
    assert streak_of(alice) == 3


def test_experts_and_the_others_are_compared_with_separately(
    alice: User, bob: User, dora: User, make_tile: Callable, client_of: Callable
) -> None:
    tile = make_tile(1).segmented.get()
    label(tile, alice, p1="mining", p2="mining", p3="not_mining", p4="not_mining")
    label(tile, dora, p3="not_mining", p4="not_mining")
    decide(tile, bob, p1="mining", p2="not_mining")
    own = agreement_of(alice)
    assert (own.expert_compared, own.expert_agreeing, own.expert_percent) == (2, 1, 50)
    assert (own.compared, own.agreeing, own.percent) == (2, 2, 100)
    page = client_of(alice).get("/label/mine/").content.decode()
    assert "Experts decided 2 superpixels of yours; 1 you had called the same." in page


def test_the_map_has_a_square_for_every_tile_whose_ground_is_known(
    alice: User, make_tile: Callable, client_of: Callable
) -> None:
    shown = [make_tile(number).segmented.get() for number in (1, 2, 3)]
    placeless = make_tile(4, latitude=None, longitude=None).segmented.get()
    label(shown[0], alice, p1="mining", p2="not_mining")
    label(shown[1], alice, p1="not_mining")
    label(shown[2], alice, p1="unsure")
    label(placeless, alice, p1="mining")
    squares = {row[0]: row[-1] for row in tiles_on_map(alice)}
    assert squares == {shown[0].pk: "mining", shown[1].pk: "not_mining", shown[2].pk: "unsure"}
    page = client_of(alice).get("/label/mine/").content.decode()
    assert 'id="my-map"' in page
    assert "tile-4.jpg" in page, "the list has those without a place too"


def test_spare_labels_say_kindly_why_they_do_not_count(
    alice: User, make_tile: Callable, client_of: Callable
) -> None:
    late, early = label(make_tile(1).segmented.get(), alice, p1="mining"), None
    early = label(make_tile(2).segmented.get(), alice, p1="mining")
    Submission.objects.filter(pk=late.pk).update(spare="full")
    Submission.objects.filter(pk=early.pk).update(spare="tutorial")
    page = client_of(alice).get("/label/mine/").content.decode()
    assert "1 tile: others had already said enough" in page
    assert "1 tile: you made them before you had passed the tutorial" in page
    assert page.count("not counting") >= 2


def test_the_tutorials_result_stands_on_the_page(
    alice: User, region: Any, make_tile: Callable, client_of: Callable
) -> None:
    label(make_tile(1).segmented.get(), alice, p1="mining")
    client = client_of(alice)
    assert "tutorial" not in client.get("/label/mine/").content.decode()
    GoldStandardTile.objects.create(
        segmented_tile=make_tile(2).segmented.get(),
        region=region,
        use="lesson",
        answers={"1": {"verdict": "mining"}},
    )
    assert "You have not passed the tutorial yet" in client.get("/label/mine/").content.decode()
    VolunteerRecord.objects.filter(volunteer=alice).update(tutorial_passed_at=timezone.now())
    assert "You passed the tutorial on" in client.get("/label/mine/").content.decode()


# What became of it ---------------------------------------------------------------------------------------------------


def test_alice_reads_which_places_her_votes_changed(
    alice: User, dora: User, bob: User, carol: User, region: Any, tiles: list[Any], client_of: Callable
) -> None:
    label(tiles[0].segmented.get(), alice, p1="mining", p2="mining", p9="not_mining")
    label(tiles[1].segmented.get(), alice, p1="not_mining", p2="not_mining")
    label(tiles[0].segmented.get(), dora, p1="not_mining")
    run = found_on(region, tiles)
    approve_all(run, bob)
    first = publish_release(run=run, acting_user=carol)
    (told,) = my_changes(alice)
    assert (told.number, [change.place for change in told.changes]) == (1, [tiles[0].place_id])
    assert my_changes(dora) == [], "she had said the opposite"
    judge(run.detections.get(segmented_tile__tile=tiles[1]), bob, "rejected", look_alike="snow")
    second = publish_release(run=run, acting_user=carol)
    (told,) = my_changes(alice)
    (change,) = told.changes
    assert (told.number, change.appeared, change.place) == (second.number, False, tiles[1].place_id)
    assert "Snow" in change.reason
    page = client_of(alice).get("/label/mine/").content.decode()
    assert f"Your votes changed these places in release {second.number}" in page
    link = reverse("place", args=["testshire", first.number, tiles[1].place_id])
    assert link in page
    assert client_of(alice).get(link).status_code == 200


def test_labels_that_do_not_count_or_came_later_changed_nothing(
    alice: User, dora: User, bob: User, carol: User, region: Any, tiles: list[Any]
) -> None:
    late = label(tiles[0].segmented.get(), alice, p1="mining")
    run = found_on(region, tiles)
    approve_all(run, bob)
    publish_release(run=run, acting_user=carol)
    label(tiles[1].segmented.get(), dora, p1="mining")
    assert my_changes(dora) == []
    Submission.objects.filter(pk=late.pk).update(spare="full")
    assert my_changes(alice) == []


def test_the_page_asks_no_more_for_more_tiles_and_others(
    alice: User,
    dora: User,
    bob: User,
    carol: User,
    region: Any,
    tiles: list[Any],
    make_tile: Callable,
    client_of: Callable,
) -> None:
    label(tiles[0].segmented.get(), alice, p1="mining")
    run = found_on(region, tiles)
    approve_all(run, bob)
    publish_release(run=run, acting_user=carol)
    client = client_of(alice)
    client.get("/label/mine/")
    with_one = questions(client, "/label/mine/")
    assert with_one <= 20
    for number in (2, 3):
        label(tiles[number - 1].segmented.get(), alice, p1="mining")
    for number in (5, 6, 7):
        tile = make_tile(number).segmented.get()
        label(tile, alice, p1="mining")
        label(tile, dora, p1="mining")
    assert questions(client, "/label/mine/") == with_one


def test_strangers_log_in_first(client: Any) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/label/mine/").status_code == 302
    assert len(queries) == 0
