"""What an expert is offered on the page of a report, by what it is about and what became of it."""

from typing import Any

import pytest

from amberapp.errors import UserError
from labeling.models import Report
from labeling.releases.reader import places_of
from labeling.reports.decision import accept_report, decline_report
from labeling.reports.desk import open_groups, set_aside
from labeling.reports.desk_pages import GroupLine, report_page
from labeling.reports.filing import file_report

pytestmark = pytest.mark.django_db


@pytest.fixture
def about_a_detection(release: Any) -> Report:
    place = places_of(release)[0]
    about = {"latitude": place.latitude, "longitude": place.longitude, "category": "not_mining"}
    return file_report(release=release, comment="A clear-cut.", **about)


@pytest.fixture
def of_missed_ground(release: Any) -> Report:
    return file_report(release=release, latitude=51.9, longitude=26.9, category="missed", blurred=True)


def page(report: Report, refused: UserError | None = None, **entered: str) -> Any:
    return report_page(Report.objects.get(pk=report.pk), refused, entered)


def test_a_detection_that_is_not_mining_needs_a_reason(about_a_detection: Report) -> None:
    shown = page(about_a_detection)
    assert (shown.tag, shown.is_open, shown.may_reject, shown.may_be_mining) == (
        "tag--amber",
        True,
        True,
        False,
    )
    assert shown.legend == "If you accept: what is it instead?"
    assert "" not in [value for value, _name, _chosen in shown.reasons]
    assert "/place/" in shown.map_url
    assert shown.picture is not None and shown.picture.path and len(shown.picture.points) == 1
    assert shown.picture.title.endswith("with the outline on the map")


def test_an_outline_that_is_wrong_may_still_be_mining(about_a_detection: Report) -> None:
    Report.objects.update(category="wrong_outline")
    shown = page(about_a_detection)
    assert shown.reasons[0] == ("", "It is mining", True)
    assert "asks the volunteers" in shown.accept_help


def test_ground_that_no_tile_covers_wants_imagery(of_missed_ground: Report) -> None:
    shown = page(of_missed_ground)
    assert (shown.may_reject, shown.picture, shown.tiles) == (False, None, [])
    assert shown.accept_help == "Accepting notes that imagery of this place is wanted."
    assert shown.roughly == "51.90, 26.90"


def test_a_refused_decision_keeps_what_was_entered(about_a_detection: Report) -> None:
    shown = page(about_a_detection, UserError("No.", fields={"answer": ["No."]}), look_alike="snow")
    assert shown.answer_is_wrong
    assert [value for value, _name, chosen in shown.reasons if chosen] == ["snow"]


def test_what_can_be_done_follows_the_decision(
    about_a_detection: Report, of_missed_ground: Report, bob: Any
) -> None:
    accept_report(report=about_a_detection, acting_user=bob, look_alike="snow")
    accepted = page(about_a_detection)
    assert (accepted.tag, accepted.may_begin_campaign, accepted.may_reopen) == ("tag--good", True, True)
    assert accepted.tile_to_label is None, "its tile has been judged"
    assert "and the sender sees it." in accepted.reopen_question
    decline_report(report=of_missed_ground, acting_user=bob, answer="No.")
    declined = page(of_missed_ground)
    assert (declined.tag, declined.may_begin_campaign, declined.may_reopen) == ("tag--info", False, True)


def test_what_is_set_aside_can_be_brought_back_and_not_reopened(of_missed_ground: Report, bob: Any) -> None:
    set_aside(report=of_missed_ground, reach="one", upto=10**9, acting_user=bob)
    shown = page(of_missed_ground)
    assert (shown.is_junk, shown.may_reopen, shown.may_begin_campaign) == (True, False, False)


def test_a_group_is_named_by_the_report_that_stands_for_it(about_a_detection: Report) -> None:
    (group,) = open_groups()
    line = GroupLine(group, about_a_detection)
    assert line.title == f"{about_a_detection.pk} · This is not mining"
    assert line.about.startswith(f"{about_a_detection.region}, release 1")
    assert line.further_texts == 0
