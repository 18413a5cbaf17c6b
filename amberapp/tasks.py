"""Celery's door to jobs."""

from celery import shared_task

from amberapp import jobs


@shared_task(name="amberapp.run_job")
def run_job(job_id: int) -> None:
    jobs.execute(job_id)
