"""How far a campaign is: each step with who did it and when, read from the rows it left behind. Reads only."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amberapp.models import Job, User, WorkState
from detection.look_alikes.index import extractor_key_of, job_under_way
from detection.models import Run
from detection.runs.watch import progress_of
from labeling.campaigns.held_out import has_to_ask, is_measured, worse_in
from labeling.campaigns.round import EFFECT_JOB, rounds_of, wants_run
from labeling.models import Campaign, CampaignDecision, Release, Review
from labeling.review.readiness import Readiness, readiness
from labeling.review.waiting import QueueItem, review_queue

DONE, NOW, WORKING, STOPPED, LATER = "done", "now", "working", "stopped", "later"


@dataclass(frozen=True)
class Step:
    """`state`: done; now: it is somebody's turn; working: a machine is at it; stopped: it failed or asks; later."""

    name: str
    title: str
    state: str
    who: str = ""
    when: dt.datetime | None = None
    text: str = ""


@dataclass(frozen=True)
class CampaignProgress:
    """`changed`, `judged`: detections of the campaign's run that differ from the run before, and those of them that are
    decided; `ready`: how far the review of that run is, None before it is done; `asks`: an admin has to say whether to go
    on with the new classifier, see `has_to_ask`."""

    steps: list[Step]
    superpixels: int
    tiles: int
    changed: int
    judged: int
    ready: Readiness | None
    release: Release | None
    asks: bool

    @property
    def current(self) -> str:
        """The name of the first step that is not done; "" when all are."""
        return next((step.name for step in self.steps if step.state != DONE), "")


def campaign_progress_of(campaign: Campaign) -> CampaignProgress:
    members = campaign.members.aggregate(
        superpixels=Count("id"), tiles=Count("segmented_tile", distinct=True)
    )
    run = campaign.run_after
    # Weighed once, for the step and for what is said of publishing.
    queue = review_queue(run) if run is not None and run.state == WorkState.DONE else None
    changed, judged, review = _review(campaign, queue)
    release = (
        Release.objects.filter(run=campaign.run_after).order_by("number").first()
        if campaign.run_after is not None
        else None
    )
    steps = [
        Step("begun", _("Begun"), DONE, _name(campaign.created_by), campaign.created_at, _begun(campaign)),
        _decided(campaign, members),
        *_machine(campaign),
        review,
        _published(campaign, release, review.state == DONE),
    ]
    if campaign.withdrawn_at is not None:
        steps = [step for step in steps if step.state == DONE]
    return CampaignProgress(
        steps=steps,
        **members,
        changed=changed,
        judged=judged,
        ready=_readiness(run, queue) if run is not None and queue is not None else None,
        release=release,
        asks=campaign.classifier_after is not None and wants_run(campaign) and has_to_ask(campaign),
    )


def _begun(campaign: Campaign) -> str:
    count = len(campaign.superpixels)
    if campaign.report_id is not None:
        return _("From report %(number)s: what looks like the place that a citizen objected to.") % {
            "number": campaign.report_id
        }
    return ngettext(
        "From %(count)s superpixel of %(tile)s.", "From %(count)s superpixels of %(tile)s.", count
    ) % {"count": count, "tile": campaign.segmented_tile.tile.file_name}


def _decided(campaign: Campaign, members: dict[str, int]) -> Step:
    title = _("Decided about the look-alikes")
    if campaign.decision == CampaignDecision.UNDECIDED:
        return Step(
            "decided", title, NOW, text=_("An expert ticks them in the gallery and decides once for all.")
        )
    values = {"count": members["superpixels"], "tiles": members["tiles"]}
    if campaign.decision == CampaignDecision.MINING:
        text = (
            ngettext(
                "%(count)s superpixel labelled as mining",
                "%(count)s superpixels labelled as mining",
                values["count"],
            )
            % values
        )
    elif campaign.decision == CampaignDecision.LABEL:
        text = (
            ngettext(
                "%(count)s superpixel labelled as not mining",
                "%(count)s superpixels labelled as not mining",
                values["count"],
            )
            % values
        )
    else:
        text = (
            ngettext(
                "%(count)s superpixel left out of training",
                "%(count)s superpixels left out of training",
                values["count"],
            )
            % values
        )
    text += " · " + ngettext("on %(tiles)s tile", "on %(tiles)s tiles", values["tiles"]) % values
    return Step("decided", title, DONE, _name(campaign.decided_by), campaign.decided_at, text)


