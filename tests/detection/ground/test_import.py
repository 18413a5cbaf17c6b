"""An admin imports a folder by command: whatever lies in it, the good files come in and the others are named."""

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from amberapp import storage
from amberapp.errors import UserError
from amberapp.models import AuditEntry
from detection.ground import ingest
from detection.ground.regions import update_source
from detection.imagery.decode import UnreadableImage
from detection.imagery.placement import Placement
from detection.models import ImagerySource, Region, SegmentedTile, Tile
from tests import imagery_files as make

pytestmark = pytest.mark.database

GOOD = "51.5_26.5_05_Oct_2015_GMT.jpg"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    return made


def run(folder: Path, capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    """The one JSON object that the command writes to standard output."""
    capsys.readouterr()
    call_command("import_tiles", str(folder), region="Testshire", json=True, **options)
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 1
    return json.loads(lines[0])


def stored(home: Path) -> set[str]:
    return {
        str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and "storage" in path.parts
    }


def rows() -> list[tuple[Any, ...]]:
    return list(Tile.objects.order_by("id").values_list())


def test_a_folder_comes_in_with_place_and_date(folder: Path, region: Region, capsys: Any) -> None:
    (folder / GOOD).write_bytes(make.jpeg(100, 100))
    (folder / "nowhere.png").write_bytes(make.png(100, 100, seed=1))
    told = run(folder, capsys)
    assert (told["imported"], told["unchanged"], told["duplicates"], told["rejected"]) == (2, 0, 0, [])
    assert told["seconds"] >= 0
    assert [entry["file"] for entry in told["without_place"]] == ["nowhere.png"]
    tile = Tile.objects.get(file_name=GOOD)
    assert (tile.latitude, tile.longitude) == (51.5, 26.5) and tile.bounds is not None
    assert str(tile.capture_date) == "2015-10-05" and (tile.width, tile.height) == (100, 100)
    assert storage.get(tile.image_key) == (folder / GOOD).read_bytes(), "the original bytes are kept"
    assert SegmentedTile.objects.filter(tile=tile, superpixels__gt=1).exists()
    assert Tile.objects.get(file_name="nowhere.png").bounds is None


def test_every_bad_file_is_named_and_the_rest_comes_in(folder: Path, region: Region, capsys: Any) -> None:
    from PIL import Image

    noise = make.jpeg(300, 300)
    bad = {
        "animation.gif": make.animation(),
        "bomb.png": make.bomb(),
        "crop_51.5_26.5.txt.jpg": b"I am a text\n" * 20,
        "empty.jpg": b"",
        "51.5_26.5_05_Oct_2015_GMT_super_3.png": make.png(),
        "truncated.jpg": noise[: len(noise) // 2],
    }
    deep = Image.new("I;16", (64, 64), 3000)
    good = {
        "alpha.png": make.encode(Image.new("RGBA", (64, 64), (90, 80, 70, 255)), "PNG"),
        "cmyk.jpg": make.encode(Image.new("CMYK", (64, 64), (0, 90, 90, 0)), "JPEG"),
        "grey16.png": make.encode(deep, "PNG"),
        "palette.png": make.encode(Image.fromarray(make.pixels()).convert("P"), "PNG"),
        "plain.jpg": noise,
        "rotated.jpg": make.turned_jpeg(6),
    }
    for name, data in (bad | good).items():
        (folder / name).write_bytes(data)
    (folder / "zz-plain-again.jpg").write_bytes(noise)
    told = run(folder, capsys)
    assert told["imported"] == len(good)
    assert {entry["file"] for entry in told["rejected"]} == set(bad)
    assert all(entry["reason"].endswith(".") for entry in told["rejected"])
    assert told["duplicate_files"] == [{"file": "zz-plain-again.jpg", "same_as": "plain.jpg"}]
    assert set(Tile.objects.values_list("file_name", flat=True)) == set(good)
    rotated = Tile.objects.get(file_name="rotated.jpg")
    assert (rotated.width, rotated.height) == (40, 60)


def test_importing_again_changes_nothing(folder: Path, region: Region, capsys: Any, home: Path) -> None:
    (folder / GOOD).write_bytes(make.jpeg(100, 100))
    (folder / "nowhere.png").write_bytes(make.png(100, 100, seed=1))
    (folder / "same.png").write_bytes(make.png(100, 100, seed=1))
    (folder / "bad.jpg").write_bytes(b"")
    first = run(folder, capsys)
    files, before, audit = stored(home), rows(), AuditEntry.objects.count()
    second = run(folder, capsys)
    assert (second["imported"], second["unchanged"], second["duplicates"]) == (0, 2, 1)
    assert second["rejected"] == first["rejected"]
    assert (stored(home), rows(), AuditEntry.objects.count()) == (files, before, audit)


@contextmanager
def dying_at(monkeypatch: pytest.MonkeyPatch, step: str) -> Iterator[None]:
    """The import is killed where it takes this step."""

    def die(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ingest, step, die)
        yield


def test_a_kill_between_file_and_row_leaves_no_row(
    folder: Path, region: Region, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / GOOD).write_bytes(make.jpeg(100, 100))
    with dying_at(monkeypatch, "record"), pytest.raises(KeyboardInterrupt):
        run(folder, capsys)
    assert not Tile.objects.exists()
    assert run(folder, capsys)["imported"] == 1


def test_a_kill_before_the_superpixels_is_mended_by_the_next_import(
    folder: Path, region: Region, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / GOOD).write_bytes(make.jpeg(100, 100))
    with dying_at(monkeypatch, "segment_tile"), pytest.raises(KeyboardInterrupt):
        run(folder, capsys)
    assert Tile.objects.count() == 1 and not SegmentedTile.objects.exists()
    assert run(folder, capsys)["unchanged"] == 1
    assert SegmentedTile.objects.count() == 1


def test_region_and_source_are_made_where_they_do_not_exist(folder: Path, db: None, capsys: Any) -> None:
    (folder / GOOD).write_bytes(make.jpeg(100, 100))
    run(folder, capsys, source="My camera")
    region = Region.objects.get(name="Testshire")
    assert region.source == ImagerySource.objects.get(name="My camera")
    assert not region.source.may_publish, "nobody has said that it may be published"
    assert region.polygon is not None, "until one is drawn, the outline is that of the tiles"
    assert {"region.created", "source.created"} <= set(AuditEntry.objects.values_list("verb", flat=True))


def test_a_folder_that_does_not_exist_is_an_error(folder: Path, region: Region) -> None:
    with pytest.raises(CommandError, match="no folder or file"):
        call_command("import_tiles", str(folder / "elsewhere"), region="Testshire")


def test_without_json_people_read_what_happened(folder: Path, region: Region, capsys: Any) -> None:
    (folder / "bad.jpg").write_bytes(b"")
    call_command("import_tiles", str(folder), region="Testshire")
    out = capsys.readouterr().out
    assert "0 imported" in out and "rejected: bad.jpg: The file is empty" in out


def test_a_table_beside_the_images_places_them(folder: Path, region: Region, capsys: Any) -> None:
    (folder / "a.png").write_bytes(make.png(100, 100, seed=1))
    (folder / "b.png").write_bytes(make.png(100, 100, seed=2))
    with (folder / "tiles.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "west", "south", "east", "north", "date"])
        table.writerow(["a.png", 26.0, 51.0, 26.01, 51.01, "2016-04-07"])
        table.writerow(["b.png", 26.01, 51.0, 26.0, 51.01, "2016-04-07"])
    told = run(folder, capsys)
    assert Tile.objects.get(file_name="a.png").bounds == (26.0, 51.0, 26.01, 51.01)
    second = Tile.objects.get(file_name="b.png")
    assert second.bounds is None and "wrong way round" in second.place_problem
    assert told["without_place"] == [{"file": "b.png", "reason": second.place_problem}]


def test_a_world_file_beside_an_image_places_it(folder: Path, region: Region, capsys: Any) -> None:
    (folder / "a.png").write_bytes(make.png(100, 100))
    (folder / "A.PGW").write_text("0.0001\n0\n0\n-0.0001\n26.00005\n51.99995\n")
    run(folder, capsys)
    assert Tile.objects.get().bounds == pytest.approx((26.0, 51.99, 26.01, 52.0))


def test_a_place_that_becomes_known_later_is_taken_over(folder: Path, region: Region, capsys: Any) -> None:
    (folder / "a.png").write_bytes(make.png(100, 100))
    run(folder, capsys)
    (folder / "tiles.json").write_text('[{"file": "a.png", "lat": 51.5, "lon": 26.5, "date": "2016-04-07"}]')
    assert run(folder, capsys)["updated"] == 1
    assert Tile.objects.get().latitude == 51.5
    assert run(folder, capsys)["unchanged"] == 1


def test_a_broken_table_is_told_and_the_images_come_in(folder: Path, region: Region, capsys: Any) -> None:
    (folder / "a.png").write_bytes(make.png(100, 100))
    (folder / "tiles.json").write_text("{")
    told = run(folder, capsys)
    assert told["imported"] == 1 and told["notes"] == ["tiles.json is not valid JSON."]


def test_links_out_of_the_folder_and_hidden_files_stay_out(
    folder: Path, region: Region, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "secret.png").write_bytes(make.png(100, 100, seed=3))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "gone.png").symlink_to(tmp_path / "not-there.png")
    (folder / "up").symlink_to(tmp_path)
    (folder / ".hidden.png").write_bytes(make.png(100, 100, seed=4))
    (folder / "inside.png").write_bytes(make.png(100, 100, seed=5))
    (folder / "alias.png").symlink_to(folder / "inside.png")
    os.mkfifo(folder / "pipe.png")
    told = run(folder, capsys)
    assert told["imported"] == 1 and told["duplicates"] == 1
    reasons = {entry["file"]: entry["reason"] for entry in told["rejected"]}
    assert set(reasons) == {"link.png", "gone.png", "pipe.png"}
    assert "leads out of the folder" in reasons["link.png"]


def test_a_world_file_that_is_a_link_out_of_the_folder_is_not_read(
    folder: Path, region: Region, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("0.0001\n0\n0\n-0.0001\n26.0\n52.0\n")
    (folder / "a.png").write_bytes(make.png(100, 100))
    (folder / "a.pgw").symlink_to(tmp_path / "secret.txt")
    told = run(folder, capsys)
    assert told["imported"] == 1 and Tile.objects.get().bounds is None
    assert "leads out of the folder" in told["notes"][0]


def test_names_of_any_bytes_are_reported_legibly(folder: Path, region: Region, capsys: Any) -> None:
    (folder / os.fsdecode(b"\xff\xfe.png")).write_bytes(make.png(100, 100))
    (folder / "new\nline.png").write_bytes(b"")
    told = run(folder, capsys)
    assert told["imported"] == 1
    assert told["rejected"][0]["file"] == "new\ufffdline.png"
    assert Tile.objects.get().file_name == "\ufffd\ufffd.png"


def test_sub_folders_are_read_in_the_order_of_names(folder: Path, region: Region, capsys: Any) -> None:
    for name in ("b", "a"):
        (folder / name).mkdir()
        (folder / name / f"{name}.png").write_bytes(make.png(100, 100, seed=ord(name)))
    assert run(folder, capsys)["imported"] == 2
    assert list(Tile.objects.order_by("id").values_list("file_name", flat=True)) == ["a.png", "b.png"]


def test_the_same_image_may_lie_in_two_regions(folder: Path, region: Region, capsys: Any) -> None:
    (folder / GOOD).write_bytes(make.jpeg(100, 100))
    run(folder, capsys)
    call_command("import_tiles", str(folder), region="Elsewhere")
    assert Tile.objects.count() == 2


def test_images_that_may_not_be_stored_are_not(folder: Path, region: Region, home: Path) -> None:
    (folder / GOOD).write_bytes(make.jpeg(100, 100))
    for right in ("may_store", "may_derive"):
        update_source(source=region.source, acting_user=None, may_store=True, may_derive=True)
        update_source(source=region.source, acting_user=None, **{right: False})
        with pytest.raises(UserError, match="rights"):
            ingest.import_folder(region=region, folder=folder, acting_user=None)
    assert not Tile.objects.exists() and not stored(home)


def test_one_image_is_ingested_once(region: Region, carol: Any) -> None:
    data = make.jpeg(100, 100)
    place = Placement(bounds=(26.0, 51.0, 26.1, 51.1), centre=(51.05, 26.05))
    common: dict[str, Any] = {"region": region, "data": data, "placement": place, "acting_user": carol}
    first, created = ingest.ingest_tile(file_name="one.jpg", **common)
    again, created_again = ingest.ingest_tile(file_name="other.jpg", **common)
    assert (created, created_again) == (True, False) and first == again and again.file_name == "one.jpg"
    assert AuditEntry.objects.get(verb="tile.imported").actor == carol
    with pytest.raises(UnreadableImage):
        ingest.ingest_tile(**(common | {"file_name": "bad.jpg", "data": b"no"}))
    assert Tile.objects.count() == 1


def test_progress_is_told_for_every_file(folder: Path, region: Region) -> None:
    (folder / "a.png").write_bytes(make.png(100, 100))
    (folder / "b.png").write_bytes(b"")
    told: list[tuple[int, int]] = []
    ingest.import_folder(
        region=region, folder=folder, acting_user=None, progress=lambda *state: told.append(state)
    )
    assert told == [(1, 2), (2, 2)]


@pytest.mark.real_data
def test_the_real_tiles_come_in(shared_data: Path, region: Region) -> None:
    report = ingest.import_folder(region=region, folder=shared_data / "tiles", acting_user=None)
    assert (report.imported, len(report.rejected), len(report.without_place)) == (11, 0, 4)
    assert all(0.36 < tile.ground_sample_distance < 0.38 for tile in Tile.objects.on_the_map())
