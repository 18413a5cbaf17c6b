"""Any two releases of a region are compared: what came, what went, why; on the page, as data for the map, as CSV."""

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone, translation
from django.utils.html import escape
from shapely.geometry import box

from amberapp import storage
from detection.training import dataset as datasets
from labeling.models import Campaign, CampaignMember, Release, Report
from labeling.releases.catalogue import published_numbered
from labeling.releases.comparison import compare_releases
from labeling.releases.files.changes import REASONS, Difference, from_file, to_file
from labeling.releases.publish import publish_again, publish_release
from labeling.releases.reader import places_of
from labeling.releases.reason_words import in_words
from labeling.releases.reasons import reasons_between
from labeling.reports.decision import accept_report
from labeling.reports.reopening import reopen_report
from labeling.review.review_detection import review_detection, withdraw_review
from tests.findings import learned_from, make_classifier, make_run
from tests.published import approve_all, found_on, judge

pytestmark = [pytest.mark.django_db, pytest.mark.database]

Tiles = Callable[..., Any]


@pytest.fixture
def ground(make_tile: Tiles) -> list[Any]:
    return [make_tile(seed) for seed in range(4)]


@pytest.fixture
def first(region: Any, ground: list[Any], bob: Any) -> Any:
    run = found_on(region, ground[:3])
    approve_all(run, bob)
    return publish_release(run=run, acting_user=None)


def on_tile(run: Any, tile: Any) -> Any:
    return run.detections.get(segmented_tile__tile=tile)


def reasons_of(earlier: Any, later: Any) -> dict[str, tuple[str, str]]:
    return {change.place: (change.kind, change.reason) for change in compare_releases(earlier, later).changes}


def say(detection: Any, expert: Any, verdict: str = "approved", **more: Any) -> Any:
    """A verdict through the desk's own action, of an expert who has seen everything said before."""
    latest = detection.reviews.order_by("-id").first()
    seen = latest.pk if latest else None
    return review_detection(
        detection=detection, verdict=verdict, acting_user=expert, seen_review_id=seen, **more
    )


def report_on(detection: Any, release: Any) -> Any:
    return Report.objects.create(
        region=release.region,
        release=release,
        detection=detection,
        latitude=51.5,
        longitude=26.5,
        category="not_mining",
    )


# Reasons ------------------------------------------------------------------------------------------------


def test_reviews_and_reports_say_why_a_place_went(first: Any, ground: list[Any], bob: Any) -> None:
    reported, rejected = on_tile(first.run, ground[0]), on_tile(first.run, ground[1])
    report = report_on(reported, first)
    judge(reported, bob, "rejected", look_alike="deforestation", report=report)
    judge(rejected, bob, "rejected", look_alike="sand_pit")
    second = publish_release(run=first.run, acting_user=None)
    assert reasons_of(first, second) == {
        ground[0].place_id: (
            "vanished",
            f"a citizen's report was accepted (no. {report.pk}) (Clear-cut forest)",
        ),
        ground[1].place_id: ("vanished", "an expert has rejected it (Sand pit)"),
    }
    with translation.override("uk"):
        assert "(Вирубка)" in compare_releases(first, second).vanished[0].reason + (
            compare_releases(first, second).vanished[1].reason
        )


def test_a_report_whose_place_is_told_only_roughly_is_named_beside_no_place(
    first: Any, ground: list[Any], bob: Any
) -> None:
    rough, plain = on_tile(first.run, ground[0]), on_tile(first.run, ground[1])
    report = report_on(rough, first)
    Report.objects.filter(pk=report.pk).update(blurred=True)
    judge(rough, bob, "rejected", look_alike="deforestation", report=report)
    other = report_on(plain, first)
    judge(plain, bob, "rejected", look_alike="deforestation", report=other)
    second = publish_release(run=first.run, acting_user=None)
    assert reasons_of(first, second) == {
        ground[0].place_id: ("vanished", "an expert has rejected it (Clear-cut forest)"),
        ground[1].place_id: (
            "vanished",
            f"a citizen's report was accepted (no. {other.pk}) (Clear-cut forest)",
        ),
    }
    told = from_file(published_numbered(first.region.slug, second.number).read("changes.json"))
    assert "report" not in told[ground[0].place_id][1]


def test_what_was_left_waiting_and_is_approved_now_says_so(region: Any, ground: list[Any], bob: Any) -> None:
    run = found_on(region, ground)
    judge(on_tile(run, ground[0]), bob)
    first = publish_release(run=run, acting_user=None)
    judge(on_tile(run, ground[1]), bob)
    second = publish_release(run=run, acting_user=None)
    assert reasons_of(first, second) == {ground[1].place_id: ("appeared", "an expert has approved it since")}


