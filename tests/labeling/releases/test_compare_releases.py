"""Any two releases of a region are compared: what came, what went, why; on the page, as data for the map, as CSV."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from amberapp import storage
from detection.training import dataset as datasets
from labeling.models import Campaign, CampaignMember, Report
from labeling.releases.catalogue import published_numbered
from labeling.releases.comparison import compare_releases
from labeling.releases.files.changes import from_file
from labeling.releases.publish import publish_release
from labeling.reports.decision import accept_report
from labeling.reports.reopening import reopen_report
from labeling.review.review_detection import review_detection, withdraw_review
from tests.findings import learned_from, make_classifier, make_run
from tests.labeling.releases.comparing import on_tile, reasons_of, report_on
from tests.published import approve_all, found_on, judge

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def say(detection: Any, expert: Any, verdict: str = "approved", **more: Any) -> Any:
    """A verdict through the desk's own action, of an expert who has seen everything said before."""
    latest = detection.reviews.order_by("-id").first()
    seen = latest.pk if latest else None
    return review_detection(
        detection=detection, verdict=verdict, acting_user=expert, seen_review_id=seen, **more
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
