"""A site of its own for measuring the crowd: database, region, tiles, people who are logged in, and gunicorn.

What is made here goes to the database that Django is set up for; pictures are not made, because nothing that is
measured with it opens one.
"""

import contextlib
import datetime as dt
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.postgres import private_postgres

ROOT = Path(__file__).resolve().parent.parent
SECRET = "crowd-benchmark-" + "0" * 40
# As docs/running.md starts the web server.
WORKERS, THREADS = 2, 8


@contextlib.contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of a fresh database server; empty for SQLite, whose file lies in the site's home."""
    if kind == "postgresql":
        with private_postgres() as address:
            yield address
    else:
        yield ""


def environment(home: Path, address: str, secret: str = SECRET) -> dict[str, str]:
    """What a program of the site needs to know; nothing of the site of whoever measures."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AMBER_")}
    mine = {"AMBER_HOME": str(home), "AMBER_DATABASE_URL": address, "AMBER_SECRET_KEY": secret}
    return {**clean, **mine, "DJANGO_SETTINGS_MODULE": "amberapp.settings"}


def prepare(home: Path, address: str) -> None:
    """Set Django up in this process for a site that is not there yet, and make its tables."""
    (home / "static").mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith("AMBER_")]:
        del os.environ[name]
    os.environ.update(environment(home, address))
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


# What the site holds -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Person:
    """Somebody with a session, as their browser knows it."""

    pk: int
    session: str


def make_region(name: str = "Crowdshire", **rules: Any) -> Any:
    """A region whose desk has these rules; what is not named stays at its default."""
    from detection.models import ImagerySource, Region
    from labeling.models import DeskRules

    source, _ = ImagerySource.objects.get_or_create(
        name="Nothing seen", defaults={"attribution": "made for a measurement", "synthetic": True}
    )
    region, _ = Region.objects.get_or_create(name=name, slug=name.lower(), defaults={"source": source})
    DeskRules.objects.update_or_create(region=region, defaults=rules)
    return region


def make_tiles(region: Any, count: int, superpixels: int) -> list[int]:
    """`count` more tiles in the region's queue; their numbers as segmented tiles."""
    from django.db import transaction

    from detection.models import Segmentation, SegmentedTile, Tile
    from labeling.desk.queue_state import open_tile

    segmentation = Segmentation.objects.order_by("pk").first() or Segmentation.objects.create(
        key="measured", n_segments=superpixels, compactness=10, sigma=1, downscale=1
    )
    first = region.tiles.count()
    with transaction.atomic():
        tiles = Tile.objects.bulk_create(
            [
                Tile(
                    region=region,
                    source=region.source,
                    file_name=f"{number}.jpg",
                    sha256=hashlib.sha256(f"{region.pk} {number}".encode()).hexdigest(),
                    image_key="none",
                    width=1000,
                    height=1000,
                )
                for number in range(first, first + count)
            ]
        )
        cut = SegmentedTile.objects.bulk_create(
            SegmentedTile(tile=tile, segmentation=segmentation, superpixels=superpixels) for tile in tiles
        )
        for segmented in cut:
            open_tile(segmented)
    return [segmented.pk for segmented in cut]


def make_people(count: int, name: str = "volunteer") -> list[Person]:
    """`count` volunteers, each logged in; nobody can log in as one of them."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.hashers import make_password
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    from amberapp.models import User

    people = User.objects.bulk_create(
        [
            User(
                username=f"{name}{number}", email=f"{name}{number}@example.org", password=make_password(None)
            )
            for number in range(count)
        ]
    )
    store = SessionStore()
    until = timezone.now() + dt.timedelta(days=1)
    sessions = [
        Session(
            session_key=hashlib.sha256(f"{settings.SECRET_KEY} {person.pk}".encode()).hexdigest()[:32],
            session_data=store.encode(
                {
                    SESSION_KEY: str(person.pk),
                    BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                    HASH_SESSION_KEY: person.get_session_auth_hash(),
                }
            ),
            expire_date=until,
        )
        for person in people
    ]
    Session.objects.bulk_create(sessions)
    return [Person(person.pk, row.session_key) for person, row in zip(people, sessions, strict=True)]


# The quota, watched by the database itself ---------------------------------------------------------------------------

SPENT = """
    (SELECT count(*) FROM labeling_claim
      WHERE segmented_tile_id = NEW.segmented_tile_id AND state = 'open' AND served <> 'known')
  + (SELECT count(*) FROM labeling_submission
      WHERE segmented_tile_id = NEW.segmented_tile_id AND origin = 'desk' AND spare = '' AND withdrawn_at IS NULL)
  > (SELECT wanted FROM labeling_tileprogress WHERE segmented_tile_id = NEW.segmented_tile_id)
