"""Two worker machines against one, and one of them cut off in the middle: network namespaces with their own addresses.

    python -m benchmarks.two_hosts --tiles 600          (as root, on Linux, with iproute2)

Three namespaces on one bridge: `store` with PostgreSQL and Redis, `one` and `two` with a Celery worker of one child each, which
is pinned to its own core. Files and features lie in a folder that all share. Each tile goes through the real first pass with
`texture`, and is scored.

First `one` works alone, then both; the rate is taken between the first and the last shard's end, so that starting does not count.
PostgreSQL and Redis have no core of their own and take from both workers: their share is printed. Then a third run, in which the
line of `two` is cut while it has a shard in hand, and mended when its shard has been leased again: its late result is refused.
Every run is compared with the first byte for byte. Exit code 1 when anything is lost, twice or different; the ratio is a measured
figure and decides nothing. Sudden ends included, the namespaces are removed.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import crowd_site, kill_nine, small_tiles
from scripts import environment
from scripts.postgres import OPTIONS, USER

NETWORK = "10.213.77"
ADDRESSES = {"store": f"{NETWORK}.1", "one": f"{NETWORK}.2", "two": f"{NETWORK}.3"}
CORES = {"one": 0, "two": 1}
SETTINGS = {"AMBER_LEASE_SECONDS": "8", "AMBER_SHARD_TILES": "8", "PYTHONUNBUFFERED": "1"}
LONGEST = 1_800.0


class Network:
    """A bridge in this namespace, and the three hosts on it. Use as a context manager."""

    def __init__(self) -> None:
        self.tag = f"am{os.getpid() % 100_000}"
        self.bridge = f"{self.tag}b"

    def namespace(self, host: str) -> str:
        return f"{self.tag}-{host}"

    def line(self, host: str) -> str:
        """The bridge's end of that host's line (at most 15 letters)."""
        return f"{self.tag}{host[:3]}"

    def __enter__(self) -> "Network":
        try:
            ip("link", "add", self.bridge, "type", "bridge")
            ip("address", "add", f"{NETWORK}.254/24", "dev", self.bridge)
            ip("link", "set", self.bridge, "up")
            for host, address in ADDRESSES.items():
                name = self.namespace(host)
                ip("netns", "add", name)
                ip("link", "add", self.line(host), "type", "veth", "peer", "name", "eth0", "netns", name)
                ip("link", "set", self.line(host), "master", self.bridge, "up")
                ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
                for device in ("lo", "eth0"):
                    ip("-n", name, "link", "set", device, "up")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def _remove(self) -> None:
        for host in ADDRESSES:
            ip("link", "delete", self.line(host), check=False)
            ip("netns", "delete", self.namespace(host), check=False)
        ip("link", "delete", self.bridge, check=False)

    def inside(self, host: str) -> list[str]:
        """What to write before a command so that it runs on that host."""
        return ["ip", "netns", "exec", self.namespace(host)]

    def cut(self, host: str) -> None:
        ip("link", "set", self.line(host), "down")

    def mend(self, host: str) -> None:
        ip("link", "set", self.line(host), "up")


def ip(*words: str, check: bool = True) -> None:
    """Raises RuntimeError with what `ip` said."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=600)
    options = parser.parse_args()
    if os.geteuid() != 0 or shutil.which("ip") is None:
        sys.exit("Network namespaces need root and iproute2.")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="amber-hosts-"))
        os.chmod(folder, 0o755)
        network = stack.enter_context(Network())
        site = stack.enter_context(Site(network, Path(folder)))
        problems = site.measure(options.tiles)
    for problem in problems[:20]:
        print(f"WRONG: {problem}")
    print("FAILED" if problems else "0 tiles lost, 0 twice, every byte the same")
    sys.exit(bool(problems))


