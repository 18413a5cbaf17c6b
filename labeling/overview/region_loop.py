"""One region's loop, decided: what each of its stations shows and what brings it on. Asks no rows; the overview gathers them."""

from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from amberapp.models import Job
from detection.models import Classifier, Region, Run
from detection.runs.drift import unlike_groups
from detection.training.pages import activate_question
from labeling.desk.crowd_figures import CrowdFigures
from labeling.models import Campaign, Release
from labeling.review.readiness import Readiness

# The page shows so many of a region's classifiers.
CLASSIFIERS_SHOWN = 6
# Kind of a step → the station at which it is done.
STATIONS = {
    "import": "imagery",
    "label": "labels",
    "retrain": "classifier",
    "activate": "classifier",
    "campaign": "classifier",
    "reprocess": "search",
    "review": "review",
    "reports": "review",
    "publish": "map",
}


@dataclass(frozen=True)
class NextStep:
    """What to do next: its kind and a sentence; `address` and `button` lead there, empty where the station itself does."""

    kind: str
    sentence: str
    address: str = ""
    button: str = ""

    @property
    def station(self) -> str:
        """The station of the loop at which it is done."""
        return STATIONS.get(self.kind, "")


@dataclass(frozen=True)
class Rival:
    """A classifier that may be made active instead; `question`: asked before, where its F1 is lower."""

    classifier: Classifier
    question: str


@dataclass
class Overview:
    """One region. `run` is the latest finished one, `open_run` the one under way or paused; `ready` belongs to `run`;
    `campaign` is the one that a worker trains for (`campaign_job`) or, without a job, the latest that waits for an admin;
    `upgrade_job` goes over to other features and has not begun to read the region.
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
    upgrade_job: Job | None = None
    crowd: CrowdFigures = field(default_factory=CrowdFigures)

    @property
    def active(self) -> Classifier | None:
        number = self.region.active_classifier_id
        return next((one for one in self.classifiers if one.pk == number), None)

    @property
    def newest(self) -> Classifier | None:
        return self.classifiers[0] if self.classifiers else None

    @property
    def shown_classifiers(self) -> list[Classifier]:
        return self.classifiers[:CLASSIFIERS_SHOWN]

    @property
    def has_own_features(self) -> bool:
        """Whether the active classifier looks with Amber's own features, which know no pretrained weights."""
        return self.active is not None and self.active.extractor == "texture"

    @property
    def rivals(self) -> list[Rival]:
        return [
            Rival(one, activate_question(one, self.active))
            for one in self.shown_classifiers
            if one is not self.active
        ]

    @property
    def training(self) -> Job | None:
        """The job that trains a classifier: by itself or for a campaign."""
        return self.job or self.campaign_job

    @property
    def may_search(self) -> bool:
        return bool(self.active and self.tiles and not self.open_run and not self.campaign_job)

    @property
    def unlike_dates(self) -> int:
        """How many dates of the latest run look like nothing its classifier was trained on."""
        return len(unlike_groups(self.run)) if self.run is not None else 0

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


def _next_step(one: Overview) -> NextStep:
    if not one.tiles and not one.crops:
        return _import(one, _("Bring in satellite images."))
    if one.job is not None:
        return NextStep("wait", _("A classifier is being trained."))
    if one.campaign_job is not None:
        return NextStep("wait", _("A campaign trains and searches again."))
    if one.upgrade_job is not None:
        return NextStep("wait", _("The site's new features are being tried."))
    if one.open_run is not None and one.open_run.is_paused:
        return NextStep("wait", _("The search is paused: resume it or cancel it."))
    if one.open_run is not None:
        return NextStep("wait", _("The region is being searched."))
    if one.active is None:
        if not one.mining or not one.not_mining:
            return NextStep(
                "label",
                _("Have tiles labelled: a classifier needs mining and not mining."),
                f"{reverse('desk')}?region={one.region.slug}",
                _("Open the desk"),
            )
        return NextStep("retrain", _("Train the first classifier on what people have labelled."))
    if not one.tiles:
        return _import(one, _("Bring in whole tiles to search; so far there are only labelled crops."))
    if one.campaign is not None:
        return NextStep(
            "campaign",
            _("Experts have decided a campaign: train and search again."),
            reverse("campaign", args=[one.campaign.pk]),
            _("Open the campaign"),
        )
    if one.run is None or (one.run.classifier_id != one.active.pk and one.active is one.newest):
        return NextStep("reprocess", _("Search the region with the active classifier."))
    if one.open_reports:
        return NextStep(
            "reports", _("Answer the citizens' reports."), reverse("report-list"), _("Open the reports")
        )
    if one.ready is not None and one.ready.waiting:
        return NextStep(
            "review",
            _("Have what the search found reviewed."),
            f"{reverse('review')}?region={one.region.slug}",
            _("Open the review"),
        )
    if one.may_publish and not one.is_published:
        return _publish(one.run, _("Publish what the experts have approved."))
    if one.newest is not None and one.newest is not one.active and one.run.classifier_id == one.active.pk:
        return NextStep(
            "activate",
            _("Compare the new classifier with the active one."),
            reverse("classifier", args=[one.newest.pk]),
            _("Compare"),
        )
    if one.labelled_since:
        return NextStep("retrain", _("Retrain: people have labelled since."))
    if one.may_publish:
        return _publish(one.run, _("Publish what the experts have decided since."))
    return NextStep("done", _("Nothing waits. New labels or reports start the next round."))


def _import(one: Overview, sentence: str) -> NextStep:
    return NextStep("import", sentence, reverse("region-tiles", args=[one.region.slug]), _("Import tiles"))


def _publish(run: Run, sentence: str) -> NextStep:
    return NextStep("publish", sentence, f"{reverse('run', args=[run.pk])}#publish", _("Look and publish"))
