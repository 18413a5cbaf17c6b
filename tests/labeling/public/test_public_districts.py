"""The public map tells hectares by district, and its list can be narrowed to one: without an account."""

import datetime as dt
import gzip
import json
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import translation
from shapely.geometry import Polygon, shape

from detection.geometry import geodesic_area_hectares, polygons_of
from detection.ground.districts import import_named_ground
from labeling.public.districts import by_district
from labeling.releases.catalogue import published_numbered
from labeling.releases.publish import publish_release
from tests.pages import squeezed
from tests.published import approve_all, found_on

pytestmark = pytest.mark.database

EVIL = '</script><img src=x onerror="alert(1)">'


def area(name: str, west: float, east: float, **names: str) -> dict[str, Any]:
    ring = [[west, 51.2], [east, 51.2], [east, 51.7], [west, 51.7], [west, 51.2]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"name": name, **names}, "geometry": geometry}


@pytest.fixture
def release(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any) -> Any:
    features = [area("Сарни", 26.2, 26.503, name_en="Sarny"), area(EVIL, 26.503, 26.8)]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    import_named_ground(region=region, data=data, file_name="d.geojson", replace=False, acting_user=carol)
    run = found_on(region, [make_tile(seed, capture_date=dt.date(2014 + seed, 5, 1)) for seed in range(3)])
    approve_all(run, bob)
    return publish_release(run=run, acting_user=carol)


def test_hectares_are_cut_at_the_border_as_it_was_given_not_as_it_is_drawn(
    region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any
) -> None:
    """A border of four thousand teeth of thirty metres: thinned to be drawn it would be a straight line."""
    border = [[26.5 + number % 2 * 0.0004, 51.2 + number / 8000] for number in range(4001)]
    ring = [*border, [26.2, 51.7], [26.2, 51.2], border[0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"name": "Teeth"}, "geometry": geometry}
    data = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    import_named_ground(region=region, data=data, file_name="d.geojson", replace=False, acting_user=carol)
    run = found_on(region, [make_tile(0)], pieces=tuple(range(1, 26)))
    approve_all(run, bob)
    release = published_numbered("testshire", publish_release(run=run, acting_user=carol).number)
    (drawn,) = json.loads(release.read("places.geojson"))["features"]
    (row,) = [one for one in release.statistics["by_district"] if one["district"] == "Teeth"]
    inside = polygons_of(shape(drawn["geometry"]).intersection(Polygon(ring)))
    assert row["hectares"] == pytest.approx(geodesic_area_hectares(inside), abs=0.011)
    (light,) = json.loads(release.read("districts.json"))["districts"]
    assert sum(len(one) for polygon in light["geometry"]["coordinates"] for one in polygon) <= 1000


def rows_of(page: str) -> int:
    return page.count("<tr>") - 1


def test_hectares_are_told_by_district_in_the_readers_language(release: Any) -> None:
    page = squeezed(Client().get("/"))
    assert re.search(r'data-district="Сарни"><span[^>]*>Sarny</span>', page)
    page = squeezed(Client(headers={"accept-language": "uk"}).get("/"))
    assert re.search(r'data-district="Сарни"><span[^>]*>Сарни</span>', page)


def test_a_district_of_an_evil_name_stays_text(release: Any) -> None:
    for path in ("/", "/map/testshire/1/list/"):
        page = squeezed(Client().get(path))
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page or "\\u003Cimg src=x" in page


def test_the_list_is_narrowed_to_a_district_and_a_year(release: Any) -> None:
    page = squeezed(Client().get("/map/testshire/1/list/", {"district": "Сарни"}))
    assert rows_of(page) == 2
    page = squeezed(Client().get("/map/testshire/1/list/", {"district": "Сарни", "year": "2014"}))
    assert rows_of(page) == 1
    assert '<option value="Сарни" selected>' in page


