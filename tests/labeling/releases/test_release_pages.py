"""Anyone reads a release: its pages, its files in parts, two of them compared, the API."""

import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from amberapp import storage
from amberapp.errors import NotThere
from labeling.models import Report
from labeling.releases.comparison import compare_releases
from labeling.releases.files.writers import DOWNLOADS
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from tests.published import approve_all, found_on, judge

pytestmark = pytest.mark.django_db

Tiles = Callable[..., Any]


# Pages ----------------------------------------------------------------------------------------


def test_before_the_first_release_the_map_says_so(db: None) -> None:
    answer = Client().get("/")
    assert answer.status_code == 200
    assert "There is no map yet" in answer.content.decode()
    assert Client().get("/releases/").status_code == 200
    assert Client().get("/report/").status_code == 200


def test_every_public_page_opens_without_an_account(release: Any, django_assert_max_num_queries: Any) -> None:
    place = places_of(release)[0].place
    for path in [
        "/",
        "/map/testshire/1/",
        "/map/testshire/1/list/",
        "/map/testshire/1/list/?year=2015&page=99999",
        f"/map/testshire/1/place/{place}/",
        "/releases/",
        "/report/",
        f"/report/?region=testshire&number=1&place={place}",
        "/api/releases/",
        f"/api/releases/{release.pk}/",
    ]:
        with django_assert_max_num_queries(8):
            assert Client().get(path).status_code == 200, path
    assert Client().get("/map/testshire/").headers["Location"] == "/map/testshire/1/"


def test_the_number_of_queries_does_not_grow_with_the_places(
    region: Any, make_tile: Tiles, bob: Any, carol: Any, django_assert_max_num_queries: Any
) -> None:
    run = found_on(region, [make_tile(seed) for seed in range(12)])
    approve_all(run, bob)
    with django_assert_max_num_queries(40):
        publish_release(run=run, acting_user=carol)
    for path in ("/", "/map/testshire/1/list/", "/releases/"):
        with django_assert_max_num_queries(8):
            assert Client().get(path).status_code == 200


def test_a_link_to_the_map_has_a_picture(release: Any) -> None:
    text = Client().get("/").content.decode()
    assert '<meta property="og:image" content="http://testserver/releases/testshire/1/preview.png">' in text
    text = Client(headers={"accept-language": "uk"}).get("/").content.decode()
    assert (
        '<meta property="og:image" content="http://testserver/releases/testshire/1/preview-uk.png">' in text
    )
    for name in ("preview.png", "preview-uk.png"):
        assert Client().get(f"/releases/testshire/1/{name}")["Content-Type"] == "image/png"


def test_the_page_of_a_place_on_an_older_map_says_that_the_map_of_today_does_not_show_it(
    release: Any, region: Any, bob: Any, carol: Any
) -> None:
    gone, stays = places_of(release)[:2]
    address = f"/map/{region.slug}/1/place/{gone.place}/"
    assert "an older map" not in Client().get(address).content.decode()
    judge(release.run.detections.get(segmented_tile__tile__sha256__startswith=gone.place), bob, "rejected")
    publish_release(run=release.run, acting_user=carol)
    page = Client().get(address).content.decode()
    assert "This is release 1, an older map." in page
    assert f'href="/map/{region.slug}/2/"' in page
    assert "an older map" not in Client().get(f"/map/{region.slug}/1/place/{stays.place}/").content.decode()


def test_what_a_stranger_is_shown_may_be_kept_by_a_cdn_and_sets_no_cookie(
    release: Any, alice: Any, client_of: Callable[..., Any]
) -> None:
    place = places_of(release)[0].place
    at = "/map/testshire/1/"
    for path in ("/", at, f"{at}list/", f"{at}place/{place}/", "/releases/"):
        answer = Client().get(path)
        assert "public" in answer["Cache-Control"] and "s-maxage=60" in answer["Cache-Control"], path
        assert not answer.cookies, path
        assert {"Cookie", "Accept-Language"} <= set(answer["Vary"].split(", ")), path
        assert client_of(alice).get(path)["Cache-Control"] == "private, no-cache", path
    # The language is changed from such a page, without a token.
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/i18n/setlang/", {"language": "uk", "next": at}).status_code == 302
    assert 'lang="uk"' in strict.get(at).content.decode()
    # And a page of the language that was chosen is another one to a cache.
    assert "Місця видобутку" in strict.get(at).content.decode()


