"""`./run.sh`: set everything up, run web server, worker, sweeper and Redis, and show the way in.

Started by run.sh with any Python >= 3.11 and the standard library alone; the site itself runs in `.venv`.
It only runs the demo: production start commands are in docs/running.md.
"""

import argparse
import os
import shutil
import signal
import socket
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from scripts import environment, redis_server
from scripts.environment import PYTHON, ROOT, RUNTIME_LOCK, SetupError
from scripts.home import Home, HomeError, fingerprint
from scripts.supervise import Errand, GaveUp, Program, Stopped, Supervisor

DEFAULT_PORT = 8000
BIN = PYTHON.parent


class DemoError(Exception):
    """The demo cannot start or go on; the message is for the person who started it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo until it is stopped. 0: stopped by a person; 1: could not start or go on; 2: usage."""
    options = _options(arguments)
    try:
        return _demo(options)
    except (DemoError, SetupError, HomeError, GaveUp) as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    except (Stopped, KeyboardInterrupt):
        print("\nStopped.", flush=True)
        return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./run.sh",
        description="Set Amber up and run it as a demo: web server, worker, sweeper and Redis. "
        "Ctrl-C stops everything; the next start goes on where this one stopped.",
        epilog="Everything the site writes lies under var/, or under $AMBER_HOME when that is set.",
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        help="use the real tiles (DIR/tiles) and labelled crops (DIR/crops) and not made-up scenes",
    )
    parser.add_argument(
        "--port",
        metavar="N",
        type=_port,
        help=f"serve on this port (default: {DEFAULT_PORT}, or the next free one)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="throw away what earlier demos left and start anew"
    )
    options = parser.parse_args(arguments)
    if options.data is not None:
        options.data = options.data.expanduser().resolve()
        if not options.data.is_dir():
            parser.error(f"--data: there is no directory {options.data}")
    return options


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 1 to 65535")
    return int(text)


def _demo(options: argparse.Namespace) -> int:
    def interrupted(*_: object) -> None:
        raise Stopped

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    home = Home.from_environment()
    home.hold()
    try:
        home.check_is_demo()
        port = choose_port(options.port)
        print("Amber · demo", flush=True)
        if environment.ensure_virtual_environment([RUNTIME_LOCK], _say):
            _say("Python packages installed")
        own = [name for name in (redis_server.QUEUE, redis_server.COUNTS) if not os.environ.get(name)]
        redis = environment.redis_program(_say) if own else ""
        if options.fresh:
            if os.environ.get("AMBER_DATABASE_URL"):
                raise DemoError(
                    "--fresh does not empty the database that AMBER_DATABASE_URL names; do that yourself."
                )
            _say("starting afresh: earlier demo content removed")
            home.empty()
        home.sign()
        with _supervisor(home) as supervisor:
            for variable in own:
                _start_redis(supervisor, home, redis, variable)
            _serve(supervisor, home, options, port)
    finally:
        home.close()
    return 0


def _supervisor(home: Home) -> Supervisor:
    settings = {**os.environ, **home.settings(), "PYTHONUNBUFFERED": "1"}
    supervisor = Supervisor(directory=ROOT, state=home.path, environment=settings, say=_say, held=[home.lock])

    def asked(_number: int, _frame: FrameType | None) -> None:
        supervisor.ask_to_stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, asked)
    return supervisor


def _serve(supervisor: Supervisor, home: Home, options: argparse.Namespace, port: int) -> None:
    collecting = _begin_collecting(supervisor, home)
    _migrate(supervisor, home)
    web, worker, sweeper = programs(port)
    # In the order in which a person misses them: each takes seconds of a processor to start.
    if collecting is None:
        supervisor.start(web)
    accounts = _prepare(supervisor, options)
    supervisor.start(worker)
    if collecting is not None:
        _finish(supervisor, collecting)
        home.done("collectstatic", _static_fingerprint())
        _say("static files ready")
        supervisor.start(web)
    address = f"http://127.0.0.1:{port}/"
    if not supervisor.wait_for(lambda: answers(address), 120):
        raise DemoError(f"The site does not answer. The end of {home.path / 'log' / 'web.log'} may say why.")
    print(f"\n  Open {address}\n\n{textwrap.indent(accounts, '  ')}", flush=True)
    supervisor.start(sweeper)
    status, _ = supervisor.run("follow_demo", _manage("follow_demo"), shown=True)
    if status == 0:
        _say("Ready. Ctrl-C stops everything; what people did stays in " + _short(home.path) + ".")
    else:
        _say("The site runs, but its content is incomplete. Logs: " + _short(home.path / "log") + ".")
    while True:
        supervisor.turn(1.0)


