"""What the tests of comparisons say, ask and expect."""

from collections.abc import Callable
from typing import Any

from labeling.models import Report
from labeling.releases.comparison import compare_releases

Tiles = Callable[..., Any]


def on_tile(run: Any, tile: Any) -> Any:
    return run.detections.get(segmented_tile__tile=tile)


def reasons_of(earlier: Any, later: Any) -> dict[str, tuple[str, str]]:
    return {change.place: (change.kind, change.reason) for change in compare_releases(earlier, later).changes}


def report_on(detection: Any, release: Any) -> Any:
    return Report.objects.create(
        region=release.region,
        release=release,
        detection=detection,
        latitude=51.5,
        longitude=26.5,
        category="not_mining",
    )