def test_a_place_page_tells_the_facts_in_words(release: Any) -> None:
    place = places_of(release)[0]
    text = Client().get(f"/map/testshire/1/place/{place.place}/").content.decode()
    assert f"{place.latitude:.5f}, {place.longitude:.5f}" in text
    assert "5 October 2015" in text
    assert "Test imagery" in text


def test_figures_follow_the_language_and_addresses_do_not(release: Any) -> None:
    client = Client(headers={"Accept-Language": "uk"})
    answer = client.get("/map/testshire/1/list/")
    assert 'lang="uk"' in answer.content.decode()
    place = places_of(release)[0]
    shown = f"{place.hectares:.2f}".replace(".", ",")
    assert shown in answer.content.decode()
    assert f"{place.latitude:.4f}, {place.longitude:.4f}" in answer.content.decode()


def test_a_file_is_served_with_its_type_checksum_and_for_ever(release: Any) -> None:
    types = {
        "places.geojson": "application/geo+json",
        "places.csv": "text/csv; charset=utf-8",
        "statistics.json": "application/json",
        "README.txt": "text/plain; charset=utf-8",
    }
    for name, media_type in types.items():
        answer = Client().get(f"/releases/testshire/1/{name}")
        data = answer.getvalue()
        assert answer.headers["Content-Type"] == media_type
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        digest = hashlib.sha256(data).hexdigest()
        assert digest == release.files.get(name=name).sha256
        again = Client().get(f"/releases/testshire/1/{name}", headers={"If-None-Match": f'"{digest}"'})
        assert again.status_code == 304