"""


def watch_the_quota() -> None:
    """From now on the database writes down every open claim that its tile had no vote left for."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE above_quota (segmented_tile_id bigint NOT NULL)")
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE FUNCTION note_above_quota() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF {SPENT} THEN INSERT INTO above_quota VALUES (NEW.segmented_tile_id); END IF; "
                "RETURN NULL; END $$"
            )
            cursor.execute(
                "CREATE TRIGGER quota AFTER INSERT OR UPDATE OF state ON labeling_claim FOR EACH ROW "
                "WHEN (NEW.state = 'open' AND NEW.served <> 'known') EXECUTE FUNCTION note_above_quota()"
            )
        else:
            for name, event in (("inserted", "INSERT"), ("updated", "UPDATE OF state")):
                cursor.execute(
                    f"CREATE TRIGGER quota_{name} AFTER {event} ON labeling_claim "
                    f"WHEN NEW.state = 'open' AND NEW.served <> 'known' AND {SPENT} "
                    "BEGIN INSERT INTO above_quota VALUES (NEW.segmented_tile_id); END"
                )


def stop_watching() -> None:
    """Take table and triggers away again."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP TRIGGER quota ON labeling_claim; DROP FUNCTION note_above_quota()")
        else:
            cursor.execute("DROP TRIGGER quota_inserted")
            cursor.execute("DROP TRIGGER quota_updated")
        cursor.execute("DROP TABLE above_quota")


def above_quota() -> int:
    """How often a tile was given to more people than it wanted votes of, so far as it was watched."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM above_quota")
        return int(cursor.fetchone()[0])


# Serving -------------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """gunicorn, as docs/running.md starts it, in a process group of its own."""

    home: Path
    address: str
    port: int
    workers: int = WORKERS
    secret: str = SECRET
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Returns when it answers. Raises RuntimeError with the end of its log when it does not."""
        command = [sys.executable, "-m", "gunicorn", "--config", "python:amberapp.serving"]
        command += ["amberapp.wsgi:application"]
        command += ["--bind", f"127.0.0.1:{self.port}", "--workers", str(self.workers)]
        command += ["--worker-class", "gthread", "--threads", str(THREADS)]
        command += ["--access-logfile", str(self.home / "access.log"), "--no-control-socket"]
        with (self.home / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(self.home, self.address, self.secret),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._answers():
                return
            time.sleep(0.1)
        raise RuntimeError(f"the server does not start: {(self.home / 'web.log').read_text()[-2000:]}")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 10) as line:
            line.sendall(b"GET /health/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return line.recv(64).startswith(b"HTTP/1.1 200")
        return False

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)

    def kill(self) -> None:
        """SIGKILL to the whole group at once, in the middle of whatever it does."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def processor_seconds(self) -> float:
        """What its processes have used so far."""
        assert self.process is not None
        return sum(processor_seconds_of(pid) for pid in _group(self.process.pid))

    def log(self) -> str:
        return (self.home / "web.log").read_text(errors="replace")


@contextlib.contextmanager
def served(home: Path, address: str, workers: int = WORKERS, secret: str = SECRET) -> Iterator[Server]:
    server = Server(home, address, free_port(), workers, secret)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _group(leader: int) -> list[int]:
    """The processes of a group that is alive."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[2]) == leader:
                    found.append(int(entry.name))
    return found


def processor_seconds_of(pid: int) -> float:
    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
