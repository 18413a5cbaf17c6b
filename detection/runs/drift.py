"""What the images of a run are like, by capture date and imagery source: like the training set, unlike it, or too few to say.

A shard counts its own tiles and keeps the counts in its row, written in the transaction that ends it: a shard that is
done twice, or killed in between, counts once. The sums, with the detections on each group, are kept when the run ends.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date as Date
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from detection.learning.drift import Likeness, verdict_of
from detection.models import Detection, ImagerySource, Run, SegmentedTile, Shard

# [source, date or "", tiles, superpixels, superpixels beyond] of each group.
GroupCounts = list[list[Any]]


@dataclass(frozen=True)
class DriftGroup:
    """The images of one source and capture date ("": nobody knows it), and how many of their superpixels lie `beyond`
    what the classifier was trained on. `likeness`: a Likeness."""

    source: int
    source_name: str
    date: str
    tiles: int
    superpixels: int
    beyond: int
    detections: int
    likeness: str

    @property
    def is_unlike(self) -> bool:
        return self.likeness == Likeness.UNLIKE

    @property
    def percent(self) -> int:
        return round(100 * self.beyond / max(self.superpixels, 1))

    @property
    def name(self) -> str:
        day = date_format(Date.fromisoformat(self.date), "DATE_FORMAT") if self.date else _("no date")
        return f"{day} ({self.source_name})"

    @property
    def summary(self) -> str:
        tiles = ngettext("%(n)s tile", "%(n)s tiles", self.tiles) % {"n": intcomma(self.tiles)}
        found = ngettext("%(n)s detection", "%(n)s detections", self.detections)
        return f"{self.name}: {tiles}, {found % {'n': intcomma(self.detections)}}"

    @property
    def tiles_filter(self) -> Q:
        """Of Tile."""
        if not self.date:
            return Q(source=self.source, capture_date__isnull=True)
        return Q(source=self.source, capture_date=self.date)


def count_groups(tiles: Sequence[SegmentedTile], beyond: Sequence[int]) -> GroupCounts:
    """Of these tiles, which have so many superpixels beyond each."""
    counts: dict[tuple[int, str], Counter[str]] = {}
    for segmented, strange in zip(tiles, beyond, strict=True):
        day = segmented.tile.capture_date
        group = counts.setdefault((segmented.tile.source_id, day.isoformat() if day else ""), Counter())
        group.update(tiles=1, superpixels=segmented.superpixels, beyond=strange)
    return [
        [*key, group["tiles"], group["superpixels"], group["beyond"]] for key, group in sorted(counts.items())
    ]


def keep_drift(run: Run) -> None:
    """Sum up what the shards of an ended run counted. Doing it twice changes nothing."""
    measure = run.classifier.metrics.get("drift")
    if measure is None:
        return
    sums: dict[tuple[int, str], Counter[str]] = {}
    for rows in Shard.objects.filter(run=run, drift__isnull=False).values_list("drift", flat=True).iterator():
        for source, day, tiles, superpixels, beyond in rows or ():
            group = sums.setdefault((source, day), Counter())
            group.update(tiles=tiles, superpixels=superpixels, beyond=beyond)
    names = dict(
        ImagerySource.objects.filter(pk__in={source for source, _day in sums}).values_list("pk", "name")
    )
    marked = {
        (source, day.isoformat() if day else ""): count
        for source, day, count in Detection.objects.filter(run=run)
        .order_by()
        .values_list("segmented_tile__tile__source", "segmented_tile__tile__capture_date")
        .annotate(Count("id"))
    }
    run.drift = [
        asdict(
            DriftGroup(
                source=source,
                source_name=names.get(source, ""),
                date=day,
                tiles=group["tiles"],
                superpixels=group["superpixels"],
                beyond=group["beyond"],
                detections=marked.get((source, day), 0),
                likeness=verdict_of(group["superpixels"], group["beyond"], measure["most"]),
            )
        )
        for (source, day), group in sorted(sums.items())
    ]
    run.save(update_fields=["drift"])


def groups_of(run: Run) -> list[DriftGroup]:
    """The most unlike first; empty where nothing was compared. No query."""
    groups = [DriftGroup(**row) for row in run.drift or []]
    return sorted(groups, key=lambda group: (not group.is_unlike, -group.percent, group.date))


def unlike_groups(run: Run) -> list[DriftGroup]:
    return [group for group in groups_of(run) if group.is_unlike]
