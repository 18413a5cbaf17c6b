"""The priorities of a region's queue: what would teach its active classifier most.

Reads the scores and features that the classifier's latest run left behind, in chunks; tiles of dates that look like nothing
it was trained on come in between, one in five, until some of each date are labelled. Writes only what changed, a few
hundred tiles at a time, so that volunteers go on meanwhile. Doing it twice changes nothing, and after a kill it is
simply done again. Left out: ranking anew after every vote (labels move a tile through the votes it still wants; how
unlike it is to what is labelled is looked at once a run), and crops, which are in no queue.
"""

from collections.abc import Callable, Iterator
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.utils.translation import gettext as _

from amberapp import jobs
from amberapp.models import Job, WorkState
from detection.description import feature_store
from detection.description.chunks import chunk_store
from detection.learning import ranking
from detection.models import Region, Run, SegmentedTile, Tile, TileFailure, TileFeatures, TileScore
from detection.runs.drift import unlike_groups
from labeling.desk.queue_state import rerank
from labeling.models import Submission, TileProgress

RANK_JOB = "labeling.rank_tiles"

# Tiles with labels that a date unlike the training set is wanted to have.
ASKED_OF_A_DATE = 24
SCORE_CHUNK = 4096
WRITE_CHUNK = 500
# Chunks of the feature store from which the projection is learnt, spread over the whole region.
SAMPLED_CHUNKS = 64
# Progress is told in thousandths: a tenth for the scores, half for the features, the rest for writing.
WHOLE = 1000

Progress = Callable[[int, int, str], None]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


def request_ranking(region_id: int) -> Job | None:
    """Ask a worker to rank the region's tiles; None where its active classifier has no finished run to rank by."""
    if _latest_run(region_id) is None:
        return None
    return jobs.enqueue(RANK_JOB, acting_user=None, region=region_id)


def rank_region(*, region: Region, progress: Progress | None = None) -> int:
    """Write the priority of every tile that the latest finished run of the region's active classifier scored.

    Returns how many priorities changed; 0 where there is no such run. A tile that the run could not read gets 0.
    Places that were called for keep standing first. `progress` may raise to stop the work.
    """
    run = _latest_run(region.pk)
    if run is None:
        return 0
    tell = progress or _nobody_asks
    tell(0, WHOLE, _("Reading what the classifier said"))
    tiles, undecided = _undecided(run)
    reduced = _reduced(run, tiles, tell)
    labelled = np.isin(tiles, _labelled(region))
    priorities = ranking.priorities(undecided, reduced, labelled, seed=0)
    priorities = ranking.raised(priorities, _asked(run, tiles, labelled, seed=0))
    failed = TileFailure.objects.filter(run=run).values("tile")
    nothing_said = SegmentedTile.objects.filter(tile__in=failed, segmentation=run.segmentation_id)
    wanted = dict.fromkeys(nothing_said.values_list("pk", flat=True), 0.0)
    wanted.update(zip(tiles.tolist(), priorities.astype(float).round(6).tolist(), strict=True))
    return _write(region, wanted, tell)


def _nobody_asks(done: int, total: int, message: str) -> None:
    """The progress of work that nobody watches."""


def _latest_run(region_id: int) -> Run | None:
    return (
        Run.objects.filter(region=region_id, state=WorkState.DONE, classifier__active_in=region_id)
        .select_related("classifier")
        .order_by("-id")
        .first()
    )


def _undecided(run: Run) -> tuple[Integers, Floats]:
    """Segmented tiles int64 (n,), ascending, and how undecided the classifier is about each, float32 (n,)."""
    # A threshold chosen on very sure scores can round to an end of the scale.
    threshold = min(max(run.threshold, 0.001), 0.999)
    tiles: list[Integers] = []
    undecided: list[Floats] = []
    last = 0
    while rows := list(
        TileScore.objects.filter(run=run, segmented_tile__gt=last)
        .order_by("segmented_tile_id")
        .values_list("segmented_tile_id", "scores")[:SCORE_CHUNK]
    ):
        last = rows[-1][0]
        tiles.append(np.array([tile for tile, _scores in rows], np.int64))
        undecided.append(
            ranking.tile_uncertainty([np.frombuffer(scores, "<f4") for _tile, scores in rows], threshold)
        )
    if not tiles:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    return np.concatenate(tiles), np.concatenate(undecided)


def _labelled(region: Region) -> Integers:
    """The segmented tiles on which somebody's labels count, int64 (n,)."""
    submissions = Submission.objects.counting().filter(segmented_tile__progress__region=region).order_by()
    return np.array(list(submissions.values_list("segmented_tile_id", flat=True).distinct()), np.int64)


