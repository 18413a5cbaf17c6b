"""The campaign's page tells of every class of look-alikes what became of it, and only what experts have said."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from amberapp.models import User
from detection.models import Detection
from detection.runs.diff import compare_runs
from labeling.campaigns.change_kinds import KindOfChange, kinds_of_change
from labeling.desk.labels import expert_labels
from labeling.models import Campaign, Consensus, Origin
from labeling.review.review_detection import review_detection
from tests.findings import make_classifier, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.database]

FIGURES = {"n": 12, "places": 5, "before": 9, "after": 3, "difference": [-0.5, -0.7083, -0.2]}


@pytest.fixture
def tiles(make_tile: Callable[..., Any]) -> list[Any]:
    return [make_tile(number) for number in range(1, 9)]


@pytest.fixture
def campaign(region: Any, tiles: list[Any], bob: User) -> Campaign:
    """The run after it marks tile 8 only, which the run before it did not; that one marked all others."""
    before = make_run(make_classifier(region), tiles[:7], pieces=(1, 2, 3, 4))
    after = make_run(make_classifier(region), tiles[7:])
    diff = compare_runs(before, after)
    assert (len(diff.chosen("vanished")), len(diff.chosen("appeared"))) == (7, 1)
    return Campaign.objects.create(
        region=region,
        name="Clear-cuts",
        segmented_tile=tiles[0].segmented.get(),
        superpixels=[1],
        decision="label",
        look_alike="deforestation",
        run_before=before,
        run_after=after,
        effect={"run": {"vanished": 7, "appeared": 1, "changed": 0, "unchanged": 0}},
        created_by=bob,
    )


def call(detection: Detection, bob: User, superpixels: list[int], look_alike: str) -> None:
    """What a campaign writes for the superpixels that were ticked."""
    expert_labels(
        segmented_tile=detection.segmented_tile,
        labels=[
            {"superpixel": number, "verdict": "not_mining", "look_alike": look_alike}
            for number in superpixels
        ],
        acting_user=bob,
        origin=Origin.CAMPAIGN,
    )


def told(campaign: Campaign) -> dict[str, tuple[int, int]]:
    return {one.kind: (one.removed, one.added) for one in kinds_of_change(campaign)}


def test_removed_detections_are_told_by_what_experts_say_of_their_ground(
    campaign: Campaign, bob: User, dora: User
) -> None:
    assert told(campaign) == {"": (7, 1)}, "nobody has said anything: nothing is claimed"
    rejected, approved, disputed, half, less, mixed, _silent = campaign.run_before.detections.all()
    review_detection(detection=rejected, verdict="rejected", look_alike="cemetery", acting_user=bob)
    review_detection(detection=approved, verdict="approved", acting_user=bob)
    said = review_detection(detection=disputed, verdict="approved", acting_user=bob)
    review_detection(
        detection=disputed,
        verdict="rejected",
        look_alike="snow",
        acting_user=dora,
        seen_review_id=said.pk,
    )
    call(half, bob, [1, 2], "deforestation")
    call(less, bob, [4], "deforestation")
    call(mixed, bob, [1, 2, 9], "snow")
    call(mixed, dora, [4], "deforestation")
    assert kinds_of_change(campaign) == [
        KindOfChange("cemetery", 1, 0),
        KindOfChange("deforestation", 1, 0),
        KindOfChange("snow", 1, 0),
        KindOfChange("mining", 1, 0),
        KindOfChange("waiting", 1, 0),
        KindOfChange("", 2, 1),
    ]


def test_what_the_campaign_itself_labelled_is_no_loss_though_an_expert_had_approved_it_before(
    campaign: Campaign, bob: User
) -> None:
    first, second, *_others = campaign.run_before.detections.all()
    for detection in (first, second):
        review_detection(detection=detection, verdict="approved", acting_user=bob)
    campaign.decision, campaign.look_alike, campaign.decided_at = "label", "snow", timezone.now()
    campaign.save()
    for number in first.superpixels[: (len(first.superpixels) + 1) // 2]:
        campaign.members.create(segmented_tile=first.segmented_tile, superpixel=number, distance=0)
    campaign.members.create(segmented_tile=second.segmented_tile, superpixel=99, distance=0)
    assert told(campaign) == {"snow": (1, 0), "mining": (1, 0), "": (5, 1)}
    # Who looks at that very ground once more has the last word.
    latest = first.reviews.latest("pk")
    review_detection(detection=first, verdict="approved", acting_user=bob, seen_review_id=latest.pk)
    assert told(campaign) == {"mining": (2, 0), "": (5, 1)}
    # And what is taken back says nothing.
    campaign.withdrawn_at = timezone.now()
    campaign.save()
    assert "snow" not in told(campaign)


def test_what_volunteers_say_gives_no_class(campaign: Campaign) -> None:
    first = campaign.run_before.detections.first()
    for number in first.superpixels:
        Consensus.objects.create(
            segmented_tile=first.segmented_tile,
            superpixel=number,
            verdict="not_mining",
            look_alike="snow",
            votes=3,
            agreeing=3,
        )
    assert told(campaign) == {"": (7, 1)}


def test_what_was_added_gets_its_class_when_an_expert_has_looked(
    campaign: Campaign, bob: User, client_of: Callable
) -> None:
    review_detection(detection=campaign.run_before.detections.first(), verdict="approved", acting_user=bob)
    review_detection(
        detection=campaign.run_after.detections.get(),
        verdict="rejected",
        look_alike="cemetery",
        acting_user=bob,
    )
    assert told(campaign) == {"cemetery": (0, 1), "mining": (1, 0), "": (6, 0)}
    page = client_of(bob).get(f"/review/campaigns/{campaign.pk}/").content.decode()
    assert '<th scope="row">Cemetery</th><td class="num">0</td><td class="num">1</td>' in page
    loss = 'Mining, as an expert has approved it <span class="tag tag--danger">a loss</span></th>'
    assert f'{loss}<td class="num">1</td><td class="num">0</td>' in page
    assert "Not judged by an expert" in page


def test_more_detections_cost_no_more_questions(
    campaign: Campaign, tiles: list[Any], bob: User, client_of: Callable
) -> None:
    client = client_of(bob)
    address = f"/review/campaigns/{campaign.pk}/"
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    more = make_run(campaign.run_before.classifier, tiles[:2])
    compare_runs(more, campaign.run_after)
    campaign.run_before = more
    campaign.save()
    with CaptureQueriesContext(connection) as fewer:
        client.get(address)
    assert len(few) == len(fewer)


def test_what_experts_have_said_of_the_run_is_weighed_once_for_the_steps_and_for_publishing(
    campaign: Campaign, bob: User, client_of: Callable
) -> None:
    review_detection(detection=campaign.run_after.detections.get(), verdict="approved", acting_user=bob)
    with CaptureQueriesContext(connection) as asked:
        page = client_of(bob).get(f"/review/campaigns/{campaign.pk}/")
    ready = page.context["ready"]
    assert (ready.detections, ready.approved, ready.waiting, ready.problem) == (1, 1, 0, "")
    grounds = [
        one for one in asked if '"superpixels"' in one["sql"] and 'FROM "labeling_review"' in one["sql"]
    ]
    weighed = [one for one in grounds if 'IN (SELECT U0."segmented_tile_id"' in one["sql"]]
    assert len(weighed) == 1


def test_without_a_comparison_of_the_runs_nothing_is_split(campaign: Campaign, tiles: list[Any]) -> None:
    campaign.run_after = make_run(campaign.run_before.classifier, tiles, state="running")
    assert kinds_of_change(campaign) == []
    campaign.run_after = make_run(campaign.run_before.classifier, tiles[:3])
    assert kinds_of_change(campaign) == [], "never compared"
    campaign.run_after = None
    assert kinds_of_change(campaign) == []


def test_each_class_is_told_with_its_difference_and_what_other_places_would_have_given(
    campaign: Campaign, bob: User, client_of: Callable
) -> None:
    few = {**FIGURES, "n": 8, "places": 4, "before": 2, "after": 2, "difference": [0.0, 0.0, 0.0]}
    parts = {"known": FIGURES, "own": few}
    campaign.effect = {"held_out": {"kinds": {"deforestation": parts, "cemetery": {"since": FIGURES}}}}
    campaign.save()
    page = client_of(bob).get(f"/review/campaigns/{campaign.pk}/").content.decode()
    table = page.partition("Called mining all the same, by what it is</caption>")[2].partition("</table>")[0]
    first, second, third = table.partition("<tbody>")[2].split("</tr>")[:3]
    assert 'Cemetery <small class="quiet">others labelled since</small>' in third
    for text in (
        'Clear-cut forest <small class="quiet">labelled before the campaign</small>',
        "12 <small",
        "5 places",
        "9 <span",
        "→",
        "3</td>",
        "<strong>−50.0</strong>",
        "−70.8 … −20.0",
    ):
        assert text in first, text
    assert "no range" not in first
    for text in ("the campaign&#x27;s own</small>", "4 places<", "<strong>0.0</strong>", "no range"):
        assert text in second, text
