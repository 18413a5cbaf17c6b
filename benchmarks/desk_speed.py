"""How quick the labelling desk is in a browser: paint, drag, next tile, bytes.

    python -m benchmarks.desk_speed [--home DIR] [--clicks 200] [--tiles 24] [--only paint drag next cold bytes]

Serves a site of its own with gunicorn (a temporary home, or DIR, which is kept and used again) with synthetic tiles cut
into about 300 superpixels, opens the desk in Chromium and reads the page's own performance measures
(static/js/labeling/desk/timing.js). Drags are made twice: against a screen of 60 Hz, and with the frame rate set free, which
tells how much room is left. "cold" goes through Chromium's network emulation: 400 kbit/s and 400 ms a round trip.
Write down the machine's load beside the figures; it is printed with them.
"""

import argparse
import contextlib
import math
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.environment import CHROMIUM

ROOT = Path(__file__).resolve().parent.parent
PERSON = "benchmark"
SUPERPIXELS = 330  # asked of SLIC; about 300 come
SEED = 20181122
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
PARTS = ("paint", "drag", "next", "cold", "bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="keep the site here and use it again")
    parser.add_argument("--clicks", type=int, default=200)
    parser.add_argument("--tiles", type=int, default=36, help="tiles made; each is labelled at most once")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = options.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(parents=True, exist_ok=True)
        session, region = prepare(home.resolve(), options.tiles)
        address = stack.enter_context(served(home.resolve(), options.port))
        measure(address, region, session, options.only, options.clicks)


# The site ------------------------------------------------------------------------------------------------------------


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "AMBER_HOME": str(home),
        "AMBER_DEMO": "1",
        "AMBER_SECRET_KEY": "desk-speed-" + "0" * 40,
    }


def prepare(home: Path, tiles: int) -> tuple[str, str]:
    """Make database, person and a region with tiles; returns the person's session key and the region's slug."""
    os.environ.update(environment(home), DJANGO_SETTINGS_MODULE="amberapp.settings")
    import django

    django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    from amberapp.models import User

    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    region = _make_tiles(tiles)
    name = f"{PERSON}-{region}"
    person = User.objects.create_user(username=name, password=None, role="volunteer")
    store = SessionStore()
    store[SESSION_KEY] = str(person.pk)
    store[BACKEND_SESSION_KEY] = "amberapp.backends.AccountBackend"
    store[HASH_SESSION_KEY] = person.get_session_auth_hash()
    store.create()
    assert store.session_key is not None
    return store.session_key, region


def _make_tiles(wanted: int) -> str:
    """Make a region with so many tiles; returns its slug."""
    import io

    from PIL import Image

    from amberapp import storage
    from detection.description.segment import segment_tile, segmentation_with
    from detection.geometry import tile_bounds_from_centre
    from detection.models import ImagerySource, Region, SegmentedTile, Tile
    from detection.scenes import demo_grid
    from detection.segmentation.slic import SlicParameters

    source, _ = ImagerySource.objects.get_or_create(
        name="Benchmark scenes",
        defaults={"attribution": "Synthetic imagery made by Amber", "synthetic": True},
    )
    # A region of its own for every run: nobody has seen its tiles yet. Pictures and cuts are those of the first run.
    slug = f"benchmark-{Region.objects.count() + 1}"
    region = Region.objects.create(name=slug, slug=slug, source=source)
    parameters = SlicParameters(n_segments=SUPERPIXELS)
    segmentation = segmentation_with(parameters)
    columns = 6
    for number, plan in enumerate(demo_grid(math.ceil(wanted / columns), columns, SEED)[:wanted]):
        name = f"benchmark-{number}.jpg"
        before = SegmentedTile.objects.filter(tile__file_name=name).select_related("tile").first()
        if before is None:
            buffer = io.BytesIO()
            Image.fromarray(plan.render().image).save(buffer, format="JPEG", quality=90)
            data = buffer.getvalue()
            key = storage.put(storage.content_key("images", data, ".jpg"), data)
            digest = storage.sha256_of(data)
        else:
            key, digest = before.tile.image_key, before.tile.sha256
        west, south, east, north = tile_bounds_from_centre(plan.latitude, plan.longitude, 1000, 1000)
        tile = Tile.objects.create(
            region=region,
            source=source,
            file_name=name,
            sha256=digest,
            image_key=key,
            width=1000,
            height=1000,
            west=west,
            south=south,
            east=east,
            north=north,
            latitude=plan.latitude,
            longitude=plan.longitude,
            capture_date=plan.capture_date,
        )
        if before is None:
            segment_tile(tile, segmentation)
        else:
            SegmentedTile.objects.create(
                tile=tile,
                segmentation=segmentation,
                superpixels=before.superpixels,
                raster_key=before.raster_key,
                outlines_key=before.outlines_key,
            )
    return slug


