"""Published maps: numbered, immutable, files under their checksums."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from detection.models import Region, Run


class ReleaseKind(models.TextChoices):
    OWN = "own", _("made here")
    HISTORICAL = "historical", _("imported")


class Release(models.Model):
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=ReleaseKind.choices, default=ReleaseKind.OWN)
    # Null for a map that was made elsewhere and imported.
    run = models.ForeignKey(Run, null=True, on_delete=models.PROTECT, related_name="releases")
    title = models.CharField(max_length=120, blank=True, help_text="of an imported map: its own name")
    note = models.TextField(blank=True, help_text="what the publisher says of this release")
    # Rolling back publishes an older release again, under a new number.
    restores = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="restored_as")
    # The area estimate that was published with it.
    sample = models.ForeignKey("AreaSample", null=True, on_delete=models.PROTECT, related_name="releases")
    statistics = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["region", "number"], name="one_release_per_number")]

    def __str__(self) -> str:
        return f"{self.region} {self.number}"

    def key_of(self, name: str) -> str | None:
        """The storage key of one of its files; None where it has none of that name."""
        return self.files.filter(name=name).values_list("storage_key", flat=True).first()


class ReleaseFile(models.Model):
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=80)
    media_type = models.CharField(max_length=80)
    storage_key = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["release", "name"], name="one_file_per_name")]

    def __str__(self) -> str:
        return self.name