@pytest.mark.parametrize("rejecting", [0, 1])
def test_a_place_that_experts_dispute_says_so_and_blames_neither(
    first: Any, ground: list[Any], bob: Any, dora: Any, rejecting: int
) -> None:
    disputed, asked = on_tile(first.run, ground[0]), on_tile(first.run, ground[1])
    judge(disputed, dora, "rejected", look_alike="sand_pit")
    if rejecting == 0:
        judge(disputed, bob)  # the latest word is an approval
    judge(asked, dora, "second")
    told = reasons_of(first, publish_release(run=first.run, acting_user=None))
    assert told == {
        ground[0].place_id: (
            "vanished",
            "experts contradict each other about it: another one will decide",
        ),
        ground[1].place_id: ("vanished", "an expert has asked a colleague for a second opinion"),
    }


def campaign_about(tile: Any, name: str, *members: Any, **fields: Any) -> Any:
    made = Campaign.objects.create(
        region=tile.region,
        name=name,
        segmented_tile=tile.segmented.get(),
        superpixels=[1],
        decision="label",
        decided_at=timezone.now(),
        **fields,
    )
    for member in members:
        CampaignMember.objects.create(
            campaign=made, segmented_tile=member.segmented.get(), superpixel=1, distance=0.1
        )
    return made


def run_without(first: Any, ground: list[Any], *campaigns: Any) -> Any:
    """A run of a new classifier, which has learned from the campaigns, that finds the third place only."""
    from detection.models import TileScore

    learned_from(first.run.classifier)
    classifier = make_classifier(first.region)
    learned_from(classifier, *campaigns)
    run = make_run(classifier, [ground[2]])
    for tile in ground[:3]:
        TileScore.objects.create(run=run, segmented_tile=tile.segmented.get(), scores=b"", positives=0)
    return run


def searched_again(first: Any, ground: list[Any], bob: Any, *campaigns: Any) -> Any:
    """The release of such a run."""
    run = run_without(first, ground, *campaigns)
    approve_all(run, bob)
    return publish_release(run=run, acting_user=None)


def test_a_new_classifier_names_the_campaigns_that_it_learned_from(
    first: Any, ground: list[Any], bob: Any
) -> None:
    gone, member = ground[:2]
    report = report_on(on_tile(first.run, gone), first)
    campaign = campaign_about(gone, "Clear-cuts", member, report=report, look_alike="deforestation")
    second = searched_again(first, ground, bob, campaign)
    named = f"campaign “Clear-cuts” after report no. {report.pk}"
    assert reasons_of(first, second) == {
        gone.place_id: ("vanished", f"a new classifier: {named}"),
        member.place_id: ("vanished", f"{named} (Clear-cut forest)"),
    }


def test_a_campaign_that_is_not_in_the_dataset_is_no_reason(first: Any, ground: list[Any], bob: Any) -> None:
    """Decided while the classifier was in training, or simply left out: it has taught nothing yet."""
    late = campaign_about(ground[0], "Sand pits", ground[0], ground[1])
    known = campaign_about(ground[0], "Clear-cuts")
    second = searched_again(first, ground, bob, known)
    assert late.decided_at < second.run.classifier.created_at
    told = "a new classifier: campaign “Clear-cuts”"
    assert reasons_of(first, second) == {
        ground[0].place_id: ("vanished", told),
        ground[1].place_id: ("vanished", told),
    }


def test_what_the_classifier_before_had_learned_already_is_no_reason(
    first: Any, ground: list[Any], bob: Any
) -> None:
    old = campaign_about(ground[0], "Clear-cuts", ground[1])
    new = campaign_about(ground[0], "Sand pits")
    second = searched_again(first, ground, bob, old)
    learned_from(second.run.classifier, old, new)
    third = make_classifier(first.region)
    learned_from(third, old, new)
    # The same dataset twice: what differs is the classifier alone.
    assert {reason for _kind, reason in reasons_of(first, second).values()} == {
        "a new classifier: campaign “Clear-cuts”",
        "campaign “Clear-cuts”",
    }
    from detection.models import TileScore

    run = make_run(third, ground[:1])
    for tile in ground[:3]:
        TileScore.objects.create(run=run, segmented_tile=tile.segmented.get(), scores=b"", positives=0)
    approve_all(run, bob)
    assert reasons_of(second, publish_release(run=run, acting_user=None)) == {
        ground[0].place_id: ("appeared", "a new classifier"),
        ground[2].place_id: ("vanished", "a new classifier"),
    }


def test_a_lost_dataset_names_no_campaign_and_stops_no_release(
    first: Any, ground: list[Any], bob: Any
) -> None:
    from amberapp.storage import default_storage

    campaign = campaign_about(ground[0], "Clear-cuts", ground[1])
    run = run_without(first, ground, campaign)
    default_storage.delete(run.classifier.dataset.file_key)
    datasets._campaigns_in.cache_clear()  # as a process that has not read it
    approve_all(run, bob)
    second = publish_release(run=run, acting_user=None)
    assert {reason for _kind, reason in reasons_of(first, second).values()} == {"a new classifier"}


