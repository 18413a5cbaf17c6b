"""What differs between two runs of a region, tile by tile, and why.

Both runs have ended, so a comparison never changes: it is computed once, in one pass over what the two runs marked, and
kept as a small array file. A page of it is then a slice and a constant number of queries.
"""

import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amberapp import jobs, storage
from amberapp.errors import Conflict, NotThere, UserError
from amberapp.models import Job, User, WorkState
from detection.learning.ground.head import outlined
from detection.models import Detection, Run, Tile, TileFailure, TileScore
from detection.runs.watch import run_numbered

COMPARE_JOB = "detection.compare_runs"
# Beyond so many detections in both runs together a worker compares them, not the web server.
AT_ONCE = 20_000
AGAIN_AFTER = dt.timedelta(minutes=5)
BATCH = 1_000


class DifferenceKind(TextChoices):
    APPEARED = "appeared", gettext_lazy("appeared")
    VANISHED = "vanished", gettext_lazy("vanished")
    CHANGED = "changed", gettext_lazy("changed")


class DifferenceReason(TextChoices):
    """Why a tile is marked in one run only, or marked differently.

    RULE: the earlier scores under the later threshold and rule give what the later run found; CLASSIFIER: they do not.
    NOT_SEARCHED: the tile was there, and its shard failed or was cancelled.
    Kept comparisons hold a reason by its place here: new ones go to the end.
    """

    CLASSIFIER = "classifier", gettext_lazy("new classifier")
    RULE = "rule", gettext_lazy("new threshold or rule")
    NEW_TILE = "new_tile", gettext_lazy("new image")
    SEGMENTATION = "segmentation", gettext_lazy("new superpixels")
    UNREADABLE_THEN = "unreadable_then", gettext_lazy("could not be read then")
    UNREADABLE_NOW = "unreadable_now", gettext_lazy("could not be read now")
    NOT_SEARCHED = "not_searched", gettext_lazy("not searched in one of the runs")


KINDS, REASONS = DifferenceKind.values, DifferenceReason.values
# The packed scores of a tile's superpixels, and of its ground where an outline head looked: see TileScore.
Scores = tuple[bytes, bytes | None]
UNSAID: Scores = (b"", None)
# One differing tile. `then`, `now`: the detections' ids, 0 where there is none; `score`: the later one where there is one.
ROW = np.dtype(
    [("tile", "<i8"), ("then", "<i8"), ("now", "<i8"), ("score", "<f4"), ("kind", "u1"), ("reason", "u1")]
)


@dataclass(frozen=True)
class RunDiff:
    """`rows`: ROW (n,), by kind and then by falling score; `unchanged`: tiles that both runs mark alike."""

    then: Run
    now: Run
    rows: npt.NDArray[Any]
    unchanged: int

    def counts(self) -> dict[str, dict[str, int]]:
        """{kind: {reason: tiles}} with every kind, and the reasons that there are."""
        numbers = np.zeros((len(KINDS), len(REASONS)), int)
        np.add.at(numbers, (self.rows["kind"], self.rows["reason"]), 1)
        return {
            kind: {reason: int(count) for reason, count in zip(REASONS, row, strict=True) if count}
            for kind, row in zip(KINDS, numbers, strict=True)
        }

    def chosen(self, kind: str = "", reason: str = "") -> npt.NDArray[Any]:
        """The rows of that kind and reason; an empty word chooses all. Raises UserError for an unknown word."""
        rows = self.rows
        for name, word, words in (("kind", kind, KINDS), ("reason", reason, REASONS)):
            if not word:
                continue
            if word not in words:
                raise UserError(
                    _("“%(word)s” is not one of %(known)s.") % {"word": word[:40], "known": ", ".join(words)},
                    fields={name: [_("unknown")]},
                )
            rows = rows[rows[name] == words.index(word)]
        return rows


@dataclass(frozen=True)
class DifferingTile:
    """A row of a comparison with its ground; a detection is None where the run does not mark the tile."""

    tile: Tile
    kind: DifferenceKind
    reason: DifferenceReason
    then: Detection | None
    now: Detection | None


def compare_runs(then: Run, now: Run) -> RunDiff:
    """The comparison of two runs, from where it is kept or computed here and kept.

    Raises UserError for runs of different regions or one run twice, Conflict where one has not ended.
    """
    diff = kept_diff(then, now)
    if diff is None:
        diff = _compute(then, now)
        storage.put(_key(then, now), _as_bytes(diff))
    return diff


