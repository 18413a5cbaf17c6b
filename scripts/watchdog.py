"""The supervisor's last will: ends every group of processes it still had when it died.

Standard input brings lines `+PID` and `-PID` (a group to watch, a group that is gone), and `.` when the supervisor
goes in order. When it closes without that, the supervisor was killed: its groups are ended politely and, after a
grace, for certain. A kill -9 cannot be caught, but the kernel closes the pipe. A child that was started and not told of
yet is known by the mark in its environment (the first argument; where there is no /proc it is not found). The mark is
there only once the child runs its own program, so it is looked for again and again during the grace.
"""

import os
import signal
import sys
import time

GRACE_SECONDS = 4.0


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        if line.startswith("."):
            if not groups:
                return
            break
        if line.startswith("+"):
            groups.add(int(line[1:]))
        else:
            groups.discard(int(line[1:]))
    mark = sys.argv[1].encode()
    deadline = time.monotonic() + GRACE_SECONDS
    left: set[int] = set()
    told: set[int] = set()
    while time.monotonic() < deadline:
        groups |= _marked(mark)
        for group in groups - told:
            _signal(group, signal.SIGTERM)
        told |= groups
        left = {group for group in groups if _signal(group, 0)}
        time.sleep(0.2)
    for group in left | _marked(mark):
        _signal(group, signal.SIGKILL)


def _marked(mark: bytes) -> set[int]:
    """Groups of processes whose environment carries the mark. Only ever called when the supervisor is gone."""
    found: set[int] = set()
    try:
        numbers = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return found
    for number in numbers:
        try:
            with open(f"/proc/{number}/environ", "rb") as environment:
                if b"SUPERVISED_BY=" + mark + b"\0" in environment.read():
                    found.add(os.getpgid(number))
        except OSError:
            continue
    return found


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
