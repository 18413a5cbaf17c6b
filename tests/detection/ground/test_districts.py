"""Carol brings the districts and village names of her region in from a file; what is bad in it is named."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import get_num_coordinates
from shapely.geometry import shape

from amberapp.errors import UserError
from amberapp.models import AuditEntry
from detection.ground.district_shapes import MOST_POINTS_DRAWN, thinned
from detection.ground.districts import import_named_ground
from detection.ground.named_areas import NamedGround, UnreadableFile, read_named_ground
from detection.models import Region

pytestmark = pytest.mark.database


def square(west: float, south: float, side: float = 0.2) -> list[list[float]]:
    east, north = west + side, south + side
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def area(name: Any, *rings: Any, **names: str) -> dict[str, Any]:
    geometry = {"type": "Polygon", "coordinates": list(rings) or [square(26.4, 51.5)]}
    return {"type": "Feature", "properties": {"name": name, **names}, "geometry": geometry}


def point(name: Any, longitude: Any = 26.5, latitude: Any = 51.6, **names: str) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "properties": {"name": name, **names}, "geometry": geometry}


def packed(*features: Any, **more: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more}).encode()


def read(*features: Any) -> NamedGround:
    return read_named_ground(packed(*features))


def reasons(ground: NamedGround) -> list[str]:
    return [str(refusal.reason) for refusal in ground.refused]


# Reading -----------------------------------------------------------------------------------------


def test_polygons_become_districts_and_points_become_place_names() -> None:
    ground = read(
        area("Sarny", name_uk="Сарни"), point("Klesiv", **{"name:uk": "Клесів", "name:en": "Klesiv"})
    )
    assert [(one.name, one.names) for one in ground.areas] == [("Sarny", {"uk": "Сарни"})]
    assert [(one.name, one.names) for one in ground.points] == [("Klesiv", {"uk": "Клесів", "en": "Klesiv"})]
    assert ground.areas[0].bounds == (26.4, 51.5, 26.6, 51.7)
    assert ground.refused == []


@pytest.mark.parametrize(
    ("properties", "name", "names"),
    [
        ({"NAME": "Rivne"}, "Rivne", {}),
        ({"name:en": "Rivne", "name:uk": "Рівне"}, "Рівне", {"uk": "Рівне", "en": "Rivne"}),
        ({"NAME_1": "Rivne", "NAME_2": "Sarny"}, "Sarny", {}),
        ({"ADM1_UA": "Рівненська", "ADM2_UA": "Сарненський", "ADM2_EN": "Sarny"}, "Сарненський", {"uk": "Сарненський", "en": "Sarny"}),
        ({"name": "  two \n lines  "}, "two lines", {}),
        ({"name": "\u202egnimod\x00"}, "gnimod", {}),
        ({"name": "<script>alert(1)</script>"}, "<script>alert(1)</script>", {}),
        ({"name": "'; DROP TABLE detection_district; --"}, "'; DROP TABLE detection_district; --", {}),
    ],
)  # fmt: skip
def test_a_name_is_found_where_files_have_it(properties: Any, name: str, names: Any) -> None:
    feature = {**point(""), "properties": properties}
    (found,) = read(feature).points
    assert (found.name, found.names) == (name, names)


@pytest.mark.parametrize(
    ("feature", "reason"),
    [
        (point(None), "no name"),
        (point(12), "no name"),
        (point(" \x00 "), "no name"),
        (point("x" * 121), "longer than 120"),
        ({**point("a"), "properties": [1]}, "no name"),
        ({**point("a"), "geometry": None}, "no geometry"),
        ({**point("a"), "geometry": {"type": "LineString", "coordinates": []}}, "LineString"),
        ({**point("a"), "geometry": {"type": ["<b>"], "coordinates": []}}, "this is"),
        (point("a", 2_900_000, 6_700_000), "no longitude and latitude"),
        (point("a", 26, 86), "85 degrees"),
        (point("a", 10**400, 51), "not a finite number"),
        (point("a", float("nan"), 51), "not a finite number"),
        (point("a", "26", 51), "two numbers"),
        (point("a", True, 51), "two numbers"),
        (area("a", [[26, 51], [27, 51], [26, 51]]), "no ground"),
        (area("a", [[26, 51], [27, 51], [27, 51], [26, 51]]), "no ground"),
        (area("a", [[26, 51], [27, float("inf")], [27, 52]]), "not a finite number"),
        (area("a", [[-170, 51], [170, 51], [170, 52], [-170, 51]]), "half of the globe"),
        (area("a", [[26] * 50]), "no ground"),
        (area("a", 3), "not nested"),
        ("a feature", "no GeoJSON feature"),
        ({"type": "Polygon"}, "no GeoJSON feature"),
    ],
)  # fmt: skip
def test_a_bad_feature_is_refused_and_the_rest_is_taken(feature: Any, reason: str) -> None:
    ground = read(feature, point("Klesiv"))
    (said,) = reasons(ground)
    assert reason in said
    assert [one.name for one in ground.points] == ["Klesiv"]
    assert ground.areas == []


def nested(depth: int) -> bytes:
    return b'{"type":"FeatureCollection","features":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "JSON"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"<kml/>", "JSON"),
        (b"[]", "FeatureCollection"),
        (b'{"type":"Topology"}', "Topology"),
        (packed(), "no feature"),
        (nested(200_000), "JSON"),
        (packed(*[0] * 5001), "5001 features"),
        (packed(point("a"), crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}), "3857"),
        (packed(point("a"), crs=[1]), "WGS 84"),
        (b" " * (20 * 2**20 + 1), "20 MB"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_geojson_in_degrees_is_refused_with_a_sentence(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        read_named_ground(data)


def test_the_old_way_of_naming_wgs_84_is_understood() -> None:
    for name in ("urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4326", "EPSG:4326"):
        crs = {"type": "name", "properties": {"name": name}}
        assert len(read_named_ground(packed(point("a"), crs=crs)).points) == 1


def test_a_number_of_a_million_digits_is_no_reason_to_wait() -> None:
    data = packed(point("a")).replace(b"26.5", b"9" * 1_000_000)
    assert "not a finite number" in reasons(read_named_ground(data))[0]


def test_an_outline_that_crosses_itself_is_mended_and_said_so() -> None:
    ground = read(area("Bow", [[26, 51], [27, 52], [27, 51], [26, 52], [26, 51]]))
    assert ground.mended == ["Bow"]
    polygon = shape(ground.areas[0].polygon)
    assert polygon.is_valid
    assert polygon.area == pytest.approx(0.5)


def test_an_outline_of_many_points_keeps_them_all() -> None:
    ring = [[26 + math.cos(k / 5000 * math.pi), 51 + math.sin(k / 5000 * math.pi) / 2] for k in range(10_000)]
    (round_,) = read(area("Round", [*ring, ring[0]])).areas
    assert get_num_coordinates(shape(round_.polygon)) > 9_900
    assert shape(round_.polygon).area == pytest.approx(math.pi / 2, rel=1e-5)


def test_a_file_of_more_points_than_can_be_counted_by_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detection.ground.named_areas.MAX_POINTS_KEPT", 9)
    with pytest.raises(UnreadableFile, match="have 10 points; at most 9"):
        read(area("Here"), area("There", square(27, 51)))
    assert len(read(area("Here"), point("Klesiv")).areas) == 1


def test_neighbours_that_are_thinned_to_be_drawn_still_share_their_border() -> None:
    border = [[27 + math.sin(k / 40) / 50 + k % 3 / 500, 51 + k / 4000] for k in range(4001)]
    west = area("West", [[26, 51], *border, [26, 52], [26, 51]])
    east = area("East", [[28, 51], [28, 52], *border[::-1], [28, 51]])
    whole = [shape(one.polygon) for one in read(west, east).areas]
    assert all(get_num_coordinates(whole) > 4000)
    first, second = thinned(whole)
    assert all(get_num_coordinates([first, second]) <= MOST_POINTS_DRAWN)
    assert first.intersection(second).area < 1e-12
    assert first.union(second).area == pytest.approx(2, abs=1e-9)


def test_a_district_of_a_thousand_isles_does_not_cost_its_neighbours_their_shape() -> None:
    isles = [[square(20 + k % 30 / 10, 40 + k // 30 / 10, 0.05)] for k in range(900)]
    bay = [[26 + math.cos(k / 5000 * math.pi), 51 + math.sin(k / 5000 * math.pi) / 2] for k in range(10_000)]
    scattered = area("Isles")
    scattered["geometry"] = {"type": "MultiPolygon", "coordinates": isles}
    ground = read(scattered, area("Bay", [*bay, bay[0]]))
    _isles, drawn = thinned([shape(one.polygon) for one in ground.areas])
    assert get_num_coordinates(drawn) <= MOST_POINTS_DRAWN
    assert drawn.area == pytest.approx(math.pi / 2, rel=0.001)


def test_a_town_given_within_its_county_is_ground_and_no_hole() -> None:
    county = area("County")
    county["geometry"] = {
        "type": "MultiPolygon",
        "coordinates": [[square(26, 51, 0.5)], [square(26.1, 51.1, 0.1)]],
    }
    (found,) = read(county).areas
    assert shape(found.polygon).area == pytest.approx(0.25)


@pytest.mark.parametrize("points", [900, 1900, 60_000])
def test_a_scribble_is_refused_rather_than_mended_for_minutes(points: int) -> None:
    ring = [[26 + (k * 7919 % 1000) / 1000, 51 + (k * 104_729 % 997) / 1000] for k in range(points)]
    (said,) = reasons(read(area("Scribble", [*ring, ring[0]])))
    assert "crosses itself" in said


def test_polygons_of_one_name_are_one_district() -> None:
    ground = read(area("Isles", square(26, 51)), area("Isles", square(27, 51), name_en="Isles"))
    (isles,) = ground.areas
    assert ground.joined == ["Isles"]
    assert len(isles.polygon["coordinates"]) == 2
    assert isles.names == {"en": "Isles"}


def test_what_lies_far_from_the_region_is_left_out() -> None:
    features = [area("Here"), area("There", square(10, 40)), point("Here"), point("There", 10, 40)]
    ground = read_named_ground(packed(*features), near=(26.4, 51.5, 26.6, 51.7))
    assert [one.name for one in ground.areas] == [one.name for one in ground.points] == ["Here"]
    assert ground.outside == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "name", "coordinates", "geometry"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(json_values, min_size=1, max_size=4), json_values, json_values)
@settings(max_examples=60, deadline=None)
def test_no_json_breaks_the_reader(features: Any, coordinates: Any, properties: Any) -> None:
    feature = area("a")
    feature["geometry"]["coordinates"] = coordinates
    ground = read(*features, feature, {**point("b"), "properties": properties})
    assert len(ground.refused) + len(ground.areas) + len(ground.points) == len(features) + 2


# Taking ------------------------------------------------------------------------------------------


def take(region: Region, data: bytes, *, replace: bool = False) -> Any:
    return import_named_ground(
        region=region, data=data, file_name="d.geojson", replace=replace, acting_user=None
    )


def names_of(region: Region) -> tuple[list[str], list[str]]:
    return (
        list(region.districts.values_list("name", flat=True)),
        list(region.place_names.values_list("name", flat=True)),
    )


def test_taking_a_file_again_changes_nothing(region: Region) -> None:
    data = packed(area("Sarny"), point("Klesiv"))
    take(region, data)
    report = take(region, data)
    assert names_of(region) == (["Sarny"], ["Klesiv"])
    assert (report.districts, report.replaced_districts, report.place_names) == (1, 1, 0)


def test_adding_keeps_and_replacing_removes_what_was_there_of_the_same_kind(region: Region) -> None:
    take(region, packed(area("Old"), point("Village")))
    take(region, packed(area("New")))
    assert names_of(region) == (["New", "Old"], ["Village"])
    report = take(region, packed(area("Newest")), replace=True)
    assert names_of(region) == (["Newest"], ["Village"])
    assert report.replaced_districts == 2
    told = AuditEntry.objects.filter(verb="districts.imported").latest("id").details
    assert (told["replace"], told["districts"], told["replaced_districts"]) == (True, 1, 2)


def test_a_file_of_another_country_is_refused_and_nothing_is_lost(region: Region) -> None:
    take(region, packed(area("Sarny")))
    Region.objects.filter(pk=region.pk).update(
        polygon={"type": "Polygon", "coordinates": [square(26.4, 51.5)]}
    )
    region.refresh_from_db()
    with pytest.raises(UserError, match="outside the region"):
        take(region, packed(area("Swapped", [[51.5, 26.4], [51.6, 26.4], [51.6, 26.5]])), replace=True)
    assert names_of(region)[0] == ["Sarny"]


def test_the_command_takes_a_file_and_names_what_it_refuses(
    region: Region, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "d.geojson"
    path.write_bytes(packed(area("Sarny"), point("Nowhere", 500, 500)))
    call_command("import_districts", path, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["districts"], told["place_names"], told["refused_count"]) == (1, 0, 1)
    assert told["refused"][0].startswith("Nowhere (feature 2): 500, 500 is no longitude")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_districts", tmp_path / "none.geojson")


# The page ----------------------------------------------------------------------------------------


def sent(data: bytes, how: str = "add") -> dict[str, Any]:
    return {"file": SimpleUploadedFile("d.geojson", data), "how": how}


def test_districts_are_the_business_of_admins(
    region: Region, bob: Any, client_of: Callable[..., Client]
) -> None:
    url = reverse("districts", args=[region.slug])
    assert Client().get(url).status_code == 302
    assert client_of(bob).get(url).status_code == 403
    assert client_of(bob).post(url, sent(packed(area("Sarny")))).status_code == 403
    assert not region.districts.exists()


def test_a_file_is_taken_on_the_page_and_what_became_of_it_is_told_once(
    region: Region, admin: Client
) -> None:
    url = reverse("districts", args=[region.slug])
    assert "None yet" in admin.get(url).content.decode()
    data = packed(area("<script>alert(1)</script>", name_uk="Сарни"), point("Klesiv"), point("Bad", 500, 0))
    assert admin.post(url, sent(data)).status_code == 302
    page = admin.get(url).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    assert "Bad (feature 3)" in page
    assert "Klesiv" in page
    assert "Bad (feature 3)" not in admin.get(url).content.decode()


@pytest.mark.parametrize("data", [b"", b"not json", b"\xff\xff", packed(point("a", 500, 0)), nested(5000)])
def test_a_bad_file_gets_a_sentence(region: Region, admin: Client, data: bytes) -> None:
    response = admin.post(reverse("districts", args=[region.slug]), sent(data))
    assert response.status_code == 400
    assert "field__error" in response.content.decode() or "errorlist" in response.content.decode()


def test_a_district_and_all_names_are_removed_and_it_is_on_the_record(region: Region, admin: Client) -> None:
    take(region, packed(area("Sarny"), point("Klesiv"), point("Tomashhorod", 26.6)))
    district = region.districts.get()
    admin.post(reverse("district-remove", args=[region.slug, district.pk]))
    admin.post(reverse("place-names-remove", args=[region.slug]))
    assert names_of(region) == ([], [])
    assert AuditEntry.objects.get(verb="district.removed").details == {"district": "Sarny"}
    assert AuditEntry.objects.get(verb="place_names.removed").details == {"count": 2}
    again = admin.post(reverse("district-remove", args=[region.slug, district.pk]))
    assert again.status_code == 404
    huge = reverse("district-remove", args=[region.slug, 10**30])
    assert admin.post(huge).status_code == 404
