"""Maps of Testshire that experts have approved, and what was published of them."""

from typing import Any

import pytest

from tests.published import approve_all, publish_without_the_first


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
