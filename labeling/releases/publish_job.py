"""Publishing by a worker: a large run takes the better part of a minute, and no page waits for that."""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from amberapp import jobs
from amberapp.errors import Conflict
from amberapp.models import Job, User
from amberapp.models.work import OPEN_STATES
from detection.models import Region, Run, SegmentedTile
from labeling.models import Consensus, Release
from labeling.releases.publish import checked_note, publish_release
from labeling.review.readiness import readiness

PUBLISH_JOB = "labeling.publish"
# Up to so many detections, tiles searched and labelled tiles of the region the page publishes by itself, within a second
# or two.
AT_ONCE = 300
TILES_AT_ONCE = 10_000
LABELLED_AT_ONCE = 500


def publish_or_request(*, run: Run, acting_user: User | None, note: str = "") -> Release | Job:
    """The release, or for a large run the job that makes it. Raises what publish_release raises."""
    if _is_large(run):
        return request_publication(run=run, acting_user=acting_user, note=note)
    return publish_release(run=run, acting_user=acting_user, note=note)


def _is_large(run: Run) -> bool:
    if run.tiles > TILES_AT_ONCE or run.detections.count() > AT_ONCE:
        return True
    labelled = Consensus.objects.filter(segmented_tile=OuterRef("pk"), piece=0, votes__gt=0)
    tiles = SegmentedTile.objects.filter(tile__region=run.region_id, segmentation=run.segmentation_id)
    return tiles.filter(Exists(labelled))[: LABELLED_AT_ONCE + 1].count() > LABELLED_AT_ONCE


def request_publication(*, run: Run, acting_user: User | None, note: str = "") -> Job:
    """Ask a worker to publish the run; the job under way if there is one and it says what this one would say.

    Raises Conflict, also where the job under way has another note: a note is never dropped unsaid. UserError.
    """
    note = checked_note(note)
    ready = readiness(run)
    if ready.problem:
        raise Conflict(ready.problem)
    with transaction.atomic():
        # The region's row is held, so that two who ask at the same moment get one release.
        Region.objects.select_for_update(no_key=True).get(pk=run.region_id)
        under_way = publications(run).filter(state__in=OPEN_STATES).first()
        if under_way is not None:
            if note and note != under_way.parameters["note"]:
                raise Conflict(_other_note(under_way))
            return under_way
        return jobs.enqueue(PUBLISH_JOB, acting_user=acting_user, run=run.pk, note=note)


def _other_note(job: Job) -> str:
    note = job.parameters["note"]
    said = (
        _("This run is being published already, with the note “%(note)s”.") % {"note": note}
        if note
        else _("This run is being published already, without a note.")
    )
    return f"{said} {_('Yours was not taken: keep its text, and look at the release when it is written.')}"


def publications(run: Run) -> QuerySet[Job]:
    """The jobs that publish or published the run, the newest first."""
    return Job.objects.filter(kind=PUBLISH_JOB, parameters__run=run.pk).order_by("-id")


def publish_in_job(context: jobs.JobContext) -> dict[str, Any]:
    """The job's work. Its result is written with the release, so whoever takes over from a killed worker makes no second
    one, whatever has been published, or rolled back, since."""
    if context.settled is not None:
        return context.settled
    run = Run.objects.get(pk=context.parameters["run"])

    def tell(done: int, total: int, name: str) -> None:
        context.progress(done, total, _("Writing %(file)s") % {"file": name} if name else "")

    release = publish_release(
        run=run,
        acting_user=context.user,
        note=context.parameters["note"],
        progress=tell,
        settle=context.settle,
    )
    return {"release": release.pk, "number": release.number}
