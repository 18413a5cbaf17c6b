"""What an admin is told of better features: what they cost, how far the upgrade is, how it ended. Reads only."""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.files.storage import FileSystemStorage, default_storage
from django.db.models import Avg
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amberapp.models import Job, WorkState
from amberapp.storage import free_megabytes
from detection.description.segment import default_segmentation
from detection.features import DIMENSIONS
from detection.models import Classifier, FeatureChunk, Region, Run, SegmentedTile, TileFeatures
from detection.runs.watch import duration, progress_of
from detection.training.compare_extractors import GATED, GROUPINGS, Verdict
from detection.training.figures import Figure, groupings
from labeling.training.upgrade import UPGRADE_JOB, upgrades, wanted_extractor

DONE, WORKING, STOPPED, LATER = "done", "working", "stopped", "later"
# float16, as the feature store keeps them.
BYTES_A_NUMBER = 2
# Tiles from which it is told how many superpixels one has.
COUNTED_TILES = 1_000
# Of the latest upgrades of all regions so many are asked how long a tile took.
ASKED = 20
# Result of the job in which a step is found done, in the order of the steps; what follows them is told by the run.
MARKS = ("labelled", "classifier", "verdict")


@dataclass(frozen=True)
class UpgradeStep:
    name: str
    title: str
    state: str
    text: str = ""


@dataclass(frozen=True)
class ComparedRow:
    """A figure with places held out in one way: of the old features, of the new ones, the new less the old."""

    where: str
    name: str
    old: Figure
    new: Figure
    difference: Figure


@dataclass(frozen=True)
class UpgradeCard:
    """`sentence`: what is better, or how it stands; `costs`: sentences, before anybody has pressed; `progress`: as jobs
    tell it, of the step under way; `notice`: why it stopped or what is asked; `button`: "" where there is nothing to press; `go_on`:
    pressing it overrules the comparison; `other`: a classifier that one press makes active, and `other_button` its words."""

    sentence: str
    costs: list[str] = field(default_factory=list)
    steps: list[UpgradeStep] = field(default_factory=list)
    progress: dict[str, Any] | None = None
    notice: str = ""
    button: str = ""
    go_on: bool = False
    figures: list[ComparedRow] = field(default_factory=list)
    other: Classifier | None = None
    other_button: str = ""
    run: Run | None = None

    @property
    def current(self) -> str:
        """The step that a machine is at; "" where none is."""
        return next((step.name for step in self.steps if step.state == WORKING), "")


def upgrade_card(region: Region) -> UpgradeCard | None:
    """The card of the region's upgrade; None where there is nothing to upgrade and nothing to tell of one."""
    job = upgrades(region).first()
    active = region.active_classifier
    if active is None:
        return None
    told: dict[str, Any] = (job.result if job is not None else None) or {}
    run = Run.objects.filter(pk=told["run"]).first() if "run" in told else None
    if job is not None and (job.is_open or (run is not None and not run.has_ended)):
        return _under_way(job, told, run)
    if active.pk == told.get("classifier"):
        return _in_use(active, told)
    wanted = wanted_extractor(region)
    if not wanted:
        return None
    if job is None or told.get("before", active.pk) != active.pk or job.parameters["extractor"] != wanted:
        return UpgradeCard(
            _what_is_better(wanted), costs(region, wanted), button=_("Upgrade to the new features")
        )
    return _stopped(job, told, run, wanted)


def progress_now(region: Region, step: str) -> dict[str, Any]:
    """What a machine does for the region's upgrade, in the shape of a job; “done” where it is no longer at `step`."""
    card = upgrade_card(region)
    if card is not None and card.progress is not None and card.current == step:
        return card.progress
    return {"state": WorkState.DONE, "progress_done": 1, "progress_total": 1, "message": ""}


