"""Labelled crops from elsewhere: each is a superpixel with one label."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction

from amberapp.audit import record
from amberapp.models import User
from detection.imagery.decode import UnreadableImage
from detection.models import Region, SegmentedTile
from detection.training.crops import ingest_crop
from detection.training.evaluate import crop_files
from labeling.desk.consensus_rows import CLASSES
from labeling.models import Consensus, ConsensusState, Label, LabelVerdict, Origin, Submission

# The account under which labels from files stand. Nobody can log in with it.
IMPORTER = "import"


@dataclass
class CropReport:
    imported: int = 0
    unchanged: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)


def importer() -> User:
    user, created = User.objects.get_or_create(username=IMPORTER, defaults={"is_active": False})
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def import_crops(
    *,
    region: Region,
    folder: Path,
    acting_user: User | None,
    progress: Callable[[int, int], None] | None = None,
) -> CropReport:
    """Import `positive/` and `negative/` under `folder`. Again changes nothing; bad files are named.

    Raises UserError when there is nothing there to import.
    """
    report = CropReport()
    files = crop_files(folder)
    account = importer()
    for number, (file, mining) in enumerate(files, start=1):
        try:
            segmented, _created = ingest_crop(region=region, file=file)
        except UnreadableImage as error:
            report.rejected.append((f"{file.parent.name}/{file.name}", str(error)))
            continue
        if _label(segmented, LabelVerdict.MINING if mining else LabelVerdict.NOT_MINING, account):
            report.imported += 1
        else:
            report.unchanged += 1
        if progress is not None:
            progress(number, len(files))
    record(acting_user, "crops.imported", region, imported=report.imported, rejected=len(report.rejected))
    return report


@transaction.atomic
def _label(segmented: SegmentedTile, verdict: LabelVerdict, account: User) -> bool:
    """Write the one label of a crop and its consensus; False when it is there already."""
    if Submission.objects.filter(segmented_tile=segmented, volunteer=account).exists():
        return False
    submission = Submission.objects.create(volunteer=account, segmented_tile=segmented, origin=Origin.IMPORT)
    Label.objects.create(submission=submission, segmented_tile=segmented, superpixel=1, verdict=verdict)
    Consensus.objects.update_or_create(
        segmented_tile=segmented,
        superpixel=1,
        piece=0,
        defaults={
            "verdict": verdict,
            "majority": verdict,
            "posterior": 1.0,
            "probabilities": [float(verdict == one) for one in CLASSES],
            "votes": 1,
            "agreeing": 1,
            "state": ConsensusState.DECIDED,
        },
    )
    return True
