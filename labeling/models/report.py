"""Citizens' objections to the public map. No account and no address of the sender is kept."""

import secrets

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from detection.models import Detection, Region


class ReportCategory(models.TextChoices):
    NOT_MINING = "not_mining", _("This is not mining")
    WRONG_OUTLINE = "wrong_outline", _("The outline is wrong")
    MISSED = "missed", _("Mining that the map misses")
    OTHER = "other", _("Something else")


class ReportState(models.TextChoices):
    OPEN = "open", _("waiting for an expert")
    ACCEPTED = "accepted", _("accepted")
    DECLINED = "declined", _("declined")
    JUNK = "junk", _("set aside as junk")


class ReportGround(models.TextChoices):
    """What is known of the ground that a report is about: the report desk ranks by it."""

    DETECTION = "detection"
    SEARCHED = "searched"
    UNSEARCHED = "unsearched"


def new_token() -> str:
    return secrets.token_urlsafe(18)


class Report(models.Model):
    # The private link under which the sender sees what became of it.
    token = models.CharField(max_length=40, unique=True, default=new_token)
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="reports")
    release = models.ForeignKey("Release", null=True, on_delete=models.PROTECT, related_name="reports")
    detection = models.ForeignKey(Detection, null=True, on_delete=models.PROTECT, related_name="reports")
    latitude = models.FloatField()
    longitude = models.FloatField()
    category = models.CharField(max_length=16, choices=ReportCategory.choices)
    comment = models.TextField(blank=True, max_length=2000)
    photo_key = models.CharField(max_length=120, blank=True, help_text="re-encoded, without EXIF")
    # The public sees the place only roughly; experts see it as it was sent.
    blurred = models.BooleanField(default=False)
    # Reports of one place, and reports with one text, are shown to experts as one.
    place_key = models.CharField(max_length=40, blank=True)
    ground = models.CharField(
        max_length=10, choices=ReportGround.choices, default=ReportGround.UNSEARCHED, help_text="of the place"
    )
    text_key = models.CharField(max_length=40, blank=True)
    duplicate_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="duplicates")
    sealed_email = models.TextField(blank=True, help_text="encrypted; emptied when the report closes")
    state = models.CharField(max_length=10, choices=ReportState.choices, default=ReportState.OPEN)
    answer = models.TextField(blank=True, help_text="what the expert tells the sender")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state", "-id"]),
            models.Index(fields=["state", "place_key"]),
            models.Index(fields=["state", "text_key"]),
        ]

    def __str__(self) -> str:
        return f"report {self.pk}"
