"""The one directory the site writes to: held by one start at a time, emptied only when it is a demo's.

Standard library only. What lies inside is the business of the programs that write there.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from scripts.environment import ROOT

MARK = "demo.txt"
MARK_TEXT = "This directory belongs to Amber's demo (run.sh). `./run.sh --fresh` empties it.\n"


class HomeError(Exception):
    """The directory cannot be used; the message says why and what to do."""


class Home:
    """AMBER_HOME of a demo, locked until `close` and until every process that got `lock` is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self.lock = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise HomeError(f"Cannot write to {path}: {error.strerror}.") from None

    @classmethod
    def from_environment(cls) -> "Home":
        """As the settings read it: relative to the repository unless absolute, `var` by default."""
        return cls(ROOT / os.environ.get("AMBER_HOME", "var"))

    def hold(self, seconds: float = 10.0) -> None:
        """Take the lock. Waits a little: after a kill -9 the old programs need a moment to end.

        Raises HomeError when another start has it.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if self._is_served() or time.monotonic() > deadline:
                    raise HomeError(
                        f"Amber is already running on {self.path}. Stop it first (Ctrl-C where it was "
                        "started), or give this start a directory of its own: AMBER_HOME=/some/where ./run.sh"
                    ) from None
                time.sleep(0.2)

    def _is_served(self) -> bool:
        """Whether the supervisor that noted itself here still lives (then waiting is of no use)."""
        try:
            os.kill(int((self.path / "run" / "supervisor.pid").read_text()), 0)
        except (OSError, ValueError):
            return False
        return True

    def sign(self) -> None:
        """Note who holds the directory, and that it is a demo's."""
        (self.path / "run").mkdir(mode=0o700, exist_ok=True)
        (self.path / "run" / "supervisor.pid").write_text(str(os.getpid()))
        if not (self.path / MARK).exists():
            (self.path / MARK).write_text(MARK_TEXT)

    def check_is_demo(self) -> None:
        """Raise HomeError where data lies that no demo made: a demo would put accounts with known passwords in."""
        foreign = (self.path / "amber.sqlite3").exists() and not (self.path / MARK).exists()
        if foreign and self.path.resolve() != (ROOT / "var").resolve():
            raise HomeError(
                f"{self.path} holds a site that is not a demo. Give the demo a directory of its own: "
                "AMBER_HOME=/some/where ./run.sh"
            )

    def empty(self) -> None:
        """Throw away everything inside but `run`, the notes of what runs. Call `check_is_demo` first."""
        for entry in self.path.iterdir():
            if entry.name == "run":
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def secret(self, name: str) -> str:
        """A random text made once and kept in a file that only its owner reads."""
        path = self.path / name
        if not path.exists() or not path.read_text().strip():
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(50))
            part.replace(path)
        return path.read_text().strip()

    def settings(self) -> dict[str, str]:
        """What the demo's programs and commands get beside the person's environment."""
        return {
            "AMBER_HOME": str(self.path),
            "AMBER_DEMO": "1",
            "AMBER_SECRET_KEY": os.environ.get("AMBER_SECRET_KEY") or self.secret("secret_key"),
            # One machine, one supervisor: a worker that stopped does not come back, so its work need not wait long.
            "AMBER_LEASE_SECONDS": os.environ.get("AMBER_LEASE_SECONDS", "20"),
        }

    def is_done(self, step: str, fingerprint: str) -> bool:
        """Whether the step was last done for exactly this input."""
        return self._steps().get(step) == fingerprint

    def done(self, step: str, fingerprint: str) -> None:
        """Remember that the step is done for this input."""
        path = self.path / "run" / "steps.json"
        path.write_text(json.dumps({**self._steps(), step: fingerprint}))

    def _steps(self) -> dict[str, str]:
        try:
            return dict(json.loads((self.path / "run" / "steps.json").read_text()))
        except (OSError, ValueError):
            return {}

    def close(self) -> None:
        """Let go of the directory."""
        (self.path / "run" / "supervisor.pid").unlink(missing_ok=True)
        os.close(self.lock)


def fingerprint(paths: Iterable[Path], *texts: str) -> str:
    """SHA-256 over the contents of files, and of everything below directories, with their names."""
    digest = hashlib.sha256(repr(texts).encode())
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode() + b"\0")
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
