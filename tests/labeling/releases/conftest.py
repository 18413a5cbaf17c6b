"""Maps of Testshire that experts have approved, and what was published of them."""

from typing import Any

import pytest

from labeling.releases.publish import publish_release
from tests.labeling.releases.comparing import Tiles, on_tile
from tests.published import approve_all, found_on, judge, publish_without_the_first


@pytest.fixture
def run(found: Any) -> Any:
    return found


@pytest.fixture
def approved(found: Any, bob: Any) -> Any:
    """The run, all three places of it approved."""
    approve_all(found, bob)
    return found


@pytest.fixture
def two(release: Any, found: Any, bob: Any, carol: Any) -> tuple[Any, Any]:
    """Release 1 with three places, release 2 with two."""
    return release, publish_without_the_first(found, bob, carol)


@pytest.fixture
def ground(make_tile: Tiles) -> list[Any]:
    return [make_tile(seed) for seed in range(4)]


@pytest.fixture
def first(region: Any, ground: list[Any], bob: Any) -> Any:
    run = found_on(region, ground[:3])
    approve_all(run, bob)
    return publish_release(run=run, acting_user=None)


@pytest.fixture
def second(first: Any, ground: list[Any], bob: Any) -> Any:
    judge(on_tile(first.run, ground[0]), bob, "rejected", look_alike="snow")
    return publish_release(run=first.run, acting_user=None)
