"""Rows of what people say. No NumPy here."""

from labeling.models.area import AreaSample, SampleAnswer, SampleTile
from labeling.models.campaign import Campaign, CampaignDecision, CampaignMember
from labeling.models.label import (
    CALLED_MINING,
    Consensus,
    ConsensusState,
    Label,
    LabelVerdict,
    NotCounted,
    Origin,
    Submission,
)
from labeling.models.look_alike import LookAlike
from labeling.models.queue import (
    Claim,
    ClaimState,
    DeskRules,
    GoldStandardTile,
    GoldStandardUse,
    Served,
    TileProgress,
)
from labeling.models.release import Release, ReleaseFile, ReleaseKind
from labeling.models.report import Report, ReportCategory, ReportGround, ReportState
from labeling.models.review import TEACHES_NOTHING, WITHDRAWN, OtherReason, Review, ReviewVerdict
from labeling.models.volunteer import CrowdState, QuarantineReason, VolunteerRecord

__all__ = [
    "CALLED_MINING",
    "TEACHES_NOTHING",
    "WITHDRAWN",
    "AreaSample",
    "Campaign",
    "CampaignDecision",
    "CampaignMember",
    "Claim",
    "ClaimState",
    "Consensus",
    "ConsensusState",
    "CrowdState",
    "DeskRules",
    "GoldStandardTile",
    "GoldStandardUse",
    "Label",
    "LookAlike",
    "Origin",
    "OtherReason",
    "QuarantineReason",
    "Release",
    "ReleaseFile",
    "ReleaseKind",
    "Report",
    "ReportCategory",
    "ReportGround",
    "ReportState",
    "Review",
    "ReviewVerdict",
    "SampleAnswer",
    "SampleTile",
    "Served",
    "NotCounted",
    "Submission",
    "TileProgress",
    "LabelVerdict",
    "VolunteerRecord",
]
