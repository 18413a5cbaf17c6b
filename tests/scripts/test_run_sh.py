"""What a person sees who types ./run.sh: help, clear refusals, a site, a clean end, everything kept."""

import datetime as dt
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from scripts import redis_server
from scripts.demo import choose_port
from scripts.environment import REDIS
from scripts.home import Home, HomeError, fingerprint
from scripts.supervise import Supervisor
from tests.paths import ROOT
from tests.waiting import eventually

RUN = str(ROOT / "run.sh")
# An address of this machine that nothing else uses.
SENDER = "127.83.21.9"


def environment(home: Path, **extra: str) -> dict[str, str]:
    """This process' environment without any site's settings, for a site in `home`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AMBER_")}
    # run.sh must set Django up by itself, whatever pytest set.
    clean.pop("DJANGO_SETTINGS_MODULE", None)
    clean.pop("PYTEST_VERSION", None)
    return {**clean, "AMBER_HOME": str(home), **extra}


def run(home: Path, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [RUN, *arguments],
        env=environment(home, **extra),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_option_and_writes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "--help")
    assert done.returncode == 0
    for option in ("--data", "--port", "--fresh", "--help"):
        assert option in done.stdout
    assert not (tmp_path / "home").exists()


def test_without_a_python_that_is_new_enough_it_says_what_to_install(tmp_path: Path) -> None:
    for name in ("dirname", "sh"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\ncase "$2" in *print*) echo 3.9.2 ;; *) exit 1 ;; esac\n')
    old.chmod(0o755)
    done = run(tmp_path / "home", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr
    assert "python3 3.9.2" in done.stderr
    assert "apt-get install python3" in done.stderr


def test_a_shim_without_an_interpreter_behind_it_is_passed_over(tmp_path: Path) -> None:
    for name in ("dirname", "sh"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    shim = tmp_path / "python3.11"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    (tmp_path / "python3").symlink_to(sys.executable)
    done = run(tmp_path / "home", "--help", PATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "not found" not in done.stderr


def test_a_folder_of_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "--data", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert f"there is no directory {tmp_path / 'nowhere'}" in done.stderr


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    done = run(tmp_path / "home", f"--port={port}")
    assert done.returncode == 2
    assert "1 to 65535" in done.stderr


def test_a_port_asked_for_and_taken_is_said_clearly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(tmp_path / "home", "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr


def test_without_a_wish_the_next_free_port_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.demo.is_free", lambda port: port >= 8002)
    assert choose_port(None) == 8002


def test_a_second_start_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.hold()
    home.sign()
    try:
        done = run(tmp_path)
    finally:
        home.close()
    assert done.returncode == 1
    assert "already running" in done.stderr


def test_a_site_that_is_no_demo_gets_no_demo_accounts(tmp_path: Path) -> None:
    (tmp_path / "amber.sqlite3").write_bytes(b"somebody's site")
    done = run(tmp_path, "--fresh")
    assert done.returncode == 1
    assert "not a demo" in done.stderr
    assert (tmp_path / "amber.sqlite3").read_bytes() == b"somebody's site"


def test_fresh_empties_a_demo_directory_and_keeps_its_lock(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.hold()
    home.sign()
    (tmp_path / "storage" / "tiles").mkdir(parents=True)
    (tmp_path / "amber.sqlite3").write_bytes(b"rows")
    home.check_is_demo()
    home.empty()
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    with pytest.raises(HomeError):
        Home(tmp_path).hold(seconds=0)
    home.close()


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = home.secret("secret_key")
    assert len(key) >= 50
    assert home.secret("secret_key") == key
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_step_is_done_again_only_for_another_input(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.sign()
    assert not home.is_done("migrate", "a")
    home.done("migrate", "a")
    assert home.is_done("migrate", "a")
    assert not home.is_done("migrate", "b")
    assert fingerprint([ROOT / "Makefile"]) == fingerprint([ROOT / "Makefile"])
    assert fingerprint([ROOT / "Makefile"]) != fingerprint([ROOT / "Makefile"], "another database")


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    (tmp_path / "run").mkdir()
    with Supervisor(directory=tmp_path, state=tmp_path, environment=os.environ, say=print) as made:
        yield made


@pytest.mark.slow
def test_redis_keeps_the_queue_over_a_stop_and_asks_for_a_password(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    import redis

    executable = REDIS.find()
    assert executable
    server = redis_server.configure(tmp_path, executable, redis_server.QUEUE)
    supervisor.start(server.program)
    assert supervisor.wait_for(server.answers, 10)
    redis.Redis.from_url(server.url).lpush("celery", "a message")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=server.port).ping()
    supervisor.forget("queue")
    again = redis_server.configure(tmp_path, executable, redis_server.QUEUE)
    assert again.password != server.password
    supervisor.start(again.program)
    assert supervisor.wait_for(again.answers, 10)
    assert redis.Redis.from_url(again.url).lrange("celery", 0, -1) == [b"a message"]


# --- the whole of it ------------------------------------------------------------------------------


class Demo:
    """A ./run.sh in a process of its own, and what it printed."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.output = home.with_name("output.txt")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [RUN, *arguments],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=self.output.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def printed(self, pattern: str, seconds: float) -> "re.Match[str]":
        def look() -> "re.Match[str] | bool | None":
            return re.search(pattern, self.output.read_text()) or self.process.poll() is not None

        eventually(look, seconds)
        found = re.search(pattern, self.output.read_text())
        assert found, f"{pattern!r} was not printed:\n{self.output.read_text()}"
        return found

    def family(self) -> dict[int, str]:
        """Processes of this site, known by the directory in their environment: number → command."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if f"AMBER_HOME={self.home}\0".encode() in (path / "environ").read_bytes():
                    found[int(path.name)] = (path / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
        return found

    def worker(self) -> int:
        """The number of Celery's own process, the first of its family."""
        return min(pid for pid, command in self.family().items() if "celery -A" in command)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def demos() -> Iterator[list[Demo]]:
    started: list[Demo] = []
    yield started
    for demo in started:
        if demo.process.poll() is None:
            demo.stop()


