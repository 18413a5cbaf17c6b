"""What the first view of the public map weighs and how soon it can be used, with 10,000 detections on it.

    python -m benchmarks.public_map [--home DIR] [--places 10000] [--rounds 3] [--keep-serving]

Publishes a made release (no pictures: imagery is not counted), serves the site with gunicorn and whitenoise as
docs/running.md does, and opens "/" in Chromium with an empty cache, in both languages, at 1280 and at 390 px, under
two networks that Chromium's own emulation makes (throughput and a delay a request; no connection set-up):
  regular 4G  9 Mbit/s, 60 ms     slow 4G  1.6 Mbit/s, 150 ms (Lighthouse's)
each with the machine's own processor and with one slowed four times. Usable: the page's script has wired everything
(body[data-ready]), the squares are painted, and the last long task (over 50 ms) before that is over. Bytes are those
over the wire, headers included, as Chromium counts them. State the machine's load beside the figures.
"""

import argparse
import contextlib
import datetime as dt
import hashlib
import itertools
import math
import os
import random
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.desk_speed import environment, served
from scripts.environment import CHROMIUM

SEED = 20181122
MBIT = 125_000
NETWORKS = {"regular 4G": (9 * MBIT, 60), "slow 4G": (1.6 * MBIT, 150)}
SCREENS = {1280: 800, 390: 844}
LANGUAGES = ("uk-UA", "en-GB")
YEARS = range(2010, 2022)
TILE = 0.0027  # degrees of longitude of a tile of 500 pixels at zoom 18

