"""Campaigns against one class of errors: from one wrong place to all that look like it."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from detection.models import Classifier, Region, Run, SegmentedTile
from labeling.models.label import Submission


class CampaignDecision(models.TextChoices):
    UNDECIDED = "", _("not decided yet")
    LABEL = "label", _("label as not mining")
    MINING = "mining", _("label as mining")
    EXCLUDE = "exclude", _("leave out of training")


class Campaign(models.Model):
    """One class of errors, the superpixels that were ticked for it, and what followed.

    The steps (decided, retrained, reprocessed, reviewed, published) are read from the rows they left behind.
    """

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=120)
    report = models.ForeignKey("Report", null=True, on_delete=models.PROTECT, related_name="campaigns")
    # The superpixels whose look-alikes are searched: those of a detection, or a single one.
    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.PROTECT, related_name="campaigns")
    superpixels = models.JSONField()
    look_alike = models.CharField(max_length=24, blank=True)
    decision = models.CharField(
        max_length=10, choices=CampaignDecision.choices, default=CampaignDecision.UNDECIDED, blank=True
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="campaigns_decided"
    )
    decided_at = models.DateTimeField(null=True)
    # Taken back: its labels and exclusions count no more.
    withdrawn_at = models.DateTimeField(null=True)
    classifier_before = models.ForeignKey(Classifier, null=True, on_delete=models.PROTECT, related_name="+")
    classifier_after = models.ForeignKey(
        Classifier, null=True, on_delete=models.PROTECT, related_name="campaigns"
    )
    run_before = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    run_after = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="campaigns")
    release_before = models.ForeignKey("Release", null=True, on_delete=models.PROTECT, related_name="+")
    effect = models.JSONField(default=dict, blank=True, help_text="figures before and after, as measured")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="campaigns_begun"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class CampaignMember(models.Model):
    """A superpixel that was ticked: it is labelled, or left out of training, as the campaign decides."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="members")
    segmented_tile = models.ForeignKey(
        SegmentedTile, on_delete=models.PROTECT, related_name="campaign_members"
    )
    superpixel = models.PositiveIntegerField()
    distance = models.FloatField(help_text="to the nearest superpixel asked about, in the index's space")
    submission = models.ForeignKey(
        Submission, null=True, on_delete=models.PROTECT, related_name="campaign_members"
    )

    class Meta:
        ordering = ["distance", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "segmented_tile", "superpixel"], name="one_member_per_superpixel"
            )
        ]
