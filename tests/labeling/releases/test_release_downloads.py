"""A reader takes a release home: checks it, cites it, opens its labels, and finds it again by its own address."""

import functools
import gzip
import io
import json
import posixpath
import re
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from amberapp import storage
from detection.training import dataset as datasets
from labeling.models import Consensus, Release, ReleaseFile
from labeling.releases import catalogue
from labeling.releases.files.writers import DOWNLOADS
from labeling.releases.publish import publish_again, publish_release
from tests import conftest
from tests.pages import squeezed
from tests.published import approve_all, found_on, publish_all, publish_without_the_first

pytestmark = pytest.mark.django_db

Tiles = Callable[..., Any]
SITE = "https://map.example.org"


@pytest.fixture
def known_site(settings: Any) -> None:
    settings.AMBER = {**settings.AMBER, "AMBER_SITE_URL": SITE, "AMBER_PUBLISHER": "The Newsroom"}


def section(page: str, release: Any) -> str:
    return page.partition(f'id="release-{release.pk}"')[2].partition("</section>")[0]


def links(text: str) -> list[tuple[str, str | None]]:
    """(address, the name that the page wants the file to have; empty: its own; None: no download)."""
    found = []
    for tag in re.findall(r"<a [^>]*>", text):
        (address,) = re.findall(r'href="([^"]*)"', tag)
        named = re.search(r' download(?:="([^"]*)")?', tag)
        found.append((unescape(address), (named[1] or "") if named else None))
    return [one for one in found if one[0].startswith("/releases/") and one[0][-1] != "/"]


