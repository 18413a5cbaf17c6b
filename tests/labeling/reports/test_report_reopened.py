"""Bob pressed the wrong button: the decision about a report is taken back, and nothing of it stays but its history."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.test import Client
from django.utils import timezone

from amberapp import jobs
from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import AuditEntry, Job, User
from labeling.campaigns.campaigns import begin_from_report, withdraw
from labeling.models import Campaign, Consensus, Report, Review
from labeling.releases.publish import publish_again, publish_release
from labeling.reports.decision import LETTER_JOB, accept_report, decline_report
from labeling.reports.email_encryption import encrypt
from labeling.reports.reopening import reopen_report
from labeling.review.review_detection import review_detection, withdraw_review
from labeling.review.verdicts import current_verdicts, verdicts_at
from tests.findings import make_classifier, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def accept(report: Report, expert: User, **said: Any) -> None:
    accept_report(report=report, acting_user=expert, look_alike="deforestation", **said)


def take_back(client: Client, report: Report, **also: Any) -> Any:
    """As the button on the report's page sends it."""
    report.refresh_from_db()
    page = client.get(f"/review/reports/{report.pk}/")
    assert report.decided_at is not None
    told = report.decided_at.isoformat()
    assert f'name="decided" value="{told}"' in page.content.decode()
    return client.post(f"/review/reports/{report.pk}/reopen/", {"decided": told}, **also)


def test_a_rejection_made_by_mistake_is_taken_back_with_its_labels(
    bob: User, dora: User, report: Report, run: Any, client_of: Callable
) -> None:
    review_detection(detection=report.detection, verdict="approved", acting_user=dora)
    accept(report, bob, answer="You are right.")
    rejected = timezone.now()
    page = client_of(dora).get(f"/review/reports/{report.pk}/").content.decode()
    assert "Taken off the map as: Clear-cut" in page
    answer = take_back(client_of(dora), report, follow=True)
    assert "1 report is open again." in answer.content.decode()
    report.refresh_from_db()
    assert (report.state, report.answer, report.decided_by, report.decided_at) == ("open", "", None, None)
    assert current_verdicts(run)[report.detection_id].verdict == "approved", "what stood before stands again"
    assert not Consensus.objects.filter(by_expert=True).exists()
    # What was, stays known.
    assert verdicts_at(run, rejected)[report.detection_id].verdict == "rejected"
    assert [row.verdict for row in Review.objects.order_by("id")] == ["approved", "rejected", "withdrawn"]
    entry = AuditEntry.objects.get(verb="report.reopened")
    assert entry.actor == dora
    assert entry.details["answer"] == "You are right."
    assert (entry.details["state"], entry.details["decided_by"]) == ("accepted", bob.pk)
    # And it can be decided anew, with another reason.
    accept_report(report=report, acting_user=dora, look_alike="field")
    assert current_verdicts(run)[report.detection_id].review.look_alike == "field"


def test_the_sender_reads_that_it_is_looked_at_again(bob: User, report: Report, client_of: Callable) -> None:
    address = f"/report/{report.token}/"
    decline_report(report=report, acting_user=bob, answer="These are pits.")
    assert "These are pits." in Client().get(address).content.decode()
    take_back(client_of(bob), report)
    page = Client().get(address).content.decode()
    assert "taken the first decision back" in page
    assert "These are pits." not in page
    accept(report, bob)
    assert "An expert agrees with you" in Client().get(address).content.decode()


def test_those_who_said_the_same_wait_again_too(
    bob: User, report: Report, file: Callable[..., Report], client_of: Callable
) -> None:
    same = file(detection=report.detection, duplicate_of=report)
    accept(report, bob)
    later = file(detection=report.detection, duplicate_of=report)
    Report.objects.filter(pk=later.pk).update(state="declined", decided_by=bob, decided_at=timezone.now())
    same.refresh_from_db()
    assert same.state == "accepted"
    # From the page of either of them.
    answer = take_back(client_of(bob), same, follow=True)
    assert "2 reports are open again." in answer.content.decode()
    assert {one.pk: one.state for one in Report.objects.all()} == {
        report.pk: "open",
        same.pk: "open",
        later.pk: "declined",
    }
    assert Review.objects.latest("id").verdict == "withdrawn"
    for one in (report, same):
        assert "taken the first decision back" in Client().get(f"/report/{one.token}/").content.decode()


