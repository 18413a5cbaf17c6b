"""Superpixels on which volunteers could not agree, and the expert's decision about them."""

from collections.abc import Collection
from uuid import UUID

from amberapp.models import User
from detection.models import Region, SegmentedTile
from labeling.desk.labels import LabelInput, expert_labels
from labeling.models import Consensus, ConsensusState, Origin, Submission, TileProgress


def next_escalated(*, region: Region, held: Collection[int] = ()) -> SegmentedTile | None:
    """The tile of `region` with the most superpixels that wait for an expert."""
    progress = (
        TileProgress.objects.filter(region=region, escalated__gt=0)
        .exclude(segmented_tile__in=held)
        .select_related(
            "segmented_tile__tile__source",
            "segmented_tile__tile__region",
            "segmented_tile__segmentation",
        )
        .order_by("-escalated", "segmented_tile_id")
        .first()
    )
    return progress.segmented_tile if progress else None


def anything_escalated() -> bool:
    """Whether superpixels wait for an expert anywhere."""
    return TileProgress.objects.filter(escalated__gt=0).exists()


def escalated_superpixels(segmented_tile: SegmentedTile) -> list[int]:
    return list(
        Consensus.objects.filter(segmented_tile=segmented_tile, piece=0, state=ConsensusState.ESCALATED)
        .order_by("superpixel")
        .values_list("superpixel", flat=True)
    )


def decide_escalated(
    *, submission_id: UUID, segmented_tile: SegmentedTile, labels: Collection[LabelInput], acting_user: User
) -> Submission:
    """Settle superpixels of a tile as an expert, escalated or not. Raises NotAllowed for anybody else."""
    return expert_labels(
        segmented_tile=segmented_tile,
        labels=labels,
        acting_user=acting_user,
        origin=Origin.REVIEW,
        submission_id=submission_id,
    )
