"""Duplicates follow the first report; a thousand junk reports do not bury ten real ones."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client

from amberapp import jobs
from amberapp.errors import Conflict, NotAllowed
from amberapp.models import AuditEntry, Job
from labeling.models import Report, Review
from labeling.releases.publish import publish_release
from labeling.reports import desk
from labeling.reports.decision import LETTER_JOB, accept_report, decline_report
from labeling.reports.desk import bring_back, open_groups, set_aside
from labeling.reports.filing import file_report, public_position
from labeling.reports.groups import GroupKind
from labeling.reports.text_similarity import alike, clusters, normalised, text_key
from labeling.reports.views.desk import GROUPS_PER_PAGE
from tests.kept import keep
from tests.published import found_on, publish_all

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def release(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any, home: Path) -> Any:
    """Four places: as many as the real reports among the junk object to."""

    def publish() -> None:
        publish_all(found_on(region, [make_tile(number) for number in range(4)]), bob, carol)

    keep("four places", home, publish)
    return region.releases.get()


@pytest.fixture
def file(release: Any) -> Callable[..., Report]:
    def do(
        latitude: float = 51.5, longitude: float = 26.7, category: str = "missed", **fields: Any
    ) -> Report:
        return file_report(
            release=release, latitude=latitude, longitude=longitude, category=category, **fields
        )

    return do


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

JUNK = (
    "Cheap pills and casino bonus number {0}, order today at http://shop{0}.example/{0} and win {0} hryvnias"
)


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