def test_a_decision_that_the_page_did_not_show_is_not_taken_back(
    bob: User, dora: User, report: Report, client_of: Callable
) -> None:
    decline_report(report=report, acting_user=bob, answer="No.")
    report.refresh_from_db()
    seen = report.decided_at
    assert reopen_report(report=report, decided_at=seen, acting_user=dora) == 1
    decline_report(report=report, acting_user=dora, answer="No, because of the year.")
    for told in (
        seen.isoformat(),  # type: ignore[union-attr]
        "",
        "yesterday",
        "2026-13-45T00:00:00",
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
    ):
        answer = client_of(bob).post(f"/review/reports/{report.pk}/reopen/", {"decided": told})
        assert answer.status_code == 409
        assert "Nothing was changed" in answer.content.decode()
    report.refresh_from_db()
    assert (report.state, report.decided_by) == ("declined", dora)


def test_ground_that_was_reviewed_since_keeps_its_verdict(
    bob: User, dora: User, report: Report, run: Any
) -> None:
    accept(report, bob)
    report.refresh_from_db()
    review_detection(
        detection=report.detection,
        verdict="approved",
        acting_user=dora,
        seen_review_id=Review.objects.latest("id").pk,
    )
    with pytest.raises(Conflict, match="dora has decided meanwhile"):
        reopen_report(report=report, decided_at=report.decided_at, acting_user=bob)
    report.refresh_from_db()
    assert report.state == "accepted", "all or nothing"


def test_a_campaign_that_has_begun_is_taken_back_first(
    bob: User, report: Report, client_of: Callable
) -> None:
    accept(report, bob)
    campaign = begin_from_report(report=report, acting_user=bob)
    page = client_of(bob).get(f"/review/reports/{report.pk}/").content.decode()
    assert f'href="/review/campaigns/{campaign.pk}/"' in page
    assert "/reopen/" not in page
    report.refresh_from_db()
    with pytest.raises(Conflict, match="take the campaign back first"):
        reopen_report(report=report, decided_at=report.decided_at, acting_user=bob)
    withdraw(campaign=campaign, acting_user=bob)
    take_back(client_of(bob), report)
    report.refresh_from_db()
    assert report.state == "open"
    stale = Report.objects.get(pk=report.pk)
    stale.state = "accepted"  # as a page that was opened before has it
    with pytest.raises(UserError, match="Accept the report first"):
        begin_from_report(report=stale, acting_user=bob)


def test_one_review_of_a_report_is_not_taken_back_alone(bob: User, report: Report) -> None:
    accept(report, bob)
    with pytest.raises(UserError, match="on the report's page"):
        withdraw_review(review=Review.objects.get(), acting_user=bob)


def test_a_letter_that_was_not_sent_yet_waits_for_the_new_decision(bob: User, report: Report) -> None:
    Report.objects.filter(pk=report.pk).update(sealed_email=encrypt("citizen@example.org"))
    report.refresh_from_db()
    decline_report(report=report, acting_user=bob, answer="No.", site_url="https://amber.example")
    report.refresh_from_db()
    reopen_report(report=report, decided_at=report.decided_at, acting_user=bob)
    (first,) = Job.objects.filter(kind=LETTER_JOB)
    assert jobs.execute(first.pk)
    assert mail.outbox == []
    page = Client().get(f"/report/{report.token}/").content.decode()
    assert "You also get an e-mail when there is an answer" in page
    report.refresh_from_db()
    accept(report, bob, site_url="https://amber.example")
    for job in Job.objects.filter(kind=LETTER_JOB):
        jobs.execute(job.pk)
    assert len(mail.outbox) == 1
    assert "You also get" not in Client().get(f"/report/{report.token}/").content.decode()


