"""Celery's doors to the machine."""

from typing import Any

from celery import shared_task
from django.utils import translation
from django.utils.translation import gettext as _

from amberapp import jobs
from amberapp.errors import UserError
from detection.ground import ingest, staging
from detection.look_alikes import index
from detection.models import Region
from detection.runs import diff, runs

# Of each list in the result of an import: a page shows them, and a row is no log file.
MOST_TOLD = 500


@shared_task(name="detection.work_on_run")
def work_on_run(run_id: int) -> None:
    runs.work_in_turn(run_id)


@jobs.handles(staging.IMPORT_JOB)
def import_staged(context: jobs.JobContext) -> dict[str, Any]:
    """Import what an admin uploaded, tell of it in the admin's language, remove the uploaded files."""
    with translation.override(context.parameters["language"]):
        region = Region.objects.filter(pk=context.parameters["region"]).first()
        folder = staging.folder_of(context.job.created_by_id, context.parameters["batch"])
        if region is None or not folder.is_dir():
            raise UserError(_("The region or the uploaded files are no longer there: upload them again."))
        report = ingest.import_folder(
            region=region, folder=folder, acting_user=context.user, progress=context.progress
        )
    staging.clear(folder)
    return report.as_dict(MOST_TOLD)


@jobs.handles(diff.COMPARE_JOB)
def compare_runs(context: jobs.JobContext) -> dict[str, Any]:
    """Compare two runs that mark too much for a page to wait for."""
    then, now = diff.earlier_and_later(context.parameters["then"], context.parameters["now"])
    return diff.compare_runs(then, now).counts()


@jobs.handles(index.BUILD_JOB)
def build_look_alikes(context: jobs.JobContext) -> dict[str, Any]:
    """Bring a region's index of look-alikes up to date."""
    region = Region.objects.get(pk=context.parameters["region"])
    built = index.build_index(
        region=region, extractor_key=context.parameters["extractor_key"], progress=context.progress
    )
    return {"tiles": built.tiles, "superpixels": built.rows}
