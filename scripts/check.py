"""`./test.sh`: set up what the checks need, run them all, and say how long each took.

Every check runs even when an earlier one failed, so one run shows everything. The last line counts the
tests and the other checks together; continuous integration reads it. Standard library only.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts import environment
from scripts.environment import DEVELOPMENT_LOCK, PYTHON, ROOT, RUNTIME_LOCK, SetupError
from scripts.postgres import private_postgres

BIN = PYTHON.parent
BYTECODE = BIN.parent / "bytecode"
NODE_BIN = ROOT / "node_modules" / ".bin"
QUICK = "not slow and not browser"
COVERAGE = [str(BIN / "coverage"), "report", "--format=total"]
ONE_AT_A_TIME = threading.Lock()
ROOM_IN_MEMORY = 4 * 2**30


@dataclass
class Tally:
    """How one step ended."""

    name: str
    seconds: float
    passed: int
    failed: int
    skipped: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks. 0: all passed; 1: some failed; 2: usage or the machine lacks something."""
    parser = argparse.ArgumentParser(
        prog="./test.sh",
        description="Set up and run every check: tests, types, style, import rules, migrations.",
    )
    parser.add_argument(
        "--fast", action="store_true", help="leave out browser tests, slow tests and the run on PostgreSQL"
    )
    fast: bool = parser.parse_args(arguments).fast
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        _set_up(fast)
        tempfile.tempdir = _quick_folder()
        with tempfile.TemporaryDirectory(prefix="amber-test-") as scratch:
            Path(scratch).chmod(0o755)  # PostgreSQL may run as a user of its own
            (Path(scratch) / "home" / "static").mkdir(parents=True)  # the site warns when it is not there
            tallies = _fast(Path(scratch)) if fast else _everything(Path(scratch))
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    return _report(tallies, time.monotonic() - began)


def _set_up(fast: bool) -> None:
    began = time.monotonic()
    needs = [environment.REDIS, environment.GETTEXT, environment.NODE, environment.NPM]
    if not fast:
        needs += [environment.POSTGRES, environment.CHROMIUM]
    environment.ensure_programs(needs, _say)
    environment.ensure_virtual_environment([RUNTIME_LOCK, DEVELOPMENT_LOCK], _say)
    environment.ensure_node_modules(_say)
    _say(f"set up in {time.monotonic() - began:.1f} s")


def _quick_folder() -> str | None:
    """A folder in memory where there is room for what the tests write; None: where temporary files lie anyway.

    A file of the site is on the disk before its name is known: on a disk the tests wait for that thousands of times.
    """
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ROOM_IN_MEMORY:
        return str(memory)
    return None


def _fast(scratch: Path) -> list[Tally]:
    return [*_static_checks(scratch), _pytest(scratch, "tests", [*_workers(2), "-m", QUICK])]


def _everything(scratch: Path) -> list[Tally]:
    tallies = _static_checks(scratch)
    # Tracing costs a third of the processor, and what a browser sees runs in other processes: quick tests alone pay it.
    quick = [*_workers(2), "-m", QUICK, "--cov", "--cov-report="]
    tallies.append(_pytest(scratch, "quick tests", quick))
    # They wait for browsers and for processes that they start: a third one uses what two leave of two cores.
    tallies.append(_pytest(scratch, "slow tests", [*_workers(3), "-m", f"not ({QUICK})"]))
    tallies.append(_check(scratch, "coverage of the quick tests, %", COVERAGE))
    with private_postgres() as address:
        chosen = [*_workers(3), "-m", "database and not browser"]
        tallies.append(_pytest(scratch, "tests on PostgreSQL", chosen, {"AMBER_DATABASE_URL": address}))
    return tallies


def _workers(count: int) -> list[str]:
    """A file stays in one process, which keeps what it has made; the longest of tests/conftest.py come first."""
    return ["-n", str(count), "--dist", "loadfile", "--no-loadscope-reorder"]


def _static_checks(scratch: Path) -> list[Tally]:
    """Beside one another, the longest first."""
    manage = [str(PYTHON), str(ROOT / "manage.py")]
    biome = [str(NODE_BIN / "biome"), "check", "--error-on-warnings"]
    checks = {
        "mypy": [str(BIN / "mypy"), "amberapp", "detection", "labeling", "scripts"],
        "javascript types": [str(NODE_BIN / "tsc"), "--project", str(ROOT)],
        "ruff": [str(BIN / "ruff"), "check"],
        "ruff format": [str(BIN / "ruff"), "format", "--check"],
        "templates": [str(BIN / "djlint"), "--check", "--quiet", "templates"],
        "import contracts": [str(BIN / "lint-imports")],
        "migrations": [*manage, "makemigrations", "--check", "--dry-run"],
        # Named: biome would go through all folders, the ignored ones too, to find what its settings name.
        "javascript style": [*biome, "static/js", "scripts/js"],
    }
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda name: _check(scratch, name, checks[name]), checks))


def _environment(scratch: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """The person's environment without their site: checks must not touch its data, nor depend on it."""
    left_out = ("AMBER_", "PYTHONDONTWRITEBYTECODE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    # Hundreds of processes start: what one has compiled the next ones read.
    places = {
        "AMBER_HOME": str(scratch / "home"),
        "COVERAGE_FILE": str(scratch / "coverage"),
        "TMPDIR": str(scratch),
    }
    return {**clean, **places, "PYTHONPYCACHEPREFIX": str(BYTECODE), **extra}


def _check(scratch: Path, name: str, command: Sequence[str]) -> Tally:
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=_environment(scratch, {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    with ONE_AT_A_TIME:
        _say(name)
        print(done.stdout, end="", flush=True)
    failed = int(done.returncode != 0)
    return Tally(name, time.monotonic() - began, 1 - failed, failed)


def _pytest(
    scratch: Path, name: str, options: Sequence[str], extra: Mapping[str, str] | None = None
) -> Tally:
    _say(name)
    report = scratch / f"{name}.xml"
    began = time.monotonic()
    done = subprocess.run(
        [str(PYTHON), "-m", "pytest", "-q", f"--junitxml={report}", *options],
        cwd=ROOT,
        env=_environment(scratch, extra or {}),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    tally = Tally(name, time.monotonic() - began, 0, 0)
    if report.exists():
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            tally.failed += failed
            tally.skipped += skipped
            tally.passed += int(suite.get("tests", 0)) - failed - skipped
    # Not a single test, or pytest itself broke down: that is a failure too.
    if done.returncode != 0 and tally.failed == 0:
        tally.failed = 1
    return tally


def _report(tallies: Sequence[Tally], seconds: float) -> int:
    print()
    for tally in tallies:
        verdict = "FAILED" if tally.failed else "ok"
        print(f"  {tally.seconds:7.1f} s  {verdict:6}  {tally.name}")
    passed = sum(tally.passed for tally in tallies)
    failed = sum(tally.failed for tally in tallies)
    skipped = sum(tally.skipped for tally in tallies)
    print(f"  {seconds:7.1f} s  in all, some beside others\n")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed else 0


def _say(sentence: str) -> None:
    columns = shutil.get_terminal_size().columns
    print(f"\n── {sentence} ".ljust(min(columns, 100), "─"), flush=True)


if __name__ == "__main__":
    sys.exit(main())
