"""Carol, an admin, makes regions and sources and brings tiles in by the browser; others may not."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import detection.tasks  # noqa: F401 (registers the import job, as a worker does)
from amberapp import jobs
from amberapp.errors import UserError
from amberapp.models import AuditEntry, Job
from detection.ground.pictures import MOST_BYTES
from detection.ground.polygons import parse_polygon, validate_polygon
from detection.ground.staging import IMPORT_JOB, new_batch
from detection.models import ImagerySource, Region, Tile
from tests import imagery_files as make

pytestmark = pytest.mark.database

BOX = [[26, 51], [27, 51], [27, 52], [26, 52], [26, 51]]
POLYGON = {"type": "Polygon", "coordinates": [BOX]}


def form(source: ImagerySource, **values: Any) -> dict[str, Any]:
    fields = {"name": "Rivne", "mineral": "amber", "source": source.pk, "zoom": 18, "positive_superpixels": 2}
    return {**fields, "polygon": "", **values}


# Roles -------------------------------------------------------------------------------------------


def admin_pages(region: Region) -> list[str]:
    return [
        reverse("regions"),
        reverse("region-new"),
        reverse("region-edit", args=[region.slug]),
        reverse("region-tiles", args=[region.slug]),
        reverse("region-upload", args=[region.slug]),
        reverse("sources"),
        reverse("source-new"),
        reverse("source-edit", args=[region.source_id]),
    ]


def test_ground_is_the_business_of_admins(
    region: Region, alice: Any, bob: Any, carol: Any, client_of: Callable[..., Client]
) -> None:
    for page in admin_pages(region):
        assert Client().get(page).status_code == 302, page
        assert client_of(alice).get(page).status_code == 403, page
        assert client_of(bob).get(page).status_code == 403, page
        assert client_of(carol).get(page).status_code == 200, page


def test_nobody_else_can_send_what_admins_send(
    region: Region, bob: Any, client_of: Callable[..., Client]
) -> None:
    bobs = client_of(bob)
    assert bobs.post(reverse("region-new"), form(region.source)).status_code == 403
    file = SimpleUploadedFile("a.png", make.png())
    url = reverse("region-upload-file", args=[region.slug])
    assert bobs.post(url, {"batch": new_batch(), "file": file}).status_code == 403
    assert not Region.objects.filter(name="Rivne").exists()


def test_pictures_are_for_volunteers_and_up(
    make_tile: Any, alice: Any, client_of: Callable[..., Client]
) -> None:
    tile = make_tile(1)
    segmented = tile.segmented.get()
    for url in (
        reverse("tile-image", args=[tile.pk]),
        reverse("tile-raster", args=[segmented.pk]),
        reverse("tile-outlines", args=[segmented.pk]),
    ):
        assert Client().get(url).status_code == 302
        assert client_of(alice).get(url).status_code == 200


# Regions -----------------------------------------------------------------------------------------


def test_a_region_is_made_with_a_drawn_outline(admin: Client, source: ImagerySource, carol: Any) -> None:
    response = admin.post(reverse("region-new"), form(source, polygon=json.dumps(POLYGON)))
    assert response.status_code == 302
    region = Region.objects.get(name="Rivne")
    assert region.polygon["type"] == "Polygon" and region.created_by == carol
    assert AuditEntry.objects.get(verb="region.created").actor == carol


def test_a_region_is_made_from_an_uploaded_geojson(admin: Client, source: ImagerySource) -> None:
    collection = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": POLYGON}]}
    file = SimpleUploadedFile("rivne.geojson", json.dumps(collection).encode())
    assert admin.post(reverse("region-new"), form(source, polygon_file=file)).status_code == 302
    assert sorted(map(tuple, Region.objects.get(name="Rivne").polygon["coordinates"][0][:-1])) == sorted(
        map(tuple, BOX[:-1])
    )


def test_a_region_without_an_outline_can_wait_for_one(admin: Client, source: ImagerySource) -> None:
    assert admin.post(reverse("region-new"), form(source)).status_code == 302
    region = Region.objects.get(name="Rivne")
    assert region.polygon is None
    changed = form(source, name="Rivne oblast", polygon=json.dumps(POLYGON))
    assert admin.post(reverse("region-edit", args=[region.slug]), changed).status_code == 302
    region.refresh_from_db()
    assert (region.name, region.slug) == ("Rivne oblast", "rivne"), "the address stays"
    assert AuditEntry.objects.get(verb="region.changed").details["polygon"] == "Polygon"


def test_saving_without_a_change_leaves_no_trace(admin: Client, region: Region) -> None:
    same = form(region.source, name=region.name, polygon=json.dumps(region.polygon))
    admin.post(reverse("region-edit", args=[region.slug]), same)
    assert not AuditEntry.objects.filter(verb="region.changed").exists()


def test_a_name_that_is_taken_is_said_beside_the_field(admin: Client, region: Region) -> None:
    response = admin.post(reverse("region-new"), form(region.source, name=region.name))
    assert response.status_code == 400
    assert response.context["form"].errors["name"]


def test_a_ukrainian_name_gets_an_address_of_its_own(admin: Client, source: ImagerySource) -> None:
    for name in ("Рівне", "Житомир"):
        assert admin.post(reverse("region-new"), form(source, name=name)).status_code == 302
    assert Region.objects.values("slug").distinct().count() == 2
    assert all(region.slug for region in Region.objects.all())


def test_without_a_source_the_way_leads_to_one(admin: Client, db: None) -> None:
    assert admin.get(reverse("region-new")).headers["Location"] == reverse("source-new")


def ring(*points: Any) -> str:
    return json.dumps({"type": "Polygon", "coordinates": [list(points)]})


HOSTILE = {
    "no JSON": "{",
    "a number": "17",
    "null": "null",
    "a text": '"Polygon"',
    "a point": '{"type": "Point", "coordinates": [26, 51]}',
    "half a character": '{"type": "\\ud800"}',
    "no coordinates": '{"type": "Polygon"}',
    "coordinates of numbers": '{"type": "Polygon", "coordinates": [1, 2, 3]}',
    "an object for a ring": '{"type": "Polygon", "coordinates": {"a": 1}}',
    "no ring": '{"type": "Polygon", "coordinates": []}',
    "two points": ring([26, 51], [27, 51], [26, 51]),
    "no area": ring([26, 51], [27, 51], [28, 51], [26, 51]),
    "crossing itself": ring([26, 51], [27, 52], [27, 51], [26, 52], [26, 51]),
    "beyond the globe": ring([26, 51], [190, 51], [190, 52], [26, 51]),
    "latitude 95": ring([26, 51], [27, 51], [27, 95], [26, 51]),
    "the pole": ring([26, 51], [27, 51], [27, 89], [26, 51]),
    "across the antimeridian": ring([-179, 51], [179, 51], [179, 52], [-179, 52], [-179, 51]),
    "NaN": '{"type": "Polygon", "coordinates": [[[NaN, 51], [27, 51], [27, 52], [26, 51]]]}',
    "infinity": '{"type": "Polygon", "coordinates": [[[1e999, 51], [27, 51], [27, 52], [26, 51]]]}',
    "a huge number": '{"type": "Polygon", "coordinates": [[[1' + "0" * 400 + ", 51], [27, 51], [27, 52]]]}",
    "texts for numbers": ring(["26", "51"], ["27", "51"], ["27", "52"], ["26", "51"]),
    "truths for numbers": ring([True, 51], [27, 51], [27, 52], [26, 51]),
    "nested without end": "[" * 50_000,
    "wrapped without end": '{"type":"FeatureCollection","features":[' * 200 + "]}" * 200,
    "empty collection": '{"type": "FeatureCollection", "features": []}',
    "a feature without geometry": '{"type": "Feature", "geometry": null}',
    "too many points": ring(*([26 + i * 1e-5, 51 + (i % 2) * 1e-5] for i in range(21_000))),
    "a hole across the edge": json.dumps(
        {"type": "Polygon", "coordinates": [BOX, [[26.5, 51.5], [28, 51.5], [28, 51.6], [26.5, 51.5]]]}
    ),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_polygon_is_refused_with_a_sentence(
    admin: Client, source: ImagerySource, text: str
) -> None:
    response = admin.post(reverse("region-new"), form(source, polygon=text))
    assert response.status_code == 400
    assert response.context["form"].errors["polygon"][0].endswith(".")
    assert not Region.objects.exists()


def test_a_geojson_file_that_is_no_text_is_refused(admin: Client, source: ImagerySource) -> None:
    file = SimpleUploadedFile("rivne.geojson", b"\xff\xfe\x00\x01")
    response = admin.post(reverse("region-new"), form(source, polygon_file=file))
    assert response.status_code == 400 and response.context["form"].errors["polygon_file"]


def test_several_polygons_become_one_area() -> None:
    far = [[28, 51], [29, 51], [29, 52], [28, 52], [28, 51]]
    found = validate_polygon(
        [{"type": "Feature", "geometry": POLYGON}, {"type": "Polygon", "coordinates": [far]}]
    )
    assert found["type"] == "MultiPolygon" and len(found["coordinates"]) == 2
    overlapping = [[26.5, 51], [27.5, 51], [27.5, 52], [26.5, 52], [26.5, 51]]
    joined = validate_polygon([POLYGON, {"type": "Polygon", "coordinates": [overlapping]}])
    assert joined["type"] == "Polygon"


def test_rings_are_closed_and_run_as_geojson_wants() -> None:
    clockwise = [[26, 51, 100], [26, 52, 100], [27, 52, 100], [27, 51, 100]]
    [outer] = validate_polygon({"type": "Polygon", "coordinates": [clockwise]})["coordinates"]
    assert outer[0] == outer[-1] and all(len(point) == 2 for point in outer)
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(outer, outer[1:], strict=False)) / 2
    assert area == pytest.approx(1), "counter-clockwise"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["Polygon", "Feature", "x"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "coordinates", "geometry", "features", "geometries"]), inner, max_size=3
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_no_json_crashes_the_check(found: Any) -> None:
    for check in (
        lambda: validate_polygon(found),
        lambda: validate_polygon({"type": "Polygon", "coordinates": found}),
        lambda: parse_polygon(json.dumps(found)),
    ):
        try:
            check()
        except UserError as error:
            assert error.status == 400


# Sources -----------------------------------------------------------------------------------------


def test_a_source_is_made_and_changed(admin: Client, db: None) -> None:
    values = {"name": "Drone", "attribution": "© Carol", "licence": "CC BY 4.0", "may_store": "on"}
    assert admin.post(reverse("source-new"), values).status_code == 302
    source = ImagerySource.objects.get(name="Drone")
    assert (source.may_store, source.may_derive, source.may_publish) == (True, False, False)
    changed = values | {"may_derive": "on", "may_publish": "on"}
    admin.post(reverse("source-edit", args=[source.pk]), changed)
    source.refresh_from_db()
    assert source.may_derive and source.may_publish
    assert AuditEntry.objects.get(verb="source.changed").details == {"may_derive": True, "may_publish": True}


def test_a_source_without_attribution_is_refused(admin: Client, db: None) -> None:
    response = admin.post(reverse("source-new"), {"name": "Drone", "attribution": " "})
    assert response.status_code == 400 and not ImagerySource.objects.exists()


# Uploads -----------------------------------------------------------------------------------------


def send(admin: Client, region: Region, batch: str, name: str, data: bytes) -> Any:
    url = reverse("region-upload-file", args=[region.slug])
    accept = {"Accept": "application/json"}
    return admin.post(url, {"batch": batch, "file": SimpleUploadedFile(name, data)}, headers=accept)


def test_uploaded_files_are_imported_by_a_worker(admin: Client, region: Region, home: Any) -> None:
    batch = new_batch()
    assert send(admin, region, batch, "51.5_26.5_05_Oct_2015_GMT.jpg", make.jpeg(100, 100)).status_code == 201
    assert send(admin, region, batch, "broken.jpg", b"").status_code in (201, 400)
    send(admin, region, batch, "text.jpg", b"I am a text")
    upload = reverse("region-upload", args=[region.slug])
    assert admin.post(upload, {"batch": batch}).status_code == 302
    assert not Tile.objects.exists(), "the web process imports nothing itself"
    job = Job.objects.get(kind=IMPORT_JOB)
    assert jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    assert job.result["imported"] == 1
    assert "text.jpg" in {entry["file"] for entry in job.result["rejected"]}
    assert not any((home / "staging").iterdir()), "what was uploaded is removed"
    page = admin.get(upload).content.decode()
    assert "text.jpg" in page and "text, not an image" in page


def test_without_scripts_the_files_come_with_the_form(admin: Client, region: Region) -> None:
    files = [SimpleUploadedFile(f"{seed}.png", make.png(100, 100, seed)) for seed in range(2)]
    admin.post(reverse("region-upload", args=[region.slug]), {"batch": new_batch(), "files": files})
    assert jobs.execute(Job.objects.get(kind=IMPORT_JOB).pk)
    assert Tile.objects.count() == 2


@pytest.mark.parametrize("name", [".hidden.png", "program.exe", "a" * 250 + ".png"])
def test_a_file_of_an_odd_name_is_refused(admin: Client, region: Region, name: str, home: Any) -> None:
    response = send(admin, region, new_batch(), name, make.png())
    assert response.status_code == 400 and response.json()["error"]["message"]
    assert not (home / "staging").exists()


def test_a_path_in_a_name_leads_nowhere(admin: Client, region: Region, home: Any) -> None:
    send(admin, region, new_batch(), "../../../../escaped.png", make.png())
    found = list(home.rglob("escaped.png"))
    assert all(home / "staging" in path.parents for path in found)


@pytest.mark.parametrize("batch", ["", "../../etc", "a" * 31, "A" * 32, "0" * 32 + "\n"])
def test_a_batch_of_an_odd_name_is_refused(admin: Client, region: Region, batch: str) -> None:
    assert send(admin, region, batch, "a.png", make.png()).status_code == 400


def test_two_different_files_of_one_name_do_not_overwrite_each_other(admin: Client, region: Region) -> None:
    batch = new_batch()
    assert send(admin, region, batch, "a.png", make.png(seed=1)).status_code == 201
    assert send(admin, region, batch, "a.png", make.png(seed=1)).status_code == 201
    assert send(admin, region, batch, "a.png", make.png(seed=2)).status_code == 400


def test_an_upload_of_nothing_is_refused(admin: Client, region: Region) -> None:
    response = admin.post(reverse("region-upload", args=[region.slug]), {"batch": new_batch()})
    assert response.status_code == 400 and not Job.objects.exists()


# Lists -------------------------------------------------------------------------------------------


def test_the_list_of_tiles_tells_place_date_and_what_is_missing(
    admin: Client, make_tile: Any, region: Region
) -> None:
    make_tile(1)
    make_tile(2, latitude=None, longitude=None, capture_date=None, place_problem="Its world file mirrors it.")
    page = admin.get(reverse("region-tiles", args=[region.slug])).content.decode()
    assert "51.5000, 26.5020" in page and "5 October 2015" in page
    assert "place not known" in page and "Its world file mirrors it." in page
    only = admin.get(reverse("region-tiles", args=[region.slug]) + "?show=placeless").content.decode()
    assert "tile-2.jpg" in only and "tile-1.jpg" not in only


def bare_tile(region: Region, number: int) -> Tile:
    return Tile(
        region=region,
        source=region.source,
        file_name=f"{number}.jpg",
        sha256=f"{number:064x}",
        image_key="images/none",
        width=100,
        height=100,
    )


def test_more_tiles_do_not_mean_more_queries(
    admin: Client, region: Region, django_assert_max_num_queries: Any
) -> None:
    Tile.objects.bulk_create(bare_tile(region, number) for number in range(60))
    for url in (reverse("region-tiles", args=[region.slug]), reverse("regions")):
        with django_assert_max_num_queries(12):
            assert admin.get(url).status_code == 200
    page = admin.get(reverse("region-tiles", args=[region.slug]) + "?page=3").context["page"]
    assert (page.number, len(page.object_list)) == (3, 12)


# Pictures ----------------------------------------------------------------------------------------


def test_a_picture_is_made_once_and_kept_by_the_browser(
    make_tile: Any, alice: Any, client_of: Callable[..., Client], home: Any
) -> None:
    url = reverse("tile-image", args=[make_tile(1).pk])
    alices = client_of(alice)
    response = alices.get(url, {"size": "256"})
    assert response.headers["Content-Type"] == "image/webp"
    assert "private" in response.headers["Cache-Control"] and "immutable" in response.headers["Cache-Control"]
    assert Image.open(io.BytesIO(response.content)).size == (200, 200), "never enlarged"
    kept = list((home / "storage" / "pictures").rglob("*.webp"))
    assert len(kept) == 1
    again = alices.get(url, {"size": "256"}, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    kept[0].write_bytes(b"kept")
    assert alices.get(url, {"size": "256"}).content == b"kept"


@pytest.mark.parametrize("size", ["", "0", "5000", "-1", "256.0", "x"])
def test_pictures_come_in_a_few_sizes_only(
    make_tile: Any, alice: Any, client_of: Callable[..., Client], size: str
) -> None:
    url = reverse("tile-image", args=[make_tile(1).pk])
    assert client_of(alice).get(url, {"size": size}).status_code == 400


def test_a_picture_that_is_hard_to_compress_stays_small(
    region: Region, alice: Any, client_of: Callable[..., Client]
) -> None:
    from detection.ground.ingest import ingest_tile
    from detection.imagery.placement import Placement

    random = np.random.default_rng(0)
    coarse = random.integers(0, 255, (250, 250, 3), dtype=np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    grain = np.clip(coarse * 0.6 + random.normal(60, 12, coarse.shape), 0, 255).astype(np.uint8)
    data = make.encode(Image.fromarray(grain), "JPEG", quality=90)
    tile, _ = ingest_tile(
        region=region, file_name="noise.jpg", data=data, placement=Placement(), acting_user=None
    )
    picture = client_of(alice).get(reverse("tile-image", args=[tile.pk])).content
    assert Image.open(io.BytesIO(picture)).size == (1000, 1000)
    assert len(picture) <= MOST_BYTES < len(data)


def test_a_tile_that_is_not_there_is_said_so(alice: Any, client_of: Callable[..., Client]) -> None:
    for name in ("tile-image", "tile-raster", "tile-outlines"):
        assert client_of(alice).get(reverse(name, args=[4711])).status_code == 404


# API ---------------------------------------------------------------------------------------------


def test_volunteers_read_regions_and_tiles(
    make_tile: Any, region: Region, alice: Any, client_of: Callable[..., Client]
) -> None:
    tile = make_tile(1)
    make_tile(2, latitude=None, longitude=None)
    alices = client_of(alice)
    [told] = alices.get(reverse("api-regions")).json()["results"]
    assert told["slug"] == region.slug and told["tiles"] == 2
    assert told["imagery_source"]["attribution"] == "made by the tests"
    every = alices.get(reverse("api-tiles"), {"region": region.pk}).json()
    assert every["count"] == 2
    placed = alices.get(reverse("api-tiles"), {"placed": "true"}).json()["results"]
    assert [entry["id"] for entry in placed] == [tile.pk]
    assert placed[0]["bounds"] == pytest.approx(list(tile.bounds))
    near = {"west": 26.4, "east": 26.6, "south": 51.4, "north": 51.6}
    assert alices.get(reverse("api-tiles"), near).json()["count"] == 1
    assert alices.get(reverse("api-tiles"), near | {"west": 26.55}).json()["count"] == 0
    assert alices.get(reverse("api-tile", args=[tile.pk])).json()["image"] == reverse(
        "tile-image", args=[tile.pk]
    )


def test_the_api_is_closed_to_strangers_and_to_writing(
    region: Region, alice: Any, client_of: Callable[..., Client]
) -> None:
    for name in ("api-regions", "api-tiles"):
        assert Client().get(reverse(name)).status_code in (401, 403)
        assert client_of(alice).post(reverse(name), {}).status_code == 405


def test_a_filter_that_makes_no_sense_is_a_mistake_of_the_client(
    region: Region, alice: Any, client_of: Callable[..., Client]
) -> None:
    for query in ({"region": "x"}, {"kind": "y"}, {"taken_after": "soon"}, {"west": "z"}):
        response = client_of(alice).get(reverse("api-tiles"), query)
        assert response.status_code == 400 and response.json()["error"]["fields"]


def test_a_region_of_more_tiles_asks_no_more_questions_when_it_is_edited(
    admin: Client, region: Region, make_tile: Callable[..., Any]
) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            page = admin.get(reverse("region-edit", args=[region.slug]))
        assert len(page.context["tile_boxes"]) == region.tiles.count()
        return len(asked)

    make_tile(1)
    few = questions()
    for seed in range(2, 6):
        make_tile(seed)
    assert questions() == few
