"""Experts' verdicts on detections. Append-only; the latest counts.

What the map was at any moment is worked out from these rows, so the model itself refuses to change or delete one.
"""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from detection.models import Detection, SegmentedTile
from labeling.models.label import Submission
from labeling.models.look_alike import LookAlike


class ReviewVerdict(models.TextChoices):
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")
    # Judges nothing: asks a colleague to look.
    SECOND = "second", _("second opinion wanted")


class OtherReason(models.TextChoices):
    """Of a rejection, beside the look-alikes: what says nothing about the ground and teaches nothing."""

    OUTLINE_WRONG = "outline_wrong", _("The outline is wrong")


# “other” is the look-alike that names none (labeling.crowd.default_look_alikes).
TEACHES_NOTHING = (OtherReason.OUTLINE_WRONG, "other")

# A review that takes back the same expert's latest one on that ground, or with a report the one that accepting it
# made. A row, because nothing is ever removed.
WITHDRAWN = "withdrawn"


class AppendOnlyError(Exception):
    """The program has tried to change or delete a review: a mistake of the program, never of a person."""

    def __init__(self) -> None:
        super().__init__("Reviews are only ever added: write a further row that takes this one back.")


class ReviewQuerySet(models.QuerySet):
    """Reads and adds. Tests that play the past go through `Review._base_manager`, which is Django's own."""

    def update(self, **_values: Any) -> NoReturn:
        raise AppendOnlyError

    def bulk_update(self, *_arguments: Any, **_options: Any) -> NoReturn:
        raise AppendOnlyError

    def bulk_create(self, objs: Any, *arguments: Any, update_conflicts: bool = False, **options: Any) -> Any:
        if update_conflicts:
            raise AppendOnlyError
        return super().bulk_create(objs, *arguments, **options)

    def delete(self) -> NoReturn:
        raise AppendOnlyError


class Review(models.Model):
    detection = models.ForeignKey(Detection, on_delete=models.PROTECT, related_name="reviews")
    # The ground itself, so that a verdict carries over to a later run which finds the very same superpixels.
    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.PROTECT, related_name="reviews")
    superpixels = models.JSONField()
    expert = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=10, choices=ReviewVerdict.choices)
    look_alike = models.CharField(max_length=24, blank=True)
    note = models.TextField(blank=True)
    # Said in the knowledge that two colleagues disagree: it ends the dispute.
    settles = models.BooleanField(default=False)
    report = models.ForeignKey("Report", null=True, on_delete=models.PROTECT, related_name="reviews")
    # Of an approval as corrected (labeling.review.corrections): which superpixels and fragments, and their area; then the
    # outline in pixels of the tile, which lists need not read.
    correction = models.JSONField(null=True)
    corrected_outline = models.JSONField(null=True)
    # The labels that this row wrote: a rejection's, a correction's, or those of an older one that stands again because of it.
    submission = models.OneToOneField(Submission, null=True, on_delete=models.PROTECT, related_name="review")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["segmented_tile", "-id"])]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.expert}"

    def save(self, *arguments: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError
        # A row made up under the number of one that is there must not overwrite it either.
        super().save(*arguments, **(options | {"force_insert": True}))

    def delete(self, *_arguments: Any, **_options: Any) -> NoReturn:
        raise AppendOnlyError

    @property
    def verdict_name(self) -> str:
        if self.verdict == WITHDRAWN:
            return str(_("taken back"))
        if self.correction is not None:
            return str(_("approved as corrected"))
        return str(self.get_verdict_display())

    @property
    def look_alike_name(self) -> str:
        if self.look_alike in OtherReason.values:
            return str(OtherReason(self.look_alike).label)
        return LookAlike.objects.name_of(self.look_alike) if self.look_alike else ""
