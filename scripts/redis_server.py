"""The demo's own Redis servers, on 127.0.0.1, each behind a password: one keeps the queue on the disk, the other counts
what people do and writes nothing.

A TCP port and not a socket file, because Django's cache and Celery write the address of a socket file
differently. The password changes with every start; commands of the same demo read it from the configuration.
"""

import re
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from scripts.supervise import Program

CONFIGURATION = """\
bind 127.0.0.1
protected-mode yes
port {port}
requirepass {password}
dir {directory}
{persistence}
save ""
daemonize no
pidfile ""
loglevel notice
logfile ""
"""

# The variable that names each server, and what it keeps: an append-only file holds keys long after they ran out.
QUEUE, COUNTS = "AMBER_REDIS_URL", "AMBER_CACHE_URL"
KEEPS = {QUEUE: "appendonly yes\nappendfsync everysec", COUNTS: "appendonly no"}
NAMES = {QUEUE: "queue", COUNTS: "counts"}
# Version 0.3 and those before kept both in one server's file here, senders' keys among them.
BEFORE = "redis"


@dataclass(frozen=True)
class RedisServer:
    """Where this start's Redis listens, and the program to supervise."""

    port: int
    password: str
    program: Program

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        """Whether it serves: it listens early, but refuses while it still loads its data."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                connection.settimeout(0.5)
                answer = b""
                while answer.count(b"\r\n") < 2:
                    data = connection.recv(200)
                    if not data:
                        return False
                    answer += data
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


def configure(home: Path, executable: str, variable: str) -> RedisServer:
    """Write the configuration of QUEUE or COUNTS on a free port, its data under `home`."""
    shutil.rmtree(home / BEFORE, ignore_errors=True)
    name = NAMES[variable]
    data = home / name
    data.mkdir(mode=0o700, exist_ok=True)
    port = free_port()
    password = secrets.token_urlsafe(24)
    path = home / "run" / f"{name}.conf"
    path.touch(mode=0o600)
    path.write_text(
        CONFIGURATION.format(
            port=port, password=password, directory=_quoted(data), persistence=KEEPS[variable]
        )
    )
    return RedisServer(port, password, Program(name, [executable, str(path)], stops_last=True))


def answering(home: Path, variable: str) -> str:
    """The address of the demo's QUEUE or COUNTS in `home` when it serves now, otherwise nothing."""
    try:
        text = (home / "run" / f"{NAMES[variable]}.conf").read_text()
    except OSError:
        return ""
    values = dict(re.findall(r"^(port|requirepass) (\S+)$", text, flags=re.MULTILINE))
    server = RedisServer(int(values["port"]), values["requirepass"], Program(NAMES[variable], []))
    return server.url if server.answers() else ""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
