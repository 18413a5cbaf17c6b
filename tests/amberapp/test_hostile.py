"""Through the HTTP door with bad manners: every address for every role, odd parameters, odd bodies."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from amberapp.models import AuditEntry

pytestmark = pytest.mark.django_db


ROLES = ("citizen", "volunteer", "expert", "admin")


# Which role a page or an API door asks for; what is not here belongs to everybody or to allauth.
NEEDS = {
    "home": "volunteer",
    "people": "admin",
    "audit": "admin",
    "api-job": "admin",
    "api-job-cancel": "admin",
    "desk": "volunteer",
    "my-labels": "volunteer",
    "api-desk-next": "volunteer",
    "api-desk-tile": "volunteer",
    "api-desk-submissions": "volunteer",
    "api-desk-withdraw": "volunteer",
    "api-desk-escalated": "expert",
    "api-desk-renew": "volunteer",
    "api-desk-release": "volunteer",
    "api-desk-surroundings": "volunteer",
    "tutorial": "volunteer",
    "api-tutorial": "volunteer",
    "api-tutorial-lesson": "volunteer",
    "api-tutorial-know": "volunteer",
    "tile-pieces": "volunteer",
    "tile-image": "volunteer",
    "tile-raster": "volunteer",
    "tile-outlines": "volunteer",
    "api-regions": "volunteer",
    "api-region": "volunteer",
    "api-tiles": "volunteer",
    "api-tile": "volunteer",
    "review": "expert",
    "review-detection": "expert",
    "review-card": "expert",
    "review-history": "expert",
    "report-list": "expert",
    "report-detail": "expert",
    "report-photo": "expert",
    "review-gallery": "expert",
    "review-gallery-cells": "expert",
    "api-many-reviews": "expert",
    "api-reviews-withdraw": "expert",
    "campaigns": "expert",
    "campaign-begin": "expert",
    "campaign": "expert",
    "campaign-look-alikes": "expert",
    "campaign-round": "admin",
    "campaign-withdraw": "expert",
    "api-campaign-progress": "expert",
    "superpixel-picture": "expert",
    "manage-releases": "admin",
    "release-again": "admin",
    "districts": "admin",
    "district-remove": "admin",
    "place-names-remove": "admin",
    "report-set-aside": "expert",
    "report-bring-back": "expert",
    "report-reopen": "expert",
    "api-detections": "expert",
    "api-detection-reviews": "expert",
    "api-detection-superpixels": "expert",
    "api-superpixel-fragments": "expert",
    "api-classifiers": "expert",
    "api-classifier": "expert",
    "api-classifier-activate": "admin",
    "api-runs": "expert",
    "api-run": "expert",
    "api-run-cancel": "admin",
    "api-run-pause": "admin",
    "api-run-resume": "admin",
    "api-run-diff": "expert",
    "manage": "admin",
    "retrain": "admin",
    "retrain-cancel": "admin",
    "run": "admin",
    "run-publish": "admin",
    "run-start": "admin",
    "run-cancel": "admin",
    "run-pause": "admin",
    "run-resume": "admin",
    "runs": "admin",
    "run-compare": "admin",
    "classifier": "admin",
    "model-card-md": "admin",
    "model-card-json": "admin",
    "classifier-activate": "admin",
    "classifiers": "admin",
    "classifiers-compare": "admin",
    "classifiers-compare-cancel": "admin",
    "upgrade": "admin",
    "upgrade-cancel": "admin",
    "api-upgrade-progress": "admin",
    "regions": "admin",
    "region-new": "admin",
    "region-edit": "admin",
    "region-tiles": "admin",
    "region-upload": "admin",
    "region-upload-file": "admin",
    "sources": "admin",
    "source-new": "admin",
    "source-edit": "admin",
    "volunteers": "admin",
    "volunteer": "admin",
    "volunteer-quarantine": "admin",
    "volunteer-trust": "admin",
    "volunteer-reverse": "admin",
    "desks": "admin",
    "desk-rules": "admin",
    "anchoring": "admin",
    "look-alikes": "admin",
    "look-alike-new": "admin",
    "look-alike": "admin",
    "look-alike-move": "admin",
    "look-alike-retire": "admin",
    "look-alike-back": "admin",
    "known-tiles": "admin",
    "known-tile-new": "admin",
    "known-tile": "admin",
    "known-tile-use": "admin",
    "known-tile-move": "admin",
    "known-tile-off": "admin",
    "samples": "admin",
    "sample": "admin",
    "sample-close": "admin",
    "sample-abandon": "admin",
    "sample-choice": "expert",
    "sample-judge": "expert",
    "campaign-places": "expert",
    "review-map-geojson": "expert",
    "sample-tile-image": "expert",
    "sample-tile-raster": "expert",
    "api-sample-next": "expert",
    "api-sample-tile": "expert",
}


PUBLIC = {
    "public-map",
    "region-map",
    "release-map",
    "place-list",
    "place",
    "place-picture",
    "picture-by-fingerprint",
    "release-by-fingerprint",
    "release-list",
    "release-compare",
    "release-compare-choose",
    "release-compare-map",
    "release-compare-csv",
    "release-file",
    "report",
    "report-status",
    "api-releases",
    "api-release",
    "api-reports",
    "how-to-tell",
    "about",
    "api-preparing",
    "api-schema",
    "api-docs",
    "api",
    "health",
    "set_language",
}


VALUES = {
    "slug": "testshire",
    "name": "places.csv",
    "place_id": "abc",
    "token": "nobody",
    "username": "alice",
}


ODD = (
    "?page=abc&run=9999999999999999999999&region=%00&state=%00&tile=-1&size=x&after=1,,x",
    "?page=9999999999999999999999&page_size=-1&run=%D9%A3&region=9999999999999999999999&show=%00",
    "?page=-1&page_size=99999999999999999999&run=NaN&region=1e400&year=0000&west=NaN&east=1e999&placed=maybe",
    "?state=nothing&slug=%00&mineral=%F0%9F%92%A5&taken_after=9999-99-99&classifier=1e9&algorithm=%27%22%3Cb%3E",
    "?latitude=inf&longitude=%00&number=99999999999&place=%00&by=me&kind=x&run__id=1&next=//elsewhere.example",
    "?then=%00&now=%D9%A3&kind=%00&reason=x&page=1e9",
    "?q=%00&sort=%00&order=x&use=%00&state=quarantined'&page=0&escalated=%00",
)


# Every name that a form of the site has.
FIELDS = [
    "region",
    "number",
    "place",
    "person",
    "role",
    "run",
    "algorithm",
    "decision",
    "seen",
    "note",
    "look_alike",
    "answer",
    "batch",
    "latitude",
    "longitude",
    "category",
    "comment",
    "email",
    "website",
    "name",
    "mineral",
    "source",
    "zoom",
    "positive_superpixels",
    "polygon",
    "licence",
    "attribution",
    "username",
    "login",
    "password",
    "password1",
    "language",
    "next",
    "use",
    "tile",
    "to",
    "name_en",
    "name_uk",
    "hint_en",
    "hint_uk",
    "why_1_en",
    "votes_at_least",
    "votes_at_most",
    "retire_at",
    "lease_minutes",
    "known_share",
    "blind_share",
    "random_share",
    "photo",
    "blurred",
    "reach",
    "upto",
    "stage",
    "places",
    "report",
    "superpixel",
    "title",
    "release",
]


def doors(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, str, bool]]:
    """(name, address with harmless values filled in, whether it is allauth's) of every URL of the site."""
    for entry in patterns if patterns is not None else get_resolver().url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from doors(entry.url_patterns, route)
        elif isinstance(entry, URLPattern):
            yield entry.name or "", filled(route, entry), route.startswith("account/")


def filled(route: str, entry: URLPattern, number: str = "1") -> str:
    """The route with a value for each of its parameters."""
    for name, converter in entry.pattern.converters.items():
        kind = type(converter).__name__
        if kind == "IntConverter":
            value = number
        elif kind == "UUIDConverter":
            value = "00000000-0000-4000-8000-000000000000"
        else:
            value = VALUES.get(name, "x")
        for spelling in (f"<int:{name}>", f"<slug:{name}>", f"<str:{name}>", f"<uuid:{name}>", f"<{name}>"):
            route = route.replace(spelling, value)
    route = re.sub(r"\(\?P<\w+>[^)]*\)(?:-\(\?P<\w+>.+?\))?", "x-y", route)
    return "/" + re.sub(r"[\^$]|\\Z", "", route)


def may(role: str, name: str) -> bool:
    return ROLES.index(role) >= ROLES.index(NEEDS[name]) if name in NEEDS else True


def test_every_address_says_who_may_pass_it() -> None:
    named = {name for name, _address, of_accounts in doors() if not of_accounts}
    assert named == set(NEEDS) | PUBLIC


@pytest.mark.slow
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options", "head"])
def test_every_door_answers_every_role_as_permitted(
    method: str, visitors: dict[str, Client], segmented_tile: Any
) -> None:
    wrong = []
    for name, address, of_accounts in doors():
        if of_accounts and (method not in ("get", "post") or "logout" in address):
            continue
        for role, client in visitors.items():
            answer = getattr(client, method)(address)
            if answer.status_code >= 500:
                wrong.append((role, method, address, answer.status_code))
            elif not of_accounts and not may(role, name):
                to_login = answer.status_code == 302 and answer["Location"].startswith("/account/login/")
                if not to_login and answer.status_code not in (401, 403, 405):
                    wrong.append((role, method, address, answer.status_code))
            elif (
                not of_accounts
                and answer.status_code in (401, 403)
                and name not in {"api-runs", "api-releases", "api-tutorial-know"}
            ):
                wrong.append((role, method, address, answer.status_code))
    assert not wrong


@pytest.mark.slow
@pytest.mark.database
@pytest.mark.parametrize("odd", ODD)
def test_odd_parameters_are_never_the_servers_mistake(
    odd: str, visitors: dict[str, Client], segmented_tile: Any
) -> None:
    admin = visitors["admin"]
    wrong = [
        (address, answer.status_code)
        for _name, address, of_accounts in doors()
        if "logout" not in address
        for answer in [admin.get(address + odd)]
        if answer.status_code >= 500
    ]
    assert not wrong


@pytest.mark.slow
@pytest.mark.database
@pytest.mark.parametrize("number", ["0", "9999999999999999999999", "9" * 5000])
def test_odd_numbers_in_addresses_are_not_found(
    number: str, visitors: dict[str, Client], segmented_tile: Any
) -> None:
    def walk(patterns: Any, prefix: str) -> Iterator[str]:
        for entry in patterns:
            route = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry.url_patterns, route)
            elif "<int:" in route:
                yield filled(route, entry, number)

    wrong = [
        (method, address[:80], answer.status_code)
        for address in walk(get_resolver().url_patterns, "")
        for method in ("get", "post")
        for answer in [getattr(visitors["admin"], method)(address)]
        if answer.status_code >= 500
    ]
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"release": ' + b"9" * 5000 + b"}",
        b'{"run": 1e999, "region": -1, "segmented_tile": 99999999999999999999999, "id": "x"}',
        b'{"id": "00000000-0000-4000-8000-000000000000", "segmented_tile": 99999999999999999999999, "labels": '
        b'[{"superpixel": 99999999999999999999999, "verdict": "mining"}]}',
        b'{"release": 1, "latitude": NaN, "longitude": Infinity, "category": [], "comment": {}}',
        b"\xff\xfe\x00",
    ],
)
def test_odd_bodies_are_never_the_servers_mistake(
    body: bytes, visitors: dict[str, Client], segmented_tile: Any
) -> None:
    wrong = [
        (name, answer.status_code)
        for name, address, _of_accounts in doors()
        if address.startswith("/api/")
        for answer in [visitors["admin"].post(address, data=body, content_type="application/json")]
        if answer.status_code >= 500
    ]
    assert not wrong


