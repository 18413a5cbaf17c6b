"""Twenty `kill -9` at random moments in one run; what comes out is byte for byte what an undisturbed run gives.

    python -m benchmarks.kill_nine --tiles 2000 --kills 20 [--seed 1] [--database postgresql]

The stack of the demo under its supervisor: gunicorn, Redis with append-only persistence, a Celery worker with two children, the
sweeper. The first run is left alone. Then everything it made is forgotten, and the second one is killed at: the worker's parent
(its children die with it), one child, the web server, Redis, in a drawn order, each at a drawn moment between two superpixels of
progress. Leases of 4 seconds and a sweep every 2 make waiting short. Compared for each tile: scores, outlines and hectares of
detections, reasons of failures, unusual tiles, label rasters, rows of features. Exit code 1 when anything differs.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

from benchmarks import crowd_site, small_tiles
from scripts import demo, environment, redis_server
from scripts.supervise import Patience, Program, Supervisor

TARGETS = ("worker parent", "worker child", "web", "Redis")
SETTINGS = {"AMBER_LEASE_SECONDS": "4", "PYTHONUNBUFFERED": "1"}
PATIENCE = Patience(first_pause=0.2, longest_pause=1.0, crashes=1_000)
LONGEST = 1_800.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="amber-kill-") as folder,
        crowd_site.database(options.database) as address,
        # Small shards in a small run: its progress comes in steps of them, and no step may pass over the last kills.
        stack(Path(folder), address, max(4, min(16, options.tiles // 20))) as (supervisor, port),
    ):
        problems = _measure(options, supervisor, port)
    for problem in problems[:20]:
        print(f"WRONG: {problem}")
    print("FAILED" if problems else "0 tiles lost, 0 twice, every byte the same")
    sys.exit(bool(problems))


@contextmanager
def stack(home: Path, address: str, shard_tiles: int = 16) -> Iterator[tuple[Supervisor, int]]:
    """The programs of the site, up and answering; Django in this process is set up for the same site."""
    for name in ("static", "run"):
        (home / name).mkdir()
    supervisor = Supervisor(
        directory=crowd_site.ROOT,
        state=home,
        environment={
            **crowd_site.environment(home, address),
            **SETTINGS,
            "AMBER_SHARD_TILES": str(shard_tiles),
        },
        say=lambda _sentence: None,
        patience=PATIENCE,
    )
    with supervisor:
        redis = redis_server.configure(home, environment.redis_program(print), redis_server.QUEUE)
        supervisor.start(redis.program)
        if not supervisor.wait_for(redis.answers, 20):
            raise RuntimeError("Redis does not start")
        supervisor.environment[redis_server.QUEUE] = redis.url
        for name in [name for name in os.environ if name.startswith("AMBER_")]:
            del os.environ[name]
        os.environ.update(
            {name: value for name, value in supervisor.environment.items() if name.startswith("AMBER_")}
        )
        set_up()
        port = crowd_site.free_port()
        web, worker, sweeper = demo.programs(port)
        for program in (web, worker, Program("sweeper", [*sweeper.command[:-1], "2"])):
            supervisor.start(program)
        yield supervisor, port


def set_up() -> None:
    """Django with the settings of the environment, and its tables."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "amberapp.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def _measure(options: argparse.Namespace, supervisor: Supervisor, port: int) -> list[str]:
    from detection.runs.runs import start_run

    region = small_tiles.make_region(options.tiles)
    address = f"http://127.0.0.1:{port}/health/"
    if not supervisor.wait_for(lambda: demo.answers(address), 120):
        return ["the web server does not answer"]
    print(f"{options.tiles} tiles, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {options.database}")
    began = time.monotonic()
    run = start_run(region=region, acting_user=None)
    if not see_through(supervisor, run, lambda _done: None):
        return [f"the undisturbed run does not end: {run.state}"]
    print(
        f"undisturbed: {run.state} in {time.monotonic() - began:.0f} s, {run.detections.count()} detections"
    )
    undisturbed = small_tiles.outcome_of(run)
    small_tiles.forget_pixels(region)

    began = time.monotonic()
    run = start_run(region=region, acting_user=None)
    killer = Killer(supervisor, run, options)
    if not see_through(supervisor, run, killer.look):
        return [f"the disturbed run does not end: {run.state}"]
    attempts = Counter(run.shards.values_list("attempts", flat=True))
    print(
        f"disturbed: {run.state} in {time.monotonic() - began:.0f} s, {killer.killed} kills "
        f"({', '.join(f'{count} {name}' for name, count in sorted(killer.hits.items()))}); "
        f"attempts: {', '.join(f'{count} shards {number}' for number, count in sorted(attempts.items()))}"
    )
    problems = small_tiles.differences(undisturbed, small_tiles.outcome_of(run))
    if killer.killed < options.kills:
        problems.append(f"only {killer.killed} of {options.kills} kills came before the end")
    if run.state != "done":
        problems.append(f"the run is {run.state}")
    if not supervisor.wait_for(lambda: demo.answers(address), 60):
        problems.append("the web server does not answer any more")
    return problems