def _asked(run: Run, tiles: Integers, labelled: Booleans, seed: int) -> Integers:
    """Which of the tiles are to come soon, as their dates look like nothing the classifier was trained on: int64 (m,), places
    in `tiles`, the dates in turn.

    Drawn at random within a date: how undecided a classifier is about ground that it does not know says little.
    """
    random = np.random.default_rng(seed)
    lines = []
    for group in unlike_groups(run):
        of_group = Tile.objects.filter(group.tiles_filter, region=run.region_id)
        rows = TileScore.objects.filter(run=run, segmented_tile__tile__in=of_group).order_by()
        numbers = np.array(sorted(rows.values_list("segmented_tile_id", flat=True)), np.int64)
        places = np.flatnonzero(np.isin(tiles, numbers))
        wanted = max(ASKED_OF_A_DATE - int(labelled[places].sum()), 0)
        lines.append(random.permutation(places[~labelled[places]])[:wanted])
    return np.array([place for turn in zip_longest(*lines) for place in turn if place is not None], np.int64)


def _reduced(run: Run, tiles: Integers, tell: Progress) -> Floats | None:
    """The mean features of each tile on few axes, float32 (n, k), NaN where the store has none; None without any.

    The projection is learnt on chunks spread over the region; then every chunk is read once.
    """
    chunks = (
        TileFeatures.objects.filter(
            extractor_key=run.classifier.extractor_key, segmented_tile__scores__run=run
        )
        .order_by()
        .values_list("chunk_id", flat=True)
        .distinct()
    )
    numbers = sorted(chunks)
    if not numbers:
        return None
    spread = np.unique(
        np.linspace(0, len(numbers) - 1, min(SAMPLED_CHUNKS, len(numbers))).round().astype(int)
    )
    sample = [means for _tiles, means in _tile_means(run, [numbers[k] for k in spread])]
    if not sample:
        return None
    projection = ranking.Projection.fit(np.concatenate(sample))
    reduced = np.full((len(tiles), projection.axes.shape[1]), np.nan, np.float32)
    for start in range(0, len(numbers), SAMPLED_CHUNKS):
        tell(WHOLE // 10 + WHOLE // 2 * start // len(numbers), WHOLE, _("Comparing tiles"))
        for chunk_tiles, means in _tile_means(run, numbers[start : start + SAMPLED_CHUNKS]):
            reduced[np.searchsorted(tiles, chunk_tiles)] = projection.apply(means)
    return reduced


def _tile_means(run: Run, chunks: list[int]) -> Iterator[tuple[Integers, Floats]]:
    """Of each of these chunks the run's segmented tiles, int64 (m,), and their mean features, float32 (m, d).

    A chunk whose file is gone or cut short is passed over: its tiles are ranked by uncertainty alone.
    """
    rows = (
        TileFeatures.objects.filter(
            chunk__in=chunks,
            extractor_key=run.classifier.extractor_key,
            segmented_tile__scores__run=run,
            segmented_tile__superpixels__gt=0,
        )
        .order_by("chunk_id", "first_row")
        .values_list("chunk__path", "segmented_tile_id", "first_row", "segmented_tile__superpixels")
    )
    by_path: dict[str, list[tuple[int, int, int]]] = {}
    for path, tile, first, count in rows:
        by_path.setdefault(path, []).append((tile, first, count))
    for path, parts in by_path.items():
        low = min(first for _tile, first, _count in parts)
        high = max(first + count for _tile, first, count in parts)
        try:
            features = feature_store.read_rows(chunk_store(), path, low, high - low)
        except (OSError, ValueError):
            continue
        means = [features[first - low : first - low + count].mean(axis=0) for _tile, first, count in parts]
        yield np.array([tile for tile, _first, _count in parts], np.int64), np.stack(means)


def _write(region: Region, wanted: dict[int, float], tell: Progress) -> int:
    """Bring the priorities in the queue to `wanted`; returns how many changed."""
    queue = TileProgress.objects.filter(region=region)
    now = (
        queue.order_by("pk")
        .values_list("pk", "segmented_tile_id", "priority")
        .iterator(chunk_size=SCORE_CHUNK)
    )
    changed = {pk: wanted[tile] for pk, tile, priority in now if tile in wanted and wanted[tile] != priority}
    numbers = list(changed)
    for start in range(0, len(numbers), WRITE_CHUNK):
        tell(WHOLE * 6 // 10 + WHOLE * 4 // 10 * start // len(numbers), WHOLE, _("Writing the order"))
        batch = numbers[start : start + WRITE_CHUNK]
        with transaction.atomic():
            # Rows that a volunteer's request holds are left for later: who waits for nobody while holding rows
            # can be in no deadlock.
            free = list(queue.select_for_update(skip_locked=True).filter(pk__in=batch).order_by("pk"))
            for row in free:
                row.priority = changed[row.pk]
            TileProgress.objects.bulk_update(free, ["priority"])
            rerank(queue.filter(pk__in=[row.pk for row in free]))
        for number in set(batch) - {row.pk for row in free}:
            with transaction.atomic():
                one = queue.filter(pk=number)
                one.update(priority=changed[number])
                rerank(one)
    tell(WHOLE, WHOLE, "")
    return len(changed)
