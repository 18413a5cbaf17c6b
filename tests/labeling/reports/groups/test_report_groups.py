"""Duplicates follow the first report; a thousand junk reports do not bury ten real ones."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from amberapp import jobs
from amberapp.errors import Conflict
from amberapp.models import AuditEntry, Job
from labeling.models import Report, Review
from labeling.releases.publish import publish_release
from labeling.reports.decision import LETTER_JOB, accept_report, decline_report
from labeling.reports.desk import open_groups
from labeling.reports.filing import public_position
from labeling.reports.text_similarity import alike, clusters, normalised, text_key
from tests.labeling.reports.groups.junk import JUNK

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def metres_north(metres: float) -> float:
    return 51.5 + metres / 111_320


# One place, one matter ---------------------------------------------------------------------------


def test_a_second_report_of_the_same_place_is_a_duplicate_of_the_first(file: Callable[..., Report]) -> None:
    first = file()
    second = file(latitude=metres_north(140))
    third = file(latitude=metres_north(140), comment="I saw pumps there.")
    assert [second.duplicate_of, third.duplicate_of] == [first, first]
    assert {first.place_key, second.place_key, third.place_key} == {first.place_key}


@pytest.mark.parametrize(
    "other",
    [{"latitude": metres_north(160)}, {"longitude": 26.7023}, {"category": "other"}],
    ids=["160 m north", "160 m east", "another category"],
)
def test_another_place_or_another_matter_is_a_report_of_its_own(
    file: Callable[..., Report], other: dict[str, Any]
) -> None:
    file()
    assert file(**other).duplicate_of is None


def test_cells_of_the_grid_do_not_part_neighbours(file: Callable[..., Report]) -> None:
    """Wherever the first one lies in its cell, one a hundred metres away is its duplicate."""
    chance = random.Random(1)
    for number in range(20):
        latitude, longitude = 51.1 + number * 0.04, 26.1 + chance.random() * 0.8
        first = file(latitude=latitude, longitude=longitude)
        assert file(latitude=latitude + 0.0009, longitude=longitude).duplicate_of == first
        assert file(latitude=latitude, longitude=longitude - 0.0014).duplicate_of == first


def test_reports_of_one_detection_are_one_matter_and_of_two_detections_are_two(
    file: Callable[..., Report], release: Any
) -> None:
    one, other = release.run.detections.all()[:2]
    first = file(detection=one, category="not_mining")
    assert file(detection=one, category="not_mining", latitude=51.51).duplicate_of == first
    assert file(detection=other, category="not_mining").duplicate_of is None


def test_a_report_about_a_detection_is_no_duplicate_of_one_about_the_ground_beside_it(
    file: Callable[..., Report], release: Any, bob: Any
) -> None:
    """Accepting that one takes nothing off the map: nobody may be told that their place was corrected by it."""
    beside = file(category="not_mining")
    about = file(detection=release.run.detections.first(), category="not_mining")
    accept_report(report=beside, acting_user=bob)
    about.refresh_from_db()
    assert (about.duplicate_of, about.state) == (None, "open")


@pytest.mark.parametrize("decision", ["accept", "decline"])
def test_a_duplicate_that_came_while_the_expert_was_reading_is_not_answered_unread(
    file: Callable[..., Report], bob: Any, client_of: Callable[[Any], Client], decision: str
) -> None:
    first, read = file(), file(comment="The same.")
    page = client_of(bob).get(f"/review/reports/{first.pk}/")
    said = {"decision": decision, "answer": "No.", "upto": str(page.context["newest"])}
    assert f'name="upto" value="{read.pk}"' in page.content.decode()
    late = [file(comment="Pumps, every night since Monday."), file(comment="Hundreds of people.")]
    assert client_of(bob).post(f"/review/reports/{first.pk}/", said).status_code == 302
    for report in (first, read, *late):
        report.refresh_from_db()
    assert "open" not in (first.state, read.state)
    assert [report.state for report in late] == ["open", "open"]
    assert [report.duplicate_of for report in late] == [None, late[0]]
    entry = AuditEntry.objects.get(verb__in=["report.accepted", "report.declined"])
    assert entry.details["duplicates"] == [read.pk]
    assert entry.details["came_forward"] == {str(late[0].pk): [late[1].pk]}
    (group,) = open_groups()
    assert sorted(group.members) == [report.pk for report in late]


def test_a_report_after_the_decision_is_a_new_one(file: Callable[..., Report], bob: Any) -> None:
    first = file()
    decline_report(report=first, acting_user=bob, answer="No.")
    assert file().duplicate_of is None


def test_duplicates_share_the_answer_the_letter_and_the_end_of_their_addresses(
    file: Callable[..., Report], bob: Any, release: Any
) -> None:
    detection = release.run.detections.first()
    reports = [
        file(detection=detection, category="not_mining", email=f"citizen{number}@example.org")
        for number in range(3)
    ]
    # The expert happens to open the second one.
    accept_report(
        report=reports[1],
        acting_user=bob,
        look_alike="deforestation",
        answer="You are right.",
        site_url="https://amber.example",
    )
    assert Review.objects.filter(report__isnull=False).count() == 1
    for job in Job.objects.filter(kind=LETTER_JOB):
        assert jobs.execute(job.pk)
    assert sorted(letter.to[0] for letter in mail.outbox) == [f"citizen{n}@example.org" for n in range(3)]
    for report in reports:
        report.refresh_from_db()
        assert (report.state, report.sealed_email) == ("accepted", "")
        page = Client().get(f"/report/{report.token}/").content.decode()
        assert "You are right." in page
        assert "more report" not in page, "nobody learns from their own report who else has reported"
        assert sum(report.token in letter.body for letter in mail.outbox) == 1
    with pytest.raises(Conflict):
        decline_report(report=reports[0], acting_user=bob, answer="No.")


def test_a_blurred_place_is_told_to_a_kilometre_only(
    file: Callable[..., Report], release: Any, bob: Any, client_of: Callable[[Any], Client]
) -> None:
    detection = release.run.detections.first()
    report = file(51.487654, 26.723456, "not_mining", blurred=True, detection=detection)
    assert public_position(report) == (51.49, 26.72)
    page = Client().get(f"/report/{report.token}/").content.decode()
    assert "51.49, 26.72" in page
    for secret in ("51.487", "26.723", detection.segmented_tile.tile.place_id):
        assert secret not in page
    assert "51.4877, 26.7235" in client_of(bob).get(f"/review/reports/{report.pk}/").content.decode()
    report.blurred = False
    assert public_position(report) == (51.487654, 26.723456)


def test_the_private_page_names_the_release_that_brought_the_change(
    file: Callable[..., Report], release: Any, bob: Any, carol: Any
) -> None:
    detection = release.run.detections.first()
    first, second = (file(detection=detection, category="not_mining") for _ in range(2))
    accept_report(report=first, acting_user=bob, look_alike="deforestation", answer="Yes.")
    publish_release(run=release.run, acting_user=carol)
    for report in (first, second):
        assert "corrected with release 2" in Client().get(f"/report/{report.token}/").content.decode()


# Texts -------------------------------------------------------------------------------------------


def test_a_text_with_other_digits_links_and_a_changed_word_is_the_same_text() -> None:
    keys = [text_key(JUNK.format(number)) for number in (1, 22, 4_711)]
    assert len(set(keys)) == 1
    changed = text_key(JUNK.format(3).replace("today", "right now"))
    assert alike(keys[0], changed)
    assert clusters([*keys, changed])[changed] == clusters([*keys, changed])[keys[0]]
    assert len(keys[0]) == 40


def test_what_different_people_write_is_not_the_same_text() -> None:
    said = [
        "This is a clear-cut from last winter, the logs lay there until May.",
        "The lake was always here, my father fished in it.",
        "Тут вирубка, а не бурштин. Ліс різали минулої зими.",
        "Це старий піщаний кар'єр біля села, йому років двадцять.",
        "The cemetery of our village.",
        "A new road is being built here, with a sand pit beside it.",
    ]
    keys = [text_key(text) for text in said]
    assert len(set(clusters(keys).values())) == len(said)


def test_silence_has_no_key() -> None:
    assert [text_key(text) for text in ("", " \n", "…!?")] == ["", "", ""]
    assert not alike("", "")
    assert normalised("  Ліс, 2014!  HTTPS://x.example ") == "ліс 0 link"
