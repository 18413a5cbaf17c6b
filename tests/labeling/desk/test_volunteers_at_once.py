"""Sixty volunteers over HTTP against gunicorn: fair, and nothing is lost. The same, a thousand strong and with times, is
benchmarks/volunteers_at_once.py."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import crowd_site
from benchmarks.crowd_check import faults, leases_running_out
from benchmarks.volunteers import Habits, Log, Volunteer, everybody_asks, everybody_works
from labeling.models import Label, Submission
from tests.crowd_server import crowd_server, in_a_loop, volunteers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.slow]

PEOPLE, TILES, SUPERPIXELS = 60, 3, 12
HABITS = Habits(think=1.5, twice=0.2, hang_up=0.15, give_back=0.1, let_lapse=0.1)


def test_sixty_people_race_for_three_tiles_and_then_work_badly_behaved_and_all_is_well(
    tmp_path: Path,
) -> None:
    region, log = crowd_site.make_region(random_share=0.2), Log()
    crowd_site.make_tiles(region, TILES, SUPERPIXELS)
    with crowd_server(tmp_path) as server:
        crowd = volunteers(server, PEOPLE, region, HABITS, log)
        tiles = in_a_loop(_race(crowd))
        assert sum(tile is not None for tile in tiles) == TILES * 2, "two people are asked about every tile"
        assert log.reasons == {"all_labelled": PEOPLE - TILES * 2}
        crowd_site.make_tiles(region, 4 * TILES, SUPERPIXELS)
        with leases_running_out(log):
            in_a_loop(everybody_works(crowd, 6, ramp=1))
        assert faults(log, region) == []
    assert "Traceback" not in server.log()
    assert set(log.statuses) == {200, 201}
    assert len(log.acknowledged) > 30
    counting = Submission.objects.counting().count()
    assert counting <= 5 * TILES * 7
    assert Label.objects.count() == Submission.objects.count() * SUPERPIXELS


async def _race(crowd: list[Volunteer]) -> list[Any]:
    tiles = await everybody_asks(crowd)
    for one in crowd:
        one.close()
    return tiles
