"""The supervisor's last will: ends every group of processes it still had when it died.

Standard input brings lines `+PID` and `-PID` (a group to watch, a group that is gone). When it closes, the
supervisor is gone: with no group left there is nothing to do, otherwise they are ended politely and, after
a grace, for certain. A kill -9 cannot be caught, but the kernel closes the pipe. A child that was started and not
told of yet is known by the mark in its environment (the first argument; where there is no /proc it is not found).
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
        if line.startswith("+"):
            groups.add(int(line[1:]))
        else:
            groups.discard(int(line[1:]))
    groups |= _marked(sys.argv[1].encode())
    deadline = time.monotonic() + GRACE_SECONDS
    left = {group for group in groups if _signal(group, signal.SIGTERM)}
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = {group for group in left if _signal(group, 0)}
    for group in left:
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
