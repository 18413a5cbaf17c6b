"""From the features of the active classifier to those that the site would train on today, by one press.

One job reads what is labelled, trains the same kind of classifier on the very dataset of the active one, compares both ways
of training on held-out places (`detection.training.compare_extractors`) and, where the new features pass or an admin says so
all the same, starts a run of the new classifier that reads the region. Only when that run has ended well does the new one
become active: until then desk, queue, look-alikes and campaigns go on with features that every tile has. The old
classifier, its features and its runs stay.

What has been done stands in the job's result, written step by step, so that an attempt after a kill and a later press go on
from there. Left out: labels given meanwhile, which the next retraining learns from, and sites that go back by other ways
than making the old classifier active again.
"""

import contextlib
import time
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from amberapp import jobs
from amberapp.errors import Conflict, UserError
from amberapp.models import Job, User, WorkState
from amberapp.models.work import UNENDED_STATES
from detection.description.engines import extractor_state
from detection.description.features import usable_extractor
from detection.description.first_pass import read_tiles
from detection.description.segment import default_segmentation
from detection.features import FeatureExtractor
from detection.look_alikes.index import request_index, state_of
from detection.models import Classifier, Region, Run, TileFeatures
from detection.models.classifier import Algorithm
from detection.runs.runs import cancel_run, start_run
from detection.runs.watch import duration
from detection.training.compare_extractors import Verdict, compare_extractors, verdict_on
from detection.training.train import activate, train
from detection.training.training_data import Progress, read_training_data

UPGRADE_JOB = "labeling.upgrade_features"
# Tiles that are read to know how long one takes, after a first one that pays for loading what reads them.
TIMED_TILES = 4
# Before so many seconds nothing is said of how long a step still takes.
TELLING_SECONDS = 5

Told = dict[str, Any]


def wanted_extractor(region: Region) -> str:
    """The site's extractor where the region's active classifier was trained on another one and it can be had; else ""."""
    name: str = settings.AMBER["AMBER_EXTRACTOR"]
    active = region.active_classifier
    if active is None or active.extractor == name or not extractor_state(name).usable:
        return ""
    return name


def upgrades(region: Region) -> QuerySet[Job]:
    """The region's upgrades, the newest first."""
    return Job.objects.filter(kind=UPGRADE_JOB, parameters__region=region.pk).order_by("-id")


def run_under_way(job: Job) -> Run | None:
    """The run by which this upgrade reads the region, as long as it has not ended."""
    number = (job.result or {}).get("run")
    return Run.objects.filter(pk=number, state__in=UNENDED_STATES).first() if number is not None else None


def request_upgrade(*, region: Region, acting_user: User | None, go_on: bool = False) -> Job:
    """Ask a worker for the region's upgrade; the one under way, or reading the region, if there is one.

    `go_on`: also where the comparison speaks against the new features, or where nothing could be compared. Raises UserError
    where there is nothing to upgrade to or from, Conflict where another run is under way.
    """
    name = wanted_extractor(region)
    if not name:
        raise UserError(_("“%(region)s” is searched with the site's features already.") % {"region": region})
    active = region.active_classifier
    if active is not None and active.algorithm not in Algorithm.values:
        raise UserError(
            _("The active classifier is of a kind that is taught no more: train another one first.")
        )
    with transaction.atomic():
        # The region's row is held, so that two who press at the same moment get one upgrade.
        Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        newest = upgrades(region).first()
        if newest is not None and (newest.is_open or run_under_way(newest) is not None):
            return newest
        run = region.runs.filter(state__in=UNENDED_STATES).first()
        if run is not None:
            raise Conflict(
                _("Run %(id)s of this region is under way: wait for it or cancel it first.") % {"id": run.pk}
            )
        return jobs.enqueue(
            UPGRADE_JOB, acting_user=acting_user, region=region.pk, extractor=name, go_on=go_on
        )


def upgrade_in_job(context: jobs.JobContext) -> Told:
    """Do what is not done yet; the result tells all that has been.

    {"before", "classifier": their numbers, "extractor", "extractor_key", "seconds_a_tile": None where the region has too few
    tiles, "figures", "verdict": see `compare_extractors`, "run": by which the region is read}; what comes after the
    question to an admin is missing where one has to be asked.
    """
    region = Region.objects.select_related("active_classifier__dataset").get(pk=context.parameters["region"])
    before = region.active_classifier
    if context.settled and before is not None and before.pk == context.settled.get("classifier"):
        return context.settled  # an attempt before this one lived to make it active
    name = context.parameters["extractor"]
    if before is None or before.extractor == name:
        raise UserError(_("“%(region)s” is searched with the site's features already.") % {"region": region})
    extractor = usable_extractor(name)
    told = _begun(context, before, extractor)
    context.settle(told)
    progress = _with_time_left(context.progress)
    if "seconds_a_tile" not in told:
        progress(0, 1, _("Measuring how long a tile takes"))
        told["seconds_a_tile"] = _seconds_a_tile(region, extractor)
        context.settle(told)
    if "labelled" not in told:
        read_training_data(dataset=before.dataset, region=region, extractor_name=name, progress=progress)
        told["labelled"] = True
        context.settle(told)
    if "classifier" not in told:
        told["classifier"] = _trained(region, before, extractor, context.user, progress).pk
        context.settle(told)
    if "verdict" not in told:
        told["figures"] = compare_extractors(
            dataset=before.dataset,
            region=region,
            algorithm=before.algorithm,
            old=before.extractor,
            new=name,
            progress=progress,
        )
        told["verdict"] = verdict_on(told["figures"]).value
        context.settle(told)
    if told["verdict"] == Verdict.PASSED or context.parameters["go_on"]:
        _read_region(region, before, told, context)
    return told


