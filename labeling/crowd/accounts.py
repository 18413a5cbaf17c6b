"""What follows when an account's labels are not to be trusted: quarantine, its end, reversal of everything.

The decision is one transaction with one audit row; the counting again is a job, tile by tile.
"""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp import jobs
from amberapp.audit import record
from amberapp.errors import Conflict, UserError
from amberapp.models import Job, User
from labeling.desk.labels import set_aside
from labeling.desk.volunteer_records import WEIGH_JOB, put_in_quarantine, record_of
from labeling.models import Label, NotCounted, Origin, QuarantineReason, Submission, VolunteerRecord

REVERSE_JOB = "labeling.reverse_account"

Progress = Callable[[int, int, str], None]


def quarantine(*, volunteer: User, acting_user: User) -> VolunteerRecord:
    """An admin sets a person's votes to weight 0: they are kept, and they can be made to count again."""
    with transaction.atomic():
        row = record_of(volunteer)
        if row.quarantined_at is not None:
            raise Conflict(_("%(name)s is in quarantine already.") % {"name": volunteer})
        put_in_quarantine(row, QuarantineReason.ADMIN, acting_user)
    return row


def end_quarantine(*, volunteer: User, acting_user: User) -> VolunteerRecord:
    """Let the votes count again. The rules do not catch the person for what lies behind."""
    with transaction.atomic():
        row = record_of(volunteer)
        if row.quarantined_at is None:
            raise Conflict(_("%(name)s is not in quarantine.") % {"name": volunteer})
        row.quarantined_at = None
        row.quarantine_reason = QuarantineReason.NONE
        row.trusted_at = timezone.now()
        row.said, row.recent_seconds, row.known = {}, [], []
        row.save()
        record(acting_user, "volunteer.trusted", volunteer)
        jobs.enqueue(WEIGH_JOB, acting_user=acting_user, volunteer=volunteer.pk)
    return row


def weigh_account(*, volunteer: User, progress: Progress | None = None) -> int:
    """Make an account's standing labels count or not as its record says, tile by tile. Returns how many tiles changed.

    Can be killed and run again: what is done already is left alone.
    """
    row = VolunteerRecord.objects.get(volunteer=volunteer)
    mine = Submission.objects.standing().filter(volunteer=volunteer, origin=Origin.DESK)
    if row.quarantined_at is not None:
        wrong, right = mine.exclude(spare=NotCounted.QUARANTINE), NotCounted.QUARANTINE
    else:
        # They stood in line as latecomers do: where the tile has had its votes meanwhile they wait again.
        why = (
            [NotCounted.QUARANTINE]
            if row.tutorial_passed_at is None
            else [NotCounted.QUARANTINE, NotCounted.TUTORIAL]
        )
        wrong, right = mine.filter(spare__in=why), NotCounted.FULL
    return _one_by_one(
        list(wrong.order_by("created_at")),
        # Decided otherwise meanwhile: that decision's own job does the rest, and this one must not undo it.
        lambda one: _still_so(row) and set_aside(submission=one, spare=right),
        progress,
    )


def _still_so(row: VolunteerRecord) -> bool:
    return VolunteerRecord.objects.filter(pk=row.pk, quarantined_at=row.quarantined_at).exists()


def reverse_account(*, volunteer: User, acting_user: User) -> Job:
    """Take back everything one account has said at the desk, and put it in quarantine. One action, one audit row.

    Reviews and decisions of an expert are not touched: they are corrected by new ones. Raises UserError when there
    is nothing to take back.
    """
    with transaction.atomic():
        row = record_of(volunteer)
        standing = Submission.objects.standing().filter(volunteer=volunteer, origin=Origin.DESK)
        tiles = standing.count()
        if not tiles:
            raise UserError(_("%(name)s has no labels that could be taken back.") % {"name": volunteer})
        if row.quarantined_at is None:
            row.quarantined_at = timezone.now()
            row.quarantine_reason = QuarantineReason.ADMIN
            row.save(update_fields=["quarantined_at", "quarantine_reason"])
        labels = Label.objects.filter(submission__in=standing).count()
        record(acting_user, "volunteer.reversed", volunteer, tiles=tiles, labels=labels)
        return jobs.enqueue(REVERSE_JOB, acting_user=acting_user, volunteer=volunteer.pk)


def take_back_everything(*, volunteer: User, progress: Progress | None = None) -> int:
    """The work of `reverse_account`, tile by tile; can be killed and run again."""
    standing = Submission.objects.standing().filter(volunteer=volunteer, origin=Origin.DESK)
    return _one_by_one(
        list(standing.order_by("created_at")), lambda one: set_aside(submission=one, withdraw=True), progress
    )


def _one_by_one(
    submissions: list[Submission], change: Callable[[Submission], bool], progress: Progress | None
) -> int:
    changed = 0
    for number, submission in enumerate(submissions, start=1):
        changed += change(submission)
        if progress is not None:
            progress(number, len(submissions), _("Counting votes again"))
    return changed
