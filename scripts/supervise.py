"""Keeping a handful of programs running: start, log, restart, stop, and leave nobody behind.

Each program runs in a session of its own, so its whole family can be signalled as one group. The loop
runs in one thread: it copies what the programs print into their log files, notices who ended and starts
them again after a pause that doubles. A second, tiny process, the watchdog, holds the other end of a pipe
and ends every group when the supervisor itself dies, however it dies.

Standard library only. It supervises the demo; in production the service manager or the container engine
does this work (docs/running.md).
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

WATCHDOG = Path(__file__).with_name("watchdog.py")


@dataclass(frozen=True)
class Program:
    """One program to keep running. `grace`: seconds between the polite and the final signal."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    grace: float = 8.0
    stops_last: bool = False


@dataclass(frozen=True)
class Patience:
    """When to start a program again, and when to give up on it.

    A program that ran for `settled` seconds counts as sound: its next crash is a first one. After
    `crashes` in a row the supervisor gives up. Times in seconds.
    """

    first_pause: float = 0.5
    longest_pause: float = 15.0
    settled: float = 20.0
    crashes: int = 6

    def pause(self, crash: int) -> float:
        """Seconds to wait before the start that follows crash number `crash` (from 1)."""
        return float(min(self.longest_pause, self.first_pause * 2 ** (crash - 1)))


class GaveUp(Exception):
    """A program crashed too often; the message names it and ends with the last lines of its log."""


class Stopped(Exception):
    """Somebody asked the supervisor to stop."""


class RollingLog:
    """A log file that is set aside as `.1`, `.2`, … when it grows beyond `limit` bytes."""

    def __init__(self, path: Path, limit: int = 2_000_000, kept: int = 3) -> None:
        self.path = path
        self.limit = limit
        self.kept = kept
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def write(self, data: bytes) -> None:
        if self._file.tell() > 0 and self._file.tell() + len(data) > self.limit:
            self._file.close()
            for number in range(self.kept, 1, -1):
                with contextlib.suppress(FileNotFoundError):
                    self._numbered(number - 1).replace(self._numbered(number))
            self.path.replace(self._numbered(1))
            self._file = self.path.open("ab")
        self._file.write(data)
        self._file.flush()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def last_lines(self, count: int) -> str:
        return "\n".join(self.path.read_text(errors="replace").splitlines()[-count:])

    def close(self) -> None:
        self._file.close()


class _Running:
    """A program of the table, with its process when it has one."""

    def __init__(self, program: Program, log: RollingLog) -> None:
        self.program = program
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.crashes = 0
        self.start_again_at: float | None = None


class Errand(_Running):
    """A command that ends by itself, with what it printed so far."""

    def __init__(self, program: Program, log: RollingLog) -> None:
        super().__init__(program, log)
        self.output = bytearray()