class Site:
    """PostgreSQL and Redis on `store`, workers on demand, Django in this process (it reaches `store` over the bridge)."""

    def __init__(self, network: Network, home: Path) -> None:
        self.network = network
        self.home = home
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        self.environment: dict[str, str] = {}

    def __enter__(self) -> "Site":
        try:
            self._start_stores()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in [name for name in self.programs if name != "postgres"]:
            self.stop(name)
        if "postgres" in self.programs:
            self.stop("postgres", signal.SIGINT)

    def _start_stores(self) -> None:
        initdb = environment.POSTGRES.find()
        if initdb is None:
            raise RuntimeError("PostgreSQL is missing: apt-get install postgresql")
        base = self.home / "postgres"
        base.mkdir()
        shutil.chown(base, "postgres", "postgres")
        data = str(base / "data")
        made = [initdb, "-D", data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(["runuser", "-u", "postgres", "--", *made], check=True, capture_output=True, cwd=base)
        with (base / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NETWORK}.0/24 trust\n")
        address = ADDRESSES["store"]
        server = [str(Path(initdb).with_name("postgres")), "-D", data, "-p", "5432", "-h", address]
        for option in (*OPTIONS, f"unix_socket_directories={base}"):
            server += ["-c", option]
        inside = self.network.inside("store")
        self._start("postgres", [*inside, "runuser", "-u", "postgres", "--", *server])
        redis = [environment.redis_program(print), "--bind", address, "--protected-mode", "no", "--save", ""]
        redis += ["--appendonly", "yes", "--dir", str(self.home)]
        self._start("redis", [*inside, *redis])
        self.environment = {
            **crowd_site.environment(self.home, f"postgres://{USER}@{address}:5432/postgres"),
            **SETTINGS,
            "AMBER_REDIS_URL": f"redis://{address}:6379/0",
        }
        (self.home / "static").mkdir()
        for name in [name for name in os.environ if name.startswith("AMBER_")]:
            del os.environ[name]
        os.environ.update(self.environment)
        probe = [str(Path(initdb).with_name("pg_isready")), "-q", "-h", address]
        for _attempt in range(300):
            if subprocess.run(probe, check=False).returncode == 0:
                break
            time.sleep(0.1)
        kill_nine.set_up()
        sweeper = [sys.executable, "manage.py", "sweep_jobs", "--every", "2"]
        self._start("sweeper", [*inside, *sweeper])

    def _start(self, name: str, command: list[str]) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                command,
                cwd=crowd_site.ROOT,
                env=self.environment or None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_worker(self, host: str) -> None:
        """Returns when its child is there."""
        # A host name of its own too: leases tell who holds them.
        command = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host]
        command += ["taskset", "--cpu-list", str(CORES[host])]
        command += [sys.executable, "-m", "celery", "-A", "amberapp", "worker"]
        command += ["--concurrency", "1", "--hostname", f"worker@{host}", "--queues", "heavy"]
        command += ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        self._start(host, [*self.network.inside(host), *command])
        deadline = time.monotonic() + 120
        while " ready." not in (self.home / f"{host}.log").read_text(errors="replace"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"worker {host} does not start: see its log")
            time.sleep(0.2)

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        process = self.programs.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def measure(self, tiles: int) -> list[str]:
        region = small_tiles.make_region(tiles, side=400)
        print(f"{tiles} tiles, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
        self.start_worker("one")
        self._warm_up(region)
        first, alone = self._run(region, "one host")
        outcome = small_tiles.outcome_of(first)
        problems = [] if first.state == "done" else [f"the first run is {first.state}"]

        small_tiles.forget_pixels(region)
        self.start_worker("two")
        self._warm_up(region)
        second, both = self._run(region, "two hosts")
        print(f"two hosts against one: {both / alone:.2f} times the rate")
        problems += small_tiles.differences(outcome, small_tiles.outcome_of(second))

        small_tiles.forget_pixels(region)
        third = self._run_with_a_cut(region)
        problems += [] if third.state == "done" else [f"the run with the cut is {third.state}"]
        return problems + small_tiles.differences(outcome, small_tiles.outcome_of(third))

    def _warm_up(self, region: Any) -> None:
        """A run of which the first shards load libraries and the model in each worker; forgotten again."""
        from detection.runs.runs import cancel_run, start_run

        run = start_run(region=region, acting_user=None)
        seen: dict[str, set[str]] = {host: set() for host in self.programs.keys() & CORES.keys()}
        for _look in self._looks():
            for owner in run.shards.filter(state="running").values_list("lease_owner", flat=True):
                seen[owner.partition(":")[0]].add(owner)
            if all(len(shards) >= 2 for shards in seen.values()):
                break
        cancel_run(run=run, acting_user=None)
        while run.shards.filter(state="running").exists():
            time.sleep(0.2)
        time.sleep(2)  # what was in hand ends without writing
        small_tiles.forget_pixels(region)

    def _looks(self) -> Iterator[None]:
        """A look every fifth of a second, for a limited time. Raises RuntimeError at the end of it."""
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline:
            yield
            time.sleep(0.2)
        raise RuntimeError("this takes too long: see the logs of the workers")

    def _run(self, region: Any, name: str) -> tuple[Any, float]:
        """One run to its end; it, and tiles a second between the first shard's and the last shard's end."""
        from detection.runs.runs import start_run

        before = self._store_seconds()
        run = start_run(region=region, acting_user=None)
        for _look in self._looks():
            run.refresh_from_db()
            if run.has_ended:
                break
        ends = list(run.shards.order_by("finished_at").values_list("finished_at", "tiles"))
        began, ended = ends[0][0], ends[-1][0]
        assert began is not None and ended is not None
        seconds = (ended - began).total_seconds()
        rate = sum(count for _end, count in ends[1:]) / seconds
        share = (self._store_seconds() - before) / seconds
        print(
            f"{name}: {rate:.2f} tiles/s ({seconds:.0f} s); PostgreSQL and Redis used {share:.2f} of a core; "
            f"load {os.getloadavg()[0]:.1f}"
        )
        return run, rate

    def _store_seconds(self) -> float:
        """Processor seconds that the database's and the queue's processes have used."""
        total = 0.0
        for name in ("postgres", "redis"):
            waiting = [self.programs[name].pid]
            while waiting:
                pid = waiting.pop()
                total += crowd_site.processor_seconds_of(pid)
                waiting += kill_nine.children_of(pid)
        return total

    def _run_with_a_cut(self, region: Any) -> Any:
        """A run in which `two` loses its line with a shard in hand, and gets it back when another has the shard."""
        from detection.runs.runs import start_run

        run = start_run(region=region, acting_user=None)
        held = None
        for _look in self._looks():
            held = run.shards.filter(state="running", lease_owner__startswith="two:").first()
            if held is not None and run.shards.filter(state="done").count() >= 4:
                break
        assert held is not None
        self.network.cut("two")
        began = time.monotonic()
        print(f"line of two cut with shard {held.number} in hand")
        for _look in self._looks():
            held.refresh_from_db()
            run.refresh_from_db()
            if (held.state == "done" and held.attempts > 1) or run.has_ended:
                break
        print(
            f"shard {held.number} leased again and done by the other host {time.monotonic() - began:.1f} s later"
        )
        self.network.mend("two")
        for _look in self._looks():
            run.refresh_from_db()
            if run.has_ended:
                break
        print(f"run with a cut: {run.state}; shard {held.number} took {held.attempts} attempts")
        return run


if __name__ == "__main__":
    main()
