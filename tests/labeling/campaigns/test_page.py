"""What can be done at each step of a campaign, by whom, and what the page says of its effect."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from labeling.campaigns.gallery import WARNING, CampaignCandidate
from labeling.campaigns.page import (
    FOR_ADMINS,
    LOOK_ALIKES,
    PUBLISH,
    RELEASE,
    REVIEW,
    ROUND,
    CampaignPage,
    campaign_page,
)
from labeling.models import Campaign
from labeling.releases.publish import publish_release
from tests.findings import make_classifier, make_run
from tests.published import approve_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(region: Any, make_tile: Callable[..., Any], bob: Any) -> Campaign:
    tile = make_tile(1)
    return Campaign.objects.create(
        region=region,
        name="Snow",
        segmented_tile=tile.segmented.get(),
        superpixels=[1],
        created_by=bob,
    )


def page(campaign: Campaign, reader: Any) -> CampaignPage:
    return campaign_page(Campaign.objects.get(pk=campaign.pk), reader)


def actions(campaign: Campaign, reader: Any) -> dict[str, str]:
    return {line.step.name: line.action for line in page(campaign, reader).lines if line.action}


def decide(campaign: Campaign, expert: Any) -> None:
    campaign.decision, campaign.look_alike = "label", "snow"
    campaign.decided_by, campaign.decided_at = expert, timezone.now()
    campaign.save()


def searched(campaign: Campaign) -> Any:
    """The campaign has trained and searched."""
    campaign.classifier_after = make_classifier(campaign.region)
    campaign.run_after = make_run(campaign.classifier_after, [campaign.segmented_tile.tile])
    campaign.save()
    return campaign.run_after


def test_first_an_expert_decides_about_the_look_alikes(campaign: Campaign, bob: Any) -> None:
    shown = page(campaign, bob)
    assert actions(campaign, bob) == {"decided": LOOK_ALIKES}
    assert [line.is_current for line in shown.lines][:2] == [False, True]
    assert shown.lines[0].is_done and shown.lines[0].byline.startswith("bob, ")
    assert shown.look_alike == ""


def test_then_an_admin_trains_and_searches(campaign: Campaign, bob: Any, carol: Any) -> None:
    decide(campaign, bob)
    assert actions(campaign, bob) == {"trained": FOR_ADMINS}
    assert actions(campaign, carol) == {"trained": ROUND}
    assert page(campaign, carol).round_title == "Retrain and reprocess"
    assert page(campaign, bob).look_alike


def test_a_search_that_failed_is_tried_again(campaign: Campaign, bob: Any, carol: Any) -> None:
    decide(campaign, bob)
    searched(campaign)
    campaign.run_after.state = "failed"
    campaign.run_after.save()
    assert actions(campaign, carol) == {"searched": ROUND}
    assert page(campaign, carol).round_title == "Try again"
    line = next(line for line in page(campaign, carol).lines if line.step.name == "searched")
    assert line.tag == ("tag--danger", "stopped")


def test_what_changed_is_reviewed_and_then_published(campaign: Campaign, bob: Any, carol: Any) -> None:
    decide(campaign, bob)
    run = searched(campaign)
    assert actions(campaign, bob) == {"reviewed": REVIEW}
    approve_all(run, bob)
    assert actions(campaign, bob) == {"published": FOR_ADMINS}
    assert actions(campaign, carol) == {"published": PUBLISH}
    publish_release(run=run, acting_user=carol)
    assert actions(campaign, bob) == {"published": RELEASE}


def test_nothing_can_be_done_about_a_campaign_that_was_taken_back(campaign: Campaign, carol: Any) -> None:
    campaign.withdrawn_at = timezone.now()
    campaign.save()
    assert not page(campaign, carol).stands
    assert actions(campaign, carol) == {}


def test_why_nothing_was_measured_is_told(campaign: Campaign, bob: Any) -> None:
    assert page(campaign, bob).not_measured == ""
    campaign.effect = {
        "held_out": {"reason": "no earlier", "labels": {"added": 0, "removed": 1, "changed": 0}}
    }
    campaign.save()
    shown = page(campaign, bob)
    assert shown.not_measured == "Not measured. There is no earlier classifier to compare with."
    assert (shown.figures, shown.kinds, shown.labels_differ) == ([], [], True)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, [("", "not searched")]),
        ({"is_crop": True, "verdict": "mining"}, [("", "a labelled crop"), (WARNING, "imported as mining")]),
        ({"score": 0.914, "called": True}, [("look__called", "called mining · 0.91")]),
        (
            {"score": 0.2, "approved": True, "verdict": "not_mining", "by_expert": True},
            [("", "not called · 0.20"), (WARNING, "approved by an expert"), ("", "an expert: not mining")],
        ),
        ({"verdict": "unsure"}, [("", "not searched"), ("", "volunteers disagree")]),
    ],
)
def test_a_look_alike_says_what_is_known_of_it(known: dict[str, Any], words: list[tuple[str, str]]) -> None:
    nothing = {
        "segmented_tile": 1,
        "superpixel": 2,
        "distance": 0.1,
        "score": None,
        "called": False,
        "verdict": "",
        "by_expert": False,
        "is_crop": False,
        "approved": False,
        "asked": False,
        "campaign": None,
        "campaign_name": "",
        "ticked": False,
    }
    assert CampaignCandidate(**nothing | known).words == words
