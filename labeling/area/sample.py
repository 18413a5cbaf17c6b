"""Drawing a sample of tiles for an area estimate, and closing it. Judging them: labeling.area.answers.

A sample is drawn once, by a seed, from a finished run, and frozen: strata, order and what the map showed. Closing
computes the estimate; after that nothing of it changes. Left out: samples that span regions.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotThere, UserError
from amberapp.models import User, WorkState
from detection.models import Region, Run, SegmentedTile
from labeling.area.estimate import answers_of, estimate_of
from labeling.area.estimators.allocation import Expected, allocate, expected_half_width
from labeling.area.frame import STRATA, Frame, frame_of, searched_the_same
from labeling.models import AreaSample, SampleTile

DEFAULT_SIZE, LEAST_SIZE, MOST_SIZE = 300, 20, 5000
BIGGEST_SEED = 2**53 - 1  # what JSON's readers hold exactly
# What to expect before anybody has looked: the share of tiles of each stratum with any mining.
EXPECTED_SHARES = {"map": 0.9, "found": 0.3, "near": 0.05, "rest": 0.005}
# Hectares on a mined tile where the run has found none to go by: a tenth of a tile.
SHARE_OF_TILE = 0.1


@dataclass(frozen=True)
class PlannedStratum:
    name: str
    tiles: int
    drawn: int


@dataclass(frozen=True)
class Plan:
    """A sample before it is drawn, and half of the interval (hectares) to expect of it."""

    size: int
    strata: list[PlannedStratum]
    half_width: float
    mapped_hectares: float
    placeless: int
    covered: int

    @property
    def tiles(self) -> int:
        return sum(stratum.tiles for stratum in self.strata)


def plan_sample(run: Run, size: int) -> Plan:
    """What a sample of `size` tiles would be. Raises UserError for a size or a run that cannot be sampled."""
    frame, drawn, expected = _allocation(run, size)
    return Plan(
        size=sum(drawn.values()),
        strata=[PlannedStratum(name, len(frame.tiles[name]), drawn[name]) for name in STRATA],
        half_width=expected_half_width(expected, drawn),
        mapped_hectares=frame.mapped_hectares,
        placeless=frame.placeless,
        covered=frame.covered,
    )


def draw_sample(*, run: Run, size: int, seed: int, acting_user: User | None) -> AreaSample:
    """Draw a stratified random sample of the run's tiles without replacement; the same seed draws the same tiles.

    What the map shows is taken as of one moment, which the sample keeps: `verdicts_at` tells the same of it for ever.
    Raises UserError for a run that is not done, has no tile with a place, or a size out of reach; Conflict while
    another sample of the region is being judged.
    """
    if not 0 <= seed <= BIGGEST_SEED:
        raise UserError(_("A seed is a whole number, not negative, of at most 16 digits."))
    moment = _quiet_moment(run)
    frame, drawn, _expected = _allocation(run, size, moment)
    chance = np.random.default_rng(seed)
    chosen: list[tuple[int, str]] = []
    for name in STRATA:
        picked = chance.choice(frame.tiles[name], size=drawn[name], replace=False)
        chosen += [(segmented, name) for segmented in picked.tolist()]
    order = chance.permutation(len(chosen)).tolist()
    with transaction.atomic():
        Region.objects.select_for_update().get(pk=run.region_id)
        if AreaSample.objects.filter(region=run.region_id, closed_at__isnull=True).exists():
            raise Conflict(_("A sample of this region is being judged already: close it first."))
        sample = AreaSample.objects.create(
            region_id=run.region_id,
            run=run,
            seed=seed,
            strata=[
                {
                    "name": name,
                    "tiles": len(frame.tiles[name]),
                    "sampled": drawn[name],
                    "ground_hectares": round(frame.ground[name], 2),
                    "mapped_hectares": round(frame.mapped_hectares, 2) if name == "map" else 0.0,
                }
                for name in STRATA
            ],
            created_by=acting_user,
        )
        # The field fills itself in with the moment of writing, when experts may have decided otherwise already.
        AreaSample.objects.filter(pk=sample.pk).update(created_at=moment)
        sample.created_at = moment
        SampleTile.objects.bulk_create(
            [
                SampleTile(
                    sample=sample,
                    segmented_tile_id=chosen[index][0],
                    stratum=chosen[index][1],
                    position=position,
                    mapped=frame.mapped.get(chosen[index][0], []),
                )
                for position, index in enumerate(order)
            ],
            batch_size=500,
        )
        record(acting_user, "sample.drawn", sample, run=run.pk, seed=seed, tiles=len(chosen))
    return sample


def close_sample(*, sample: AreaSample, acting_user: User | None) -> AreaSample:
    """Compute the estimate from the answers there are and freeze both.

    Not every tile need be judged: experts see them in an order by chance, so those judged are themselves a random
    sample. Raises Conflict when it is closed already or a stratum has too few judged tiles.
    """
    answers = answers_of(sample)
    estimate = estimate_of(sample, closed=timezone.localdate())
    with transaction.atomic():
        # From here on no answer comes in. One that came while the others were measured is measured too.
        AreaSample.objects.select_for_update().get(pk=sample.pk)
        if answers_of(sample) != answers:
            estimate = estimate_of(sample, closed=timezone.localdate())
        taken = AreaSample.objects.filter(pk=sample.pk, closed_at__isnull=True).update(
            closed_at=timezone.now(), estimate=estimate
        )
        if not taken:
            raise Conflict(_("This sample has been closed already."))
        sample.refresh_from_db()
        record(
            acting_user,
            "sample.closed",
            sample,
            hectares=estimate["hectares"],
            low=estimate["low"],
            high=estimate["high"],
        )
    return sample


def abandon_sample(*, sample: AreaSample, acting_user: User | None) -> AreaSample:
    """End a sample without an estimate; its answers stay on record. Raises Conflict when it is closed already."""
    with transaction.atomic():
        taken = AreaSample.objects.filter(pk=sample.pk, closed_at__isnull=True).update(
            closed_at=timezone.now()
        )
        if not taken:
            raise Conflict(_("This sample has been closed already."))
        sample.refresh_from_db()
        record(acting_user, "sample.abandoned", sample)
    return sample


def published_estimate(run: Run) -> AreaSample | None:
    """The sample whose estimate is published with a release of this run: the one of it that was closed last, or else
    the last one of a run that looked at the very same tiles. What is mined there does not depend on the classifier.
    """
    closed = AreaSample.objects.filter(
        region=run.region_id, closed_at__isnull=False, estimate__isnull=False
    ).order_by("-closed_at", "-id")
    own = closed.filter(run=run).first()
    if own is not None:
        return own
    same: dict[int, bool] = {}
    for sample in closed.select_related("run"):
        if sample.run_id not in same:
            same[sample.run_id] = searched_the_same(run, sample.run)
        if same[sample.run_id]:
            return sample
    return None


def sample_numbered(sample_id: int) -> AreaSample:
    """Raises NotThere."""
    sample = (
        AreaSample.objects.select_related("region", "run", "created_by").filter(pk=sample_id).first()
        if sample_id < 2**63
        else None
    )
    if sample is None:
        raise NotThere(_("There is no sample %(number)s.") % {"number": sample_id})
    return sample


def _quiet_moment(run: Run) -> dt.datetime:
    """A moment as of which no review of the run's ground is still to come: those under way then are waited for.

    A review bears the time at which it was written, is seen when its transaction ends, and holds its tile until then.
    """
    moment = timezone.now()
    with transaction.atomic():
        tiles = SegmentedTile.objects.filter(pk__in=run.detections.order_by().values("segmented_tile"))
        list(tiles.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    return moment


def _allocation(
    run: Run, size: int, moment: dt.datetime | None = None
) -> tuple[Frame, dict[str, int], list[Expected]]:
    if run.state != WorkState.DONE:
        raise UserError(_("Run %(id)s is not done: a sample needs all of its scores.") % {"id": run.pk})
    if not LEAST_SIZE <= size <= MOST_SIZE:
        raise UserError(
            _("A sample has %(least)s to %(most)s tiles.") % {"least": LEAST_SIZE, "most": MOST_SIZE},
            fields={"size": [_("Choose a number within these limits.")]},
        )
    frame = frame_of(run, moment)
    if not frame.searched:
        raise UserError(_("Run %(id)s has no tile whose place is known.") % {"id": run.pk})
    typical = _typical_hectares(frame)
    expected = [Expected(name, len(frame.tiles[name]), EXPECTED_SHARES[name], typical) for name in STRATA]
    try:
        return frame, allocate(expected, size), expected
    except ValueError as error:
        raise UserError(_("So few tiles cannot be spread over all strata.")) from error


def _typical_hectares(frame: Frame) -> float:
    if frame.mapped:
        return frame.mapped_hectares / len(frame.mapped)
    return SHARE_OF_TILE * sum(frame.ground.values()) / frame.searched