def test_the_list_tells_the_hectares_of_what_it_lists(release: Any) -> None:
    def hectares(**chosen: str) -> float:
        page = squeezed(Client().get("/map/testshire/1/list/", chosen))
        found = re.search(r'class="figure figure--s">([\d.]+)', page)
        assert found
        return float(found[1])

    statistics = release.statistics
    by_year = {str(one["year"]): one["hectares"] for one in statistics["by_year"]}
    assert hectares() == pytest.approx(statistics["hectares"], abs=0.05)
    assert hectares(year="2014") == pytest.approx(by_year["2014"], abs=0.05)
    assert hectares(year="1999") == 0
    page = squeezed(Client().get("/map/testshire/1/list/", {"year": "1999"}))
    assert "There are no places on this map" not in page
    assert re.search(r'href="\?">All places<', page), "there is a way back"
    district = next(one for one in statistics["by_district"] if one["district"] == "Сарни")
    of_year = {str(one["year"]): one["hectares"] for one in district["by_year"]}
    assert hectares(district="Сарни") == pytest.approx(district["hectares"], abs=0.05)
    assert hectares(district="Сарни", year="2014") == pytest.approx(of_year["2014"], abs=0.05)
    assert hectares(year="2014") < hectares()


def cells(page: str) -> list[list[str]]:
    """The texts of the table's rows, cell by cell."""
    return [
        [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.findall(r"(?s)<t[hd][ >].*?</t[hd]>", row)
        ]
        for row in re.findall(r"(?s)<tr>(.*?)</tr>", page)[1:]
    ]


def test_each_place_of_the_list_tells_its_district_and_the_village_nearby(
    region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any, django_assert_num_queries: Any
) -> None:
    village = {
        "type": "Feature",
        "properties": {"name": "Клесів", "name_en": "Klesiv"},
        "geometry": {"type": "Point", "coordinates": [26.5, 51.527]},
    }
    features = [area("Сарни", 26.2, 26.51, name_en="Sarny"), village]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    import_named_ground(region=region, data=data, file_name="d.geojson", replace=False, acting_user=carol)
    run = found_on(region, [make_tile(0), make_tile(1, latitude=51.9), make_tile(2, latitude=51.51)])
    approve_all(run, bob)
    publish_release(run=run, acting_user=carol)
    with django_assert_num_queries(0):
        page = squeezed(Client().get("/map/testshire/1/list/"))
    told = {f"{float(row[0].split(',')[0]):.2f}": row for row in cells(page)}
    near, far, between = (told[key] for key in ("51.50", "51.90", "51.51"))
    assert re.search(r" (2\.9|3\.0|3\.1) km from Klesiv$", near[0])
    assert re.search(r" (1\.8|1\.9|2\.0) km from Klesiv$", between[0])
    assert near[1] == "Sarny"
    assert "km" not in far[0], "a village 41 km away says nothing"
    assert far[1] == "–"
    page = squeezed(Client(headers={"accept-language": "uk"}).get("/map/testshire/1/list/"))
    assert "Клесів" in page


def test_the_list_is_narrowed_to_images_without_a_date(
    region: Any, make_tile: Callable[..., Any], bob: Any
) -> None:
    days = [None, dt.date(2014, 5, 1), dt.date(2015, 5, 1)]
    run = found_on(region, [make_tile(seed, capture_date=day) for seed, day in enumerate(days)])
    approve_all(run, bob)
    release = publish_release(run=run, acting_user=bob)
    page = squeezed(Client().get("/map/testshire/1/list/"))
    assert 'href="?year=undated&amp;">no date</a>' in page
    answer = squeezed(Client().get("/map/testshire/1/list/", {"year": "undated"}))
    (row,) = cells(answer)
    assert "unknown date" in row
    undated = next(one for one in release.statistics["by_year"] if one["year"] is None)
    assert f"{undated['hectares']:.1f} <small>hectares" in answer
    assert rows_of(Client().get("/map/testshire/1/list/", {"year": "undated<"}).content.decode()) == 3


