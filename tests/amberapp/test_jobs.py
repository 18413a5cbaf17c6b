"""Long work: claimed once, survives a dead worker, can be cancelled."""

import datetime as dt
import errno

import pytest
from django.db import OperationalError
from django.utils import timezone

from amberapp import jobs
from amberapp.errors import UserError
from amberapp.models import AuditEntry, Job, WorkState

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def counted(monkeypatch):
    """A kind of job that counts how often it was done."""
    done = []

    def handler(context):
        context.progress(1, 2, "half way")
        done.append(context.job.pk)
        return {"answer": 42}

    monkeypatch.setitem(jobs._handlers, "test.counted", handler)
    return done


def test_a_job_is_done_once_however_often_its_message_arrives(counted, carol):
    job = jobs.enqueue("test.counted", acting_user=carol)
    assert jobs.execute(job.pk) is True
    assert jobs.execute(job.pk) is False
    job.refresh_from_db()
    assert (job.state, job.result, job.attempts) == (WorkState.DONE, {"answer": 42}, 1)
    assert counted == [job.pk]


def test_asking_for_a_job_leaves_an_audit_row(counted, carol):
    job = jobs.enqueue("test.counted", acting_user=carol, region=7)
    entry = AuditEntry.objects.get(verb="job.enqueued")
    assert (entry.actor, entry.object_id, entry.details) == (carol, str(job.pk), {"region": 7})


def test_work_of_a_dead_worker_goes_to_another_when_its_lease_runs_out(counted):
    job = jobs.enqueue("test.counted", acting_user=None)
    assert Job.objects.claim(job.pk, owner="dead", seconds=60)
    assert jobs.execute(job.pk) is False
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    jobs.sweep()
    assert jobs.execute(job.pk) is True
    job.refresh_from_db()
    assert (job.state, job.attempts) == (WorkState.DONE, 2)


def test_a_worker_that_lost_its_lease_cannot_finish_the_job(counted):
    job = jobs.enqueue("test.counted", acting_user=None)
    Job.objects.claim(job.pk, owner="slow", seconds=-1)
    assert Job.objects.claim(job.pk, owner="quick", seconds=60)
    assert Job.objects.finish(job.pk, owner="slow", result={}) is False
    assert Job.objects.finish(job.pk, owner="quick", result={}) is True


def test_a_job_that_kills_its_worker_each_time_is_given_up_with_a_reason(counted):
    job = jobs.enqueue("test.counted", acting_user=None)
    for _attempt in range(Job.MAX_ATTEMPTS):
        Job.objects.claim(job.pk, owner="dies", seconds=-1)
        jobs.sweep()
    job.refresh_from_db()
    assert job.state == WorkState.FAILED
    assert "5 attempts" in job.error


def test_a_waiting_job_can_be_cancelled_and_is_never_done(counted, carol):
    job = jobs.enqueue("test.counted", acting_user=carol)
    jobs.cancel(job, acting_user=carol)
    assert jobs.execute(job.pk) is False
    assert counted == []


def test_a_running_job_stops_at_its_next_sign_of_progress(monkeypatch, carol):
    def handler(context):
        jobs.cancel(context.job, acting_user=carol)
        context.progress(1, 1)
        raise AssertionError("went on after being cancelled")

    monkeypatch.setitem(jobs._handlers, "test.long", handler)
    job = jobs.enqueue("test.long", acting_user=carol)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == WorkState.CANCELLED


def test_a_mistake_a_person_can_mend_is_told_and_any_other_keeps_its_secrets(monkeypatch):
    def mendable(context):
        raise UserError("Import some tiles first.")

    def broken(context):
        raise RuntimeError("password=hunter2")

    monkeypatch.setitem(jobs._handlers, "test.mendable", mendable)
    monkeypatch.setitem(jobs._handlers, "test.broken", broken)
    for kind in ("test.mendable", "test.broken"):
        jobs.execute(jobs.enqueue(kind, acting_user=None).pk)
    told = dict(Job.objects.values_list("kind", "error"))
    assert told["test.mendable"] == "Import some tiles first."
    assert "hunter2" not in told["test.broken"]


def test_the_end_of_a_job_leaves_an_audit_row_and_a_lost_lease_leaves_none(counted, carol, monkeypatch):
    def broken(context):
        raise UserError("Import some tiles first.")

    monkeypatch.setitem(jobs._handlers, "test.broken", broken)
    done = jobs.enqueue("test.counted", acting_user=carol)
    failed = jobs.enqueue("test.broken", acting_user=carol)
    for job in (done, failed, done):
        jobs.execute(job.pk)
    ends = AuditEntry.objects.exclude(verb="job.enqueued").order_by("id")
    assert list(ends.values_list("verb", "object_id")) == [
        ("job.done", str(done.pk)),
        ("job.failed", str(failed.pk)),
    ]
    assert [one.object_name for one in ends] == [f"test.counted {done.pk}", f"test.broken {failed.pk}"]
    assert ends.last().details == {"error": "Import some tiles first."}


def test_a_full_disk_is_told_by_name_and_not_as_a_riddle(monkeypatch, tmp_path):
    def full(context):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "chunk.npy"))

    monkeypatch.setitem(jobs._handlers, "test.full", full)
    job = jobs.enqueue("test.full", acting_user=None)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert str(tmp_path) in job.error
    assert "is full" in job.error


def test_heavy_jobs_exist_and_wait_in_a_queue_of_their_own(settings):
    jobs._handler("look for every app's jobs")
    assert jobs._handlers.keys() >= settings.HEAVY_JOBS
    assert jobs.queue_of("labeling.retrain") == "heavy"
    assert jobs.queue_of("labeling.answer_reporter") == "light"


def test_a_database_that_was_locked_for_a_moment_does_not_end_a_job(monkeypatch):
    """What a killed worker's job gets, this one gets too: another attempt, and in the end a reason."""
    tried = []

    def handler(context):
        tried.append(context.job.attempts)
        if len(tried) % 3:
            raise OperationalError("deadlock detected")
        return {"tried": len(tried)}

    monkeypatch.setitem(jobs._handlers, "test.locked", handler)
    job = jobs.enqueue("test.locked", acting_user=None)
    for _attempt in range(3):
        assert jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result, tried) == (WorkState.DONE, {"tried": 3}, [1, 2, 3])
    monkeypatch.setitem(jobs._handlers, "test.locked", lambda context: 1 / 0)
    job = jobs.enqueue("test.locked", acting_user=None)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (WorkState.FAILED, 1), (
        "what is wrong in the code is wrong the next time too"
    )


def test_the_sweeper_takes_no_lease_away_that_was_renewed_a_moment_before(counted, monkeypatch):
    job = jobs.enqueue("test.counted", acting_user=None)
    Job.objects.claim(job.pk, owner="slow", seconds=-1)
    seen = Job.objects.expired()
    assert seen.exists()

    def expired(self):
        rows = Job.objects.filter(state=WorkState.RUNNING, lease_until__lt=timezone.now())
        if not renewed:
            found = list(rows)
            renewed.append(Job.objects.renew(job.pk, owner="slow", seconds=60))
            return found
        return rows

    renewed = []
    monkeypatch.setattr(type(seen), "expired", expired)
    jobs.sweep()
    job.refresh_from_db()
    assert (job.state, job.lease_owner) == (WorkState.RUNNING, "slow")
