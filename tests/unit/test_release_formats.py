"""The formats of a release, each against what its specification says, and all byte for byte the same twice."""

import csv
import datetime as dt
import gzip
import hashlib
import io
import json
import random
import sqlite3
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from PIL import Image
from pyproj import Geod
from shapely import wkb
from shapely.geometry import MultiPolygon, Polygon, box

from labeling.releases.files.content import Content, District, Labelled, Name
from labeling.releases.files.geopackage import APPLICATION_ID, USER_VERSION, geopackage
from labeling.releases.files.mvt import commands, geometry, tile, varint, varints, zigzag
from labeling.releases.files.pmtiles import archive, tile_number
from labeling.releases.files.preview import LANGUAGES
from labeling.releases.files.published_place import OtherDate
from labeling.releases.files.readme import COLUMNS
from labeling.releases.files.statistics import statistics
from labeling.releases.files.tiles import ZOOMS, pmtiles
from labeling.releases.files.writers import DOWNLOADS, PREVIEWS, build, fingerprint
from tests.unit.test_release_files import CLOSED, OPEN, content, place

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
HOLE = [[2, 2], [2, 4], [4, 4], [4, 2], [2, 2]]


def labelled(
    name: str,
    *,
    picture: tuple[int, int] | None = (1000, 800),
    rows: int = 2,
    size: tuple[int, int] = (1000, 800),
) -> Labelled:
    verdicts = [
        {
            "superpixel": number,
            "verdict": ("mining", "not_mining")[number % 2],
            "posterior": 0.9731,
            "votes": 3,
            "agreeing": 2,
            "by_expert": False,
            "look_alike": "",
        }
        for number in range(1, rows + 1)
    ]
    outlines = {number: [SQUARE, HOLE] for number in range(1, rows + 1)}
    source = "Open imagery" if picture else "Closed imagery"
    bounds = (26.0, 51.5, 26.005, 51.503)
    return Labelled(name, *size, bounds, dt.date(2015, 10, 5), source, picture, outlines, verdicts)


def full_content(shuffle: int | None = None) -> Content:
    """Places of two years in and out of two districts, with labels, names and another date."""
    other = OtherDate("beef", dt.date(2018, 4, 1), (26.0, 51.5, 26.0054, 51.5034))
    places = [
        place("aa01", dates=(other,)),
        place("aa02", west=26.002, capture_date=dt.date(2016, 5, 1)),
        place("aa03", west=26.2, source=CLOSED, capture_date=None),
        place("aa04", west=27.0),
    ]
    districts = [
        District("West", {"uk": "Захід"}, MultiPolygon([box(25.9, 51.4, 26.003, 51.6)])),
        District("East", {}, MultiPolygon([box(26.003, 51.4, 26.5, 51.6)])),
    ]
    names = [Name("Дубровиця", {"en": "Dubrovytsia"}, 51.57, 26.57), Name("Lake", {}, 51.5, 26.1)]
    if shuffle is not None:
        chance = random.Random(shuffle)
        for rows in (places, districts, names):
            chance.shuffle(rows)

    def labels() -> Iterator[Labelled]:
        yield labelled("aa01")
        yield labelled("aa03", picture=None)

    return content(
        places,
        districts=districts,
        names=names,
        labels=labels,
        taken={
            "Open imagery": {"first_date": "2015-10-05", "last_date": "2016-05-01", "tiles": 3, "undated": 0}
        },
    )


def built() -> dict[str, bytes]:
    return {file.name: file.read() for file in build(full_content()).files}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return built()


# Reproducible ---------------------------------------------------------------------------------