class Supervisor:
    """Runs programs until `stop`. Use it as a context manager: leaving the block stops everything.

    `directory` is where the programs run, `state` a directory for logs and for the note of who runs.
    `say` gets the few sentences a person should see. `held` are file descriptors (locks) that must stay
    open until the last program is gone, even when the supervisor dies first.
    """

    def __init__(
        self,
        *,
        directory: Path,
        state: Path,
        environment: Mapping[str, str],
        say: Callable[[str], None],
        patience: Patience | None = None,
        held: Sequence[int] = (),
    ) -> None:
        self.directory = directory
        self.logs = state / "log"
        self.note = state / "run" / "processes.json"
        self.environment = dict(environment)
        self.say = say
        self.patience = patience or Patience()
        self._running: dict[str, _Running] = {}
        self._errands: list[Errand] = []
        self._groups: dict[int, str] = {}
        self._asked = 0
        self._selector = selectors.DefaultSelector()
        self._own_log = RollingLog(self.logs / "supervisor.log")
        self.note.parent.mkdir(parents=True, exist_ok=True)
        self._end_leftovers()
        # Who is killed between starting a child and telling of it has still marked the child.
        self._mark = f"{os.getpid()}-{time.time_ns()}"
        self._watchdog = subprocess.Popen(
            [sys.executable, "-S", str(WATCHDOG), self._mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=tuple(held),
        )

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ask_to_stop(self) -> None:
        """For signal handlers: the next turn raises Stopped. Asked twice, stopping waits for nobody.

        A handler that raised by itself could lose a process between its start and its note.
        """
        self._asked += 1

    def start(self, program: Program) -> None:
        """Start a program and keep it running from now on."""
        running = _Running(program, RollingLog(self.logs / f"{program.name}.log"))
        self._running[program.name] = running
        self._launch(running)

    def forget(self, name: str) -> None:
        """Stop one program and keep it running no longer."""
        running = self._running.pop(name)
        self._end([running])
        running.log.close()

    def process_of(self, name: str) -> int | None:
        """The number of the program's process; None while it has none or has just ended."""
        running = self._running[name]
        if running.process is None or _has_ended(running.process):
            return None
        return running.process.pid

    def begin(self, name: str, command: Sequence[str], *, shown: bool = False) -> "Errand":
        """Start a command that ends by itself; `finish` waits for it. The programs are not affected.

        With `shown` it writes straight to the terminal; otherwise its standard output is kept, and what it
        writes to standard error goes to its log.
        """
        errand = Errand(Program(name, command), RollingLog(self.logs / f"{name}.log"))
        pipe = None if shown else subprocess.PIPE
        process = self._spawn(errand.program, pipe, pipe)
        if not shown:
            self._listen(process.stdout, errand.output.extend)
            self._listen(process.stderr, errand.log.write)
        errand.process = process
        self._errands.append(errand)
        return errand

    def finish(self, errand: "Errand") -> tuple[int, bytes]:
        """Look after the programs until the command ends; its exit code and standard output."""
        process = errand.process
        assert process is not None
        while not _has_ended(process):
            self.turn(0.05)
        self._end([errand])
        self._errands.remove(errand)
        errand.log.close()
        return process.returncode, bytes(errand.output)

    def run(self, name: str, command: Sequence[str], *, shown: bool = False) -> tuple[int, bytes]:
        """`begin` and `finish` in one."""
        return self.finish(self.begin(name, command, shown=shown))

    def turn(self, seconds: float = 0.2) -> None:
        """One turn of the loop: copy output for at most `seconds`, then see to who ended. Raises GaveUp, Stopped."""
        if self._asked:
            raise Stopped
        self._pump(seconds)
        now = time.monotonic()
        for running in list(self._running.values()):
            if running.process is not None and _has_ended(running.process):
                self._crashed(running, now)
            elif running.start_again_at is not None and now >= running.start_again_at:
                self._launch(running)

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Look after the programs until `condition` holds; False when it does not within `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= deadline:
                return False
            self.turn(0.1)
        return True

    def stop(self) -> None:
        """Stop every program: those that others lean on last. Safe to call twice."""
        everyone = [*self._running.values(), *self._errands]
        self._running.clear()
        self._errands.clear()
        self._end([running for running in everyone if not running.program.stops_last])
        self._end([running for running in everyone if running.program.stops_last])
        for running in everyone:
            running.log.close()
        if self._watchdog.stdin:
            self._tell_watchdog(".\n")
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.close()
        self._watchdog.wait()

    # --- one program -------------------------------------------------------------------------------

    def _launch(self, running: _Running) -> None:
        running.start_again_at = None
        process = self._spawn(running.program, subprocess.PIPE, subprocess.STDOUT)
        running.process = process
        running.started = time.monotonic()
        self._listen(process.stdout, running.log.write)
        self._record(f"{running.program.name} started, process {process.pid}")

    def _spawn(self, program: Program, stdout: int | None, stderr: int | None) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            list(program.command),
            cwd=self.directory,
            env={**self.environment, **program.environment, "SUPERVISED_BY": self._mark},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        self._groups[process.pid] = program.name
        self._tell_watchdog(f"+{process.pid}\n")
        self._write_note()
        return process

    def _crashed(self, running: _Running, now: float) -> None:
        process = running.process
        assert process is not None
        name = running.program.name
        self._gone(process)
        running.process = None
        how = _how_it_ended(process.returncode)
        running.crashes = 1 if now - running.started >= self.patience.settled else running.crashes + 1
        if running.crashes >= self.patience.crashes:
            self._record(f"{name} {how}; given up")
            raise GaveUp(
                f"{name} {how}, {running.crashes} times in a row. The end of {running.log.path}:\n"
                + running.log.last_lines(12)
            )
        pause = self.patience.pause(running.crashes)
        running.start_again_at = now + pause
        self._record(f"{name} {how}; starts again in {pause:g} s")
        self.say(f"{name} {how}; starting it again")

    def _end(self, several: Sequence[_Running]) -> None:
        """TERM to all groups at once, KILL to those that outlive their grace; returns when all are gone."""
        alive = [(running, running.process) for running in several if running.process is not None]
        for _, process in alive:
            if not _has_ended(process):
                _signal_group(process.pid, signal.SIGTERM)
        began = time.monotonic()
        while any(not _has_ended(process) for _, process in alive):
            self._pump(0.05)
            for running, process in alive:
                if self._asked > 1 or time.monotonic() - began > running.program.grace:
                    _signal_group(process.pid, signal.SIGKILL)
        for running, process in alive:
            self._gone(process)
            running.process = None
            self._record(f"{running.program.name} stopped")

    def _gone(self, process: "subprocess.Popen[bytes]") -> None:
        """The process ended or must: end what is left of its family, then collect it.

        In this order: while the dead leader is not collected nobody else can get its number.
        """
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()
        self._pump(0)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(KeyError):
                    self._selector.unregister(stream)
                stream.close()
        self._groups.pop(process.pid, None)
        self._tell_watchdog(f"-{process.pid}\n")
        self._write_note()

    # --- output ------------------------------------------------------------------------------------

    def _listen(self, stream: object, sink: Callable[[bytes], object]) -> None:
        self._selector.register(stream, selectors.EVENT_READ, sink)  # type: ignore[arg-type]

    def _pump(self, seconds: float) -> None:
        """Copy what the programs print; wait at most `seconds` for the first of it."""
        if not self._selector.get_map():
            time.sleep(seconds)
            return
        for key, _ in self._selector.select(seconds):
            data = os.read(key.fd, 65536)
            if data:
                key.data(data)
            else:
                self._selector.unregister(key.fileobj)

    def _record(self, event: str) -> None:
        self._own_log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {event}\n".encode())

    # --- leaving nobody behind ---------------------------------------------------------------------

    def _tell_watchdog(self, line: str) -> None:
        if self._watchdog.stdin and not self._watchdog.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.write(line.encode())
                self._watchdog.stdin.flush()

    def _write_note(self) -> None:
        started = {str(pid): _start_time(pid) for pid in self._groups}
        part = self.note.with_suffix(".part")
        part.write_text(json.dumps(started))
        part.replace(self.note)

    def _end_leftovers(self) -> None:
        """End groups that an earlier supervisor and its watchdog left (both killed at once).

        A number alone proves nothing after a reboot, so the start time has to agree as well.
        """
        try:
            noted: dict[str, str] = json.loads(self.note.read_text())
        except (OSError, ValueError):
            return
        left = [int(pid) for pid, began in noted.items() if began and _start_time(int(pid)) == began]
        for pid in left:
            self._record(f"ending process {pid}, left by an earlier start")
            _signal_group(pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while any(_start_time(pid) == noted[str(pid)] for pid in left) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in left:
            if _start_time(pid) == noted[str(pid)]:
                _signal_group(pid, signal.SIGKILL)
        self.note.unlink(missing_ok=True)


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether the process ended, without collecting it, so that its number stays taken."""
    if process.returncode is not None:
        return True
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _start_time(pid: int) -> str:
    """Clock tick at which the process started, or "" when there is none (or no /proc to look into)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    after_name = stat.rpartition(")")[2].split()
    return "" if after_name[0] == "Z" else after_name[19]


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
