"""Rows of what people say. No NumPy here."""

from labeling.models.label import Consensus, Label, LookAlike, Origin, Submission, TileProgress, Verdict
from labeling.models.release import Release, ReleaseFile
from labeling.models.report import Report, ReportCategory, ReportState
from labeling.models.review import Review, ReviewVerdict

__all__ = [
    "Consensus",
    "Label",
    "LookAlike",
    "Origin",
    "Release",
    "ReleaseFile",
    "Report",
    "ReportCategory",
    "ReportState",
    "Review",
    "ReviewVerdict",
    "Submission",
    "TileProgress",
    "Verdict",
]