def test_a_file_is_packed_for_those_who_take_it(release: Any) -> None:
    plain = Client().get("/releases/testshire/1/places.geojson").getvalue()
    answer = Client().get("/releases/testshire/1/places.geojson", headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.getvalue()) == plain
    assert "Accept-Encoding" in answer.headers["Vary"]
    refused = Client().get("/releases/testshire/1/places.geojson", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-6", 0, 7), ("bytes=7-", 7, None), ("bytes=-5", -5, None), ("bytes=100-99999999", 100, None)],
)
def test_a_map_of_another_site_reads_a_part_of_the_vector_tiles(
    release: Any, asked: str, start: int, stop: int | None
) -> None:
    path = "/releases/testshire/1/places.pmtiles"
    whole = Client().get(path)
    data = whole.getvalue()
    assert whole["Accept-Ranges"] == "bytes"
    answer = Client().get(path, headers={"range": asked, "accept-encoding": "gzip"})
    part = answer.getvalue()
    assert (answer.status_code, part) == (206, data[start:stop])
    first = start % len(data)
    assert answer["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(data)}"
    assert answer["Content-Length"] == str(len(part))
    assert (answer["ETag"], answer["Access-Control-Allow-Origin"]) == (whole["ETag"], "*")


@pytest.mark.parametrize(
    ("asked", "status"),
    [("bytes=99999999-", 416), ("bytes=-0", 416)]
    + [
        (odd, 200)
        for odd in ("bytes=5-2", "bytes=-", "bytes=0-1,4-5", "lines=0-1", "bytes=x-y", "bytes=" + "9" * 99)
    ],
)
def test_a_part_that_is_none_is_no_fault_of_the_site(release: Any, asked: str, status: int) -> None:
    for name in ("places.pmtiles", "places.geojson"):
        answer = Client().get(f"/releases/testshire/1/{name}", headers={"range": asked})
        assert answer.status_code == status
    assert (status == 200) != answer.has_header("Content-Range")


def test_a_part_of_another_version_is_answered_with_the_whole(release: Any) -> None:
    path = "/releases/testshire/1/places.geojson"
    etag = Client().get(path)["ETag"]
    for said, status in ((etag, 206), ('"another"', 200)):
        headers = {"range": "bytes=0-9", "if-range": said}
        assert Client().get(path, headers=headers).status_code == status


def test_pictures_are_shown_only_while_the_source_allows_it(release: Any, source: Any) -> None:
    place = places_of(release)[0].place
    address = f"/map/testshire/1/place/{place}/image.webp"
    answer = Client().get(address)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp")
    assert answer.content[8:12] == b"WEBP"
    source.may_publish = False
    source.save()
    assert Client().get(address).status_code == 404
    page = Client().get(f"/map/testshire/1/place/{place}/").content.decode()
    assert "do not allow showing" in page
    assert "image.webp?" not in page.split('id="map-data"')[1].split("</script>")[1]


def test_the_map_does_not_offer_pictures_of_a_closed_source(
    region: Any, source: Any, make_tile: Tiles, bob: Any, carol: Any
) -> None:
    source.may_publish = False
    source.save()
    run = found_on(region, [make_tile(0)])
    approve_all(run, bob)
    release = publish_release(run=run, acting_user=carol)
    (ground,) = [file for file in release.files.all() if file.name.startswith("ground-")]
    (feature,) = json.loads(storage.get(ground.storage_key))["features"]
    assert feature["properties"]["picture"] is False


@pytest.mark.parametrize(
    "path",
    [
        "/map/nowhere/1/",
        "/map/nowhere/",
        "/map/testshire/0/",
        "/map/testshire/99999999999999999999999/",
        "/map/testshire/1/place/no-such-place/",
        "/map/testshire/1/place/no-such-place/image.webp",
        "/releases/testshire/1/compare/2/",
        "/releases/testshire/1/compare/1/",
        "/releases/testshire/1/no-such-file",
        "/releases/testshire/1/..%2f..%2fsettings.py",
        "/releases/testshire/1/%00",
        "/releases/testshire/1/places.geojson%00",
        "/releases/testshire/99999999999999999999/places.csv",
        "/report/?region=%00&number=1",
        "/report/?region=testshire&number=99999999999999999",
        "/report/?region=testshire&number=1&place=%00%27--",
        "/report/nothing-of-the-kind/",
        "/api/releases/99999999999999999999999/",
    ],
)
def test_nonsense_in_the_address_is_answered_with_4xx(release: Any, path: str) -> None:
    assert 400 <= Client(raise_request_exception=False).get(path).status_code < 500


@pytest.mark.parametrize(
    "query", ["year=abc", "year=0000", "year=20155", "page=-1", "page=%00", "page=9e99", "year=²⁰¹⁵"]
)
def test_nonsense_in_the_lists_query_is_harmless(release: Any, query: str) -> None:
    assert Client(raise_request_exception=False).get(f"/map/testshire/1/list/?{query}").status_code == 200


def test_odd_sizes_of_pictures_are_refused(release: Any) -> None:
    place = places_of(release)[0].place
    for size in ("0", "-1", "999999", "abc", "%00"):
        answer = Client(raise_request_exception=False).get(
            f"/map/testshire/1/place/{place}/image.webp?size={size}"
        )
        assert answer.status_code == 400


def test_a_name_that_carries_a_script_is_shown_as_text(
    region: Any, source: Any, make_tile: Tiles, bob: Any, carol: Any
) -> None:
    source.name = "</script><script>alert(1)</script>"
    source.attribution = "<img src=x onerror=alert(1)>"
    source.save()
    region.name = "<b>Bold</b>"
    region.save()
    run = found_on(region, [make_tile(0)])
    approve_all(run, bob)
    release = publish_release(run=run, acting_user=carol)
    place = places_of(release)[0].place
    for path in ("/", "/map/testshire/1/list/", f"/map/testshire/1/place/{place}/", "/releases/"):
        text = Client().get(path).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<b>Bold" not in text


# Changes --------------------------------------------------------------------------------------


def test_two_releases_are_compared_place_by_place(
    release: Any, run: Any, region: Any, make_tile: Tiles, bob: Any, carol: Any
) -> None:
    kept, rejected, reported = (d.segmented_tile.tile for d in run.detections.order_by("id"))
    new = make_tile(9)
    second_run = found_on(region, [kept, rejected, reported, new])
    by_tile = {d.segmented_tile.tile_id: d for d in second_run.detections.all()}
    report = Report.objects.create(
        region=region, release=release, latitude=51.5, longitude=26.5, category="not_mining"
    )
    judge(by_tile[rejected.pk], bob, "rejected", look_alike="sand_pit")
    judge(by_tile[reported.pk], bob, "rejected", report=report)
    judge(by_tile[new.pk], bob)
    redrawn = by_tile[kept.pk]
    ring = redrawn.outline["coordinates"][0][0]
    redrawn.outline["coordinates"][0][0] = [ring[0], [ring[1][0] - 0.0002, ring[1][1]], *ring[2:]]
    redrawn.save()
    second = publish_release(run=second_run, acting_user=carol)
    comparison = compare_releases(release, second)
    assert [change.place for change in comparison.appeared] == [new.place_id]
    assert [change.place for change in comparison.changed] == [kept.place_id]
    reasons = {change.place: change.reason for change in comparison.vanished}
    assert reasons == {
        rejected.place_id: "an expert has rejected it (Sand pit)",
        reported.place_id: f"a citizen's report was accepted (no. {report.pk})",
    }
    answer = Client().get("/releases/testshire/1/compare/2/")
    assert answer.status_code == 200
    assert "a citizen&#x27;s report was accepted" in answer.content.decode()
    assert Client().get("/releases/testshire/2/compare/1/").headers["Location"].endswith("/1/compare/2/")


def test_a_place_that_a_later_run_has_not_searched_says_so(
    release: Any, run: Any, region: Any, bob: Any, carol: Any
) -> None:
    first, *rest = [detection.segmented_tile.tile for detection in run.detections.order_by("id")]
    second_run = found_on(region, rest)
    second = publish_release(run=second_run, acting_user=carol)
    (gone,) = compare_releases(release, second).vanished
    assert (gone.place, gone.reason) == (first.place_id, "the later map has not searched there")


# API ------------------------------------------------------------------------------------------


def test_the_api_lists_releases_and_tells_each_with_its_figures_and_files(release: Any) -> None:
    (row,) = Client().get("/api/releases/").json()["results"]
    assert row["region"] == "testshire"
    assert row.keys().isdisjoint({"files", "statistics"}), "a page of two hundred would be a megabyte"
    told = Client().get(f"/api/releases/{row['id']}/").json()
    assert told["statistics"]["places"] == release.statistics["places"]
    names = {file["name"]: file for file in told["files"]}
    assert set(names) == set(DOWNLOADS)
    assert Client().get(names["places.csv"]["url"]).status_code == 200
    assert Client().get("/api/releases/?region__slug=nowhere").json()["results"] == []


def test_only_admins_publish_through_the_api(
    run: Any, alice: Any, bob: Any, carol: Any, client_of: Callable[[Any], Client]
) -> None:
    approve_all(run, bob)
    for client in (Client(), client_of(alice), client_of(bob)):
        answer = client.post("/api/releases/", {"run": run.pk}, content_type="application/json")
        assert answer.status_code == 403
        assert "error" in answer.json()
    answer = client_of(carol).post("/api/releases/", {"run": run.pk}, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["number"] == 1
    again = client_of(carol).post("/api/releases/", {"run": run.pk}, content_type="application/json")
    assert again.status_code == 409


@pytest.mark.parametrize(
    "body", ["", "[]", "null", '{"run": "x"}', '{"run": 1e400}', '{"run": -1}', '{"run": [1]}']
)
def test_nonsense_sent_to_publish_is_answered_with_4xx(
    carol: Any, client_of: Callable[[Any], Client], body: str
) -> None:
    answer = client_of(carol).post("/api/releases/", body, content_type="application/json")
    assert 400 <= answer.status_code < 500
    assert "error" in answer.json()


def test_a_release_whose_index_is_gone_says_so(release: Any) -> None:
    release.files.filter(name="places.json").delete()
    with pytest.raises(NotThere, match="lost its list"):
        places_of(release)