def test_a_release_made_in_between_stays_and_is_named_before(
    bob: User, carol: User, report: Report, run: Any, client_of: Callable
) -> None:
    review = review_detection
    for one in run.detections.exclude(pk=report.detection_id):
        review(detection=one, verdict="approved", acting_user=bob)
    accept(report, bob)
    release = publish_release(run=run, acting_user=carol)
    page = client_of(bob).get(f"/review/reports/{report.pk}/").content.decode()
    assert f"Release {release.number} stays as it is" in page
    take_back(client_of(bob), report)
    report.refresh_from_db()
    assert report.state == "open"


def test_the_sender_reads_which_release_corrected_the_map_and_not_one_that_shows_the_place(
    bob: User, carol: User, report: Report, run: Any
) -> None:
    def status() -> str:
        return Client().get(f"/report/{report.token}/").content.decode()

    for one in run.detections.all():
        review_detection(detection=one, verdict="approved", acting_user=bob)
    wrong = publish_release(run=run, acting_user=carol)
    accept(report, bob)
    assert "the map is corrected with the next release" in status()
    right = publish_release(run=run, acting_user=carol)
    assert f"the map was corrected with release {right.number}." in status()
    back = publish_again(release=wrong, acting_user=carol)
    assert back.number > right.number
    assert "the map is corrected with the next release" in status(), "the place is on the map again"
    publish_again(release=right, acting_user=carol)
    assert f"the map was corrected with release {right.number}." in status()
    # The same expert thinks better of it, on the detection's card.
    seen = Review.objects.latest("id").pk
    review_detection(detection=report.detection, verdict="approved", seen_review_id=seen, acting_user=bob)
    page = status()
    assert "volunteers and experts look at the place once more" in page
    assert "corrected" not in page


def test_only_experts_take_decisions_back(
    alice: User, bob: User, carol: User, report: Report, client_of: Callable
) -> None:
    decline_report(report=report, acting_user=bob, answer="No.")
    report.refresh_from_db()
    told = {"decided": report.decided_at.isoformat()}  # type: ignore[union-attr]
    assert client_of(alice).post(f"/review/reports/{report.pk}/reopen/", told).status_code == 403
    assert Client().post(f"/review/reports/{report.pk}/reopen/", told).status_code == 302
    assert client_of(bob).get(f"/review/reports/{report.pk}/reopen/").status_code == 405
    assert client_of(bob).post("/review/reports/999999/reopen/", told).status_code == 404
    with pytest.raises(NotAllowed):
        reopen_report(report=report, decided_at=report.decided_at, acting_user=alice)
    report.refresh_from_db()
    assert report.state == "declined"


def test_who_missed_mining_is_promised_only_what_will_happen(
    bob: User, file: Callable[..., Report], run: Any, tiles: list[Any]
) -> None:
    tile = tiles[0]
    there = file(
        category="missed", latitude=(tile.south + tile.north) / 2, longitude=(tile.west + tile.east) / 2
    )
    nowhere = file(category="missed", latitude=50.0, longitude=30.0)
    for one in (there, nowhere):
        accept_report(report=one, acting_user=bob)
    page = Client().get(f"/report/{there.token}/").content.decode()
    assert "volunteers and experts look at the place once more" in page
    page = Client().get(f"/report/{nowhere.token}/").content.decode()
    assert "no satellite image of the place yet" in page
    assert "the map is corrected" not in page


def outlined_at(run: Any, tile: Any, size: float) -> Any:
    """The run's detection on the tile, with a square outline around the tile's middle, `size` degrees to each side."""
    detection = run.detections.get(segmented_tile__tile=tile)
    x, y = tile.longitude, tile.latitude
    ring = [[x - size, y - size], [x + size, y - size], [x + size, y + size], [x - size, y + size]]
    detection.outline = {"type": "MultiPolygon", "coordinates": [[[*ring, ring[0]]]]}
    detection.save()
    return detection


