"""What a report must not leave behind: an address in a log, a photo as it came, a file that nobody knows of."""

import datetime as dt
import io
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as site_settings
from django.core import mail
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.module_loading import import_string
from PIL import Image
from rest_framework.request import Request

from amberapp import jobs, storage
from amberapp.web.private_paths import Lines
from amberapp.web.rate_limit import sender_of
from labeling.campaigns.campaigns import begin_from_report
from labeling.models import Report
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from labeling.reports import mail as letters
from labeling.reports import photo_encoding, photos
from labeling.reports.decision import accept_report, decline_report
from labeling.reports.email_encryption import encrypt
from labeling.reports.mail import answer_reporter
from labeling.reports.photos import LOST_HOURS, forget_lost_photos
from labeling.reports.retention import SWEPT
from tests.markup import tight

pytestmark = pytest.mark.django_db


def send(release: Any, client: Client | None = None, **fields: Any) -> Any:
    body = {"release": release.pk, "latitude": 51.5, "longitude": 26.5, "category": "missed"} | fields
    kind: dict[str, Any] = {} if "photo" in fields else {"content_type": "application/json"}
    return (client or Client()).post("/api/reports/", body, **kind)


def heavy_photo() -> bytes:
    """A photo of some 4 MB: noise does not pack."""
    noise = np.random.default_rng(1).integers(0, 256, (1100, 1100, 3), dtype=np.uint8)
    written = io.BytesIO()
    Image.fromarray(noise).save(written, "PNG")
    return written.getvalue()


# Letters -----------------------------------------------------------------------------------------


