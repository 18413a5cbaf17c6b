"""A thousand junk reports do not bury ten real ones: they are seen as groups, set aside in one press and brought back."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from amberapp.errors import Conflict, NotAllowed
from amberapp.models import AuditEntry, Job
from labeling.models import Report
from labeling.reports import desk
from labeling.reports.decision import decline_report
from labeling.reports.desk import bring_back, open_groups, set_aside
from labeling.reports.groups import GroupKind
from labeling.reports.text_similarity import text_key
from labeling.reports.views.desk import GROUPS_PER_PAGE
from tests.labeling.reports.groups.junk import JUNK

pytestmark = [pytest.mark.django_db, pytest.mark.database]


# A thousand and ten ------------------------------------------------------------------------------


def junk_reports(region: Any, release: Any, chance: random.Random) -> list[dict[str, Any]]:
    """A thousand reports as programs write them: one text, one text varied, a flooded place, silence, gibberish."""

    def anywhere() -> dict[str, Any]:
        return {"latitude": chance.uniform(51.0, 52.0), "longitude": chance.uniform(26.0, 27.0)}

    def letters(count: int) -> str:
        return " ".join(
            "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(chance.randint(3, 9)))
            for _ in range(count)
        )

    flooded = {"latitude": 51.3, "longitude": 26.3}
    on_the_map = {"detection": release.run.detections.order_by("pk").last(), "category": "not_mining"}
    said = [
        {**anywhere(), "comment": "Everything here is a lie of the newspapers, close this map."}
        for _ in range(250)
    ]
    said += [{**anywhere(), "comment": JUNK.format(chance.randint(1, 9999))} for _ in range(250)]
    said += [{**flooded, "comment": letters(8)} for _ in range(150)]
    said += [{**flooded, **on_the_map, "comment": f"lie {letters(2)}"} for _ in range(100)]
    said += [{**anywhere(), "comment": ""} for _ in range(150)]
    said += [{**anywhere(), "comment": letters(6)} for _ in range(100)]
    return said


def real_reports(release: Any) -> list[dict[str, Any]]:
    detections = list(release.run.detections.order_by("pk"))
    words = [
        "This is a clear-cut from last winter, the logs lay there until May.",
        "Тут вирубка, а не бурштин. Ліс різали минулої зими.",
        "",
    ]
    about = [
        {
            "detection": detection,
            "latitude": 51.5,
            "longitude": 26.5,
            "category": "not_mining",
            "comment": text,
        }
        for detection, text in zip(detections, words, strict=False)
    ]
    # In the middle of the flood: the same detection, the same category, but somebody was there.
    about.append(
        {
            "detection": detections[-1],
            "latitude": 51.5,
            "longitude": 26.5,
            "category": "not_mining",
            "comment": "Our village's cemetery lies there, since 1920.",
            "photo_key": "reports/photos/aa/a.webp",
        }
    )
    # Far enough from each other to be two places.
    searched = [detections[0].segmented_tile.tile, detections[-1].segmented_tile.tile]
    beside = [
        {
            "latitude": tile.latitude + 0.0002,
            "longitude": tile.longitude,
            "category": "missed",
            "comment": text,
        }
        for tile, text in zip(
            searched,
            ["New pits at the stream, pumps run at night.", "Помпи працюють щоночі біля мосту."],
            strict=False,
        )
    ]
    photographed = [
        {
            "latitude": 51.8,
            "longitude": 26.1 + number / 10,
            "category": "missed",
            "comment": text,
            "photo_key": "reports/photos/ab/b.webp",
        }
        for number, text in enumerate(
            ["", "Look at the photo.", "Шурфи за селом, дивіться фото.", "Holes, see photo"]
        )
    ]
    return [*about, *beside, *photographed]


def write(release: Any, said: list[dict[str, Any]]) -> list[Report]:
    """As `file_report` does it, without a thousand transactions: keys of places are made by it for a few."""
    from labeling.reports.filing import _same_place

    rows, keys = [], {}
    for fields in said:
        fields = {"category": "missed", **fields}
        where = (fields.get("detection"), round(fields["latitude"], 2), round(fields["longitude"], 2))
        if where not in keys:
            keys[where], _first = _same_place(
                release, fields.get("detection"), fields["latitude"], fields["longitude"], fields["category"]
            )
        rows.append(
            Report(
                region=release.region,
                release=release,
                place_key=keys[where],
                text_key=text_key(fields["comment"]),
                **fields,
            )
        )
    return Report.objects.bulk_create(rows)


def test_a_thousand_junk_reports_do_not_bury_ten_real_ones(
    release: Any,
    region: Any,
    bob: Any,
    client_of: Callable[[Any], Client],
    django_assert_max_num_queries: Any,
) -> None:
    chance = random.Random(2018)
    junk, real = junk_reports(region, release, chance), real_reports(release)
    assert (len(junk), len(real)) == (1000, 10)
    # The real ones come somewhere among them, in no order that helps.
    mixed = [(fields, False) for fields in junk] + [(fields, True) for fields in real]
    chance.shuffle(mixed)
    written = write(release, [fields for fields, _is_real in mixed])
    wanted = {report.pk for report, (_fields, is_real) in zip(written, mixed, strict=True) if is_real}
    client = client_of(bob)
    with django_assert_max_num_queries(9):
        page = client.get("/review/reports/")
    leads = [row["lead"].pk for row in page.context["rows"]]
    assert len(leads) <= GROUPS_PER_PAGE
    assert wanted <= set(leads), "all ten real reports stand on the first page"
    # The floods are a line each, and one press sets one aside.
    groups = open_groups()
    assert sum(group.count for group in groups) == 1010
    texts = [group for group in groups if group.kind == GroupKind.TEXT]
    assert sorted(group.count for group in texts) == [250, 250]
    assert [group.count for group in groups if group.kind == GroupKind.SILENT] == [150]
    assert {group.count for group in groups if group.kind == GroupKind.PLACE} >= {150, 101}
    lead = texts[0].lead
    fields = {"reach": "group", "upto": page.context["newest"]}
    done = client.post(f"/review/reports/{lead}/set-aside/", fields, follow=True)
    assert "250 reports were set aside as junk" in done.content.decode()
    assert Report.objects.filter(state="junk").count() == 250
    assert wanted <= set(Report.objects.filter(state="open").values_list("pk", flat=True))
    junk_tab = client.get("/review/reports/?state=junk").content.decode()
    assert "250" in junk_tab
    back = client.post(f"/review/reports/{lead}/bring-back/", follow=True)
    assert "250 reports are open again" in back.content.decode()
    assert Report.objects.filter(state="open").count() == 1010


def test_the_number_of_queries_does_not_grow_with_the_reports(
    release: Any, file: Callable[..., Report], bob: Any, client_of: Callable[[Any], Client]
) -> None:
    from django.test.utils import CaptureQueriesContext

    client, counts = client_of(bob), []
    for start in (0, 10):
        for number in range(start, start + 10):
            file(latitude=51.1 + number * 0.03, detection=None, comment=f"word{chr(97 + number)} " * 3)
        with CaptureQueriesContext(connection) as asked:
            client.get("/review/reports/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


# Setting aside -----------------------------------------------------------------------------------


def test_what_came_after_the_expert_looked_stays(file: Callable[..., Report], bob: Any) -> None:
    reports = [file(latitude=51.1 + number / 10, comment=JUNK.format(number)) for number in range(5)]
    assert set_aside(report=reports[0], reach="group", upto=reports[3].pk, acting_user=bob) == 4
    reports[4].refresh_from_db()
    assert reports[4].state == "open"
    entry = AuditEntry.objects.get(verb="report.set_aside")
    assert (entry.actor, entry.details["count"]) == (bob, 4)


def test_junk_loses_its_addresses_at_once_and_no_letter_is_sent(
    file: Callable[..., Report], bob: Any
) -> None:
    reports = [file(comment=JUNK, email="spam@example.org") for _ in range(3)]
    set_aside(report=reports[0], reach="group", upto=reports[-1].pk, acting_user=bob)
    assert not Report.objects.exclude(sealed_email="").exists()
    assert not Job.objects.exists()
    page = Client().get(f"/report/{reports[0].token}/").content.decode()
    assert "set aside" in page
    assert "agrees" not in page


def test_a_duplicate_with_words_of_its_own_steps_forward_when_the_first_was_junk(
    file: Callable[..., Report], bob: Any
) -> None:
    junk = [file(comment=JUNK) for _ in range(2)]
    real, like_it = file(comment="New pits at the stream."), file(comment="I saw them too, behind the farm.")
    assert real.duplicate_of == junk[0]
    assert set_aside(report=junk[1], reach="said", upto=like_it.pk, acting_user=bob) == 2
    real.refresh_from_db()
    like_it.refresh_from_db()
    assert (real.state, real.duplicate_of) == ("open", None)
    assert (like_it.state, like_it.duplicate_of) == ("open", real)
    entry = AuditEntry.objects.get(verb="report.set_aside")
    assert entry.details["reports"] == [report.pk for report in junk]
    assert entry.details["came_forward"] == {str(real.pk): [like_it.pk]}


def test_one_photo_without_words_is_set_aside_alone(file: Callable[..., Report], bob: Any) -> None:
    reports = [file() for _ in range(3)]
    Report.objects.filter(pk=reports[0].pk).update(photo_key="reports/photos/aa/a.webp")
    reports[0].refresh_from_db()
    assert set_aside(report=reports[0], reach="said", upto=reports[-1].pk, acting_user=bob) == 1
    assert set_aside(report=reports[1], reach="said", upto=reports[-1].pk, acting_user=bob) == 2


def test_the_audit_names_the_reports_that_were_changed_and_no_others(
    file: Callable[..., Report], bob: Any, dora: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Bob presses, Dora decides about two of his group."""
    reports = [file(latitude=51.1 + number / 10, comment=JUNK.format(number)) for number in range(4)]
    real = desk.open_groups

    def slow() -> Any:
        groups = real()
        for report in reports[1:3]:
            decline_report(report=report, acting_user=dora, answer="No.")
        return groups

    monkeypatch.setattr(desk, "open_groups", slow)
    assert set_aside(report=reports[0], reach="group", upto=reports[3].pk, acting_user=bob) == 2
    told = [reports[0].pk, reports[3].pk]
    assert AuditEntry.objects.get(verb="report.set_aside").details == {"count": 2, "reports": told}
    reports[3].refresh_from_db()
    assert bring_back(report=reports[3], acting_user=bob) == 2
    assert AuditEntry.objects.get(verb="report.brought_back").details == {"count": 2, "reports": told}


