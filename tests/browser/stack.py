"""The whole product as `./run.sh` starts it: web server, worker, sweeper, Redis, demo content."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.paths import ROOT

READY_WITHIN = 600


@contextmanager
def running_site(home: Path, port: int, data: Path | None = None) -> Iterator[str]:
    """Start the site under `home`, wait for its content, give its address, stop it and all its children."""
    # The children must not think that they are the tests.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AMBER_", "PYTEST_", "DJANGO_"))
    }
    command = ["./run.sh", "--port", str(port), *(["--data", str(data)] if data else [])]
    with (home / "run.log").open("wb") as log:
        site = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "AMBER_HOME": str(home / "var")},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(address, site, home / "run.log")
            yield address
        finally:
            os.killpg(site.pid, signal.SIGINT)
            try:
                site.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(site.pid, signal.SIGKILL)


def _wait_until_ready(address: str, site: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if site.poll() is not None:
            raise AssertionError(f"run.sh ended early:\n{log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(f"{address}/api/preparing/", timeout=5) as answer:
                state = json.load(answer)
        except (urllib.error.URLError, OSError):
            state = {}
        if state.get("ready"):
            return
        if state.get("failed"):
            raise AssertionError(f"the demo content failed: {state['message']}")
        time.sleep(1)
    raise AssertionError(f"not ready within {READY_WITHIN} s:\n{log.read_text()[-3000:]}")