def test_a_campaign_after_a_report_told_only_roughly_is_named_without_it(
    first: Any, ground: list[Any], bob: Any
) -> None:
    report = report_on(on_tile(first.run, ground[0]), first)
    Report.objects.filter(pk=report.pk).update(blurred=True)
    campaign = campaign_about(ground[0], "Clear-cuts", ground[1], report=report)
    second = searched_again(first, ground, bob, campaign)
    assert reasons_of(first, second) == {
        ground[0].place_id: ("vanished", "a new classifier: campaign “Clear-cuts”"),
        ground[1].place_id: ("vanished", "campaign “Clear-cuts”"),
    }
    assert b'"report"' not in storage.get(second.files.get(name="changes.json").storage_key)


def test_a_rejection_taken_back_is_no_approval(first: Any, ground: list[Any], bob: Any, dora: Any) -> None:
    reported, rejected, asked = (on_tile(first.run, tile) for tile in ground[:3])
    report = report_on(reported, first)
    accept_report(report=report, acting_user=bob, look_alike="deforestation")
    mine = say(rejected, bob, "rejected", look_alike="snow")
    second = publish_release(run=first.run, acting_user=None)
    question = say(asked, dora, "second")
    report.refresh_from_db()
    reopen_report(report=report, decided_at=report.decided_at, acting_user=dora)
    third = publish_release(run=first.run, acting_user=None)
    withdraw_review(review=mine, acting_user=bob)
    withdraw_review(review=question, acting_user=dora)
    fourth = publish_release(run=first.run, acting_user=None)
    assert reasons_of(second, third) == {
        ground[0].place_id: ("appeared", "an expert has taken the rejection back"),
        ground[2].place_id: ("vanished", "an expert has asked a colleague for a second opinion"),
    }
    assert reasons_of(third, fourth) == {
        ground[1].place_id: ("appeared", "an expert has taken the rejection back"),
        ground[2].place_id: ("appeared", "an expert has taken back the question to a colleague"),
    }
    together = compare_releases(second, fourth)
    assert {(one.place, one.cause, one.release) for one in together.changes} == {
        (ground[0].place_id, "taken_back", 3),
        (ground[1].place_id, "taken_back", 4),
    }
    page = Client().get("/releases/testshire/2/compare/4/").content.decode()
    assert "an expert has taken the rejection back" in page
    csv_of_it = Client().get("/releases/testshire/2/compare/4/changes.csv").content.decode()
    assert csv_of_it.count("taken_back") == 2


def test_an_approval_after_the_rejection_was_taken_back_is_the_reason(
    first: Any, ground: list[Any], bob: Any, dora: Any
) -> None:
    detection = on_tile(first.run, ground[0])
    mine = say(detection, bob, "rejected", look_alike="snow")
    second = publish_release(run=first.run, acting_user=None)
    withdraw_review(review=mine, acting_user=bob)
    say(detection, dora)
    third = publish_release(run=first.run, acting_user=None)
    assert reasons_of(second, third) == {ground[0].place_id: ("appeared", "an expert has approved it since")}


def test_a_rejection_that_came_and_went_between_two_releases_hides_no_approval(
    first: Any, ground: list[Any], bob: Any, dora: Any, carol: Any
) -> None:
    """Disputed, then settled by a third; the fourth word is taken back: that the third approved is the reason."""
    detection = on_tile(first.run, ground[0])
    say(detection, dora, "rejected", look_alike="snow")
    second = publish_release(run=first.run, acting_user=None)
    say(detection, carol)
    withdraw_review(review=say(detection, dora, "rejected", look_alike="snow"), acting_user=dora)
    third = publish_release(run=first.run, acting_user=None)
    assert reasons_of(second, third) == {ground[0].place_id: ("appeared", "an expert has approved it since")}


def test_an_approval_taken_back_is_no_new_outline(
    region: Any, ground: list[Any], bob: Any, dora: Any
) -> None:
    run = found_on(region, ground[:3])
    alone, settled, kept = (on_tile(run, tile) for tile in ground[:3])
    only = say(alone, bob)
    say(settled, dora, "rejected", look_alike="snow")
    second_thought = say(settled, dora)
    say(kept, bob)
    first = publish_release(run=run, acting_user=None)
    withdraw_review(review=only, acting_user=bob)
    withdraw_review(review=second_thought, acting_user=dora)
    second = publish_release(run=run, acting_user=None)
    told = "an expert has taken the approval back"
    assert reasons_of(first, second) == {
        ground[0].place_id: ("vanished", told),
        ground[1].place_id: ("vanished", told),
    }


def test_what_is_found_again_in_another_outline_waits_for_an_expert(
    first: Any, region: Any, ground: list[Any], bob: Any
) -> None:
    again = found_on(region, ground[:3])
    other = on_tile(again, ground[0])
    other.superpixels = [1, 2]
    other.save()
    assert reasons_of(first, publish_release(run=again, acting_user=None)) == {
        ground[0].place_id: (
            "vanished",
            "found again, but no expert has approved it in its new outline",
        )
    }