def test_who_missed_mining_reads_which_release_shows_it_and_no_earlier_one(
    region: Any, bob: User, carol: User, file: Callable[..., Report], tiles: list[Any]
) -> None:
    def status() -> str:
        return Client().get(f"/report/{missed.token}/").content.decode()

    first, _between, last = tiles
    before = make_run(make_classifier(region), [first])
    approved = outlined_at(before, first, 0.0001)
    review_detection(detection=approved, verdict="approved", acting_user=bob)
    release = publish_release(run=before, acting_user=carol)
    # Beside the outline, within 150 m of it as of the new one.
    missed = file(
        category="missed", release=release, latitude=last.latitude + 0.0003, longitude=last.longitude
    )
    accept_report(report=missed, acting_user=bob)
    assert "What they find comes with a later release." in status()
    after = make_run(make_classifier(region), [first, last])
    review_detection(detection=outlined_at(after, first, 0.0002), verdict="approved", acting_user=bob)
    publish_release(run=after, acting_user=carol)
    page = status()
    assert "What they find comes with a later release." in page, "release 2 does not show it yet"
    assert "/compare/" not in page
    review_detection(detection=outlined_at(after, last, 0.0001), verdict="approved", acting_user=bob)
    shown = publish_release(run=after, acting_user=carol)
    page = status()
    assert f"the place is on the map since release {shown.number}." in page
    assert f"/releases/{region.slug}/{release.number}/compare/{shown.number}/" in page
    publish_again(release=release, acting_user=carol)
    assert "What they find comes with a later release." in status(), "the map does not show it any more"


def test_who_objected_to_an_outline_reads_which_release_draws_it_anew(
    region: Any, bob: User, carol: User, file: Callable[..., Report], tiles: list[Any]
) -> None:
    def status() -> str:
        return Client().get(f"/report/{wrong.token}/").content.decode()

    tile = tiles[0]
    before = make_run(make_classifier(region), tiles)
    detection = outlined_at(before, tile, 0.0001)
    review_detection(detection=detection, verdict="approved", acting_user=bob)
    release = publish_release(run=before, acting_user=carol)
    wrong = file(category="wrong_outline", release=release, detection=detection)
    accept_report(report=wrong, acting_user=bob)
    other = before.detections.exclude(pk=detection.pk).first()
    review_detection(detection=other, verdict="approved", acting_user=bob)
    publish_release(run=before, acting_user=carol)
    assert "What they find comes with a later release." in status(), "drawn as before"
    after = make_run(make_classifier(region), tiles, pieces=(1, 2, 3, 4))
    review_detection(detection=outlined_at(after, tile, 0.0003), verdict="approved", acting_user=bob)
    redrawn = publish_release(run=after, acting_user=carol)
    assert f"the place is drawn anew since release {redrawn.number}." in status()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rival", ["reopen", "campaign"])
def test_of_two_experts_at_the_same_moment_one_is_told(
    bob: User, dora: User, report: Report, run: Any, rival: str
) -> None:
    accept(report, bob)
    report.refresh_from_db()
    seen = report.decided_at
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def act(expert: User, what: str) -> None:
        mine = Report.objects.select_related("detection__segmented_tile__tile__region").get(pk=report.pk)
        together.wait()
        try:
            if what == "reopen":
                reopen_report(report=mine, decided_at=seen, acting_user=expert)
            else:
                begin_from_report(report=mine, acting_user=expert)
            outcomes.append("done")
        except UserError:
            outcomes.append("told")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act, args=pair) for pair in ((bob, "reopen"), (dora, rival))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "told"]
    report.refresh_from_db()
    assert (report.state == "open") == (not Campaign.objects.exists())
    if report.state == "open":
        assert [row.verdict for row in Review.objects.order_by("id")] == ["rejected", "withdrawn"]