def _under_way(job: Job, told: dict[str, Any], run: Run | None) -> UpgradeCard:
    paused = run is not None and run.is_paused
    return UpgradeCard(
        sentence=_(
            "Until the new features have read the whole region, everything goes on with the old ones."
        ),
        steps=_steps(told, run, STOPPED if paused else WORKING),
        progress=None if paused else _progress(job, told, run),
        notice=_("Run %(id)s is paused: resume it, and the upgrade goes on.") % {"id": run.pk}
        if run is not None and paused
        else "",
        figures=_compared(told),
        run=run if run is not None and not run.has_ended else None,
    )


def _progress(job: Job, told: dict[str, Any], run: Run | None) -> dict[str, Any]:
    if job.is_open or run is None:
        return {
            "state": WorkState.RUNNING,
            "progress_done": job.progress_done,
            "progress_total": job.progress_total,
            "message": job.message,
        }
    progress = progress_of(run)
    return {
        "state": WorkState.RUNNING,
        "progress_done": progress.tiles_ended,
        "progress_total": run.tiles,
        "message": progress.sentence or _expected(run.tiles, told.get("seconds_a_tile")),
    }


def _in_use(active: Classifier, told: dict[str, Any]) -> UpgradeCard:
    """`active`: the upgrade's own classifier."""
    return UpgradeCard(
        sentence=_(
            "The new features are in use. The map stays as it is until experts have reviewed what changed and it is published."
        ),
        figures=_compared(told),
        other=Classifier.objects.filter(pk=told["before"]).first(),
        other_button=_("Go back to the old classifier"),
    )


def _stopped(job: Job, told: dict[str, Any], run: Run | None, wanted: str) -> UpgradeCard:
    """Nobody is at it, and the classifier that it began from is the active one."""
    figures, steps = _compared(told), _steps(told, run, STOPPED)
    if run is not None and run.state == WorkState.DONE:  # somebody went back
        return UpgradeCard(
            sentence=_(
                "The region has been read with the new features, and the old classifier is the active one."
            ),
            figures=figures,
            other=Classifier.objects.filter(pk=told["classifier"]).first(),
            other_button=_("Use the new features again"),
        )
    verdict = told.get("verdict")
    if verdict is not None and verdict != Verdict.PASSED and run is None and job.state == WorkState.DONE:
        return UpgradeCard(
            sentence=_what_is_better(wanted),
            steps=steps,
            notice=_question(verdict),
            button=_("Use the new features all the same"),
            go_on=True,
            figures=figures,
        )
    notice = job.error or _("The upgrade was stopped. What has been read and trained is kept.")
    if run is not None:
        notice = _("Run %(id)s has failed or was cancelled. What has been read is kept.") % {"id": run.pk}
    return UpgradeCard(
        sentence=_what_is_better(wanted),
        steps=steps,
        notice=notice,
        button=_("Go on with the upgrade"),
        go_on=verdict != Verdict.PASSED and run is not None,
        figures=figures,
    )


def _question(verdict: str) -> str:
    """Why an admin is asked."""
    return {
        Verdict.WORSE.value: _(
            "The old features stay in use: on places held out, the new ones are worse by more than other places could explain."
        ),
        Verdict.NO_BETTER.value: _(
            "The old features stay in use: on places held out, the new ones are no better."
        ),
        Verdict.NOT_MEASURED.value: _(
            "The old features stay in use: too few places are labelled as mining and as not mining to compare on."
        ),
    }[verdict]


def _steps(told: dict[str, Any], run: Run | None, now: str) -> list[UpgradeStep]:
    """The first that is not done is `now`."""
    titles = {
        "labelled": _("Read the labelled superpixels again"),
        "classifier": _("Train on the same labels"),
        "verdict": _("Compare old and new on held-out places"),
        "run": _("Read and search the whole region"),
    }
    done = {name: name in told for name in MARKS}
    done["run"] = run is not None and run.state == WorkState.DONE
    steps: list[UpgradeStep] = []
    for name, title in titles.items():
        waits = not steps or steps[-1].state == DONE
        steps.append(UpgradeStep(name, title, DONE if done[name] else now if waits else LATER))
    return steps