def download(address: str, wanted: str | None, folder: Path) -> str:
    """As a browser saves it, which goes by the answer first and by the link then; returns the name it got."""
    answer = Client().get(address, headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200, address
    told = re.search(r'filename="([^"]+)"', answer.headers.get("Content-Disposition", ""))
    name = told[1] if told else wanted or posixpath.basename(address)
    packed = answer.headers.get("Content-Encoding") == "gzip"
    (folder / name).write_bytes(gzip.decompress(answer.getvalue()) if packed else answer.getvalue())
    return name


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    readme = (folder / "README.txt").read_text()
    (command,) = re.findall(r"^ +(sha256sum --ignore-missing [\w -]+?) {2,}", readme, flags=re.MULTILINE)
    return subprocess.run(command.split(), cwd=folder, capture_output=True, text=True)


# Checksums ------------------------------------------------------------------------------------


def test_some_of_the_offered_files_are_checked_by_the_command_that_the_readme_gives(
    two: tuple[Any, Any], tmp_path: Path
) -> None:
    offered = section(Client().get("/releases/").content.decode(), two[1]).partition("<details")[0]
    taken = [one for one in links(offered) if not one[0].endswith((".gpkg", ".kml"))]
    names = [download(*one, tmp_path) for one in taken]
    assert names == [name for name in DOWNLOADS if not name.endswith((".gpkg", ".kml"))]
    told = check(tmp_path)
    assert told.returncode == 0, told.stderr
    assert set(told.stdout.splitlines()) == {f"{name}: OK" for name in names if name != "SHA256SUMS"}
    (tmp_path / "places.csv").write_bytes(b"another map")
    told = check(tmp_path)
    assert told.returncode == 1
    assert "places.csv: FAILED" in told.stdout


def test_every_file_of_a_release_is_offered_with_its_size_and_checksum(
    two: tuple[Any, Any], tmp_path: Path
) -> None:
    for release in two:
        folded = section(squeezed(Client().get("/releases/")), release).partition("<details")[2]
        folded = folded.partition("</details>")[0]
        assert "All files and checksums" in folded
        rows = re.findall(r"<li>(.*?)</li>", folded)
        told = {}
        for row in rows:
            ((address, wanted),) = links(row)
            name = download(address, wanted, tmp_path)
            (told[name],) = re.findall(r"<code>([0-9a-f]{64})</code>", row)
            assert re.search(r"<span>[\d.]+.(?:bytes?|KB|MB)</span>", row)
        assert told == dict(release.files.values_list("name", "sha256"))
        sums = "".join(f"{sha256}  {name}\n" for name, sha256 in told.items())
        subprocess.run(["sha256sum", "--check", "--quiet"], input=sums, text=True, cwd=tmp_path, check=True)
        assert check(tmp_path).returncode == 0
        assert ("changes.json" in told) == (release == two[1])
        assert ("changes.json is not listed in SHA256SUMS" in folded) == (release == two[1])
    assert "changes.json" not in (tmp_path / "SHA256SUMS").read_text()
    assert "changes.json" in (tmp_path / "README.txt").read_text()


def test_two_hundred_releases_of_a_large_region_make_no_heavy_page(
    two: tuple[Any, Any], carol: Any, django_assert_num_queries: Any
) -> None:
    last = two[1]
    fields = ("name", "media_type", "storage_key", "sha256", "size")
    files = list(last.files.values(*fields))
    (part,) = (file for file in files if file["name"].startswith("ground-"))
    files += [{**part, "name": f"ground-{column}-999.json"} for column in range(1000, 1120)]
    more = Release.objects.bulk_create(
        Release(
            region=last.region,
            number=number,
            run=last.run,
            statistics=last.statistics,
            created_at=timezone.now(),
            created_by=carol,
        )
        for number in range(3, 201)
    )
    ReleaseFile.objects.bulk_create(ReleaseFile(release=one, **file) for one in more for file in files)
    catalogue.write_catalogue({one.pk: {} for one in more})
    with django_assert_num_queries(0):
        page = Client().get("/releases/", headers={"accept-encoding": "gzip"})
    assert page.status_code == 200
    assert len(page.content) < 120_000
    with django_assert_num_queries(0):
        plain = Client().get("/releases/?page=20")
    assert len(plain.content) < 400_000
    assert 'href="/releases/testshire/1/places.csv"' in plain.content.decode()


# Its own address ------------------------------------------------------------------------------


def text_of(release: Any, name: str) -> str:
    return storage.get(release.files.get(name=name).storage_key).decode()


def test_the_citation_leads_to_the_release_that_has_these_files(
    known_site: None, found: Any, bob: Any, carol: Any, django_assert_num_queries: Any
) -> None:
    two = publish_all(found, bob, carol), publish_without_the_first(found, bob, carol)
    again = publish_again(release=two[0], acting_user=carol)
    for release, leads_to in ((two[0], 1), (two[1], 2), (again, 1)):
        (cited,) = re.findall(
            r"^- The Newsroom: .*? (https://\S+) Please", text_of(release, "README.txt"), re.M
        )
        assert cited.startswith(f"{SITE}/map/testshire/fingerprint/")
        with django_assert_num_queries(0):
            answer = Client().get(cited.removeprefix(SITE))
        assert answer.headers["Location"] == f"/map/testshire/{leads_to}/"
        assert json.loads(text_of(release, "labels-coco.json"))["info"]["url"] == cited
    for wrong in ("/map/testshire/fingerprint/0123456789abcdef/", "/map/nowhere/fingerprint/x/"):
        assert Client().get(wrong).status_code == 404


def test_the_address_of_a_labelled_image_gives_the_picture_that_the_labels_fit(
    known_site: None,
    region: Any,
    source: Any,
    make_tile: Tiles,
    bob: Any,
    carol: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conftest, "picture", functools.partial(conftest.picture, size=1300))
    tile = make_tile(0, width=1300, height=1300)
    # Labelled, and no place on the map: only the labels lead to its image.
    labelled = make_tile(1, width=1300, height=1300).segmented.get()
    run = found_on(region, [tile])
    approve_all(run, bob)
    Consensus.objects.bulk_create(
        Consensus(segmented_tile=labelled, superpixel=number, verdict="mining", votes=3, agreeing=3)
        for number in range(1, labelled.superpixels + 1)
    )
    release = publish_release(run=run, acting_user=carol)
    coco = json.loads(text_of(release, "labels-coco.json"))
    (image,) = coco["images"]
    (task,) = json.loads(text_of(release, "labels-label-studio.json"))
    assert image["coco_url"] == task["data"]["image"]
    address = image["coco_url"].removeprefix(SITE)
    answer = Client().get(address)
    size = Image.open(io.BytesIO(answer.content)).size
    assert size == (1000, 1000) == (image["width"], image["height"])
    results = task["annotations"][0]["result"]
    assert {(row["original_width"], row["original_height"]) for row in results} == {size}
    corners = [value for row in coco["annotations"] for value in row["segmentation"][0]]
    assert (min(corners), max(corners)) == (0, 1000), "all pieces together are the whole picture"
    assert sum(row["area"] for row in coco["annotations"]) == pytest.approx(1000 * 1000, rel=1e-4)
    # Pictures of the same ground under the release's own page, for sites whose address nobody has set.
    page = f"/map/testshire/{release.number}/"
    assert (
        Client().get(page + address.partition("/place/")[1][1:] + address.partition("/place/")[2]).status_code
        == 200
    )
    source.may_publish = False
    source.save()
    assert Client().get(address).status_code == 404


def test_a_catalogue_of_before_there_were_fingerprints_is_written_anew_with_its_pictures(
    known_site: None, two: tuple[Any, Any], home: Path
) -> None:
    path = home / "storage" / catalogue.KEY
    whole = path.read_bytes()
    old = json.loads(whole)
    old["format"] = "amber-catalogue/1"
    for row in old["releases"]:
        del row["fingerprint"]
    path.write_text(json.dumps(old))
    assert Client().get("/releases/").status_code == 200
    assert path.read_bytes() == whole


# How it was made ------------------------------------------------------------------------------


def test_the_readme_names_the_campaigns_that_the_dataset_names(
    approved: Any, region: Any, carol: Any
) -> None:
    tile = approved.detections.first().segmented_tile
    dataset = datasets.freeze(
        region=region,
        rows=[datasets.TrainingRow(tile.pk, 1, True), datasets.TrainingRow(tile.pk, 2, False, "sand_pit")],
        acting_user=carol,
        campaigns=[datasets.CampaignNote(7, "Sand pits of the Sluch", "label", "sand_pit", 12)],
    )
    approved.classifier.dataset = dataset
    approved.classifier.save()
    release = publish_release(run=approved, acting_user=carol)
    told = (
        "campaign no. 7 against a class of errors, “Sand pits of the Sluch”: 12 superpixels labelled as "
        "not mining"
    )
    assert told in text_of(release, "README.txt")
    (named,) = release.statistics["method"]["classifier"]["campaigns"]
    assert (named["number"], named["name"], named["superpixels"]) == (7, "Sand pits of the Sluch", 12)
    # Changed behind the site's back: the map is published, and says what it does not know.
    storage.put(dataset.file_key, b"{}\n")
    datasets._campaigns_in.cache_clear()  # as a process that has not read it
    release = publish_release(run=approved, acting_user=carol)
    assert "is not known: its dataset is lost" in text_of(release, "README.txt")
    assert release.statistics["method"]["classifier"]["campaigns"] is None
