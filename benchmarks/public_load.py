"""Many readers and reporters at once: 2,000 map views and 200 reports a minute against the production server.

    python -m benchmarks.public_load [--seconds 60] [--views 2000] [--reports 200] [--cold 0.1] [--places 10000]
                                     [--database sqlite|postgresql] [--home DIR]

Makes a site of its own (temporary home, or DIR, kept and used again) with a published release of 10,000 detections and
starts gunicorn and whitenoise as docs/running.md says, behind HTTPS as a proxy would tell it (its access log goes to a
file). Arrivals are open-loop: Poisson, whatever the server does, and an answer's time counts from when its request
should have been sent, so a server that falls behind cannot hide it.

- A map view is a new connection (as from a browser that has the site's scripts, styles and fonts in its cache) that
  fetches the page and then the release's files that the page asks for first. Which these are is asked of Chromium once,
  with --learn; the list is FIRST_FILES. A share of views (--cold) comes with an empty cache and fetches every script,
  style and font as well.
- A report is a POST from a sender of its own, one in ten with a photo of 1600×1200 pixels as the page makes it, followed
  by a look at its private page.

The client runs on the same cores. Settings of the site are those of production but for the limit on reports, which does not
bite because senders differ. Write down the machine's load; it is printed.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import hashlib
import io
import json
import math
import os
import random
import re
import socket
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import crowd_site
from benchmarks.public_visitor import Visitor
from scripts.environment import CHROMIUM

SEED = 20181122
# What the first view of the map fetches of the release, as Chromium asks for it (--learn).
FIRST_FILES = ("squares-12.json",)
SLOW_MS = 100.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--views", type=int, default=2000, help="map views a minute")
    parser.add_argument("--reports", type=int, default=200, help="reports a minute")
    parser.add_argument("--cold", type=float, default=0.1, help="share of views with an empty cache")
    parser.add_argument("--places", type=int, default=10_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--home", type=Path, help="keep the site here and use it again (sqlite)")
    parser.add_argument(
        "--learn", action="store_true", help="ask Chromium what a first view fetches, and end"
    )
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = (options.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))).resolve()
        home.mkdir(parents=True, exist_ok=True)
        address = stack.enter_context(crowd_site.database(options.database))
        crowd_site.prepare(home, address)
        release = prepare(options.places)
        server = stack.enter_context(served(home, address))
        if options.learn:
            print("\n".join(learn(server.port)))
            return
        load = asyncio.run(Load(server.port, release, options).run())
        report(load, server, options)
    if load.failed:
        sys.exit(1)


# The site ------------------------------------------------------------------------------------------------------------


class ProxiedServer(crowd_site.Server):
    """gunicorn as documented, behind HTTPS: what the proxy in front would say is said by the client."""

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 10) as line:
            line.sendall(
                b"GET /health/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
            )
            return line.recv(64).startswith(b"HTTP/1.1 200")
        return False


@contextlib.contextmanager
def served(home: Path, address: str) -> Iterator[ProxiedServer]:
    plain = crowd_site.environment

    def behind_a_proxy(home: Path, address: str, secret: str = crowd_site.SECRET) -> dict[str, str]:
        return {**plain(home, address, secret), "AMBER_HTTPS": "1"}

    crowd_site.environment = behind_a_proxy
    server = ProxiedServer(home, address, crowd_site.free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()
        crowd_site.environment = plain


def prepare(places: int) -> int:
    """Static files, and a release with so many places; its number among releases."""
    from django.core.management import call_command

    from labeling.models import Release
    from labeling.releases.publish import publish_release

    call_command("collectstatic", verbosity=0, interactive=False)
    found = Release.objects.first()
    if found is None:
        started = time.monotonic()
        run = make_run(places)
        made = time.monotonic()
        found = publish_release(run=run, acting_user=None)
        print(
            f"{places} detections made in {made - started:.0f} s, published in {time.monotonic() - made:.0f} s"
        )
    return int(found.pk)


def make_run(places: int) -> Any:
    """A finished run whose every tile is a detection that an expert approved; outlines of about forty corners."""
    from django.utils import timezone

    from amberapp.models import User
    from detection.models import (
        Classifier,
        Dataset,
        Detection,
        ImagerySource,
        Region,
        Run,
        Segmentation,
        SegmentedTile,
        Shard,
        Tile,
        TileScore,
    )
    from labeling.models import Review

    chance = random.Random(SEED)
    source = ImagerySource.objects.create(
        name="Nothing seen", attribution="made for a measurement", synthetic=True
    )
    box = [[25.5, 50.8], [28.5, 50.8], [28.5, 51.9], [25.5, 51.9], [25.5, 50.8]]
    region = Region.objects.create(
        name="Loadshire", slug="loadshire", source=source, polygon={"type": "Polygon", "coordinates": [box]}
    )
    segmentation = Segmentation.objects.create(
        key="measured", n_segments=300, compactness=10, sigma=1, downscale=1
    )
    dataset = Dataset.objects.create(
        region=region, content_hash="0" * 64, file_key="none", rows=1, positives=1
    )
    classifier = Classifier.objects.create(
        region=region,
        dataset=dataset,
        algorithm="svm",
        extractor="texture",
        extractor_key="measured",
        model_key="none",
        model_sha256="0" * 64,
        threshold=0.5,
        precision_target=0.95,
        metrics={},
        seconds=1,
    )
    side = math.ceil(math.sqrt(places))
    tiles = []
    for number in range(places):
        # Mining lies together: places crowd around a few hundred middles.
        middle = random.Random(number % 300)
        latitude = min(max(middle.uniform(50.85, 51.85) + chance.gauss(0, 0.03), 50.8), 51.9)
        longitude = min(max(middle.uniform(25.6, 28.4) + chance.gauss(0, 0.05), 25.5), 28.5)
        tiles.append(
            Tile(
                region=region,
                source=source,
                file_name=f"{number}.jpg",
                sha256=hashlib.sha256(f"load {number}".encode()).hexdigest(),
                image_key="none",
                width=1000,
                height=1000,
                west=longitude - 0.0027,
                east=longitude + 0.0027,
                south=latitude - 0.0017,
                north=latitude + 0.0017,
                latitude=latitude,
                longitude=longitude,
                ground_sample_distance=0.37,
                capture_date=dt.date(2014 + number % 5, 6, 1 + number % 28),
            )
        )
    tiles = Tile.objects.bulk_create(tiles, batch_size=2000)
    cut = SegmentedTile.objects.bulk_create(
        [SegmentedTile(tile=tile, segmentation=segmentation, superpixels=300) for tile in tiles],
        batch_size=2000,
    )
    now = timezone.now()
    run = Run.objects.create(
        region=region,
        classifier=classifier,
        segmentation=segmentation,
        positive_superpixels=2,
        threshold=0.5,
        state="done",
        tiles=places,
        finished_at=now,
    )
    Shard.objects.create(
        run=run,
        number=0,
        first_tile=tiles[0].pk,
        last_tile=tiles[-1].pk,
        tiles=places,
        tiles_done=places,
        state="done",
        started_at=now,
        finished_at=now,
    )
    TileScore.objects.bulk_create(
        [TileScore(run=run, segmented_tile=one, scores=b"", positives=3) for one in cut], batch_size=2000
    )
    detections = Detection.objects.bulk_create(
        [
            Detection(
                run=run,
                segmented_tile=one,
                superpixels=[1, 2, 3],
                score=round(chance.uniform(0.6, 0.99), 3),
                pixel_outline={
                    "type": "MultiPolygon",
                    "coordinates": [[[[20, 20], [900, 20], [20, 900], [20, 20]]]],
                },
                outline={"type": "MultiPolygon", "coordinates": [[_ring(one.tile, chance)]]},
                hectares=round(chance.uniform(0.5, 9), 2),
            )
            for one in cut
        ],
        batch_size=2000,
    )
    expert = User.objects.create_user(username=f"expert-{side}", password=None, role="expert")
    Review.objects.bulk_create(
        [
            Review(
                detection=found,
                segmented_tile=found.segmented_tile,
                superpixels=found.superpixels,
                expert=expert,
                verdict="approved",
            )
            for found in detections
        ],
        batch_size=2000,
    )
    return run


def _ring(tile: Any, chance: random.Random) -> list[list[float]]:
    points = []
    for number in range(40):
        angle, far = number / 40 * 2 * math.pi, chance.uniform(0.5, 0.95)
        points.append(
            [
                round(tile.longitude + 0.0026 * far * math.cos(angle), 6),
                round(tile.latitude + 0.0016 * far * math.sin(angle), 6),
            ]
        )
    return [*points, points[0]]


def learn(port: int) -> list[str]:
    """What Chromium fetches when somebody opens the map for the first time, in the order of asking."""
    from playwright.sync_api import sync_playwright

    told: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM.find(),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        context = browser.new_context(extra_http_headers={"X-Forwarded-Proto": "https"})
        page = context.new_page()
        page.on("response", lambda answer: told.append(f"{answer.status} {answer.url.split('/', 3)[3]}"))
        page.goto(f"http://127.0.0.1:{port}/", wait_until="networkidle")
        browser.close()
    return told


# The load ------------------------------------------------------------------------------------------------------------


class Load:
    """Arrivals, and what came of them. Times in milliseconds by kind of request."""

    def __init__(self, port: int, release: int, options: argparse.Namespace) -> None:
        self.port = port
        self.release = release
        self.options = options
        self.times: dict[str, list[float]] = defaultdict(list)
        self.statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self.bytes: Counter[str] = Counter()
        self.mistakes: Counter[str] = Counter()
        self.chance = random.Random(SEED)
        self.photo = _photo()
        self.statics: list[str] = []
        self.files = ""
        self.reported = 0
        self.seconds = 0.0
        self.begun = 0.0
        self.processor = 0.0

    @property
    def failed(self) -> bool:
        worst = any(status >= 500 for counted in self.statuses.values() for status in counted)
        return worst or bool(self.mistakes) or percentile(self.times["map page"], 0.95) > SLOW_MS

    async def run(self) -> "Load":
        await self._look_once()
        self.begun = time.perf_counter()
        tasks = []
        for rate, arrive in (
            (self.options.views / 60, self._view),
            (self.options.reports / 60, self._report),
        ):
            tasks.append(asyncio.create_task(self._arrivals(rate, arrive)))
        await asyncio.gather(*tasks)
        self.seconds = time.perf_counter() - self.begun
        return self

    async def _look_once(self) -> None:
        """Which static files the page names, and where its release's files lie."""
        async with Visitor(self.port) as visitor:
            _status, page = await visitor.ask("GET", "/", encoding="identity")
            text = page.decode()
            self.files = str(
                json.loads(re.search(r'id="map-data"[^>]*>(.*?)</script>', text, re.S)[1])["files"]
            )  # type: ignore[index]
            queue = list(dict.fromkeys(re.findall(r'(?:src|href)="(/static/[^"#]+)"', text)))
            seen: list[str] = []
            while queue:
                path = queue.pop(0)
                if path in seen:
                    continue
                seen.append(path)
                _status, data = await visitor.ask("GET", path, encoding="identity")
                if path.endswith(".js"):
                    # Collected scripts name each other by their hashed names.
                    found = re.findall(rb'(?:from|import)\s*"(\.[^"]+)"', data)
                    queue += [
                        os.path.normpath(os.path.join(os.path.dirname(path), one.decode())) for one in found
                    ]
            self.statics = seen

    async def _arrivals(self, rate: float, arrive: Any) -> None:
        """Poisson arrivals of that rate a second; nobody waits for the one before."""
        if not rate:
            return
        under_way: set[asyncio.Task[None]] = set()
        due = self.begun
        while (due := due + self.chance.expovariate(rate)) < self.begun + self.options.seconds:
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            task = asyncio.create_task(self._caught(arrive, due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait(under_way)

    async def _caught(self, arrive: Any, due: float) -> None:
        try:
            await arrive(due)
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            self.mistakes[f"{type(error).__name__} {error}"[:80]] += 1

    async def _timed(
        self, visitor: "Visitor", kind: str, due: float, *asked: Any, **named: Any
    ) -> tuple[int, bytes]:
        status, data = await visitor.ask(*asked, **named)
        self.times[kind].append((time.perf_counter() - due) * 1000)
        self.statuses[kind][status] += 1
        self.bytes[kind] += len(data)
        return status, data

    async def _view(self, due: float) -> None:
        cold = self.chance.random() < self.options.cold
        async with Visitor(self.port) as visitor:
            await self._timed(visitor, "map page", due, "GET", "/")
            if cold:
                for path in self.statics:
                    await self._timed(visitor, "script, style", time.perf_counter(), "GET", path)
            for name in FIRST_FILES:
                await self._timed(visitor, "release file", time.perf_counter(), "GET", self.files + name)
        self.times["whole view, cold" if cold else "whole view"].append((time.perf_counter() - due) * 1000)

    async def _report(self, due: float) -> None:
        self.reported += 1
        number = self.reported
        fields: dict[str, Any] = {
            "release": self.release,
            "latitude": round(self.chance.uniform(50.9, 51.8), 6),
            "longitude": round(self.chance.uniform(25.6, 28.4), 6),
            "category": "missed",
            "comment": f"Pumps at the stream, field {number}.",
        }
        if number % 10:
            kind, body, media = "report", json.dumps(fields).encode(), "application/json"
        else:
            kind, (body, media) = "report with photo", _form(fields, self.photo)
        async with Visitor(self.port, sender=number) as visitor:
            status, data = await self._timed(
                visitor, kind, due, "POST", "/api/reports/", body=body, media=media
            )
            if status == 201:
                link = json.loads(data)["status_url"].split("/", 3)[3]
                await self._timed(visitor, "private page", time.perf_counter(), "GET", f"/{link}")


def _photo() -> bytes:
    """A photo as the page sends it: 1600×1200, quality 85, some hundred kilobytes."""
    from PIL import Image

    chance = random.Random(SEED)
    small = Image.frombytes("RGB", (200, 150), chance.randbytes(200 * 150 * 3))
    buffer = io.BytesIO()
    small.resize((1600, 1200), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _form(fields: dict[str, Any], photo: bytes) -> tuple[bytes, str]:
    parts = [
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = b'--cut\r\nContent-Disposition: form-data; name="photo"; filename="photo"\r\nContent-Type: image/jpeg\r\n\r\n'
    return b"".join([*parts, head, photo, b"\r\n--cut--\r\n"]), "multipart/form-data; boundary=cut"


# What came of it -----------------------------------------------------------------------------------------------------


def percentile(values: list[float], share: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)] if values else math.nan


def report(load: Load, server: crowd_site.Server, options: argparse.Namespace) -> None:
    print(
        f"{os.cpu_count()} cores shared with the client, load {', '.join(f'{one:.1f}' for one in os.getloadavg())}; "
        f"{options.database}, {options.places} detections, {options.seconds} s, "
        f"{options.views} views ({options.cold:.0%} cold) and {options.reports} reports a minute asked for"
    )
    print(f"a view: the page, {', '.join(FIRST_FILES)}; a cold one {len(load.statics)} static files too")
    for kind in sorted(load.times):
        values = load.times[kind]
        told = ", ".join(f"{status}: {count}" for status, count in sorted(load.statuses[kind].items()))
        size = f", {load.bytes[kind] / len(values) / 1000:.1f} kB" if load.bytes[kind] else ""
        print(
            f"  {kind:<18} {len(values):>6}  p50 {percentile(values, 0.5):6.1f}  p95 {percentile(values, 0.95):6.1f}  "
            f"p99 {percentile(values, 0.99):6.1f}  worst {max(values):7.1f} ms{size}  {told}"
        )
    views = len(load.times["whole view"]) + len(load.times["whole view, cold"])
    print(
        f"  done: {views * 60 / load.seconds:.0f} views and {load.reported * 60 / load.seconds:.0f} reports a minute; "
        f"the server used {server.processor_seconds() / load.seconds:.2f} cores (its start included)"
    )
    for told, count in load.mistakes.most_common():
        print(f"  broken: {count} × {told}")
    print("  FAILED" if load.failed else f"  no 5xx, no broken connection, map p95 below {SLOW_MS:.0f} ms")


if __name__ == "__main__":
    main()
