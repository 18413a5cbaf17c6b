"""The card by which an admin goes over to better features, as far as it is, on a desk and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from amberapp.models import Job
from detection.models import Run
from labeling.training.upgrade import UPGRADE_JOB
from tests.findings import make_classifier

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADDRESS = "/manage/regions/testshire/classifiers/"


def compared(difference: list[float]) -> dict[str, Any]:
    """What both ways of training showed with places held out in either way."""
    one = {
        "before": {"average_precision": [0.889, 0.74, 0.96], "f1": [0.789, 0.62, 0.88]},
        "after": {"average_precision": [0.935, 0.87, 0.98], "f1": [0.858, 0.75, 0.92]},
        "difference": {"average_precision": difference, "f1": [0.069, -0.01, 0.16]},
    }
    return {"by_block": one, "by_tile": one}


def stand(region: Any, **result: Any) -> Job:
    """An upgrade from an active classifier with ResNet50's features that has come so far."""
    before = make_classifier(region, extractor="resnet50", extractor_key="resnet50-2-plain")
    told = {"before": before.pk, "extractor": "texture", "extractor_key": "texture-7-plain", **result}
    return Job.objects.create(
        kind=UPGRADE_JOB,
        state="running" if "verdict" not in result else "done",
        parameters={"region": region.pk, "extractor": "texture", "go_on": False},
        result=told,
        progress_done=12,
        progress_total=64,
        message="Reading pixels · about 4 min left",
    )


def offered(region: Any) -> None:
    make_classifier(region, extractor="resnet50", extractor_key="resnet50-2-plain")


def trying(region: Any) -> None:
    stand(region, seconds_a_tile=0.3, labelled=True)


def asking(region: Any) -> None:
    stand(region, labelled=True, classifier=0, verdict="worse", figures=compared([-0.2, -0.3, -0.1]))


def reading(region: Any) -> None:
    after = make_classifier(region, activate=False)
    job = stand(
        region,
        labelled=True,
        seconds_a_tile=0.3,
        classifier=after.pk,
        verdict="passed",
        figures=compared([0.046, 0.01, 0.17]),
    )
    segmentation = region.tiles.first().segmented.get().segmentation
    run = Run.objects.create(
        region=region,
        classifier=after,
        segmentation=segmentation,
        positive_superpixels=2,
        threshold=0.6,
        state="running",
        tiles=1_240,
    )
    Job.objects.filter(pk=job.pk).update(result={**(job.result or {}), "run": run.pk})


def in_use(region: Any) -> None:
    reading(region)
    run = Run.objects.get()
    Run.objects.update(state="done")
    type(region).objects.update(active_classifier=run.classifier)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("state", [offered, trying, asking, reading, in_use])
def test_the_card_can_be_used_by_everybody_however_far_the_upgrade_is(
    page: Page,
    live_server: Any,
    carol: Any,
    region: Any,
    tiles: list[Any],
    log_in: Callable[[Any], None],
    serious_violations: Callable[[], list[str]],
    console_errors: list[str],
    width: int,
    state: Callable[[Any], None],
) -> None:
    state(region)
    page.set_viewport_size({"width": width, "height": 800})
    log_in(carol)
    page.goto(live_server.url + ADDRESS, wait_until="networkidle")
    expect(page.get_by_role("heading", name="New features")).to_be_visible()
    assert serious_violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert console_errors == []


def test_the_page_that_watches_goes_on_to_the_next_step_by_itself(
    page: Page, live_server: Any, carol: Any, region: Any, log_in: Callable[[Any], None]
) -> None:
    offered(region)
    log_in(carol)
    page.goto(live_server.url + ADDRESS)
    page.get_by_role("button", name="Upgrade to the new features").click()
    current = page.locator("[aria-current=step]")
    expect(current).to_contain_text("Read the labelled superpixels again")
    job = Job.objects.get(kind=UPGRADE_JOB)
    Job.objects.update(state="running", progress_done=3, progress_total=9, message="Reading pixels")
    expect(current).to_contain_text("3 of 9")
    told = {"before": region.classifiers.get().pk, "extractor_key": "texture-7-plain", "labelled": True}
    Job.objects.filter(pk=job.pk).update(result=told)
    expect(current).to_contain_text("Train on the same labels")
    page.get_by_role("button", name="Stop the upgrade").click()
    expect(page.get_by_text("The upgrade is being stopped.")).to_be_visible()
    job.refresh_from_db()
    assert job.cancel_requested
