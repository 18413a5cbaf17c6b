"""gunicorn on the test's own database, with people who are logged in."""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from benchmarks import crowd_site

T = TypeVar("T")


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: a browser test that came before leaves its loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def crowd_server(tmp_path: Path, workers: int = 2) -> Iterator[crowd_site.Server]:
    """Starts in a home of its own whose database is the one that this test sees. Needs `transactional_db`."""
    home = tmp_path / "site"
    (home / "static").mkdir(parents=True)
    name = connection.settings_dict["NAME"]
    if connection.vendor == "postgresql":
        address = f"{os.environ['AMBER_DATABASE_URL'].rpartition('/')[0]}/{name}"
    else:
        address = ""
        (home / "amber.sqlite3").symlink_to(Path(name).resolve())
    crowd_site.watch_the_quota()
    try:
        with crowd_site.served(home, address, workers, settings.SECRET_KEY) as server:
            yield server
    finally:
        crowd_site.stop_watching()


def volunteers(server: crowd_site.Server, count: int, region: Any, habits: Any, log: Any) -> list[Any]:
    from benchmarks.volunteers import Volunteer

    people = crowd_site.make_people(count)
    return [Volunteer(person, server.port, region.slug, habits, log) for person in people]
