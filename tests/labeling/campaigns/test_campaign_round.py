"""One press trains on the campaign's labels, measures before and after, and searches again; what was done stays done."""

from typing import Any

import pytest
from django.db import OperationalError

from amberapp import jobs
from amberapp.errors import Conflict, UserError
from amberapp.models import AuditEntry, Job, User
from detection.models import Classifier, Dataset, Run
from detection.runs.runs import cancel_run, execute_here
from detection.training import dataset as datasets
from detection.training.train import activate
from labeling.campaigns import campaigns, round
from labeling.campaigns.held_out import has_to_ask
from labeling.campaigns.round import request_round
from labeling.campaigns.steps import campaign_progress_of, progress_now
from labeling.models import Campaign
from tests.labeling.campaigns.rounds import AS_GOOD, again, known, like, silent

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.mark.slow
def test_one_press_trains_measures_and_searches(decided: Campaign, trained: Classifier, carol: User) -> None:
    job = request_round(campaign=again(decided), acting_user=carol)
    assert progress_now(again(decided)) is not None
    assert jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    campaign = again(decided)
    assert campaign.classifier_before == trained
    assert campaign.classifier_after.created_by == carol
    assert [note.number for note in datasets.campaigns_of(campaign.classifier_after.dataset)] == [campaign.pk]
    assert campaign.region.active_classifier == campaign.classifier_after
    held_out = campaign.effect["held_out"]
    count = campaign.members.count()
    assert held_out["rows"] == {"known": 24, "own": count, "since": 0}
    assert (held_out["known"]["n"], held_out["all"]["n"]) == (24, 24 + count)
    assert held_out["own"]["n"] == held_out["kinds"]["cemetery"]["own"]["n"] == count
    assert held_out["labels"] == {"learned": False, "campaigns": [], "added": 0, "removed": 0, "changed": 0}
    for side in ("before", "after", "difference"):
        for figure, low, high in held_out["known"][side].values():
            assert low <= figure <= high
    run = campaign.run_after
    assert run is not None and run.classifier == campaign.classifier_after
    execute_here(run)
    for effect in Job.objects.filter(kind="labeling.campaign_effect"):
        assert jobs.execute(effect.pk)
    campaign = again(decided)
    assert campaign.effect["run"]["members"] == count
    steps = {step.name: step.state for step in campaign_progress_of(campaign).steps}
    assert steps["trained"] == steps["searched"] == "done"
    # A cancelled run can be started again without training again.
    Campaign.objects.filter(pk=campaign.pk).update(run_after=None)
    trained_so_far = Classifier.objects.count()
    second = request_round(campaign=again(decided), acting_user=carol)
    assert jobs.execute(second.pk)
    assert Classifier.objects.count() == trained_so_far
    assert again(decided).run_after != run


WORSE = known(average_precision=[-0.2, -0.3, -0.1])


