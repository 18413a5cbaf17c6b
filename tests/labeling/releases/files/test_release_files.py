"""The bytes of a release: the same from the same content, harmless, and right about overlapping ground."""

import csv
import datetime as dt
import io
import json
import random
from typing import Any

import pytest
from pyproj import Geod
from shapely.geometry import MultiPolygon, Polygon, box, mapping, shape

from labeling.releases.files.content import (
    Content,
    District,
    Name,
    PublishedPlace,
    Searched,
    Source,
    make_place,
)
from labeling.releases.files.grid import OUTLINE_LEVEL, SQUARE_LEVELS, cell_of
from labeling.releases.files.statistics import Ground
from labeling.releases.files.writers import build, harmless

OPEN = Source("Open imagery", "© nobody", "CC0", may_publish=True, synthetic=False)
CLOSED = Source("Closed imagery", "© somebody", "", may_publish=False, synthetic=False)


def place(name: str, west: float = 26.0, south: float = 51.5, **fields: Any) -> PublishedPlace:
    """A place of 0.004 × 0.002 degrees in the south-west corner of its tile."""
    values: dict[str, Any] = {
        "outline": mapping(MultiPolygon([box(west, south, west + 0.004, south + 0.002)])),
        "bounds": (west, south, west + 0.0054, south + 0.0034),
        "score": 0.912345,
        "capture_date": dt.date(2015, 10, 5),
        "superpixels": [3, 1, 2],
        "source": OPEN,
        "reviewed": dt.date(2026, 11, 22),
    }
    return make_place(place=name, **(values | fields))


def content(places: list[PublishedPlace], **fields: Any) -> Content:
    values: dict[str, Any] = {
        "region": {"name": "Testshire", "slug": "testshire", "mineral": "amber"},
        "method": {
            "run": 1,
            "threshold": 0.61,
            "positive_superpixels": 2,
            "segmentation": {"key": "slic-30", "n_segments": 30},
            "classifier": {"id": 1, "algorithm": "xgboost", "extractor": "texture-1", "dataset": "ab" * 32},
        },
        "searched": [Searched(place.tile, place.year) for place in places],
        "sources": [OPEN, CLOSED],
        "apart": {"waiting": 2, "rejected": 1},
        "card": ({"format": "amber-model-card/1"}, "# Model card\n"),
    }
    return Content(places=places, **(values | fields))


def files_of(built_from: Content) -> dict[str, bytes]:
    return {file.name: file.read() for file in build(built_from).files}


def test_districts_that_meet_also_meet_where_they_are_drawn_with_fewer_corners() -> None:
    border = [(26.5 + (k % 7) ** 2 / 1e5 + (k % 90) / 9000, 51 + k / 1000) for k in range(1001)]
    west = Polygon([(26, 51), *border, (26, 52)])
    east = Polygon([(27, 51), (27, 52), *border[::-1]])
    districts = [District(name, {}, MultiPolygon([area])) for name, area in (("West", west), ("East", east))]
    drawn = json.loads(files_of(content([place("a")], districts=districts))["districts.json"])["districts"]
    first, second = (shape(row["geometry"]) for row in drawn)
    assert len(first.geoms[0].exterior.coords) < 500
    assert first.intersection(second).area < 1e-12
    assert first.union(second).area == pytest.approx(1, abs=1e-9)


def test_the_same_content_gives_the_same_bytes_in_whatever_order_it_comes() -> None:
    places = [
        place(f"{number:016x}", 26 + number * 0.01, source=(OPEN, CLOSED)[number % 2]) for number in range(20)
    ]
    first = files_of(content(places))
    shuffled = places[:]
    random.Random(1).shuffle(shuffled)
    again = content(shuffled, sources=[CLOSED, OPEN], apart={"rejected": 1, "waiting": 2})
    assert files_of(again) == first


