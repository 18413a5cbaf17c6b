"""The public map as plain files: whole, in both languages, in any folder, and with no picture that may not be shown."""

import json
import posixpath
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.core.management import CommandError, call_command

from amberapp import storage
from amberapp.storage import default_storage
from labeling.models import Release
from labeling.public.static_copy import Copied, _Pages
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from tests.published import SITE, copied_map, found_on, judge, publish_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def release(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any, settings: Any) -> Any:
    settings.ALLOWED_HOSTS = ["map.example.org"]
    run = found_on(region, [make_tile(seed) for seed in range(3)])
    publish_all(run, bob, carol)
    for detection, verdict in zip(run.detections.all(), ("rejected", "second"), strict=False):
        judge(detection, bob, verdict)
    return publish_release(run=run, acting_user=carol)


@pytest.fixture
def copy(release: Any, tmp_path: Path) -> Path:
    return copied_map(tmp_path / "copy")


def links_of(page: Path, root: Path) -> list[str]:
    """Files that the page's own relative links lead to, from the copy's root."""
    found = []
    for link in re.findall(r'\b(?:href|src|action)="([^"]*)"', page.read_text()):
        link = unescape(link)
        parts = urlsplit(link)
        if parts.scheme or not parts.path:
            continue
        assert not link.startswith("/"), f"{page}: {link} holds only at the root of a server"
        target = posixpath.normpath(posixpath.join(page.parent.relative_to(root).as_posix(), parts.path))
        found.append(posixpath.join(target, "index.html") if parts.path.endswith("/") else target)
    return found


def test_every_link_leads_to_a_file_of_the_copy_or_to_the_site(copy: Path, release: Any) -> None:
    pages = sorted(copy.rglob("*.html"))
    places = places_of(release)
    for language in ("", "uk/"):
        for path in (
            "",
            "releases/",
            "map/testshire/",
            "map/testshire/1/",
            "map/testshire/2/list/",
            "about/",
        ):
            assert copy / language / path / "index.html" in pages
        assert copy / language / f"map/testshire/2/place/{places[0].place}/index.html" in pages
    for page in pages:
        for target in links_of(page, copy):
            assert (copy / target).is_file(), f"{page.relative_to(copy)} leads to {target}"
        text = page.read_text()
        assert "csrf" not in text
        for link in re.findall(r'href="(https?://[^"]*)"', text):
            assert link.startswith(SITE) or "example.org" not in link
    assert f'href="{SITE}/report/' in (copy / "index.html").read_text()
    assert 'lang="uk"' in (copy / "uk" / "index.html").read_text()[:200]


def test_what_is_narrowed_by_links_is_copied_and_forms_lead_to_the_site(copy: Path) -> None:
    folder = copy / "releases" / "testshire" / "1" / "compare" / "2"
    for kept, places in {
        "": 2,
        "kind-vanished": 2,
        "reason-review": 1,
        "kind-vanished-reason-second_opinion": 1,
    }.items():
        page = (folder / kept / "index.html").read_text()
        assert page.count('<th scope="row">') == places, kept
    whole = (folder / "index.html").read_text()
    assert 'href="kind-vanished/#changes"' in whole
    for page in copy.rglob("*.html"):
        for action in re.findall(r'<form[^>]* action="([^"]*)"', page.read_text()):
            assert action.startswith(SITE), f"{page}: nobody answers {action} here"


def test_scripts_find_their_files_and_send_nothing(copy: Path, release: Any) -> None:
    page = copy / "uk" / "map" / "testshire" / "1" / "index.html"
    found = re.search(r'<script id="map-data" type="application/json">(.*?)</script>', page.read_text())
    assert found
    told = json.loads(found[1])
    assert told["reports"] == ""
    files = (page.parent / told["files"]).resolve()
    for file in release.files.all():
        other = (copy / "releases" / "testshire" / "2" / file.name).read_bytes()
        assert len(other) == file.size
    assert (files / "squares-7.json").is_file()
    place = places_of(release)[0].place
    picture = (page.parent / told["picture"].replace(told["anyPlace"], place)).resolve()
    assert picture.read_bytes()[:4] == b"RIFF"
    assert (page.parent / told["placePage"].replace(told["anyPlace"], place) / "index.html").is_file()


def test_pictures_that_may_not_be_shown_any_more_leave_the_next_copy(copy: Path, source: Any) -> None:
    assert list((copy / "pictures").iterdir())
    source.may_publish = False
    source.save()
    # Also where the copy cannot be finished.
    lost = next(file for file in Release.objects.latest("number").files.all() if file.name == "places.csv")
    data = storage.get(lost.storage_key)
    default_storage.delete(lost.storage_key)
    for copied in copy.glob("releases/testshire/*/places.csv"):
        copied.unlink()
    with pytest.raises(CommandError):
        call_command("export_map", str(copy), site=SITE)
    assert not list((copy / "pictures").iterdir())
    storage.put(lost.storage_key, data)
    call_command("export_map", str(copy), site=SITE)
    assert not list((copy / "pictures").iterdir())


def test_a_second_copy_writes_only_what_has_changed(copy: Path) -> None:
    """A mirror sends, and a slow disk flushes, each file that was written."""
    pages = sorted(copy.rglob("*.html"))
    changed = pages[0]
    whole = changed.read_bytes()
    changed.write_bytes(whole[:-1] + b"?")
    before = {path: path.stat().st_ino for path in [*pages, *copy.rglob("*.css")]}
    call_command("export_map", str(copy), site=SITE)
    assert [path for path, inode in before.items() if path.stat().st_ino != inode] == [changed]
    assert changed.read_bytes() == whole


def test_a_folder_with_other_files_is_left_alone(release: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    with pytest.raises(CommandError, match="other files"):
        call_command("export_map", str(tmp_path / "mine"), site=SITE)
    with pytest.raises(CommandError, match="https://"):
        call_command("export_map", str(tmp_path / "new"), site="map.example.org")
    for host in ("other.example.org", "map.example.org:port", "[map.example.org"):
        with pytest.raises(CommandError, match="AMBER_ALLOWED_HOSTS|begins with https://"):
            call_command("export_map", str(tmp_path / "new"), site=f"https://{host}")
    assert not (tmp_path / "new").exists()


def test_a_site_that_knows_its_address_need_not_be_told(release: Any, tmp_path: Path, settings: Any) -> None:
    with pytest.raises(CommandError, match="--site"):
        call_command("export_map", str(tmp_path / "copy"))
    settings.AMBER = {**settings.AMBER, "AMBER_SITE_URL": SITE}
    call_command("export_map", str(tmp_path / "copy"))
    assert f'href="{SITE}/report/' in (tmp_path / "copy" / "index.html").read_text()


def test_nothing_published_makes_no_copy(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing has been published"):
        call_command("export_map", str(tmp_path / "new"), site=SITE)


def test_districts_of_long_and_of_like_names_have_folders_of_their_own() -> None:
    pages = _Pages(Path("."), SITE, Copied(), None)

    def folder(name: str) -> str:
        query = urlencode({"district": name, "year": 2014, "page": 2})
        return pages._target("uk", f"/map/testshire/1/list/?{query}").split("/")[-2]

    assert folder("Сарни") == "district-Сарни-page-2-year-2014"
    names = ["Лук'янівка", "Лук’янівка", "Лук_янівка", "Ж" * 120, "Ж" * 119 + "З"]
    assert len({folder(name) for name in names}) == len(names)
    assert all(len(folder(name).encode()) < 256 for name in names)
