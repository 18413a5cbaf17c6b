"""A thousand volunteers at once, over HTTP against gunicorn: is it fair, does it lose anything, how quick is it?

    python -m benchmarks.volunteers_at_once [--database sqlite|postgresql] [--volunteers 1000] [--rates 20 40 60]

Makes a site of its own (temporary home, fresh database) and starts gunicorn as docs/running.md says. Then:

- the wave: everybody asks for a tile at the same moment, a hundred people for each tile there is; whoever got one
  sends labels after a second;
- steady work at each rate: a thousand people whose thinking times are exponential, so many tiles a second in all. Some
  give tiles back, walk away (their leases run out), come back late, send twice at once, or hang up and send again.

At the end the database is compared with what the clients were told. A trigger notes every claim above a tile's
quota at the moment it is made. The exit status is 1 when anything is wrong; times are printed, not judged.
Clients, server and database share one machine; how much of it each took is printed. Logging in is left out.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import crowd_site
from benchmarks.crowd_check import faults, leases_running_out
from benchmarks.volunteers import Habits, Log, Volunteer, everybody_asks, everybody_works

RACING = 100
RAMP = 60.0  # seconds within which everybody comes to the desk
SUPERPIXELS = 25


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--volunteers", type=int, default=1000)
    parser.add_argument(
        "--rates", type=float, nargs="*", default=[10, 20, 30, 40], help="tiles a second, in turn"
    )
    parser.add_argument("--seconds", type=float, default=30, help="of steady work at each rate")
    parser.add_argument("--workers", type=int, default=crowd_site.WORKERS)
    options = parser.parse_args()
    wrong: list[str] = []
    total = Log()  # the database holds what was acknowledged in all parts
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = stack.enter_context(crowd_site.database(options.database))
        crowd_site.prepare(home, address)
        people = crowd_site.make_people(options.volunteers)
        crowd_site.watch_the_quota()
        server = stack.enter_context(crowd_site.served(home, address, options.workers))
        print(
            f"{options.database}, {options.volunteers} volunteers, {options.workers} workers of 8 threads, {_load()}"
        )
        print("| | tiles/s | next p50 / p95 / p99 | submit p50 / p95 / p99 | CPU clients, server | faults |")
        print("|---|---|---|---|---|---|", flush=True)
        wave = crowd_site.make_region("Wave")
        crowd_site.make_tiles(wave, max(1, options.volunteers // RACING), SUPERPIXELS)
        site = (people, server, total)
        wrong += _measured("everybody at once", wave, site, Habits(think=1.0, shortest=1.0), None)
        for number, rate in enumerate(options.rates):
            region = crowd_site.make_region(f"Steady{number}")
            crowd_site.make_tiles(region, options.volunteers + int(rate * options.seconds), SUPERPIXELS)
            habits = Habits(think=options.volunteers / rate)
            wrong += _measured(f"steady, {rate:g} wanted", region, site, habits, options.seconds)
        if "Traceback" in server.log():
            wrong.append(server.log()[-3000:])
    print(_load())
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return int(bool(wrong))


Site = tuple[list[crowd_site.Person], crowd_site.Server, Log]


def _measured(name: str, region: Any, site: Site, habits: Habits, seconds: float | None) -> list[str]:
    """One row of the table; what was wrong. Without `seconds` it is the wave."""
    people, server, total = site
    log = Log(acknowledged=total.acknowledged, unanswered=total.unanswered)
    volunteers = [Volunteer(person, server.port, region.slug, habits, log) for person in people]
    began, mine, theirs = time.monotonic(), _own_seconds(), server.processor_seconds()
    with leases_running_out(log):
        asyncio.run(_work(volunteers, seconds))
    took = time.monotonic() - began
    rate = len(log.submit_seconds) / (seconds or took)
    found = faults(log, region)
    times = {
        what: " / ".join(f"{value:.0f}" for value in log.percentiles()[what]) for what in ("next", "submit")
    }
    clients, web = _own_seconds() - mine, server.processor_seconds() - theirs
    print(
        f"| {name} | {rate:.1f} | {times['next']} ms ({len(log.next_seconds)}) "
        f"| {times['submit']} ms ({len(log.submit_seconds)}) | {clients / took:.0%}, {web / took:.0%} "
        f"| {len(found)} |",
        flush=True,
    )
    return found


async def _work(volunteers: list[Volunteer], seconds: float | None) -> None:
    if seconds is None:
        tiles = await everybody_asks(volunteers)
        await asyncio.gather(
            *(
                _label_later(one, tile)
                for one, tile in zip(volunteers, tiles, strict=True)
                if tile is not None
            )
        )
    else:
        await everybody_works(volunteers, seconds, RAMP)
    for volunteer in volunteers:
        volunteer.close()


async def _label_later(volunteer: Volunteer, tile: dict[str, Any]) -> None:
    await asyncio.sleep(1.1)
    await volunteer.label(tile)


def _own_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _load() -> str:
    return f"{os.cpu_count()} cores, load {', '.join(f'{load:.1f}' for load in os.getloadavg())}"


if __name__ == "__main__":
    sys.exit(main())