def test_undo_takes_back_one_press_and_no_other(file: Callable[..., Report], bob: Any, dora: Any) -> None:
    first, second = file(), file(latitude=51.7)
    set_aside(report=first, reach="one", upto=first.pk, acting_user=bob)
    set_aside(report=second, reach="one", upto=second.pk, acting_user=dora)
    first.refresh_from_db()
    assert bring_back(report=first, acting_user=dora) == 1
    with pytest.raises(Conflict):
        bring_back(report=first, acting_user=dora)
    second.refresh_from_db()
    assert second.state == "junk"
    assert AuditEntry.objects.filter(verb="report.brought_back", actor=dora).count() == 1


def test_what_is_decided_cannot_be_set_aside(
    file: Callable[..., Report], bob: Any, dora: Any, alice: Any
) -> None:
    report = file()
    with pytest.raises(NotAllowed):
        set_aside(report=report, reach="one", upto=report.pk, acting_user=alice)
    decline_report(report=report, acting_user=bob, answer="No.")
    with pytest.raises(Conflict):
        set_aside(report=report, reach="one", upto=report.pk, acting_user=dora)


def test_odd_ways_of_setting_aside_are_answered(
    file: Callable[..., Report], bob: Any, client_of: Callable[[Any], Client]
) -> None:
    report, client = file(), client_of(bob)
    odd = [{}, {"reach": "all"}, {"reach": "group", "upto": "x"}, {"reach": "one", "upto": "9" * 400}]
    for fields in odd:
        answer = client.post(f"/review/reports/{report.pk}/set-aside/", fields)
        assert answer.status_code in (302, 404, 409)
    assert client.get("/review/reports/?aside=%D9%A3&page=x").status_code == 200
    assert client.post("/review/reports/999/set-aside/", {"reach": "one"}).status_code == 404


