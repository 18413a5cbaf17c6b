"""Frozen training rows and what was fitted on them."""

from django.conf import settings
from django.db import models

from detection.models.ground import Region


class Dataset(models.Model):
    """Training rows that never change, named by the hash of their content.

    The file is JSON lines, one row a superpixel: image (SHA-256), segmentation, superpixel, mining,
    look_alike, latitude, longitude, capture_date. The first line names the campaigns that shaped the rows, if any.
    """

    region = models.ForeignKey(Region, null=True, on_delete=models.CASCADE, related_name="datasets")
    content_hash = models.CharField(max_length=64, unique=True)
    file_key = models.CharField(max_length=120)
    rows = models.PositiveIntegerField()
    positives = models.PositiveIntegerField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.content_hash[:12]


class Algorithm(models.TextChoices):
    """The first is the default: the best on the real crops, by tile and by block (docs/measurements.md)."""

    SVM = "svm", "SVM"
    XGBOOST = "xgboost", "XGBoost"
    RANDOM_FOREST = "random_forest", "Random forest"


class Classifier(models.Model):
    """Dataset + extractor + fitted model + metrics + threshold. Which one is active, the region says."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="classifiers")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="classifiers")
    algorithm = models.CharField(max_length=20, choices=Algorithm.choices)
    extractor = models.CharField(max_length=40)
    extractor_key = models.CharField(max_length=80)
    model_key = models.CharField(max_length=120)
    model_sha256 = models.CharField(max_length=64)
    threshold = models.FloatField()
    precision_target = models.FloatField()
    metrics = models.JSONField(default=dict)
    seconds = models.FloatField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_algorithm_display()} {self.pk}"

    @property
    def is_active(self) -> bool:
        return self.region.active_classifier_id == self.pk

    @property
    def unseen_f1(self) -> float | None:
        """F1 on held-out places, of the labels of its time; None where it could not be measured."""
        return (self.metrics.get("by_tile") or {}).get("f1")

    def is_surely_behind(self, other: "Classifier") -> bool:
        """Whether the other's F1 on held-out places lies above all that chance would explain of this one's."""
        if self.unseen_f1 is None or other.unseen_f1 is None:
            return False
        interval = (self.metrics["by_tile"].get("intervals") or {}).get("f1") or [self.unseen_f1]
        return other.unseen_f1 > interval[-1]