def test_a_site_without_a_mail_server_asks_for_no_address_and_writes_none_into_its_log(
    release: Any, settings: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = letters.INTO_THE_LOG
    map_page, form = Client().get("/").content.decode(), Client().get("/report/").content.decode()
    assert 'name="email"' not in map_page + form
    assert send(release, email="citizen@example.org").status_code == 201
    sent = {"latitude": "51.5", "longitude": "26.9", "category": "missed", "email": "citizen@example.org"}
    assert Client().post("/report/", sent).status_code == 302
    assert not Report.objects.exclude(sealed_email="").exists()
    # One that was kept before the mail server was taken away.
    report = Report.objects.order_by("pk").first()
    assert report is not None
    Report.objects.filter(pk=report.pk).update(sealed_email=encrypt("citizen@example.org"), state="declined")
    report.refresh_from_db()
    with caplog.at_level(0):
        assert answer_reporter(report, "https://amber.example", pause=0) is False
    told = "".join(capsys.readouterr()) + caplog.text
    assert "citizen@example.org" not in told
    assert report.token not in told
    report.refresh_from_db()
    assert report.sealed_email == ""


def test_with_a_mail_server_the_address_is_asked_for(release: Any) -> None:
    assert 'name="email"' in Client().get("/").content.decode()
    assert 'name="email"' in Client().get("/report/").content.decode()


def test_whatever_a_mail_server_raises_the_address_is_forgotten_and_not_told(
    region: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Any, messages: Any) -> int:
        raise UnicodeEncodeError("ascii", "citizen@example.org", 0, 1, "citizen@example.org is odd")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    values = {"region": region, "latitude": 51.5, "longitude": 26.5, "category": "other", "state": "declined"}
    report = Report.objects.create(**values, sealed_email=encrypt("citizen@example.org"))
    assert answer_reporter(report, "https://amber.example", pause=0) is False
    assert "UnicodeEncodeError" in caplog.text
    assert "citizen" not in caplog.text
    report.refresh_from_db()
    assert report.sealed_email == ""
    assert mail.outbox == []


# Logs --------------------------------------------------------------------------------------------


def test_the_sites_own_log_does_not_tell_private_links(release: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's log names the path of whatever was refused or failed: also a link that was copied badly."""
    address = send(release).json()["status_url"]
    token = address.rstrip("/").rsplit("/", 1)[1]
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(Lines("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        client = Client(raise_request_exception=False)
        client.post(address)
        client.get(f"/report/{token}x/")
        client.get(f"/account/password/reset/key/1-{token}/further/")

        def broken(*_args: Any) -> None:
            raise RuntimeError(f"/report/{token}/ broke")

        monkeypatch.setattr("labeling.reports.citizen_pages.public_position", broken)
        assert client.get(address).status_code == 500
    finally:
        logging.getLogger().removeHandler(handler)
    told = lines.getvalue()
    assert "/report/…/" in told
    assert "Traceback" in told
    assert token not in told


def test_the_sites_log_is_written_by_these_lines() -> None:
    logs: Any = site_settings.LOGGING
    assert logs["formatters"]["line"]["()"] == f"{Lines.__module__}.{Lines.__qualname__}"


def test_nginx_hides_the_same_paths() -> None:
    rules = (Path(site_settings.BASE_DIR) / "docker" / "nginx.conf").read_text()
    hidden = re.findall(r'"~\*(\S+)"\s+(\S+?)…;', rules)
    record = logging.LogRecord("x", logging.INFO, "", 1, "", (), None)
    for rule, path in hidden:
        for misspelt in (
            path,
            path.upper(),
            f"/{path}",
            path.replace("/", "//"),
            path[:-1] + "\\",
            f"{path} ",
        ):
            assert re.match(rule, f"{misspelt}s3cret/", re.IGNORECASE), misspelt
            record.msg = f"GET {misspelt}s3cret/ 404"
            told = Lines("%(message)s").format(record)
            assert "s3cret" not in told and "…" in told, misspelt
        record.msg = f"{path.replace('/report/', '/report/%20')}s3cret/"
        assert "s3cret" not in Lines("%(message)s").format(record)
    assert len(hidden) == 3


# Blurred places ----------------------------------------------------------------------------------


def test_the_page_of_a_blurred_report_does_not_tell_its_number(release: Any) -> None:
    """The list of changes names an accepted report by its number beside the exact place."""
    for blurred in (True, False):
        page = Client().get(send(release, blurred=blurred, latitude=51.5 + blurred / 10).json()["status_url"])
        number = Report.objects.latest("pk").pk
        assert (f'<dd class="num">{number}</dd>' in tight(page.content.decode())) is not blurred


def test_nobody_learns_from_their_own_report_that_others_have_reported(
    release: Any, bob: Any, client_of: Callable[..., Any]
) -> None:
    """Whoever digs there could put a report on the pit and wait; or look for a blurred one, cell by cell."""
    first = send(release, category="missed", latitude=51.6).json()["status_url"]
    alone = Client().get(first).content.decode()
    send(release, category="missed", latitude=51.6008, blurred=True, comment="My neighbour digs here")
    report, other = Report.objects.order_by("pk")
    assert other.duplicate_of == report
    hide = re.compile(r'csrf\S+|value="\w{64}"')
    assert hide.sub("", Client().get(first).content.decode()) == hide.sub("", alone)
    page = client_of(bob).get(f"/review/reports/{report.pk}/").content.decode()
    assert "1 more report, answered together" in page
    assert "reads the verdict alone" in page


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True), (False, False)])
def test_words_of_an_answer_stay_with_who_was_answered_where_somebody_wants_to_be_shown_roughly(
    release: Any, bob: Any, first: bool, second: bool
) -> None:
    for blurred in (first, second):
        send(release, category="missed", latitude=51.6, blurred=blurred)
    report, other = Report.objects.order_by("pk")
    decline_report(report=report, acting_user=bob, answer="The dacha that you name is a sand pit.")
    pages = [Client().get(f"/report/{one.token}/").content.decode() for one in (report, other)]
    assert all("leaves the map as it is" in page for page in pages)
    assert "dacha" in pages[0]
    assert ("dacha" in pages[1]) is not (first or second)


def test_the_page_of_a_blurred_report_leads_to_no_release_and_its_campaign_does_not_name_it(
    release: Any, found: Any, bob: Any, carol: Any
) -> None:
    place = places_of(release)[0]
    for blurred in (True, False):
        send(release, place=place.place, category="not_mining", blurred=blurred, latitude=place.latitude)
    report, other = Report.objects.order_by("pk")
    accept_report(report=report, acting_user=bob, look_alike="snow")
    assert (
        "the map is corrected with the next release"
        in Client().get(f"/report/{report.token}/").content.decode()
    )
    publish_release(run=found, acting_user=carol)
    page = Client().get(f"/report/{report.token}/").content.decode()
    assert "the map has been corrected since" in page
    assert "/compare/" not in page and "release 2" not in page
    assert "corrected with release 2" in Client().get(f"/report/{other.token}/").content.decode()
    name = begin_from_report(report=report, acting_user=bob).name
    day = date_format(timezone.localdate(), "SHORT_DATE_FORMAT")
    assert name == f"Campaign of {day}"
    # The day may have the number's digits: what is left of the name may not.
    assert str(report.pk) not in name.replace(day, "")


# Senders -----------------------------------------------------------------------------------------


def test_ipv4_told_in_the_manner_of_ipv6_is_not_one_household(rf: Any) -> None:
    """A server that listens to both kinds of addresses tells IPv4 so: all of the world would share one limit."""
    one, other = (sender_of(rf.get("/", REMOTE_ADDR=f"::ffff:203.0.113.{n}")) for n in (7, 8))
    assert one != other
    assert one == sender_of(rf.get("/", REMOTE_ADDR="203.0.113.7"))


def test_a_senders_name_cannot_be_made_again_from_disk_and_secret_key(rf: Any, settings: Any) -> None:
    asked = rf.get("/", REMOTE_ADDR="203.0.113.7")
    name = sender_of(asked)
    assert name == sender_of(asked)
    cache.clear()  # the same day, secret key and address; what stood in memory is gone
    assert name != sender_of(asked)


def test_no_limit_of_the_site_counts_by_the_address(client: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = site_settings.ACCOUNT_RATE_LIMITS
    cache.clear()
    address = {"REMOTE_ADDR": "203.0.113.7"}
    client.post("/account/login/", {"login": "olena", "password": "guessed"}, **address)
    client.get("/api/releases/", **address)
    for throttle in site_settings.REST_FRAMEWORK["DEFAULT_THROTTLE_CLASSES"]:
        limited = type("Limited", (import_string(throttle),), {"rate": "3/min"})
        stranger = Request(RequestFactory().get("/", **address))
        assert limited().allow_request(stranger, None)
    kept = list(cache._cache)
    assert any("login_failed" in key for key in kept)
    assert any("throttle_anon" in key for key in kept)
    assert any("throttle_user" in key for key in kept)
    assert [key for key in kept if "203.0.113" in key] == []


# Photos ------------------------------------------------------------------------------------------


def test_a_photo_as_it_came_never_lies_on_the_disk(
    release: Any, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place and camera would stay there if the process were killed while it reads."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(uploads)
    lying: list[Path] = []

    def look(data: bytes) -> bytes:
        lying.extend(uploads.iterdir())
        return photo_encoding.clean_photo(data)

    monkeypatch.setattr(photos, "clean_photo", look)
    data = heavy_photo()
    assert len(data) > 3_000_000
    answer = send(release, photo=SimpleUploadedFile("IMG_1.png", data, "image/png"))
    assert answer.status_code == 201
    assert lying == []


def test_a_photo_whose_report_was_never_written_or_is_deleted_goes_after_a_day(
    release: Any, home: Path
) -> None:
    small = io.BytesIO()
    Image.new("RGB", (64, 64), "green").save(small, "PNG")
    for _ in range(2):
        photo = SimpleUploadedFile("a.png", small.getvalue(), "image/png")
        assert send(release, photo=photo).status_code == 201
    kept, deleted = Report.objects.order_by("pk")
    Report.objects.filter(pk=deleted.pk).delete()
    lost = photos.keep(b"killed before the report was written")
    on_its_way = photos.keep(b"the report is just being written")
    half = home / "storage" / photos.FOLDER / "00" / ".part-x"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"killed while writing")
    long_ago = (timezone.now() - dt.timedelta(hours=LOST_HOURS, minutes=1)).timestamp()
    for path in (home / "storage" / photos.FOLDER).rglob("*"):
        if path.is_file() and path.name not in on_its_way:
            os.utime(path, (long_ago, long_ago))
    cache.delete(SWEPT)
    jobs.sweep()
    assert [storage.exists(key) for key in (kept.photo_key, on_its_way)] == [True, True]
    assert [storage.exists(key) for key in (deleted.photo_key, lost)] == [False, False]
    assert not half.exists()
    assert forget_lost_photos() == 0
    # Before a backup of the database is brought back.
    os.utime(home / "storage" / kept.photo_key, (long_ago, long_ago))
    Report.objects.all().delete()
    assert forget_lost_photos() == 0
    assert storage.exists(kept.photo_key)
