"""Bob begins a campaign from a place that nobody has reported and no run has found."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amberapp.models import User
from detection.ground.find_tiles import read_point
from detection.models import Region, Tile
from labeling.models import Campaign
from tests.findings import make_classifier

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PLACES = "/review/campaigns/places/"
BEGIN = "/review/campaigns/begin/"


@pytest.fixture
def tiles(make_tile: Callable[..., Any], region: Any) -> list[Tile]:
    make_classifier(region)
    return [make_tile(number) for number in (1, 2, 3)]


def shown(answer: Any) -> list[int]:
    return [one.tile_id for one in answer.context["page"]]


def test_bob_finds_a_tile_by_coordinates_and_its_superpixel_is_chosen(
    bob: User, tiles: list[Tile], client_of: Callable
) -> None:
    client = client_of(bob)
    assert f'href="{PLACES}"' in client.get("/review/campaigns/").content.decode()
    assert shown(client.get(PLACES)) == [tile.pk for tile in tiles]
    second = tiles[1]
    found = client.get(PLACES, {"q": f"{second.latitude}, {second.longitude}"})
    assert shown(found) == [second.pk]
    segmented = second.segmented.get()
    link = f"{BEGIN}?tile={segmented.pk}&amp;point={second.latitude:.6f},{second.longitude:.6f}"
    assert f'href="{link}"' in found.content.decode()
    choose = client.get(link.replace("&amp;", "&"))
    number = choose.context["chosen"]
    assert f"Superpixel {number} is chosen." in choose.content.decode()
    begun = client.post(BEGIN, {"tile": segmented.pk, "superpixel": number})
    campaign = Campaign.objects.get()
    assert begun.url == f"/review/campaigns/{campaign.pk}/look-alikes/"
    assert (campaign.segmented_tile, campaign.superpixels) == (segmented, [number])


def test_bob_finds_a_tile_by_its_name_its_place_or_the_address_of_its_place(
    bob: User, tiles: list[Tile], client_of: Callable
) -> None:
    client = client_of(bob)
    third = tiles[2]
    for text in (
        "tile-3",
        "TILE-3.jpg",
        third.place_id,
        third.place_id.upper(),
        third.sha256,
        f"https://amber.example/map/testshire/4/place/{third.place_id}/",
    ):
        assert shown(client.get(PLACES, {"q": text})) == [third.pk], text
    assert "Nothing of that name" in client.get(PLACES, {"q": "%"}).content.decode()
    assert "No image shows this place" in client.get(PLACES, {"q": "10 20"}).content.decode()


def test_crops_and_other_regions_are_looked_in_when_asked_for(
    bob: User, tiles: list[Tile], make_tile: Callable[..., Any], source: Any, client_of: Callable
) -> None:
    client = client_of(bob)
    crop = make_tile(7, kind="crop", west=None, east=None, south=None, north=None)
    other = Region.objects.create(name="Aboutshire", slug="aboutshire", source=source)
    assert shown(client.get(PLACES, {"kind": "crop"})) == [crop.pk]
    assert client.get(PLACES, {"region": "aboutshire"}).status_code == 404, "it cannot be searched"
    make_classifier(other)
    assert shown(client.get(PLACES, {"region": "testshire"})) == [tile.pk for tile in tiles]
    empty = client.get(PLACES, {"region": "aboutshire"}).content.decode()
    assert "No images here" in empty
    assert "<option" in empty


def test_what_is_no_question_gets_an_answer_all_the_same(
    bob: User, tiles: list[Tile], client_of: Callable
) -> None:
    client = client_of(bob)
    for asked in (
        {"q": "\0"},
        {"q": "x" * 5000},
        {"q": "999 999"},
        {"q": "1e400, 2"},
        {"q": "٥١ ٢٦"},
        {"page": "odd"},
        {"kind": "odd"},
    ):
        assert client.get(PLACES, asked).status_code == 200, asked
    assert client.get(PLACES, {"region": "nowhere\0"}).status_code == 404
    tile = tiles[0].segmented.get().pk
    for point in ("", "nowhere", "10,20", "\0"):
        page = client.get(BEGIN, {"tile": tile, "point": point})
        assert page.context["chosen"] is None, point


def test_a_site_without_a_classifier_says_what_is_missing(
    bob: User, region: Any, client_of: Callable
) -> None:
    assert "No region can be searched yet" in client_of(bob).get(PLACES).content.decode()


def test_the_door_is_for_experts_and_admins_and_nobody_can_change_anything_there(
    alice: User, bob: User, carol: User, tiles: list[Tile], client_of: Callable
) -> None:
    assert client_of(alice).get(PLACES).status_code == 403
    assert client_of(alice).get(BEGIN, {"tile": tiles[0].segmented.get().pk}).status_code == 403
    assert client_of(carol).get(PLACES).status_code == 200
    assert client_of(bob).post(PLACES).status_code == 405
    assert "/manage/" not in client_of(bob).get(PLACES).content.decode()


def test_more_tiles_cost_no_more_questions(
    bob: User, tiles: list[Tile], make_tile: Callable[..., Any], client_of: Callable
) -> None:
    client = client_of(bob)
    counted = []
    for seed in (4, 5, 6):
        with CaptureQueriesContext(connection) as queries:
            client.get(PLACES)
        counted.append(len(queries))
        make_tile(seed)
    assert len(set(counted)) == 1
    assert counted[0] <= 7


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("51.3, 26.9", (51.3, 26.9)),
        ("51,3 26,9", (51.3, 26.9)),
        ("51,3; 26,9", (51.3, 26.9)),
        ("51.3,26.9", (51.3, 26.9)),
        ("26.9°E 51.3°N", (51.3, 26.9)),
        ("12.5S 60W", (-12.5, -60.0)),
        ("-12.5 -60", (-12.5, -60.0)),
        ("51", None),
        ("51 26 3", None),
        ("91 26", None),
        ("51.3, east", None),
        ("tile 12", None),
        ("", None),
    ],
)
def test_coordinates_are_read_as_on_the_public_map(text: str, point: tuple[float, float] | None) -> None:
    assert read_point(text) == point
