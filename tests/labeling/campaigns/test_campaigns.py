"""Bob, an expert, runs campaigns against errors; Carol, an admin, trains and searches again; Alice may not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amberapp import jobs
from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import AuditEntry, Job, User
from benchmarks.made_region import KEY, make_classifier, make_region
from detection.look_alikes.index import build_index
from detection.models import Detection, Region, Run, SegmentedTile
from detection.runs.runs import execute_here, start_run
from detection.training import dataset as datasets
from labeling.campaigns import campaigns
from labeling.campaigns.contradictions import CampaignContradicts
from labeling.campaigns.gallery import gallery
from labeling.campaigns.round import measure_run, request_round
from labeling.campaigns.steps import campaign_progress_of
from labeling.models import Campaign, CampaignMember, Consensus, Label, Report, Submission
from labeling.reports.decision import accept_report
from labeling.review.review_detection import review_detection
from labeling.training.retrain import freeze_region, training_rows
from tests.kept import keep
from tests.markup import tight

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def madeshire(db: None, home: Path) -> Region:
    """Forty tiles, four of them with five mined superpixels, searched once."""

    def make() -> None:
        region = make_region(40, dimension=24, share_mined=0.1)
        make_classifier(region, "xgboost", dimension=24)

    keep("madeshire with a classifier", home, make)
    return Region.objects.get()


@pytest.fixture
def run(madeshire: Region, home: Path) -> Run:
    keep("madeshire searched", home, lambda: execute_here(start_run(region=madeshire, acting_user=None)))
    run = Run.objects.get()
    assert run.state == "done"
    return run


@pytest.fixture
def detection(run: Run, home: Path) -> Detection:
    def build() -> None:
        build_index(region=run.region, extractor_key=KEY, progress=lambda done, total, message="": None)

    keep("the index of madeshire", home, build)
    return run.detections.with_ground().first()


@pytest.fixture
def campaign(detection: Detection, bob: User) -> Campaign:
    return campaigns.begin_from_detection(detection=detection, acting_user=bob)


def places_of(detection: Detection) -> list[tuple[int, int]]:
    return [(detection.segmented_tile_id, number) for number in detection.superpixels]


def label(campaign: Campaign, person: User, ticked: list[tuple[int, int]], **more: Any) -> Campaign:
    values = {"decision": "label", "look_alike": "deforestation", **more}
    return campaigns.decide(campaign=campaign, ticked=ticked, acting_user=person, **values)


# Beginning --------------------------------------------------------------------------------------


def test_a_campaign_begins_once_from_a_detection_and_asks_for_the_index(
    campaign: Campaign, detection: Detection, bob: User
) -> None:
    assert campaign.superpixels == sorted(detection.superpixels)
    assert campaigns.begin_from_detection(detection=detection, acting_user=bob) == campaign
    assert AuditEntry.objects.filter(verb="campaign.begun").count() == 1


def test_a_campaign_from_an_accepted_report_knows_the_report_and_its_look_alike(
    detection: Detection, bob: User
) -> None:
    report = Report.objects.create(
        region=detection.run.region,
        detection=detection,
        latitude=50.1,
        longitude=24.1,
        category="not_mining",
    )
    with pytest.raises(UserError, match="Accept the report first"):
        campaigns.begin_from_report(report=report, acting_user=bob)
    accept_report(report=report, acting_user=bob, look_alike="cemetery")
    begun = campaigns.begin_from_report(report=report, acting_user=bob)
    assert (begun.report, begun.look_alike, begun.superpixels) == (report, "cemetery", detection.superpixels)


def test_a_report_without_a_detection_begins_with_the_superpixel_under_its_point(
    detection: Detection, bob: User
) -> None:
    tile = detection.segmented_tile.tile
    report = Report.objects.create(
        region=tile.region,
        latitude=tile.south + 0.0001,
        longitude=tile.west + 0.0001,
        category="other",
        state="accepted",
    )
    begun = campaigns.begin_from_report(report=report, acting_user=bob)
    assert begun.segmented_tile.tile == tile
    assert begun.superpixels == [21], "the lower left of five by five"
    report.latitude = 10.0
    with pytest.raises(UserError, match="No tile"):
        campaigns.begin_from_report(report=report, acting_user=bob)


def test_a_superpixel_that_is_not_there_begins_nothing(detection: Detection, bob: User) -> None:
    with pytest.raises(UserError, match="1 to 25"):
        campaigns.begin_from_superpixel(
            segmented_tile=detection.segmented_tile, superpixel=26, acting_user=bob
        )


# The gallery ------------------------------------------------------------------------------------


def test_the_gallery_shows_what_is_called_mining_first_and_what_is_known_of_it(
    campaign: Campaign, detection: Detection, bob: User
) -> None:
    shown = gallery(campaign, ticked=None)
    called = [one.called for group in shown.groups for one in group.candidates]
    assert shown.called == sum(called) >= 15
    tiles = [group.segmented.pk for group in shown.groups]
    assert len(set(tiles)) == len(tiles), "one tile, one group"
    first = shown.groups[0].candidates[0]
    assert (first.asked, first.ticked) == (True, True)
    assert {one.name for group in shown.groups for one in group.candidates if one.ticked} == {
        f"{tile}-{number}" for tile, number in places_of(detection)
    }
    only = gallery(campaign, ticked=[], only_called=True)
    assert all(one.called and not one.ticked for group in only.groups for one in group.candidates)
    like = gallery(campaign, ticked=[(tiles[0], 1)], like=[(tiles[0], 1)])
    nearest = min((one for group in like.groups for one in group.candidates), key=lambda one: one.distance)
    assert (nearest.segmented_tile, nearest.superpixel, nearest.distance) == (tiles[0], 1, 0.0)


def test_labels_reviews_and_other_campaigns_are_told(
    campaign: Campaign, detection: Detection, run: Run, bob: User, client_of: Callable
) -> None:
    other = run.detections.with_ground().exclude(pk=detection.pk).first()
    second = campaigns.begin_from_detection(detection=other, acting_user=bob)
    label(second, bob, places_of(other), name="Graves & crosses")
    known = {
        (one.segmented_tile, one.superpixel): one
        for group in gallery(campaign, ticked=[]).groups
        for one in group.candidates
    }
    one = known[places_of(other)[0]]
    assert (one.verdict, one.by_expert, one.campaign) == ("not_mining", True, second.pk)
    page = tight(client_of(bob).get(f"/review/campaigns/{campaign.pk}/look-alikes/").content.decode())
    link = f'href="/review/campaigns/{second.pk}/" target="_blank">in another campaign:'
    assert page.count(f"{link}<strong>Graves &amp; crosses</strong>") == len(places_of(other))
    campaigns.withdraw(campaign=second, acting_user=bob)
    page = client_of(bob).get(f"/review/campaigns/{campaign.pk}/look-alikes/").content.decode()
    assert link not in tight(page)


# Deciding ---------------------------------------------------------------------------------------


def test_labelling_settles_every_ticked_superpixel_and_reaches_training(
    campaign: Campaign, detection: Detection, run: Run, bob: User
) -> None:
    ticked = [place for one in run.detections.all() for place in places_of(one)]
    decided = label(campaign, bob, ticked, name="Clear-cuts")
    assert (decided.decision, decided.look_alike, decided.name) == ("label", "deforestation", "Clear-cuts")
    assert decided.members.count() == len(ticked)
    assert decided.members.filter(segmented_tile=detection.segmented_tile, distance=0).count() == len(
        detection.superpixels
    )
    settled = Consensus.objects.filter(verdict="not_mining", by_expert=True, look_alike="deforestation")
    assert settled.count() == len(ticked)
    rows = training_rows(run.region)
    assert {(row.segmented_tile, row.superpixel) for row in rows} == set(ticked)
    entry = AuditEntry.objects.get(verb="campaign.decided")
    assert (entry.actor, entry.details["superpixels"]) == (bob, len(ticked))


def test_labelling_as_mining_adds_what_the_map_missed_and_goes_when_taken_back(
    campaign: Campaign, detection: Detection, run: Run, bob: User
) -> None:
    ticked = [(detection.segmented_tile_id, number) for number in (4, 5)]
    decided = label(campaign, bob, ticked, decision="mining")
    assert (decided.decision, decided.look_alike) == ("mining", "")
    assert {row.superpixel: row.mining for row in training_rows(run.region)} == {4: True, 5: True}
    assert Label.objects.filter(submission__origin="campaign", submission__volunteer=bob).count() == 2
    campaigns.withdraw(campaign=decided, acting_user=bob)
    assert training_rows(run.region) == []


@pytest.mark.parametrize(("said", "decision"), [("mining", "label"), ("not_mining", "mining")])
def test_what_an_expert_said_otherwise_needs_a_second_press(
    said: str, decision: str, campaign: Campaign, detection: Detection, bob: User, client_of: Callable
) -> None:
    from labeling.desk.labels import expert_labels

    tile = detection.segmented_tile
    expert_labels(
        segmented_tile=tile,
        labels=[{"superpixel": 1, "verdict": said}],
        acting_user=bob,
        origin="review",
    )
    ticked = [(tile.pk, 1), (tile.pk, 2)]
    with pytest.raises(CampaignContradicts) as refused:
        label(campaign, bob, ticked, decision=decision)
    assert refused.value.against == [(tile.pk, 1)]
    assert not campaign.members.exists()
    body = {"do": decision, "look_alike": "deforestation", "tick": [f"{tile.pk}-1", f"{tile.pk}-2"]}
    url = f"/review/campaigns/{campaign.pk}/look-alikes/"
    asked = client_of(bob).post(url, body)
    assert asked.status_code == 409
    assert f'name="confirmed" value="{tile.pk}-1"' in asked.content.decode()
    assert client_of(bob).post(url, body | {"confirmed": [f"{tile.pk}-1"]}).status_code == 302
    assert campaign.members.count() == 2


def test_approved_ground_is_no_error_unseen(campaign: Campaign, detection: Detection, bob: User) -> None:
    review_detection(detection=detection, verdict="approved", acting_user=bob)
    with pytest.raises(CampaignContradicts) as refused:
        label(campaign, bob, places_of(detection))
    assert refused.value.against == places_of(detection)


def test_deciding_twice_the_same_is_once_and_otherwise_refused(
    campaign: Campaign, detection: Detection, bob: User, dora: User
) -> None:
    label(campaign, bob, places_of(detection))
    label(campaign, bob, places_of(detection))
    assert Submission.objects.filter(origin="campaign").count() == 1
    assert Label.objects.count() == len(detection.superpixels)
    with pytest.raises(Conflict, match="bob has decided"):
        label(campaign, dora, places_of(detection), look_alike="cemetery")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"look_alike": ""}, "what it is"),
        ({"look_alike": "ufo"}, "what it is"),
        ({"decision": "perhaps"}, "Choose"),
        ({"ticked": []}, "Nothing is ticked"),
        ({"ticked": [(10**9, 1)]}, "no longer there"),
        ({"ticked": [(1, number) for number in range(1, 500)]}, "At most"),
    ],
)
def test_a_decision_that_makes_no_sense_writes_nothing(
    campaign: Campaign, detection: Detection, bob: User, change: dict[str, Any], sentence: str
) -> None:
    values = {"ticked": places_of(detection), **change}
    with pytest.raises(UserError, match=sentence):
        label(campaign, bob, values.pop("ticked"), **values)
    campaign.refresh_from_db()
    assert campaign.decision == ""
    assert not CampaignMember.objects.exists()


def test_excluded_superpixels_teach_nothing_until_the_campaign_is_taken_back(
    campaign: Campaign, detection: Detection, run: Run, bob: User
) -> None:
    other = run.detections.with_ground().exclude(pk=detection.pk).first()
    for place in places_of(detection) + places_of(other):
        Consensus.objects.create(
            segmented_tile_id=place[0], superpixel=place[1], verdict="mining", votes=3, agreeing=3
        )
    label(campaign, bob, places_of(detection), decision="exclude")
    assert not Label.objects.exists()
    left = {(row.segmented_tile, row.superpixel) for row in training_rows(run.region)}
    assert left == set(places_of(other))
    campaigns.withdraw(campaign=campaign, acting_user=bob)
    assert len(training_rows(run.region)) == len(places_of(detection) + places_of(other))


def test_taking_a_campaign_back_takes_its_labels_back_and_ends_it(
    campaign: Campaign, detection: Detection, bob: User
) -> None:
    label(campaign, bob, places_of(detection))
    assert campaigns.withdraw(campaign=campaign, acting_user=bob) == len(detection.superpixels)
    assert campaigns.withdraw(campaign=campaign, acting_user=bob) == 0
    assert not Consensus.objects.filter(by_expert=True).exists()
    assert not Submission.objects.standing().exists()
    assert AuditEntry.objects.filter(verb="campaign.withdrawn").count() == 1
    with pytest.raises(Conflict, match="taken back"):
        label(campaign, bob, places_of(detection))


def test_the_next_dataset_names_the_campaign_and_the_same_state_gives_the_same_file(
    campaign: Campaign, detection: Detection, run: Run, bob: User
) -> None:
    other = run.detections.with_ground().exclude(pk=detection.pk).first()
    for tile, number in places_of(other):
        Submission.objects.create(volunteer=bob, segmented_tile_id=tile, origin="import").labels.create(
            segmented_tile_id=tile, superpixel=number, verdict="mining"
        )
    label(campaign, bob, places_of(detection), name="Clear-cuts")
    frozen = freeze_region(run.region, bob)
    note = datasets.campaigns_of(frozen)[0]
    assert (note.number, note.name, note.decision, note.look_alike, note.superpixels) == (
        campaign.pk,
        "Clear-cuts",
        "label",
        "deforestation",
        len(detection.superpixels),
    )
    assert len(datasets.read(frozen)) == frozen.rows
    assert freeze_region(run.region, bob) == frozen
    campaigns.withdraw(campaign=campaign, acting_user=bob)
    # Labels of before the campaign come from nobody: only mining is left, which teaches nothing.
    with pytest.raises(UserError):
        freeze_region(run.region, bob)


# What follows -----------------------------------------------------------------------------------


def test_only_an_admin_trains_and_only_what_is_decided(
    campaign: Campaign, detection: Detection, bob: User, carol: User
) -> None:
    with pytest.raises(UserError, match="Decide first"):
        request_round(campaign=campaign, acting_user=carol)
    label(campaign, bob, places_of(detection))
    with pytest.raises(NotAllowed):
        request_round(campaign=campaign, acting_user=bob)
    job = request_round(campaign=campaign, acting_user=carol)
    assert request_round(campaign=campaign, acting_user=carol) == job


def test_the_run_tells_what_it_removed(campaign: Campaign, detection: Detection, run: Run, bob: User) -> None:
    label(campaign, bob, places_of(detection))
    classifier = make_classifier(run.region, "xgboost", dimension=24)
    classifier.threshold = 2.0  # calls nothing mining
    classifier.save()
    later = start_run(region=run.region, classifier=classifier, acting_user=None)
    Campaign.objects.filter(pk=campaign.pk).update(
        classifier_before=run.classifier, classifier_after=classifier, run_before=run, run_after=later
    )
    execute_here(later)
    job = Job.objects.get(kind="labeling.campaign_effect")
    assert jobs.execute(job.pk)
    campaign.refresh_from_db()
    told = campaign.effect["run"]
    assert (told["vanished"], told["appeared"]) == (run.detections.count(), 0)
    assert (told["members_before"], told["members_after"]) == (len(detection.superpixels), 0)
    assert measure_run(campaign) == told
    course = campaign_progress_of(Campaign.objects.get(pk=campaign.pk))
    assert [step.state for step in course.steps] == ["done", "done", "done", "done", "done", "now"]


# Doors ------------------------------------------------------------------------------------------


def test_alice_passes_no_door(
    campaign: Campaign, detection: Detection, alice: User, client_of: Callable
) -> None:
    client = client_of(alice)
    for address in ("", "begin/", f"{campaign.pk}/", f"{campaign.pk}/look-alikes/"):
        assert client.get(f"/review/campaigns/{address}").status_code == 403
    for address in (
        "begin/",
        f"{campaign.pk}/look-alikes/",
        f"{campaign.pk}/round/",
        f"{campaign.pk}/withdraw/",
    ):
        assert client.post(f"/review/campaigns/{address}", {"detection": detection.pk}).status_code == 403
    tile = detection.segmented_tile_id
    for address in (f"/api/campaigns/{campaign.pk}/progress/", f"/images/superpixels/{tile}/1.webp"):
        assert client.get(address).status_code == 403
    with pytest.raises(NotAllowed):
        campaigns.begin_from_detection(detection=detection, acting_user=alice)
    with pytest.raises(NotAllowed):
        label(campaign, alice, places_of(detection))
    with pytest.raises(NotAllowed):
        campaigns.withdraw(campaign=campaign, acting_user=alice)


def test_bob_goes_through_the_pages_without_scripts(
    detection: Detection, bob: User, carol: User, client_of: Callable
) -> None:
    client = client_of(bob)
    page = client.get("/review/campaigns/")
    assert "No campaign yet" in page.content.decode()
    begun = client.post("/review/campaigns/begin/", {"detection": detection.pk})
    campaign = Campaign.objects.get()
    assert begun.url == f"/review/campaigns/{campaign.pk}/look-alikes/"
    page = client.get(begun.url).content.decode()
    names = [f"{tile}-{number}" for tile, number in places_of(detection)]
    for name in names:
        assert f'value="{name}" checked' in page
    refused = client.post(begun.url, {"do": "label", "tick": names})
    assert refused.status_code == 400
    assert "Say what it is instead" in refused.content.decode()
    for do in ("show", "like", "more", "begin"):
        assert client.post(begun.url, {"do": do, "tick": names, "called": "1"}).status_code == 200
    assert client.post(begun.url, {"do": "like", "tick": "12;3"}).status_code == 400
    done = client.post(begun.url, {"do": "label", "tick": names, "look_alike": "cemetery"})
    assert done.url == f"/review/campaigns/{campaign.pk}/"
    page = client.get(done.url).content.decode()
    assert "superpixels labelled as not mining" in page
    assert "This is for an admin" in page
    assert "Retrain and reprocess" in client_of(carol).get(done.url).content.decode()
    assert client.post(f"{done.url}round/").status_code == 403
    assert client_of(carol).post(f"{done.url}round/").status_code == 302
    told = client.get(f"/api/campaigns/{campaign.pk}/progress/").json()
    assert told["state"] == "running"
    assert client.post(f"{done.url}withdraw/").status_code == 302
    assert "Taken back" in client.get(done.url).content.decode()
    assert campaign.name in client.get("/review/campaigns/").content.decode()


def test_from_the_review_bob_comes_to_any_superpixel_of_the_tile(
    detection: Detection, bob: User, client_of: Callable
) -> None:
    client = client_of(bob)
    card = client.get(f"/review/{detection.pk}/").content.decode()
    choose = f"/review/campaigns/begin/?tile={detection.segmented_tile_id}"
    assert f'href="{choose}"' in card
    assert "Press the superpixel" in client.get(choose).content.decode()
    other = next(
        number
        for number in range(1, detection.segmented_tile.superpixels + 1)
        if number not in detection.superpixels
    )
    client.post("/review/campaigns/begin/", {"tile": detection.segmented_tile_id, "superpixel": other})
    assert Campaign.objects.get().superpixels == [other]


@pytest.mark.parametrize(
    "said", [{}, {"detection": "x"}, {"detection": 10**25}, {"report": "\0"}, {"tile": "1e3"}, {"tile": "٣"}]
)
def test_a_beginning_of_nothing_is_not_found(bob: User, client_of: Callable, said: dict[str, Any]) -> None:
    assert client_of(bob).post("/review/campaigns/begin/", said).status_code == 404
    assert client_of(bob).get("/review/campaigns/begin/", said).status_code == 404
    assert client_of(bob).get(f"/review/campaigns/{10**20}/").status_code == 404


def test_a_superpixel_has_a_picture_with_its_outline(
    segmented_tile: SegmentedTile, bob: User, client_of: Callable
) -> None:
    from io import BytesIO

    from PIL import Image

    client = client_of(bob)
    answer = client.get(f"/images/superpixels/{segmented_tile.pk}/1.webp")
    assert answer.status_code == 200
    assert Image.open(BytesIO(answer.content)).size == (240, 240)
    again = client.get(
        f"/images/superpixels/{segmented_tile.pk}/1.webp", headers={"If-None-Match": answer["ETag"]}
    )
    assert again.status_code == 304
    assert client.get(f"/images/superpixels/{segmented_tile.pk}/999.webp").status_code == 404
    assert client.get(f"/images/superpixels/{10**20}/1.webp").status_code == 404
    page = client.get(f"/review/campaigns/begin/?image={segmented_tile.tile_id}").content.decode()
    assert page.count("<path") == segmented_tile.superpixels
