"""What a campaign's page shows: its steps with what can be done at each, and what came of it. Drawn by templates."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from amberapp.models import User
from amberapp.web.words import moment_text
from detection.learning.before_after import FEWEST_PLACES
from labeling.campaigns import held_out as measurement
from labeling.campaigns.change_kinds import MINING, NOT_JUDGED, WAITING, kinds_of_change
from labeling.campaigns.steps import (
    DONE,
    NOW,
    STOPPED,
    WORKING,
    CampaignProgress,
    Step,
    campaign_progress_of,
    figure_names,
    progress_now,
)
from labeling.models import AreaSample, Campaign, CampaignMember, LookAlike
from labeling.review.readiness import Readiness

# So many of its superpixels are shown.
MEMBERS = 24
# What can be done at a step, by the name of the block that offers it; FOR_ADMINS: by others than this reader.
LOOK_ALIKES, ROUND, REVIEW, PUBLISH, RELEASE, FOR_ADMINS = (
    "look_alikes",
    "round",
    "review",
    "publish",
    "release",
    "for_admins",
)


@dataclass(frozen=True)
class StepLine:
    """A step of the course. tag: (colour, words) while it is neither done nor waiting; action: one of the above or ""."""

    step: Step
    is_current: bool
    action: str

    @property
    def is_done(self) -> bool:
        return self.step.state == DONE

    @property
    def is_working(self) -> bool:
        return self.step.state == WORKING

    @property
    def is_now(self) -> bool:
        return self.step.state == NOW

    @property
    def tag(self) -> tuple[str, str] | None:
        tags = {WORKING: ("tag--amber", _("under way")), STOPPED: ("tag--danger", _("stopped"))}
        return tags.get(self.step.state)

    @property
    def byline(self) -> str:
        """By whom and when."""
        when = moment_text(self.step.when, "DATETIME_FORMAT") if self.step.when is not None else ""
        return ", ".join(part for part in (self.step.who, when) if part)


@dataclass(frozen=True)
class FigureRow:
    """A figure before and after, each (value, low, high)."""

    name: str
    before: list[float]
    after: list[float]
    difference: list[float]


@dataclass(frozen=True)
class FigureGroup:
    """Figures on the same rows; `counts`: how many superpixels, places and positives these are."""

    title: str
    counts: dict[str, Any]
    has_interval: bool
    rows: list[FigureRow]


@dataclass(frozen=True)
class KindRow:
    """One class of ground, of one origin: how many were called mining; `difference` in percentage points."""

    name: str
    origin: str
    n: int
    places: int
    before: int
    after: int
    difference: list[float]
    has_interval: bool


@dataclass(frozen=True)
class ChangeRow:
    name: str
    is_loss: bool
    removed: int
    added: int


@dataclass(frozen=True)
class CampaignPage:
    """held_out, run_effect: as `measure_held_out` and `measure_run` keep them, {} before they have."""

    campaign: Campaign
    course: CampaignProgress
    reader: User
    look_alike: str
    progress: dict[str, Any] | None
    members: list[CampaignMember]
    held_out: dict[str, Any]
    run_effect: dict[str, Any]
    figures: list[FigureGroup]
    kinds: list[KindRow]
    changes: list[ChangeRow]
    has_samples: bool

    @property
    def ready(self) -> Readiness | None:
        return self.course.ready

    @property
    def stands(self) -> bool:
        return self.campaign.withdrawn_at is None

    @property
    def lines(self) -> list[StepLine]:
        return [
            StepLine(step, step.name == self.course.current, self._action(step) if self.stands else "")
            for step in self.course.steps
        ]

    def _action(self, step: Step) -> str:
        for_admin = {True: "", False: FOR_ADMINS}[self.reader.is_admin]
        if step.name == "decided" and step.state == NOW:
            return LOOK_ALIKES
        if step.name in ("trained", "searched") and self._can_go_on(step):
            return for_admin or ROUND
        if step.name == "reviewed" and step.state == NOW:
            return REVIEW
        if step.name == "published" and self.course.release is not None:
            return RELEASE
        if step.name == "published" and self.ready is not None and not self.ready.problem:
            return for_admin or PUBLISH
        return ""

    def _can_go_on(self, step: Step) -> bool:
        run = self.campaign.run_after
        if step.state == STOPPED and step.name == "searched":
            return run is None or not run.is_paused
        return step.state in (NOW, STOPPED)

    @property
    def round_title(self) -> str:
        """What the button says that trains and searches."""
        step = next((line.step for line in self.lines if line.action == ROUND), None)
        if self.course.asks:
            return _("Go on all the same")
        if step is not None and step.state == STOPPED:
            return _("Try again")
        return (
            _("Search again") if step is not None and step.name == "searched" else _("Retrain and reprocess")
        )

    @property
    def can_compare_runs(self) -> bool:
        return self.campaign.run_before_id is not None and self.reader.is_admin

    @property
    def not_measured(self) -> str:
        """Why there are no figures; "" where there are."""
        reason = measurement.NOT_MEASURED.get(self.held_out.get("reason", ""))
        return _("Not measured. %(reason)s") % {"reason": reason} if reason else ""

    @property
    def labels_differ(self) -> bool:
        """Whether the two classifiers learned anything differently beside this campaign."""
        labels = self.held_out.get("labels", {})
        return any(labels.get(name) for name in ("added", "removed", "changed"))

    @property
    def hides_members(self) -> bool:
        return self.course.superpixels > MEMBERS


def campaign_page(campaign: Campaign, reader: User) -> CampaignPage:
    held_out = campaign.effect.get("held_out", {})
    run_effect = campaign.effect.get("run", {})
    members = campaign.members.select_related("segmented_tile__tile").order_by("distance", "id")
    return CampaignPage(
        campaign=campaign,
        course=campaign_progress_of(campaign),
        reader=reader,
        look_alike=_decided_look_alike(campaign),
        progress=progress_now(campaign),
        members=list(members[:MEMBERS]),
        held_out=held_out,
        run_effect=run_effect,
        figures=_figures(held_out),
        kinds=_kinds(held_out),
        changes=_changes(campaign) if run_effect else [],
        has_samples=reader.is_admin and AreaSample.objects.filter(region=campaign.region).exists(),
    )


def _decided_look_alike(campaign: Campaign) -> str:
    decided = campaign.look_alike and campaign.decision
    return LookAlike.objects.name_of(campaign.look_alike) if decided else ""


def _figures(held_out: dict[str, Any]) -> list[FigureGroup]:
    """Each figure on what was known before and on all rows."""
    titles = {"known": _("On what was labelled before the campaign"), "all": _("On everything")}
    return [
        FigureGroup(
            title=title,
            counts=figures,
            has_interval=figures["mining_places"] >= FEWEST_PLACES,
            rows=[
                FigureRow(name, figures["before"][key], figures["after"][key], figures["difference"][key])
                for key, name in figure_names().items()
            ],
        )
        for group, title in titles.items()
        if (figures := held_out.get(group))
    ]


def _kinds(held_out: dict[str, Any]) -> list[KindRow]:
    """By class, the best known first, and within it by how its superpixels came."""
    origins = {
        measurement.KNOWN: _("labelled before the campaign"),
        measurement.OWN: _("the campaign's own"),
        measurement.SINCE: _("others labelled since"),
    }
    by_size = sorted(
        held_out.get("kinds", {}).items(),
        # PostgreSQL keeps the keys of JSON in an order of its own.
        key=lambda row: (-sum(part["n"] for part in row[1].values()), row[0]),
    )
    return [
        KindRow(
            name=LookAlike.objects.name_of(slug) if slug else _("no reason given"),
            origin=title,
            n=part["n"],
            places=part["places"],
            before=part["before"],
            after=part["after"],
            difference=[100 * share for share in part["difference"]],
            has_interval=part["places"] >= FEWEST_PLACES,
        )
        for slug, parts in by_size
        for origin, title in origins.items()
        if (part := parts.get(origin))
    ]


def _changes(campaign: Campaign) -> list[ChangeRow]:
    """What was removed and added."""
    others = {
        MINING: _("mining, as an expert has approved it"),
        WAITING: _("experts have not agreed yet"),
        NOT_JUDGED: _("not judged by an expert"),
    }
    return [
        ChangeRow(
            name=others.get(one.kind) or LookAlike.objects.name_of(one.kind),
            is_loss=one.kind == MINING and one.removed > 0,
            removed=one.removed,
            added=one.added,
        )
        for one in kinds_of_change(campaign)
    ]