def compare_or_ask(then: Run, now: Run, *, acting_user: User | None) -> RunDiff | Job:
    """As `compare_runs`, but large runs are left to a worker: the job that compares them, while it does.

    Raises what `compare_runs` raises, and UserError with the job's sentence where it failed a moment ago.
    """
    diff = kept_diff(then, now)
    if diff is not None:
        return diff
    if Detection.objects.filter(run__in=(then.pk, now.pk)).count() <= AT_ONCE:
        return compare_runs(then, now)
    jobs_of_pair = Job.objects.filter(kind=COMPARE_JOB, parameters__then=then.pk, parameters__now=now.pk)
    latest = jobs_of_pair.order_by("-id").first()
    if latest is not None and latest.is_open:
        return latest
    # A page that watches the job is read anew when it ends: it must not ask at once again.
    if latest is not None and latest.state == WorkState.FAILED and _just_now(latest):
        raise UserError(_("The runs could not be compared: %(reason)s") % {"reason": latest.error})
    return jobs.enqueue(COMPARE_JOB, acting_user=acting_user, then=then.pk, now=now.pk)


def _just_now(job: Job) -> bool:
    return job.finished_at is not None and timezone.now() - job.finished_at < AGAIN_AFTER


def kept_diff(then: Run, now: Run) -> RunDiff | None:
    """The comparison where it has been computed; raises as `compare_runs`."""
    _check(then, now)
    try:
        data = storage.get(_key(then, now))
    except NotThere:
        return None
    try:
        file = io.BytesIO(data)
        unchanged = int(np.load(file, allow_pickle=False))
        rows = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, OSError):
        return None
    # A comparison kept by an earlier version may tell a reason that is none any more: it is made anew.
    if rows.dtype != ROW or (rows["reason"] >= len(REASONS)).any():
        return None
    return RunDiff(then, now, rows, unchanged)


def earlier_and_later(one: int, other: int) -> tuple[Run, Run]:
    """Two runs by number, the older first. Raises NotThere."""
    then, now = sorted((run_numbered(one), run_numbered(other)), key=lambda run: run.pk)
    return then, now


def tiles_of(rows: npt.NDArray[Any]) -> list[DifferingTile]:
    """Rows with what they point at: three queries. Tiles that are no longer there are left out."""
    tiles = Tile.objects.in_bulk(rows["tile"].tolist())
    numbers = {int(number) for name in ("then", "now") for number in rows[name] if number}
    detections = Detection.objects.in_bulk(list(numbers))
    return [
        DifferingTile(
            tile=tiles[int(row["tile"])],
            kind=DifferenceKind(KINDS[row["kind"]]),
            reason=DifferenceReason(REASONS[row["reason"]]),
            then=detections.get(int(row["then"])),
            now=detections.get(int(row["now"])),
        )
        for row in rows
        if int(row["tile"]) in tiles
    ]


def named_rows(rows: npt.NDArray[Any]) -> Iterator[dict[str, Any]]:
    """Every row as a dict with the file's name, for scripts; two queries for each thousand."""
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        names = dict(Tile.objects.filter(pk__in=part["tile"].tolist()).values_list("pk", "file_name"))
        for row in part:
            yield {
                "tile": int(row["tile"]),
                "file": names.get(int(row["tile"]), ""),
                "kind": KINDS[row["kind"]],
                "reason": REASONS[row["reason"]],
                "then": int(row["then"]) or None,
                "now": int(row["now"]) or None,
            }


def _check(then: Run, now: Run) -> None:
    if then.pk == now.pk:
        raise UserError(_("Choose two different runs to compare."))
    if then.region_id != now.region_id:
        raise UserError(
            _("Runs %(then)s and %(now)s belong to different regions: there is nothing to compare.")
            % {"then": then.pk, "now": now.pk}
        )
    for run in (then, now):
        if not run.has_ended:
            raise Conflict(_("Run %(id)s has not ended yet: compare it when it has.") % {"id": run.pk})


def _key(then: Run, now: Run) -> str:
    return f"diffs/{then.region_id}/{then.pk}-{now.pk}.npy"


def _as_bytes(diff: RunDiff) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.int64(diff.unchanged), allow_pickle=False)
    np.save(buffer, diff.rows, allow_pickle=False)
    return buffer.getvalue()


# Computing it --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Marked:
    """What a run marked, by rising tile: ids int64 (n,), score float32 (n,), a digest of its superpixels uint64 (n,)."""

    tile: npt.NDArray[np.int64]
    detection: npt.NDArray[np.int64]
    score: npt.NDArray[np.float32]
    digest: npt.NDArray[np.uint64]


def _marked(run: Run, by: str) -> _Marked:
    """`by`: the column whose content says whether two detections of a tile are the same."""
    rows = (
        Detection.objects.filter(run=run).order_by().values_list("segmented_tile__tile_id", "id", "score", by)
    )
    packed = np.fromiter(
        ((tile, number, score, digest_of(content)) for tile, number, score, content in rows.iterator(BATCH)),
        dtype=[("tile", "i8"), ("detection", "i8"), ("score", "f4"), ("digest", "u8")],
    )
    packed.sort(order="tile")
    return _Marked(packed["tile"], packed["detection"], packed["score"], packed["digest"])