def test_imagery_that_may_be_used_again_brings_its_places_back(
    first: Any, ground: list[Any], source: Any, bob: Any
) -> None:
    source.may_derive = False
    source.save()
    judge(on_tile(first.run, ground[1]), bob, "rejected", look_alike="snow")
    second = publish_release(run=first.run, acting_user=None)
    source.may_derive = True
    source.save()
    judge(on_tile(first.run, ground[1]), bob)
    third = publish_release(run=first.run, acting_user=None)
    assert {one.cause for one in compare_releases(first, second).vanished} == {"rights", "review"}
    again = "its imagery may be used again"
    assert reasons_of(second, third) == {
        ground[0].place_id: ("appeared", again),
        ground[1].place_id: ("appeared", "an expert has approved it since"),
        ground[2].place_id: ("appeared", again),
    }


def test_an_image_that_has_got_its_place_since_says_so(
    first: Any, region: Any, ground: list[Any], bob: Any
) -> None:
    detection = on_tile(first.run, ground[0])
    outline = detection.outline
    detection.outline = None
    detection.save()
    second = publish_release(run=first.run, acting_user=None)
    assert second.statistics["not_on_the_map"]["approved_without_place"] == 1
    run = found_on(region, ground[:3])
    assert on_tile(run, ground[0]).outline == outline
    third = publish_release(run=run, acting_user=None)
    assert reasons_of(second, third)[ground[0].place_id] == (
        "appeared",
        "where its image lies was not known before",
    )


def test_after_a_roll_back_what_counts_is_the_day_of_the_release_that_was_published_again(
    first: Any, ground: list[Any], bob: Any
) -> None:
    judge(on_tile(first.run, ground[0]), bob, "rejected", look_alike="snow")
    publish_release(run=first.run, acting_user=None)
    third = publish_again(release=first, acting_user=None)
    fourth = publish_release(run=first.run, acting_user=None)
    assert reasons_of(third, fourth) == {ground[0].place_id: ("vanished", "an expert has rejected it (Snow)")}
    judge(on_tile(first.run, ground[0]), bob)
    publish_release(run=first.run, acting_user=None)
    sixth = publish_again(release=fourth, acting_user=None)
    seventh = publish_release(run=first.run, acting_user=None)
    assert reasons_of(sixth, seventh) == {ground[0].place_id: ("appeared", "an expert has approved it since")}


@pytest.mark.parametrize("kind", sorted({*REASONS} - {"unknown"}))
def test_every_reason_has_words(kind: str) -> None:
    particulars = {"report": 1, "release": 1, "campaign": "Sand pits", "verdict": "rejected"}
    said = in_words({"kind": kind, **particulars})
    assert said
    assert said != in_words({"kind": "unknown"})


def test_new_images_and_ground_not_searched_again_say_so(
    first: Any, region: Any, ground: list[Any], bob: Any
) -> None:
    old = ground[0]
    from detection.models import Tile

    Tile.objects.filter(pk=ground[3].pk).update(
        west=old.west,
        south=old.south,
        east=old.east,
        north=old.north,
        latitude=old.latitude,
        longitude=old.longitude,
        created_at=timezone.now() + dt.timedelta(days=1),
    )

    def told_of(day: str | None) -> dict[str, tuple[str, str]]:
        Tile.objects.filter(pk=ground[3].pk).update(capture_date=day)
        again = found_on(region, [ground[1], Tile.objects.get(pk=ground[3].pk)])
        approve_all(again, bob)
        changes = Difference([ground[3].place_id], [ground[0].place_id, ground[2].place_id], [], 1)
        kinds = changes.kinds()
        found = reasons_between(first, again, changes)
        return {place: (kinds[place], in_words(reason)) for place, reason in found.items()}

    told = told_of("2018-05-01")
    assert told[ground[3].place_id] == ("appeared", "a newer image of this ground")
    assert told[ground[0].place_id] == ("vanished", "a newer image of this ground")
    assert told[ground[2].place_id] == ("vanished", "the later map has not searched there")
    # An archive that is searched after the image of 2015 is no newer one, nor is one that nobody has dated.
    for day in ("2010-05-01", "2015-10-05", None):
        told = told_of(day)
        assert told[ground[3].place_id] == ("appeared", "another image of this ground"), day
        assert told[ground[0].place_id] == ("vanished", "another image of this ground"), day


