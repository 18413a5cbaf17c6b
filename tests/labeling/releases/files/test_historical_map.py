"""Maps that were published elsewhere are read, and what is wrong with them is told by row."""

import json

import pytest
from shapely.geometry import box

from detection.geometry import geodesic_area_hectares
from labeling.releases.files.historical_map import Area, MapFile, UnreadableMap, finest, name_of, read_map
from tests.labeling.releases.old_maps import square


def as_bytes(told: object) -> bytes:
    return json.dumps(told).encode()


def problems_of(name: str, data: bytes) -> list[str]:
    with pytest.raises(UnreadableMap) as refused:
        read_map(name, data)
    return refused.value.problems


def test_a_bare_list_and_a_collection_say_the_same() -> None:
    features = [square(26, 51, 0.01, count=3), square(26.02, 51, 0.01, date="2014-05-06")]
    bare = read_map("a.geojson", as_bytes(features))
    collected = read_map("a.json", as_bytes({"type": "FeatureCollection", "features": features}))
    assert [area.outline for area in bare.areas] == [area.outline for area in collected.areas]
    assert [area.count for area in bare.areas] == [3, 1]
    assert str(bare.areas[1].day) == "2014-05-06"
    assert len(read_map("a.json", as_bytes(features[0])).areas) == 1


def test_coordinates_are_read_whatever_their_columns_are_called_and_empty_lines_are_passed_over() -> None:
    found = read_map("c.csv", b"\xef\xbb\xbfid,Longitude, Latitude\r\n1, 26.5,51.25\r\n\r\n2,26.6,51.5\r\n")
    assert found.points == [(51.25, 26.5), (51.5, 26.6)]


def test_wrong_rows_are_told_by_their_line() -> None:
    problems = problems_of("c.csv", b"lat,lon\n51,26\nx,26\n91,26\n51\n51,999\nnan,2\n")
    assert [problem.split(": ")[0] for problem in problems] == [f"c.csv, line {line}" for line in range(3, 8)]
    assert "is no number" in problems[0]


@pytest.mark.parametrize(
    ("feature", "word"),
    [
        ({"geometry": {"type": "LineString", "coordinates": [[1, 2], [2, 3]]}}, "area or a point"),
        (
            {"geometry": {"type": "Polygon", "coordinates": [[[1, 2], [1, 2], [1, 2], [1, 2]]]}},
            "covers no ground",
        ),
        ({"geometry": {"type": "Polygon", "coordinates": [[["a", 2], [1, 2], [1, 3], [1, 2]]]}}, "feature 1"),
        ({"geometry": {"type": "Point", "coordinates": [26, 95]}}, "latitude 95"),
        ({"geometry": None}, "understood"),
        (7, "understood"),
        (square(26, 51, 0.01, count=-1), "count"),
        (square(26, 51, 0.01, date="spring"), "spring"),
        (square(179.999, 51, 0.01), "longitude"),
    ],
)
def test_wrong_features_are_told_by_their_number(feature: object, word: str) -> None:
    (problem,) = problems_of("a.geojson", as_bytes([feature]))
    assert word in problem


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.geojson", b"{"),
        ("a.geojson", b"3"),
        ("a.geojson", b"[]"),
        ("a.geojson", b"\xff\xfe"),
        ("a.geojson", b"[" * 100_000),
        ("c.csv", b""),
        ("c.csv", b"a,b\n1,2\n"),
    ],
)
def test_what_is_no_map_is_refused_with_a_sentence(name: str, data: bytes) -> None:
    assert problems_of(name, data)


def test_many_mistakes_are_counted_and_the_first_are_told() -> None:
    with pytest.raises(UnreadableMap) as refused:
        read_map("c.csv", b"lat,lon\n" + b"x,1\n" * 100)
    assert len(refused.value.problems) == 20
    assert refused.value.more == 80


def test_of_several_files_the_one_with_the_finest_areas_gives_the_places() -> None:
    coarse = MapFile("b", areas=[Area(box(26, 51, 26.1, 51.1), 4)])
    fine = MapFile("a", areas=[Area(box(26.05, 51, 26.06, 51.01), 3), Area(box(26, 51, 26.01, 51.01), 1)])
    points = MapFile("c", points=[(51.0, 26.0)] * 4)
    areas = finest([coarse, points, fine])
    assert [area.count for area in areas] == [1, 3]
    assert len({name_of(area) for area in areas}) == 2
    assert name_of(areas[0]) == name_of(Area(box(26, 51, 26.01, 51.01)))


def test_points_alone_become_squares_of_the_side_that_is_asked_for() -> None:
    (area,) = finest([MapFile("c", points=[(51.5, 26.5), (51.5, 26.5)])], side=300)
    assert area.count == 2
    assert geodesic_area_hectares(area.outline) == pytest.approx(9.0, rel=0.01)
