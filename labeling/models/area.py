"""Stratified random samples of tiles that experts judge without knowing what the map says."""

from django.conf import settings
from django.db import models

from detection.models import Region, Run, SegmentedTile


class AreaSample(models.Model):
    """One sample and, once it is closed, the area and the accuracy that were estimated from it.

    `strata`: [{"name", "tiles", "sampled"}], frozen when the sample was drawn.
    """

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="area_samples")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="area_samples")
    seed = models.PositiveBigIntegerField()
    strata = models.JSONField()
    estimate = models.JSONField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"sample {self.pk} of {self.region}"


class SampleTile(models.Model):
    """A tile of a sample. What the map said of it when the sample was drawn is kept here, and not shown.

    Until `kept_until` the tile is `kept_by`'s to judge; after that anybody may take it, and who had it still gets it
    first if nobody has.
    """

    sample = models.ForeignKey(AreaSample, on_delete=models.CASCADE, related_name="tiles")
    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.PROTECT, related_name="sampled_in")
    stratum = models.CharField(max_length=24)
    position = models.PositiveIntegerField(help_text="in the order, by chance, in which experts see them")
    mapped = models.JSONField(default=list, help_text="superpixels that the map shows as mining")
    kept_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    kept_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["sample", "segmented_tile"], name="one_sample_tile_per_tile")
        ]


class SampleAnswer(models.Model):
    """What one expert sees on a sampled tile: the superpixels that are mining (none: no mining)."""

    sample_tile = models.ForeignKey(SampleTile, on_delete=models.CASCADE, related_name="answers")
    expert = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sample_answers"
    )
    superpixels = models.JSONField()
    unusable = models.BooleanField(default=False, help_text="cloud, damage: nothing can be said")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["sample_tile", "expert"], name="one_answer_per_expert")
        ]