def _begun(context: jobs.JobContext, before: Classifier, extractor: FeatureExtractor) -> Told:
    """What an earlier attempt or an earlier press has done towards the same end; nothing of it, where another classifier
    has been made active since."""
    others = upgrades(before.region).filter(pk__lt=context.job.pk).exclude(result=None)
    earlier = others.first()
    for told in (context.settled, earlier.result if earlier is not None else None):
        if told and (told["before"], told["extractor_key"]) == (before.pk, extractor.key):
            return dict(told)
    return {"before": before.pk, "extractor": extractor.name, "extractor_key": extractor.key}


def _seconds_a_tile(region: Region, extractor: FeatureExtractor) -> float | None:
    """Wall time in which a worker by itself reads one whole tile; None where fewer than two wait to be read.

    What is read for it is kept, as the run would keep it.
    """
    described = TileFeatures.objects.filter(
        extractor_key=extractor.key, segmented_tile__segmentation=default_segmentation()
    )
    waiting = region.tiles.whole().exclude(pk__in=described.values("segmented_tile__tile")).order_by("id")
    tiles = list(waiting[: TIMED_TILES + 1])
    others = tiles[1:]
    if not others:
        return None
    read_tiles(tiles[:1], default_segmentation(), extractor, threads=1)
    began = time.perf_counter()
    read = read_tiles(others, default_segmentation(), extractor, threads=1).segmented
    return round((time.perf_counter() - began) / len(read), 3) if read else None


def _trained(
    region: Region,
    before: Classifier,
    extractor: FeatureExtractor,
    acting_user: User | None,
    progress: Progress,
) -> Classifier:
    """The same kind of classifier on the same dataset; one that a killed worker or an admin has trained so is as good."""
    there = Classifier.objects.filter(
        region=region,
        dataset=before.dataset,
        algorithm=before.algorithm,
        extractor_key=extractor.key,
    )
    return there.order_by("-id").first() or train(
        dataset=before.dataset,
        region=region,
        algorithm=before.algorithm,
        extractor_name=extractor.name,
        acting_user=acting_user,
        progress=progress,
    )


def _read_region(region: Region, before: Classifier, told: Told, context: jobs.JobContext) -> None:
    """Start the run that reads the region; where it has been read, or there is no whole tile, make the classifier active."""
    with transaction.atomic():
        held = Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        if held.active_classifier_id != before.pk:
            raise Conflict(
                _(
                    "Another classifier was made active meanwhile: press again, and it is compared with that one."
                )
            )
        run = Run.objects.filter(pk=told["run"]).first() if "run" in told else None
        if run is not None and not run.has_ended:
            return
        classifier = Classifier.objects.get(pk=told["classifier"])
        if region.tiles.whole().exists() and (run is None or run.state != WorkState.DONE):
            told["run"] = start_run(region=region, classifier=classifier, acting_user=context.user).pk
        else:
            _put_in_use(classifier, before, context.user)
        context.settle(told)


def finish_upgrade(run: Run) -> None:
    """A run has ended well: where it is that of an upgrade its classifier becomes active, unless another one has meanwhile."""
    job = upgrades(run.region).filter(result__run=run.pk).first()
    if job is None or job.result is None:
        return
    region = Region.objects.select_for_update(no_key=True).get(pk=run.region_id)
    before = region.active_classifier
    if before is not None and before.pk == job.result["before"]:
        _put_in_use(run.classifier, before, job.created_by)


def _put_in_use(classifier: Classifier, before: Classifier, acting_user: User | None) -> None:
    """Where the region has an index of look-alikes, one of the new features is asked for."""
    activate(classifier=classifier, acting_user=acting_user)
    region = classifier.region
    if state_of(region, before.extractor_key).is_there:
        transaction.on_commit(lambda: request_index(region, classifier.extractor_key, acting_user))


def _with_time_left(progress: Progress) -> Progress:
    """Adds to each step's message how long it still takes at the pace so far, as soon as there is a pace."""
    step, began = "", time.monotonic()

    def tell(done: int, total: int, message: str = "") -> None:
        nonlocal step, began
        if message != step or not done:
            step, began = message, time.monotonic()
        elapsed = time.monotonic() - began
        if 0 < done < total and elapsed > TELLING_SECONDS:
            left = _("about %(time)s left") % {"time": duration(elapsed * (total - done) / done)}
            message = f"{message} · {left}"
        progress(done, total, message)

    return tell


def cancel_upgrade(*, region: Region, acting_user: User | None) -> None:
    """Stop the job, or the run that it has started; what has been read and trained is kept. Nothing where neither is under
    way."""
    job = upgrades(region).first()
    if job is None:
        return
    if job.is_open:
        with contextlib.suppress(Conflict):  # it has ended meanwhile, and may have started its run
            jobs.cancel(job, acting_user=acting_user)
        job.refresh_from_db()
    run = run_under_way(job)
    if run is not None:
        cancel_run(run=run, acting_user=acting_user)