def test_the_order_of_keys_in_a_database_is_no_part_of_the_content() -> None:
    """PostgreSQL hands out the keys of JSON in an order of its own, SQLite as they were written."""

    def told(turn: int) -> dict[str, bytes]:
        names = {"uk": "Захід", "en": "West"}
        tiles = {"searched": 8, "judged": 5, "sampled": 8}
        estimate = {"hectares": 1.5, "low": 0.0 * turn, "strata": [dict(list(tiles.items())[::turn])]}
        return files_of(
            content(
                [place("a" * 16)],
                districts=[
                    District("West", dict(list(names.items())[::turn]), MultiPolygon([box(25, 51, 28, 52)]))
                ],
                names=[Name("Village", dict(list(names.items())[::turn]), 51.5, 26.5)],
                estimate=dict(list(estimate.items())[::turn]),
            )
        )

    assert told(1) == told(-1)


def test_another_content_gives_other_bytes() -> None:
    first = files_of(content([place("a" * 16)]))
    second = files_of(content([place("a" * 16, score=0.5)]))
    assert first["places.geojson"] != second["places.geojson"]
    assert first["places.csv"] != second["places.csv"]


def test_the_geojson_is_rfc_7946() -> None:
    hole = Polygon(
        [(26, 51), (26, 51.01), (26.01, 51.01), (26.01, 51)],  # clockwise, as RFC 7946 forbids
        [[(26.002, 51.002), (26.008, 51.002), (26.008, 51.008), (26.002, 51.008)]],
    )
    one = place("b" * 16, outline=mapping(MultiPolygon([hole])), bounds=(26, 51, 26.01, 51.01))
    data = json.loads(files_of(content([place("c" * 16), one]))["places.geojson"])
    assert data["type"] == "FeatureCollection"
    assert [feature["id"] for feature in data["features"]] == ["b" * 16, "c" * 16]
    assert "crs" not in data
    geometry = shape(data["features"][0]["geometry"])
    (polygon,) = geometry.geoms
    assert polygon.exterior.is_ccw
    assert not polygon.interiors[0].is_ccw
    assert set(data["features"][0]["properties"]) == {
        "place",
        "hectares",
        "score",
        "capture_date",
        "superpixels",
        "source",
        "reviewed",
        "corrected",
        "district",
    }
    assert data["attribution"] == "© nobody; © somebody"
    assert data["method"]["threshold"] == 0.61


def test_coordinates_have_six_decimals_and_stay_valid_ground() -> None:
    random_ = random.Random(7)
    for _number in range(50):
        steps = [(26 + random_.random() * 3e-6, 51 + random_.random() * 3e-6) for _ in range(12)]
        try:
            one = place("d" * 16, outline=mapping(MultiPolygon([Polygon(steps).buffer(2e-6, quad_segs=2)])))
        except ValueError:
            continue
        assert one.outline.is_valid
        for polygon in one.outline.geoms:
            for x, y in polygon.exterior.coords:
                assert round(x, 6) == pytest.approx(x, abs=1e-12)
                assert round(y, 6) == pytest.approx(y, abs=1e-12)


def test_hectares_agree_with_the_ellipsoid() -> None:
    one = place("e" * 16)
    ring = box(26, 51.5, 26.004, 51.502)
    metres, _perimeter = Geod(ellps="WGS84").geometry_area_perimeter(ring.reverse())
    assert one.hectares == pytest.approx(abs(metres) / 10_000, rel=1e-4)


def test_ground_where_dates_overlap_counts_once() -> None:
    early = place("1" * 16, capture_date=dt.date(2014, 5, 1))
    late = place("2" * 16, capture_date=dt.date(2015, 5, 1))
    half = place("3" * 16, west=26.002, capture_date=dt.date(2015, 6, 1))
    apart = place("4" * 16, west=26.5, capture_date=dt.date(2015, 6, 1))
    figures = build(content([early, late, half, apart])).statistics
    assert figures["hectares"] == pytest.approx(2.5 * early.hectares, rel=1e-3)
    years = {year["year"]: year["hectares"] for year in figures["by_year"]}
    assert years[2014] == pytest.approx(early.hectares, rel=1e-3)
    assert years[2015] == pytest.approx(2.5 * early.hectares, rel=1e-3)


def test_neighbours_that_only_touch_are_added_up() -> None:
    first, second = place("1" * 16), place("2" * 16, west=26.004)
    assert Ground().hectares([first, second]) == pytest.approx(first.hectares + second.hectares, abs=0.01)


