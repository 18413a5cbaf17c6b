"""How quickly a region is scored again when only the classifier has changed: from the feature store, no pixel read.

    python -m benchmarks.reprocess [--tiles 45000] [--database sqlite|postgresql]

Makes a site of its own and fills it with tiles of 25 superpixels and 2464 made features each (float16, 123 kB a tile), one
tile in a hundred with mining. Then the real route: `start_run`, a Redis, a Celery worker with two children as in
`docs/running.md`. A ninth of the tiles first, then a third, then all: the time must grow as the tiles do, and the memory of
the workers must not. The other kinds of classifier follow on the ninth.

Printed: seconds and tiles a second as they passed (other programs' load included, it is stated), and tiles a second of processor
time: what two free cores do. The worker's memory is the high-water mark of its largest child.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import crowd_site
from scripts.redis_server import free_port

DIMENSION = 2464
CORES = 2
WANTED = 750
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """One run: seconds as they passed, processor seconds of the worker, memory in MB of its largest child."""

    classifier: str
    tiles: int
    marked: int
    seconds: float
    processor_seconds: float
    megabytes: float
    load: float

    @property
    def rate(self) -> float:
        return self.tiles / self.seconds

    @property
    def processor_rate(self) -> float:
        """Tiles a second when two cores do nothing else."""
        return CORES * self.tiles / self.processor_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=45_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--algorithms", nargs="*", default=None, help="beside xgboost; default: all others")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.tiles < 9:
        parser.error("--tiles: at least 9")
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="amber-reprocess-")))
        address = stack.enter_context(crowd_site.database(options.database))
        crowd_site.prepare(home, address)
        redis = stack.enter_context(_redis(home))
        worker = stack.enter_context(_worker(home, address, redis))
        _use(redis)
        measured = list(_measure(worker, options))
    if options.json:
        print(json.dumps([asdict(one) | {"rate": one.rate} for one in measured]))


def _measure(worker: int, options: argparse.Namespace) -> Iterator[Measured]:
    from benchmarks import made_region
    from detection.models.classifier import Algorithm

    say = sys.stderr if options.json else sys.stdout
    print(f"{options.database}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", file=say)
    region = made_region.make_region(0, dimension=DIMENSION)
    first = options.tiles // 9
    grown = 0
    results: list[Measured] = []
    for size in (first, options.tiles // 3, options.tiles):
        began = time.perf_counter()
        made_region.add_tiles(region, size - grown, dimension=DIMENSION)
        print(f"{size - grown} tiles made in {time.perf_counter() - began:.0f} s", file=say)
        if not grown:
            made_region.make_classifier(region, "xgboost", dimension=DIMENSION)
            for _again in range(2):  # warms both children up: libraries loaded, model read
                _print(_run(region, worker, "warming up"), say)
        grown = size
        found = _run(region, worker, "xgboost")
        results.append(found)
        _print(found, say)
        yield found
    per_tile = [one.processor_seconds / one.tiles for one in results]
    print(
        "processor time a tile, against the smallest: "
        + ", ".join(
            f"{one.tiles}: {cost / per_tile[0]:.2f}" for one, cost in zip(results, per_tile, strict=True)
        ),
        file=say,
    )
    print(
        f"450,000 tiles: {450_000 / results[-1].processor_rate / 60:.1f} min on two free cores "
        f"({WANTED} tiles a second would be 10)",
        file=say,
    )
    others = [name for name in Algorithm.values if name != "xgboost"]
    small = made_region.make_region(first, dimension=DIMENSION, name="Otherland", seed=2)
    for algorithm in options.algorithms if options.algorithms is not None else others:
        made_region.make_classifier(small, algorithm, dimension=DIMENSION)
        found = _run(small, worker, algorithm)
        _print(found, say)
        yield found


def _print(one: Measured, say: Any) -> None:
    print(
        f"{one.classifier:>14} {one.tiles:>7} tiles, {one.marked} marked: {one.seconds:7.1f} s = {one.rate:5.0f} a second "
        f"at load {one.load:.1f}; {one.processor_seconds:6.1f} s of processor = {one.processor_rate:5.0f} a second on "
        f"two free cores; child {one.megabytes:.0f} MB",
        file=say,
        flush=True,
    )


def _run(region: Any, worker: int, name: str) -> Measured:
    """One run through the workers, from the button to the last row."""
    from detection.runs.runs import start_run, sweep_runs

    _wait_for_jobs()
    used = _processor_seconds(worker)
    began = time.perf_counter()
    run = start_run(region=region, acting_user=None)
    looked = began
    while run.is_open:
        time.sleep(0.05)
        run.refresh_from_db()
        if time.perf_counter() - looked > 10:
            looked = time.perf_counter()
            sweep_runs()
    seconds = time.perf_counter() - began
    if run.state != "done" or run.progress()["tiles_done"] != run.tiles:
        raise SystemExit(
            f"{run} ended as {run.state}: {run.progress()} {list(run.shards.exclude(error=''))[:3]}"
        )
    return Measured(
        classifier=name,
        tiles=run.tiles,
        marked=run.detections.count(),
        seconds=seconds,
        processor_seconds=_processor_seconds(worker) - used,
        megabytes=max(_peak_megabytes(child) for child in _children(worker)),
        load=os.getloadavg()[0],
    )


def _wait_for_jobs() -> None:
    """What an ended run sets off (the queue of the desk is ordered anew) is no part of the next one's time."""
    from amberapp.models import Job

    deadline = time.monotonic() + 600
    while Job.objects.open().exists():
        if time.monotonic() > deadline:
            raise SystemExit(f"still under way: {list(Job.objects.open())}")
        time.sleep(0.2)


# Programs ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _redis(home: Path) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is missing; on Debian or Ubuntu: sudo apt-get install redis-server")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
    with _program(command, home / "redis.log"):
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def _worker(home: Path, address: str, redis: str) -> Iterator[int]:
    """A worker as production starts it, but for the limit on memory: what it needs is measured here."""
    environment = crowd_site.environment(home, address) | {"AMBER_REDIS_URL": redis}
    options = ["--concurrency", str(CORES), "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    command = [sys.executable, "-m", "celery", "-A", "amberapp", "worker", *options]
    with _program(command, home / "worker.log", environment) as process:
        deadline = time.monotonic() + 60
        while len(_children(process.pid)) < CORES:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((home / "worker.log").read_text()[-2000:])
            time.sleep(0.1)
        yield process.pid


@contextlib.contextmanager
def _program(
    command: list[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, cwd=crowd_site.ROOT, env=environment or os.environ
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _use(redis: str) -> None:
    """Let this process, where runs are started, send its messages to that Redis."""
    from django.conf import settings

    from amberapp.celery import app

    settings.REDIS_URL = redis
    app.conf.broker_url = redis


def _children(parent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _processor_seconds(worker: int) -> float:
    """Of the worker and its living children since they began."""
    ticks = 0
    for process in (worker, *_children(worker)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def _peak_megabytes(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"process {process} tells no memory")


if __name__ == "__main__":
    main()
