"""Divisions of tiles into superpixels. A superpixel itself is not a row: it is (segmented tile, k)."""

from django.db import models

from detection.models.ground import Tile


class Segmentation(models.Model):
    """One set of SLIC parameters. New parameters make a new row; labels never migrate silently."""

    key = models.CharField(max_length=64, unique=True)
    n_segments = models.PositiveIntegerField()
    compactness = models.FloatField()
    sigma = models.FloatField()
    downscale = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key


class SegmentedTile(models.Model):
    """A tile cut into superpixels 1…`superpixels`. A crop is one superpixel and keeps no files."""

    tile = models.ForeignKey(Tile, on_delete=models.CASCADE, related_name="segmented")
    segmentation = models.ForeignKey(Segmentation, on_delete=models.PROTECT, related_name="tiles")
    superpixels = models.PositiveIntegerField()
    raster_key = models.CharField(max_length=120, blank=True)
    outlines_key = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["tile", "segmentation"], name="one_raster_per_segmentation")
        ]

    def __str__(self) -> str:
        return f"{self.tile} ({self.superpixels})"
