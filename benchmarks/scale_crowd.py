"""How quick queue and consensus are with 450,000 tiles and two million labels in the database.

    python -m benchmarks.scale_crowd [--database sqlite|postgresql] [--tiles 450000] [--labels 2000000] [--steps …]

Makes a site of its own and fills it: tiles of 25 superpixels; 3,000 volunteers whose skill and diligence differ (the
most diligent have done 10,000 tiles or more); one to seven people a tile until the labels are reached. Then, one after
another (`--steps` leaves some out):

- `recompute`: `manage.py recompute_consensus` in a process of its own, which makes every consensus row: seconds, peak
  memory; and once more, when nothing differs;
- `next`: the action `next_tile` for all sorts of volunteers, and the plan of its query;
- `vote`: the action `submit_labels` with all 25 superpixels of a tile that others have labelled: the whole, and the part
  of it that recomputes the consensus (`refresh_tile`).

`--home DIR` keeps a SQLite site and uses it again. Times are printed with the machine's load, not judged.
"""

import argparse
import contextlib
import datetime as dt
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks import crowd_site

ROOT = crowd_site.ROOT
SUPERPIXELS = 25
PEOPLE = 3_000
VETERANS = 5  # so many people have done VETERAN_TILES each
VETERAN_TILES = 10_000
VOTES, SHARE = (1, 2, 3, 4, 5, 6, 7), (0.15, 0.4, 0.25, 0.1, 0.05, 0.03, 0.02)
SEED = 20181122
AT_ONCE = 20_000
STEPS = ("recompute", "next", "vote")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--tiles", type=int, default=450_000)
    parser.add_argument("--labels", type=int, default=2_000_000)
    parser.add_argument("--calls", type=int, default=300, help="of next_tile, and of submit_labels")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--home", type=Path, help="keep the site here and use it again")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = options.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = stack.enter_context(crowd_site.database(options.database))
        crowd_site.prepare(home.resolve(), address)
        _fill(options.tiles, options.labels)
        print(f"{options.database}, {_load()}", flush=True)
        for step in options.steps:
            if step == "recompute":
                _recompute(home.resolve(), address)
            elif step == "next":
                _next(options.calls)
            else:
                _vote(options.calls)
        print(_load())


# Filling -------------------------------------------------------------------------------------------------------------


def _fill(tiles: int, labels: int) -> None:
    """Tiles, people, submissions, labels and the queue as they would stand; consensus is left to the command."""
    from labeling.models import Label

    if Label.objects.exists():
        return
    began = time.monotonic()
    region = crowd_site.make_region("Scale")
    numbers = _make_tiles(region, tiles)
    people = [person.pk for person in crowd_site.make_people(PEOPLE)]
    with _faster():
        made = _make_labels(numbers, people, labels)
    _count(region)
    print(
        f"{tiles} tiles, {made} labels of {PEOPLE} people made in {time.monotonic() - began:.0f} s",
        flush=True,
    )


def _make_tiles(region: Any, count: int) -> np.ndarray:
    """int64 (count,), numbers of the segmented tiles."""
    from detection.models import Segmentation, SegmentedTile, Tile
    from labeling.models import TileProgress

    segmentation = Segmentation.objects.order_by("pk").first() or Segmentation.objects.create(
        key="measured", n_segments=SUPERPIXELS, compactness=10, sigma=1, downscale=1
    )
    random = np.random.default_rng(SEED)
    now = _now()
    same = (region.pk, region.source_id, "tile", "none", 1000, 1000, "", now)
    _insert(
        Tile,
        ["id", "file_name", "sha256", "region_id", "source_id", "kind", "image_key", "width", "height"]
        + ["place_problem", "created_at"],
        ((number, f"{number}.jpg", f"{number:064d}", *same) for number in range(1, count + 1)),
    )
    _insert(
        SegmentedTile,
        ["id", "tile_id", "segmentation_id", "superpixels", "raster_key", "outlines_key"],
        ((number, number, segmentation.pk, SUPERPIXELS, "", "") for number in range(1, count + 1)),
    )
    priority = np.round(random.random(count), 6).tolist()
    _insert(
        TileProgress,
        ["segmented_tile_id", "region_id", "votes", "claims", "wanted", "free", "priority", "called", "rank"]
        + ["shuffle", "escalated"],
        (
            (number, region.pk, 0, 0, 2, 2, priority[number - 1], False, 2 * priority[number - 1], shuffle, 0)
            for number, shuffle in enumerate(random.random(count).tolist(), start=1)
        ),
    )
    return np.arange(1, count + 1)