@pytest.mark.parametrize("district", ["nowhere", "", "\x00", "x" * 5000, "<script>"])
def test_a_district_that_is_none_narrows_nothing(release: Any, district: str) -> None:
    response = Client().get("/map/testshire/1/list/", {"district": district})
    assert response.status_code == 200
    assert rows_of(response.content.decode()) == 3


def test_a_release_without_districts_says_nothing_of_them(
    region: Any, make_tile: Callable[..., Any], bob: Any
) -> None:
    run = found_on(region, [make_tile(1)])
    approve_all(run, bob)
    publish_release(run=run, acting_user=bob)
    assert 'id="districts"' not in Client().get("/").content.decode()
    assert "district-filter" not in Client().get("/map/testshire/1/list/").content.decode()


def test_ground_outside_every_district_and_districts_without_mining_are_counted() -> None:
    def one(name: str, places: int, hectares: float | None) -> dict[str, Any]:
        return {"district": name, "names": {}, "places": places, "hectares": hectares, "by_year": []}

    told = by_district(
        {
            "by_district": [
                one("B", 1, 2.0),
                one("A", 3, 8.0),
                one("C", 0, 0.0),
                one("D", 0, 0.8),
                one("", 2, 1.5),
            ]
        }
    )
    assert [(row.name, row.height) for row in told.rows] == [("A", 100.0), ("B", 25.0), ("D", 10.0)]
    assert (told.without, told.outside) == (1, 1.5)
    with translation.override("uk"):
        assert by_district({}).rows == []


def test_the_map_of_one_region_leads_to_those_of_others_and_a_single_region_says_nothing(
    release: Any, django_assert_num_queries: Any
) -> None:
    assert "Other regions" not in Client().get("/").content.decode()
    from benchmarks.public_map import write_made
    from detection.models import Region
    from labeling.releases.files.content import Content
    from labeling.releases.files.writers import build

    other = Region.objects.create(name="<Elsewhere>", slug="elsewhere", source=release.region.source)
    named = {"name": other.name, "slug": other.slug, "mineral": "amber"}
    write_made(other, build(Content(region=named, method=None, places=[], searched=[], sources=[])))
    with django_assert_num_queries(0):
        page = squeezed(Client().get("/"))
    assert '<span class="of-region">&lt;Elsewhere&gt;</span>' in page, "published last"
    assert re.search(r'(?s)class="regions".*href="/map/testshire/"><span[^>]*>Testshire</span>', page)
    page = squeezed(Client().get("/map/testshire/1/"))
    assert re.search(r'(?s)class="regions".*href="/map/elsewhere/"><span[^>]*>&lt;Elsewhere&gt;</span>', page)
    assert 'href="/map/testshire/"><span' not in page, "the region that is shown is no other one"


def test_the_page_travels_packed(release: Any) -> None:
    response = Client().get("/", headers={"accept-encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert b"data-district" in gzip.decompress(response.content)


def test_every_module_of_the_map_is_told_in_the_pages_head(release: Any) -> None:
    """Found one by one, level by level, they would cost a round trip each on a phone."""
    page = squeezed(Client().get("/"))
    told = set(re.findall(r'(?:rel="modulepreload" href|type="module" src)="/static/([^"]+)"', page))
    queue = ["js/labeling/public/public_map.js", "js/shared/page.js"]
    imported = set(queue)
    while queue:
        name = queue.pop()
        text = Path(str(finders.find(name))).read_text(encoding="utf-8")
        for other in re.findall(r'^(?:import|export) .*?"([./][^"]+)";', text, re.M | re.S):
            path = posixpath.normpath(f"{posixpath.dirname(name)}/{other}")
            if path not in imported:
                imported.add(path)
                queue += [] if path.startswith("vendor/") else [path]
    assert told == imported
