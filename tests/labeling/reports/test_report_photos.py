"""A citizen's photo: only its pixels are kept, only experts see it, and it is gone in time."""

import datetime as dt
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image, ImageCms, PngImagePlugin

from amberapp import jobs
from labeling.models import Report
from labeling.reports.decision import decline_report
from labeling.reports.desk import set_aside
from labeling.reports.email_encryption import encrypt
from labeling.reports.photo_encoding import KEPT_SIDE, MAX_BYTES, PhotoRefused, clean_photo
from labeling.reports.photos import KEPT_DAYS, forget_old_photos, photo_of
from labeling.reports.retention import SWEPT

SECRET = b"Olena's phone 51.4821N 26.7719E"


def photo(form: str = "JPEG", size: tuple[int, int] = (640, 480), **how: Any) -> bytes:
    """A picture whose left half is red and whose right half is green."""
    picture = Image.new("RGB", size, "green")
    picture.paste("red", (0, 0, size[0] // 2, size[1]))
    buffer = io.BytesIO()
    picture.save(buffer, form, **how)
    return buffer.getvalue()


def telling_photo() -> bytes:
    """A JPEG that tells who took it where, in every way a JPEG can."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    exif[0x010F] = SECRET.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 28.0, 55.0), 3: "E", 4: (26.0, 46.0, 18.0)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = photo(exif=exif.tobytes(), icc_profile=profile, comment=SECRET)
    return data + b"<script>alert(1)</script><?php system($_GET[0]); ?>PK\x03\x04" + SECRET


# Pixels only -------------------------------------------------------------------------------------


def test_only_pixels_are_kept_and_they_stand_upright() -> None:
    kept = clean_photo(telling_photo())
    picture = Image.open(io.BytesIO(kept))
    assert (picture.format, picture.size) == ("WEBP", (480, 640))
    assert not picture.getexif()
    assert not {"exif", "icc_profile", "xmp", "comment"} & set(picture.info)
    for trace in (SECRET, b"Exif", b"ICCP", b"EXIF", b"XMP ", b"<script", b"<?php", b"PK\x03\x04"):
        assert trace not in kept
    red, _green, _blue = picture.convert("RGB").getpixel((240, 10))
    assert red > 200, "what was at the left is at the top"


def test_a_large_photo_is_made_small_and_a_small_one_is_not_blown_up() -> None:
    assert Image.open(io.BytesIO(clean_photo(photo(size=(4000, 3000))))).size == (
        KEPT_SIDE,
        KEPT_SIDE * 3 // 4,
    )
    assert Image.open(io.BytesIO(clean_photo(photo(size=(100, 80))))).size == (100, 80)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "MPO"])
def test_the_forms_that_phones_and_screens_make_are_taken(form: str) -> None:
    assert clean_photo(photo(form))[8:12] == b"WEBP"


def test_a_transparent_photo_lies_on_white() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(buffer, "PNG")
    assert Image.open(io.BytesIO(clean_photo(buffer.getvalue()))).getpixel((5, 5)) == (255, 255, 255)


def png_of(width: int, height: int) -> bytes:
    """A PNG's head that claims any size, with little behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(4096)))
        + chunk(b"IEND", b"")
    )


def bomb_of_text() -> bytes:
    told = PngImagePlugin.PngInfo()
    told.add_text("bomb", "0" * 50_000_000, zip=True)
    return photo("PNG", pnginfo=told)


def many_scans() -> bytes:
    data = photo(progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:-2] + data[start:-2] * 200 + data[-2:]


def animation(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(
        buffer, form, save_all=True, append_images=[Image.new("RGB", (64, 64), "blue")]
    )
    return buffer.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": lambda: b"<script>alert(1)</script>",
    "svg": lambda: SVG,
    "gif": lambda: photo("GIF"),
    "gif and script": lambda: b"GIF89a/*" + b"\0" * 100 + b"*/=1;alert(1)",
    "tiff": lambda: photo("TIFF"),
    "bmp": lambda: photo("BMP"),
    "ico": lambda: photo("ICO"),
    "avif": lambda: photo("AVIF"),
    "heic": lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100,
    "pdf": lambda: photo("PDF"),
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "zip": lambda: b"PK\x03\x04" + b"\0" * 200,
    "program": lambda: b"\x7fELF" + b"\0" * 200,
    "bomb of pixels": lambda: png_of(60_000, 60_000),
    "bomb above the limit": lambda: png_of(7000, 7000),
    "one colour in forty bytes": lambda: photo("WEBP", (6000, 6000), lossless=True),
    "bomb of sides": lambda: png_of(2**31 - 1, 1),
    "nothing behind the head": lambda: png_of(4000, 4000),
    "bomb of text": bomb_of_text,
    "many scans": many_scans,
    "truncated jpeg": lambda: photo(size=(900, 900), quality=95)[:5000],
    "truncated webp": lambda: photo("WEBP", (300, 300), quality=95)[:200],
    "head alone": lambda: b"\xff\xd8\xff\xe0",
    "animated webp": lambda: animation("WEBP"),
    "animated png": lambda: animation("PNG"),
    "a dot": lambda: photo(size=(3, 3)),
    "too many bytes": lambda: photo() + b"\0" * MAX_BYTES,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_photo_is_refused_with_a_sentence(what: str) -> None:
    with pytest.raises(PhotoRefused) as refused:
        clean_photo(HOSTILE[what]())
    sentence = str(refused.value)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "%(" not in sentence


def test_random_damage_is_refused_or_mended_and_never_an_error_of_the_server() -> None:
    whole = {form: bytearray(photo(form, size=(64, 64))) for form in ("JPEG", "PNG", "WEBP")}
    for form, data in whole.items():
        for place in range(0, len(data), max(1, len(data) // 60)):
            hurt = bytearray(data)
            hurt[place] ^= 0xFF
            try:
                kept = clean_photo(bytes(hurt))
            except PhotoRefused:
                continue
            assert Image.open(io.BytesIO(kept)).format == "WEBP", (form, place)


# Through the doors -------------------------------------------------------------------------------


def send(release: Any, data: bytes, name: str = "photo.jpg", kind: str = "image/jpeg", **fields: Any) -> Any:
    body = {"release": release.pk, "latitude": 51.5, "longitude": 26.5, "category": "missed", **fields}
    return Client(raise_request_exception=False).post(
        "/api/reports/", {**body, "photo": SimpleUploadedFile(name, data, kind)}
    )


def photos_in(home: Path) -> list[Path]:
    folder = home / "storage" / "reports"
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


@pytest.mark.django_db
def test_a_photo_comes_with_the_report_and_only_experts_see_it(
    release: Any, home: Path, client_of: Callable[[Any], Client], alice: Any, bob: Any
) -> None:
    answer = send(release, telling_photo(), comment="New pits.")
    assert answer.status_code == 201, answer.content
    report = Report.objects.get()
    (file,) = photos_in(home)
    assert file.read_bytes()[8:12] == b"WEBP"
    assert SECRET not in file.read_bytes()
    assert str(report.pk) not in report.photo_key.rsplit("/", 1)[1][:-5] or len(report.photo_key) > 30
    address = f"/review/reports/{report.pk}/photo.webp"
    shown = client_of(bob).get(address)
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/webp")
    assert shown["Cache-Control"] == "private, no-store"
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert Client().get(address).status_code == 302
    assert client_of(alice).get(address).status_code == 403
    assert address in client_of(bob).get(f"/review/reports/{report.pk}/").content.decode()
    status = Client().get(answer.json()["status_url"]).content.decode()
    assert "only experts see it" in status
    assert "photo.webp" not in status
    assert report.photo_key not in status


@pytest.mark.django_db
def test_the_form_takes_a_photo_without_scripts_and_says_how_long_it_is_kept(
    release: Any, home: Path
) -> None:
    page = Client().get("/report/").content.decode()
    assert 'enctype="multipart/form-data"' in page
    assert f"deleted {KEPT_DAYS} days after the decision" in page
    fields = {"latitude": "51.5", "longitude": "26.5", "category": "missed", "blurred": "on"}
    answer = Client().post(
        "/report/", {**fields, "photo": SimpleUploadedFile("x.png", photo("PNG"), "image/png")}
    )
    assert answer.status_code == 302
    report = Report.objects.get()
    assert report.blurred
    assert photo_of(report)[8:12] == b"WEBP"
    assert len(photos_in(home)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["svg", "gif", "heic", "bomb of pixels", "truncated jpeg", "empty", "zip"])
def test_a_bad_photo_is_refused_at_both_doors_and_nothing_is_stored(
    release: Any, home: Path, what: str
) -> None:
    data = HOSTILE[what]()
    answer = send(release, data)
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]["photo"]
    fields = {"latitude": "51.5", "longitude": "26.5", "category": "missed", "comment": "keep me"}
    page = Client().post("/report/", {**fields, "photo": SimpleUploadedFile("x.jpg", data, "image/jpeg")})
    assert page.status_code == 400
    assert "keep me" in page.content.decode()
    assert "field__error" in page.content.decode()
    assert not Report.objects.exists()
    assert photos_in(home) == []


@pytest.mark.django_db
def test_the_name_of_an_upload_leads_nowhere(release: Any, home: Path, settings: Any) -> None:
    settings.AMBER = {**settings.AMBER, "AMBER_REPORTS_PER_HOUR": 100}
    names = [
        b"../../../etc/cron.d/x.jpg",
        b"..\\..\\x.jpg",
        b"/abs/x.jpg",
        b"a" * 400 + b".jpg",
        b"x.jpg%00.php",
    ]
    names += [b"<b>.svg", b"..", b".", b"\xff\xc0\xaf.jpg", b"CON", b"x.jpg\0.php"]
    for number, name in enumerate(names):
        parts = {
            "release": release.pk,
            "latitude": 51.1 + number / 20,
            "longitude": 26.5,
            "category": "missed",
        }
        body = b"".join(
            b'--cut\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
            % (key.encode(), str(value).encode())
            for key, value in parts.items()
        )
        head = b'--cut\r\nContent-Disposition: form-data; name="photo"; filename="%s"\r\nContent-Type: text/html\r\n\r\n'
        body += head % name + photo("PNG", (40, 40)) + b"\r\n--cut--\r\n"
        client = Client(raise_request_exception=False)
        answer = client.post("/api/reports/", body, content_type="multipart/form-data; boundary=cut")
        assert answer.status_code in (201, 400), name
    assert all(file.parent.parent == home / "storage" / "reports" / "photos" for file in photos_in(home))
    assert all(file.suffix == ".webp" for file in photos_in(home))
    assert len(photos_in(home)) == Report.objects.exclude(photo_key="").count() > 5


@pytest.mark.django_db
def test_a_report_that_is_refused_leaves_no_photo(release: Any, home: Path, settings: Any) -> None:
    assert send(release, photo(), category="nonsense").status_code == 400
    assert send(release, photo(), website="spam").status_code == 400
    settings.AMBER = {**settings.AMBER, "AMBER_REPORTS_PER_HOUR": 0}
    assert send(release, photo()).status_code == 429
    assert photos_in(home) == []


@pytest.mark.django_db
def test_a_row_that_cannot_be_written_leaves_no_photo(
    release: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> int:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr("django.db.models.query.QuerySet.update", fail)
    assert send(release, photo()).status_code == 500
    monkeypatch.undo()
    assert (photos_in(home), Report.objects.count()) == ([], 0)


@pytest.mark.django_db
def test_a_body_beyond_the_limit_is_refused_before_it_is_read(release: Any, home: Path) -> None:
    for address, kind in (("/api/reports/", "json"), ("/report/", "html"), ("/account/login/", "html")):
        answer = Client().post(address, {"photo": SimpleUploadedFile("x.jpg", b"\0" * (9 * 2**20 + 1))})
        assert answer.status_code == 413
        if kind == "json":
            assert answer.json()["error"]["code"] == "too_large"
        else:
            assert "9 MB" in answer.content.decode()
        assert "script-src" in answer["Content-Security-Policy"]
    assert not Report.objects.exists()
    assert photos_in(home) == []


# Forgetting --------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.database
def test_photos_go_thirty_days_after_the_decision_junk_too(release: Any, home: Path, bob: Any) -> None:
    for number in range(3):
        assert send(release, photo(), latitude=51.2 + number / 10).status_code == 201
    declined, junk, waiting = Report.objects.order_by("pk")
    decline_report(report=declined, acting_user=bob, answer="No.")
    set_aside(report=junk, reach="one", upto=junk.pk, acting_user=bob)
    assert forget_old_photos() == 0
    long_ago = timezone.now() - dt.timedelta(days=KEPT_DAYS, minutes=1)
    Report.objects.exclude(state="open").update(decided_at=long_ago)
    Report.objects.update(created_at=long_ago)
    cache.delete(SWEPT)
    jobs.sweep()
    assert list(Report.objects.exclude(photo_key="")) == [waiting]
    assert len(photos_in(home)) == 1
    assert forget_old_photos() == 0


@pytest.mark.django_db
@pytest.mark.database
def test_an_address_whose_letter_never_went_out_is_forgotten_by_the_sweeper(region: Any) -> None:
    values = {"region": region, "latitude": 51.5, "longitude": 26.5, "category": "other"}
    kept = Report.objects.create(**values, sealed_email=encrypt("a@example.org"))
    late = Report.objects.create(**values, sealed_email=encrypt("b@example.org"), state="accepted")
    Report.objects.filter(pk=late.pk).update(decided_at=timezone.now() - dt.timedelta(days=4))
    cache.delete(SWEPT)
    jobs.sweep()
    assert list(Report.objects.exclude(sealed_email="")) == [kept]