def test_a_round_that_was_killed_after_training_takes_what_was_trained(
    decided: Campaign, trained: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round, "train", like(trained))

    def die(campaign: Campaign, progress: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(round, "measure_held_out", die)
    values = {"acting_user": carol, "go_on": False, "progress": silent}
    with pytest.raises(KeyboardInterrupt):
        round.run_round(campaign=again(decided), **values)
    # As if it had died before it could note which classifier it was.
    Campaign.objects.filter(pk=decided.pk).update(classifier_after=None, classifier_before=None)
    monkeypatch.setattr(round, "measure_held_out", lambda campaign, progress: WORSE)
    told = round.run_round(campaign=again(decided), **values)
    assert Classifier.objects.count() == 2
    assert told["run"] is None, "the measurement speaks against it"
    assert again(decided).region.active_classifier == trained
    assert has_to_ask(again(decided))
    course = campaign_progress_of(again(decided))
    assert course.asks
    assert course.current == "searched"
    told = round.run_round(campaign=again(decided), **{**values, "go_on": True})
    run = Run.objects.get(pk=told["run"])
    assert again(decided).region.active_classifier == run.classifier
    # Once more changes nothing; after a cancelled run another is started.
    assert round.run_round(campaign=again(decided), **values)["run"] == run.pk
    cancel_run(run=run, acting_user=carol)
    assert {step.state for step in campaign_progress_of(again(decided)).steps if step.name == "searched"} == {
        "stopped"
    }
    assert round.run_round(campaign=again(decided), **{**values, "go_on": True})["run"] != run.pk


def test_an_old_round_does_not_put_a_newer_classifier_aside(
    decided: Campaign, trained: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures spoke against it; an admin trained and activated another; then somebody presses "go on" all the same."""
    monkeypatch.setattr(round, "train", like(trained))
    monkeypatch.setattr(round, "measure_held_out", lambda campaign, progress: WORSE)
    values = {"acting_user": carol, "progress": silent}
    round.run_round(campaign=again(decided), go_on=False, **values)
    old = again(decided).classifier_after
    other = Dataset.objects.create(
        content_hash="other", file_key="other", region=old.region, rows=1, positives=1
    )
    newer = like(trained)(dataset=other, region=old.region, algorithm=old.algorithm)
    activate(classifier=newer, acting_user=carol)
    told = round.run_round(campaign=again(decided), go_on=True, **values)
    assert told["run"] is None, "what was said of the old figures does not count for the new ones"
    entry = AuditEntry.objects.get(verb="campaign.training_forgotten")
    assert (entry.actor, entry.object_id) == (carol, str(decided.pk))
    assert (entry.details["classifier_before"], entry.details["classifier_after"]) == (trained.pk, old.pk)
    assert entry.details["effect"] == {"held_out": WORSE}
    campaign = again(decided)
    assert campaign.region.active_classifier == newer
    assert campaign.classifier_before == newer, "the comparison is with what is active now"
    told = round.run_round(campaign=again(decided), go_on=True, **values)
    assert Run.objects.get(pk=told["run"]).classifier == again(decided).region.active_classifier
    # While it measures, an admin activates another.
    Campaign.objects.filter(pk=decided.pk).update(run_after=None, effect={})

    def meanwhile(campaign: Campaign, progress: Any) -> dict[str, Any]:
        activate(classifier=trained, acting_user=carol)
        return AS_GOOD

    monkeypatch.setattr(round, "measure_held_out", meanwhile)
    with pytest.raises(Conflict, match="press again"):
        round.run_round(campaign=again(decided), go_on=False, **values)
    assert again(decided).region.active_classifier == trained
    assert again(decided).run_after is None


def test_a_campaign_taken_back_while_it_trains_activates_nothing(
    decided: Campaign, trained: Classifier, carol: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round, "train", like(trained))

    def measure(campaign: Campaign, progress: Any) -> dict[str, Any]:
        campaigns.withdraw(campaign=again(decided), acting_user=bob)
        return AS_GOOD

    monkeypatch.setattr(round, "measure_held_out", measure)
    with pytest.raises(UserError, match="taken back"):
        round.run_round(campaign=again(decided), acting_user=carol, go_on=False, progress=silent)
    assert again(decided).region.active_classifier == trained
    assert again(decided).run_after is None


def test_a_worker_that_was_frozen_starts_no_second_run(
    decided: Campaign, trained: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes when another has done its job, and the run of that one has ended."""
    monkeypatch.setattr(round, "train", like(trained))
    values = {"acting_user": carol, "go_on": False, "progress": silent}
    others: list[int] = []

    def frozen(campaign: Campaign, progress: Any) -> dict[str, Any]:
        if not others:
            others.append(0)
            others[0] = round.run_round(campaign=again(decided), **values)["run"]
            execute_here(Run.objects.get(pk=others[0]))
        return AS_GOOD

    monkeypatch.setattr(round, "measure_held_out", frozen)
    before = Run.objects.count()
    told = round.run_round(campaign=again(decided), **values)
    assert told["run"] == others[0] == again(decided).run_after_id
    assert Run.objects.count() == before + 1


def test_a_round_that_was_cancelled_at_the_last_moment_activates_nothing(
    decided: Campaign, trained: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round, "train", like(trained))
    job = request_round(campaign=again(decided), acting_user=carol)

    def measure(campaign: Campaign, progress: Any) -> dict[str, Any]:
        jobs.cancel(Job.objects.get(pk=job.pk), acting_user=carol)
        return AS_GOOD

    monkeypatch.setattr(round, "measure_held_out", measure)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert again(decided).region.active_classifier == trained
    assert again(decided).run_after is None


def test_an_effect_that_could_not_be_measured_is_measured_after_all(
    decided: Campaign, trained: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was locked again and again; the next press asks once more."""
    monkeypatch.setattr(round, "train", like(trained))
    monkeypatch.setattr(round, "measure_held_out", lambda campaign, progress: AS_GOOD)
    values = {"acting_user": carol, "go_on": False, "progress": silent}
    run = Run.objects.get(pk=round.run_round(campaign=again(decided), **values)["run"])
    execute_here(run)
    job = Job.objects.get(kind=round.EFFECT_JOB)
    with monkeypatch.context() as patched:
        patched.setattr(round, "compare_runs", locked)
        for _attempt in range(Job.MAX_ATTEMPTS):
            assert jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "failed"
    assert "run" not in again(decided).effect
    round.run_round(campaign=again(decided), **values)
    assert jobs.execute(Job.objects.get(kind=round.EFFECT_JOB, state="queued").pk)
    assert "unchanged" in again(decided).effect["run"]
    round.run_round(campaign=again(decided), **values)
    assert Job.objects.filter(kind=round.EFFECT_JOB).count() == 2


def locked(*runs: Any) -> Any:
    raise OperationalError("database is locked")