def test_every_file_is_the_same_in_another_order_and_in_another_process(files: dict[str, bytes]) -> None:
    again = {file.name: file.sha256 for file in build(full_content(shuffle=7)).files}
    here = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert again == here
    program = (
        "import hashlib, json; from tests.unit.test_release_formats import built; "
        "print(json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in built().items()}))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[2],
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


# Vector tiles ---------------------------------------------------------------------------------


def test_drawing_commands_are_those_of_the_specification() -> None:
    """Mapbox Vector Tile 2.1, 4.3.5.5 and 4.3.5.6."""
    triangle = np.array([[3, 6], [8, 12], [20, 34]])
    assert commands([triangle]).tolist() == [9, 6, 12, 18, 10, 12, 24, 44, 15]
    rings = [
        np.array([[0, 0], [10, 0], [10, 10], [0, 10]]),
        np.array([[11, 11], [20, 11], [20, 20], [11, 20]]),
        np.array([[13, 13], [13, 17], [17, 17], [17, 13]]),
    ]
    assert commands(rings).tolist() == [
        *(9, 0, 0, 26, 20, 0, 0, 20, 19, 0, 15),
        *(9, 22, 2, 26, 18, 0, 0, 18, 17, 0, 15),
        *(9, 4, 13, 26, 0, 8, 8, 0, 0, 7, 15),
    ]


def test_numbers_are_written_as_protocol_buffers_write_them() -> None:
    assert [zigzag(value) for value in (0, -1, 1, -2)] == [0, 1, 2, 3]
    assert varint(300) == b"\xac\x02"
    assert varint(1) == b"\x01"
    numbers = [0, 1, 127, 128, 300, 16_383, 16_384, 2**21, 2**28, 2**35 - 1]
    for many in (numbers, numbers * 5):
        assert varints(np.array(many)) == b"".join(map(varint, many))
    assert varints(np.array([], np.int64)) == b""


def test_tiles_are_numbered_as_in_the_pmtiles_specification() -> None:
    known = {(0, 0, 0): 0, (1, 0, 0): 1, (1, 0, 1): 2, (1, 1, 1): 3, (1, 1, 0): 4, (2, 0, 0): 5}
    assert {cell: tile_number(*cell) for cell in known} == known
    assert tile_number(12, 3423, 1763) == 19078479


def read_varints(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    found = []
    for _ in range(count):
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append(value)
    return found, at


def directory(data: bytes) -> list[tuple[int, int, int, int]]:
    """(tile number, run, length, offset) as a reader of PMTiles 3 unpacks them."""
    data = gzip.decompress(data)
    (count,), at = read_varints(data, 0, 1)
    steps, at = read_varints(data, at, count)
    runs, at = read_varints(data, at, count)
    lengths, at = read_varints(data, at, count)
    told, at = read_varints(data, at, count)
    assert at == len(data)
    offsets: list[int] = []
    for number, value in enumerate(told):
        offsets.append(offsets[-1] + lengths[number - 1] if value == 0 else value - 1)
    numbers = np.cumsum(steps).tolist()
    return list(zip(numbers, runs, lengths, offsets, strict=True))


def tiles_of(data: bytes) -> dict[int, bytes]:
    """Tile number → tile, with directories in two steps."""
    assert data[:8] == b"PMTiles\x03"
    root, root_size, _about, _about_size, leaves, _leaves_size, body, _size = struct.unpack("<8Q", data[8:72])
    found = {}
    for number, run, length, offset in directory(data[root : root + root_size]):
        rows = [(number, run, length, offset)]
        if run == 0:
            rows = directory(data[leaves + offset : leaves + offset + length])
        for first, times, size, start in rows:
            for step in range(times):
                found[first + step] = gzip.decompress(data[body + start : body + start + size])
    return found


def test_the_pmtiles_file_leads_to_every_tile_it_was_given() -> None:
    chance = random.Random(3)
    cells = {(14, chance.randrange(2**14), chance.randrange(2**14)) for _ in range(20_000)}
    given = {
        cell: tile("places", [(geometry([np.array([[0, 0], [9, 0], [9, 9]])]), {"place": f"{cell}"})])
        for cell in cells
    }
    given[14, 0, 0] = given[14, 0, 1] = b"the same"
    data = archive(given, metadata={"name": "x"}, bounds=[26.0, 51.0, 27.0, 52.0], zooms=range(14, 15))
    assert tiles_of(data) == {tile_number(*cell): content for cell, content in given.items()}
    addressed, entries, contents = struct.unpack("<3Q", data[72:96])
    assert addressed == len(given)
    assert contents == len(set(given.values()))
    assert entries <= addressed
    assert tuple(data[96:102]) == (1, 2, 2, 1, 14, 14)
    assert struct.unpack("<4i", data[102:118]) == (260000000, 510000000, 270000000, 520000000)
    assert struct.unpack("<2Q", data[8:24])[1] + 127 <= 16_384, "the root lies in the first 16 KiB"


def test_every_place_is_drawn_at_every_zoom() -> None:
    from labeling.releases.files.grid import cell_of

    data = pmtiles(full_content())
    tiles = tiles_of(data)
    for zoom in ZOOMS:
        for one in full_content().places:
            number = tile_number(zoom, *cell_of(one.outline.bounds, zoom))
            assert one.place.encode() in tiles[number], (zoom, one.place)
    about, size = struct.unpack("<2Q", data[24:40])
    assert json.loads(gzip.decompress(data[about : about + size]))["vector_layers"][0]["id"] == "places"


# KML, labels, preview -------------------------------------------------------------------------


def test_the_kml_is_well_formed_whatever_stands_in_it() -> None:
    nasty = replace(OPEN, name="<b>&\"'\x00\x0b")
    data = {file.name: file.read() for file in build(content([place("aa01", source=nasty)])).files}[
        "places.kml"
    ]
    root = ET.fromstring(data)
    space = {"k": "http://www.opengis.net/kml/2.2"}
    (mark,) = root.findall(".//k:Placemark", space)
    values = {row.get("name"): row[0].text for row in mark.findall(".//k:Data", space)}
    assert values["source"] == "<b>&\"'"
    points = mark.find(".//k:coordinates", space)
    assert points is not None
    assert len(str(points.text).split()) == 5


def test_labels_are_complete_and_name_no_image_that_may_not_be_shown(files: dict[str, bytes]) -> None:
    coco = json.loads(files["labels-coco.json"])
    assert [image["file_name"] for image in coco["images"]] == ["aa01.webp", "aa03.webp"]
    assert "coco_url" in coco["images"][0]
    assert "coco_url" not in coco["images"][1]
    one = coco["annotations"][0]
    assert one["segmentation"] == [[0, 0, 10, 0, 10, 10, 0, 10]]
    assert (one["area"], one["bbox"], one["category_id"]) == (96.0, [0, 0, 10, 10], 2)
    assert {row["image_id"] for row in coco["annotations"]} == {1, 2}
    studio = json.loads(files["labels-label-studio.json"])
    assert studio[0]["data"]["image"].startswith("place/aa01/")
    assert studio[1]["data"]["image"] == ""
    result = studio[0]["annotations"][0]["result"][0]
    assert result["value"]["points"] == [[0.0, 0.0], [1.0, 0.0], [1.0, 1.25], [0.0, 1.25]]
    assert result["value"]["polygonlabels"] == ["not_mining"]


def test_label_studio_takes_the_labels_with_the_configuration_beside_them(files: dict[str, bytes]) -> None:
    """Every name that a task uses is one of the configuration, and no task lacks what its import asks for."""
    config = ET.fromstring(files["label-studio.xml"])
    (image,), (polygons,) = config.findall("Image"), config.findall("PolygonLabels")
    field = str(image.get("value")).removeprefix("$")
    labels = {str(one.get("value")) for one in polygons.findall("Label")}
    tasks = json.loads(files["labels-label-studio.json"])
    assert tasks
    assert polygons.get("toName") == image.get("name")
    seen = set()
    for task in tasks:
        assert isinstance(task["data"][field], str), "the import refuses the whole file otherwise"
        for annotation in task["annotations"]:
            ids = [row["id"] for row in annotation["result"]]
            assert len(set(ids)) == len(ids)
            for row in annotation["result"]:
                assert row["type"] == polygons.tag.lower()
                assert (row["from_name"], row["to_name"]) == (polygons.get("name"), image.get("name"))
                assert row["original_width"] > 0
                assert row["original_height"] > 0
                assert set(row["value"][row["type"]]) <= labels
                assert len(row["value"]["points"]) >= 3
                assert all(0 <= value <= 100 for point in row["value"]["points"] for value in point)
                seen |= set(row["value"]["polygonlabels"])
    assert seen == {"mining", "not_mining"}
    coco = json.loads(files["labels-coco.json"])
    assert labels == {row["name"] for row in coco["categories"]}


def test_pixels_of_labels_are_those_of_the_picture_that_is_shown() -> None:
    """A wide tile is shown smaller; one that may not be shown has its own size."""

    def labels() -> Iterator[Labelled]:
        yield labelled("aa01", size=(1600, 1200), picture=(1000, 750))
        yield labelled("aa03", size=(1600, 1200), picture=None)

    files = {file.name: file.read() for file in build(content([], labels=labels)).files}
    coco = json.loads(files["labels-coco.json"])
    shown, hidden = coco["images"]
    assert (shown["width"], shown["height"], shown["tile_width"], shown["tile_height"]) == (
        1000,
        750,
        1600,
        1200,
    )
    assert (hidden["width"], hidden["height"]) == (1600, 1200)
    small, large = (
        next(row for row in coco["annotations"] if row["image_id"] == number) for number in (1, 2)
    )
    assert small["segmentation"] == [[0, 0, 6.25, 0, 6.25, 6.25, 0, 6.25]]
    assert small["bbox"] == [0, 0, 6.25, 6.25]
    assert small["area"] == round(96 * 0.625**2, 2)
    assert (large["segmentation"], large["area"]) == ([[0, 0, 10, 0, 10, 10, 0, 10]], 96)
    tasks = json.loads(files["labels-label-studio.json"])
    first = [task["annotations"][0]["result"][0] for task in tasks]
    assert [(row["original_width"], row["original_height"]) for row in first] == [(1000, 750), (1600, 1200)]
    assert first[0]["value"]["points"] == first[1]["value"]["points"], (
        "shares of the picture, whatever its size"
    )


def test_addresses_are_whole_where_the_site_is_known_and_else_the_readme_says_relative_to_what() -> None:
    def labels() -> Iterator[Labelled]:
        yield labelled("aa01")

    def of(site: str) -> dict[str, bytes]:
        return {
            file.name: file.read() for file in build(content([place("aa01")], labels=labels, site=site)).files
        }

    here, there = of(""), of("https://map.example.org")
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in here.items()}
    page = f"https://map.example.org/map/testshire/fingerprint/{fingerprint(sums)}/"
    relative = "place/aa01/image.webp?size=1000"
    for files, address in ((here, relative), (there, page + relative)):
        assert json.loads(files["labels-coco.json"])["images"][0]["coco_url"] == address
        assert json.loads(files["labels-label-studio.json"])[0]["data"]["image"] == address
    assert (
        "relative to the page of this release, which ends in /map/testshire/NUMBER/"
        in here["README.txt"].decode()
    )
    assert "relative" not in there["README.txt"].decode()
    assert "http" not in here["README.txt"].decode()
    assert f"(run 1, 1 place). {page} Please add the number" in there["README.txt"].decode()
    assert of("https://map.example.org") == there
    apart = {name for name in here if here[name] != there[name]}
    assert apart == {"labels-coco.json", "labels-label-studio.json", "README.txt", "SHA256SUMS"}


def test_whoever_has_the_files_can_work_out_the_fingerprint(files: dict[str, bytes]) -> None:
    told = subprocess.run(
        "grep -E '  (places.geojson|places.json|statistics.json)$' | sha256sum",
        shell=True,
        input=files["SHA256SUMS"],
        capture_output=True,
        check=True,
    )
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert told.stdout.decode()[:16] == fingerprint(sums)
    assert fingerprint({**sums, "README.txt": "another", "changes.json": "one more"}) == fingerprint(sums)
    assert fingerprint({**sums, "places.json": "another"}) != fingerprint(sums)


def test_the_readme_explains_exactly_the_columns_that_the_files_have(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "places.gpkg").write_bytes(files["places.gpkg"])
    rows = sqlite3.connect(tmp_path / "places.gpkg").execute("PRAGMA table_info(places)").fetchall()
    space = {"k": "http://www.opengis.net/kml/2.2"}
    marks = ET.fromstring(files["places.kml"]).iterfind(".//k:Data", space)
    about, size = struct.unpack("<2Q", files["places.pmtiles"][24:40])
    (layer,) = json.loads(gzip.decompress(files["places.pmtiles"][about : about + size]))["vector_layers"]
    features = json.loads(files["places.geojson"])["features"]
    actual = {
        "CSV": set(next(csv.reader(io.StringIO(files["places.csv"].decode("utf-8-sig"))))),
        "GeoJSON": {name for one in features for name in one["properties"]},
        "GeoPackage": {row[1] for row in rows},
        "KML": {mark.get("name") for mark in marks},
        "PMTiles": set(layer["fields"]),
    }
    told = {form: {name for name, (forms, _meaning) in COLUMNS.items() if form in forms} for form in actual}
    assert told == actual
    text = files["README.txt"].decode().partition("\nColumns\n")[2].partition("\n\n")[0]
    assert [line.split()[1].rstrip(":") for line in text.splitlines()[:-1]] == list(COLUMNS)


def test_the_readme_names_the_publisher_and_the_campaigns_that_the_classifier_learned_from() -> None:
    campaigns = [
        {
            "number": 7,
            "name": "Clear-cuts\nnear <Sarny>",
            "decision": "label",
            "look_alike": "sand_pit",
            "superpixels": 12,
        },
        {"number": 9, "name": "Snow", "decision": "exclude", "look_alike": "", "superpixels": 1},
    ]

    def text(campaigns: object) -> str:
        found = content([place("aa01")], publisher="Newsroom of the Tests")
        assert found.method is not None
        classifier = {**found.method["classifier"], "campaigns": campaigns}
        found = replace(found, method={**found.method, "classifier": classifier})
        return {file.name: file.read() for file in build(found).files}["README.txt"].decode()

    told = text(campaigns)
    assert (
        "\n- Newsroom of the Tests: ground torn up for amber, Testshire (run 1, 1 place). Please add" in told
    )
    assert "campaign no. 7 against a class of errors, “Clear-cuts near <Sarny>”: 12 pieces labelled" in told
    assert "as not mining (sand pit)." in told
    assert (
        "campaign no. 9 against a class of errors, “Snow”: 1 piece left out of what it learned from." in told
    )
    assert "campaign" not in text([])
    assert "is not known: its dataset is lost" in text(None)


def test_labels_are_read_tile_by_tile() -> None:
    """Only one tile at a time is asked for: nothing holds them all."""
    alive = 0

    def labels() -> Iterator[Labelled]:
        nonlocal alive
        for number in range(500):
            alive = number
            yield labelled(f"{number:04}", rows=1)

    files = {file.name: file for file in build(content([], labels=labels)).files}
    assert alive == 499
    assert files["labels-coco.json"].file is not None, "not held as bytes"
    assert len(json.loads(files["labels-coco.json"].read())["images"]) == 500


@pytest.mark.parametrize("name", ["preview.png", "preview-uk.png"])
def test_the_preview_is_a_picture_for_links(files: dict[str, bytes], name: str) -> None:
    image = Image.open(io.BytesIO(files[name]))
    assert (image.size, image.mode, image.format) == ((1200, 630), "RGB", "PNG")
    assert not image.info, "no time, no program"
    colours = {colour for _count, colour in image.getcolors(100_000) or []}
    assert (0xD9, 0x81, 0x1E) in colours
    assert len(files[name]) < 100_000


def test_the_preview_speaks_each_language_of_the_site(files: dict[str, bytes]) -> None:
    assert set(PREVIEWS) == set(LANGUAGES) == {code for code, _name in settings.LANGUAGES}
    assert files["preview.png"] != files["preview-uk.png"]
    words = LANGUAGES["uk"]
    assert words.title("amber") == "Шрами видобутку бурштину"
    assert words.title("золото") == "Шрами видобутку: золото"
    assert words.hectares(1234.4) == "1\u00a0234"
    assert words.hectares(21.34) == "21,3"
    assert [words.counted(count, words.places) for count in (1, 3, 12, 25, 1101)] == [
        "1 місце",
        "3 місця",
        "12 місць",
        "25 місць",
        "1\u00a0101 місце",
    ]
    assert LANGUAGES["en"].counted(1, LANGUAGES["en"].searched) == "1 image searched"


@pytest.mark.parametrize("name", ["Дубровицький район і Ґрунт Її", "x" * 300, "Łódź ́̃ 漢字"])
def test_the_preview_stands_any_name(name: str) -> None:
    region = {"name": name, "slug": "x", "mineral": "amber"}
    found = content([place("aa01")], region=region)
    data = {file.name: file.read() for file in build(found).files}["preview-uk.png"]
    assert Image.open(io.BytesIO(data)).size == (1200, 630)


# Districts ------------------------------------------------------------------------------------


def test_hectares_by_district_are_cut_at_the_border_and_counted_once() -> None:
    figures = {row["district"]: row for row in statistics(full_content())["by_district"]}
    geod = Geod(ellps="WGS84")

    def true_area(west: float, east: float) -> float:
        strip = box(west, 51.5, east, 51.502)
        return abs(geod.geometry_area_perimeter(strip)[0]) / 10_000

    # aa01 and aa02 overlap from 26.002 to 26.004; together they reach from 26.000 to 26.006; the border is at 26.003.
    assert figures["West"]["hectares"] == pytest.approx(true_area(26.0, 26.003), rel=1e-3)
    east = true_area(26.003, 26.006) + true_area(26.2, 26.204)
    assert figures["East"]["hectares"] == pytest.approx(east, rel=1e-3)
    assert figures[""]["hectares"] == pytest.approx(true_area(27.0, 27.004), rel=1e-3)
    # aa02's centre lies east of the border: it counts there alone, and the list of places says the same.
    assert {name: row["places"] for name, row in figures.items()} == {"West": 1, "East": 2, "": 1}
    assert [row["year"] for row in figures["East"]["by_year"]] == [2015, 2016, None]
    total = sum(row["hectares"] for row in figures.values())
    assert total == pytest.approx(statistics(full_content())["hectares"], abs=0.02)


def test_places_by_district_are_those_that_the_list_tells(files: dict[str, bytes]) -> None:
    listed = Counter(row["district"] for row in json.loads(files["places.json"])["places"])
    counted = {
        row["district"]: row["places"]
        for row in json.loads(files["statistics.json"])["by_district"]
        if row["places"]
    }
    assert counted == listed
    assert sum(counted.values()) == json.loads(files["statistics.json"])["places"]


def test_mining_that_reaches_in_from_beside_a_district_has_hectares_there_and_no_place() -> None:
    found = content(
        [place("aa01")],  # from 26.000 to 26.004
        districts=[
            District("East", {}, MultiPolygon([box(26.003, 51, 27, 52)])),
            District("West", {}, MultiPolygon([box(25, 51, 26.003, 52)])),
        ],
    )
    rows = {row["district"]: row for row in statistics(found)["by_district"]}
    assert (rows["West"]["places"], rows["East"]["places"]) == (1, 0)
    assert rows["East"]["hectares"] > 0
    assert rows["East"]["by_year"][0]["places"] == 0


def test_a_district_with_a_hole_and_without_mining() -> None:
    hole = Polygon(box(25, 51, 28, 52).exterior, [box(25.99, 51.49, 26.01, 51.51).exterior])
    found = content(
        [place("aa01")],
        districts=[
            District("Around", {}, MultiPolygon([hole])),
            District("Far", {}, MultiPolygon([box(30, 51, 31, 52)])),
        ],
    )
    rows = statistics(found)["by_district"]
    assert [(row["district"], row["places"], row["hectares"]) for row in rows[:2]] == [
        ("Around", 0, 0),
        ("Far", 0, 0),
    ]
    assert rows[2]["district"] == ""
    assert rows[2]["places"] == 1


def test_places_tell_their_district_and_their_other_dates(files: dict[str, bytes]) -> None:
    rows = {row["place"]: row for row in json.loads(files["places.json"])["places"]}
    assert (rows["aa01"]["district"], rows["aa04"]["district"]) == ("West", "")
    assert rows["aa01"]["dates"][0]["place"] == "beef"
    assert json.loads(files["names.json"])["names"][0][0] == "Lake"
    assert [row["name"] for row in json.loads(files["districts.json"])["districts"]] == ["East", "West"]


def test_an_imported_map_without_method_scores_and_hectares_has_all_files() -> None:
    found = content(
        [place("h1", score=None, reviewed=None, superpixels=[])], method=None, hectares_known=False
    )
    files = {file.name: file.read() for file in build(found).files}
    figures = json.loads(files["statistics.json"])
    assert figures["hectares"] is None
    assert figures["by_year"][0]["hectares"] is None
    assert json.loads(files["places.json"])["places"][0]["hectares"] is None
    assert "imported" in files["README.txt"].decode()
