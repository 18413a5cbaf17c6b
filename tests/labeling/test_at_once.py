"""Two people at the same moment, each with a part of what the other wants: one waits for the other, and both are answered."""

import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections, transaction

from amberapp.accounts.roles import change_role
from amberapp.errors import UserError
from amberapp.models import User
from labeling.area import sample as area_sample
from labeling.area.sample import draw_sample
from labeling.campaigns import campaigns
from labeling.crowd import gold_standard
from labeling.desk import labels
from labeling.desk.labels import submit_labels
from labeling.models import Campaign, GoldStandardTile, Release, Report, Submission
from labeling.releases import historical
from labeling.releases.historical import import_historical
from labeling.reports import decision
from labeling.reports.decision import accept_report, decline_report
from labeling.reports.desk import set_aside
from labeling.review.review_detection import review_detection
from labeling.review.verdicts import verdicts_at
from tests.findings import make_classifier, make_run
from tests.published import approve_all, found_on

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

# Nobody who holds everything needs the other to come so far: then the waiting ends.
A_WHILE = 1.0


def both(*acts: Callable[[], Any]) -> list[str]:
    """How each act ended, at the same moment: "done", "told" (a sentence for who was too late), or what broke."""
    outcomes = ["never ended"] * len(acts)

    def run(place: int) -> None:
        try:
            acts[place]()
            outcomes[place] = "done"
        except UserError:
            outcomes[place] = "told"
        except Exception as error:
            outcomes[place] = f"{type(error).__name__}: {error}"
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def meeting(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Let the first two who come to a function wait there for each other, for a while."""
    real, place = getattr(module, name), threading.Barrier(2)

    def wait(*args: Any, **values: Any) -> Any:
        # Broken: the other one waits at a lock, or both have met before.
        with contextlib.suppress(threading.BrokenBarrierError):
            place.wait(A_WHILE)
        return real(*args, **values)

    monkeypatch.setattr(module, name, wait)


# Labels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["decide", "withdraw"])
def test_an_expert_decides_a_campaign_while_a_volunteer_sends_one_of_its_tiles(
    make_tile: Callable[..., Any],
    region: Any,
    alice: User,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    tiles = [make_tile(number).segmented.get() for number in (1, 2)]
    make_classifier(region)

    def send(tile: Any) -> Submission:
        said = [{"superpixel": 2, "verdict": "mining"}]
        return submit_labels(submission_id=uuid4(), segmented_tile=tile, labels=said, acting_user=alice)

    send(tiles[0])  # so the decision about this tile needs her record, too
    monkeypatch.setattr(campaigns, "extractor_key_of", lambda region: "key")
    monkeypatch.setattr(campaigns, "distances_to", lambda region, key, asked, places: [0.0] * len(places))
    campaign = Campaign.objects.create(
        region=region, name="Fields", segmented_tile=tiles[0], superpixels=[1], created_by=bob
    )

    def decide() -> Campaign:
        ticked = [(tile.pk, 1) for tile in tiles]
        return campaigns.decide(
            campaign=campaign, ticked=ticked, decision="label", look_alike="field", acting_user=bob
        )

    act: Callable[[], Any] = decide
    if what == "withdraw":
        decide()
        act = lambda: campaigns.withdraw(campaign=campaign, acting_user=bob)  # noqa: E731
    one_tile_done, second_tile_held = threading.Event(), threading.Event()
    name = "expert_labels" if what == "decide" else "withdraw_decisions"
    real_step, real_records = getattr(campaigns, name), labels._locked_records

    def step(**values: Any) -> Any:
        done = real_step(**values)
        one_tile_done.set()
        second_tile_held.wait(A_WHILE)
        return done

    def records(tile: Any, *more: int) -> Any:
        if alice.pk in more:
            second_tile_held.set()
            one_tile_done.wait(A_WHILE)
        return real_records(tile, *more)

    monkeypatch.setattr(campaigns, name, step)
    monkeypatch.setattr(labels, "_locked_records", records)
    assert both(act, lambda: send(tiles[1])) == ["done", "done"]
    assert Submission.objects.standing().filter(volunteer=alice).count() == 2
    decided = Submission.objects.standing().filter(origin="campaign")
    assert decided.count() == (2 if what == "decide" else 0)


def test_two_admins_move_known_tiles_of_one_list(
    make_tile: Callable[..., Any], region: Any, bob: User, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _second, third = (
        GoldStandardTile.objects.create(
            segmented_tile=make_tile(number).segmented.get(), region=region, use="check", position=number
        )
        for number in range(3)
    )
    meeting(monkeypatch, gold_standard, "_held")
    assert both(
        lambda: gold_standard.move(known=first, up=False, acting_user=bob),
        lambda: gold_standard.move(known=third, up=True, acting_user=carol),
    ) == ["done", "done"]
    assert sorted(GoldStandardTile.objects.values_list("position", flat=True)) == [0, 1, 2]


# Reports -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rival", ["accept", "set aside"])
def test_two_experts_decide_about_two_reports_of_one_matter(
    make_tile: Callable[..., Any],
    region: Any,
    bob: User,
    dora: User,
    monkeypatch: pytest.MonkeyPatch,
    rival: str,
) -> None:
    detection = make_run(make_classifier(region), [make_tile(1)]).detections.get()
    values = {"region": region, "latitude": 51.5, "longitude": 26.502, "category": "not_mining"}
    values |= {"detection": detection, "place_key": f"d{detection.pk}"}
    first = Report.objects.create(**values)
    same = Report.objects.create(duplicate_of=first, **values)
    real, own_row_written = decision.duplicates_of, threading.Event()

    def slow(report: Report) -> Any:
        if not own_row_written.is_set():
            own_row_written.set()
            time.sleep(A_WHILE)  # the rival takes the other row meanwhile
        return real(report)

    monkeypatch.setattr(decision, "duplicates_of", slow)

    def decline() -> None:
        decline_report(report=Report.objects.get(pk=same.pk), acting_user=bob, answer="No.")

    def contradict() -> None:
        own_row_written.wait(20)
        mine = Report.objects.get(pk=first.pk)
        if rival == "accept":
            accept_report(report=mine, acting_user=dora, look_alike="field")
        else:
            set_aside(report=mine, reach="group", upto=same.pk, acting_user=dora)

    assert both(decline, contradict) == ["done", "told"]
    assert {(one.state, one.decided_by) for one in Report.objects.all()} == {("declined", bob)}


# Accounts, maps, samples -------------------------------------------------------------------------


def test_two_admins_take_each_other_s_role(carol: User, dora: User, monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.filter(pk=dora.pk).update(role="admin")
    real, place, asked = User.objects.select_for_update, threading.Barrier(2), threading.local()

    def hold(**how: Any) -> Any:
        asked.times = getattr(asked, "times", 0) + 1
        if asked.times == 2:  # with the first account in hand
            place.wait(A_WHILE)
        return real(**how)

    monkeypatch.setattr(User.objects, "select_for_update", hold)
    outcomes = both(
        lambda: change_role(person_id=str(dora.pk), role="expert", acting_user=carol),
        lambda: change_role(person_id=str(carol.pk), role="expert", acting_user=dora),
    )
    assert sorted(outcomes) == ["done", "told"]
    assert User.objects.filter(role="admin").count() == 1


def test_two_who_import_the_same_map_get_one_release(
    region: Any, carol: User, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "coordinates.csv"
    file.write_text("lat,lon\n51.5,26.5\n51.6,26.6\n")
    meeting(monkeypatch, historical, "_built")

    def bring_in() -> None:
        day = dt.date(2018, 5, 1)
        import_historical(paths=[file], region=region, title="Map of 2018", day=day, acting_user=carol)

    assert sorted(both(bring_in, bring_in)) == ["done", "told"]
    assert Release.objects.filter(kind="historical").count() == 1


@pytest.mark.parametrize("comes", ["before", "after"])
def test_a_sample_is_drawn_while_an_expert_takes_a_place_off_the_map(
    make_tile: Callable[..., Any],
    region: Any,
    bob: User,
    carol: User,
    monkeypatch: pytest.MonkeyPatch,
    comes: str,
) -> None:
    """What the sample keeps of the map is what the verdicts of its moment say, for ever."""
    run = found_on(region, [make_tile(seed) for seed in range(3)])
    approve_all(run, bob)
    place = run.detections.order_by("pk").first()
    monkeypatch.setattr(area_sample, "LEAST_SIZE", 3)
    written, looked = threading.Event(), threading.Event()
    real = area_sample.frame_of

    def reject() -> None:
        review_detection(
            detection=place,
            verdict="rejected",
            look_alike="field",
            acting_user=bob,
            seen_review_id=place.reviews.latest("id").pk,
        )

    def review() -> None:
        with transaction.atomic():
            reject()
            written.set()
            looked.wait(A_WHILE)  # written, and to be seen by nobody yet

    def look(*what: Any) -> Any:
        frame = real(*what)
        looked.set()
        if comes == "after":
            reject()
        return frame

    def draw() -> None:
        if comes == "before":
            written.wait(20)
        draw_sample(run=run, size=3, seed=1, acting_user=carol)

    monkeypatch.setattr(area_sample, "frame_of", look)
    assert set(both(draw, review) if comes == "before" else both(draw)) == {"done"}
    sample = run.area_samples.get()
    kept = sample.tiles.exclude(mapped=[]).values_list("segmented_tile", flat=True)
    then = verdicts_at(run, sample.created_at)
    approved = [number for number, one in then.items() if one.verdict == "approved"]
    assert sorted(kept) == sorted(
        run.detections.filter(pk__in=approved).values_list("segmented_tile", flat=True)
    )
    assert len(approved) == (2 if comes == "before" else 3)
