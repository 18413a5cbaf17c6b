"""Published maps made by hand, for the tests of whatever reads them."""

from pathlib import Path
from typing import Any

from django.core.management import call_command

from tests.findings import make_classifier, make_run

# Where a copied map's forms go.
SITE = "https://map.example.org"


def found_on(region: Any, tiles: list[Any], *, pieces: Any = (1, 2, 3)) -> Any:
    """A finished run that scored and marked all `tiles`."""
    from detection.models import TileScore

    classifier = region.classifiers.first() or make_classifier(region)
    run = make_run(classifier, tiles, pieces=pieces)
    for tile in tiles:
        TileScore.objects.create(run=run, segmented_tile=tile.segmented.get(), scores=b"", positives=3)
    return run


def judge(detection: Any, expert: Any, verdict: str = "approved", **fields: Any) -> Any:
    from labeling.models import Review

    return Review.objects.create(
        detection=detection,
        segmented_tile=detection.segmented_tile,
        superpixels=detection.superpixels,
        expert=expert,
        verdict=verdict,
        **fields,
    )


def approve_all(run: Any, expert: Any) -> None:
    for detection in run.detections.all():
        judge(detection, expert)


def publish_all(run: Any, expert: Any, admin: Any) -> Any:
    """A release of everything that the run found."""
    from labeling.releases.publish import publish_release

    approve_all(run, expert)
    return publish_release(run=run, acting_user=admin)


def publish_without_the_first(run: Any, expert: Any, admin: Any) -> Any:
    """A release of what stands on the map when the first place is rejected."""
    from labeling.releases.publish import publish_release

    judge(run.detections.first(), expert, "rejected")
    return publish_release(run=run, acting_user=admin)


def copied_map(folder: Path) -> Path:
    """The whole public map as plain files."""
    call_command("export_map", str(folder), site=SITE)
    return folder
