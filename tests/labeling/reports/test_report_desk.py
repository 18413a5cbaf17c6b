"""Citizens object; Bob and Dora decide, and the sender's address does not outlive the decision."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amberapp import jobs
from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import AuditEntry, Job, User
from labeling.desk.queue import next_tile
from labeling.models import Consensus, Report, Review, TileProgress
from labeling.reports import mail as letters
from labeling.reports.decision import LETTER_JOB, accept_report, decline_report, tiles_at
from labeling.reports.email_encryption import encrypt
from labeling.reports.mail import answer_reporter
from labeling.reports.reopening import reopen_report
from labeling.review.review_detection import review_detection
from labeling.review.verdicts import current_verdicts
from tests.waiting import at_the_same_moment

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_accepting_rejects_the_detection_and_teaches_the_machine(
    bob: User, dora: User, report: Report, run: Any
) -> None:
    approved = review_detection(detection=report.detection, verdict="approved", acting_user=dora)
    outcome = accept_report(
        report=report, acting_user=bob, look_alike="deforestation", answer="You are right."
    )
    assert outcome.review is not None
    assert outcome.review.pk > approved.pk
    assert (outcome.review.verdict, outcome.review.report) == ("rejected", report)
    assert outcome.review.submission.origin == "report"
    assert current_verdicts(run)[report.detection_id].verdict == "rejected"
    said = Consensus.objects.filter(segmented_tile=report.detection.segmented_tile)
    assert {(row.verdict, row.look_alike, row.by_expert) for row in said} == {
        ("not_mining", "deforestation", True)
    }
    report.refresh_from_db()
    assert (report.state, report.answer, report.decided_by) == ("accepted", "You are right.", bob)
    assert AuditEntry.objects.get(verb="report.accepted").actor == bob


def test_a_place_off_the_map_needs_a_reason(bob: User, report: Report) -> None:
    with pytest.raises(UserError) as refused:
        accept_report(report=report, acting_user=bob)
    assert "look_alike" in refused.value.fields
    report.refresh_from_db()
    assert report.state == "open"


def test_a_missed_place_comes_before_the_volunteers_first(
    bob: User, alice: User, region: Any, tiles: list[Any], file: Callable[..., Report]
) -> None:
    last = tiles[-1]
    report = file(category="missed", latitude=last.latitude, longitude=last.longitude)
    TileProgress.objects.filter(segmented_tile__tile=tiles[0]).update(priority=0.9)
    outcome = accept_report(report=report, acting_user=bob)
    assert outcome.review is None
    assert [tile.tile for tile in outcome.tiles] == [last]
    claim = next_tile(region=region, volunteer=alice)
    assert claim.segmented_tile.tile == last
    assert not Review.objects.exists()


def test_the_tiles_of_a_missed_place_are_found_by_their_middles_the_latest_image_first(
    make_tile: Callable[..., Any], file: Callable[..., Report]
) -> None:
    days = {1: dt.date(2014, 6, 1), 2: None, 3: dt.date(2018, 6, 1)}
    for seed, day in days.items():
        make_tile(seed, longitude=26.5 - seed * 0.002, capture_date=day)
    make_tile(4)
    with CaptureQueriesContext(connection) as asked:
        found = tiles_at(file(category="missed", latitude=51.5, longitude=26.5))
    assert [one.tile.file_name for one in found] == ["tile-3.jpg", "tile-1.jpg", "tile-2.jpg"]
    # The index is by region, latitude and longitude: without a range of both, all tiles of the region are looked at.
    assert '."latitude" BETWEEN' in asked[-1]["sql"]
    assert '."longitude" BETWEEN' in asked[-1]["sql"]


def test_a_missed_place_that_has_votes_already_comes_before_the_volunteers_again(
    alice: User,
    bob: User,
    region: Any,
    tiles: list[Any],
    file: Callable[..., Report],
    client_of: Callable,
) -> None:
    last = tiles[-1]
    TileProgress.objects.filter(segmented_tile__tile=last).update(votes=3, wanted=3, free=0, rank=0)
    report = file(category="missed", latitude=last.latitude, longitude=last.longitude)
    page = client_of(bob).post(f"/review/reports/{report.pk}/", {"decision": "accept"}, follow=True)
    assert "The tile there is the next one that volunteers see." in page.content.decode()
    assert next_tile(region=region, volunteer=alice).segmented_tile.tile == last


def test_a_missed_place_without_a_tile_is_accepted_and_said_so(
    bob: User, tiles: list[Any], file: Callable[..., Report], client_of: Callable
) -> None:
    report = file(category="missed", latitude=51.9, longitude=26.9)
    page = client_of(bob).post(f"/review/reports/{report.pk}/", {"decision": "accept"}, follow=True)
    assert "No tile of this site covers the place" in page.content.decode()
    report.refresh_from_db()
    assert report.state == "accepted"


def test_a_reason_where_nothing_is_on_the_map_is_refused(
    bob: User, tiles: list[Any], file: Callable[..., Report]
) -> None:
    with pytest.raises(UserError):
        accept_report(report=file(category="missed"), acting_user=bob, look_alike="snow")


def test_a_wrong_outline_is_labelled_again_and_stays_on_the_map(
    bob: User, run: Any, file: Callable[..., Report]
) -> None:
    detection = run.detections.first()
    report = file(category="wrong_outline", detection=detection)
    outcome = accept_report(report=report, acting_user=bob)
    assert outcome.review is None
    assert outcome.tiles == [detection.segmented_tile]


def test_declining_needs_an_answer(bob: User, report: Report) -> None:
    with pytest.raises(UserError) as refused:
        decline_report(report=report, acting_user=bob, answer=" \n ")
    assert "answer" in refused.value.fields
    decline_report(report=report, acting_user=bob, answer="These are pits: see 2014.")
    report.refresh_from_db()
    assert report.state == "declined"
    assert not Review.objects.exists()


def test_the_second_expert_is_told_and_changes_nothing(bob: User, dora: User, report: Report) -> None:
    decline_report(report=report, acting_user=bob, answer="No.")
    stale = Report.objects.get(pk=report.pk)
    stale.state = "open"
    with pytest.raises(Conflict) as told:
        accept_report(report=stale, acting_user=dora, look_alike="snow")
    assert "bob" in told.value.message
    report.refresh_from_db()
    assert (report.state, report.decided_by) == ("declined", bob)
    assert not Review.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_experts_at_the_same_moment_one_decides(bob: User, dora: User, report: Report) -> None:
    outcomes: list[str] = []

    def decide(expert: User) -> None:
        mine = Report.objects.select_related("detection").get(pk=report.pk)
        try:
            accept_report(report=mine, acting_user=expert, look_alike="field")
            outcomes.append("kept")
        except Conflict:
            outcomes.append("told")

    at_the_same_moment(decide, (bob, dora))
    assert sorted(outcomes) == ["kept", "told"]
    assert Review.objects.count() == 1


# The sender --------------------------------------------------------------------------------------


def test_the_sender_is_told_by_a_letter_that_names_no_place_and_is_then_forgotten(
    bob: User, report: Report
) -> None:
    Report.objects.filter(pk=report.pk).update(sealed_email=encrypt("citizen@example.org"))
    report.refresh_from_db()
    accept_report(
        report=report,
        acting_user=bob,
        look_alike="deforestation",
        answer="You are right.",
        site_url="https://amber.example",
    )
    job = Job.objects.get(kind=LETTER_JOB)
    assert report.token not in str(job.parameters)
    assert "citizen" not in str(list(AuditEntry.objects.values()))
    assert jobs.execute(job.pk)
    (letter,) = mail.outbox
    assert letter.to == ["citizen@example.org"]
    assert f"https://amber.example/report/{report.token}/" in letter.body
    for secret in ("You are right", "51.5", "26.50", "clear-cut"):
        assert secret not in letter.body
    report.refresh_from_db()
    assert report.sealed_email == ""
    assert AuditEntry.objects.filter(verb="report.answered").exists()


def test_a_mail_server_that_refuses_does_not_keep_the_address(
    bob: User, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def refuse(self: EmailBackend, messages: Any) -> int:
        tried.append(messages)
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    Report.objects.filter(pk=report.pk).update(sealed_email=encrypt("citizen@example.org"), state="declined")
    report.refresh_from_db()
    assert answer_reporter(report, "https://amber.example", pause=0) is False
    assert len(tried) == letters.ATTEMPTS
    report.refresh_from_db()
    assert report.sealed_email == ""
    assert AuditEntry.objects.filter(verb="report.letter_not_sent").exists()


def test_a_letter_that_fails_leaves_the_address_to_a_report_that_was_opened_again(
    bob: User, dora: User, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    Report.objects.filter(pk=report.pk).update(sealed_email=encrypt("citizen@example.org"))
    report.refresh_from_db()
    decline_report(report=report, acting_user=bob, answer="No.")
    tried = []

    def refuse(self: EmailBackend, messages: Any) -> int:
        tried.append(messages)
        mine = Report.objects.get(pk=report.pk)
        if mine.decided_by == bob:
            reopen_report(report=mine, decided_at=mine.decided_at, acting_user=dora)
        raise ConnectionRefusedError

    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", refuse)
        assert answer_reporter(Report.objects.get(pk=report.pk), "https://amber.example", pause=0) is False
    assert len(tried) == 1, "what was taken back is told to nobody"
    assert Report.objects.get(pk=report.pk).sealed_email
    assert AuditEntry.objects.get(verb="report.letter_not_sent").details == {"address_kept": True}
    # The old letter does not take the address from the new decision's either.
    accept_report(report=Report.objects.get(pk=report.pk), acting_user=dora, look_alike="field")
    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    answer_reporter(report, "https://amber.example", pause=0)
    assert Report.objects.get(pk=report.pk).sealed_email
    monkeypatch.undo()
    assert answer_reporter(Report.objects.get(pk=report.pk), "https://amber.example")
    assert len(mail.outbox) == 1
    assert not Report.objects.get(pk=report.pk).sealed_email


def test_an_open_report_keeps_its_sealed_address(report: Report) -> None:
    Report.objects.filter(pk=report.pk).update(sealed_email=encrypt("citizen@example.org"))
    report.refresh_from_db()
    assert answer_reporter(report, "https://amber.example") is False
    report.refresh_from_db()
    assert report.sealed_email
    assert mail.outbox == []


def test_a_sender_without_an_address_gets_no_letter(bob: User, report: Report) -> None:
    decline_report(report=report, acting_user=bob, answer="No.")
    assert not Job.objects.exists()


# Pages -------------------------------------------------------------------------------------------


def test_bob_reads_and_accepts_a_report_on_its_page(bob: User, report: Report, client_of: Callable) -> None:
    client = client_of(bob)
    listed = client.get("/review/reports/").content.decode()
    assert f"/review/reports/{report.pk}/" in listed
    page = client.get(f"/review/reports/{report.pk}/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert f"/tiles/{report.detection.segmented_tile.tile_id}/image.webp" in page
    assert re.search(r'<circle class="report-point" cx="[\d.]+" cy="[\d.]+"', page)
    refused = client.post(f"/review/reports/{report.pk}/", {"decision": "accept", "answer": "Thanks."})
    assert refused.status_code == 400
    assert "Thanks." in refused.content.decode()
    assert "needs a reason" in refused.content.decode()
    done = client.post(
        f"/review/reports/{report.pk}/",
        {"decision": "accept", "look_alike": "deforestation", "answer": "Thanks."},
        follow=True,
    ).content.decode()
    assert "3 superpixels are now negative" in done
    assert "You are right" not in done
    assert "No report waits for you" in client.get("/review/reports/").content.decode()
    assert str(report.pk) in client.get("/review/reports/?state=accepted").content.decode()


@pytest.mark.parametrize(
    "said",
    [{}, {"decision": ""}, {"decision": "Accept", "look_alike": "field"}, {"answer": "You are right."}],
)
def test_what_does_not_say_accept_or_decline_decides_nothing(
    bob: User, report: Report, tiles: list[Any], file: Callable[..., Report], client_of: Callable, said: Any
) -> None:
    missed = file(category="missed", latitude=tiles[0].latitude, longitude=tiles[0].longitude)
    for one in (report, missed):
        answer = client_of(bob).post(f"/review/reports/{one.pk}/", said)
        assert answer.status_code == 400
        page = answer.content.decode()
        assert "Choose: accept the report or decline it. Nothing was changed." in page
        assert said.get("answer", "") in page
        one.refresh_from_db()
        assert (one.state, one.decided_by) == ("open", None)
    decline_report(report=report, acting_user=bob, answer="No.")
    answer = client_of(bob).post(f"/review/reports/{report.pk}/", said)
    assert answer.status_code == 400
    assert "Choose: accept the report or decline it." in answer.content.decode()


def test_the_page_of_a_report_shows_the_newest_image_and_an_undated_one_last(
    bob: User, region: Any, make_tile: Callable[..., Any], file: Callable[..., Report]
) -> None:
    place = {"latitude": 51.5, "longitude": 26.5}
    dates = [dt.date(2014, 6, 1), None, dt.date(2019, 6, 1)]
    for seed, date in enumerate(dates):
        make_tile(seed, latitude=51.5, longitude=26.5 - seed * 0.002, capture_date=date)
    found = tiles_at(file(category="missed", **place))
    assert [one.tile.capture_date for one in found] == [dates[2], dates[0], None]


def test_a_decision_on_a_closed_report_says_who_was_quicker(
    bob: User, dora: User, report: Report, client_of: Callable
) -> None:
    decline_report(report=report, acting_user=dora, answer="No.")
    answer = client_of(bob).post(f"/review/reports/{report.pk}/", {"decision": "decline", "answer": "No."})
    assert answer.status_code == 409
    assert "dora" in answer.content.decode()


def test_alice_and_strangers_do_not_see_reports(
    alice: User, report: Report, client: Any, client_of: Callable
) -> None:
    for address in ("/review/reports/", f"/review/reports/{report.pk}/"):
        assert client.get(address).status_code == 302
        assert client_of(alice).get(address).status_code == 403
        assert client_of(alice).post(address, {"decision": "accept"}).status_code in (403, 405)
    with pytest.raises(NotAllowed):
        accept_report(report=report, acting_user=alice, look_alike="snow")
    with pytest.raises(NotAllowed):
        decline_report(report=report, acting_user=alice, answer="No.")
    report.refresh_from_db()
    assert report.state == "open"


@pytest.mark.parametrize("number", ["999", "99999999999999999999"])
def test_a_report_that_is_not_there(bob: User, client_of: Callable, number: str) -> None:
    assert client_of(bob).get(f"/review/reports/{number}/").status_code == 404
