"""Where in the feature store the features of a tile lie."""

from django.db import models

from detection.models.superpixels import SegmentedTile


class FeatureChunk(models.Model):
    """One immutable float16 array file of the store, (rows, dimension)."""

    extractor_key = models.CharField(max_length=80)
    path = models.CharField(max_length=200, unique=True)
    rows = models.PositiveIntegerField()
    dimension = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.path


class TileFeatures(models.Model):
    """Rows [first_row, first_row + superpixels) of a chunk are superpixels 1…n of a segmented tile.

    Under the key of a way of describing windows they are the tile's windows instead, as many as its size asks for.
    """

    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.CASCADE, related_name="features")
    extractor_key = models.CharField(max_length=80)
    chunk = models.ForeignKey(FeatureChunk, on_delete=models.CASCADE, related_name="tiles")
    first_row = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["segmented_tile", "extractor_key"], name="features_computed_once")
        ]

    def __str__(self) -> str:
        return f"{self.segmented_tile} {self.extractor_key}"