@pytest.mark.slow
@pytest.mark.database
@pytest.mark.parametrize("value", ["", "\0", "-1", "9" * 30, "9" * 5000, "٣", "²", "<script>", "a" * 70_000])
def test_odd_forms_are_never_the_servers_mistake(
    value: str, visitors: dict[str, Client], segmented_tile: Any
) -> None:
    wrong = [
        (name, answer.status_code)
        for name, address, _of_accounts in doors()
        if "logout" not in address
        for answer in [visitors["admin"].post(address, dict.fromkeys(FIELDS, value))]
        if answer.status_code >= 500
    ]
    assert not wrong


def test_no_form_is_taken_from_another_site(alice: Any, carol: Any, segmented_tile: Any) -> None:
    """Every door that changes something asks for the page's own token; a language is chosen without one."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(carol)
    before = AuditEntry.objects.count()
    taken = []
    for name, address, _of_accounts in doors():
        data: dict[str, Any] = {"person": alice.pk, "role": "admin", "region": "1"}
        kind = {"content_type": "application/json"} if address.startswith("/api/") else {}
        answer = client.post(address, data, **kind)
        if answer.status_code not in (403, 405) and name not in ("api-reports", "set_language"):
            taken.append((name, answer.status_code))
    alice.refresh_from_db()
    assert (taken, alice.role, AuditEntry.objects.count()) == ([], "volunteer", before)
