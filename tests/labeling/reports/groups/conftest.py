"""A map of four places, and reports that were sent about it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labeling.models import Report
from labeling.reports.filing import file_report
from tests.kept import keep
from tests.published import found_on, publish_all


@pytest.fixture
def release(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any, home: Path) -> Any:
    """Four places: as many as the real reports among the junk object to."""

    def publish() -> None:
        publish_all(found_on(region, [make_tile(number) for number in range(4)]), bob, carol)

    keep("four places", home, publish)
    return region.releases.get()


@pytest.fixture
def file(release: Any) -> Callable[..., Report]:
    def do(
        latitude: float = 51.5, longitude: float = 26.7, category: str = "missed", **fields: Any
    ) -> Report:
        return file_report(
            release=release, latitude=latitude, longitude=longitude, category=category, **fields
        )

    return do
