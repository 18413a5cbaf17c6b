"""The web server is killed in the middle of submits: what it acknowledged is there, what it did not may be sent again."""

import asyncio
import time
from pathlib import Path

import pytest

from benchmarks import crowd_site
from benchmarks.crowd_check import faults
from benchmarks.volunteers import Habits, Log, Volunteer, everybody_works
from labeling.models import Label, Submission
from tests.crowd_server import crowd_server, in_a_loop, volunteers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.slow]

PEOPLE, TILES, SUPERPIXELS = 20, 100, 12
NO_THINKING = Habits(think=0, shortest=0, twice=0, hang_up=0, give_back=0, let_lapse=0)


def test_a_server_killed_during_submits_has_lost_nothing_it_acknowledged_and_counts_nothing_twice(
    tmp_path: Path,
) -> None:
    region, log = crowd_site.make_region(), Log()
    crowd_site.make_tiles(region, TILES, SUPERPIXELS)
    with crowd_server(tmp_path) as server:
        crowd = volunteers(server, PEOPLE, region, NO_THINKING, log)
        in_a_loop(_work_until_killed(crowd, server, log))
        before = set(log.acknowledged)
        assert len(before) >= 40
        assert len(log.unanswered) >= 5, "people were sending when it was killed"
        server.start()
        assert set(Submission.objects.values_list("pk", flat=True)) >= before
        in_a_loop(_send_again(crowd, log))
        assert log.unanswered == {}, "what was not answered was taken in at the second attempt"
        assert faults(log, region) == []
    assert Submission.objects.count() == len(log.acknowledged) > len(before)
    assert Label.objects.count() == len(log.acknowledged) * SUPERPIXELS


async def _work_until_killed(crowd: list[Volunteer], server: crowd_site.Server, log: Log) -> None:
    working = asyncio.create_task(everybody_works(crowd, 60))
    deadline = time.monotonic() + 30
    while (len(log.acknowledged) < 40 or log.sending < 8) and time.monotonic() < deadline:
        await asyncio.sleep(0.002)
    server.kill()
    for one in crowd:
        one.until = 0
    await working
    for one in crowd:
        one.close()


async def _send_again(crowd: list[Volunteer], log: Log) -> None:
    by_person = {one.person.pk: one for one in crowd}
    waiting = list(log.unanswered.values())
    log.unanswered.clear()
    for answer in await asyncio.gather(*(by_person[person.pk].send(body) for person, body in waiting)):
        assert answer == 201
    for one in crowd:
        one.close()
