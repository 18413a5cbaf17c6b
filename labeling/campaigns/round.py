"""What follows a campaign's decision: train again, search again, and measure what it did.

One job trains (the dataset names the campaign), compares the classifiers before and after on held-out places, activates
the new one, unless an admin has to be asked (`campaign_held_out`), and starts the run; it does not wait for the run,
whose shards any worker takes. When the run has ended a second, short job says what it removed and added. Both can be
repeated: each step looks at the rows that the last attempt left.
"""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from amberapp import jobs
from amberapp.audit import record
from amberapp.errors import Conflict, NotAllowed, UserError
from amberapp.models import AuditEntry, Job, Role, User, WorkState
from amberapp.models.work import OPEN_STATES
from detection.models import Classifier, Dataset, Region, Run
from detection.models.classifier import Algorithm
from detection.runs.diff import compare_runs
from detection.runs.runs import start_run
from detection.training.train import activate, train
from detection.training.training_data import Progress
from labeling.campaigns.gallery import scores_of
from labeling.campaigns.held_out import has_to_ask, measure_held_out
from labeling.models import Campaign, CampaignDecision, Release
from labeling.training.retrain import freeze_region

ROUND_JOB = "labeling.campaign_round"
EFFECT_JOB = "labeling.campaign_effect"


def request_round(*, campaign: Campaign, acting_user: User, go_on: bool = False) -> Job:
    """Ask a worker to train and to search again; the job under way, if there is one.

    `go_on`: also where the measurement speaks against the new classifier, or where there is none. Raises NotAllowed for
    anybody but an admin, UserError for a campaign that is undecided or taken back.
    """
    if not acting_user.has_role(Role.ADMIN):
        raise NotAllowed(_("Only an admin trains and starts runs."))
    _check_standing(campaign)
    with transaction.atomic():
        # The campaign's row is held, so that two who press at the same moment get one job.
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        under_way = rounds_of(campaign).filter(state__in=OPEN_STATES).first()
        if under_way is not None:
            return under_way
        return jobs.enqueue(ROUND_JOB, acting_user=acting_user, campaign=campaign.pk, go_on=go_on)


def rounds_of(campaign: Campaign) -> QuerySet[Job]:
    return Job.objects.filter(kind=ROUND_JOB, parameters__campaign=campaign.pk).order_by("-id")


def run_round(
    *, campaign: Campaign, acting_user: User | None, go_on: bool, progress: Progress
) -> dict[str, Any]:
    """Train, measure, activate, start the run; what an earlier attempt has done is not done again.

    Only where another classifier has been made active since the campaign's was trained is it trained and measured anew,
    against that one: an old round never puts a newer classifier aside in silence.
    Returns {"classifier", "run"}; the run is None where an admin has to be asked (`has_to_ask`) and nobody has said
    to go on. Raises what training and `start_run` raise, Conflict above all where a run is under way.
    """
    _check_standing(campaign)
    if wants_run(campaign) and _is_overtaken(campaign):
        _forget_training(campaign, acting_user)
        go_on = False  # it was said of another classifier's figures
    if campaign.classifier_after is None:
        _train(campaign, acting_user, progress)
    if "held_out" not in campaign.effect:
        progress(0, 1, _("Comparing before and after on held-out places"))
        told = measure_held_out(campaign, progress)
        with transaction.atomic():
            _look_at_the_lease(progress)
            _keep_effect(campaign, "held_out", told)
    assert campaign.classifier_after is not None
    if wants_run(campaign):
        if has_to_ask(campaign) and not go_on:
            return {"classifier": campaign.classifier_after.pk, "run": None}
        with transaction.atomic():
            # Training takes minutes, in which an expert may have taken the campaign back, or an admin chosen otherwise,
            # or another worker done all of this: what counts is the row as it is now.
            Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
            campaign.refresh_from_db()
            _look_at_the_lease(progress)
            _check_standing(campaign)
            Region.objects.select_for_update(no_key=True).get(pk=campaign.region_id)
            if wants_run(campaign):
                _activate_and_start(campaign, acting_user)
    _want_effect(campaign)
    return {"classifier": campaign.classifier_after_id, "run": campaign.run_after_id}


def _activate_and_start(campaign: Campaign, acting_user: User | None) -> None:
    """Within the transaction that holds the campaign's row and its region's."""
    if campaign.classifier_after is None or _is_overtaken(campaign):
        raise Conflict(
            _("Another classifier was made active meanwhile: press again, and it is compared with that one.")
        )
    activate(classifier=campaign.classifier_after, acting_user=acting_user)
    campaign.run_after = start_run(
        region=campaign.region, classifier=campaign.classifier_after, acting_user=acting_user
    )
    campaign.save(update_fields=["run_after"])


def _look_at_the_lease(progress: Progress) -> None:
    """In the transaction of a writing: who lost the lease, or was cancelled, writes nothing."""
    progress(1, 1, "")


def wants_run(campaign: Campaign) -> bool:
    """Whether no run of the campaign is under way or done."""
    run = campaign.run_after
    return run is None or (run.has_ended and run.state != WorkState.DONE)


def _is_overtaken(campaign: Campaign) -> bool:
    """Whether the active classifier is neither the one the campaign trained nor the one that was compared with it."""
    if campaign.classifier_after_id is None:
        return False
    active = Region.objects.values_list("active_classifier", flat=True).get(pk=campaign.region_id)
    return active not in {campaign.classifier_after_id, campaign.classifier_before_id}


