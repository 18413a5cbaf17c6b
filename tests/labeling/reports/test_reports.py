"""A citizen reports an error without an account, and leaves no more behind than they want to."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from amberapp.configuration import ConfigurationError
from amberapp.errors import UserError
from amberapp.models import AuditEntry
from amberapp.text import plain_text
from labeling.models import Report
from labeling.releases.publish import publish_release
from labeling.releases.reader import detection_of, places_of
from labeling.reports.email_encryption import decrypt, encrypt
from labeling.reports.filing import file_report
from tests.published import approve_all, found_on, judge

pytestmark = pytest.mark.django_db


def send(about: Any, client: Client | None = None, **fields: Any) -> Any:
    body = {
        "release": about.pk,
        "latitude": 51.5,
        "longitude": 26.5,
        "category": "not_mining",
    } | fields
    return (client or Client()).post("/api/reports/", body, content_type="application/json")


def test_a_report_about_a_place_reaches_its_detection(release: Any) -> None:
    place = places_of(release)[0]
    answer = send(release, place=place.place, comment="A clear-cut since spring.")
    assert answer.status_code == 201
    report = Report.objects.get()
    assert report.detection.segmented_tile.tile.place_id == place.place
    assert (report.state, report.category, report.comment) == (
        "open",
        "not_mining",
        "A clear-cut since spring.",
    )
    page = Client().get(answer.json()["status_url"])
    assert page.status_code == 200
    assert "A clear-cut since spring." in page.content.decode()


@pytest.mark.parametrize("category", ["not_mining", "wrong_outline"])
def test_a_mark_on_an_outline_is_about_that_place_though_it_was_not_pressed(
    release: Any, category: str
) -> None:
    place = places_of(release)[0]
    assert (
        send(release, latitude=place.latitude, longitude=place.longitude, category=category).status_code
        == 201
    )
    assert Report.objects.get().detection == detection_of(release, place)


def test_a_mark_beside_the_outlines_or_on_what_the_map_does_not_show_is_about_the_ground(
    release: Any, bob: Any, carol: Any
) -> None:
    place = places_of(release)[0]
    west, south, east, north = place.tile
    send(release, latitude=north - (north - south) / 100, longitude=west + (east - west) / 100)
    assert Report.objects.latest("pk").detection is None, "beside the outline"
    send(release, latitude=place.latitude, longitude=place.longitude, category="missed")
    assert Report.objects.latest("pk").detection is None, "the map shows mining there"
    judge(detection_of(release, place), bob, "rejected", look_alike="sand_pit")
    later = publish_release(run=release.run, acting_user=carol)
    send(later, latitude=place.latitude, longitude=place.longitude)
    assert Report.objects.latest("pk").detection is None, "taken off the map since"


def test_mining_that_the_map_misses_needs_no_place(release: Any) -> None:
    assert send(release, category="missed").status_code == 201
    assert Report.objects.get().detection is None


def test_the_form_works_without_scripts(release: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    place = places_of(release)[0]
    page = client.get(f"/report/?region=testshire&number=1&place={place.place}")
    token = page.context["csrf_token"]
    answer = client.post(
        "/report/",
        {
            "csrfmiddlewaretoken": str(token),
            "region": "testshire",
            "number": "1",
            "place": place.place,
            "latitude": str(place.latitude),
            "longitude": str(place.longitude),
            "category": "wrong_outline",
            "email": "reader@example.org",
        },
    )
    report = Report.objects.get()
    assert answer.headers["Location"] == f"/report/{report.token}/"
    assert report.detection is not None
    assert decrypt(report.sealed_email) == "reader@example.org"


def test_the_form_says_what_is_wrong_and_keeps_what_was_written(release: Any) -> None:
    answer = Client().post(
        "/report/", {"latitude": "abc", "longitude": "26", "comment": "keep me", "email": "x"}
    )
    text = answer.content.decode()
    assert answer.status_code == 400
    assert "keep me" in text
    assert text.count("field__error") >= 3
    assert not Report.objects.exists()


def test_nothing_tells_who_the_sender_is(release: Any) -> None:
    client = Client(REMOTE_ADDR="203.0.113.77", HTTP_USER_AGENT="Secret/1.0")
    send(release, client, email="reader@example.org", comment="hello")
    report = Report.objects.get()
    stored = json.dumps(
        [
            list(Report.objects.values()),
            list(AuditEntry.objects.values()),
            {key: str(value) for key, value in cache._cache.items()},
        ],
        default=str,
    )
    assert "203.0.113.77" not in stored
    assert "Secret/1.0" not in stored
    assert "reader@example.org" not in stored
    assert decrypt(report.sealed_email) == "reader@example.org"
    entry = AuditEntry.objects.get(verb="report.filed")
    assert entry.actor is None


def test_an_address_sends_only_so_many_reports_an_hour(release: Any, settings: Any) -> None:
    settings.AMBER = {**settings.AMBER, "AMBER_REPORTS_PER_HOUR": 3}
    for _number in range(3):
        assert send(release).status_code == 201
    refused = send(release)
    assert refused.status_code == 429
    assert "3 reports within an hour" in refused.json()["error"]["message"]
    assert send(release, Client(REMOTE_ADDR="198.51.100.4")).status_code == 201
    assert Report.objects.count() == 4


def test_one_ipv6_line_is_one_sender(release: Any, settings: Any) -> None:
    settings.AMBER = {**settings.AMBER, "AMBER_REPORTS_PER_HOUR": 1}
    assert send(release, Client(REMOTE_ADDR="2001:db8::1")).status_code == 201
    assert send(release, Client(REMOTE_ADDR="2001:db8::ffff:2")).status_code == 429
    assert send(release, Client(REMOTE_ADDR="2001:db8:0:1::1")).status_code == 201


def test_a_forwarded_address_counts_only_behind_a_proxy(release: Any, settings: Any) -> None:
    settings.AMBER = {**settings.AMBER, "AMBER_REPORTS_PER_HOUR": 1}
    assert send(release, Client(HTTP_X_FORWARDED_FOR="1.1.1.1")).status_code == 201
    assert send(release, Client(HTTP_X_FORWARDED_FOR="2.2.2.2")).status_code == 429
    settings.AMBER = {**settings.AMBER, "AMBER_HTTPS": True}
    assert send(release, Client(HTTP_X_FORWARDED_FOR="9.9.9.9, 3.3.3.3")).status_code == 201
    assert send(release, Client(HTTP_X_FORWARDED_FOR="8.8.8.8, 3.3.3.3")).status_code == 429


def test_the_trap_catches_programs(release: Any) -> None:
    assert send(release, website="http://spam.example").status_code == 400
    fields = {"latitude": "51.5", "longitude": "26.5", "category": "other", "website": "spam"}
    assert Client().post("/report/", fields).status_code == 400
    assert not Report.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"category": "nonsense"},
        {"category": None},
        {"latitude": 91},
        {"latitude": "NaN"},
        {"latitude": "inf"},
        {"latitude": True},
        {"latitude": [51]},
        {"latitude": {"a": 1}},
        {"longitude": 10**400},
        {"longitude": 179.0},
        {"latitude": -33.0, "longitude": 151.0},
        {"comment": "x" * 2001},
        {"comment": ["x"]},
        {"comment": {"$gt": ""}},
        {"email": "not an address"},
        {"email": "a@b.example\nBcc: all@example.org"},
        {"email": "x" * 300 + "@example.org"},
        {"release": 10**30},
        {"release": 999},
        {"release": "1; DROP TABLE"},
        {"place": "no-such-place"},
        {"place": "x" * 100},
        {"place": "\x00"},
    ],
)
def test_hostile_fields_are_answered_with_4xx_and_not_stored(release: Any, fields: dict[str, Any]) -> None:
    answer = send(release, Client(raise_request_exception=False), **fields)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["message"]
    assert not Report.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"latitude": NaN}',
        b'{"release": ' + b"9" * 5000 + b"}",
    ],
)
def test_hostile_bodies_are_answered_with_4xx(release: Any, body: bytes) -> None:
    answer = Client(raise_request_exception=False).post(
        "/api/reports/", body, content_type="application/json"
    )
    assert 400 <= answer.status_code < 500
    assert not Report.objects.exists()


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml"])
def test_other_kinds_of_bodies_are_refused(release: Any, kind: str) -> None:
    answer = Client(raise_request_exception=False).post("/api/reports/", b"--x", content_type=kind)
    assert 400 <= answer.status_code < 500


def test_control_characters_are_taken_out_of_comments() -> None:
    assert plain_text("a\x00b\x07c\u202ed\u200be\r\nf\x1b[31m") == "abcde\nf[31m"
    assert plain_text("  і́ \n ") == "і́"


def test_a_script_in_a_comment_is_shown_as_text(release: Any) -> None:
    answer = send(release, comment="<script>alert(1)</script> {{ 7*7 }}")
    text = Client().get(answer.json()["status_url"]).content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_the_private_page_is_kept_from_search_and_referrers(release: Any) -> None:
    answer = Client().get(send(release).json()["status_url"])
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert '<meta name="robots" content="noindex' in answer.content.decode()


def test_the_private_page_shows_what_became_of_the_report(release: Any, bob: Any) -> None:
    address = send(release, email="reader@example.org").json()["status_url"]
    assert "waits for an expert" in Client().get(address).content.decode()
    Report.objects.update(
        state="accepted",
        answer="You are right.\nIt is a clear-cut.",
        decided_by=bob,
        decided_at=timezone.now(),
    )
    text = Client().get(address).content.decode()
    assert "agrees with you" in text
    assert "You are right.<br>It is a clear-cut." in text
    assert "bob" not in text
    assert "reader@example.org" not in text
    Report.objects.update(state="declined", answer="")
    assert "leaves the map as it is" in Client().get(address).content.decode()


def test_the_private_page_leads_to_the_release_that_followed(
    release: Any, region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any
) -> None:
    address = send(release).json()["status_url"]
    Report.objects.update(
        state="accepted", decided_by=bob, decided_at=timezone.now() - dt.timedelta(minutes=1)
    )
    run = found_on(region, [make_tile(7)])
    approve_all(run, bob)
    publish_release(run=run, acting_user=carol)
    release.created_at = timezone.now() - dt.timedelta(days=1)
    release.save()
    assert "/releases/testshire/1/compare/2/" in Client().get(address).content.decode()


def test_tokens_cannot_be_guessed_from_one_another(release: Any) -> None:
    first, second = (send(release).json()["status_url"].rstrip("/").rsplit("/", 1)[1] for _ in range(2))
    assert first != second
    assert len(first) >= 24
    assert Client().get(f"/report/{first[:-1]}/").status_code == 404
    assert Client().get(f"/report/{first.swapcase()}/").status_code == 404


def test_a_seal_opens_only_with_its_key(settings: Any) -> None:
    sealed = encrypt("reader@example.org")
    assert "reader" not in sealed
    assert decrypt(sealed) == "reader@example.org"
    assert encrypt("") == decrypt("") == ""
    settings.SECRET_KEY = "another"
    with pytest.raises(UserError, match="cannot be opened"):
        decrypt(sealed)
    settings.AMBER = {**settings.AMBER, "AMBER_REPORT_KEY": "not a key"}
    with pytest.raises(ConfigurationError, match="AMBER_REPORT_KEY"):
        encrypt("x")
    # The site does not start with it.
    with pytest.raises(ConfigurationError, match="AMBER_REPORT_KEY"):
        apps.get_app_config("labeling").ready()


def test_commands_may_file_without_a_sender(release: Any) -> None:
    for _number in range(15):
        file_report(release=release, latitude=51.5, longitude=26.5, category="other", email="")
    assert Report.objects.count() == 15


def test_a_person_who_is_logged_in_needs_the_csrf_token(release: Any, alice: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert send(release, client).status_code == 403
    assert send(release, Client(enforce_csrf_checks=True)).status_code == 201