def test_why_places_came_with_new_images_takes_no_question_for_each_of_them(
    region: Any, make_tile: Tiles, bob: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from detection.models import Tile

    def asked(places: int) -> int:
        old, new = (
            [make_tile(seed) for seed in range(begin, begin + places)]
            for begin in (places * 10, places * 10 + places)
        )
        for one, other in zip(old, new, strict=True):
            same = {name: getattr(one, name) for name in ("west", "south", "east", "north")}
            Tile.objects.filter(pk=other.pk).update(**same, capture_date="2018-05-01")
        runs = found_on(region, old), found_on(region, new)
        for run in runs:
            approve_all(run, bob)
        publish_release(run=runs[0], acting_user=None)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            release = publish_release(run=runs[1], acting_user=None)
        told = from_file(storage.get(release.files.get(name="changes.json").storage_key))
        assert {reason["kind"] for _kind, reason in told.values()} == {"imagery"}
        assert len(told) == 2 * places
        return len(asked)

    assert asked(2) == asked(6)


def test_between_releases_far_apart_the_event_itself_is_the_reason(
    first: Any, region: Any, ground: list[Any], bob: Any
) -> None:
    judge(on_tile(first.run, ground[0]), bob, "rejected", look_alike="snow")
    publish_release(run=first.run, acting_user=None)
    judge(on_tile(first.run, ground[1]), bob, "rejected", look_alike="cemetery")
    third = publish_release(run=first.run, acting_user=None)
    comparison = compare_releases(first, third)
    told = {change.place: (change.release, change.cause, change.reason) for change in comparison.vanished}
    assert told == {
        ground[0].place_id: (2, "review", "an expert has rejected it (Snow)"),
        ground[1].place_id: (3, "review", "an expert has rejected it (Cemetery)"),
    }
    judge(on_tile(first.run, ground[0]), bob)
    fourth = publish_release(run=first.run, acting_user=None)
    assert ground[0].place_id not in reasons_of(first, fourth), "it came back: nothing differs any more"


def test_a_release_without_a_list_of_changes_leaves_the_reason_open(
    first: Any, ground: list[Any], bob: Any
) -> None:
    judge(on_tile(first.run, ground[0]), bob, "rejected")
    second = publish_release(run=first.run, acting_user=None)
    second.files.filter(name="changes.json").delete()
    from labeling.releases.catalogue import write_catalogue

    write_catalogue(fresh=True)
    assert reasons_of(first, second)[ground[0].place_id] == ("vanished", "the reason was not recorded")


def test_the_reasons_stand_in_a_file_of_the_release_and_the_first_has_none(
    first: Any, ground: list[Any], bob: Any
) -> None:
    assert not first.files.filter(name="changes.json").exists()
    judge(on_tile(first.run, ground[0]), bob, "rejected", look_alike="snow")
    second = publish_release(run=first.run, acting_user=None)
    told = json.loads(storage.get(second.files.get(name="changes.json").storage_key))
    assert told["previous"] == 1
    (row,) = told["changes"]
    assert told["reasons"][row["reason"]]["look_alike"]["names"]["uk"] == "Сніг"


def test_a_reason_shared_by_many_places_is_written_once_and_older_files_are_read_for_ever() -> None:
    kinds = {f"place-{number}": "vanished" for number in range(1_000)} | {"another": "appeared"}
    shared = {"kind": "classifier", "classifier": 2, "campaigns": [{"campaign": "Snow", "report": 7}] * 10}
    reasons = {place: json.loads(json.dumps(shared)) for place in kinds if place != "another"}
    data = to_file(4, kinds, reasons)
    assert data.count(b'"campaigns"') == 1
    first = {
        "format": "amber-changes/1",
        "previous": 4,
        "changes": [
            {"place": place, "kind": kind, "reason": reasons.get(place, {"kind": "unknown"})}
            for place, kind in kinds.items()
        ],
    }
    for file in (data, json.dumps(first).encode()):
        told = from_file(file)
        assert told == {
            place: (kind, reasons.get(place, {"kind": "unknown"})) for place, kind in kinds.items()
        }
        assert len({id(reason) for _kind, reason in told.values()}) == 2, "equal reasons are one object"
    for wrong in ("amber-changes/3", "amber-changes/2"):
        file = {"format": wrong, "reasons": [], "changes": [{"place": "a", "kind": "vanished", "reason": 0}]}
        with pytest.raises(ValueError, match="format|list of changes"):
            from_file(json.dumps(file).encode())


# Pages --------------------------------------------------------------------------------------------------


@pytest.fixture
def second(first: Any, ground: list[Any], bob: Any) -> Any:
    judge(on_tile(first.run, ground[0]), bob, "rejected", look_alike="snow")
    return publish_release(run=first.run, acting_user=None)


def test_the_page_the_map_and_the_csv_say_the_same(first: Any, second: Any, ground: list[Any]) -> None:
    client = Client()
    page = client.get("/releases/testshire/1/compare/2/")
    assert page.status_code == 200
    assert "an expert has rejected it (Snow)" in page.content.decode()
    assert client.get("/releases/testshire/2/compare/1/")["Location"] == "/releases/testshire/1/compare/2/"
    data = client.get("/releases/testshire/1/compare/2/changes.json").json()
    (row,) = data["changes"]
    assert (data["kinds"][row[0]], row[1]) == ("vanished", ground[0].place_id)
    assert data["reasons"][row[5]] == ["review", "an expert has rejected it (Snow)"]
    answer = client.get("/releases/testshire/1/compare/2/changes.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf"), (
        "Excel takes UTF-8 without its mark for another code page"
    )
    (line,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert line["place"] == ground[0].place_id
    assert (line["change"], line["cause"], line["release"]) == ("vanished", "review", "2")
    assert line["hectares_after"] == ""


def test_one_place_is_told_as_one(first: Any, ground: list[Any], bob: Any) -> None:
    judge(on_tile(first.run, ground[0]), bob, "rejected")
    judge(on_tile(first.run, ground[1]), bob, "rejected")
    second = publish_release(run=first.run, acting_user=None)
    judge(on_tile(first.run, ground[1]), bob)
    publish_release(run=first.run, acting_user=None)

    def told(earlier: int, later: int) -> list[tuple[str, str]]:
        page = Client().get(f"/releases/testshire/{earlier}/compare/{later}/").content.decode()
        return re.findall(r"<dt>(new places?|places? gone)</dt><dd>(\d)</dd>", page)

    assert told(1, 2) == [("new places", "0"), ("places gone", "2")]
    assert told(1, 3) == [("new places", "0"), ("place gone", "1")]
    assert told(2, 3) == [("new place", "1"), ("places gone", "0")]
    readme = storage.get(second.files.get(name="README.txt").storage_key).decode()
    assert readme.splitlines()[2].startswith("1 place, ")
    assert "3 satellite tiles searched" in readme


def rows_of(answer: Any) -> list[str]:
    """The places of the page's table, in its order."""
    return re.findall(
        r'<tr>\s*<th scope="row"><a class="num" href="[^"]*/place/(\w+)/"', answer.content.decode()
    )


@pytest.fixture
def many(first: Any, region: Any, ground: list[Any], bob: Any) -> Any:
    """One place gone after a report, one after a rejection, and one that came: release 2 after release 1."""
    judge(
        on_tile(first.run, ground[0]),
        bob,
        "rejected",
        look_alike="deforestation",
        report=report_on(on_tile(first.run, ground[0]), first),
    )
    judge(on_tile(first.run, ground[1]), bob, "rejected")
    run = found_on(region, ground)
    run.classifier = first.run.classifier
    run.save()
    judge(on_tile(run, ground[3]), bob)
    return publish_release(run=run, acting_user=None)


def test_a_reader_asks_which_places_went_because_of_reports(many: Any, ground: list[Any]) -> None:
    client, address = Client(), "/releases/testshire/1/compare/2/"
    gone, rejected, _kept, came = (tile.place_id for tile in ground)
    whole = client.get(address)
    assert sorted(rows_of(whole)) == sorted([gone, rejected, came])
    page = whole.content.decode()
    for query, words in (
        ("kind=vanished", "No longer on the map"),
        ("reason=report", "a citizen's report"),
        ("reason=review", "an expert's verdict"),
    ):
        assert f'href="?{query}#changes">{escape(words)} <span' in page, query
    assert sorted(rows_of(client.get(address, {"kind": "vanished"}))) == sorted([gone, rejected])
    assert rows_of(client.get(address, {"kind": "appeared"})) == [came]
    asked = client.get(address, {"kind": "vanished", "reason": "report"})
    assert rows_of(asked) == [gone]
    assert "(Clear-cut forest)" in asked.content.decode()
    told = json.loads(
        re.search(r'<script id="compare-data"[^>]*>(.*?)</script>', asked.content.decode())[1]  # type: ignore[index]
    )
    assert (told["kind"], told["cause"]) == ("vanished", "report"), "the map shows the same"


def test_a_filter_that_nothing_answers_to_shows_the_way_back_and_nonsense_narrows_nothing(many: Any) -> None:
    client, address = Client(), "/releases/testshire/1/compare/2/"
    empty = client.get(address, {"kind": "appeared", "reason": "report"})
    assert empty.status_code == 200
    assert rows_of(empty) == []
    assert 'href="?#changes">All changes</a>' in empty.content.decode()
    for query in (
        {"kind": "<b>"},
        {"reason": "\x00"},
        {"kind": "x" * 5000},
        {"page": "-1"},
        {"page": "none"},
    ):
        answer = client.get(address, query)
        assert answer.status_code == 200
        assert len(rows_of(answer)) == 3


def test_thousands_of_changes_are_read_page_by_page(
    many: Any, ground: list[Any], monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr("labeling.public.views.comparison.PER_PAGE", 1)
    client, address = Client(), "/releases/testshire/1/compare/2/"
    whole = [rows_of(client.get(address, {"page": str(page)})) for page in (1, 2, 3)]
    assert sorted(place for (place,) in whole) == sorted(ground[k].place_id for k in (0, 1, 3))
    with django_assert_num_queries(0):
        second = client.get(address, {"kind": "vanished", "page": "2"})
    assert "Page 2 of 2" in second.content.decode()
    assert 'rel="prev" href="?kind=vanished&amp;page=1#changes"' in second.content.decode()
    assert rows_of(client.get(address, {"page": "999"})) == whole[2], "beyond the end is the end"


def test_a_comparison_is_kept_once_for_readers_of_every_language(many: Any) -> None:
    from labeling.public.views.comparison import _remembered

    _remembered.cache_clear()
    address = "/releases/testshire/1/compare/2/"
    assert "an expert has rejected it" in Client().get(address).content.decode()
    uk = Client(headers={"accept-language": "uk"}).get(address).content.decode()
    assert "an expert has rejected it" not in uk
    assert _remembered.cache_info().currsize == 1


def test_the_form_leads_to_any_two_releases(first: Any, second: Any) -> None:
    client = Client()
    chosen = client.get("/releases/testshire/compare/?from=1&to=2")
    assert chosen["Location"] == "/releases/testshire/1/compare/2/"
    for query in ("", "from=1", "from=a&to=2", "from=1&to=99999999999999"):
        assert client.get(f"/releases/testshire/compare/?{query}").status_code == 400
    assert client.get("/releases/testshire/1/compare/1/").status_code == 400
    assert client.get("/releases/testshire/1/compare/9/").status_code == 404


def test_nothing_of_a_comparison_asks_the_database(
    first: Any, second: Any, django_assert_num_queries: Any
) -> None:
    client = Client()
    with django_assert_num_queries(0):
        assert client.get("/releases/testshire/1/compare/2/").status_code == 200
        assert client.get("/releases/testshire/1/compare/2/changes.json").status_code == 200
        assert client.get("/releases/testshire/1/compare/2/changes.csv").status_code == 200


# Imported maps ------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Any, ground: list[Any]) -> Any:
    """A map of 2018 in three files: squares around the first tile and around ground that nobody searched."""

    def square(west: float, south: float, side: float, count: int) -> dict[str, Any]:
        ring = [
            [west, south],
            [west + side, south],
            [west + side, south + side],
            [west, south + side],
            [west, south],
        ]
        return {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {"count": count},
        }

    made = tmp_path / "published-map"
    made.mkdir()
    here = ground[0]
    fine = [square(here.west - 0.001, here.south - 0.001, 0.0025, 2), square(25.0, 50.0, 0.002, 1)]
    (made / "squares.1.geojson").write_text(json.dumps(fine))
    (made / "squares.9.geojson").write_text(json.dumps([square(25.0, 50.0, 0.1, 3)]))
    (made / "coordinates.csv").write_text("lat,lon\n51.5,26.5\n\n51.5,26.5\n50.001,25.001\n")
    return made


def bring_in(folder: Any, **options: Any) -> str:
    out = io.StringIO()
    values = {"region": "testshire", "title": "Map of 2018", "date": "2018-03-26"} | options
    call_command(
        "import_historical", str(folder), *[f"--{key}={value}" for key, value in values.items()], stdout=out
    )
    return out.getvalue()


def test_an_imported_map_is_listed_shown_and_compared_by_ground(
    first: Any, ground: list[Any], folder: Any
) -> None:
    assert "2 places" in bring_in(folder)
    imported = Release.objects.get(kind="historical")
    assert imported.run is None
    assert imported.number == 2
    assert imported.statistics["hectares"] is None
    assert imported.files.filter(name__startswith="original-").count() == 3
    client = Client()
    assert "Map of 2018" in client.get("/releases/").content.decode()
    assert client.get("/map/testshire/2/").status_code == 200
    assert client.get("/map/testshire/2/list/").status_code == 200
    assert client.get("/")["Content-Type"].startswith("text/html")
    assert client.get("/map/testshire/")["Location"] == "/map/testshire/1/", (
        "the map of today stays the latest"
    )
    older = published_numbered("testshire", 2)
    comparison = compare_releases(older, published_numbered("testshire", 1))
    assert comparison.by_ground
    assert {change.place for change in comparison.appeared} == {tile.place_id for tile in ground[1:3]}
    (gone,) = comparison.vanished
    assert gone.cause == "not_searched"
    assert comparison.unchanged == 1
    page = client.get("/releases/testshire/1/compare/2/")
    assert page["Location"] == "/releases/testshire/2/compare/1/", "the older map comes first"
    shown = client.get(page["Location"]).content.decode()
    assert "Map of 2018" in shown
    assert "does not show it" in shown
    assert client.get("/releases/testshire/2/compare/1/changes.csv").status_code == 200
    # Nobody knows how much of a square is torn up: no page says a number, or none, of hectares.
    square = places_of(older)[0].place
    for path in (f"/map/testshire/2/place/{square}/", f"/report/?region=testshire&number=2&place={square}"):
        told = re.sub(r"(?s)<script.*?</script>", "", client.get(path).content.decode())
        assert not re.search(r"\bha\b", told), path


def test_nobody_says_where_an_imported_map_had_looked(first: Any, ground: list[Any], folder: Any) -> None:
    bring_in(folder)
    gone = compare_releases(published_numbered("testshire", 1), published_numbered("testshire", 2)).vanished
    assert {change.place for change in gone} == {tile.place_id for tile in ground[1:3]}
    assert {change.reason for change in gone} == {"the later map does not show it"}


def test_a_square_beside_the_searched_tiles_was_not_searched(
    region: Any, make_tile: Tiles, bob: Any, tmp_path: Any
) -> None:
    """However near: the next tile is looked up, not the square of the map in which it lies."""
    tile = make_tile(3)
    run = found_on(region, [tile])
    approve_all(run, bob)
    publish_release(run=run, acting_user=None)
    made = tmp_path / "map"
    made.mkdir()
    # The detection of these tests covers the half of its tile below the diagonal.
    within, beside = (tile.west + 0.0001, tile.north - 0.0002), (tile.east + 0.001, tile.south)
    squares = [
        {
            "type": "Feature",
            "properties": {"count": 1},
            "geometry": {
                "type": "Polygon",
                "coordinates": [list(box(x, y, x + 1e-4, y + 1e-4).exterior.coords)],
            },
        }
        for x, y in (within, beside)
    ]
    (made / "squares.geojson").write_text(json.dumps(squares))
    bring_in(made)
    old, new = published_numbered("testshire", 2), published_numbered("testshire", 1)
    reasons = {
        (change.before.longitude > tile.east, change.cause)
        for change in compare_releases(old, new).vanished
        if change.before is not None
    }
    assert reasons == {(False, "not_found"), (True, "not_searched")}


def test_the_next_release_follows_its_own_kind(first: Any, ground: list[Any], folder: Any, bob: Any) -> None:
    bring_in(folder)
    judge(on_tile(first.run, ground[0]), bob, "rejected", look_alike="snow")
    third = publish_release(run=first.run, acting_user=None)
    assert third.number == 3
    assert json.loads(storage.get(third.files.get(name="changes.json").storage_key))["previous"] == 1
    assert set(reasons_of(first, third)) == {ground[0].place_id}


def test_pages_that_know_runs_stand_a_release_without_one(
    first: Any, folder: Any, carol: Any, alice: Any, bob: Any, client_of: Callable[[Any], Client]
) -> None:
    bring_in(folder)
    Release.objects.filter(kind="own").delete()
    from labeling.releases.catalogue import write_catalogue

    write_catalogue(fresh=True)
    assert Client().get("/").status_code == 200
    assert Client().get("/releases/").status_code == 200
    assert Client().get("/api/releases/").status_code == 200
    assert Client().get("/report/?region=testshire&number=2").status_code == 200
    assert client_of(carol).get("/manage/").status_code == 200
    imported = Release.objects.get()
    place = json.loads(storage.get(imported.files.get(name="places.json").storage_key))["places"][0]
    assert Client().get(f"/map/testshire/2/place/{place['place']}/").status_code == 200
    report = {
        "release": imported.pk,
        "place": place["place"],
        "latitude": place["latitude"],
        "longitude": place["longitude"],
        "category": "not_mining",
    }
    assert Client().post("/api/reports/", report, "application/json").status_code == 201
    assert client_of(bob).get("/review/reports/").status_code == 200
    assert client_of(alice).get("/label/mine/").status_code == 200
    assert client_of(bob).get("/review/").status_code == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"region": "nowhere"}, "There is no region"),
        ({"title": " "}, "title"),
        ({"date": "2999-01-01"}, "to come"),
        ({"side": "0"}, "side"),
    ],
)
def test_what_cannot_be_imported_is_told(
    first: Any, folder: Any, options: dict[str, str], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        bring_in(folder, **options)
    assert Release.objects.count() == 1


def test_wrong_rows_are_named_and_nothing_is_imported(first: Any, folder: Any) -> None:
    (folder / "coordinates.csv").write_text("lat,lon\n51.5,26.5\n200,26.5\nx,1\n")
    with pytest.raises(CommandError) as refused:
        bring_in(folder)
    assert "coordinates.csv, line 3" in str(refused.value)
    assert "coordinates.csv, line 4" in str(refused.value)
    with pytest.raises(CommandError, match="no file"):
        bring_in(folder / "missing.csv")
    assert Release.objects.count() == 1


def test_a_square_far_away_is_left_out_and_named(
    first: Any, folder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fine = json.loads((folder / "squares.1.geojson").read_text())
    far = json.loads(json.dumps(fine[0]).replace("51.", "0."))
    (folder / "squares.1.geojson").write_text(json.dumps([*fine, far]))
    assert "2 places" in bring_in(folder)
    assert "squares.1.geojson, feature 3" in capsys.readouterr().err
    assert "1 far outside the region left out" in Release.objects.get(kind="historical").note
    (folder / "squares.1.geojson").write_text(json.dumps([far]))
    (folder / "squares.9.geojson").unlink()
    with pytest.raises(CommandError, match="Nothing of this map"):
        bring_in(folder)


def test_the_same_map_is_imported_once(first: Any, folder: Any) -> None:
    bring_in(folder)
    with pytest.raises(CommandError, match="imported already, as release 2"):
        bring_in(folder, title="Again")