# No trace ----------------------------------------------------------------------------------------


def test_no_address_is_in_any_table_cache_file_or_log(
    release: Any, home: Path, caplog: pytest.LogCaptureFixture, client_of: Callable[[Any], Client], bob: Any
) -> None:
    traces = (
        "203.0.113.77",
        "2001:db8:77::1",
        "SecretBrowser/1.0",
        "from.example",
        "uk-SECRET",
        "citizen@example.org",
    )
    body = {
        "release": release.pk,
        "latitude": 51.5,
        "longitude": 26.5,
        "category": "missed",
        "email": "citizen@example.org",
    }
    with caplog.at_level(0):
        for address in traces[:2]:
            client = Client(
                REMOTE_ADDR=address,
                HTTP_USER_AGENT="SecretBrowser/1.0",
                HTTP_REFERER="https://from.example/",
                HTTP_ACCEPT_LANGUAGE="uk-SECRET",
                HTTP_X_FORWARDED_FOR=address,
            )
            client.get("/")
            assert client.post("/api/reports/", body, content_type="application/json").status_code == 201
            form = {
                "latitude": "51.5",
                "longitude": "26.5",
                "category": "missed",
                "email": "citizen@example.org",
            }
            filed = client.post("/report/", form)
            client.get(filed["Location"])
            client.post("/api/reports/", {"latitude": "x"}, content_type="application/json")
            client.get("/report/no-such-report/")
    report = Report.objects.order_by("pk").last()
    decline_report(report=report, acting_user=bob, answer="No.", site_url="https://amber.example")
    kept = [caplog.text, json.dumps({key: str(value) for key, value in cache._cache.items()})]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            kept.append(repr(cursor.fetchall()))
    kept += [file.read_bytes().decode("latin-1") for file in home.rglob("*") if file.is_file()]
    assert [trace for trace in traces for text in kept if trace in text] == []
