"""What the sender of a report is told, and what is kept from whoever reads over their shoulder."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labeling.models import Report
from labeling.releases.reader import places_of
from labeling.reports.citizen_pages import SUCCESS, WARNING, form_page, status_page
from labeling.reports.decision import accept_report, decline_report
from labeling.reports.desk import set_aside
from labeling.reports.filing import file_report
from labeling.reports.reopening import reopen_report

pytestmark = pytest.mark.django_db


def filed(release: Any, **fields: Any) -> Report:
    values = {"latitude": 51.5, "longitude": 26.7, "category": "missed"} | fields
    return file_report(release=release, **values)


def test_who_has_just_sent_a_report_reads_that_it_waits(release: Any) -> None:
    page = status_page(filed(release, comment="A pit."))
    assert page.sentences[0] == "It waits for an expert."
    assert (page.tone, page.decided, page.changes, page.photo) == ("", "", None, "")
    assert page.map == (f"/map/{release.region.slug}/1/", "See the map")


def test_who_left_an_address_reads_that_a_letter_comes(release: Any, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    without, with_one = filed(release), filed(release, email="reader@example.org")
    assert len(status_page(without).sentences) == 2
    assert "then your address is deleted" in status_page(with_one).sentences[2]


def test_a_decision_taken_back_is_said(release: Any, bob: Any) -> None:
    report = filed(release)
    decline_report(report=report, acting_user=bob, answer="No.")
    reopen_report(report=report, decided_at=report.decided_at, acting_user=bob)
    assert "taken the first decision back" in status_page(Report.objects.get()).sentences[0]


def test_every_decision_has_its_colour_and_its_sentence(release: Any, bob: Any) -> None:
    place = places_of(release)[0]
    spots = {
        "declined": filed(release, latitude=51.6),
        "junk": filed(release, latitude=51.7),
        "nowhere": filed(release, latitude=51.8),
        "removed": filed(release, latitude=place.latitude, longitude=place.longitude, category="not_mining"),
    }
    decline_report(report=spots["declined"], acting_user=bob, answer="No.")
    set_aside(report=spots["junk"], reach="one", upto=10**9, acting_user=bob)
    accept_report(report=spots["nowhere"], acting_user=bob)
    accept_report(report=spots["removed"], acting_user=bob, look_alike="sand_pit")
    pages = {name: status_page(Report.objects.get(pk=report.pk)) for name, report in spots.items()}
    assert {name: page.tone for name, page in pages.items()} == {
        "declined": WARNING,
        "junk": WARNING,
        "nowhere": SUCCESS,
        "removed": SUCCESS,
    }
    assert "leaves the map as it is" in pages["declined"].sentences[0]
    assert "set aside" in pages["junk"].sentences[0]
    assert "no satellite image of the place yet" in pages["nowhere"].sentences[0]
    assert "corrected with the next release" in pages["removed"].sentences[0]


def test_a_report_told_roughly_names_nothing_that_leads_to_the_place(release: Any, bob: Any) -> None:
    place = places_of(release)[0]
    about = {"latitude": place.latitude, "longitude": place.longitude, "category": "not_mining"}
    exact, rough = filed(release, **about), filed(release, blurred=True, **about)
    assert status_page(exact).map == (
        f"/map/{release.region.slug}/1/place/{place.place}/",
        "See the place on the map",
    )
    Report.objects.update(state="declined", decided_by=bob, decided_at=timezone.now())
    page = status_page(Report.objects.get(pk=rough.pk))
    assert (page.number, page.changes, page.is_rough) == (None, None, True)
    assert page.map == (f"/map/{release.region.slug}/1/", "See the map")
    assert len(page.position) < len(status_page(exact).position)
    assert page.decided.split()[0].isalpha(), "the month and no day"


def test_the_form_leads_back_to_where_the_reader_came_from(release: Any) -> None:
    place = places_of(release)[0]
    about, around = form_page(release, place), form_page(release, None)
    assert about.map_url == about.place_url == f"/map/{release.region.slug}/1/place/{place.place}/"
    assert "About the place of" in about.lead
    assert (around.place_id, around.place_url) == ("", "")
    assert around.map_url == f"/map/{release.region.slug}/1/"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("category", "nonsense", "Choose what is wrong."),
        ("latitude", "91", "Give a place: latitude −90…90, longitude −180…180."),
        ("longitude", "181", "Give a place: latitude −90…90, longitude −180…180."),
        ("latitude", "-33", "This place lies far outside the region of this map."),
        ("comment", "x" * 2001, "At most 2000 characters."),
        ("email", "nobody", "This is not an e-mail address. You can also leave it empty."),
    ],
)
def test_both_doors_say_what_is_wrong_in_the_same_words(
    release: Any, settings: Any, name: str, value: str, sentence: str
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    fields = {"latitude": "51.5", "longitude": "26.7", "category": "missed", name: value}
    answer = Client().post("/api/reports/", {"release": release.pk, **fields}, "application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"] == {name: [sentence]}
    page = Client().post("/report/", fields)
    assert page.status_code == 400
    assert page.context["form"].errors == {name: [sentence]}
    assert not Report.objects.exists()
