"""A private PostgreSQL for checks: made under a temporary directory, gone at the end.

`python -m scripts.postgres COMMAND …` runs the command with AMBER_DATABASE_URL pointing at it. It listens
on a free port of 127.0.0.1 only and trusts who comes from there, so it is nothing to keep data in. It
refuses to run as root, so a root shell starts it as the user `postgres` of the Debian package.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.environment import POSTGRES, SetupError
from scripts.redis_server import free_port

USER = "amber"
# Nothing here survives a crash anyway, so PostgreSQL need not wait for the disk.
OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")


@contextmanager
def private_postgres() -> Iterator[str]:
    """Yield the address (postgres://…) of a fresh server. Raises SetupError when it does not start."""
    initdb = POSTGRES.find()
    if initdb is None:
        raise SetupError("PostgreSQL is missing; on Debian or Ubuntu: sudo apt-get install postgresql")
    account = _account()
    base = Path(tempfile.mkdtemp(prefix="amber-postgres-"))
    server = None
    try:
        if account:
            os.chown(base, account["user"], account["group"])
        data, port = base / "data", free_port()
        made = subprocess.run(
            [
                initdb,
                "-D",
                str(data),
                "-U",
                USER,
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=base,
            **account,
        )
        if made.returncode != 0:
            raise SetupError(f"initdb failed:\n{made.stdout}{made.stderr}")
        command = [
            str(Path(initdb).with_name("postgres")),
            "-D",
            str(data),
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
        ]
        for option in (*OPTIONS, f"unix_socket_directories={base}"):
            command += ["-c", option]
        with (base / "log").open("wb") as log:
            server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=base,
                **account,
            )
        _wait_until_ready(server, base, Path(initdb).with_name("pg_isready"), port)
        yield f"postgres://{USER}@127.0.0.1:{port}/postgres"
    finally:
        if server is not None:
            # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
            server.send_signal(signal.SIGINT)
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()
        shutil.rmtree(base, ignore_errors=True)


def _account() -> dict[str, Any]:
    """Arguments for subprocess that run it as `postgres` when this is root; none otherwise."""
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise SetupError(
            "There is no user “postgres” to run PostgreSQL as; apt-get install postgresql"
        ) from None
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _wait_until_ready(server: "subprocess.Popen[bytes]", base: Path, probe: Path, port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        check = [str(probe), "-q", "-h", "127.0.0.1", "-p", str(port), "-U", USER]
        if subprocess.run(check, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise SetupError(f"PostgreSQL does not start:\n{(base / 'log').read_text(errors='replace')[-2000:]}")


def main(command: Sequence[str]) -> int:
    """Run `command` against a private server; its exit code."""
    with private_postgres() as address:
        return subprocess.run(
            command, env={**os.environ, "AMBER_DATABASE_URL": address}, check=False
        ).returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(str(error))
