"""Experts judge sampled tiles: which one comes next, what they say, how far the sample is.

They see the image and nothing else: not the stratum, not the map, not a score. A tile that is shown is kept for that
expert for a while, in its row, so that two do not look at the same one at once.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotThere, UserError
from amberapp.models import User
from labeling.models import AreaSample, SampleAnswer, SampleTile

KEPT = dt.timedelta(minutes=15)
# Every so-many-eth tile is judged by two experts where there are two, to see how far they agree.
SECOND_EVERY = 10
# So many rows are fetched at once while a tile is looked for.
LOOKED_AT = 200


@dataclass(frozen=True)
class SampleProgress:
    """`mine`: tiles that this expert has judged; `twice`: tiles with two answers."""

    tiles: int
    judged: int
    unusable: int
    twice: int
    mine: int

    @property
    def left(self) -> int:
        return self.tiles - self.judged


def next_tile(*, sample: AreaSample, expert: User, held: Collection[int] = ()) -> SampleTile | None:
    """The next tile for this expert, kept for them: what they held already, then the sample's order; None when nothing
    is left for them.

    `held` are sample tiles that their page has already. Raises Conflict when the sample is closed.
    """
    _check_open(sample)
    now = timezone.now()
    candidates = (
        sample.tiles.exclude(pk__in=held)
        .exclude(answers__expert=expert)
        .annotate(answered=Count("answers"))
        .order_by("position")
    )
    for theirs in (candidates.filter(kept_by=expert), candidates.filter(_free(now))):
        rows = theirs.values_list("pk", "position", "answered")
        for pk, position, answered in list(rows.iterator(chunk_size=LOOKED_AT)):
            if answered < _asked_of(position) and _keep(pk, position, expert, now):
                return _whole(pk)
    return None


def tile_again(*, sample: AreaSample, expert: User, sample_tile_id: int) -> tuple[SampleTile, SampleAnswer]:
    """A tile that this expert has judged, with their answer, to look at again. Raises NotThere."""
    answer = (
        SampleAnswer.objects.filter(
            sample_tile=sample_tile_id, sample_tile__sample=sample, expert=expert
        ).first()
        if sample_tile_id < 2**63
        else None
    )
    if answer is None:
        raise NotThere(_("You have not judged this tile."))
    return _whole(answer.sample_tile_id), answer


def answer_tile(
    *,
    sample: AreaSample,
    expert: User,
    sample_tile_id: int,
    superpixels: Collection[int],
    unusable: bool = False,
) -> SampleAnswer:
    """Keep what the expert sees on the tile; sent again, it replaces what the same expert had said.

    Raises NotThere for a tile of another sample, UserError for superpixels the tile does not have, Conflict when the
    sample is closed.
    """
    tile = (
        sample.tiles.select_related("segmented_tile").filter(pk=sample_tile_id).first()
        if sample_tile_id < 2**63
        else None
    )
    if tile is None:
        raise NotThere(_("This tile is not in the sample."))
    chosen = sorted(set(superpixels))
    if chosen and not 1 <= chosen[0] <= chosen[-1] <= tile.segmented_tile.superpixels:
        raise UserError(
            _("This tile has superpixels 1 to %(most)s.") % {"most": tile.segmented_tile.superpixels},
            fields={"superpixels": [_("Choose among those.")]},
        )
    if chosen and unusable:
        raise UserError(_("A tile on which mining is seen can be used."))
    with transaction.atomic():
        # Held while it is written, so that no answer comes in behind the estimate's back.
        _check_open(AreaSample.objects.select_for_update().get(pk=sample.pk))
        before = SampleAnswer.objects.filter(sample_tile=tile, expert=expert).first()
        answer, _created = SampleAnswer.objects.update_or_create(
            sample_tile=tile, expert=expert, defaults={"superpixels": chosen, "unusable": unusable}
        )
        record(
            expert,
            "sample.judged" if before is None else "sample.judged_again",
            sample,
            tile=tile.pk,
            superpixels=chosen,
            unusable=unusable,
        )
        # With the answer: whoever takes the tile next sees both. Kept by somebody else meanwhile, it stays theirs.
        SampleTile.objects.filter(pk=tile.pk, kept_by=expert).update(kept_by=None, kept_until=None)
    return answer


def progress_of(sample: AreaSample, expert: User | None = None) -> SampleProgress:
    """Counted from the answers; one query."""
    return progress_of_all([sample], expert)[sample.pk]


def progress_of_all(samples: Collection[AreaSample], expert: User | None = None) -> dict[int, SampleProgress]:
    """By sample; one query for all."""
    answers = SampleAnswer.objects.filter(sample_tile__sample__in=[sample.pk for sample in samples])
    given: dict[int, Counter[int]] = {sample.pk: Counter() for sample in samples}
    usable: dict[int, set[int]] = {sample.pk: set() for sample in samples}
    mine = Counter[int]()
    rows = answers.order_by().values_list("sample_tile__sample", "sample_tile", "expert", "unusable")
    for sample_id, tile, by, unusable in rows.iterator(chunk_size=5000):
        given[sample_id][tile] += 1
        mine[sample_id] += expert is not None and by == expert.pk
        if not unusable:
            usable[sample_id].add(tile)
    return {
        sample.pk: SampleProgress(
            tiles=sum(row["sampled"] for row in sample.strata),
            judged=len(given[sample.pk]),
            unusable=len(given[sample.pk]) - len(usable[sample.pk]),
            twice=sum(number > 1 for number in given[sample.pk].values()),
            mine=mine[sample.pk],
        )
        for sample in samples
    }


def by_stratum(sample: AreaSample) -> list[dict[str, Any]]:
    """The sample's strata with how many of their tiles are judged; for admins, who do not judge blind here."""
    judged = dict(
        sample.tiles.filter(answers__isnull=False)
        .order_by()
        .values_list("stratum")
        .annotate(Count("pk", distinct=True))
    )
    return [{**row, "drawn": row["sampled"], "judged": judged.get(row["name"], 0)} for row in sample.strata]


def samples_to_judge(expert: User) -> list[tuple[AreaSample, SampleProgress]]:
    """The open samples, the newest first."""
    samples = list(AreaSample.objects.filter(closed_at__isnull=True).select_related("region", "run"))
    progress = progress_of_all(samples, expert)
    return [(sample, progress[sample.pk]) for sample in samples]


def _check_open(sample: AreaSample) -> None:
    if sample.closed_at is not None:
        raise Conflict(_("This sample has been closed: nothing more is judged."))


def _asked_of(position: int) -> int:
    """How many experts judge the tile at this place of the order."""
    return 2 if position % SECOND_EVERY == 0 else 1


def _free(now: dt.datetime) -> Q:
    return Q(kept_by=None) | Q(kept_until=None) | Q(kept_until__lte=now)


def _keep(sample_tile_id: int, position: int, expert: User, now: dt.datetime) -> bool:
    """Whether the tile is now kept for this expert; False when another was quicker."""
    row = SampleTile.objects.filter(pk=sample_tile_id)
    if not row.filter(_free(now) | Q(kept_by=expert)).update(kept_by=expert, kept_until=now + KEPT):
        return False
    # It may have been answered, and freed by that, since it was read; now nobody else gets it.
    if SampleAnswer.objects.filter(sample_tile=sample_tile_id).count() < _asked_of(position):
        return True
    row.filter(kept_by=expert).update(kept_by=None, kept_until=None)
    return False


def _whole(pk: int) -> SampleTile:
    return SampleTile.objects.select_related(
        "segmented_tile__segmentation", "segmented_tile__tile__source"
    ).get(pk=pk)
