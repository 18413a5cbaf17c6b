"""What people said, frozen and handed down to the machine."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from amberapp import jobs
from amberapp.models import Job, User
from amberapp.models.work import OPEN_STATES
from detection.models import Classifier, Dataset, Region
from detection.training import dataset as datasets
from detection.training.compare_classifiers import compare_classifiers
from detection.training.train import train
from detection.training.training_data import Progress
from labeling.desk.recompute_consensus import recompute_consensus
from labeling.models import Campaign, CampaignDecision, CampaignMember, Consensus, LabelVerdict

RETRAIN_JOB = "labeling.retrain"
COMPARE_CLASSIFIERS_JOB = "labeling.compare_classifiers"


def training_rows(region: Region) -> list[datasets.TrainingRow]:
    """Every superpixel of the region that is one thing to those who labelled it.

    “Unsure” teaches nothing and “mixed” would teach two things at once: both are left out, as are fragments, whose
    features are not those of superpixels, and what a campaign excludes.
    """
    excluded = excluded_superpixels(region)
    settled = Consensus.objects.filter(
        segmented_tile__tile__region=region,
        piece=0,
        verdict__in=[LabelVerdict.MINING, LabelVerdict.NOT_MINING],
    )
    return [
        datasets.TrainingRow(
            segmented_tile=segmented_tile,
            superpixel=superpixel,
            mining=verdict == LabelVerdict.MINING,
            look_alike=look_alike,
        )
        for segmented_tile, superpixel, verdict, look_alike in settled.order_by(
            "segmented_tile_id", "superpixel"
        ).values_list("segmented_tile_id", "superpixel", "verdict", "look_alike")
        if (segmented_tile, superpixel) not in excluded
    ]


def standing_campaigns(region: Region) -> QuerySet[Campaign]:
    """The region's campaigns that are decided and not taken back, the oldest first."""
    decided = Campaign.objects.filter(region=region, withdrawn_at=None)
    return decided.exclude(decision=CampaignDecision.UNDECIDED).order_by("id")


def excluded_superpixels(region: Region) -> set[tuple[int, int]]:
    """(segmented tile, superpixel) of everything that a standing campaign leaves out of training."""
    excluding = standing_campaigns(region).filter(decision=CampaignDecision.EXCLUDE)
    members = CampaignMember.objects.filter(campaign__in=excluding).order_by()
    return set(members.values_list("segmented_tile_id", "superpixel"))


def request_retrain(*, region: Region, algorithm: str, acting_user: User | None, **options: Any) -> Job:
    """Ask a worker to retrain. Options: extractor (the site's default if absent)."""
    extractor = options.pop("extractor", None) or settings.AMBER["AMBER_EXTRACTOR"]
    return jobs.enqueue(
        RETRAIN_JOB, acting_user=acting_user, region=region.pk, algorithm=algorithm, extractor=extractor
    )


def retrain(
    *, region: Region, algorithm: str, extractor: str, acting_user: User | None, progress: Progress
) -> Classifier:
    """Compute the consensus in full, freeze that of the region and train on it."""
    return train(
        dataset=freeze_region(region, acting_user),
        region=region,
        algorithm=algorithm,
        extractor_name=extractor,
        acting_user=acting_user,
        progress=progress,
    )


def request_comparison(*, region: Region, acting_user: User | None, **options: Any) -> Job:
    """Ask a worker to compare the classifiers on the region's labels; the one under way if there is one.

    Options: extractor (the site's default if absent).
    """
    extractor = options.pop("extractor", None) or settings.AMBER["AMBER_EXTRACTOR"]
    with transaction.atomic():
        # The region's row is held, so that two who ask at the same moment get one comparison.
        Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        under_way = comparisons(region).filter(state__in=OPEN_STATES).first()
        if under_way is not None:
            return under_way
        return jobs.enqueue(
            COMPARE_CLASSIFIERS_JOB, acting_user=acting_user, region=region.pk, extractor=extractor
        )


def comparisons(region: Region) -> QuerySet[Job]:
    """The region's comparisons of classifiers, the newest first."""
    return Job.objects.filter(kind=COMPARE_CLASSIFIERS_JOB, parameters__region=region.pk).order_by("-id")


def compare(
    *, region: Region, extractor: str, acting_user: User | None, progress: Progress
) -> dict[str, Any]:
    """Compute the consensus in full, freeze that of the region and compare the classifiers on it."""
    return compare_classifiers(
        dataset=freeze_region(region, acting_user), region=region, extractor_name=extractor, progress=progress
    )


def freeze_region(region: Region, acting_user: User | None) -> Dataset:
    """Compute the consensus in full and freeze that of the region; the file names the campaigns that shaped it."""
    recompute_consensus(acting_user=acting_user)
    notes = [
        datasets.CampaignNote(
            number=campaign.pk,
            name=campaign.name,
            decision=campaign.decision,
            look_alike=campaign.look_alike,
            superpixels=campaign.members.count(),
        )
        for campaign in standing_campaigns(region)
    ]
    return datasets.freeze(
        region=region,
        rows=training_rows(region),
        acting_user=acting_user,
        campaigns=notes,
    )
