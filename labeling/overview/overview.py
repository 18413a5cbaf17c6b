"""Gathering where each region stands in the loop. Reads only.

In a site of many labels what the crowd has said is counted once a minute, not at every view: such figures, and the next
step where it hangs on them, are then up to a minute old.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Max, Q
from django.utils.dateparse import parse_datetime

from amberapp.models import Job, WorkState
from amberapp.models.work import UNENDED_STATES
from detection.models import Classifier, Region, Run, Tile, TileKind
from labeling.campaigns.round import ROUND_JOB
from labeling.desk.crowd_figures import CrowdFigures, crowd_figures
from labeling.models import (
    Campaign,
    CampaignDecision,
    Consensus,
    Label,
    LabelVerdict,
    Release,
    ReleaseKind,
    Report,
    ReportState,
    Review,
)
from labeling.overview.region_loop import CLASSIFIERS_SHOWN, Overview
from labeling.review.readiness import readiness
from labeling.training.retrain import RETRAIN_JOB
from labeling.training.upgrade import UPGRADE_JOB

# So many labels are counted at every view; more of them take seconds.
COUNTED_AT_ONCE = 50_000
KEPT_SECONDS = 60


def overview() -> list[Overview]:
    """All regions by name. A fixed number of queries, and three for each region that has a finished run.

    Of classifiers, runs and releases only those are loaded that are shown: their figures are long.
    """
    regions = {
        region.pk: Overview(region) for region in Region.objects.select_related("source", "active_classifier")
    }
    if not regions:
        return []
    _count_ground(regions)
    _count_labels(regions)
    _find_classifiers(regions)
    newest = Run.objects.order_by().values("region")
    done = newest.filter(state=WorkState.DONE).annotate(newest=Max("id")).values("newest")
    unended = newest.filter(state__in=UNENDED_STATES).annotate(newest=Max("id")).values("newest")
    for run in Run.objects.filter(Q(pk__in=done) | Q(pk__in=unended)):
        if not run.has_ended:
            regions[run.region_id].open_run = run
        else:
            regions[run.region_id].run = run
    own = Release.objects.filter(kind=ReleaseKind.OWN).order_by()
    latest = own.values("region").annotate(newest=Max("id")).values("newest")
    for release in own.filter(pk__in=latest).defer("statistics"):
        regions[release.region_id].release = release
    reviews = Review.objects.order_by().values_list("segmented_tile__tile__region")
    for region_id, reviewed_at in reviews.annotate(Max("created_at")):
        regions[region_id].reviewed_at = reviewed_at
    open_reports = Report.objects.filter(state=ReportState.OPEN).order_by()
    for region_id, count in open_reports.values_list("region").annotate(Count("id")):
        regions[region_id].open_reports = count
    _find_jobs(regions)
    _find_campaigns(regions)
    for region_id, figures in _counted("crowd", _crowd):
        if region_id in regions:
            regions[region_id].crowd = CrowdFigures(**figures)
    for one in regions.values():
        if one.run is not None:
            one.run.region = one.region
            one.ready = readiness(one.run)
    return list(regions.values())


def _count_ground(regions: dict[int, Overview]) -> None:
    tiles = (
        Tile.objects.order_by()
        .values("region")
        .annotate(
            tiles=Count("id", filter=Q(kind=TileKind.TILE)),
            placeless=Count("id", filter=Q(kind=TileKind.TILE, west__isnull=True)),
            crops=Count("id", filter=Q(kind=TileKind.CROP)),
        )
    )
    for row in tiles:
        one = regions[row["region"]]
        one.tiles, one.placeless, one.crops = row["tiles"], row["placeless"], row["crops"]


def _find_classifiers(regions: dict[int, Overview]) -> None:
    """Those of each region that are shown, and the active one, the newest first."""
    numbers: dict[int, list[int]] = defaultdict(list)
    for pk, region_id in Classifier.objects.order_by("-id").values_list("id", "region_id"):
        active = regions[region_id].region.active_classifier_id
        if len(numbers[region_id]) < CLASSIFIERS_SHOWN or pk == active:
            numbers[region_id].append(pk)
    wanted = [pk for some in numbers.values() for pk in some]
    for classifier in Classifier.objects.filter(pk__in=wanted).order_by("-id"):
        one = regions[classifier.region_id]
        classifier.region = one.region
        one.classifiers.append(classifier)


def _counted(name: str, count: Callable[[], list[Any]]) -> list[Any]:
    """What `count` tells, as JSON can say it; in a site of many labels for a minute."""
    newest = Label.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if newest < COUNTED_AT_ONCE:
        return count()
    rows: list[Any] | None = cache.get(f"overview-{name}")
    if rows is None:
        rows = count()
        cache.set(f"overview-{name}", rows, KEPT_SECONDS)
    return rows


def _crowd() -> list[Any]:
    return [[region_id, asdict(figures)] for region_id, figures in crowd_figures().items()]


def _labels() -> list[Any]:
    """[region, labels, people, when the last came] of each region."""
    labels = (
        Label.objects.filter(submission__withdrawn_at__isnull=True)
        .order_by()
        .values("segmented_tile__tile__region")
        .annotate(
            labels=Count("id"),
            people=Count("submission__volunteer", distinct=True),
            labelled_at=Max("submission__created_at"),
        )
    )
    return [
        [row["segmented_tile__tile__region"], row["labels"], row["people"], row["labelled_at"].isoformat()]
        for row in labels
    ]


def _verdicts() -> list[Any]:
    """[region, verdict, how many superpixels]."""
    consensus = (
        Consensus.objects.filter(piece=0)
        .order_by()
        .values_list("segmented_tile__tile__region", "verdict")
        .annotate(count=Count("id"))
    )
    return [list(row) for row in consensus]


def _count_labels(regions: dict[int, Overview]) -> None:
    for region_id, labels, people, labelled_at in _counted("labels", _labels):
        if region_id in regions:  # a region may have gone since
            one = regions[region_id]
            one.labels, one.people, one.labelled_at = labels, people, parse_datetime(labelled_at)
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for region_id, verdict, count in _counted("verdicts", _verdicts):
        if region_id in regions:
            counts[region_id][verdict] = count
    for region_id, verdicts in counts.items():
        regions[region_id].mining = verdicts.get(LabelVerdict.MINING, 0)
        regions[region_id].not_mining = verdicts.get(LabelVerdict.NOT_MINING, 0)
        regions[region_id].unsure = verdicts.get(LabelVerdict.UNSURE, 0)


def _find_jobs(regions: dict[int, Overview]) -> None:
    """The open upgrade and the open retraining of each region, and the last retraining where it failed and nothing was
    trained since."""
    jobs = Job.objects.filter(kind__in=(RETRAIN_JOB, UPGRADE_JOB)).order_by("-id")[:100]
    latest: dict[int, Job] = {}
    for job in jobs:
        region_id = job.parameters.get("region")
        if region_id not in regions:
            continue
        if job.kind == RETRAIN_JOB:
            latest.setdefault(region_id, job)
        elif job.is_open:
            regions[region_id].upgrade_job = job
    for region_id, job in latest.items():
        one = regions[region_id]
        if job.is_open:
            one.job = job
        elif job.state == WorkState.FAILED and not (
            one.newest is not None and one.newest.created_at > job.created_at
        ):
            one.failed_job = job


def _find_campaigns(regions: dict[int, Overview]) -> None:
    """The campaign of each region that is being trained for, or the latest decided one that no classifier knows yet.

    A classifier trained since the decision has learned from it, whoever started it: that campaign waits no more.
    """
    decided = Campaign.objects.filter(withdrawn_at__isnull=True).exclude(decision=CampaignDecision.UNDECIDED)
    under_way = {
        job.parameters.get("campaign"): job
        for job in Job.objects.filter(kind=ROUND_JOB, state__in=UNENDED_STATES).order_by("-id")
    }
    for campaign in decided.filter(Q(classifier_after__isnull=True) | Q(pk__in=list(under_way))).order_by(
        "id"
    ):
        one = regions[campaign.region_id]
        if (job := under_way.get(campaign.pk)) is not None:
            one.campaign, one.campaign_job = campaign, job
        elif one.campaign_job is None and not (
            one.newest is not None and campaign.decided_at and one.newest.created_at > campaign.decided_at
        ):
            one.campaign = campaign