def test_no_places_make_a_map_without_hectares() -> None:
    tiles = [Searched((26, 51, 26.005, 51.003), 2015)]
    here = District("Here", {}, MultiPolygon([box(26, 51, 27, 52)]))
    assert build(content([], searched=tiles, districts=[here])).statistics["by_district"][0]["hectares"] == 0
    built = build(content([], searched=tiles))
    assert built.statistics["hectares"] == 0
    assert built.statistics["bounds"] is None
    assert built.statistics["searched_bounds"] == [26, 51, 26.005, 51.003]
    names = {file.name: file.read() for file in built.files}
    assert json.loads(names["places.geojson"])["features"] == []
    assert json.loads(names["squares-10.json"])["cells"][0][2] == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "  =", "＝"])
def test_a_source_name_is_no_formula_in_a_spreadsheet(start: str) -> None:
    nasty = Source(f'{start}HYPERLINK("http://example.org","x")', "", "", may_publish=True, synthetic=False)
    data = files_of(content([place("f" * 16, source=nasty)], sources=[nasty]))["places.csv"]
    (row,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert row["source"].startswith("'")
    assert row["latitude"] == "51.501000"


def test_the_table_begins_with_the_mark_by_which_excel_knows_utf_8() -> None:
    data = files_of(content([place("f" * 16)]))["places.csv"]
    assert data.startswith("\ufeffplace,latitude".encode())


def test_plain_names_stay_as_they_are() -> None:
    assert harmless("Bing Maps, 2011–2016") == "Bing Maps, 2011–2016"
    assert harmless("") == ""


def test_squares_count_what_lies_in_them() -> None:
    places = [
        place("1" * 16),
        place("2" * 16, capture_date=dt.date(2014, 1, 1)),
        place("3" * 16, west=27.5, capture_date=None),
    ]
    names = files_of(content(places))
    for zoom in SQUARE_LEVELS:
        squares = json.loads(names[f"squares-{zoom}.json"])
        assert squares["years"] == [2014, 2015, None]
        counted = sum(row[index + 1] for row in squares["cells"] for index in range(3, len(row), 3))
        assert counted == 3
        assert sum(row[2] for row in squares["cells"]) == 3
    rows = {(row[0], row[1]): row for row in json.loads(names["squares-12.json"])["cells"]}
    assert rows[cell_of(places[0].tile, 12)][3:] == [
        0,
        1,
        places[1].hectares.__round__(2),
        1,
        1,
        round(places[0].hectares, 2),
    ]


def test_every_place_is_in_the_ground_file_of_its_cell() -> None:
    places = [place(f"{number:016x}", 26 + number * 0.2) for number in range(5)]
    names = files_of(content(places))
    for one in places:
        column, row = cell_of(one.tile, OUTLINE_LEVEL)
        part = json.loads(names[f"ground-{column}-{row}.json"])
        found = [feature for feature in part["features"] if feature["id"] == one.place]
        assert found[0]["properties"]["picture"] is True
        assert [round(value, 5) for value in one.tile] in part["searched"]


def test_the_readme_names_the_checksums_and_the_imagery() -> None:
    built = build(content([place("a" * 16)]))
    text = next(file.data for file in built.files if file.name == "README.txt").decode()
    for file in built.files:
        if file.name in ("places.geojson", "places.csv", "statistics.json"):
            assert f"{file.sha256}  {file.name}" in text
    assert "© nobody" in text
    assert "more than 2 of its superpixels" in text


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        place("a" * 16, score=wrong)
    ring = [[26, 51], [26.1, wrong], [26.1, 51.1], [26, 51]]
    with pytest.raises(ValueError, match="not a number"):
        place("a" * 16, outline={"type": "MultiPolygon", "coordinates": [[ring]]})


def test_an_outline_without_ground_is_refused() -> None:
    flat = {"type": "MultiPolygon", "coordinates": [[[[26, 51], [26.1, 51], [26, 51], [26, 51]]]]}
    with pytest.raises(ValueError, match="no ground"):
        place("a" * 16, outline=flat)


def test_a_ring_that_crosses_itself_becomes_valid_ground() -> None:
    bow = {
        "type": "MultiPolygon",
        "coordinates": [[[[26, 51], [26.01, 51.01], [26.01, 51], [26, 51.01], [26, 51]]]],
    }
    one = place("a" * 16, outline=bow)
    assert one.outline.is_valid
    assert len(one.outline.geoms) == 2
