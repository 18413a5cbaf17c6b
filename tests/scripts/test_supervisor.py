"""The supervisor with small programs: crashes, stops, sudden death, logs. No Django, no Redis."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.supervise import GaveUp, Patience, Program, RollingLog, Stopped, Supervisor
from tests.paths import ROOT
from tests.waiting import eventually

pytestmark = pytest.mark.slow

SLEEPER = "import time; time.sleep(600)"
# A program with a child of its own, as gunicorn and Celery have; both write their numbers down.
FAMILY = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path({path!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""
# The same, deaf to polite requests.
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAMILY


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", textwrap.dedent(code)]


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def family_of(path: Path) -> list[int]:
    assert eventually(lambda: path.exists() and len(path.read_text().split()) == 2)
    return [int(number) for number in path.read_text().split()]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    patience = Patience(first_pause=0.05, longest_pause=0.2, settled=30, crashes=4)
    with Supervisor(
        directory=tmp_path, state=tmp_path, environment=os.environ, say=said.append, patience=patience
    ) as made:
        yield made


def test_a_crashed_program_is_started_again(supervisor: Supervisor, tmp_path: Path, said: list[str]) -> None:
    starts = tmp_path / "starts"
    code = f"""
    import os, time
    with open({str(starts)!r}, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    time.sleep(600)
    """
    supervisor.start(Program("web", python(code)))
    assert supervisor.wait_for(starts.exists, 5)
    first = int(starts.read_text())
    os.kill(first, signal.SIGKILL)
    assert supervisor.wait_for(lambda: len(starts.read_text().split()) == 2, 5)
    second = int(starts.read_text().split()[1])
    assert second != first
    assert is_alive(second)
    assert said == ["web was ended by SIGKILL; starting it again"]


def test_what_a_crashed_program_leaves_behind_is_ended_before_the_next_start(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    path = tmp_path / "family"
    supervisor.start(Program("worker", python(FAMILY.format(path=str(path)))))
    assert supervisor.wait_for(lambda: path.exists() and len(path.read_text().split()) == 2, 5)
    leader, child = family_of(path)
    path.unlink()
    os.kill(leader, signal.SIGKILL)
    assert supervisor.wait_for(path.exists, 5)
    assert not is_alive(child)


def test_pauses_between_starts_double_up_to_a_limit() -> None:
    patience = Patience(first_pause=0.5, longest_pause=6)
    assert [patience.pause(crash) for crash in range(1, 7)] == [0.5, 1, 2, 4, 6, 6]


def test_a_program_that_crashes_again_and_again_is_given_up_with_the_end_of_its_log(
    supervisor: Supervisor,
) -> None:
    supervisor.start(Program("web", python("print('no such table'); raise SystemExit(3)")))
    with pytest.raises(GaveUp) as raised:
        supervisor.wait_for(lambda: False, 10)
    assert "web ended with code 3, 4 times in a row" in str(raised.value)
    assert str(raised.value).endswith("no such table")


def test_a_program_that_ran_well_for_long_starts_counting_anew(tmp_path: Path, said: list[str]) -> None:
    patience = Patience(first_pause=0.01, settled=0.1, crashes=2)
    starts = tmp_path / "starts"
    code = f"import time; open({str(starts)!r}, 'a').write('x'); time.sleep(0.3)"
    with Supervisor(
        directory=tmp_path, state=tmp_path, environment=os.environ, say=said.append, patience=patience
    ) as supervisor:
        supervisor.start(Program("web", python(code)))
        assert supervisor.wait_for(lambda: starts.exists() and len(starts.read_text()) >= 4, 10)


def test_stopping_ends_whole_families_and_kills_who_does_not_listen(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    polite, stubborn = tmp_path / "polite", tmp_path / "stubborn"
    supervisor.start(Program("polite", python(FAMILY.format(path=str(polite)))))
    supervisor.start(Program("stubborn", python(STUBBORN.format(path=str(stubborn))), grace=0.5))
    everyone = family_of(polite) + family_of(stubborn)
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 5
    assert [pid for pid in everyone if is_alive(pid)] == []


def test_the_program_that_others_lean_on_stops_last(supervisor: Supervisor, tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    code = """
    import signal, sys, time
    def end(*_):
        time.sleep({pause})
        open({path!r}, "a").write({name!r} + " ")
        sys.exit()
    signal.signal(signal.SIGTERM, end)
    open({path!r} + {name!r}, "w").close()
    time.sleep(600)
    """
    for name, pause, last in (("redis", 0, True), ("web", 0.4, False)):
        made = code.format(path=str(ends), name=name, pause=pause)
        supervisor.start(Program(name, python(made), stops_last=last))
        assert supervisor.wait_for(Path(str(ends) + name).exists, 5)
    supervisor.stop()
    assert ends.read_text().split() == ["web", "redis"]


def test_asked_to_stop_the_next_turn_says_so(supervisor: Supervisor) -> None:
    supervisor.ask_to_stop()
    with pytest.raises(Stopped):
        supervisor.turn()


def test_asked_twice_nobody_is_waited_for(supervisor: Supervisor, tmp_path: Path) -> None:
    path = tmp_path / "stubborn"
    supervisor.start(Program("stubborn", python(STUBBORN.format(path=str(path))), grace=60))
    family = family_of(path)
    supervisor.ask_to_stop()
    supervisor.ask_to_stop()
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 5
    assert not any(is_alive(pid) for pid in family)


def test_a_command_runs_to_its_end_while_programs_are_looked_after(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    supervisor.start(
        Program("web", python(f"import time; open({str(starts)!r}, 'a').write('x'); time.sleep(0.2)"))
    )
    code = (
        "import sys, time; time.sleep(0.5); print('olena'); print('a warning', file=sys.stderr); sys.exit(7)"
    )
    status, output = supervisor.run("prepare", python(code))
    assert (status, output) == (7, b"olena\n")
    assert (tmp_path / "log" / "prepare.log").read_text() == "a warning\n"
    assert len(starts.read_text()) >= 2


# The driver is a supervisor in a process of its own, to be killed from here.
DRIVER = """
import fcntl, os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from scripts.supervise import Program, Supervisor
state = Path({state!r})
lock = os.open(state, os.O_RDONLY)
fcntl.flock(lock, fcntl.LOCK_EX)
family = {family!r}
with Supervisor(directory=state, state=state, environment=os.environ, say=print, held=[lock]) as supervisor:
    supervisor.start(Program("worker", [sys.executable, "-S", "-c", family]))
    while True:
        supervisor.turn()
"""


def start_driver(state: Path, family: str) -> "subprocess.Popen[bytes]":
    code = DRIVER.format(root=str(ROOT), state=str(state), family=family)
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


def is_locked(directory: Path) -> bool:
    check = ["flock", "--nonblock", str(directory), "true"]
    return subprocess.run(check, check=False).returncode != 0


def test_when_the_supervisor_is_killed_nobody_survives_and_the_lock_goes_with_the_last(
    tmp_path: Path,
) -> None:
    path = tmp_path / "family"
    driver = start_driver(tmp_path, FAMILY.format(path=str(path)))
    family = family_of(path)
    assert is_locked(tmp_path)
    # The whole group of the supervisor, as a closed terminal or an impatient person would.
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    assert eventually(lambda: not any(is_alive(pid) for pid in family))
    assert eventually(lambda: not is_locked(tmp_path))


def test_the_lock_is_held_while_an_orphan_still_runs(tmp_path: Path) -> None:
    path = tmp_path / "family"
    driver = start_driver(tmp_path, STUBBORN.format(path=str(path)))
    family = family_of(path)
    driver.kill()
    driver.wait()
    assert is_alive(family[0])
    assert is_locked(tmp_path)
    assert eventually(lambda: not any(is_alive(pid) for pid in family), 15)
    assert eventually(lambda: not is_locked(tmp_path))


def test_what_outlived_supervisor_and_watchdog_is_ended_at_the_next_start(
    tmp_path: Path, said: list[str]
) -> None:
    path = tmp_path / "family"
    driver = start_driver(tmp_path, FAMILY.format(path=str(path)))
    family = family_of(path)
    children = Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()
    for pid in [int(child) for child in children if int(child) not in family]:
        os.kill(pid, signal.SIGKILL)
    driver.kill()
    driver.wait()
    time.sleep(0.3)
    assert all(is_alive(pid) for pid in family)
    with Supervisor(directory=tmp_path, state=tmp_path, environment=os.environ, say=said.append):
        assert not is_alive(family[0])


def test_a_number_that_now_belongs_to_a_stranger_is_left_alone(tmp_path: Path, said: list[str]) -> None:
    stranger = subprocess.Popen(python(SLEEPER), start_new_session=True)
    try:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "processes.json").write_text(json.dumps({str(stranger.pid): "1"}))
        with Supervisor(directory=tmp_path, state=tmp_path, environment=os.environ, say=said.append):
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_log_that_grows_is_set_aside_and_the_oldest_part_goes(tmp_path: Path) -> None:
    log = RollingLog(tmp_path / "web.log", limit=100, kept=2)
    for number in range(6):
        log.write(f"{number}".encode() * 60)
    log.close()
    assert (tmp_path / "web.log").read_text() == "5" * 60
    assert (tmp_path / "web.log.1").read_text() == "4" * 60
    assert (tmp_path / "web.log.2").read_text() == "3" * 60
    assert not (tmp_path / "web.log.3").exists()