def _make_labels(tiles: np.ndarray, people: list[int], wanted: int) -> int:
    """Submissions with their claims and labels until `wanted` labels are there; returns how many."""
    from labeling.models import Claim, Label, Submission

    random = np.random.default_rng(SEED + 1)
    skill = random.beta(12, 2, len(people)) * 0.4 + 0.58
    diligence = random.pareto(1.2, len(people)) + 0.05
    diligence[:VETERANS] = 0
    diligence /= diligence.sum()
    submissions = wanted // SUPERPIXELS
    votes = random.choice(VOTES, p=SHARE, size=len(tiles))
    labelled = tiles[: int(np.searchsorted(np.cumsum(votes), submissions)) + 1]
    pairs: list[tuple[int, int]] = []
    for index, tile in enumerate(labelled.tolist()):
        makers = set(random.choice(len(people), size=votes[index], p=diligence).tolist())
        if index < VETERAN_TILES * 2:
            makers.add(index % VETERANS)
            if index % 2:
                makers.add((index + 1) % VETERANS)
        pairs += [(tile, maker) for maker in makers]
    # What the veterans lack they have done elsewhere: so many claims make a long history without more labels.
    pairs = pairs[:submissions]
    ids = [uuid.UUID(int=int(number)) for number in range(1, len(pairs) + 1)]
    start = _now() - dt.timedelta(days=300)
    when = [start + dt.timedelta(seconds=60 * number) for number in range(len(pairs))]
    _insert(
        Submission,
        ["id", "volunteer_id", "segmented_tile_id", "origin", "created_at", "spare", "served", "blind"]
        + ["compared", "agreeing"],
        (
            (one, people[maker], tile, "desk", at, "", "queue", False, 0, 0)
            for one, (tile, maker), at in zip(ids, pairs, when, strict=True)
        ),
    )
    columns = ["segmented_tile_id", "volunteer_id", "state", "served", "created_at", "until", "blind"]
    _insert(
        Claim,
        columns,
        (
            (tile, people[maker], "done", "queue", at, at, False)
            for (tile, maker), at in zip(pairs, when, strict=True)
        ),
    )
    done = {maker: {tile for tile, one in pairs if one == maker} for maker in range(VETERANS)}
    best = len(tiles) - int(len(tiles) * 0.3)
    _insert(
        Claim,
        columns,
        (
            (tile, people[maker], "released", "queue", start, start, False)
            for maker in range(VETERANS)
            for tile in tiles[best : best + max(0, VETERAN_TILES - len(done[maker]))].tolist()
            if tile not in done[maker]
        ),
    )
    made = 0

    def rows() -> Iterator[tuple[Any, ...]]:
        nonlocal made
        truth = random.random((len(tiles) + 1, SUPERPIXELS)) < 0.2
        for one, (tile, maker) in zip(ids, pairs, strict=True):
            right = random.random(SUPERPIXELS) < skill[maker]
            for superpixel, mining in enumerate((truth[tile] == right).tolist(), start=1):
                made += 1
                yield one, tile, superpixel, 0, "mining" if mining else "not_mining", ""

    _insert(
        Label, ["submission_id", "segmented_tile_id", "superpixel", "piece", "verdict", "look_alike"], rows()
    )
    return made


