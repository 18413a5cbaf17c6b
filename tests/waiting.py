"""Waiting for what another process or thread does, no longer than it takes."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def eventually(condition: Callable[[], T], seconds: float = 20) -> T:
    """What `condition` gives as soon as that is true; after so many seconds, whatever it gives then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    return condition()


def at_the_same_moment(act: Callable[[T], None], people: Iterable[T]) -> None:
    """Everybody acts at once, each in a thread with its own connection; back when all are done."""
    people = list(people)
    together = threading.Barrier(len(people))

    def do(person: T) -> None:
        together.wait()
        try:
            act(person)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=do, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