def _forget_training(campaign: Campaign, acting_user: User | None) -> None:
    """What was trained and measured stays known by the audit alone."""
    with transaction.atomic():
        held = Campaign.objects.select_for_update().get(pk=campaign.pk)
        record(
            acting_user,
            "campaign.training_forgotten",
            held,
            classifier_before=held.classifier_before_id,
            classifier_after=held.classifier_after_id,
            effect=held.effect,
        )
        held.classifier_before = held.classifier_after = None
        held.effect = {}
        held.save(update_fields=["classifier_before", "classifier_after", "effect"])
    campaign.refresh_from_db()


def _train(campaign: Campaign, acting_user: User | None, progress: Progress) -> None:
    region = campaign.region
    before = region.active_classifier
    if before is None:
        raise UserError(_("“%(region)s” has no classifier yet: train one first.") % {"region": region})
    searched = region.runs.filter(state=WorkState.DONE).order_by("-id")
    run_before = searched.filter(classifier=before).first() or searched.first()
    dataset = freeze_region(region, acting_user)
    algorithm = before.algorithm if before.algorithm in Algorithm.values else Algorithm.SVM
    # What an admin has trained by hand meanwhile, or a worker before it was killed, is as good.
    after = (
        Classifier.objects.filter(
            region=region, dataset=dataset, extractor=before.extractor, algorithm=algorithm
        )
        .order_by("-id")
        .first()
    )
    if after is None:
        after = train(
            dataset=dataset,
            region=region,
            algorithm=algorithm,
            extractor_name=before.extractor,
            acting_user=acting_user,
            progress=progress,
        )
    compared: Classifier | None = before
    if before.pk == after.pk:  # it was trained by hand and is active already
        compared = _active_before(region, dataset)
        run_before = searched.filter(classifier=compared).first() if compared is not None else None
    release_before = Release.objects.filter(region=region).order_by("-number").first()
    values = {
        "classifier_before": compared,
        "classifier_after": after,
        "run_before": run_before,
        "release_before": release_before,
    }
    with transaction.atomic():
        _look_at_the_lease(progress)
        Campaign.objects.filter(pk=campaign.pk).update(**values)
        record(acting_user, "campaign.retrained", campaign, classifier=after.pk, dataset=dataset.content_hash)
    for name, value in values.items():
        setattr(campaign, name, value)


def _active_before(region: Region, dataset: Dataset) -> Classifier | None:
    """The classifier that was used before any that learned from `dataset`: the last that was made active, else the last
    that searched; an experiment that nobody used is none."""
    activated = AuditEntry.objects.filter(verb="classifier.activated", details__region=region.pk)
    numbers = [int(number) for number in activated.order_by("-id").values_list("object_id", flat=True)]
    searched = region.runs.filter(state=WorkState.DONE).order_by("-id")
    numbers += searched.values_list("classifier", flat=True)
    used = region.classifiers.exclude(dataset=dataset).in_bulk(numbers)
    return next((used[number] for number in numbers if number in used), None)


# The effect ----------------------------------------------------------------------------------------------------------


def request_effect(run: Run) -> None:
    """A run has ended: the campaigns that started it want to know what it did."""
    for campaign in Campaign.objects.filter(run_after=run):
        jobs.enqueue(EFFECT_JOB, acting_user=None, campaign=campaign.pk)


def _want_effect(campaign: Campaign) -> None:
    """Ask once more what a run that has ended did, where the job that should have told was given up."""
    run = campaign.run_after
    if run is None or run.state != WorkState.DONE or "run" in campaign.effect:
        return
    asked = Job.objects.filter(kind=EFFECT_JOB, parameters__campaign=campaign.pk)
    if not asked.filter(state__in=OPEN_STATES).exists():
        jobs.enqueue(EFFECT_JOB, acting_user=None, campaign=campaign.pk)


def measure_run(campaign: Campaign) -> dict[str, Any]:
    """What the run after the campaign removed and added, kept in the campaign's `effect`.

    {"vanished", "appeared", "changed", "unchanged": detections, "members": how many of the ticked superpixels the runs
    scored, "members_before", "members_after": how many of them each run called mining}.
    """
    if campaign.run_after is None or campaign.run_before is None:
        return {}
    diff = compare_runs(campaign.run_before, campaign.run_after)
    told: dict[str, Any] = {kind: sum(reasons.values()) for kind, reasons in diff.counts().items()}
    told["unchanged"] = diff.unchanged
    members = list(campaign.members.values_list("segmented_tile_id", "superpixel"))
    then, now = (scores_of(run, members) for run in (campaign.run_before, campaign.run_after))
    both = then.keys() & now.keys()
    told["members"] = len(both)
    told["members_before"] = sum(then[place] >= campaign.run_before.threshold for place in both)
    told["members_after"] = sum(now[place] >= campaign.run_after.threshold for place in both)
    _keep_effect(campaign, "run", told, of_run=campaign.run_after_id)
    return told


def _keep_effect(campaign: Campaign, name: str, told: dict[str, Any], *, of_run: int | None = None) -> None:
    """`of_run`: nothing is kept where the campaign has another run by now, whose own job tells."""
    with transaction.atomic():
        held = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if of_run is not None and held.run_after_id != of_run:
            return
        held.effect = {**held.effect, name: told}
        held.save(update_fields=["effect"])
        campaign.effect = held.effect


def _check_standing(campaign: Campaign) -> None:
    if campaign.withdrawn_at is not None:
        raise UserError(_("This campaign has been taken back: begin a new one."))
    if campaign.decision == CampaignDecision.UNDECIDED:
        raise UserError(_("Decide first what becomes of the look-alikes."))