def _compared(told: dict[str, Any]) -> list[ComparedRow]:
    titles = {name: title for name, title, _explanation in groupings()}
    names = {"average_precision": _("Average precision"), "f1": _("F1")}
    rows = []
    for grouping in reversed(GROUPINGS):
        one = told.get("figures", {}).get(grouping)
        if one is None:
            continue
        for name in GATED:
            old, new, difference = (
                Figure(one[side][name][0], tuple(one[side][name][1:]))
                for side in ("before", "after", "difference")
            )
            rows.append(ComparedRow(titles[grouping], names[name], old, new, difference))
    return rows


# What it costs -------------------------------------------------------------------------------------------------------


def _what_is_better(name: str) -> str:
    if name == "texture-lite0":
        return _(
            "This site can describe superpixels better: beside colour and grain, with what a network has learned from a million photographs. On the imagery that Amber was measured on, it finds more mining at places and dates never seen."
        )
    return _(
        "This site describes superpixels with other features by now (%(name)s) than those that the active classifier reads."
    ) % {"name": name}


def costs(region: Region, name: str) -> list[str]:
    """Sentences: how many tiles are read again, about how long, how much disk. Five queries, however many tiles there are."""
    segmentation = default_segmentation()
    tiles = region.tiles.whole().count() - _read_already(region, name)
    sentences = [
        ngettext(
            "%(n)s tile of the region has to be read again, after the labelled superpixels.",
            "%(n)s tiles of the region have to be read again, after the labelled superpixels.",
            tiles,
        )
        % {"n": intcomma(tiles)},
        _expected(tiles, _seconds_a_tile(name)),
    ]
    some = SegmentedTile.objects.filter(tile__region=region, segmentation=segmentation, superpixels__gt=1)[
        :COUNTED_TILES
    ]
    superpixels = some.aggregate(mean=Avg("superpixels"))["mean"] or segmentation.n_segments
    size = tiles * superpixels * DIMENSIONS[name] * BYTES_A_NUMBER
    if isinstance(default_storage, FileSystemStorage):
        free = free_megabytes(str(settings.FEATURE_STORE)) * 2**20
        sentences.append(
            _("It takes about %(size)s of disk; %(free)s are free.")
            % {"size": filesizeformat(size), "free": filesizeformat(free)}
        )
        if size > free:
            sentences.append(_("That is not enough: make room first."))
    else:
        sentences.append(_("It takes about %(size)s in the bucket.") % {"size": filesizeformat(size)})
    return sentences


def _read_already(region: Region, name: str) -> int:
    """Whole tiles of the region that have features of that extractor, as it was when it last described any."""
    # A key as `feature_key` makes it: with a version and a hash, and not that of copies in other light.
    key = rf"^{name}-[0-9.]+-(plain|[0-9a-f]{{12}})(-int8|-fp32)?$"
    newest = FeatureChunk.objects.filter(extractor_key__regex=key).order_by("-id").first()
    if newest is None:
        return 0
    whole = region.tiles.whole().values("pk")
    return TileFeatures.objects.filter(
        extractor_key=newest.extractor_key,
        segmented_tile__segmentation=default_segmentation(),
        segmented_tile__tile__in=whole,
    ).count()


def _seconds_a_tile(name: str) -> float | None:
    """What the latest upgrade to these features on this site has measured; None where none has."""
    measured = Job.objects.filter(kind=UPGRADE_JOB, parameters__extractor=name).exclude(result=None)
    for result in measured.order_by("-id").values_list("result", flat=True)[:ASKED]:
        if result and result.get("seconds_a_tile") is not None:
            return float(result["seconds_a_tile"])
    return None


def _expected(tiles: int, seconds_a_tile: float | None) -> str:
    if seconds_a_tile is None:
        return _("How long it takes is known after the first tiles.")
    return _("Reading them takes one worker about %(time)s; several at once are quicker.") % {
        "time": duration(tiles * seconds_a_tile)
    }