WATCH = """
window.told = {ready: 0, painted: 0, busy: 0};
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) { told.busy = task.startTime + task.duration; }
}).observe({type: "longtask", buffered: true});
const look = () => {
  if (!told.ready && document.body && document.body.dataset.ready) { told.ready = performance.now(); }
  if (!told.painted && document.querySelector(".map-squares .leaflet-tile-loaded")) { told.painted = performance.now(); }
  if (!told.ready || !told.painted) { setTimeout(look, 5); }
};
look();
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="keep the site here and use it again")
    parser.add_argument("--places", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8767)
    parser.add_argument(
        "--keep-serving", action="store_true", help="do not measure; serve until Enter is pressed"
    )
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = (options.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))).resolve()
        home.mkdir(parents=True, exist_ok=True)
        prepare(home, options.places)
        address = stack.enter_context(served(home, options.port))
        if options.keep_serving:
            input(f"{address} is up; press Enter to end. ")
        else:
            measure(address, options.rounds)


# The site ------------------------------------------------------------------------------------------------------------


def prepare(home: Path, places: int) -> None:
    """Make the database and the static files, and publish the made release where there is none yet."""
    os.environ.update(environment(home), DJANGO_SETTINGS_MODULE="amberapp.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    from detection.models import ImagerySource, Region
    from labeling.models import Release
    from labeling.releases.files.writers import build

    if Release.objects.exists():
        return
    source = ImagerySource.objects.create(name="Made", attribution="made for a measurement", synthetic=True)
    region = Region.objects.create(name="Polissia", slug="polissia", source=source)
    write_made(region, build(made_content(places)))


def write_made(region: Any, built: Any) -> Any:
    """A release of made content: publishing from its last step on, since there is no run that found it."""
    from labeling.models import ReleaseKind
    from labeling.releases import publish

    return publish._enter(
        region,
        [publish._store(file) for file in built.files],
        built.statistics,
        None,
        before=publish._latest_own(region),
        pictures={},
        kind=ReleaseKind.OWN,
        run=None,
    )


def made_content(count: int) -> Any:
    """Places in clusters over Polissia, four searched tiles a place, 24 districts, 600 names; the same every time."""
    from labeling.releases.files.content import Content, Searched, Source, make_place

    random.seed(SEED)
    source = Source("Made", "made for a measurement", "", False, True)
    middles = [(random.uniform(25.6, 28.4), random.uniform(51.0, 51.8)) for _ in range(60)]
    places, searched = [], []
    for number in range(count):
        middle = random.choice(middles)
        west, south = random.gauss(middle[0], 0.08), random.gauss(middle[1], 0.04)
        bounds = (west, south, west + TILE, south + TILE * 0.63)
        day = dt.date(random.choice(YEARS), random.randint(4, 10), random.randint(1, 28))
        places.append(
            make_place(
                place=hashlib.sha256(b"%d" % number).hexdigest()[:16],
                outline=blob(west + TILE / 2, south + TILE * 0.3),
                bounds=bounds,
                score=random.uniform(0.5, 1),
                capture_date=day,
                superpixels=list(range(random.randint(3, 12))),
                source=source,
                reviewed=dt.date(2022, 1, 1),
            )
        )
        for step in range(4):
            moved = (west + step * TILE, bounds[1], west + (step + 1) * TILE, bounds[3])
            searched.append(Searched(moved, day.year))
    return Content(
        region={"name": "Polissia", "slug": "polissia", "mineral": "amber"},
        method=None,
        places=places,
        searched=searched,
        sources=[source],
        districts=made_districts(),
        names=made_names(),
    )


def blob(longitude: float, latitude: float) -> dict[str, Any]:
    """An uneven ring of 24 corners, about 60 m across."""
    size = random.uniform(0.0002, 0.0007)
    corners = [
        [
            longitude + math.cos(turn / 12 * math.pi) * size * random.uniform(0.7, 1.2),
            latitude + math.sin(turn / 12 * math.pi) * size * 0.63 * random.uniform(0.7, 1.2),
        ]
        for turn in range(24)
    ]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


def made_districts() -> list[Any]:
    """A net of 8 × 3 districts."""
    from shapely.geometry import MultiPolygon, box

    from labeling.releases.files.content import District

    return [
        District(
            name=f"Район {number + 1}",
            names={"en": f"District {number + 1}"},
            area=MultiPolygon(
                [
                    box(
                        25.4 + number % 8 * 0.4,
                        50.9 + number // 8 * 0.4,
                        25.8 + number % 8 * 0.4,
                        51.3 + number // 8 * 0.4,
                    )
                ]
            ),
        )
        for number in range(24)
    ]


def made_names() -> list[Any]:
    from labeling.releases.files.content import Name

    return [
        Name(
            f"Село {number + 1}",
            {"en": f"Village {number + 1}"},
            51 + number % 25 * 0.03,
            25.6 + number // 25 * 0.11,
        )
        for number in range(600)
    ]


# The browser ---------------------------------------------------------------------------------------------------------


def measure(address: str, rounds: int) -> None:
    from playwright.sync_api import sync_playwright

    print(f"{os.cpu_count()} cores, load {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM.find(),
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"],
        )
        print(f"Chromium {browser.version}, median of {rounds} (lowest – highest)")
        first_view(browser, address, "en-GB", 1280, 50 * MBIT, 1, 1)  # the server's own first breath
        for language, width in itertools.product(LANGUAGES, SCREENS):
            for network, (throughput, delay) in NETWORKS.items():
                for slower in (1, 4):
                    seen = [
                        first_view(browser, address, language, width, throughput, delay, slower)
                        for _ in range(rounds)
                    ]
                    told = f"{language} {width:5} px  {network:10}  processor ÷{slower}"
                    for name in ("painted", "usable"):
                        times = sorted(view[name] / 1000 for view in seen)
                        told += (
                            f"  {name} {statistics.median(times):.2f} s ({times[0]:.2f} – {times[-1]:.2f})"
                        )
                    print(f"{told}  {seen[0]['bytes'] / 1000:.0f} kB in {seen[0]['requests']} requests")
        browser.close()
    print(f"load afterwards {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


def first_view(
    browser: Any, address: str, language: str, width: int, throughput: float, delay: float, slower: int
) -> dict[str, float]:
    """One first visit: first paint and usable in milliseconds since the navigation began, bytes, requests."""
    context = browser.new_context(viewport={"width": width, "height": SCREENS[width]}, locale=language)
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    sizes: dict[str, float] = {}
    wire.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
    )
    wire.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": delay,
            "downloadThroughput": throughput,
            "uploadThroughput": throughput,
        },
    )
    wire.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.set_default_timeout(120_000)
    page.add_init_script(WATCH)
    page.goto(address + "/")
    for shown in ("body[data-ready]", ".map-squares .leaflet-tile-loaded"):
        page.wait_for_selector(shown, state="attached")
    page.wait_for_load_state("networkidle")
    told = page.evaluate("told")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime || 0")
    wired = max(told["ready"], told["painted"])
    usable = max(wired, told["busy"] if told["busy"] < wired + 500 else 0)
    context.close()
    return {"painted": paint, "usable": usable, "bytes": sum(sizes.values()), "requests": len(sizes)}


if __name__ == "__main__":
    main()