def _count(region: Any) -> None:
    """What the queue knows of the votes; the rest follows with the full computation."""
    from django.db import connection

    from labeling.desk.queue_state import rerank
    from labeling.models import TileProgress

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE labeling_tileprogress SET votes = (SELECT count(*) FROM labeling_submission AS s "
            "WHERE s.segmented_tile_id = labeling_tileprogress.segmented_tile_id)"
        )
        cursor.execute("UPDATE labeling_tileprogress SET wanted = votes WHERE votes > 2")
    rerank(TileProgress.objects.filter(region=region))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _insert(model: Any, columns: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    """Many rows: COPY on PostgreSQL, a prepared statement on SQLite."""
    from django.db import connection, transaction

    table = model._meta.db_table
    names = ", ".join(f'"{column}"' for column in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            if "id" in columns and model._meta.pk.get_internal_type() == "BigAutoField":
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                )
        else:
            marks = ", ".join("?" * len(columns))
            plain = (
                tuple(one.hex if isinstance(one, uuid.UUID) else _text(one) for one in row) for row in rows
            )
            connection.connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", plain)


def _text(value: Any) -> Any:
    return value.replace(tzinfo=None).isoformat(" ") if isinstance(value, dt.datetime) else value


@contextlib.contextmanager
def _faster() -> Iterator[None]:
    """SQLite checks foreign keys row by row; what is made here is right by construction."""
    from django.db import connection

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA foreign_keys=OFF")
            cursor.execute("PRAGMA cache_size=-400000")
    yield
    if connection.vendor == "sqlite":
        connection.close()


# Measuring -----------------------------------------------------------------------------------------------------------


def _recompute(home: Path, address: str) -> None:
    for which in ("from nothing", "again, nothing differs"):
        began = time.monotonic()
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        subprocess.run(
            [sys.executable, "manage.py", "recompute_consensus", "--json"],
            cwd=ROOT,
            env=crowd_site.environment(home, address),
            check=True,
        )
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        told = (
            f"{peak / 1024:.0f} MB"
            if peak > before or which == "from nothing"
            else f"at most {peak / 1024:.0f} MB"
        )
        print(
            f"full recomputation, {which}: {time.monotonic() - began:.1f} s, peak {told}, {_load()}",
            flush=True,
        )
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _next(calls: int) -> None:
    from amberapp.models import User
    from detection.models import Region
    from labeling.desk import queue
    from labeling.models import Claim, ClaimState, DeskRules

    region = Region.objects.get(slug="scale")
    people = list(User.objects.order_by("pk"))
    chance = np.random.default_rng(SEED + 2)
    for name, asked, share in (
        ("volunteers at random", chance.choice(people, calls).tolist(), 0.1),
        ("volunteers at random, drawn at random", chance.choice(people, calls).tolist(), 1.0),
        (f"with {VETERAN_TILES:,} tiles behind them", people[:VETERANS] * (calls // VETERANS), 0.1),
        (
            f"who have had the best {VETERAN_TILES:,}, the worst case",
            [_had_the_best(region, people)] * calls,
            0.0,
        ),
    ):
        DeskRules.objects.filter(region=region).update(random_share=share)
        seconds, held = [], {}
        for person in asked:
            began = time.perf_counter()
            claim = queue.next_tile(region=region, volunteer=person, held=held.get(person.pk, []))
            seconds.append(time.perf_counter() - began)
            assert claim is not None
            held.setdefault(person.pk, []).append(claim.segmented_tile_id)
            if len(held[person.pk]) >= queue.MOST_HELD - 1:
                queue.release_claims(volunteer=person, segmented_tiles=held.pop(person.pk))
        print(f"next tile, {name}: {_summary(seconds)}")
        for claim in Claim.objects.filter(state=ClaimState.OPEN):
            queue.release_claims(volunteer=claim.volunteer, segmented_tiles=[claim.segmented_tile_id])
    DeskRules.objects.filter(region=region).update(random_share=0.1)
    print(f"plan of the query for somebody with {VETERAN_TILES:,} tiles:\n{_plan(region, people[0])}")


def _had_the_best(region: Any, people: list[Any]) -> Any:
    """Somebody who has given back all the best tiles, begun and not: every one of them must be passed over."""
    from labeling.models import Claim, TileProgress

    person, now = people[VETERANS], _now()
    wanting = TileProgress.objects.filter(region=region, free__gt=0).order_by("-rank", "segmented_tile_id")
    best = {
        tile
        for some in (wanting, wanting.filter(votes__gt=0))
        for tile in some.values_list("segmented_tile", flat=True)[:VETERAN_TILES]
    }
    Claim.objects.bulk_create(
        [
            Claim(segmented_tile_id=tile, volunteer=person, state="released", created_at=now, until=now)
            for tile in best
        ],
        ignore_conflicts=True,
        batch_size=2_000,
    )
    return person


def _plan(region: Any, person: Any) -> str:
    """EXPLAIN of the query that chooses the tile, caught on its way to the database."""
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    from labeling.desk import queue

    class Enough(Exception):
        pass

    with mock.patch.object(queue, "drawn", lambda share: False), CaptureQueriesContext(connection) as caught:
        with contextlib.suppress(Enough), transaction.atomic():
            queue.next_tile(region=region, volunteer=person)
            raise Enough  # and nothing is kept
        chosen = [
            q["sql"]
            for q in caught.captured_queries
            if "labeling_tileprogress" in q["sql"] and "LIMIT 1" in q["sql"]
        ]
    how = "EXPLAIN (ANALYZE, BUFFERS) " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(how + chosen[0].replace("%", "%%"))
        return "\n".join("    " + " ".join(str(part) for part in row) for row in cursor.fetchall())


def _vote(calls: int) -> None:
    from amberapp.models import User
    from detection.models import SegmentedTile
    from labeling.desk import labels
    from labeling.models import Consensus, Submission

    chance = np.random.default_rng(SEED + 3)
    people = {person.pk: person for person in User.objects.all()}
    tiles = Submission.objects.order_by().values_list("segmented_tile", flat=True).distinct()
    chosen = chance.choice(np.array(tiles), calls, replace=False).tolist()
    inside: list[float] = []
    whole: list[float] = []
    refresh = labels.refresh_tile

    def timed(*args: Any, **more: Any) -> None:
        began = time.perf_counter()
        refresh(*args, **more)
        inside.append(time.perf_counter() - began)

    voters: list[int] = []
    with mock.patch.object(labels, "refresh_tile", timed):
        for tile in SegmentedTile.objects.select_related("tile").filter(pk__in=chosen):
            makers = set(tile.submissions.values_list("volunteer", flat=True))
            voters.append(len(makers))
            person = people[int(chance.choice(sorted(people.keys() - makers)))]
            said = [
                {"superpixel": number, "verdict": "mining" if chance.random() < 0.2 else "not_mining"}
                for number in range(1, SUPERPIXELS + 1)
            ]
            open_tile_of(tile)
            began = time.perf_counter()
            labels.submit_labels(
                submission_id=uuid.uuid4(), segmented_tile=tile, labels=said, acting_user=person
            )
            whole.append(time.perf_counter() - began)
    assert inside, "no vote counted"
    print(
        f"consensus after one tile's vote ({SUPERPIXELS} superpixels, {np.mean(voters):.1f} people before): "
        f"{_summary(inside)}; the whole submission: {_summary(whole)}; {Consensus.objects.count()} consensus rows"
    )


def open_tile_of(tile: Any) -> None:
    """Let the tile want one vote more, so that this one counts."""
    from labeling.models import TileProgress

    TileProgress.objects.filter(segmented_tile=tile, free=0).update(wanted=50, free=1)


def _summary(seconds: list[float]) -> str:
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return f"p50 {at(0.5):.1f}, p95 {at(0.95):.1f}, p99 {at(0.99):.1f} ms ({len(ordered)})"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _load() -> str:
    return f"{os.cpu_count()} cores, load {', '.join(f'{load:.1f}' for load in os.getloadavg())}"


if __name__ == "__main__":
    main()
