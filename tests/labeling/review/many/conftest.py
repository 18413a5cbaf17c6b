"""Four detections to be decided about at once."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def tiles(make_tile: Callable[..., Any]) -> list[Any]:
    return [make_tile(number) for number in range(1, 5)]
