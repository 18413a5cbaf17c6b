"""What citizens have reported."""

from collections.abc import Callable
from typing import Any

import pytest

from labeling.models import Report


@pytest.fixture
def file(region: Any) -> Callable[..., Report]:
    """A report as it lies in the database, of the ground of the first tile."""

    def make(**fields: Any) -> Report:
        values = {"latitude": 51.5, "longitude": 26.502, "category": "not_mining"} | fields
        return Report.objects.create(region=region, **values)

    return make


@pytest.fixture
def report(run: Any, file: Callable[..., Report]) -> Report:
    return file(detection=run.detections.first(), comment="A clear-cut <script>alert(1)</script>")