@contextlib.contextmanager
def served(home: Path, port: int) -> Iterator[str]:
    command = [sys.executable, "-m", "gunicorn", "amberapp.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "1", "--worker-class", "gthread", "--threads", "8", "--no-control-socket"]
    with (home / "web.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment(home), stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            if server.poll() is not None:
                raise RuntimeError(f"the server ended: {(home / 'web.log').read_text()[-2000:]}")
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/account/login/", timeout=30).close()
                break
            time.sleep(0.25)
        yield address
    finally:
        server.terminate()
        server.wait(20)


# The browser ---------------------------------------------------------------------------------------------------------


def measure(address: str, region: str, session: str, parts: list[str], clicks: int) -> None:
    from playwright.sync_api import sync_playwright

    print(f"{os.cpu_count()} cores, load {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    with sync_playwright() as playwright:
        for free in (False, True):
            asked = [part for part in parts if not free or part in ("paint", "drag")]
            if not asked:
                continue
            flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
            flags += ["--disable-frame-rate-limit", "--disable-gpu-vsync"] if free else []
            browser = playwright.chromium.launch(executable_path=CHROMIUM.find(), args=flags)
            print(f"\nChromium {browser.version}, {'frame rate set free' if free else 'a screen of 60 Hz'}:")
            context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
            context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
            page = context.new_page()
            page.goto(f"{address}/label/?region={region}")
            _shown(page)
            for part in asked:
                globals()[f"_{part}"](page, clicks)
            browser.close()


def _shown(page: Any, other_than: str = "") -> str:
    page.wait_for_function(
        "(left) => { const { tile } = document.getElementById('desk').dataset; return tile && tile !== left; }",
        arg=other_than,
        timeout=60_000,
    )
    return str(page.evaluate("document.getElementById('desk').dataset.tile"))


def _measures(page: Any, name: str) -> list[dict[str, Any]]:
    entries = page.evaluate(
        "(name) => performance.getEntriesByName(name).map(({ duration, detail }) => ({ duration, detail }))",
        name,
    )
    page.evaluate("(name) => performance.clearMeasures(name)", name)
    return list(entries)


def _summary(values: list[float]) -> str:
    values = sorted(values)
    at = lambda share: values[min(len(values) - 1, math.ceil(share * len(values)) - 1)]  # noqa: E731
    return f"median {at(0.5):.1f}, p95 {at(0.95):.1f}, worst {values[-1]:.1f} ms ({len(values)})"


def _picture(page: Any) -> tuple[float, float, float, float]:
    page.wait_for_load_state("networkidle")
    box = page.locator(".desk__picture").bounding_box()
    return box["x"], box["y"], box["width"], box["height"]


def _paint(page: Any, clicks: int) -> None:
    x, y, width, height = _picture(page)
    chance = random.Random(SEED)
    _measures(page, "amber:paint")
    for number in range(clicks):
        if number % 60 == 0:
            page.keyboard.press(
                str(1 + (number // 60) % 3)
            )  # another verdict, so that there is something to paint
        # As a hand does it: there first, then the press.
        page.mouse.move(x + width * chance.uniform(0.05, 0.95), y + height * chance.uniform(0.05, 0.95))
        page.wait_for_timeout(chance.uniform(40, 120))
        page.mouse.down()
        page.mouse.up()
        page.wait_for_timeout(chance.uniform(20, 60))
    found = _measures(page, "amber:paint")
    print(f"  click to painted pixel: {_summary([one['duration'] for one in found])}")
    print(f"    of that until it is drawn: {_summary([one['detail']['drawn'] for one in found])}")


def _drag(page: Any, clicks: int) -> None:
    superpixels = page.evaluate("Number(document.getElementById('painted').max)")
    x, y, width, height = _picture(page)
    ways = (
        ("one superpixel", "", 100),
        ("one superpixel, gamma 1.5", "", 150),
        ("the widest brush", "]]]", 100),
    )
    for brush, press, gamma in ways:
        for key in press:
            page.keyboard.press(key)
        page.evaluate(
            """(gamma) => {
                const slider = document.getElementById("gamma");
                slider.value = gamma;
                slider.dispatchEvent(new Event("input"));
            }""",
            gamma,
        )
        _measures(page, "amber:drag")
        _measures(page, "amber:paint")
        for verdict in ("1", "2", "3"):
            page.keyboard.press(verdict)
            page.mouse.move(x + 0.05 * width, y + 0.05 * height)
            page.mouse.down()
            for row in range(1, 10):
                to = 0.95 if row % 2 else 0.05
                page.mouse.move(x + to * width, y + (0.05 + 0.1 * row) * height, steps=12)
            page.mouse.up()
        page.wait_for_timeout(100)
        strokes = _measures(page, "amber:drag")
        painted = _measures(page, "amber:paint")
        frames = sum(one["detail"]["frames"] for one in strokes)
        seconds = sum(one["duration"] for one in strokes) / 1000
        worst = max(one["detail"]["worst"] for one in strokes)
        print(
            f"  drag with {brush} over {superpixels} superpixels: {frames / seconds:.1f} frames/s "
            f"({frames} frames), longest wait {worst:.0f} ms; move to paint {_summary([one['duration'] for one in painted])}"
        )
    for _ in range(3):
        page.keyboard.press("[")


def _next(page: Any, clicks: int) -> None:
    _measures(page, "amber:next")
    for _ in range(20):
        page.keyboard.press("r")
        # A person looks at a tile for a while; meanwhile the next ones come.
        page.wait_for_timeout(1000)
        page.wait_for_load_state("networkidle")
        left = page.evaluate("document.getElementById('desk').dataset.tile")
        page.keyboard.press("Enter")
        _shown(page, left)
        page.wait_for_timeout(300)
    found = [one["duration"] for one in _measures(page, "amber:next")]
    print(f"  next tile after sending, prefetched: {_summary(found)}")


def _cold(page: Any, clicks: int) -> None:
    """The next tile over a slow network with nothing fetched ahead."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    taken = []
    for _ in range(3):
        # Loaded anew with fetching ahead held back: only the tile on the stage is here when it is sent.
        page.route("**/api/desk/next/", lambda route: route.abort())
        page.reload()
        _shown(page)
        page.wait_for_load_state("networkidle")
        page.unroute("**/api/desk/next/")
        network.send("Network.clearBrowserCache")
        network.send("Network.emulateNetworkConditions", SLOW)
        page.keyboard.press("r")
        page.wait_for_timeout(200)
        left = page.evaluate("document.getElementById('desk').dataset.tile")
        _measures(page, "amber:next")
        page.keyboard.press("Enter")
        _shown(page, left)
        page.wait_for_timeout(200)
        taken += [one["duration"] for one in _measures(page, "amber:next")]
        network.send(
            "Network.emulateNetworkConditions",
            SLOW | {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )
        page.wait_for_load_state("networkidle")
    print(f"  next tile cold at 400 kbit/s and 400 ms: {_summary(taken)}")


def _bytes(page: Any, clicks: int) -> None:
    """What a tile costs on the wire: its light and sharp pictures and its raster, headers included."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    addresses: dict[str, str] = {}
    sizes: dict[str, float] = {}
    network.on(
        "Network.responseReceived",
        lambda told: addresses.update({told["requestId"]: told["response"]["url"]}),
    )
    network.on(
        "Network.loadingFinished", lambda told: sizes.update({told["requestId"]: told["encodedDataLength"]})
    )
    network.send("Network.clearBrowserCache")
    page.reload()
    tile = _shown(page)
    page.wait_for_load_state("networkidle")
    image = page.evaluate(
        f"fetch('/api/desk/tiles/{tile}/').then((answer) => answer.json()).then(({{ tile }}) => tile.image)"
    )
    own = image.split("?")[0]
    parts = {
        address.split("/", 3)[3]: size
        for request, size in sizes.items()
        if (address := addresses.get(request, ""))
        and (own in address or f"/segmented/{tile}/raster" in address)
        and "size=4096" not in address
    }
    for name, size in sorted(parts.items()):
        print(f"    {size / 1000:6.1f} kB  {name}")
    print(f"  a tile with its raster: {sum(parts.values()) / 1000:.1f} kB")


if __name__ == "__main__":
    main()
