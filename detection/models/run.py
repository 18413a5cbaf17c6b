"""One classifier applied to one region, and what it found."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Q, Sum

from amberapp.models import LeasedWork, WorkState
from amberapp.models.work import OPEN_STATES, UNENDED_STATES
from detection.models.classifier import Classifier
from detection.models.ground import Region, Tile
from detection.models.superpixels import Segmentation, SegmentedTile


class Run(models.Model):
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="runs")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="runs")
    segmentation = models.ForeignKey(Segmentation, on_delete=models.PROTECT)
    # Copied from region and classifier, so that later changes there do not alter what this run meant.
    positive_superpixels = models.PositiveSmallIntegerField()
    threshold = models.FloatField()
    state = models.CharField(max_length=16, choices=WorkState.choices, default=WorkState.QUEUED)
    tiles = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    # While paused: since when, and why where the machine itself stopped the run (a full disk).
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.TextField(blank=True)
    paused_seconds = models.FloatField(default=0, help_text="length of all earlier pauses")
    # What its images are like, by date and source (`detection.runs.drift`); null until it has ended, and where the
    # classifier keeps nothing to compare with.
    drift = models.JSONField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"run {self.pk} · {self.region}"

    @property
    def is_open(self) -> bool:
        """Whether workers may work on it; a paused run is not open."""
        return self.state in OPEN_STATES

    @property
    def is_paused(self) -> bool:
        return self.state == WorkState.PAUSED

    @property
    def has_ended(self) -> bool:
        return self.state not in UNENDED_STATES

    def progress(self) -> dict[str, int]:
        """Counted from the shards each time it is asked; nothing is held in memory."""
        return self.shards.aggregate(
            tiles_done=Sum("tiles_done", default=0),
            tiles_failed=Sum("tiles_failed", default=0),
            shards=Count("id"),
            shards_done=Count("id", filter=Q(state=WorkState.DONE)),
            shards_failed=Count("id", filter=Q(state=WorkState.FAILED)),
        )


class Shard(LeasedWork):
    """A slice of a run: the region's tiles with ids from `first_tile` to `last_tile`."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    first_tile = models.PositiveBigIntegerField()
    last_tile = models.PositiveBigIntegerField()
    tiles = models.PositiveIntegerField()
    tiles_done = models.PositiveIntegerField(default=0)
    tiles_failed = models.PositiveIntegerField(default=0)
    # [[source, date or "", tiles, superpixels, superpixels beyond], …]; null where the classifier compares nothing.
    drift = models.JSONField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_shard_per_number")]
        indexes = [
            models.Index(fields=["state", "lease_until"]),
            models.Index(fields=["run", "state", "number"]),  # the next free shard, however many are done
        ]

    def __str__(self) -> str:
        return f"shard {self.number} of {self.run}"


class TileScore(models.Model):
    """The scores of all superpixels of a tile in one run: little-endian float32, superpixel 1 first.

    `ground`: the same form, how much of each superpixel is mining by the outline head; null where it did not look,
    which is at a tile without a positive superpixel, and where the classifier has none.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="scores")
    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.CASCADE, related_name="scores")
    scores = models.BinaryField()
    ground = models.BinaryField(null=True)
    positives = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "segmented_tile"], name="one_score_per_tile")]


class TileFailure(models.Model):
    """A tile that a run could not read or score, and why."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="failures")
    tile = models.ForeignKey(Tile, on_delete=models.CASCADE, related_name="failures")
    reason = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "tile"], name="one_failure_per_tile")]

    def __str__(self) -> str:
        return f"{self.tile}: {self.reason}"


class UnusualTile(models.Model):
    """A tile that was scored, but has so few or so many superpixels that somebody should look at it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="unusual_tiles")
    tile = models.ForeignKey(Tile, on_delete=models.CASCADE, related_name="unusual_in")
    superpixels = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "tile"], name="one_unusual_row_per_tile")]

    def __str__(self) -> str:
        return f"{self.tile}: {self.superpixels} superpixels"


class DetectionQuerySet(models.QuerySet):
    def with_ground(self) -> Self:
        return self.select_related("segmented_tile__tile__source", "run__region")


class Detection(models.Model):
    """A tile that the rule marks, with the outline of its positive superpixels."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="detections")
    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.CASCADE, related_name="detections")
    superpixels = models.JSONField(help_text="sorted numbers of the superpixels of the outline")
    score = models.FloatField(help_text="mean probability of the positive superpixels")
    # In pixels of the original image (x right, y down); always there.
    pixel_outline = models.JSONField(help_text="GeoJSON MultiPolygon in pixels")
    # In degrees; null where the tile has no place.
    outline = models.JSONField(null=True, help_text="GeoJSON MultiPolygon, WGS 84")
    hectares = models.FloatField(null=True)

    objects = DetectionQuerySet.as_manager()

    class Meta:
        ordering = ["-score", "id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "segmented_tile"], name="one_detection_per_tile")
        ]

    def __str__(self) -> str:
        return f"detection {self.pk}"
