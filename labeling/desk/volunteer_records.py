"""What is learned of a volunteer from every tile. Left out: what admins do with accounts (labeling.crowd.accounts)."""

from collections import Counter
from collections.abc import Mapping

from django.utils import timezone

from amberapp import jobs
from amberapp.audit import record
from amberapp.models import User
from labeling.desk.aggregation.conduct import Record, suspicion
from labeling.desk.consensus_rows import CLASSES, CODE
from labeling.models import (
    Consensus,
    ConsensusState,
    GoldStandardTile,
    GoldStandardUse,
    Label,
    Origin,
    QuarantineReason,
    Submission,
    VolunteerRecord,
)

WEIGH_JOB = "labeling.weigh_account"
# Seconds of the latest so many tiles are kept.
RECENT = 12
# Of so many latest tiles it is asked what their superpixels turned out to be.
JUDGED = 16


def record_of(volunteer: User, *, hold: bool = True) -> VolunteerRecord:
    """The volunteer's record, made on first need; `hold` keeps it locked until the transaction ends."""
    row = VolunteerRecord.objects.get_or_create(volunteer=volunteer)[0]
    return VolunteerRecord.objects.select_for_update().get(volunteer=volunteer) if hold else row


def tutorial_wanted(volunteer: VolunteerRecord, region_id: int) -> bool:
    """Whether this person has a tutorial before them: one exists in the region and none has been passed."""
    if volunteer.tutorial_passed_at is not None:
        return False
    return GoldStandardTile.objects.filter(region=region_id, use=GoldStandardUse.LESSON).exists()


def learn(
    volunteer: VolunteerRecord,
    submission: Submission,
    whole: Mapping[int, str],
    gold: GoldStandardTile | None,
) -> None:
    """Take one tile into the record of its maker, who is put in quarantine where the record looks like a bot's.

    The record is held. `whole`: what was said of whole superpixels.
    """
    answers = Counter(volunteer.said)
    answers.update(str(verdict) for verdict in whole.values())
    volunteer.said = dict(answers)
    if submission.seconds is not None:
        volunteer.recent_seconds = [*volunteer.recent_seconds, round(submission.seconds, 2)][-RECENT:]
    if gold is not None:
        volunteer.known = _with_gold(volunteer.known, gold, whole)
    volunteer.save(update_fields=["said", "recent_seconds", "known"])
    if volunteer.quarantined_at is None:
        reason = suspicion(_conduct(volunteer))
        if reason:
            put_in_quarantine(volunteer, QuarantineReason(reason), acting_user=None)


def _with_gold(counts: list[list[int]], gold: GoldStandardTile, whole: Mapping[int, str]) -> list[list[int]]:
    """[class it is][answer] with this tile's decided answers added."""
    table = [list(row) for row in counts] if counts else [[0] * len(CLASSES) for _ in CLASSES]
    for number, answer in gold.answers.items():
        verdict = whole.get(int(number))
        if answer["verdict"] in CLASSES and verdict in CLASSES:
            table[CODE[answer["verdict"]]][CODE[verdict]] += 1
    return table


def _conduct(volunteer: VolunteerRecord) -> Record:
    """The record as labeling.desk.aggregation.conduct judges it."""
    gold = volunteer.known or [[0] * len(CLASSES) for _ in CLASSES]
    return Record(settled=_settled(volunteer), known=gold, seconds=volunteer.recent_seconds)


def _settled(volunteer: VolunteerRecord) -> list[list[int]]:
    """[class it turned out to be][their answer] for the settled superpixels of this person's latest tiles.

    So many tiles only, so that a record is judged at the same price after ten labels and after ten thousand; and
    none that an admin has seen and forgiven.
    """
    mine = Submission.objects.standing().filter(volunteer=volunteer.pk, origin=Origin.DESK)
    if volunteer.trusted_at is not None:
        mine = mine.filter(created_at__gt=volunteer.trusted_at)
    latest = list(mine.order_by("-created_at").values_list("pk", "segmented_tile")[:JUDGED])
    settled = {
        (tile, superpixel): CODE[verdict]
        for tile, superpixel, verdict in Consensus.objects.filter(
            segmented_tile__in=[tile for _pk, tile in latest],
            piece=0,
            state__in=[ConsensusState.RETIRED, ConsensusState.DECIDED],
            verdict__in=CLASSES,
        ).values_list("segmented_tile", "superpixel", "verdict")
    }
    table = [[0] * len(CLASSES) for _ in CLASSES]
    labels = Label.objects.filter(submission__in=[pk for pk, _tile in latest], piece=0, verdict__in=CLASSES)
    for tile, superpixel, verdict in labels.values_list("segmented_tile", "superpixel", "verdict"):
        true = settled.get((tile, superpixel))
        if true is not None:
            table[true][CODE[verdict]] += 1
    return table


def put_in_quarantine(row: VolunteerRecord, reason: str, acting_user: User | None) -> None:
    """Set a held record's votes to weight 0; a worker counts their tiles again."""
    row.quarantined_at = timezone.now()
    row.quarantine_reason = reason
    row.save(update_fields=["quarantined_at", "quarantine_reason"])
    record(acting_user, "volunteer.quarantined", row.volunteer, reason=str(reason))
    jobs.enqueue(WEIGH_JOB, acting_user=acting_user, volunteer=row.volunteer_id)