def page(address: str) -> tuple[int, str]:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.status, answer.read().decode()


def leave_traces(address: str) -> None:
    """From SENDER: wrong passwords, a reset, a report, a look through the API."""
    host = urllib.parse.urlsplit(address).netloc
    for method, path, fields in (
        ("POST", "/account/login/", {"login": "olena", "password": "guessed"}),
        ("POST", "/account/login/", {"login": "nobody", "password": "guessed"}),
        ("POST", "/account/signup/", {"username": "x", "password1": "x"}),
        ("POST", "/account/password/reset/", {"email": "nobody@example.org"}),
        ("POST", "/api/reports/", {"release": 1, "latitude": 51.5, "longitude": 26.5, "category": "missed"}),
        ("GET", "/api/releases/", {}),
        ("GET", "/api/tiles/", {}),
    ):
        connection = http.client.HTTPConnection(host, timeout=10, source_address=(SENDER, 0))
        headers = {"X-Forwarded-For": SENDER}
        if path.startswith("/account/"):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.read().decode())
            assert token, path
            cookies = [value.split(";")[0] for name, value in answer.getheaders() if name == "Set-Cookie"]
            headers |= {"Cookie": "; ".join(cookies), "Referer": address}
            fields = {**fields, "csrfmiddlewaretoken": token[1]}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
        connection.request(method, path, urllib.parse.urlencode(fields), headers)
        assert connection.getresponse().status < 500
        connection.close()


def daily_name_until_03(home: Path) -> str:
    """What version 0.3 made of SENDER: anybody with the disk can make it again."""
    secret = (home / "secret_key").read_text()
    key = hashlib.sha256(f"amber sender {dt.datetime.now(dt.UTC).date()}\0{secret}".encode()).digest()
    return hmac.new(key, SENDER.encode(), hashlib.sha256).hexdigest()[:32]


def files_with(home: Path, words: Iterable[str]) -> list[Path]:
    found = [path for path in home.rglob("*") if path.is_file()]
    wanted = [word.encode() for word in words]
    return [path for path in found if any(word in path.read_bytes() for word in wanted)]


def passwords(home: Path) -> Mapping[str, Any]:
    with sqlite3.connect(home / "amber.sqlite3") as database:
        return dict(database.execute("select username, password from amberapp_user").fetchall())


@pytest.mark.slow
def test_a_site_comes_up_mends_itself_ends_cleanly_and_keeps_what_people_did(
    tmp_path: Path, demos: list[Demo]
) -> None:
    home = tmp_path / "home"
    first = Demo(home)
    demos.append(first)
    address = first.printed(r"Open (http://127\.0\.0\.1:\d+/)", 120)[1]
    for account in ("olena", "taras", "maria"):
        first.printed(account, 5)
    assert page(address)[0] == 200

    # A crashed child is started again.
    before = first.worker()
    os.kill(before, signal.SIGKILL)
    first.printed("worker was ended by SIGKILL; starting it again", 10)
    eventually(lambda: not first.family() or "celery -A" in str(first.family().values()))
    assert first.worker() != before

    # A second start on the same directory is refused, and the first goes on.
    second = run(home)
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert page(address)[0] == 200

    # Somebody does something; then everything ends.
    with sqlite3.connect(home / "amber.sqlite3", timeout=30) as database:
        database.execute("update amberapp_user set first_name = 'Марія' where username = 'maria'")
    known = passwords(home)
    assert first.stop(signal.SIGINT) == 0
    assert first.family() == {}

    # What an earlier version wrote there goes with the next start, which is quick and knows everybody.
    (home / "redis" / "appendonlydir").mkdir(parents=True)
    (home / "redis" / "appendonlydir" / "appendonly.aof").write_text(f"{SENDER} {daily_name_until_03(home)}")
    again = Demo(home)
    demos.append(again)
    address = again.printed(r"Open (http://127\.0\.0\.1:\d+/)", 60)[1]
    assert time.monotonic() - again.began <= 20
    assert page(address)[0] == 200
    assert passwords(home) == known
    with sqlite3.connect(home / "amber.sqlite3") as database:
        assert database.execute(
            "select first_name from amberapp_user where username = 'maria'"
        ).fetchone() == ("Марія",)
    # Nothing on the disk leads to a sender: neither the address nor any name that the counts have for it.
    leave_traces(address)
    import redis

    counts = redis.Redis.from_url(redis_server.answering(home, redis_server.COUNTS))
    names = {name for key in counts.scan_iter() for name in re.findall(r"[0-9a-f]{32,}", key.decode())}
    assert len(names) >= 2
    drawn = [json.loads(counts.get(key)) for key in counts.keys("*sender-key*")]
    assert len(drawn) == 1
    assert again.stop(signal.SIGTERM) == 0
    assert again.family() == {}
    assert files_with(home, [SENDER, daily_name_until_03(home), *names, *drawn]) == []
    assert list((home / "counts").iterdir()) == []

    # Killed outright, the front leaves nobody behind.
    third = Demo(home)
    demos.append(third)
    third.printed(r"Open http", 60)
    third.process.kill()
    third.process.wait()
    assert eventually(lambda: third.family() == {}, 15)