def _machine(campaign: Campaign) -> list[Step]:
    """Training and searching, with the job that does both."""
    job = rounds_of(campaign).select_related("created_by").first()
    decided = campaign.decision != CampaignDecision.UNDECIDED
    working = job is not None and job.is_open
    failed = job is not None and job.state in (WorkState.FAILED, WorkState.CANCELLED)
    waiting = NOW if decided else LATER
    trained, searched = _("Trained again"), _("Searched again")
    after = campaign.classifier_after
    if after is None:
        state = WORKING if working else STOPPED if failed else waiting
        text = (
            job.error
            if failed and job is not None
            else _("An admin starts it: one press trains and searches.")
        )
        return [
            Step("trained", trained, state, text="" if working else text),
            Step("searched", searched, LATER),
        ]
    named = _("Dataset %(dataset)s names this campaign.") % {"dataset": str(after.dataset)}
    first = Step("trained", trained, DONE, _name(after.created_by), after.created_at, f"{after} · {named}")
    run = campaign.run_after
    if run is None:
        state, text = (WORKING, "") if working else (NOW, "")
        if not working and failed and job is not None:
            state, text = STOPPED, job.error
        elif not working and has_to_ask(campaign):
            state, text = STOPPED, _question(campaign)
        return [first, Step("searched", searched, state, text=text)]
    if run.state == WorkState.DONE:
        return [
            first,
            Step("searched", searched, DONE, _name(run.created_by), run.finished_at, _removed(campaign)),
        ]
    if run.has_ended:
        text = _("Run %(number)s has failed or was cancelled: start another.") % {"number": run.pk}
        return [first, Step("searched", searched, STOPPED, text=text)]
    text = _("Run %(number)s is paused.") % {"number": run.pk} if run.is_paused else ""
    return [first, Step("searched", searched, STOPPED if run.is_paused else WORKING, text=text)]


def figure_names() -> dict[str, str]:
    return {
        "precision": _("Precision"),
        "recall": _("Recall"),
        "f1": _("F1"),
        "average_precision": _("Average precision"),
    }


def _question(campaign: Campaign) -> str:
    """Why an admin is asked whether to go on."""
    if not is_measured(campaign):
        return _(
            "Nothing says whether the new classifier is better or worse than the old one: see below, then say whether to go on."
        )
    names = figure_names()
    return _(
        "On what was labelled before the campaign, the new classifier is worse than the old one (%(figures)s): see below, then say whether to go on."
    ) % {"figures": ", ".join(names[name] for name in worse_in(campaign))}


def _removed(campaign: Campaign) -> str:
    effect: dict[str, int] | None = campaign.effect.get("run")
    if not effect:
        return ""
    return (
        ngettext(
            "%(vanished)s detection removed, %(appeared)s added, %(changed)s changed, %(unchanged)s as before.",
            "%(vanished)s detections removed, %(appeared)s added, %(changed)s changed, %(unchanged)s as before.",
            effect["vanished"],
        )
        % effect
    )


def _readiness(run: Run, queue: list[QueueItem]) -> Readiness:
    return readiness(run, {item.detection_id: item.verdict for item in queue if item.verdict is not None})


def _review(campaign: Campaign, queue: list[QueueItem] | None) -> tuple[int, int, Step]:
    """`queue`: that of the campaign's run, None before it is done."""
    title = _("Changes reviewed")
    if queue is None:
        return 0, 0, Step("reviewed", title, LATER, text=_("Only what changed is put before experts."))
    differing = [item for item in queue if item.differs]
    judged = sum(item.is_decided for item in differing)
    reviews = Review.objects.filter(
        detection__run=campaign.run_after, detection__in=[item.detection_id for item in differing[:1_000]]
    )
    last = reviews.select_related("expert").order_by("-id").first()
    names = sorted(set(reviews.order_by().values_list("expert__username", flat=True)))
    text = (
        _(
            "%(judged)s of %(changed)s changed detections are decided; verdicts on unchanged ground carry over."
        )
        % {"judged": judged, "changed": len(differing)}
        if differing
        else _("Nothing on the map is new or changed: there is nothing to review.")
    )
    return (
        len(differing),
        judged,
        Step(
            "reviewed",
            title,
            DONE if judged == len(differing) else NOW,
            ", ".join(names),
            last.created_at if last is not None else None,
            text,
        ),
    )


def _published(campaign: Campaign, release: Release | None, reviewed: bool) -> Step:
    title = _("Published")
    if release is None:
        return Step("published", title, NOW if reviewed else LATER)
    text = _("Release %(number)s of %(region)s") % {"number": release.number, "region": campaign.region}
    return Step("published", title, DONE, _name(release.created_by), release.created_at, text)


def _name(person: User | None) -> str:
    return person.username if person is not None else ""


def progress_now(campaign: Campaign) -> dict[str, Any] | None:
    """What a machine is doing for the campaign at this moment, as jobs tell it; None where nothing is under way."""
    job = rounds_of(campaign).first()
    if job is not None and job.is_open:
        return _as_progress(job)
    run = campaign.run_after
    if run is not None and run.is_open:
        progress = progress_of(run)
        return {
            "state": WorkState.RUNNING,
            "progress_done": progress.tiles_ended,
            "progress_total": run.tiles,
            "message": _("Searching the region again"),
        }
    effect = Job.objects.filter(kind=EFFECT_JOB, parameters__campaign=campaign.pk).order_by("-id").first()
    if effect is not None and effect.is_open:
        return _as_progress(effect)
    if campaign.decision == CampaignDecision.UNDECIDED and campaign.region.active_classifier is not None:
        job = job_under_way(campaign.region, extractor_key_of(campaign.region))
        if job is not None:
            return _as_progress(job)
    return None


def _as_progress(job: Job) -> dict[str, Any]:
    return {
        "state": WorkState.RUNNING,
        "progress_done": job.progress_done,
        "progress_total": job.progress_total,
        "message": job.message,
    }
