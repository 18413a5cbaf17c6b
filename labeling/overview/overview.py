"""Where each region stands in the loop, and what brings it on. Reads only.

In a site of many labels what the crowd has said is counted once a minute, not at every view: such figures, and the next
step where it hangs on them, are then up to a minute old.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Max, Q
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

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
from labeling.review.readiness import Readiness, readiness
from labeling.training.retrain import RETRAIN_JOB

# The page shows so many of a region's classifiers.
CLASSIFIERS_SHOWN = 6
# So many labels are counted at every view; more of them take seconds.
COUNTED_AT_ONCE = 50_000
KEPT_SECONDS = 60


@dataclass(frozen=True)
class NextStep:
    """What to do next: a sentence, and the kind of the button that does it."""

    kind: str
    sentence: str


@dataclass
class Overview:
    """One region. `run` is the latest finished one, `open_run` the one under way or paused; `ready` belongs to `run`;
    `campaign` is the one that a worker trains for (`campaign_job`) or, without a job, the latest that waits for an admin.
    """

    region: Region
    tiles: int = 0
    placeless: int = 0
    crops: int = 0
    labels: int = 0
    labelled_at: Any = None
    people: int = 0
    mining: int = 0
    not_mining: int = 0
    unsure: int = 0
    classifiers: list[Classifier] = field(default_factory=list)
    run: Run | None = None
    open_run: Run | None = None
    ready: Readiness | None = None
    open_reports: int = 0
    release: Release | None = None
    reviewed_at: Any = None
    job: Job | None = None
    failed_job: Job | None = None
    campaign: Campaign | None = None
    campaign_job: Job | None = None
    crowd: CrowdFigures = field(default_factory=CrowdFigures)

    @property
    def active(self) -> Classifier | None:
        number = self.region.active_classifier_id
        return next((found for found in self.classifiers if found.pk == number), None)

    @property
    def newest(self) -> Classifier | None:
        return self.classifiers[0] if self.classifiers else None

    @property
    def shown_classifiers(self) -> list[Classifier]:
        return self.classifiers[:CLASSIFIERS_SHOWN]

    @property
    def stronger(self) -> Classifier | None:
        """The best of those shown that the active classifier is surely behind."""
        ahead = [one for one in self.shown_classifiers if self.active and self.active.is_surely_behind(one)]
        return max(ahead, key=lambda one: one.unseen_f1 or 0.0, default=None)

    @property
    def labelled_since(self) -> bool:
        """Whether people have labelled since the newest classifier was trained."""
        return self.newest is not None and bool(
            self.labelled_at and self.labelled_at > self.newest.created_at
        )

    @property
    def is_published(self) -> bool:
        return self.release is not None and self.run is not None and self.release.run_id == self.run.pk

    @property
    def may_publish(self) -> bool:
        """Whether the latest run can be published and would show something else than the latest release."""
        if self.ready is None or self.ready.problem:
            return False
        if self.release is None or not self.is_published:
            return True
        return self.reviewed_at is not None and self.reviewed_at > self.release.created_at

    @property
    def next_step(self) -> NextStep:
        return _next_step(self)


def overview() -> list[Overview]:
    """All regions by name. A fixed number of queries, and three for each region that has a finished run.

    Of classifiers, runs and releases only those are loaded that are shown: their figures are long.
    """
    found = {
        region.pk: Overview(region) for region in Region.objects.select_related("source", "active_classifier")
    }
    if not found:
        return []
    _count_ground(found)
    _count_labels(found)
    _find_classifiers(found)
    newest = Run.objects.order_by().values("region")
    done = newest.filter(state=WorkState.DONE).annotate(newest=Max("id")).values("newest")
    unended = newest.filter(state__in=UNENDED_STATES).annotate(newest=Max("id")).values("newest")
    for run in Run.objects.filter(Q(pk__in=done) | Q(pk__in=unended)):
        if not run.has_ended:
            found[run.region_id].open_run = run
        else:
            found[run.region_id].run = run
    own = Release.objects.filter(kind=ReleaseKind.OWN).order_by()
    latest = own.values("region").annotate(newest=Max("id")).values("newest")
    for release in own.filter(pk__in=latest).defer("statistics"):
        found[release.region_id].release = release
    reviews = Review.objects.order_by().values_list("segmented_tile__tile__region")
    for region_id, reviewed_at in reviews.annotate(Max("created_at")):
        found[region_id].reviewed_at = reviewed_at
    open_reports = Report.objects.filter(state=ReportState.OPEN).order_by()
    for region_id, count in open_reports.values_list("region").annotate(Count("id")):
        found[region_id].open_reports = count
    _find_jobs(found)
    _find_campaigns(found)
    for region_id, figures in _kept("crowd", _crowd):
        if region_id in found:
            found[region_id].crowd = CrowdFigures(**figures)
    for one in found.values():
        if one.run is not None:
            one.run.region = one.region
            one.ready = readiness(one.run)
    return list(found.values())


def _count_ground(found: dict[int, Overview]) -> None:
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
        one = found[row["region"]]
        one.tiles, one.placeless, one.crops = row["tiles"], row["placeless"], row["crops"]


def _find_classifiers(found: dict[int, Overview]) -> None:
    """Those of each region that are shown, and the active one, the newest first."""
    numbers: dict[int, list[int]] = defaultdict(list)
    for pk, region_id in Classifier.objects.order_by("-id").values_list("id", "region_id"):
        active = found[region_id].region.active_classifier_id
        if len(numbers[region_id]) < CLASSIFIERS_SHOWN or pk == active:
            numbers[region_id].append(pk)
    wanted = [pk for some in numbers.values() for pk in some]
    for classifier in Classifier.objects.filter(pk__in=wanted).order_by("-id"):
        one = found[classifier.region_id]
        classifier.region = one.region
        one.classifiers.append(classifier)


def _kept(name: str, count: Callable[[], list[Any]]) -> list[Any]:
    """What `count` tells, as JSON can say it; in a site of many labels for a minute."""
    newest = Label.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if newest < COUNTED_AT_ONCE:
        return count()
    kept: list[Any] | None = cache.get(f"overview-{name}")
    if kept is None:
        kept = count()
        cache.set(f"overview-{name}", kept, KEPT_SECONDS)
    return kept


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


def _count_labels(found: dict[int, Overview]) -> None:
    for region_id, labels, people, labelled_at in _kept("labels", _labels):
        if region_id in found:  # a region may have gone since
            one = found[region_id]
            one.labels, one.people, one.labelled_at = labels, people, parse_datetime(labelled_at)
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for region_id, verdict, count in _kept("verdicts", _verdicts):
        if region_id in found:
            counts[region_id][verdict] = count
    for region_id, said in counts.items():
        found[region_id].mining = said.get(LabelVerdict.MINING, 0)
        found[region_id].not_mining = said.get(LabelVerdict.NOT_MINING, 0)
        found[region_id].unsure = said.get(LabelVerdict.UNSURE, 0)


def _find_jobs(found: dict[int, Overview]) -> None:
    """The open retraining of each region, and the last one where it failed and nothing was trained since."""
    jobs = Job.objects.filter(kind=RETRAIN_JOB).order_by("-id")[:100]
    latest: dict[int, Job] = {}
    for job in jobs:
        region_id = job.parameters.get("region")
        if region_id in found:
            latest.setdefault(region_id, job)
    for region_id, job in latest.items():
        one = found[region_id]
        if job.is_open:
            one.job = job
        elif job.state == WorkState.FAILED and not (
            one.newest is not None and one.newest.created_at > job.created_at
        ):
            one.failed_job = job


def _find_campaigns(found: dict[int, Overview]) -> None:
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
        one = found[campaign.region_id]
        if (job := under_way.get(campaign.pk)) is not None:
            one.campaign, one.campaign_job = campaign, job
        elif one.campaign_job is None and not (
            one.newest is not None and campaign.decided_at and one.newest.created_at > campaign.decided_at
        ):
            one.campaign = campaign


def _next_step(one: Overview) -> NextStep:
    if not one.tiles and not one.crops:
        return NextStep("import", _("Bring in satellite images."))
    if one.job is not None:
        return NextStep("wait", _("A classifier is being trained."))
    if one.campaign_job is not None:
        return NextStep("wait", _("A campaign trains and searches again."))
    if one.open_run is not None and one.open_run.is_paused:
        return NextStep("wait", _("The search is paused: resume it or cancel it."))
    if one.open_run is not None:
        return NextStep("wait", _("The region is being searched."))
    if one.active is None:
        if not one.mining or not one.not_mining:
            return NextStep("label", _("Have tiles labelled: a classifier needs mining and not mining."))
        return NextStep("retrain", _("Train the first classifier on what people have labelled."))
    if not one.tiles:
        return NextStep("import", _("Bring in whole tiles to search; so far there are only labelled crops."))
    if one.campaign is not None:
        return NextStep("campaign", _("Experts have decided a campaign: train and search again."))
    if one.run is None or (one.run.classifier_id != one.active.pk and one.active is one.newest):
        return NextStep("reprocess", _("Search the region with the active classifier."))
    if one.open_reports:
        return NextStep("reports", _("Answer the citizens' reports."))
    if one.ready is not None and one.ready.waiting:
        return NextStep("review", _("Have what the search found reviewed."))
    if one.may_publish and not one.is_published:
        return NextStep("publish", _("Publish what the experts have approved."))
    if one.newest is not None and one.newest is not one.active and one.run.classifier_id == one.active.pk:
        return NextStep("activate", _("Compare the new classifier with the active one."))
    if one.labelled_since:
        return NextStep("retrain", _("Retrain: people have labelled since."))
    if one.may_publish:
        return NextStep("publish", _("Publish what the experts have decided since."))
    return NextStep("done", _("Nothing waits. New labels or reports start the next round."))