def see_through(supervisor: Supervisor, run: Any, look: Callable[[int], None]) -> bool:
    """Look after the programs until the run ends; False when it takes too long."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        supervisor.turn(0.1)
        run.refresh_from_db()
        if run.has_ended:
            return True
        counts = run.progress()
        look(counts["tiles_done"] + counts["tiles_failed"])
    return False


class Killer:
    """Kills when the run has come to the next drawn moment."""

    def __init__(self, supervisor: Supervisor, run: Any, options: argparse.Namespace) -> None:
        self.supervisor = supervisor
        self.run = run
        self.draw = random.Random(options.seed)
        # Up to nine tenths: what is left is time for the last one to matter.
        self.moments = sorted(self.draw.uniform(0, 0.9) * options.tiles for _ in range(options.kills))
        targets = [TARGETS[number % len(TARGETS)] for number in range(options.kills)]
        self.targets = self.draw.sample(targets, len(targets))
        self.killed = 0
        self.hits: Counter[str] = Counter()
        self.began = time.monotonic()

    def look(self, done: int) -> None:
        """Called again and again with the number of tiles done."""
        if self.killed >= len(self.moments) or done < self.moments[self.killed]:
            return
        target = self.targets[self.killed]
        until = time.monotonic() + self.draw.uniform(0, 0.8)
        self.supervisor.wait_for(lambda: time.monotonic() > until, 5)
        if not self.supervisor.wait_for(lambda: self._pids(target) != [], 60):
            raise RuntimeError(f"nothing to kill: no {target}")
        pid = self.draw.choice(self._pids(target))
        in_hand = self._in_hand(target, pid)
        os.kill(pid, SIGKILL)
        self.killed += 1
        self.hits[target] += 1
        print(
            f"  kill {self.killed} at {time.monotonic() - self.began:.1f} s, {done} tiles done: {target} {pid}"
            + (f", {in_hand} in hand" if in_hand else "")
        )

    def _pids(self, target: str) -> list[int]:
        name = {"web": "web", "Redis": "queue"}.get(target, "worker")
        pid = self.supervisor.process_of(name)
        if pid is None:
            return []
        return children_of(pid) if target == "worker child" else [pid]

    def _in_hand(self, target: str, pid: int) -> str:
        """The numbers of the shards that die with it."""
        if not target.startswith("worker"):
            return ""
        pids = [pid] if target == "worker child" else children_of(pid)
        held = self.run.shards.filter(state="running").values_list("number", "lease_owner")
        numbers = [number for number, owner in held if any(f":{one}:" in owner for one in pids)]
        return "shard " + ", ".join(map(str, numbers)) if numbers else ""


def children_of(pid: int) -> list[int]:
    """The living children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(entry.name))
    return sorted(found)


if __name__ == "__main__":
    main()
