"""The gallery of a run's detections: in which order they come, and what one of its cells shows. Reads only.

The order is that of one moment: who decides while looking keeps the cells where they are.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.core.cache import cache
from django.db.models import Count, QuerySet
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from amberapp.models import User
from amberapp.web.words import hectares_text, moment_text
from detection.models import Detection, Run, Tile
from detection.segmentation.svg import rings_of, svg_path_in_steps
from labeling.models import Consensus, LabelVerdict, Report, ReportState, ReviewVerdict
from labeling.review.corrections import shown
from labeling.review.verdict_tags import tag_of
from labeling.review.verdicts import DISPUTED, standings_of, verdict_of
from labeling.review.waiting import QueueItem, Since, marked_by, run_before, since_of

# So many cells are asked for at once; whole rows in 2, 3, 4 and 6 columns.
CELLS = 48
# What volunteers say changes slowly; the order by disagreement may be so old.
CACHE_SECONDS = 60
# A close-up shows the outline with so much ground around it, and at least so much of the tile.
AROUND = 1.7
CLOSEST = 0.3


class Order(StrEnum):
    """How a gallery is sorted, the most remarkable first."""

    SCORE = "score"
    AREA = "area"
    DISAGREEMENT = "disagreement"
    REPORTS = "reports"


@dataclass(frozen=True)
class Cell:
    """One detection in the gallery.

    path: the outline that counts; machine: where an expert has corrected it, the machine's. close, whole: what the picture shows, as an SVG's viewBox in pixels of the tile; size: the picture's longest side
    that is sharp enough for `close`. crowd: the volunteers' mean probability of mining, None where nobody has looked.
    """

    item: QueueItem
    detection: Detection
    path: str
    machine: str
    hectares: float | None
    close: str
    whole: str
    size: int
    crowd: float | None
    reports: int

    @property
    def tile(self) -> Tile:
        return self.detection.segmented_tile.tile

    @property
    def figures(self) -> str:
        """Size and date, as far as they are known."""
        parts = []
        if self.hectares is not None:
            parts.append(hectares_text(self.hectares))
        if self.tile.capture_date is not None:
            parts.append(date_format(self.tile.capture_date, "M Y"))
        return "".join(f" · {part}" for part in parts)

    @property
    def tag(self) -> tuple[str, str] | None:
        """(colour, words) of what counts, or of what is new."""
        verdict = self.item.verdict
        if verdict is None:
            words = {Since.CHANGED: _("Changed"), Since.NEW: _("New"), Since.SAME: ""}[self.item.since]
            return ("", words) if words else None
        if verdict.verdict == DISPUTED:
            return "tag--danger", _("Disputed")
        words = {
            ReviewVerdict.APPROVED: capfirst(verdict.review.verdict_name),
            ReviewVerdict.REJECTED: verdict.review.look_alike_name,
            ReviewVerdict.SECOND: _("Second opinion"),
        }[ReviewVerdict(verdict.verdict)]
        return tag_of(verdict.verdict), words

    @property
    def words(self) -> str:
        """Who has said so, and when; else what volunteers say."""
        verdict = self.item.verdict
        if verdict is None:
            if self.crowd is None:
                return _("no volunteers yet")
            return _("volunteers: %(share)s%% mining") % {"share": round(100 * self.crowd)}
        if verdict.verdict == DISPUTED:
            return " ↔ ".join(side.expert.username for side in verdict.sides)
        who, day = verdict.review.expert.username, moment_text(verdict.review.created_at, "j M")
        if verdict.carried:
            values = {"run": verdict.review.detection.run_id, "who": who, "date": day}
            return _("carried over from run %(run)s by %(who)s, %(date)s") % values
        return f"{who}, {day}"


def ordered(run: Run, items: Sequence[QueueItem], order: str) -> list[QueueItem]:
    """Sorted by `order`, equal ones by score. At most two queries more, whatever the size."""
    by_score = sorted(items, key=lambda item: (-item.score, item.detection_id))
    if order == Order.AREA:
        return sorted(by_score, key=lambda item: -(item.hectares or 0.0))
    if order == Order.REPORTS:
        reports = _reports(Detection.objects.filter(run=run))
        return sorted(by_score, key=lambda item: -reports.get(item.detection_id, 0))
    if order == Order.DISAGREEMENT:
        crowd = _crowd_of_run(run)
        return sorted(by_score, key=lambda item: -disagreement(item, crowd.get(item.detection_id)))
    return by_score


def disagreement(item: QueueItem, crowd: float | None) -> float:
    """How far opinions differ: two experts most (2 and more), then classifier and volunteers (0 to 1); -1: unknown."""
    between = abs(item.score - crowd) if crowd is not None else -1.0
    return 2.0 + max(between, 0.0) if item.state == DISPUTED else between


def cells_of(numbers: Sequence[int], reader: User) -> list[Cell]:
    """Cells of these detections, which belong to one run, in this order; unknown numbers are left out. Six queries."""
    by_number = (
        Detection.objects.filter(pk__in=numbers)
        .select_related("segmented_tile__tile", "run__region")
        .order_by()
        .in_bulk()
    )
    detections = [by_number[number] for number in numbers if number in by_number]
    if not detections:
        return []
    run = detections[0].run
    detections = [one for one in detections if one.run_id == run.pk]
    standings = standings_of(detections)
    before = marked_by(run_before(run), [one.segmented_tile.tile_id for one in detections])
    rows = Detection.objects.filter(pk__in=[one.pk for one in detections])
    reports, crowd = _reports(rows), _crowd(rows)
    cells = []
    for one in detections:
        standing = standings.get(one.pk)
        tile, drawn = one.segmented_tile.tile, shown(one, standing)
        item = QueueItem(
            detection_id=one.pk,
            score=one.score,
            verdict=verdict_of(one.pk, standing),
            hectares=drawn.hectares,
            since=since_of(before.get(tile.pk), (one.segmented_tile_id, one.superpixels)),
            seen=standing.latest.pk if standing is not None and standing.latest is not None else None,
            waits=standing is None or standing.waits_for(reader.pk),
        )
        box = close_up(drawn.pixel_outline, tile.width, tile.height)
        cells.append(
            Cell(
                item=item,
                detection=one,
                path=svg_path_in_steps(rings_of(drawn.pixel_outline)),
                machine=svg_path_in_steps(rings_of(one.pixel_outline)) if drawn.corrected else "",
                hectares=drawn.hectares,
                close=" ".join(f"{number:.0f}" for number in box),
                whole=f"0 0 {tile.width} {tile.height}",
                size=256 if box[2] > 0.7 * tile.width else 512,
                crowd=crowd.get(one.pk),
                reports=reports.get(one.pk, 0),
            )
        )
    return cells


def close_up(outline: dict[str, Any], width: int, height: int) -> tuple[float, float, float, float]:
    """(x, y, width, height) in pixels of a square part of the tile that shows the outline with ground around it."""
    points = [point for ring in rings_of(outline) for point in ring]
    most = float(min(width, height))
    if not points:
        return ((width - most) / 2, (height - most) / 2, most, most)
    left, right = min(point[0] for point in points), max(point[0] for point in points)
    top, bottom = min(point[1] for point in points), max(point[1] for point in points)
    side = min(max(AROUND * max(right - left, bottom - top), CLOSEST * most), most)
    x = min(max((left + right - side) / 2, 0.0), width - side)
    y = min(max((top + bottom - side) / 2, 0.0), height - side)
    return (x, y, side, side)


def _reports(detections: QuerySet[Detection]) -> dict[int, int]:
    """{detection: reports about its tile that are not junk}; those without any are left out."""
    tiles = detections.order_by().values("segmented_tile")
    counts = (
        Report.objects.filter(detection__segmented_tile__in=tiles)
        .exclude(state=ReportState.JUNK)
        .order_by()
        .values_list("detection__segmented_tile")
        .annotate(Count("id"))
    )
    by_tile = dict(counts)
    if not by_tile:
        return {}
    rows = detections.order_by().values_list("pk", "segmented_tile")
    return {pk: by_tile[tile] for pk, tile in rows if tile in by_tile}


def _crowd_of_run(run: Run) -> dict[int, float]:
    key = f"gallery-crowd-1-{run.pk}"
    rows = cache.get(key)
    if rows is None:
        rows = list(_crowd(Detection.objects.filter(run=run)).items())
        cache.set(key, rows, CACHE_SECONDS)
    return dict(rows)


def _crowd(detections: QuerySet[Detection]) -> dict[int, float]:
    """{detection: mean over its superpixels of the volunteers' probability of mining}, where volunteers have looked."""
    tiles = detections.order_by().values("segmented_tile")
    mining: dict[int, dict[int, float]] = defaultdict(dict)
    rows = Consensus.objects.filter(
        segmented_tile__in=tiles, piece=0, votes__gt=0, by_expert=False
    ).order_by()
    for tile, superpixel, verdict, posterior, probabilities in rows.values_list(
        "segmented_tile", "superpixel", "verdict", "posterior", "probabilities"
    ).iterator(chunk_size=5000):
        if probabilities:
            mining[tile][superpixel] = float(probabilities[0])
        else:
            mining[tile][superpixel] = _of_mining(verdict, posterior)
    if not mining:
        return {}
    crowd = {}
    for pk, tile, superpixels in detections.order_by().values_list("pk", "segmented_tile", "superpixels"):
        shares = [mining[tile][piece] for piece in superpixels if piece in mining.get(tile, ())]
        if shares:
            crowd[pk] = sum(shares) / len(shares)
    return crowd


def _of_mining(verdict: str, posterior: float) -> float:
    if verdict == LabelVerdict.MINING:
        return posterior
    return 1.0 - posterior if verdict == LabelVerdict.NOT_MINING else 0.5