def programs(port: int) -> list[Program]:
    """The site's programs, as docs/running.md describes them, with the demo's numbers."""
    return [
        Program(
            "web",
            [str(BIN / "gunicorn"), "--config", "python:amberapp.serving", "amberapp.wsgi:application"]
            + ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread", "--threads", "8"]
            + ["--graceful-timeout", "5", "--no-control-socket"],
        ),
        Program(
            "worker",
            [str(BIN / "celery"), "-A", "amberapp", "worker", "--concurrency", "2"]
            + [
                "--max-memory-per-child",
                "650000",
                "--without-gossip",
                "--without-mingle",
                "--loglevel",
                "INFO",
            ],
        ),
        Program("sweeper", _manage("sweep_jobs", "--every", "10")),
    ]


def _manage(*arguments: str) -> list[str]:
    return [str(PYTHON), str(ROOT / "manage.py"), *arguments]


def _start_redis(supervisor: Supervisor, home: Home, executable: str, variable: str) -> None:
    for _ in range(3):  # another program may take the free port in the moment before Redis does
        server = redis_server.configure(home.path, executable, variable)
        supervisor.start(server.program)
        if supervisor.wait_for(server.answers, 8):
            supervisor.environment[variable] = server.url
            return
        supervisor.forget(server.program.name)
    log = home.path / "log" / f"{server.program.name}.log"
    raise DemoError(f"Redis does not start. The end of {log} may say why.")


def _migrate(supervisor: Supervisor, home: Home) -> None:
    """Bring the database up to date, when it is not known to be."""
    elsewhere = os.environ.get("AMBER_DATABASE_URL", "")
    schema = fingerprint([RUNTIME_LOCK, *ROOT.glob("*/migrations")], elsewhere)
    if elsewhere or not (home.path / "amber.sqlite3").exists() or not home.is_done("migrate", schema):
        _step(supervisor, "migrate", "--no-input", "--verbosity", "1")
        home.done("migrate", schema)
        _say("database ready")


def _begin_collecting(supervisor: Supervisor, home: Home) -> Errand | None:
    """Start collecting the static files; None when they did not change. The web server needs the end of it."""
    static = home.path / "static"
    if static.is_dir() and home.is_done("collectstatic", _static_fingerprint()):
        return None
    shutil.rmtree(static, ignore_errors=True)
    return supervisor.begin("collectstatic", _manage("collectstatic", "--no-input", "--verbosity", "1"))


def _static_fingerprint() -> str:
    return fingerprint([RUNTIME_LOCK, ROOT / "static", ROOT / "amberapp" / "web" / "staticfiles.py"])


def _prepare(supervisor: Supervisor, options: argparse.Namespace) -> str:
    """Accounts and content: asks for both and returns the accounts, as text for a person."""
    arguments = ["prepare_demo"]
    if options.data is not None:
        arguments += ["--data", str(options.data)]
    return _step(supervisor, *arguments)


def _step(supervisor: Supervisor, *arguments: str) -> str:
    return _finish(supervisor, supervisor.begin(arguments[0], _manage(*arguments)))


def _finish(supervisor: Supervisor, errand: Errand) -> str:
    status, output = supervisor.finish(errand)
    if status != 0:
        raise DemoError(
            f"“manage.py {errand.program.name}” failed. The end of {errand.log.path}:\n"
            + errand.log.last_lines(12)
        )
    return output.decode(errors="replace")


def choose_port(wanted: int | None) -> int:
    """The port asked for, or the first free one from 8000 on. Raises DemoError."""
    if wanted is not None:
        if not is_free(wanted):
            raise DemoError(
                f"Port {wanted} is taken by another program (or not allowed). Choose another --port."
            )
        return wanted
    for port in range(DEFAULT_PORT, DEFAULT_PORT + 100):
        if is_free(port):
            return port
    raise DemoError(f"No free port from {DEFAULT_PORT} to {DEFAULT_PORT + 99}. Choose one with --port.")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As gunicorn does it: connections of the last start that still time out are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(address: str) -> bool:
    """Whether a page comes back, whatever it says; a server error is an answer only for a person to see."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=3):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _say(sentence: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')}  {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
