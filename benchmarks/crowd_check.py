"""What must hold in the database after a crowd has been at work, whatever happened on the way.

Compares the rows with what the clients were told (`benchmarks.volunteers.Log`). Needs Django to be set up.
"""

import contextlib
import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.crowd_site import above_quota
from benchmarks.volunteers import Log


@contextlib.contextmanager
def leases_running_out(log: Log) -> Iterator[None]:
    """Meanwhile, every second, the leases of tiles that people walked away from run out."""
    over = threading.Event()

    def run() -> None:
        from django.db import connection

        while not over.wait(1.0):
            _run_out(log)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _run_out(log: Log) -> None:
    from django.utils import timezone

    from labeling.models import Claim, ClaimState

    past = timezone.now() - dt.timedelta(seconds=1)
    while log.abandoned:
        person, tile = log.abandoned.pop()
        Claim.objects.filter(volunteer=person, segmented_tile=tile, state=ClaimState.OPEN).update(until=past)


def faults(log: Log, region: Any) -> list[str]:
    """Sentences about everything that should not be; empty when all is well."""
    found = list(dict.fromkeys(log.wrong))[:20]
    if broken := sum(count for status, count in log.statuses.items() if status >= 500):
        found.append(f"{broken} answers with 5xx")
    if twice := log.twice_to_one_person():
        found.append(f"{twice} tiles were served twice to one person")
    if above := above_quota():
        found.append(f"{above} claims were given out above a tile's quota")
    return [*found, *_quotas(region), *_acknowledged(log), *_consensus()]


def _quotas(region: Any) -> list[str]:
    from labeling.models import Claim, ClaimState, DeskRules, Origin, Submission, TileProgress

    rules = DeskRules.objects.of_region(region.pk)
    votes = Counter(
        Submission.objects.counting().filter(origin=Origin.DESK).values_list("segmented_tile", flat=True)
    )
    claims = Counter(Claim.objects.filter(state=ClaimState.OPEN).values_list("segmented_tile", flat=True))
    found = []
    for row in TileProgress.objects.filter(region=region):
        tile = row.segmented_tile_id
        if votes[tile] > max(rules.votes_at_most, rules.votes_at_least):
            found.append(
                f"tile {tile}: {votes[tile]} counting votes, at most {rules.votes_at_most} were wanted"
            )
        if votes[tile] + claims[tile] > row.wanted:
            found.append(f"tile {tile}: {votes[tile]} votes and {claims[tile]} claims of {row.wanted} wanted")
        if (row.votes, row.claims) != (votes[tile], claims[tile]):
            found.append(
                f"tile {tile}: the queue says {row.votes}, {row.claims}; there are {votes[tile]}, {claims[tile]}"
            )
        if row.free != max(0, row.wanted - row.votes - row.claims):
            found.append(f"tile {tile}: free {row.free} of {row.wanted} wanted")
    return found


def _acknowledged(log: Log) -> list[str]:
    from django.db.models import Count

    from labeling.models import Origin, Submission

    stored = {
        row.pk: (row.volunteer_id, row.segmented_tile_id, row.made)
        for row in Submission.objects.filter(origin=Origin.DESK).annotate(made=Count("labels"))
    }
    found = [
        f"acknowledged but not as it was sent: {number} {sent} {stored.get(number)}"
        for number, sent in log.acknowledged.items()
        if stored.get(number) != sent
    ]
    unasked = stored.keys() - log.acknowledged.keys() - log.unanswered.keys()
    found += [f"nobody sent {number}" for number in unasked]
    pairs = Counter((person, tile) for person, tile, _labels in stored.values())
    found += [f"person and tile {pair} labelled {times} times" for pair, times in pairs.items() if times > 1]
    return found


def _consensus() -> list[str]:
    from django.db.models import Count

    from labeling.models import Consensus, Label, NotCounted

    said = {
        (tile, superpixel): votes
        for tile, superpixel, votes in Label.objects.filter(
            submission__withdrawn_at=None, submission__spare=NotCounted.NO
        )
        .order_by()
        .values_list("segmented_tile", "superpixel")
        .annotate(votes=Count("pk"))
    }
    stored = {
        (tile, superpixel): votes
        for tile, superpixel, votes in Consensus.objects.values_list("segmented_tile", "superpixel", "votes")
    }
    return (
        [] if said == stored else [f"{len(said.items() ^ stored.items())} superpixels' votes are miscounted"]
    )
