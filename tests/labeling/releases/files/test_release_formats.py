"""The formats of a release, each against what its specification says, and all byte for byte the same twice."""

import hashlib
import json
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from shapely import wkb

from labeling.releases.files.geopackage import APPLICATION_ID, USER_VERSION, geopackage
from labeling.releases.files.writers import DOWNLOADS, build
from tests.labeling.releases.files.full import full_content
from tests.labeling.releases.files.test_release_files import content
from tests.paths import ROOT

# Reproducible ---------------------------------------------------------------------------------


def test_every_file_is_the_same_in_another_order_and_in_another_process(files: dict[str, bytes]) -> None:
    again = {file.name: file.sha256 for file in build(full_content(shuffle=7)).files}
    here = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert again == here
    program = (
        "import hashlib, json; from tests.labeling.releases.files.full import built; "
        "print(json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in built().items()}))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(told.stdout) == here


def test_the_checksums_are_those_of_all_other_files(files: dict[str, bytes]) -> None:
    told = dict(reversed(line.split("  ")) for line in files["SHA256SUMS"].decode().splitlines())
    assert set(DOWNLOADS) <= set(files)
    assert told == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != "SHA256SUMS"
    }


# GeoPackage -----------------------------------------------------------------------------------


def test_the_geopackage_has_what_the_specification_requires(files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "places.gpkg"
    path.write_bytes(files["places.gpkg"])
    database = sqlite3.connect(path)
    ask = database.execute
    assert ask("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert ask("PRAGMA user_version").fetchone() == (USER_VERSION,)
    assert ask("PRAGMA integrity_check").fetchone() == ("ok",)
    assert ask("PRAGMA foreign_key_check").fetchall() == []
    systems = {row[0] for row in ask("SELECT srs_id FROM gpkg_spatial_ref_sys")}
    assert systems >= {-1, 0, 4326}
    assert ask("SELECT table_name, data_type, srs_id, last_change FROM gpkg_contents").fetchall() == [
        ("places", "features", 4326, "2026-11-22T00:00:00.000Z")
    ]
    assert ask("SELECT * FROM gpkg_geometry_columns").fetchall() == [
        ("places", "geom", "MULTIPOLYGON", 4326, 0, 0)
    ]
    rows = ask(
        "SELECT fid, place, geom, hectares, capture_date, district FROM places ORDER BY fid"
    ).fetchall()
    assert [row[1] for row in rows] == ["aa01", "aa02", "aa03", "aa04"]
    assert rows[2][4] is None
    blob = rows[0][2]
    magic, version, flags, system = struct.unpack("<2sBBi", blob[:8])
    assert (magic, version, flags, system) == (b"GP", 0, 3, 4326)
    west, east, south, north = struct.unpack("<4d", blob[8:40])
    outline = wkb.loads(blob[40:])
    assert outline.geom_type == "MultiPolygon"
    assert (west, south, east, north) == pytest.approx(outline.bounds)


def test_a_geopackage_without_places_is_one_too(tmp_path: Path) -> None:
    path = tmp_path / "empty.gpkg"
    path.write_bytes(b"".join(geopackage(content([]))))
    assert sqlite3.connect(path).execute("SELECT count(*) FROM places").fetchone() == (0,)
