"""What the desk's pages decide before they are drawn."""

from typing import Any

import pytest

from amberapp.models import User
from labeling.desk.labels import submit_labels
from labeling.desk.pages import desk_page, desk_rows
from labeling.models import TileProgress

pytestmark = pytest.mark.django_db


def page(person: User, **address: Any) -> Any:
    return desk_page(person, **{"region": "", "tile": "", "escalated": False} | address)


def test_alice_has_no_choice_of_one_region_and_an_address_that_means_nothing_is_forgotten(
    alice: User, segmented_tile: Any
) -> None:
    there = segmented_tile.tile.region.slug
    assert (page(alice).regions, page(alice, region=there).chosen) == ([], there)
    assert page(alice, region="nowhere").chosen == ""
    assert page(alice, tile="12x").script["tile"] is None
    assert page(alice, tile="12").script["tile"] == 12


def test_only_bob_the_expert_is_told_that_superpixels_wait_and_decides_them(
    alice: User, bob: User, segmented_tile: Any
) -> None:
    assert page(bob).waiting_url == ""
    TileProgress.objects.update(escalated=2)
    there = segmented_tile.tile.region.slug
    assert page(bob, region=there).waiting_url == f"/label/?region={there}&escalated=1"
    assert page(bob).waiting_url == "/label/?escalated=1"
    deciding = page(bob, escalated=True)
    assert (deciding.decides, deciding.script["escalated"], deciding.waiting_url) == (True, True, "")
    assert (page(alice, escalated=True).decides, page(alice).waiting_url) == (False, "")


def test_a_region_without_tiles_has_no_figures(carol: User, region: Any, make_tile: Any) -> None:
    assert [row.figures for row in desk_rows()] == [None]
    make_tile(1)
    figures = desk_rows()[0].figures
    assert figures is not None
    assert figures.waiting == 1


def test_alices_own_tiles_are_counted_on_the_page(alice: User, segmented_tile: Any) -> None:
    submit_labels(
        submission_id="00000000-0000-0000-0000-000000000001",  # type: ignore[arg-type]
        segmented_tile=segmented_tile,
        labels=[{"superpixel": 1, "verdict": "mining"}],
        acting_user=alice,
    )
    assert page(alice).script["session"] == {"tiles_today": 1, "tiles_total": 1}