def digest_of(content: Any) -> int:
    """64 bits that stand for a JSON value."""
    text = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _compute(then: Run, now: Run) -> RunDiff:
    same_pieces = then.segmentation_id == now.segmentation_id
    by = "superpixels" if same_pieces else "pixel_outline"
    old, new = _marked(then, by), _marked(now, by)
    _both, in_old, in_new = np.intersect1d(old.tile, new.tile, assume_unique=True, return_indices=True)
    differs = old.digest[in_old] != new.digest[in_new]
    only_old = np.setdiff1d(np.arange(len(old.tile)), in_old, assume_unique=True)
    only_new = np.setdiff1d(np.arange(len(new.tile)), in_new, assume_unique=True)
    changed_old, changed_new = in_old[differs], in_new[differs]
    rows = np.zeros(len(only_new) + len(only_old) + len(changed_new), ROW)
    appeared, vanished, changed = np.split(rows, [len(only_new), len(only_new) + len(only_old)])
    for part, kind in (
        (appeared, DifferenceKind.APPEARED),
        (vanished, DifferenceKind.VANISHED),
        (changed, DifferenceKind.CHANGED),
    ):
        part["kind"] = KINDS.index(kind)
    appeared["tile"], appeared["now"] = new.tile[only_new], new.detection[only_new]
    appeared["score"] = new.score[only_new]
    vanished["tile"], vanished["then"] = old.tile[only_old], old.detection[only_old]
    vanished["score"] = old.score[only_old]
    changed["tile"], changed["then"] = new.tile[changed_new], old.detection[changed_old]
    changed["now"], changed["score"] = new.detection[changed_new], new.score[changed_new]
    _give_reasons(rows, then, now, dict(zip(new.tile.tolist(), new.digest.tolist(), strict=True)))
    order = np.lexsort((rows["tile"], -rows["score"], rows["kind"]))
    return RunDiff(then, now, rows[order], int((~differs).sum()))


def _give_reasons(rows: npt.NDArray[Any], then: Run, now: Run, new_digests: dict[int, int]) -> None:
    """Fill in `reason`. `new_digests`: {tile: digest of its superpixels} for what the later run marked."""
    failed_then, failed_now = _failed(then), _failed(now)
    same_rule = (then.threshold, then.positive_superpixels) == (now.threshold, now.positive_superpixels)
    same_pieces = then.segmentation_id == now.segmentation_id
    one_classifier = then.classifier_id == now.classifier_id
    weigh = same_pieces and not same_rule and not one_classifier
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        ids = part["tile"].tolist()
        scored_then = _scored(then, ids, with_scores=weigh)
        scored_now = _scored(now, ids, with_scores=False)
        made = dict(Tile.objects.filter(pk__in=ids).values_list("pk", "created_at"))
        for row in part:
            tile = int(row["tile"])
            if tile in failed_then:
                reason = DifferenceReason.UNREADABLE_THEN
            elif tile in failed_now:
                reason = DifferenceReason.UNREADABLE_NOW
            elif not row["then"] and tile not in scored_then:
                is_new = tile in made and made[tile] > then.created_at
                reason = DifferenceReason.NEW_TILE if is_new else DifferenceReason.NOT_SEARCHED
            elif not row["now"] and tile not in scored_now:
                reason = DifferenceReason.NOT_SEARCHED
            elif not same_pieces:
                reason = DifferenceReason.SEGMENTATION
            elif one_classifier or (
                weigh and _as_found(scored_then.get(tile, UNSAID), now) == new_digests.get(tile)
            ):
                reason = DifferenceReason.RULE
            else:
                reason = DifferenceReason.CLASSIFIER
            row["reason"] = REASONS.index(reason)


def _failed(run: Run) -> set[int]:
    return set(TileFailure.objects.filter(run=run).values_list("tile_id", flat=True))


def _scored(run: Run, tiles: Sequence[int], *, with_scores: bool) -> dict[int, Scores]:
    """{tile: its scores, or UNSAID where they are not wanted} for those of `tiles` that the run scored."""
    scores = TileScore.objects.filter(run=run, segmented_tile__tile__in=tiles).order_by()
    if not with_scores:
        return dict.fromkeys(scores.values_list("segmented_tile__tile_id", flat=True), UNSAID)
    rows = scores.values_list("segmented_tile__tile_id", "scores", "ground")
    return {tile: (bytes(packed), None if ground is None else bytes(ground)) for tile, packed, ground in rows}


def _as_found(scores: Scores, run: Run) -> int | None:
    """The digest of what the run's rule, and its outline head's, mark on these scores; None where they mark nothing."""
    packed, ground = scores
    chosen = np.flatnonzero(np.frombuffer(packed, "<f4") >= run.threshold) + 1
    if len(chosen) <= run.positive_superpixels:
        return None
    head = run.classifier.metrics.get("outline")
    if head is not None:
        if ground is None:
            return None
        chosen = outlined(np.frombuffer(ground, "<f4"), head["threshold"], head["least"])
    return digest_of(chosen.tolist()) if len(chosen) else None
