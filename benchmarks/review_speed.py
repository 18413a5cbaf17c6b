"""How many decisions a minute an expert makes in the gallery, and what the gallery of a large run costs the server.

    python -m benchmarks.review_speed [--detections 10000] [--seconds 60] [--only gallery server]

Serves a site of its own with gunicorn (a temporary home): synthetic tiles, a run with so many detections, half of them on
ground that an earlier run marked and an expert has judged. "gallery" drives Chromium with the pauses of a person: LOOK
seconds for every picture once it is there, KEY for every key; one cell after the other, and then ticks with one decision
for each row. What is counted are the reviews in the database. "server" times the pages as the test client does.
Write down the machine's load beside the figures; it is printed with them.
"""

import argparse
import contextlib
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.desk_speed import PERSON, prepare, served
from scripts.environment import CHROMIUM

# A practised eye on a thumbnail, and a finger on a key; both rather slow.
LOOK, KEY = 1.0, 0.25
ROW = 6  # cells in a row at 1280 pixels
REJECTED = 0.3
SEED = 20181122
PARTS = ("gallery", "server")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detections", type=int, default=10_000)
    parser.add_argument("--tiles", type=int, default=12, help="different pictures made")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each way of working")
    parser.add_argument("--port", type=int, default=8767)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        session, region = prepare(home, options.tiles)
        run = _make_runs(region, options.detections)
        print(f"{os.cpu_count()} cores, load {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
        print(f"{options.detections} detections, half of them with a verdict carried over")
        if "server" in options.only:
            _server(run)
        if "gallery" in options.only:
            address = stack.enter_context(served(home, options.port))
            _gallery(address, session, run, options.seconds)


# The site ------------------------------------------------------------------------------------------------------------


def _make_runs(slug: str, count: int) -> Any:
    """Two runs on `count` copies of the region's tiles; of the first half of the ground an expert has judged."""
    from amberapp.models import User
    from detection.description.segment import outline_of
    from detection.models import Region, SegmentedTile, Tile

    region = Region.objects.get(slug=slug)
    User.objects.filter(username=f"{PERSON}-{slug}").update(role="expert")
    models = list(SegmentedTile.objects.filter(tile__region=region).select_related("tile"))
    chance = random.Random(SEED)
    marks = []
    for segmented in models:
        first = chance.randrange(1, max(segmented.superpixels - 5, 2))
        superpixels = list(range(first, first + 5))
        marks.append((superpixels, _as_geojson(outline_of(segmented, superpixels))))
    tiles = Tile.objects.bulk_create(
        (
            Tile(
                region=region,
                source_id=region.source_id,
                file_name=f"copy-{number}.jpg",
                sha256=f"{number:064d}",
                image_key=models[number % len(models)].tile.image_key,
                width=1000,
                height=1000,
                west=20 + number * 1e-3,
                east=20.001 + number * 1e-3,
                south=50.0,
                north=50.001,
                latitude=50.0005,
                longitude=20.0005 + number * 1e-3,
            )
            for number in range(count)
        ),
        batch_size=500,
    )
    segmented_tiles = SegmentedTile.objects.bulk_create(
        (
            SegmentedTile(
                tile=tile,
                segmentation=models[0].segmentation,
                superpixels=models[number % len(models)].superpixels,
                raster_key=models[number % len(models)].raster_key,
                outlines_key=models[number % len(models)].outlines_key,
            )
            for number, tile in enumerate(tiles)
        ),
        batch_size=500,
    )
    judged = _run(region, segmented_tiles[: count // 2], marks)
    _judge(judged)
    return _run(region, segmented_tiles, marks)


def _run(region: Any, segmented_tiles: list[Any], marks: list[Any]) -> Any:
    from django.utils import timezone

    from detection.models import Classifier, Dataset, Detection, Run

    dataset, _ = Dataset.objects.get_or_create(
        region=region, content_hash="0" * 64, defaults={"file_key": "none", "rows": 0, "positives": 0}
    )
    classifier, _ = Classifier.objects.get_or_create(
        region=region,
        dataset=dataset,
        defaults={
            "algorithm": "xgboost",
            "extractor": "texture",
            "extractor_key": "none",
            "model_key": "none",
            "model_sha256": "0" * 64,
            "threshold": 0.5,
            "precision_target": 0.95,
            "metrics": {},
            "seconds": 0,
        },
    )
    run = Run.objects.create(
        region=region,
        classifier=classifier,
        segmentation=segmented_tiles[0].segmentation,
        positive_superpixels=2,
        threshold=0.5,
        state="done",
        tiles=len(segmented_tiles),
        finished_at=timezone.now(),
    )
    chance = random.Random(SEED)
    Detection.objects.bulk_create(
        (
            Detection(
                run=run,
                segmented_tile=segmented,
                superpixels=marks[number % len(marks)][0],
                score=0.5 + chance.random() / 2,
                pixel_outline=marks[number % len(marks)][1],
                hectares=chance.random() * 5,
            )
            for number, segmented in enumerate(segmented_tiles)
        ),
        batch_size=500,
    )
    return run


def _judge(run: Any) -> None:
    """Approvals, written as rows: what is measured comes after them."""
    from amberapp.models import User
    from labeling.models import Review

    colleague = User.objects.create_user(username="colleague", password=None, role="expert")
    Review.objects.bulk_create(
        (
            Review(
                detection_id=pk,
                segmented_tile_id=segmented,
                superpixels=superpixels,
                expert=colleague,
                verdict="approved",
            )
            for pk, segmented, superpixels in run.detections.values_list(
                "pk", "segmented_tile_id", "superpixels"
            )
        ),
        batch_size=500,
    )


def _as_geojson(geometry: Any) -> dict[str, Any]:
    import json

    from shapely.geometry import MultiPolygon, Polygon, mapping

    whole = MultiPolygon([geometry]) if isinstance(geometry, Polygon) else geometry
    found: dict[str, Any] = json.loads(json.dumps(mapping(whole)))
    return found


# The server ----------------------------------------------------------------------------------------------------------


def _server(run: Any) -> None:
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from amberapp.models import User
    from labeling.review.review_many import review_many, withdraw_many, written

    settings.ALLOWED_HOSTS = ["*"]
    expert = User.objects.get(username__startswith=PERSON)
    client = Client()
    client.force_login(expert)
    first = list(run.detections.order_by("-score").values_list("pk", flat=True)[:48])
    addresses = {
        f"gallery by {order}": f"/review/gallery/?run={run.pk}&order={order}" for order in ("score", "area")
    }
    addresses["gallery by disagreement"] = f"/review/gallery/?run={run.pk}&order=disagreement"
    addresses["48 cells"] = f"/review/gallery/cells/?ids={','.join(map(str, first))}"
    addresses["one by one"] = f"/review/?run={run.pk}"
    addresses["the next card"] = f"/review/{first[0]}/card/"
    for name, address in addresses.items():
        client.get(address)
        taken = []
        for _ in range(5):
            began = time.process_time()
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(address)
            taken.append(1000 * (time.process_time() - began))
        assert answer.status_code == 200, (name, answer.status_code)
        size = len(answer.content) / 1000
        print(
            f"{name}: median {statistics.median(taken):.0f} ms of CPU, {len(queries)} queries, {size:.0f} kB"
        )
    undecided = run.detections.filter(segmented_tile__reviews__isnull=True).order_by("-score")
    fresh = list(undecided.values_list("pk", flat=True)[:50])
    for verdict, look_alike in (("approved", ""), ("rejected", "field")):
        began = time.process_time()
        answers = review_many(
            seen={pk: _seen(pk) for pk in fresh}, verdict=verdict, look_alike=look_alike, acting_user=expert
        )
        taken_ms = 1000 * (time.process_time() - began)
        began = time.process_time()
        withdraw_many(reviews=written(answers), acting_user=expert)
        back_ms = 1000 * (time.process_time() - began)
        print(f"50 {verdict} at once: {taken_ms:.0f} ms of CPU; taken back: {back_ms:.0f} ms")


def _seen(detection_id: int) -> int | None:
    from labeling.models import Review

    latest = Review.objects.filter(segmented_tile__detections=detection_id).order_by("-id").first()
    return latest.pk if latest is not None else None


# The person ----------------------------------------------------------------------------------------------------------


def _gallery(address: str, session: str, run: Any, seconds: float) -> None:
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the browser's driver runs a loop in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM.find(),
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"],
        )
        context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
        context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
        page = context.new_page()
        began = time.perf_counter()
        page.goto(f"{address}/review/gallery/?run={run.pk}")
        page.locator(".shot__tick").first.focus()
        _look(page)
        print(f"gallery open and first picture there: {time.perf_counter() - began:.2f} s")
        _cell_by_cell(page, seconds)
        page.reload()
        page.locator(".shot__tick").first.focus()
        _row_by_row(page, seconds)
        browser.close()


def _cell_by_cell(page: Any, seconds: float) -> None:
    """Look, then A, or R and the reason."""
    chance = random.Random(SEED)
    before, began, pressed = _reviews(), time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        _look(page)
        time.sleep(LOOK)
        _decide(page, chance)
        pressed += 1
    _tell("one cell after the other", page, before, pressed, began)


def _row_by_row(page: Any, seconds: float) -> None:
    """Look at a row, tick what is not mining, reject it; tick the others, approve them."""
    chance = random.Random(SEED)
    before, began, pressed = _reviews(), time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        wrong = [chance.random() < REJECTED for _ in range(ROW)]
        for rejected in (True, False):
            steps = 0
            for place in range(ROW):
                if rejected:
                    _look(page)
                    time.sleep(LOOK)
                if wrong[place] == rejected:
                    _press(page, " ")
                if place < ROW - 1:
                    _press(page, "ArrowRight")
                    steps += 1
            if rejected and any(wrong):
                _press(page, "r")
                _press(page, "1")
                page.wait_for_function("!document.querySelector('[data-rejecting]')")
            elif not rejected and not all(wrong):
                _press(page, "a")
            if rejected:
                for _ in range(ROW if any(wrong) and wrong[-1] else ROW - 1):
                    _press(page, "ArrowLeft")
        pressed += ROW
        time.sleep(KEY)
    _tell("a row at a time", page, before, pressed, began)


def _decide(page: Any, chance: random.Random) -> None:
    if chance.random() < REJECTED:
        _press(page, "r")
        _press(page, str(chance.randrange(1, 9)))
    else:
        _press(page, "a")


def _press(page: Any, key: str) -> None:
    page.keyboard.press(key)
    time.sleep(KEY)


def _look(page: Any) -> None:
    """Wait until the picture under the cursor can be looked at."""
    page.evaluate(
        """async () => {
          const cell = document.activeElement?.closest(".shot") || document.querySelector(".shot");
          const picture = new Image();
          picture.src = cell.querySelector("image").getAttribute("href");
          await picture.decode();
        }"""
    )


def _reviews() -> int:
    from labeling.models import Review

    return Review.objects.count()


def _tell(name: str, page: Any, before: int, pressed: int, began: float) -> None:
    took = time.perf_counter() - began
    page.wait_for_function("!document.querySelector('[data-sending]')")
    kept = _reviews() - before
    waited = took - pressed * LOOK
    print(
        f"{name}: {kept} decisions kept in {took:.0f} s, {60 * kept / took:.0f} a minute "
        f"({LOOK:g} s of looking and {KEY:g} s a key; {waited / max(pressed, 1):.2f} s a decision beside looking)"
    )


if __name__ == "__main__":
    main()
