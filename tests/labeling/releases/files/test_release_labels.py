"""KML, labels, read-me, preview and districts of a release."""

import csv
import gzip
import hashlib
import io
import json
import sqlite3
import struct
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image
from pyproj import Geod
from shapely.geometry import MultiPolygon, Polygon, box

from labeling.releases.files.content import District, Labelled
from labeling.releases.files.preview import LANGUAGES
from labeling.releases.files.readme import COLUMNS
from labeling.releases.files.statistics import statistics
from labeling.releases.files.writers import PREVIEWS, build, fingerprint_of
from tests.labeling.releases.files.full import full_content, labelled
from tests.labeling.releases.files.test_release_files import OPEN, content, place

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
    page = f"https://map.example.org/map/testshire/fingerprint/{fingerprint_of(sums)}/"
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
    assert told.stdout.decode()[:16] == fingerprint_of(sums)
    assert fingerprint_of({**sums, "README.txt": "another", "changes.json": "one more"}) == fingerprint_of(
        sums
    )
    assert fingerprint_of({**sums, "places.json": "another"}) != fingerprint_of(sums)


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
    assert "\n- Newsroom of the Tests: ground mined for amber, Testshire (run 1, 1 place). Please add" in told
    assert (
        "campaign no. 7 against a class of errors, “Clear-cuts near <Sarny>”: 12 superpixels labelled" in told
    )
    assert "as not mining (sand pit)." in told
    assert (
        "campaign no. 9 against a class of errors, “Snow”: 1 superpixel left out of what it learned from."
        in told
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
    assert words.title("amber") == "Місця видобутку бурштину"
    assert words.title("золото") == "Місця видобутку: золото"
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
