"""Labels and what they jointly say."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from detection.models import SegmentedTile


class Verdict(models.TextChoices):
    MINING = "mining", _("Mining")
    NOT_MINING = "not_mining", _("Not mining")
    UNSURE = "unsure", _("Unsure")


class LookAlike(models.TextChoices):
    """What ground that is not mining was taken for mining because of."""

    DEFORESTATION = "deforestation", _("Clear-cut forest")
    SAND_PIT = "sand_pit", _("Sand pit")
    CEMETERY = "cemetery", _("Cemetery")
    SNOW = "snow", _("Snow")
    FIELD = "field", _("Ploughed field")
    SETTLEMENT = "settlement", _("Settlement")
    CLOUD = "cloud", _("Cloud")
    OTHER = "other", _("Something else")


class Origin(models.TextChoices):
    """Through which door labels came; an expert's decision settles a superpixel."""

    DESK = "desk", _("labelling desk")
    IMPORT = "import", _("import")
    REVIEW = "review", _("expert review")
    REPORT = "report", _("accepted report")


class SubmissionQuerySet(models.QuerySet):
    def counting(self) -> Self:
        """Submissions that have not been taken back."""
        return self.filter(withdrawn_at__isnull=True)


class Submission(models.Model):
    """What one person said about one tile in one go. The client makes the id, so sending twice is safe."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    volunteer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="submissions"
    )
    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.PROTECT, related_name="submissions")
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.DESK)
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["volunteer", "segmented_tile"],
                condition=Q(origin="desk", withdrawn_at__isnull=True),
                name="one_desk_submission_per_person_and_tile",
            )
        ]
        indexes = [models.Index(fields=["volunteer", "created_at"])]

    def __str__(self) -> str:
        return f"{self.volunteer} on {self.segmented_tile}"


class Label(models.Model):
    """One person's verdict on one superpixel. Never deleted."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="labels")
    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.PROTECT, related_name="labels")
    superpixel = models.PositiveIntegerField()
    verdict = models.CharField(max_length=12, choices=Verdict.choices)
    look_alike = models.CharField(max_length=16, choices=LookAlike.choices, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["submission", "superpixel"], name="one_label_per_superpixel")
        ]
        indexes = [models.Index(fields=["segmented_tile", "superpixel"])]


class Consensus(models.Model):
    """What the counting labels of one superpixel jointly say. Can be computed again at any time."""

    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.CASCADE, related_name="consensus")
    superpixel = models.PositiveIntegerField()
    verdict = models.CharField(max_length=12, choices=Verdict.choices)
    look_alike = models.CharField(max_length=16, choices=LookAlike.choices, blank=True)
    votes = models.PositiveIntegerField()
    agreeing = models.PositiveIntegerField()
    by_expert = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["segmented_tile", "superpixel"], name="one_consensus_per_superpixel"
            )
        ]


class TileProgress(models.Model):
    """How many people have labelled a tile, kept beside it so that the next tile is an indexed look-up."""

    segmented_tile = models.OneToOneField(SegmentedTile, on_delete=models.CASCADE, related_name="progress")
    region = models.ForeignKey("detection.Region", on_delete=models.CASCADE)
    votes = models.PositiveSmallIntegerField(default=0)
    # Higher is sooner: the active classifier's uncertainty where there is one.
    priority = models.FloatField(default=0)

    class Meta:
        indexes = [models.Index(fields=["region", "votes", "-priority"])]
