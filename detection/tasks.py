"""Celery's doors to the machine."""

from celery import shared_task

from detection.actions import runs


@shared_task(name="detection.work_on_run")
def work_on_run(run_id: int) -> None:
    runs.work_in_turn(run_id)
